#ifndef XLOSS_EXAMPLES_BORDERS_TRAIN_HPP
#define XLOSS_EXAMPLES_BORDERS_TRAIN_HPP

// Training on a mask whose signed distances are made once and ride on it.

#include "../brain/fit.hpp"
#include "scores.hpp"

#include <xloss/xloss.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace example {

/// 24 features -> 32 -> 32 -> one logit.
using border_model = perceptron<32, 1>;

struct border_history : run_log {
    std::vector<border_score> held_out; // of the foreground, after scored_steps
};

/// What is outside minus what is inside, in mm, slice by slice: in three dimensions the distances of a
/// training slice would tell of the test slices beside it.
inline xt::xtensor<float, 3> distances_of(const volume& mask) {
    return xloss::signed_distance(mask, {.spacing = pixel_spacing, .batch = true});
}

/// What a model says of some slices, [slice, row, column].
inline xt::xtensor<float, 3> logits_of(const border_model& model, const task& job,
                                       std::span<const std::size_t> slices) {
    xt::xtensor<float, 3> logits({slices.size(), job.target.shape(1), job.target.shape(2)});
    border_model::activations scratch;
    for (std::size_t b = 0; b < slices.size(); ++b)
        model.forward(job.slice_features(slices[b]), scratch,
                      {logits.data() + b * job.pixels(), job.pixels()});
    return logits;
}

/// Trains one model. `observe(past, model)` is called after each score.
template <class Loss, class Observe>
border_history train_borders(const std::string& name, const Loss& loss, const task& job,
                             const xt::xtensor<float, 3>& distances, const settings& how,
                             const Observe& observe) {
    using batch = xt::xtensor<float, 4>;
    const std::array shape{how.slices_per_step, std::size_t{1}, job.target.shape(1), job.target.shape(2)};
    const volume truth =
        batch_of(job.target, job.parts.test, std::array{job.parts.test.size(), shape[2], shape[3]});
    border_history past;
    past.loss = name;
    past.target = job.name;
    xloss::workspace memory;

    const auto evaluate = [&](const auto& slices, const batch& logits, batch& gradient) {
        const auto masks = batch_of(job.target, slices, shape); // [B, 1, H, W], kept as uint8
        const auto maps = batch_of(distances, slices, shape);
        return timed(past.loss_seconds,
                     [&] {
                         return xloss::value_and_grad_into(gradient, loss, logits,
                                                           xloss::with_distance(masks, maps),
                                                           {.workspace = &memory});
                     })
            .value;
    };
    fit<border_model>(past, job, how, shape, evaluate, [&](const border_model& model) {
        past.held_out.push_back(border_scores(past.prediction, truth, 2)[1]);
        observe(past, model);
    });
    return past;
}

} // namespace example

#endif
