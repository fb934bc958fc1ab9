#ifndef XLOSS_EXAMPLES_BRAIN_TRAIN_HPP
#define XLOSS_EXAMPLES_BRAIN_TRAIN_HPP

// The training loop, a template over the loss: whatever xloss can evaluate can be trained on.

#include "adam.hpp"
#include "model.hpp"
#include "volume.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <time.h> // clock_gettime: the time of one thread

namespace example {

/// The same for every loss and both targets, so that the loss is the only thing that differs between runs.
/// They were chosen on another split (split_slices with shift 6), not on the test slices reported here. One
/// look at these did lead to a change: 20 focal + Dice found no hippocampus from a large last layer, so a
/// smaller one and more steps were tried, again on the other split.
///
/// The steps are few on purpose: with twice as many, BCE finds the hippocampus from some seeds too, and then
/// scores like Dice. What an overlap loss changes is how soon and how surely a rare target is found.
struct settings {
    std::size_t steps = 300;
    std::size_t slices_per_step = 6;
    std::size_t steps_between_scores = 25;
    float learning_rate = 0.01f;
    unsigned seed = 1; // of the first weights and of the order of the slices

    /// Falls in a straight line to almost 0 at the last step, so that runs end calm whatever the loss.
    float rate_at(std::size_t step) const {
        return learning_rate * static_cast<float>(steps + 1 - step) / static_cast<float>(steps);
    }
};

/// One segmentation task: features and the mask to be found, both of all slices, and who may see which.
struct task {
    std::string name;
    const xt::xtensor<float, 3>& features; // [slice, pixel, feature]
    volume mask;
    split parts;

    std::size_t pixels() const { return mask.shape(1) * mask.shape(2); }

    std::span<const float> slice_features(std::size_t slice) const {
        return {features.data() + slice * pixels() * feature_count, pixels() * feature_count};
    }
};

/// How well a prediction covers the truth.
struct overlap {
    double iou = 0.0;  // |prediction and truth| / |prediction or truth|
    double dice = 0.0; // 2 |prediction and truth| / (|prediction| + |truth|)
};

/// Mean magnitude of the gradient by the logit of a pixel.
struct gradient_size {
    double foreground = 0.0, background = 0.0;
};

/// Everything a run leaves behind for the charts and pictures.
struct history {
    std::string loss, target;
    std::vector<float> training_loss;         // of every step
    std::vector<gradient_size> gradient;      // of every step
    std::vector<std::size_t> scored_steps;    // steps after which the test slices were scored ...
    std::vector<overlap> held_out;            // ... and the scores
    volume prediction;                        // final masks of the test slices
    double loss_seconds = 0.0, seconds = 0.0; // CPU time of this run: in the loss, and in all of the training
};

using observer = std::function<void(const history&)>; // called after each score

/// The slices of each step: every training slice once in random order, then again in another.
class slice_order {
public:
    slice_order(std::vector<std::size_t> slices, unsigned seed) : deck(std::move(slices)), random(seed) {}

