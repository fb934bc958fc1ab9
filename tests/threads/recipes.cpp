// Losses on several tensors, boxes, calls that are no plain evaluation, and what stands around the losses:
// the same bits with every number of threads.

#include "threads/check.hpp"

#include <xloss/criterion/deep_supervision.hpp>
#include <xloss/criterion/measure.hpp>
#include <xloss/criterion/mode.hpp>
#include <xloss/criterion/sum.hpp>
#include <xloss/detection/box_iou.hpp>
#include <xloss/detection/ciou.hpp>
#include <xloss/detection/diou.hpp>
#include <xloss/detection/eiou.hpp>
#include <xloss/detection/fcos.hpp>
#include <xloss/detection/giou.hpp>
#include <xloss/detection/mask_rcnn.hpp>
#include <xloss/detection/siou.hpp>
#include <xloss/losses/bce.hpp>
#include <xloss/losses/cross_entropy.hpp>
#include <xloss/losses/dice.hpp>
#include <xloss/sam/sam.hpp>
#include <xloss/sam/sam2.hpp>
#include <xloss/sam/spatial_relevance.hpp>
#include <xloss/sam/stability_score.hpp>
#include <xloss/training/clip_gradient_norm.hpp>
#include <xloss/training/gradient_statistics.hpp>

#include <tuple>

namespace {

using xloss::call_options;

/// A matrix of numbers in (-width/2, width/2).
xt::xtensor<float, 2> matrix(std::size_t rows, std::size_t columns, double width = 4.0) {
    return made_up::logits<float>(std::array<std::size_t, 2>{rows, columns}, width);
}

/// Boxes with sides of 1 to 3.
xt::xtensor<float, 2> boxes(std::size_t n, std::uint32_t seed) {
    auto b = xt::xtensor<float, 2>::from_shape({n, 4});
    made_up::sequence numbers(seed);
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t axis = 0; axis < 2; ++axis) {
            b(i, axis) = static_cast<float>(numbers.uniform());
            b(i, axis + 2) = b(i, axis) + 1.0F + static_cast<float>(2.0 * numbers.uniform());
        }
    return b;
}

} // namespace

TEST_CASE("threads: box losses", "[threads]") {
    constexpr std::size_t several_pieces = 9001;
    const auto x = boxes(several_pieces, 3), y = boxes(several_pieces, 5);
    const auto w = made_up::weights<float>(std::array<std::size_t, 1>{several_pieces});
    const auto check = [&](const char* name, const auto& loss) {
        threads::check_loss(name, loss, x, xloss::weighted(y, w));
    };
    check("box_iou + giou", xloss::box_iou{} + xloss::giou{});
    check("diou", xloss::diou{});
    check("ciou", xloss::ciou{});
    check("eiou", xloss::eiou{});
    check("siou", xloss::siou{});
}

TEST_CASE("threads: fcos", "[threads]") {
    constexpr std::size_t many = 3000, wide = 20;
    const auto logits = matrix(many, wide), x = boxes(many, 3), y = boxes(many, 5);
    const auto centerness = made_up::logits<float>(std::array<std::size_t, 1>{many}, 1.0);
    const xt::xtensor<float, 1> true_centerness = centerness + 0.5F;
    xt::xtensor<bool, 2> one_hot = xt::zeros<bool>({many, wide});
    for (std::size_t n = 7; n < many - 9; n += 5)
        one_hot(n, n % wide) = true;
    threads::check("fcos", [&](const call_options& options) {
        const auto r = xloss::value_and_grad(xloss::fcos{}, xloss::fcos_output{logits, x, centerness},
                                             xloss::fcos_target{one_hot, y, true_centerness}, options);
        return threads::all(r.value, r.focal, r.box, r.centerness, r.grads.logits, r.grads.boxes,
                            r.grads.centerness);
    });
}

TEST_CASE("threads: mask_rcnn", "[threads]") {
    constexpr std::size_t many = 70, classes = 4, side = 64;
    const auto scores = matrix(many, classes), x = matrix(many, 4 * classes), y = matrix(many, 4, 2.0);
    const auto masks = made_up::logits<float>(std::array<std::size_t, 4>{many, classes, side, side});
    const auto true_masks = made_up::labels<std::uint8_t>(std::array<std::size_t, 3>{many, side, side});
    xt::xtensor<std::uint8_t, 1> labels = xt::zeros<std::uint8_t>({many});
    for (std::size_t r = 5; r < many - 9; r += 2)
        labels(r) = static_cast<std::uint8_t>(1 + r % (classes - 1));
    threads::check("mask_rcnn", [&](const call_options& options) {
        const auto r = xloss::value_and_grad(xloss::mask_rcnn{}, xloss::mask_rcnn_output{scores, x, masks},
                                             xloss::mask_rcnn_target{labels, y, true_masks}, options);
        return threads::all(r.value, r.classification, r.box, r.mask, r.grads.scores, r.grads.boxes,
                            r.grads.masks);
    });
}

