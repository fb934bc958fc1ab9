#ifndef XLOSS_EXAMPLES_STRUCTURES_TRAIN_HPP
#define XLOSS_EXAMPLES_STRUCTURES_TRAIN_HPP

// Training on a label map, and its scores.

#include "../brain/fit.hpp"
#include "regions.hpp"

#include <xloss/xloss.hpp>

#if __has_include(<xtensor/misc/xmanipulation.hpp>)
#include <xtensor/misc/xmanipulation.hpp>
#else
#include <xtensor/xmanipulation.hpp>
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace example {

using structure_model = perceptron<48, classes>;

struct structure_history : run_log {
    std::vector<xloss::confusion_matrix> held_out; // after scored_steps; what is outside the brain left out
};

/// The labels of some slices, [B, H, W].
inline volume labels_of(const task& job, std::span<const std::size_t> slices) {
    return batch_of(job.target, slices, std::array{slices.size(), job.target.shape(1), job.target.shape(2)});
}

/// All test slices together.
inline xloss::confusion_matrix compare_classes(const volume& prediction, const task& job) {
    return xloss::confusion_matrix(classes, outside).add(prediction, labels_of(job, job.parts.test));
}

/// The best that a prediction without looking can reach.
inline xloss::confusion_matrix constant_classes(const task& job) {
    xloss::confusion_matrix best(classes, outside);
    volume everything = labels_of(job, job.parts.test);
    for (std::size_t c = 0; c < classes; ++c) {
        everything.fill(static_cast<std::uint8_t>(c));
        const auto now = compare_classes(everything, job);
        best = now.mean_iou() > best.mean_iou() ? now : best;
    }
    return best;
}

/// Trains one model with one loss.
template <class Loss>
structure_history train_structures(const std::string& name, const Loss& loss, const task& job,
                                   const settings& how,
                                   const std::function<void(const structure_history&)>& observe) {
    using batch = xt::xtensor<float, 4>;
    const std::size_t height = job.target.shape(1), width = job.target.shape(2);
    structure_history past;
    past.loss = name;
    past.target = job.name;
    xloss::workspace memory;

    const auto evaluate = [&](const auto& slices, const batch& logits, batch& gradient) {
        // The label map in uint8, as it is; never one-hot.
        const auto labels = labels_of(job, slices);
        // The model has the classes last, the library wants them second: the same memory, seen transposed.
        const auto scores = xt::transpose(logits, {0, 3, 1, 2});
        auto slopes = xt::transpose(gradient, {0, 3, 1, 2});
        return timed(past.loss_seconds,
                     [&] {
                         return xloss::value_and_grad_into(slopes, loss, scores, labels,
                                                           {.workspace = &memory});
                     })
            .value;
    };
    fit<structure_model>(past, job, how, {how.slices_per_step, height, width, classes}, evaluate,
                         [&](const auto&) {
                             past.held_out.push_back(compare_classes(past.prediction, job));
                             observe(past);
                         });
    return past;
}

} // namespace example

#endif
