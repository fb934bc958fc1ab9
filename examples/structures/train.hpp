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

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <vector>

namespace example {

using structure_model = perceptron<48, classes>;

/// How well a prediction agrees with the truth, pixels outside the brain left out.
struct scores {
    std::array<double, classes> iou{}; // |prediction and truth| / |prediction or truth| of each class
    double accuracy = 0.0;             // share of the pixels

    double mean_iou() const { return std::accumulate(iou.begin(), iou.end(), 0.0) / classes; }
};

struct structure_history : run_log {
    std::vector<scores> held_out; // after scored_steps
};

/// Scores of all given slices together; `prediction` holds these slices and no others.
inline scores compare_classes(const volume& prediction, const volume& truth,
                              std::span<const std::size_t> slices) {
    const std::size_t pixels = truth.shape(1) * truth.shape(2);
    std::array<double, classes> both{}, either{};
    double right = 0.0, all = 0.0;
    for (std::size_t b = 0; b < slices.size(); ++b)
        for (std::size_t n = 0; n < pixels; ++n) {
            const std::uint8_t found = prediction.data()[b * pixels + n];
            const std::uint8_t label = truth.data()[slices[b] * pixels + n];
            if (label == outside)
                continue;
            all += 1.0;
            either[label] += 1.0;
            if (found == label) {
                right += 1.0;
                both[label] += 1.0;
            } else {
                either[found] += 1.0;
            }
        }
    scores s;
    for (std::size_t c = 0; c < classes; ++c)
        s.iou[c] = both[c] / std::max(1.0, either[c]);
    s.accuracy = right / all;
    return s;
}

/// The best that a prediction without looking can reach.
inline scores constant_classes(const task& job) {
    scores best;
    volume everything({job.parts.test.size(), job.target.shape(1), job.target.shape(2)});
    for (std::size_t c = 0; c < classes; ++c) {
        everything.fill(static_cast<std::uint8_t>(c));
        const scores now = compare_classes(everything, job.target, job.parts.test);
        best = now.mean_iou() > best.mean_iou() ? now : best;
    }
    return best;
}

/// Pixels of each class in some slices.
inline std::array<double, classes> count_classes(const volume& labels, std::span<const std::size_t> slices) {
    const std::size_t pixels = labels.shape(1) * labels.shape(2);
    std::array<double, classes> counts{};
    for (const std::size_t slice : slices)
        for (std::size_t n = 0; n < pixels; ++n)
            if (const std::uint8_t label = labels.data()[slice * pixels + n]; label != outside)
                counts[label] += 1.0;
    return counts;
}

/// Weights by which a rare class counts as much as one of the median size.
inline std::vector<double> median_weights(const std::array<double, classes>& counts) {
    auto sorted = counts;
    std::sort(sorted.begin(), sorted.end());
    std::vector<double> weights;
    for (const double count : counts)
        weights.push_back(sorted[classes / 2] / count);
    return weights;
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
        const auto labels = batch_of(job.target, slices, std::array{how.slices_per_step, height, width});
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
    fit<structure_model>(past, job, how, {how.slices_per_step, height, width, classes}, evaluate, [&] {
        past.held_out.push_back(compare_classes(past.prediction, job.target, job.parts.test));
        observe(past);
    });
    return past;
}

} // namespace example

#endif
