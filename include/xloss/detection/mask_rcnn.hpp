#ifndef XLOSS_DETECTION_MASK_RCNN_HPP
#define XLOSS_DETECTION_MASK_RCNN_HPP

#include <xloss/criterion/call.hpp>
#include <xloss/criterion/components.hpp>
#include <xloss/criterion/mode.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/positives.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/engine/zeros.hpp>
#include <xloss/losses/bce.hpp>
#include <xloss/losses/cross_entropy.hpp>
#include <xloss/losses/smooth_l1.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/gather.hpp>
#include <xloss/tensor/labels.hpp>
#include <xloss/tensor/like.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/sink.hpp>
#include <xloss/tensor/source.hpp>
#include <xloss/tensor/transposed.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace xloss {

/// The losses of Mask R-CNN's heads: class, box of the true class, mask of the true class.
///
///     const auto r = xloss::value_and_grad(xloss::mask_rcnn{}, xloss::mask_rcnn_output{scores, boxes,
///     masks},
///                                          xloss::mask_rcnn_target{labels, true_boxes, true_masks});
///     // r.value, r.classification, r.box, r.mask, r.positives; r.grads.scores, r.grads.boxes, r.grads.masks
///
/// With R rois, of which roi r has the label u_r, 0 for background, and P of which are positive, u_r > 0:
/// `class_weight` mean over R of -log softmax(scores)_u + `box_weight`/R sum over P of smooth L1(box of class
/// u - target) + `mask_weight` BCE(mask of class u), its mean over the pixels of the P masks.
///
/// **Shapes.** scores `[R, C]`, boxes `[R, 4 C]` or `[R, C, 4]`, masks `[R, C, h, w]` (or with other spatial
/// axes); labels `[R]` of any integer type, target boxes `[R, 4]` and masks `[R, h, w]`, hard or soft. Boxes
/// are offsets as the network gives them: what is compared is for the caller to encode. Each tensor may have
/// its own number format, float or double.
///
/// **Parameters.** The weights, finite numbers; `beta` >= 0 of smooth L1; `classification`, with label
/// smoothing or class weights, by which its mean then divides; `mask`, any loss, sum or criterion that runs
/// in binary, its samples being the positive rois: `mask_rcnn{.mask = dice{.smooth = 1e-6}}`,
/// `bce{.label_smoothing = 0.05}`.
///
/// **Gradient.** Boxes and masks of other classes, and all of background rois, have gradient exactly 0, and
/// with `accumulate` keep their bits. They are never read, and may hold NaN, as may the targets of background
/// rois. Kinks: as the losses have them.
///
/// **Empty.** No positive roi: box and mask are 0. No roi: everything is.
///
/// **Memory.** With a kept workspace a call allocates nothing.
///
/// **Source.** He et al. 2017, arXiv 1703.06870.
///
/// **Elsewhere.** torchvision's `fastrcnn_loss` and `maskrcnn_loss`, with its `beta` of 1/9. Detectron2's
/// default has `beta` 0, its mean over the same pixels. Faster R-CNN alone: masks `[R, C, 0, 0]`.
///
/// @throws what the losses throw, with the part it happened in; shape_error, label_error for a label outside
/// [0, C), alias_error for a gradient buffer that shares memory with another one or with an input. On an
/// error no buffer has been touched.
template <class MaskLoss = bce>
struct mask_rcnn {
    static constexpr const char* name = "mask_rcnn";

    double class_weight = 1.0;      ///< of the classification
    double box_weight = 1.0;        ///< of the boxes
    double mask_weight = 1.0;       ///< of the masks
    double beta = 1.0 / 9.0;        ///< of smooth L1: where it becomes linear
    cross_entropy classification{}; ///< of the scores
    MaskLoss mask{};                ///< of the masks

    /// The value alone.
    template <class Output, class Target>
    auto operator()(const Output& output, const Target& target) const {
        return value(*this, output, target);
    }
};

