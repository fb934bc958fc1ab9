#ifndef XLOSS_EXAMPLES_PROMPTABLE_TRAIN_HPP
#define XLOSS_EXAMPLES_PROMPTABLE_TRAIN_HPP

// Training on prompts: where xloss is called.

#include "../brain/adam.hpp"
#include "model.hpp"
#include "scores.hpp"

#include <xloss/xloss.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace example {

/// The weights of focal, Dice and the loss of the predicted IoU.
using loss_weights = std::array<double, 3>;

/// Everything a run leaves behind for the table and the pictures.
struct prompt_history : run_log {
    std::vector<double> oracle; // IoU of the best candidate, after scored_steps
    answers held_out;           // the last ones
    loss_weights weights{};     // in the last step
};

/// Prompts with what was meant by them, as the model and the loss take them: mask logits
/// [prompt, candidate, row, column], predicted IoU [prompt, candidate], truth [prompt, row, column].
template <std::size_t Candidates>
struct prompt_batch {
    std::vector<prompt_input> inputs;
    std::vector<typename prompt_model<Candidates>::activations> kept;
    xt::xtensor<float, 4> masks, dmasks;
    xt::xtensor<float, 2> iou, diou;
    xt::xtensor<std::uint8_t, 3> truth;

    explicit prompt_batch(std::size_t count)
        : inputs(count), kept(count), masks({count, Candidates, patch, patch}), dmasks(masks.shape()),
          iou({count, Candidates}), diou(iou.shape()), truth({count, patch, patch}) {}

    void forward(const prompt_model<Candidates>& model, std::size_t n) {
        model.forward(inputs[n], kept[n], &masks(n, 0, 0, 0), &iou(n, 0));
    }

    void backward(prompt_model<Candidates>& model, std::size_t n) {
        model.backward(inputs[n], kept[n], &dmasks(n, 0, 0, 0), &diou(n, 0));
    }
};

/// The answers of a model, scored with everything that each click can mean.
template <std::size_t Candidates>
answers answer(const prompt_model<Candidates>& model, const clickable_head& head,
               std::span<const prompt> prompts) {
    const std::size_t count = prompts.size();
    prompt_batch<Candidates> batch(1);
    answers given{.masks = xt::xtensor<std::uint8_t, 4>({count, Candidates, patch, patch}),
                  .predicted = xt::xtensor<float, 2>({count, Candidates}),
                  .stability = xt::xtensor<float, 2>({count, Candidates}),
                  .iou = xt::xtensor<double, 3>({count, meanings.size(), Candidates})};
    for (std::size_t n = 0; n < count; ++n) {
        head.write_input(prompts[n], batch.inputs[0]);
        batch.forward(model, 0);
        const auto stability = xloss::stability_score(batch.masks);
        std::copy(batch.iou.begin(), batch.iou.end(), &given.predicted(n, 0));
        std::copy(stability.begin(), stability.end(), &given.stability(n, 0));
        std::transform(batch.masks.begin(), batch.masks.end(), &given.masks(n, 0, 0, 0),
                       [](float logit) { return static_cast<std::uint8_t>(logit > 0.0f); });
        for (std::size_t g = 0; g < meanings.size(); ++g) {
            head.write_target(prompts[n], g, batch.truth.data());
            for (std::size_t m = 0; m < Candidates; ++m)
                given.iou(n, g, m) = iou_of(&given.masks(n, m, 0, 0), batch.truth.data());
        }
    }
    return given;
}

/// Weights of the parts of SAM's loss that are trained with the model, from SAM's own on.
class trained_weights {
public:
    trained_weights() {
        const xloss::sam2 sam;
        const loss_weights first{sam.focal_weight, sam.dice_weight, sam.iou_weight};
        std::transform(first.begin(), first.end(), log_vars.begin(),
                       [](double weight) { return static_cast<float>(-std::log(weight)); });
        copy();
    }

    loss_weights now() const { return {balance.factor(0), balance.factor(1), balance.factor(2)}; }

    /// One step, given the parts of the loss.
    template <class Evaluation>
    void step(const Evaluation& r, float rate) {
        const auto slopes = balance.gradients(
            {static_cast<double>(r.focal), static_cast<double>(r.dice), static_cast<double>(r.iou)});
        std::array<float, 3> gradient;
        std::transform(slopes.begin(), slopes.end(), gradient.begin(),
                       [](double slope) { return static_cast<float>(slope); });
        optimiser.step(log_vars, gradient, rate);
        copy();
    }

private:
    void copy() { std::copy(log_vars.begin(), log_vars.end(), balance.log_vars.begin()); }

    xloss::uncertainty_weighting balance{3};
    std::array<float, 3> log_vars{};
    adam optimiser{3};
};

/// One click in each of some slices. What is meant by it is drawn as well, and the model is not told.
template <std::size_t Candidates>
void draw_prompts(prompt_batch<Candidates>& batch, const clickable_head& head,
                  std::span<const std::size_t> slices, std::mt19937& random) {
    for (std::size_t n = 0; n < slices.size(); ++n) {
        const prompt at = head.click_somewhere(slices[n], random);
        head.write_input(at, batch.inputs[n]);
        head.write_target(at, draw_meaning(random), &batch.truth(n, 0, 0));
    }
}

/// What all runs share.
struct prompt_task {
    const clickable_head& head;
    split parts;
    std::vector<prompt> held_out; // clicks on the test slices
};

/// Trains one model, with SAM's weights or with trained ones. `observe(past)` is called after each score.
template <std::size_t Candidates, class Observe>
prompt_history train_prompts(const std::string& name, const prompt_task& job, const settings& how,
                             bool uncertainty, const Observe& observe) {
    prompt_history past;
    past.loss = name;
    past.target = "seed " + std::to_string(how.seed);
    prompt_model<Candidates> model(how.seed);
    adam optimiser(model.parameters.size());
    slice_order order(job.parts.train, how.seed);
    std::mt19937 random(how.seed);
    prompt_batch<Candidates> batch(how.slices_per_step);
    trained_weights weights;
    xloss::workspace memory;
    const double start = thread_seconds();

    for (std::size_t step = 1; step <= how.steps; ++step) {
        draw_prompts(batch, job.head, order.next(how.slices_per_step), random);
        for (std::size_t n = 0; n < how.slices_per_step; ++n)
            batch.forward(model, n);
        past.weights = weights.now();
        const auto [focal, dice, iou] = past.weights;
        const xloss::sam2 loss{
            .focal_weight = focal, .dice_weight = dice, .iou_weight = iou, .supervise_all_iou = true};
        const auto r = timed(past.loss_seconds, [&] {
            return xloss::value_and_grad_into(xloss::sam_output{batch.dmasks, batch.diou}, loss,
                                              xloss::sam_output{batch.masks, batch.iou}, batch.truth,
                                              {.workspace = &memory});
        });
        past.training_loss.push_back(r.value);
        for (std::size_t n = 0; n < how.slices_per_step; ++n)
            batch.backward(model, n);
        optimiser.step(model.parameters, model.gradient, how.rate_at(step));
        if (uncertainty)
            weights.step(r, how.rate_at(step));

        if (step % how.steps_between_scores == 0 || step == how.steps) {
            past.held_out = answer(model, job.head, job.held_out);
            past.scored_steps.push_back(step);
            past.oracle.push_back(score_candidates(past.held_out).oracle);
            observe(past);
        }
    }
    past.seconds = thread_seconds() - start;
    return past;
}

} // namespace example

#endif
