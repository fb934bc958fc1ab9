#ifndef XLOSS_EXAMPLES_BRAIN_TRAIN_HPP
#define XLOSS_EXAMPLES_BRAIN_TRAIN_HPP

// Training on a mask, a template over the loss: whatever xloss can evaluate can be trained on.

#include "fit.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace example {

/// 24 features -> 32 -> 32 -> one logit, 1889 parameters.
using mask_model = perceptron<32, 1>;

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
struct history : run_log {
    std::vector<gradient_size> gradient; // of every step
    std::vector<overlap> held_out;       // the scores after scored_steps
};

using observer = std::function<void(const history&)>; // called after each score

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
    volume everything({job.parts.test.size(), job.target.shape(1), job.target.shape(2)});
    everything.fill(1);
    return compare(everything, job.target, job.parts.test);
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

/// Trains one model with one loss.
template <class Loss>
history train(const std::string& name, const Loss& loss, const task& job, const settings& how,
              const observer& observe) {
    using batch = xt::xtensor<float, 4>;
    const std::array shape{how.slices_per_step, std::size_t{1}, job.target.shape(1), job.target.shape(2)};
    history past;
    past.loss = name;
    past.target = job.name;
    xloss::workspace memory;

    const auto evaluate = [&](const auto& slices, const batch& logits, batch& gradient) {
        const auto masks = batch_of(job.target, slices, shape); // [B, 1, H, W], kept as uint8
        const auto result = timed(past.loss_seconds, [&] {
            return xloss::value_and_grad_into(gradient, loss, logits, masks, {.workspace = &memory});
        });
        past.gradient.push_back(size_of(gradient, masks));
        return result.value;
    };
    fit<mask_model>(past, job, how, shape, evaluate, [&](const auto&) {
        past.held_out.push_back(compare(past.prediction, job.target, job.parts.test));
        observe(past);
    });
    return past;
}

} // namespace example

#endif
