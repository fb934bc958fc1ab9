#ifndef XLOSS_LOSSES_UNIFIED_FOCAL_HPP
#define XLOSS_LOSSES_UNIFIED_FOCAL_HPP

#include <xloss/engine/per_class.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/region.hpp>
#include <xloss/engine/survey.hpp>

#include <span>

namespace xloss {

/// Asymmetric unified focal loss, a focal Tversky and a focal cross entropy part, as the authors' code:
///
///     weight x mean over classes of {1 - T_0, (1 - T_c)^(1 - gamma) for c > 0}
///     + (1 - weight) x mean over pixels of [(1 - delta)(1 - p_0)^gamma y_0 (-log p_0)
///                                           + delta sum_{c > 0} y_c (-log p_c)]
///
/// with T_c = (tp + s)/(tp + delta fn + (1 - delta) fp + s) of a sample, s = 1e-7. Class 0 is background.
///
/// **Shapes and modes.** All modes; with one sigmoid per element the background is its other side, p_0 = 1 -
/// p.
///
/// **Parameters.** `weight`, `delta` and `gamma` in [0, 1].
///
/// **Gradient.** (1 - T)^(1 - gamma) has an infinite derivative at T = 1, where ours is 0.
///
/// **Empty.** A sample without a true pixel of a class follows the formula: T = s/((1 - delta) fp + s).
///
/// **Source.** Yeung et al. 2022, arXiv 2102.04525.
///
/// **Elsewhere.** MONAI's `weight` w is 1 - ours; it wants probabilities (or `use_softmax`), and versions
/// that mean the focal part over the C classes as well are `k * unified_focal{.weight = (1 - w)/k}` with k =
/// 1 - w + w/C. Its delta was 0.7, then 0.6.
/// @throws parameter_error for a parameter outside [0, 1].
struct unified_focal {
    static constexpr const char* name = "unified_focal";
    static constexpr unsigned modes = modes::every;

    double weight = 0.5; ///< of the regional part
    double delta = 0.6;  ///< weight of false negatives
    double gamma = 0.5;  ///< how much easy regions and background pixels count less

    /// The focal Tversky part.
    struct regional {
        static constexpr unsigned sums = sums::tp | sums::fp | sums::fn | sums::tn;
        double delta = 0.6, gamma = 0.5;

        /// 1 - T, from the misses alone: exact where T is next to 1.
        template <class S>
        S miss(const S& hits, const S& false_negatives, const S& false_positives) const {
            const S missed = delta * false_negatives + (1.0 - delta) * false_positives;
            return missed / (hits + missed + 1e-7);
        }

        /// (1 - T)^(1 - gamma); at gamma = 1 a constant, whose slope must not become 0 times infinity next to
        /// T = 1.
        template <class S>
        S focused(const S& one) const {
            return gamma == 1.0 ? S(1.0) : pow(one, 1.0 - gamma);
        }

        template <class S>
        S region_loss(const region_sums<S>& r) const {
            return 0.5 * (miss(r.tn, r.fp, r.fn) + focused(miss(r.tp, r.fn, r.fp)));
        }

        template <class S>
        S classes_loss(std::span<const region_sums<S>> classes) const {
            S sum = 0.0;
            for (const auto& r : classes) {
                const S one = miss(r.tp, r.fn, r.fp);
                sum = sum + (r.cls == 0 ? one : focused(one));
            }
            return sum / static_cast<double>(classes.size());
        }
    };

    /// The focal cross entropy part: easy background counts less, foreground keeps its weight.
    struct pointwise {
        static constexpr bool slopes_by_p = true;
        double delta = 0.6, gamma = 0.5;

        template <class V>
        point<V> at(const pixel<V>& s) const {
            const V background = (1.0 - delta) * (1.0 - s.y) * power(s.log_p);
            const auto ce = cross_entropy_of(s, delta * s.y, background);
            return {ce.value, ce.slope - gamma * background * times_log(s.q, s.log_q)};
        }

        template <class V>
        point<V> at_class(const pixel<V>& s) const {
            const auto is_background = s.cls == V(0.0);
            const V factor = select(is_background, (1.0 - delta) * power(s.log_q), V(delta)) * s.y;
            // p (-log p)/(1 - p), which is 1 at p = 1.
            const V share = select(s.q == V(0.0), V(1.0), -times_log(s.p, s.log_p) / s.q);
            return {-times_log(factor, s.log_p),
                    -factor * select(is_background, 1.0 + gamma * share, V(1.0))};
        }

        template <class V>
        V power(const V& log_u) const {
            return gamma == 0.0 ? V(1.0) : exp_nonpositive(gamma * log_u);
        }
    };

    template <class Run>
    auto bind(const survey&, Run&& run) const {
        engine::check_number(name, "weight", weight, 0.0, 1.0);
        engine::check_number(name, "delta", delta, 0.0, 1.0);
        engine::check_number(name, "gamma", gamma, 0.0, 1.0);
        return run(engine::scaled{weight, regional{delta, gamma}},
                   engine::scaled{1.0 - weight, pointwise{delta, gamma}});
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

} // namespace xloss

#endif
