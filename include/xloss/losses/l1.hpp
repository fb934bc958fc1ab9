#ifndef XLOSS_LOSSES_L1_HPP
#define XLOSS_LOSSES_L1_HPP

#include <xloss/engine/options.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/residual.hpp>

namespace xloss {

/// Mean absolute error: |x - y|, mean over elements.
///
/// **Shapes and modes.** Predictions and targets of one shape, `[B, ...]`, any real numbers: there is no
/// activation, and `activation::none` changes nothing. In multilabel the axes are `[B, C, ...]`; no
/// multiclass form. Masks, weights and ignored values ride on the target as everywhere.
///
/// **Parameters.** `reduction` is that of a loss by itself and beside losses of boxes; in a mode, and in
/// other sums, the reduction of the mode counts (mean, unless it says otherwise).
///
/// **Gradient.** The sign of x - y, and 0 at x = y. A difference beyond the format counts as its largest
/// number.
///
/// **Empty.** All elements ignored, or none there: 0, with gradient 0.
///
/// **Source.** DETR's box regression (weight 5, beside 2 `giou`), Carion et al. 2020, arXiv 2005.12872; SAM
/// 2's loss of the predicted IoU.
///
/// **Elsewhere.** torch's `l1_loss`, whose gradient at 0 is 0 too.
struct l1 {
    static constexpr const char* name = "l1";
    static constexpr unsigned modes = modes::elementwise | modes::boxes;
    static constexpr bool without_activation = true;

    xloss::reduction reduction = xloss::reduction::mean; ///< mean or sum, of the loss by itself

    template <class V>
    static point<V> at(const pixel<V>& s) {
        const V d = s.x - s.y;
        return {engine::within_format(abs(d)), engine::sign_of(d)};
    }

    template <class V>
    static point<V> at_probability(const pixel<V>& s) {
        return at(s);
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

} // namespace xloss

#endif