/// What the heads give, or the tensors for its gradient. Refers to them.
template <class Scores, class Boxes, class Masks>
struct mask_rcnn_output {
    Scores& scores; ///< [R, C]
    Boxes& boxes;   ///< [R, 4 C] or [R, C, 4]
    Masks& masks;   ///< [R, C, h, w]

    /// Of three tensors; temporaries live to the end of the full expression.
    template <class S, class B, class M>
    mask_rcnn_output(S&& of_scores, B&& of_boxes, M&& of_masks)
        : scores(of_scores), boxes(of_boxes), masks(of_masks) {}
};

/// Deduces what is const.
template <class S, class B, class M>
mask_rcnn_output(S&&, B&&, M&&)
    -> mask_rcnn_output<std::remove_reference_t<S>, std::remove_reference_t<B>, std::remove_reference_t<M>>;

/// What it is compared with. Refers to the tensors.
template <class Labels, class Boxes, class Masks>
struct mask_rcnn_target {
    const Labels& labels; ///< [R], 0 is background
    const Boxes& boxes;   ///< [R, 4]
    const Masks& masks;   ///< [R, h, w]

    /// Of three tensors; temporaries live to the end of the full expression.
    mask_rcnn_target(const Labels& of_labels, const Boxes& of_boxes, const Masks& of_masks)
        : labels(of_labels), boxes(of_boxes), masks(of_masks) {}
};

/// What an evaluation of `mask_rcnn` gives.
template <class T>
struct mask_rcnn_evaluation {
    T value;               ///< the weighted sum
    T classification;      ///< unweighted
    T box;                 ///< unweighted
    T mask;                ///< unweighted
    std::size_t positives; ///< rois that are not background
};

/// The gradients, in containers of the rank and kind of the tensors.
template <class Scores, class Boxes, class Masks>
struct mask_rcnn_gradients {
    Scores scores; ///< of the shape of the scores
    Boxes boxes;   ///< of the shape of the boxes
    Masks masks;   ///< of the shape of the masks
};

/// An evaluation with the gradients.
template <class T, class Gradients>
struct mask_rcnn_evaluation_and_grads : mask_rcnn_evaluation<T> {
    Gradients grads; ///< by scores, boxes and masks
};

namespace engine {

/// The shapes of a call, which fit each other.
struct mask_rcnn_shapes {
    tensor::shape scores, boxes, masks;
    std::size_t rois = 0, classes = 0;
    tensor::shape box{{4}, 1}, mask{}; // of one class of a roi

    template <class Output, class Target>
    mask_rcnn_shapes(const Output& x, const Target& y)
        : scores(tensor::shape_of(x.scores)), boxes(tensor::shape_of(x.boxes)),
          masks(tensor::shape_of(x.masks)) {
        if (scores.rank != 2 || scores[1] == 0)
            tensor::raise<shape_error>({"xloss::mask_rcnn: scores ", scores, " are not [R, C]"});
        rois = scores[0];
        classes = scores[1];
        const leading_shape with_scores{"xloss::mask_rcnn", "scores", scores};
        with_scores.require(boxes == of(4 * classes) || boxes == of(classes, box), "boxes", boxes,
                            "[R, 4 C] or [R, C, 4]");
        if (masks.rank >= 2)
            mask = masks.without(0).without(0);
        with_scores.require(masks.rank >= 2 && masks == of(classes, mask), "masks", masks, "[R, C, h, w]");
        const tensor::shape labels = tensor::shape_of(y.labels);
        with_scores.require(labels == tensor::shape{{rois}, 1}, "labels", labels, "[R]");
        const tensor::shape true_boxes = tensor::shape_of(y.boxes);
        with_scores.require(true_boxes == of(4), "target boxes", true_boxes, "[R, 4]");
        const tensor::shape true_masks = tensor::shape_of(y.masks);
        leading_shape{"xloss::mask_rcnn", "masks", masks}.require(
            true_masks == tensor::row_list::below(rois, mask), "target masks", true_masks, "[R, h, w]");
    }

private:
    [[nodiscard]] tensor::shape of(std::size_t columns) const { return {{rois, columns}, 2}; }
    [[nodiscard]] tensor::shape of(std::size_t n, const tensor::shape& row) const {
        return tensor::row_list::below(rois, tensor::row_list::below(n, row));
    }
};

/// A call: everything checked that depends on shapes alone, the positive rois known.
template <class MaskLoss, class Output, class Target>
class mask_rcnn_call {
    static_assert(
        given<MaskLoss>::md == mode::binary,
        "xloss: the mask loss of mask_rcnn runs in binary: one sigmoid per pixel of a positive roi");