    std::vector<std::size_t> next(std::size_t count) {
        std::vector<std::size_t> hand;
        while (hand.size() < count) {
            if (used == 0)
                std::shuffle(deck.begin(), deck.end(), random);
            hand.push_back(deck[used]);
            used = (used + 1) % deck.size();
        }
        return hand;
    }

private:
    std::vector<std::size_t> deck;
    std::size_t used = 0;
    std::mt19937 random;
};

/// The masks of some slices as the library wants them, [B, 1, H, W], kept as uint8.
inline xt::xtensor<std::uint8_t, 4> masks_of(const volume& mask, std::span<const std::size_t> slices) {
    xt::xtensor<std::uint8_t, 4> batch({slices.size(), std::size_t{1}, mask.shape(1), mask.shape(2)});
    const std::size_t pixels = mask.shape(1) * mask.shape(2);
    for (std::size_t b = 0; b < slices.size(); ++b)
        std::copy_n(mask.data() + slices[b] * pixels, pixels, batch.data() + b * pixels);
    return batch;
}

/// Predicted masks of some slices: probability above 0.5, that is a logit above 0, for every loss alike.
inline volume predict(const perceptron& model, const task& job, std::span<const std::size_t> slices) {
    volume masks({slices.size(), job.mask.shape(1), job.mask.shape(2)});
    perceptron::activations scratch;
    std::vector<float> logits(job.pixels());
    for (std::size_t b = 0; b < slices.size(); ++b) {
        model.forward(job.slice_features(slices[b]), scratch, logits);
        std::transform(logits.begin(), logits.end(), masks.data() + b * job.pixels(),
                       [](float logit) { return static_cast<std::uint8_t>(logit > 0.0f); });
    }
    return masks;
}

/// Overlap of all given slices together.
inline overlap compare(const volume& prediction, const volume& mask, std::span<const std::size_t> slices) {
    const std::size_t pixels = mask.shape(1) * mask.shape(2);
    std::size_t both = 0, either = 0;
    for (std::size_t b = 0; b < slices.size(); ++b)
        for (std::size_t n = 0; n < pixels; ++n) {
            const bool predicted = prediction.data()[b * pixels + n] != 0;
            const bool truth = mask.data()[slices[b] * pixels + n] != 0;
            both += predicted && truth;
            either += predicted || truth;
        }
    if (either == 0)
        return {1.0, 1.0};
    const auto shared = static_cast<double>(both), all = static_cast<double>(either);
    return {shared / all, 2.0 * shared / (shared + all)};
}

/// The best that a prediction without looking can reach: "everything is" (the other constant scores 0).
inline overlap constant_prediction(const task& job) {
    volume everything({job.parts.test.size(), job.mask.shape(1), job.mask.shape(2)});
    everything.fill(1);
    return compare(everything, job.mask, job.parts.test);
}

inline gradient_size size_of(const xt::xtensor<float, 4>& gradient,
                             const xt::xtensor<std::uint8_t, 4>& mask) {
    double sums[2] = {0.0, 0.0};
    std::size_t counts[2] = {0, 0};
    for (std::size_t n = 0; n < mask.size(); ++n) {
        const std::size_t side = mask.data()[n] != 0 ? 1 : 0;
        sums[side] += std::abs(static_cast<double>(gradient.data()[n]));
        ++counts[side];
    }
    const auto mean = [&](std::size_t side) {
        return counts[side] == 0 ? 0.0 : sums[side] / static_cast<double>(counts[side]);
    };
    return {mean(1), mean(0)};
}

/// Seconds that the processor has spent on this thread: other runs may share the machine.
inline double thread_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Trains one model with one loss.
template <class Loss>
history train(const std::string& name, const Loss& loss, const task& job, const settings& how,
              const observer& observe) {
    perceptron model(how.seed);
    adam optimiser(model.parameters.size());
    slice_order order(job.parts.train, how.seed);
    std::vector<perceptron::activations> kept(how.slices_per_step);
    xt::xtensor<float, 4> logits({how.slices_per_step, std::size_t{1}, job.mask.shape(1), job.mask.shape(2)});
    history past;
    past.loss = name;
    past.target = job.name;
    xt::xtensor<float, 4> gradient(logits.shape());
    xloss::workspace memory;
    const double start = thread_seconds();

    for (std::size_t step = 1; step <= how.steps; ++step) {
        const auto slices = order.next(how.slices_per_step);
        const auto masks = masks_of(job.mask, slices);
        for (std::size_t b = 0; b < slices.size(); ++b)
            model.forward(job.slice_features(slices[b]), kept[b], {&logits(b, 0, 0, 0), job.pixels()});

        const double before = thread_seconds();
        const auto result = xloss::value_and_grad_into(gradient, loss, logits, masks, {.workspace = &memory});
        past.loss_seconds += thread_seconds() - before;

        for (std::size_t b = 0; b < slices.size(); ++b)
            model.backward(job.slice_features(slices[b]), kept[b], {&gradient(b, 0, 0, 0), job.pixels()});
        optimiser.step(model.parameters, model.gradient, how.rate_at(step));

        past.training_loss.push_back(result.value);
        past.gradient.push_back(size_of(gradient, masks));
        if (step % how.steps_between_scores == 0 || step == how.steps) {
            past.prediction = predict(model, job, job.parts.test);
            past.scored_steps.push_back(step);
            past.held_out.push_back(compare(past.prediction, job.mask, job.parts.test));
            observe(past);
        }
    }
    past.seconds = thread_seconds() - start;
    return past;
}

} // namespace example

#endif
