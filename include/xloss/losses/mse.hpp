#ifndef XLOSS_LOSSES_MSE_HPP
#define XLOSS_LOSSES_MSE_HPP

#include <xloss/engine/options.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/residual.hpp>

namespace xloss {

/// Mean squared error: (x - y)^2, mean over elements.
///
/// **Shapes and modes.** Predictions and targets of one shape, `[B, ...]`, any real numbers: there is no
/// activation, and `activation::none` changes nothing. In multilabel the axes are `[B, C, ...]`; no
/// multiclass form. Masks, weights and ignored values ride on the target as everywhere.
///
/// **Parameters.** `reduction` is that of a loss by itself and beside losses of boxes; in a mode, and in
/// other sums, the reduction of the mode counts (mean, unless it says otherwise).
///
/// **Gradient.** No kinks: 2 (x - y). Squares beyond the format count as its largest number.
///
/// **Empty.** All elements ignored, or none there: 0, with gradient 0.
///
/// **Source.** Least squares; the loss of SAM's predicted IoU, Kirillov et al. 2023, arXiv 2304.02643.
///
/// **Elsewhere.** torch's `mse_loss`.
struct mse {
    static constexpr const char* name = "mse";
    static constexpr unsigned modes = modes::elementwise | modes::boxes;
    static constexpr bool without_activation = true;

    xloss::reduction reduction = xloss::reduction::mean; ///< mean or sum, of the loss by itself

    template <class V>
    static point<V> at(const pixel<V>& s) {
        const V d = s.x - s.y;
        return {engine::within_format(d * d), engine::within_format(2.0 * d)};
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