    template <class E>
    using number = tensor::value_type_of<E>;
    using S = number<decltype(Output::scores)>;
    using B = number<decltype(Output::boxes)>;
    using M = number<decltype(Output::masks)>;

public:
    using T = std::common_type_t<S, B, M>;
    using evaluation_type = mask_rcnn_evaluation<T>;

    mask_rcnn_call(const mask_rcnn<MaskLoss>& loss, const Output& x, const Target& y,
                   const call_options& options)
        : loss_(loss), x_(x), y_(y), shapes_(x, y), options_(with_memory(options, own_memory_)),
          found_(positives_of(y)), scores_(tensor::source<S>(x.scores)), labels_(y.labels),
          boxes_(x.boxes, box_rows()), true_boxes_(y.boxes, {found_.rows, shapes_.box}),
          masks_(x.masks, mask_rows()),
          true_masks_(y.masks, {found_.rows, shapes_.mask}), smooth_l1_{.beta = loss.beta,
                                                                        .reduction = reduction::sum} {
        check_recipe_upstream(&names_of<mask_rcnn<MaskLoss>>, options);
        check_number(loss.name, "class_weight", loss.class_weight, -HUGE_VAL);
        check_number(loss.name, "box_weight", loss.box_weight, -HUGE_VAL);
        check_number(loss.name, "mask_weight", loss.mask_weight, -HUGE_VAL);
        check_number(loss.name, "beta", loss.beta);
    }

    [[nodiscard]] evaluation_type value() const {
        return sum(classification().value(), box().value(), mask().value());
    }

    template <class Gradients>
    evaluation_type gradients_into(Gradients& grads) const {
        const loss_name name = &names_of<mask_rcnn<MaskLoss>>;
        const tensor::sink<S> scores(grads.scores);
        const tensor::sink<B> boxes(grads.boxes);
        const tensor::sink<M> masks(grads.masks);
        check_gradient_shape(name, "scores", scores.shape(), shapes_.scores);
        check_gradient_shape(name, "boxes", boxes.shape(), shapes_.boxes);
        check_gradient_shape(name, "masks", masks.shape(), shapes_.masks);
        check_apart(name, {{"scores", scores.memory()}, {"boxes", boxes.memory()}, {"masks", masks.memory()}},
                    {memory_of("scores", x_.scores), memory_of("boxes", x_.boxes),
                     memory_of("masks", x_.masks), memory_of("labels", y_.labels),
                     memory_of("target boxes", y_.boxes), memory_of("target masks", y_.masks)});
        box().check();
        mask().check();
        const tensor::transposed<S, tensor::sink<S>> of_rois(scores);
        const double of_scores = classification().gradient_into(tensor::sink<S>(of_rois));
        const tensor::scattered<B> true_class_boxes(boxes, box_rows());
        const double of_boxes = box().gradient_into(tensor::sink<B>(true_class_boxes));
        const tensor::scattered<M> true_class_masks(masks, mask_rows());
        const double of_masks = mask().gradient_into(tensor::sink<M>(true_class_masks));
        if (!options_.accumulate) {
            write_zeros_between(boxes, box_rows(), options_.executor);
            write_zeros_between(masks, mask_rows(), options_.executor);
        }
        return sum(of_scores, of_boxes, of_masks);
    }

