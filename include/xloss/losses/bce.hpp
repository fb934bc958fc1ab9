#ifndef XLOSS_LOSSES_BCE_HPP
#define XLOSS_LOSSES_BCE_HPP

#include <xloss/engine/per_class.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/survey.hpp>

namespace xloss {

/// Binary cross entropy: -[w y log p + (1 - y) log(1 - p)], mean over pixels.
///
/// Targets y in [0, 1], soft ones too. With `label_smoothing` e the target is y (1 - e) + e/2; smoothing
/// comes before `pos_weight` w. The slope by the logit, (1 - y) p - w y (1 - p), is exact at both ends.
/// Modes: binary, multilabel, one_vs_rest. Probabilities (`activation::none`): logarithms not below -100, p
/// (1 - p) of the derivative not below 1e-12, as torch.
/// @throws parameter_error for a pos_weight that is negative or of the wrong length, a label_smoothing
/// outside [0, 1].
struct bce {
    static constexpr const char* name = "bce";
    static constexpr unsigned modes = modes::elementwise;

    per_class pos_weight{1.0};    ///< factor of positive pixels, w
    double label_smoothing = 0.0; ///< e

    struct term {
        engine::per_class_view pos_weight{};
        double label_smoothing = 0.0;

        template <class V>
        point<V> at(const pixel<V>& s) const {
            const V y = s.y * (1.0 - label_smoothing) + 0.5 * label_smoothing;
            const V wy = pos_weight(s.cls) * y, not_y = 1.0 - y;
            return {-(times_log(wy, s.log_p) + times_log(not_y, s.log_q)), not_y * s.p - wy * s.q};
        }
    };

    template <class Run>
    auto bind(const survey& s, Run&& run) const {
        engine::check_per_class(name, "pos_weight", pos_weight, s.classes);
        engine::check_number(name, "label_smoothing", label_smoothing, 0.0, 1.0);
        return run(term{pos_weight, label_smoothing});
    }

    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

/// Binary cross entropy with the positive weight of the call: w = n_neg / (n_pos + 1e-8), from the sums of m
/// y and m (1 - y) over all pixels of the call.
///
/// An empty target gives plain BCE, a full one 0. Finite always. The weight carries no gradient.
struct weighted_bce {
    static constexpr const char* name = "weighted_bce";
    static constexpr unsigned modes = modes::elementwise;
    static constexpr bool surveys_targets = true;

    template <class Run>
    auto bind(const survey& s, Run&& run) const {
        const double negative = s.weight - s.positive;
        // Nothing is positive: the factor is without effect, and 1e8 times it must not overflow.
        const double w = s.positive > 0.0 ? negative / (s.positive + 1e-8) : 1.0;
        return run(bce::term{per_class(w), 0.0});
    }

    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

} // namespace xloss

#endif
