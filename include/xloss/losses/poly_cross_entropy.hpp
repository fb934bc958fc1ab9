#ifndef XLOSS_LOSSES_POLY_CROSS_ENTROPY_HPP
#define XLOSS_LOSSES_POLY_CROSS_ENTROPY_HPP

#include <xloss/engine/per_class.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/survey.hpp>

namespace xloss {

/// Poly-1 cross entropy: CE + epsilon (1 - p_t), mean over pixels.
///
/// **Shapes and modes.** multiclass `[B, C, ...]`: CE = sum_c y_c (-log p_c) and p_t = sum_c y_c p_c, p the
/// softmax; y a label map, one-hot or soft. binary `[B, ...]`, multilabel and one_vs_rest `[B, C, ...]`: CE
/// binary cross entropy, p_t = p y + (1 - p)(1 - y); y in [0, 1]. As focal it runs as binary unless it is
/// told a mode.
///
/// **Parameters.** `epsilon` >= -1, the smallest that keeps the loss falling in p_t; 0 is cross entropy.
/// `class_weights` >= 0, not all zero, are factors of both terms, CE and epsilon (1 - p_t), and enter the
/// denominator too: the mean divides by the weights w_y of the valid pixels. No label smoothing.
///
/// **Gradient.** No kinks. With epsilon = -1 the slope of an easy pixel falls as (1 - p_t)^2.
///
/// **Empty.** A mask without a true pixel is nothing special. All pixels ignored: 0, with gradient 0.
///
/// **Source.** Leng et al. 2022, arXiv 2204.12511.
///
/// **Elsewhere.**
/// - Class weights on the cross entropy alone (by their sum; with `denominator::valid` by the pixels):
/// `cross_entropy{.class_weights = w} + poly_cross_entropy{} +
///   -1.0 * cross_entropy{}`.
/// - Label smoothing in CE, with p_t of the label: `cross_entropy{.label_smoothing = e}` as the first of
///   these three.
///
/// @throws parameter_error for an epsilon below -1, class weights that are negative, all zero or of the wrong
/// length; label_error for a label that is neither a class nor ignored.
struct poly_cross_entropy {
    static constexpr const char* name = "poly_cross_entropy";
    static constexpr unsigned modes = modes::every;

    double epsilon = 1.0;      ///< factor of 1 - p_t
    per_class class_weights{}; ///< factor of every class, in the denominator too

    struct term {
        static constexpr bool slopes_by_p = true;
        double epsilon = 1.0;
        engine::per_class_view class_weights{};

        template <class V>
        point<V> at(const pixel<V>& s) const {
            const V not_y = 1.0 - s.y;
            const V miss = s.p * not_y + s.q * s.y; // 1 - p_t
            // 1 + epsilon p_t, from 1 - p_t: at epsilon = -1 nothing else is left of it.
            const V negative = 1.0 + epsilon - epsilon * s.p, positive = 1.0 + epsilon - epsilon * s.q;
            return {cross_entropy_of(s).value + epsilon * miss,
                    not_y * s.p * negative - s.y * s.q * positive};
        }

        template <class V>
        point<V> at_class(const pixel<V>& s) const {
            return {s.y * epsilon * s.q - times_log(s.y, s.log_p), -(s.y * (1.0 + epsilon - epsilon * s.q))};
        }
    };

    template <class Run>
    auto bind(const survey&, Run&& run) const {
        engine::check_number(name, "epsilon", epsilon, -1.0);
        return run(term{epsilon, class_weights});
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

} // namespace xloss

#endif