    /// Room for the gradients.
    [[nodiscard]] auto new_gradients() const {
        return mask_rcnn_gradients{tensor::make_like<S>(x_.scores), tensor::make_like<B>(x_.boxes),
                                   tensor::make_like<M>(x_.masks)};
    }

private:
    positives positives_of(const Target& y) {
        const tensor::label_source<S> labels(y.labels, shapes_.classes, {});
        const std::size_t wrong = first_wrong_label(labels);
        if (wrong < shapes_.rois)
            tensor::raise<label_error>({"xloss::mask_rcnn: label ", labels.value_at(wrong), " at [", wrong,
                                        "] is outside [0, ", shapes_.classes, ")"});
        return find_positives(labels, 1, shapes_.classes, *options_.workspace);
    }

    [[nodiscard]] tensor::row_list box_rows() const { return {found_.classes, shapes_.box}; }
    [[nodiscard]] tensor::row_list mask_rows() const { return {found_.classes, shapes_.mask}; }
    [[nodiscard]] double rois() const { return static_cast<double>(std::max<std::size_t>(1, shapes_.rois)); }

    auto classification() const {
        return component("xloss::mask_rcnn: scores", loss_.classification, scores_, labels_,
                         loss_.class_weight, options_);
    }
    auto box() const {
        return component("xloss::mask_rcnn: boxes of the positive rois", smooth_l1_, boxes_, true_boxes_,
                         loss_.box_weight / rois(), options_);
    }
    auto mask() const {
        return component("xloss::mask_rcnn: masks of the positive rois", loss_.mask, masks_, true_masks_,
                         loss_.mask_weight, options_);
    }

    [[nodiscard]] evaluation_type sum(double of_scores, double of_boxes, double of_masks) const {
        of_boxes /= rois();
        const double all =
            loss_.class_weight * of_scores + loss_.box_weight * of_boxes + loss_.mask_weight * of_masks;
        return {static_cast<T>(all), static_cast<T>(of_scores), static_cast<T>(of_boxes),
                static_cast<T>(of_masks), found_.rows.size()};
    }

    const mask_rcnn<MaskLoss>& loss_;
    const Output& x_;
    const Target& y_;
    mask_rcnn_shapes shapes_;
    workspace own_memory_{};
    call_options options_;
    positives found_;
    tensor::transposed<S, tensor::source<S>> scores_;
    tensor::one_sample<number<decltype(Target::labels)>> labels_;
    tensor::gathered<B> boxes_, true_boxes_;
    tensor::gathered<M> masks_, true_masks_;
    smooth_l1 smooth_l1_;
};

} // namespace engine

/// The value of `mask_rcnn`.
template <class MaskLoss, class... Output, class... Target>
auto value(const mask_rcnn<MaskLoss>& loss, const mask_rcnn_output<Output...>& output,
           const mask_rcnn_target<Target...>& target, const call_options& options = {}) {
    return engine::mask_rcnn_call(loss, output, target, options).value().value;
}

/// Value, components and gradients of `mask_rcnn`.
template <class MaskLoss, class... Output, class... Target>
auto value_and_grad(const mask_rcnn<MaskLoss>& loss, const mask_rcnn_output<Output...>& output,
                    const mask_rcnn_target<Target...>& target, const call_options& options = {}) {
    call_options overwrite = options;
    overwrite.accumulate = false; // there is nothing yet to add to
    const engine::mask_rcnn_call call(loss, output, target, overwrite);
    auto grads = call.new_gradients();
    const auto e = call.gradients_into(grads);
    return mask_rcnn_evaluation_and_grads<typename decltype(call)::T, decltype(grads)>{e, std::move(grads)};
}

/// As `value_and_grad`, into the caller's gradients: a `mask_rcnn_output` of tensors that can be written. On
/// an error all are left as they were.
template <class Gradients, class MaskLoss, class... Output, class... Target>
auto value_and_grad_into(Gradients&& grads, const mask_rcnn<MaskLoss>& loss,
                         const mask_rcnn_output<Output...>& output, const mask_rcnn_target<Target...>& target,
                         const call_options& options = {}) {
    return engine::mask_rcnn_call(loss, output, target, options).gradients_into(grads);
}

} // namespace xloss

#endif
