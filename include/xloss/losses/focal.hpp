#ifndef XLOSS_LOSSES_FOCAL_HPP
#define XLOSS_LOSSES_FOCAL_HPP

#include <xloss/engine/per_class.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/survey.hpp>

#include <array>
#include <limits>

namespace xloss {

/// Focal loss: a_t (1 - p_t)^gamma CE, mean over pixels.
///
/// **Shapes and modes.** binary `[B, ...]`, multilabel and one_vs_rest `[B, C, ...]`: p_t = p y + (1 - p)(1 -
/// y), a_t = alpha y + (1 - alpha)(1 - y), CE binary cross entropy; y in [0, 1]. multiclass `[B, C, ...]`:
/// alpha (1 - p)^gamma (-log p) with p the softmax at the label; soft targets weigh it by y_c.
///
/// **Parameters.** `gamma` >= 0; `alpha` a finite number, negative: no weighting (0 is a weight); one for
/// each class where given so. `normalized`: the mean divides by sum m (1 - p_t)^gamma, alpha not in it, and
/// the gradient flows through that. `class_weights` >= 0, not all zero, enter the denominator too.
///
/// **Gradient.** Finite for every gamma and every finite logit: powers go through logarithms that keep 1 -
/// p_t where it has no float left. For gamma < 1 the derivative by p_t is infinite at p_t = 1; the slope by
/// the logit takes its limit, 0.
///
/// **Empty.** A mask without a true pixel is nothing special. All pixels ignored: 0, with gradient 0.
///
/// **Source.** Lin et al. 2017, arXiv 1708.02002 (RetinaNet; SAM).
///
/// **Elsewhere.**
/// - torchvision's default reduction none is `unreduced`; p_t of soft targets is torchvision's. Code that
///   tests y == 1 agrees on hard masks.
/// - SMP and MONAI switch alpha off by None: `alpha = -1`. For many classes SMP, and MONAI without
///   `use_softmax`, run one sigmoid for every class: `one_vs_rest(focal{.alpha = -1})`.
/// - MONAI's `use_softmax` divides by C too: `multiclass(1.0 / C * focal{...})`; its alpha is `alpha = {1 -
///   a, a, ...}`.
/// - SMP's `normalized` with reduction sum is `normalized = true`.
///
/// @throws parameter_error for gamma < 0, or parameters that are no finite numbers.
struct focal {
    static constexpr const char* name = "focal";
    static constexpr unsigned modes = modes::every;
    static constexpr std::size_t variants = 2;

    per_class alpha{0.25};     ///< weight of positive pixels (multiclass: of the class); negative: none
    double gamma = 2.0;        ///< how much easy pixels count less
    bool normalized = false;   ///< the mean divides by sum m (1 - p_t)^gamma instead
    per_class class_weights{}; ///< factor of every class, in the denominator too

    /// a_t = at_zero + slope y: no weighting is (1, 0).
    struct weighting {
        engine::per_class_view alpha{};

        template <class V>
        V binary(const pixel<V>& s) const {
            const V a = alpha(s.cls);
            return select(a < V(0.0), V(1.0), fma(a, s.y, (1.0 - a) * (1.0 - s.y)));
        }

        template <class V>
        V of_class(const pixel<V>& s) const {
            const V a = alpha(s.cls);
            return select(a < V(0.0), V(1.0), a);
        }
    };

    /// gamma = 2: no power, no division.
    struct squared {
        static constexpr bool slopes_by_p = true;
        weighting weight{};
        engine::per_class_view class_weights{};

        template <class V>
        point<V> at(const pixel<V>& s) const {
            const auto ce = cross_entropy_of(s);
            const V u = fma(s.p, 1.0 - s.y, s.q * s.y); // 1 - p_t
            const V au = weight.binary(s) * u;
            const V rise = fma(V(-4.0), s.y, V(2.0)) * times_log(s.p * s.q, ce.value); // of u^2, over u
            return {au * u * ce.value, au * fma(u, ce.slope, rise)};
        }

        template <class V>
        point<V> at_class(const pixel<V>& s) const {
            const V a = weight.of_class(s) * s.y;
            const V aq = a * s.q;
            return {-(aq * times_log(s.q, s.log_p)), aq * (2.0 * times_log(s.p, s.log_p) - s.q)};
        }
    };

    /// Any gamma; the sums of a_t (1 - p_t)^gamma CE and of (1 - p_t)^gamma.
    struct general {
        static constexpr bool slopes_by_p = true;
        weighting weight{};
        engine::per_class_view class_weights{};
        double gamma = 2.0;
        bool normalized = false;

        template <class V>
        std::array<point<V>, 2> at(const pixel<V>& s) const {
            const V not_y = 1.0 - s.y;
            const auto ce = cross_entropy_of(s);
            const auto positive = s.y == V(1.0);
            // As hard counts what is below all normal numbers: its product with q is 0, and so may u be.
            const auto hard = positive | (s.y < V(least_target<V>));
            // For a hard target 1 - p_t is p or 1 - p, whose logarithm is at hand and never runs out of
            // range.
            const auto u = [&] { return s.p * not_y + s.q * s.y; };
            const V log_u = choose(
                hard, [&] { return select(positive, s.log_q, s.log_p); }, [&] { return log(u()); });
            const V share = choose(
                hard, [&] { return select(positive, s.p, s.q); }, [&] { return s.p * s.q / u(); });
            const V modulation = power(log_u);
            const V rise = gamma * (not_y - s.y) * share; // d log modulation / dx
            const V a = weight.binary(s) * modulation;
            return {{{a * ce.value, a * (times_log(rise, ce.value) + ce.slope)},
                     {modulation, modulation * rise}}};
        }

        template <class V>
        std::array<point<V>, 2> at_class(const pixel<V>& s) const {
            const V modulation = power(s.log_q) * s.y;
            const V a = weight.of_class(s) * modulation;
            // p (-log p)/(1 - p), which is 1 at p = 1.
            const V share = select(s.q == V(0.0), V(1.0), -times_log(s.p, s.log_p) / s.q);
            const V fall = gamma * s.p / max(s.q, V(1e-30));
            return {{{-times_log(a, s.log_p), -a * (1.0 + gamma * share)}, {modulation, -modulation * fall}}};
        }

        template <class V>
        static constexpr double
            least_target = static_cast<double>(std::numeric_limits<typename V::value_type>::min());

        template <class V>
        V power(const V& log_u) const {
            return gamma == 0.0 ? V(1.0) : exp_nonpositive(gamma * log_u);
        }

        [[nodiscard]] bool is_linear() const { return !normalized; }

        /// What the mean divides by.
        template <class S>
        S normalizer(const std::array<S, 2>& own, const call_sums& call) const {
            return normalized && call.reduction == reduction::mean ? own[1] : S(call.denominator);
        }

        template <class S>
        S call_loss(const std::array<S, 2>& own, const call_sums& call) const {
            const S n = normalizer(own, call);
            return n == 0.0 ? S(0.0) : own[0] / n;
        }
    };

    template <class Run>
    auto bind(const survey& s, Run&& run) const {
        check(s);
        if (gamma == 2.0 && !normalized)
            return run(squared{{alpha}, class_weights});
        return bind_general(s, run);
    }

    template <class Run>
    auto bind_general(const survey& s, Run&& run) const {
        check(s);
        return run(general{{alpha}, class_weights, gamma, normalized});
    }

    /// Throws for parameters outside their domain.
    void check(const survey& s) const {
        engine::check_per_class(name, "alpha", alpha, s.classes, -HUGE_VAL);
        engine::check_number(name, "gamma", gamma);
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

} // namespace xloss

#endif
