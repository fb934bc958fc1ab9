#ifndef XLOSS_LOSSES_SMOOTH_L1_HPP
#define XLOSS_LOSSES_SMOOTH_L1_HPP

#include <xloss/engine/options.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/residual.hpp>
#include <xloss/engine/survey.hpp>

namespace xloss {

/// Smooth L1 loss, d = x - y: d^2/(2 beta) where |d| < beta, else |d| - beta/2; mean over elements.
///
/// **Shapes and modes.** Predictions and targets of one shape, `[B, ...]`, any real numbers: there is no
/// activation, and `activation::none` changes nothing. In multilabel the axes are `[B, C, ...]`; no
/// multiclass form. Masks, weights and ignored values ride on the target as everywhere.
///
/// **Parameters.** `beta` >= 0, where the parabola ends; 0 is `l1`. `reduction` is that of a loss by itself
/// and beside losses of boxes; in a mode, and in other sums, the reduction of the mode counts (mean, unless
/// it says otherwise).
///
/// **Gradient.** d/beta below beta, else the sign of d: no kinks, but for beta = 0 at x = y, where it is 0. A
/// difference beyond the format counts as its largest number.
///
/// **Empty.** All elements ignored, or none there: 0, with gradient 0.
///
/// **Source.** Girshick 2015 (Fast R-CNN), arXiv 1504.08083.
///
/// **Elsewhere.** torch's `smooth_l1_loss`; its `huber_loss(delta)` is delta times ours with beta = delta.
/// The boxes of torchvision's R-CNNs have beta = 1/9.
/// @throws parameter_error for a beta that is negative or no number.
struct smooth_l1 {
    static constexpr const char* name = "smooth_l1";
    static constexpr unsigned modes = modes::elementwise | modes::boxes;

    double beta = 1.0;                                   ///< where the parabola ends
    xloss::reduction reduction = xloss::reduction::mean; ///< mean or sum, of the loss by itself

    struct term {
        static constexpr bool without_activation = true;
        double beta = 1.0;

        template <class V>
        point<V> at(const pixel<V>& s) const {
            const V d = s.x - s.y, size = abs(d), by_beta = d / beta;
            const auto inside = size < V(beta);
            return {engine::within_format(select(inside, 0.5 * d * by_beta, size - 0.5 * beta)),
                    select(inside, by_beta, engine::sign_of(d))};
        }

        template <class V>
        point<V> at_probability(const pixel<V>& s) const {
            return at(s);
        }
    };

    template <class Run>
    auto bind(const survey&, Run&& run) const {
        engine::check_number(name, "beta", beta, 0.0);
        return run(term{beta});
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

} // namespace xloss

#endif