TEST_CASE("threads: losses of masks and predicted IoU", "[threads]") {
    // So many pixels that the masks, one after the other, are several pieces.
    constexpr std::size_t objects = 7, candidates = 3, height = 29, width = 83;
    const auto x = made_up::logits<float>(std::array<std::size_t, 4>{objects, candidates, height, width});
    const auto y =
        made_up::labels<std::uint8_t>(std::array<std::size_t, 4>{objects, candidates, height, width});
    const auto one_mask = made_up::labels<std::uint8_t>(std::array<std::size_t, 3>{objects, height, width});
    const auto iou = matrix(objects, candidates, 1.0);
    const xloss::sam_output output{x, iou};
    threads::check("sam", [&](const call_options& options) {
        const auto r = xloss::value_and_grad(xloss::sam{}, output, y, options);
        return threads::all(r.value, r.focal, r.dice, r.iou, r.grads.masks, r.grads.iou);
    });
    threads::check("sam2", [&](const call_options& options) {
        const auto r = xloss::value_and_grad(xloss::sam2{}, output, one_mask, options);
        return threads::all(r.value, r.focal, r.dice, r.iou, r.grads.masks, r.grads.iou);
    });
    const auto text = matrix(objects, 5);
    const xt::xtensor<float, 2> fits = matrix(objects, 5, 0.9) + 0.5F;
    threads::check("spatial_relevance", [&](const call_options& options) {
        const auto r = xloss::value_and_grad(xloss::spatial_relevance{}, xloss::spatial_output{x, iou, text},
                                             xloss::spatial_target{y, fits}, options);
        return threads::all(r.value, r.alignment, r.grads.masks, r.grads.iou, r.grads.alignment);
    });
    threads::check("stability_score", [&](const call_options& options) {
        return threads::all(xloss::stability_score(x, 1.0, options.executor));
    });
}

TEST_CASE("threads: several heads", "[threads]") {
    const threads::data of;
    const auto half = made_up::logits<float>(std::array<std::size_t, 4>{36, 3, 5, 4});
    const auto half_labels = made_up::labels<std::uint8_t>(std::array<std::size_t, 3>{36, 5, 4}, 3);
    const auto loss = xloss::multiclass(xloss::cross_entropy{} + xloss::dice{}, {.ignore_index = 3});
    threads::check("deep_supervision", [&](const call_options& options) {
        const auto r = xloss::value_and_grad(xloss::deep_supervision(loss, {1.0, 0.4}), std::tie(of.x, half),
                                             std::tie(of.labels, half_labels), options);
        return threads::all(r.value, std::get<0>(r.grads), std::get<1>(r.grads));
    });
}

TEST_CASE("threads: batches in parts, unreduced losses, statistics and clipping", "[threads]") {
    const threads::data of;
    const auto loss = xloss::multilabel(xloss::bce{} + xloss::dice{});
    threads::check("measure and finish", [&](const call_options& options) {
        auto sums = xloss::measure(loss, of.x, of.mask, options);
        sums.merge(xloss::measure(loss, of.x, of.mask, options));
        auto grad = of.x;
        const auto r = xloss::finish(grad, sums, of.x, of.mask, options);
        return threads::all(r.value, grad);
    });
    threads::check("unreduced", [&](const call_options& options) {
        return threads::all(xloss::unreduced(xloss::multilabel(xloss::bce{}), of.x, of.mask, options));
    });
    threads::check("gradient_statistics", [&](const call_options& options) {
        const auto r = xloss::gradient_statistics(loss, of.x, of.mask, options);
        return threads::all(r.value, r.gradients[0].mean, r.gradients[1].norm);
    });
    const auto large = made_up::logits<float>(std::array<std::size_t, 1>{300000});
    threads::check("clip_gradient_norm", [&](const call_options& options) {
        auto grad = large;
        const double norm = xloss::clip_gradient_norm({.max_norm = 0.5, .executor = options.executor}, grad);
        return threads::all(norm, grad);
    });
}
