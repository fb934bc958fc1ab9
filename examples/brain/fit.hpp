#ifndef XLOSS_EXAMPLES_BRAIN_FIT_HPP
#define XLOSS_EXAMPLES_BRAIN_FIT_HPP

// What every training run does, whatever is to be found: batches, forward, loss, backward, step, and now and
// then a prediction of the test slices.

#include "adam.hpp"
#include "model.hpp"
#include "volume.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <time.h> // clock_gettime: the time of one thread

namespace example {

/// The same for every loss, so that the loss is the only thing that differs between runs.
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

/// One segmentation task: features and what is to be found, both of all slices, and who may see which.
struct task {
    std::string name;
    const xt::xtensor<float, 3>& features; // [slice, pixel, feature]
    volume target;                         // a mask, or a label map
    split parts;

    std::size_t pixels() const { return target.shape(1) * target.shape(2); }

    std::span<const float> slice_features(std::size_t slice) const {
        return {features.data() + slice * pixels() * feature_count, pixels() * feature_count};
    }
};

/// What every run leaves behind for the charts and pictures.
struct run_log {
    std::string loss, target;
    std::vector<float> training_loss;         // of every step
    std::vector<std::size_t> scored_steps;    // steps after which the test slices were scored
    volume prediction;                        // of the test slices, the last one
    double loss_seconds = 0.0, seconds = 0.0; // CPU time of this run: in the loss, and in all of the training

    double loss_ms() const { return 1e3 * loss_seconds / static_cast<double>(training_loss.size()); }
};

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

/// What a pixel's logits say: foreground where the only one is above 0, that is a probability above 0.5;
/// otherwise the class of the largest.
template <std::size_t Outputs>
std::uint8_t decide(const float* logits) {
    if constexpr (Outputs == 1)
        return static_cast<std::uint8_t>(*logits > 0.0f);
    else
        return static_cast<std::uint8_t>(std::max_element(logits, logits + Outputs) - logits);
}

/// Predicted masks or label maps of some slices.
template <class Model>
volume predict(const Model& model, const task& job, std::span<const std::size_t> slices) {
    volume found({slices.size(), job.target.shape(1), job.target.shape(2)});
    typename Model::activations scratch;
    std::vector<float> logits(job.pixels() * Model::outputs);
    for (std::size_t b = 0; b < slices.size(); ++b) {
        model.forward(job.slice_features(slices[b]), scratch, logits);
        for (std::size_t n = 0; n < job.pixels(); ++n)
            found.data()[b * job.pixels() + n] = decide<Model::outputs>(&logits[n * Model::outputs]);
    }
    return found;
}

/// Seconds that the processor has spent on this thread: other runs may share the machine.
inline double thread_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Calls `work`, and adds the time it takes to `seconds`.
template <class Work>
auto timed(double& seconds, const Work& work) {
    const double before = thread_seconds();
    auto result = work();
    seconds += thread_seconds() - before;
    return result;
}

/// Trains one model. `shape` is that of the logits of a batch, with the logits of a pixel side by side;
/// `evaluate(slices, logits, gradient)` writes the gradient by the logits and returns the value of the loss;
/// `score(model)` is called after each prediction of the test slices.
template <class Model, class Evaluate, class Score>
void fit(run_log& past, const task& job, const settings& how, const std::array<std::size_t, 4>& shape,
         const Evaluate& evaluate, const Score& score) {
    Model model(how.seed);
    adam optimiser(model.parameters.size());
    slice_order order(job.parts.train, how.seed);
    std::vector<typename Model::activations> kept(how.slices_per_step);
    xt::xtensor<float, 4> logits(shape), gradient(shape);
    const std::size_t count = job.pixels() * Model::outputs;
    const double start = thread_seconds();

    for (std::size_t step = 1; step <= how.steps; ++step) {
        const auto slices = order.next(how.slices_per_step);
        for (std::size_t b = 0; b < slices.size(); ++b)
            model.forward(job.slice_features(slices[b]), kept[b], {logits.data() + b * count, count});
        past.training_loss.push_back(evaluate(slices, std::as_const(logits), gradient));
        for (std::size_t b = 0; b < slices.size(); ++b)
            model.backward(job.slice_features(slices[b]), kept[b], {gradient.data() + b * count, count});
        optimiser.step(model.parameters, model.gradient, how.rate_at(step));

        if (step % how.steps_between_scores == 0 || step == how.steps) {
            past.prediction = predict(model, job, job.parts.test);
            past.scored_steps.push_back(step);
            score(std::as_const(model));
        }
    }
    past.seconds = thread_seconds() - start;
}

} // namespace example

#endif
