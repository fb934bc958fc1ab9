#ifndef XLOSS_EXAMPLES_UNET_TRAIN_HPP
#define XLOSS_EXAMPLES_UNET_TRAIN_HPP

// The training loop. What is trained with is a callable on the logits and the batch: torch's operators, or
// xloss through its bridge.

#include "../brain/train.hpp"
#include "network.hpp"

#include <torch/torch.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace example {

/// The same for every run, so that the loss is the only thing that differs.
struct unet_settings {
    std::size_t steps = 120;
    std::size_t slices_per_step = 6;
    std::size_t steps_between_scores = 20;
    double learning_rate = 0.005;
    unsigned seed = 1; // of the first weights and of the order of the slices

    /// Falls in a straight line to almost 0 at the last step.
    double rate_at(std::size_t step) const {
        return learning_rate * static_cast<double>(steps + 1 - step) / static_cast<double>(steps);
    }
};

/// Slices as torch has them.
struct batch {
    torch::Tensor images; // [B, 1, H, W], float
    torch::Tensor mask;   // the same shape, uint8
    torch::Tensor soft;   // the mask in float, which torch's losses want
};

/// The slices of a head with the mask to be found.
class slices {
public:
    slices(const volume& t1, const volume& mask)
        : images((all(t1).to(torch::kFloat) - 64) / 64), masks(all(mask)) {}

    batch take(const std::vector<std::size_t>& which) const {
        const std::vector<std::int64_t> places(which.begin(), which.end());
        const auto index = torch::tensor(places);
        const auto mask = masks.index_select(0, index);
        return {images.index_select(0, index), mask, mask.to(torch::kFloat)};
    }

private:
    /// [slice, 1, row, column], a copy: torch keeps its own memory.
    static torch::Tensor all(const volume& v) {
        const auto extent = [&](std::size_t axis) { return static_cast<std::int64_t>(v.shape(axis)); };
        // from_blob takes no const pointer; nothing is written through it.
        return torch::from_blob(const_cast<std::uint8_t*>(v.data()), {extent(0), 1, extent(1), extent(2)},
                                torch::kUInt8)
            .clone();
    }

    torch::Tensor images, masks;
};

/// What a run leaves behind.
struct unet_run {
    std::string loss;
    std::vector<double> training_loss;     // of every step
    std::vector<std::size_t> scored_steps; // steps after which the test slices were scored ...
    std::vector<double> held_out_iou;      // ... and the score
    double loss_seconds = 0.0;             // spent in the loss, forward and backward
    double all_seconds = 0.0;
};

/// Intersection over union of all slices together, at probability 0.5.
inline double iou(unet_impl& model, const batch& test) {
    const torch::NoGradGuard no_gradient;
    const auto predicted = model.forward(test.images) > 0, truth = test.mask > 0;
    const auto either = (predicted | truth).sum().item<double>();
    return either == 0.0 ? 1.0 : (predicted & truth).sum().item<double>() / either;
}

/// Processor time: with one thread it is the time on a machine that does nothing else.
class stopwatch {
public:
    double seconds() const { return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC; }

private:
    std::clock_t start = std::clock();
};

/// Sees the logits of every step with the value and the gradient that the loss gave for them.
using witness = std::function<void(const torch::Tensor& logits, const batch& now, double value,
                                   const torch::Tensor& gradient)>;

/// Value of the loss, and its gradient at the logits. Apart from the network's own backward pass, so that the
/// clock sees the loss alone; the gradients that reach the network are those of value.backward().
template <class Loss>
std::pair<double, torch::Tensor> evaluate(const Loss& loss, const torch::Tensor& logits, const batch& now,
                                          double& seconds) {
    const auto leaf = logits.detach().requires_grad_(true);
    const stopwatch clock;
    const auto value = loss(leaf, now);
    value.backward();
    seconds += clock.seconds();
    return {value.template item<double>(), leaf.grad()};
}

/// Trains one network with one loss.
template <class Loss>
unet_run train_unet(const std::string& name, const Loss& loss, const slices& data, const split& parts,
                    const unet_settings& how, const witness& watch = {}) {
    torch::manual_seed(how.seed);
    unet_impl model;
    torch::optim::Adam optimiser(model.parameters(), torch::optim::AdamOptions(how.learning_rate));
    slice_order order(parts.train, how.seed);
    const batch test = data.take(parts.test);
    const stopwatch clock;
    unet_run past;
    past.loss = name;

    for (std::size_t step = 1; step <= how.steps; ++step) {
        const batch now = data.take(order.next(how.slices_per_step));
        for (auto& group : optimiser.param_groups())
            static_cast<torch::optim::AdamOptions&>(group.options()).lr(how.rate_at(step));
        optimiser.zero_grad();
        const auto logits = model.forward(now.images);
        const auto [value, gradient] = evaluate(loss, logits, now, past.loss_seconds);
        logits.backward(gradient);
        optimiser.step();
        past.training_loss.push_back(value);
        if (watch)
            watch(logits.detach(), now, value, gradient);

        if (step % how.steps_between_scores == 0 || step == how.steps) {
            past.scored_steps.push_back(step);
            past.held_out_iou.push_back(iou(model, test));
            std::printf("%5.1f s  %-22s  step %3zu of %zu  loss %8.5f  held-out IoU %.3f\n", clock.seconds(),
                        name.c_str(), step, how.steps, past.training_loss.back(), past.held_out_iou.back());
            std::fflush(stdout);
        }
    }
    past.all_seconds = clock.seconds();
    return past;
}

} // namespace example

#endif
