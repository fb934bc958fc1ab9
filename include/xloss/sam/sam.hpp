#ifndef XLOSS_SAM_SAM_HPP
#define XLOSS_SAM_SAM_HPP

#include <xloss/criterion/sum.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/region.hpp>
#include <xloss/losses/focal.hpp>
#include <xloss/sam/iou_head.hpp>
#include <xloss/sam/output.hpp>
#include <xloss/sam/sam_mask.hpp>
#include <xloss/tensor/like.hpp>

#include <cstddef>
#include <utility>

namespace xloss {

/// The loss of Segment Anything: `sam_mask` + iou_weight `iou_head`, with every component by itself.
///
///     auto r = xloss::value_and_grad(xloss::sam{}, xloss::sam_output{masks, iou}, target);
///     // r.value, r.mask, r.focal, r.dice, r.iou; r.grads.masks, r.grads.iou
///
/// **Shapes and modes.** Masks `[B, N, ...]`, N masks of each of B images, every mask by itself; predicted
/// IoU `[B, N]`; targets `[B, N, ...]`, or `[B, ...]` where they are the same for all N. One evaluation: the
/// masks are read once, and for the gradient once more where a mask is too large for the cache.
///
/// **Parameters.** Those of `sam_mask` and of `iou_head`; `iou_weight` >= 0.
///
/// **Gradient.** By the masks and by the predicted IoU.
///
/// **Empty.** As its parts have it.
///
/// **Source.** Kirillov et al. 2023, arXiv 2304.02643. Several candidates for one object, of which the best
/// is trained: `sam2`.
///
/// @throws what its parts throw; shape_error, alias_error for what does not fit, before anything is written.
struct sam {
    static constexpr const char* name = "sam";

    double focal_weight = 20.0;                      ///< of the focal loss
    double dice_weight = 1.0;                        ///< of Dice
    double iou_weight = 1.0;                         ///< of the loss of the predicted IoU
    double alpha = 0.25;                             ///< weight of true pixels in focal; negative: none
    double gamma = 2.0;                              ///< how much focal turns away from easy pixels
    xloss::iou_loss iou_loss = xloss::iou_loss::mse; ///< how predicted and actual IoU are compared
    iou_target target = iou_target::hard;            ///< which IoU is the actual one
    double smooth = 1.0;                             ///< of Dice, in numerator and denominator
    region over = region::sample;                    ///< what shares one Dice score
    empty_region empty = empty_region::smooth;       ///< what a mask without a true pixel gives to Dice

    /// Its part without the predicted IoU.
    [[nodiscard]] sam_mask mask_part() const {
        return {focal_weight, dice_weight, alpha, gamma, smooth, over, empty};
    }

    /// What it is in the algebra: a sum of three.
    [[nodiscard]] auto sum() const {
        engine::check_number(name, "iou_weight", iou_weight);
        const sam_mask mask = mask_part();
        mask.check();
        // Spelled out: `+` and `*` would be instantiated wherever this header is included.
        return loss_sum<focal, decltype(mask.dice_part()), iou_head>{{{focal_weight, mask.focal_part()},
                                                                      {dice_weight, mask.dice_part()},
                                                                      {iou_weight, {iou_loss, target}}}};
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

/// What an evaluation of `sam` gives. The components are without their weights.
template <class T>
struct sam_evaluation {
    T value;           ///< the whole
    T mask;            ///< focal_weight focal + dice_weight dice
    T focal;           ///< mean over pixels
    T dice;            ///< mean over masks
    T iou;             ///< mean over masks
    std::size_t valid; ///< pixels that counted: not ignored, weight > 0
};

/// An evaluation with the gradients by masks and predicted IoU.
template <class T, class Masks, class Iou>
struct sam_evaluation_and_grads : sam_evaluation<T> {
    sam_gradients<Masks, Iou> grads; ///< by the masks and by their predicted IoU
};

namespace engine {

template <class T>
sam_evaluation<T> sam_components(const sam& loss, const evaluation<T, 3>& e) {
    const double mask = loss.focal_weight * static_cast<double>(e.terms[0].value) +
                        loss.dice_weight * static_cast<double>(e.terms[1].value);
    return {e.value, static_cast<T>(mask), e.terms[0].value, e.terms[1].value, e.terms[2].value, e.valid};
}

} // namespace engine

/// The value of `sam` alone.
template <class M, class I, class S, class Y>
auto value(const sam& loss, const sam_output<M, I, S>& x, const Y& y, const call_options& options = {}) {
    return value(loss.sum(), x, y, options);
}

/// Value, components and gradients of `sam`.
template <class M, class I, class S, class Y>
auto value_and_grad(const sam& loss, const sam_output<M, I, S>& x, const Y& y,
                    const call_options& options = {}) {
    auto r = value_and_grad(loss.sum(), x, y, options);
    using T = decltype(r.value);
    using gradients = decltype(r.grads);
    return sam_evaluation_and_grads<T, decltype(gradients::masks), decltype(gradients::iou)>{
        engine::sam_components<T>(loss, r), std::move(r.grads)};
}

/// As `value_and_grad`, into the caller's gradients: `sam_output{grad_masks, grad_iou}`. On an error both are
/// left as they were.
template <class GM, class GI, class M, class I, class S, class Y>
auto value_and_grad_into(sam_output<GM, GI> grads, const sam& loss, const sam_output<M, I, S>& x, const Y& y,
                         const call_options& options = {}) {
    const auto e = value_and_grad_into(grads, loss.sum(), x, y, options);
    return engine::sam_components(loss, e);
}

} // namespace xloss

#endif
