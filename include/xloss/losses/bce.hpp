#ifndef XLOSS_LOSSES_BCE_HPP
#define XLOSS_LOSSES_BCE_HPP

#include <xloss/engine/per_class.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/survey.hpp>

#include <array>
#include <cmath>

namespace xloss {

/// Binary cross entropy: -[w y log p + (1 - y) log(1 - p)], mean over pixels.
///
/// **Shapes and modes.** binary: logits and targets `[B, ...]`; multilabel: both `[B, C, ...]`; one_vs_rest:
/// logits `[B, C, ...]` and a label map `[B, ...]`. Targets y in [0, 1], soft ones too.
///
/// **Parameters.** `pos_weight` w >= 0, one for all or one for each class; `label_smoothing` e in [0, 1]: the
/// target is y (1 - e) + e/2. Smoothing comes before `pos_weight`.
///
/// **Gradient.** No kinks. The slope by the logit, (1 - y) p - w y (1 - p), is exact at both ends. For
/// probabilities (`activation::none`) logarithms are not below -100, and p (1 - p) in the derivative is not
/// below 1e-12, as in torch.
///
/// **Empty.** A mask without a true pixel is nothing special. All pixels ignored: 0, with gradient 0.
///
/// **Source.** The likelihood of logistic regression; the mask head of Mask R-CNN, He et al. 2017, arXiv
/// 1703.06870.
///
/// **Elsewhere.** torch's mean over pixels with `weight` divides by their number: `denominator::all`. SMP's
/// smoothing s, 1 to 1 - s and 0 to s, is `label_smoothing = 2 s`; with an ignore index it divides by all
/// pixels: `denominator::all`. nnU-Net's BCE with an ignore label is C times the multilabel mean.
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
            const V y = fma(s.y, V(1.0 - label_smoothing), V(0.5 * label_smoothing));
            return cross_entropy_of(s, pos_weight(s.cls) * y, 1.0 - y);
        }
    };

    template <class Run>
    auto bind(const survey& s, Run&& run) const {
        engine::check_per_class(name, "pos_weight", pos_weight, s.classes);
        engine::check_number(name, "label_smoothing", label_smoothing, 0.0, 1.0);
        return run(term{pos_weight, label_smoothing});
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

/// Binary cross entropy with the positive weight of the call: `bce` with w = n_neg / (n_pos + 1e-8), n_pos
/// the sum of m y and n_neg that of m (1 - y) over all pixels of the call, m their weights.
///
/// **Shapes and modes.** As `bce`. One weight for all classes.
///
/// **Parameters.** None.
///
/// **Gradient.** As `bce`; the weight is a constant.
///
/// **Empty.** A target without a true pixel gives plain BCE, one that is true everywhere 0. Finite always.
///
/// **Errors.** Those of the call alone.
///
/// **Elsewhere.** torch's `binary_cross_entropy_with_logits` with `pos_weight` computed from each batch. For
/// a weight of your own, or one for each class: `bce{.pos_weight = w}`.
struct weighted_bce {
    static constexpr const char* name = "weighted_bce";
    static constexpr unsigned modes = modes::elementwise;
    static constexpr bool surveys_targets = true;

    /// The sums of y (-log p) and of (1 - y)(-log(1 - p)): the weight comes to them afterwards, so that it
    /// may be that of more than one call.
    struct term {
        double pos_weight = 1.0;

        template <class V>
        std::array<point<V>, 2> at(const pixel<V>& s) const {
            const V not_y = 1.0 - s.y;
            return {{{-times_log(s.y, s.log_p), -s.y * s.q}, {-times_log(not_y, s.log_q), not_y * s.p}}};
        }

        [[nodiscard]] static bool is_linear() { return true; }

        template <class S>
        S call_loss(const std::array<S, 2>& own, const call_sums& call) const {
            // No weight takes even an infinite sum away: a full target has loss 0.
            const bool none = pos_weight == 0.0 && own[0] == S(HUGE_VAL);
            return engine::quotient((none ? S(0.0) : pos_weight * own[0]) + own[1], call.denominator);
        }
    };

    template <class Run>
    auto bind(const survey& s, Run&& run) const {
        const double negative = s.weight - s.positive;
        // Nothing is positive: the factor is without effect, and 1e8 times it must not overflow.
        return run(term{s.positive > 0.0 ? negative / (s.positive + 1e-8) : 1.0});
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

} // namespace xloss

#endif
