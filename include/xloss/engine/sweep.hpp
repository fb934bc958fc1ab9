#ifndef XLOSS_ENGINE_SWEEP_HPP
#define XLOSS_ENGINE_SWEEP_HPP

#include <xloss/config.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/region.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/simd/number.hpp>
#include <xloss/tensor/sink.hpp>
#include <xloss/tensor/source.hpp>

#include <array>
#include <cstddef>
#include <limits>
#include <span>

namespace xloss::engine {

/// What a sweep writes beside collecting sums.
enum class emit {
    nothing,
    gradient,
    point_slopes,  // of the gradient, what the pointwise terms give
    pull_back,     // of the gradient, what the regional terms add to those
    variances,     // point slopes, and p (1 - p) into scratch or where no point slopes are written
    variance_pull, // as pull_back, from variances that were kept
    probabilities, // into the gradient, where they wait for `kept_gradient`
    kept_gradient, // the gradient, from probabilities that wait in it
    value          // the loss of every element, for `unreduced`
};

/// Whether a sweep evaluates the pointwise terms.
constexpr bool sees_points(bool sums, emit what) {
    return sums || (what != emit::pull_back && what != emit::variance_pull);
}

constexpr bool emits_point_slopes(emit what) {
    return what == emit::gradient || what == emit::point_slopes || what == emit::variances;
}

constexpr bool emits_pull_back(emit what) {
    return what == emit::gradient || what == emit::pull_back || what == emit::variance_pull;
}

/// Whether the point slopes already stand where the pull-back is added to them.
constexpr bool adds_to_slopes(emit what) {
    return what == emit::pull_back || what == emit::variance_pull;
}

/// Whether elements pass their variances on from a sweep to the next.
constexpr bool keeps_variances(emit what) {
    return what == emit::variances || what == emit::variance_pull;
}

constexpr bool writes_gradient(emit what) {
    return what == emit::gradient || what == emit::kept_gradient;
}

/// What the sweep says to the pointwise terms of a softmax: sweeps that are alike to them share their loops.
constexpr emit emit_of_points(emit what) {
    return writes_gradient(what) ? emit::gradient : what == emit::value ? emit::value : emit::nothing;
}

/// Point sums are added up in these units, so that a thousand of the largest logits still sum to a finite
/// number.
inline constexpr double point_unit = 1024.0;

/// Slopes by sums next to 0, such as 1/P of a region without prediction or 1/weights of pixels that hardly
/// count, may leave the computation type, and infinity times a probability of 0 is no number. NaN comes
/// through. A slope that is multiplied by up to `scale` stays that much smaller.
template <class T>
double bounded_slope(double slope, double scale = 1.0) {
    constexpr double most = static_cast<double>(std::numeric_limits<T>::max()) / 8.0; // four are added up
    return slope > most / scale ? most / scale : slope < -most / scale ? -most / scale : slope;
}

/// The derivative of all regional terms by the probabilities of a region:
/// a = A (1 - y) + B y + C p + D sign(p - y), and what `sums::cost` and `sums::own` add. Not A + (B - A) y:
/// where a region has hardly any of one side, A and B are so unlike that their difference has lost the
/// smaller.
struct pull_back {
    double at_zero = 0.0; // A
    double at_one = 0.0;  // B
    double by_p = 0.0;
    double by_sign = 0.0;
    double by_cost = 0.0; // of the class as the target
    double by_own = 0.0;
    double by_prediction = 0.0;

    /// Adds factor times the derivatives by the sums of the region.
    void add(const region_sums<double>& d, double factor) {
        at_zero += factor * (d.pred + d.fp - d.tn);
        at_one += factor * (d.pred + d.tp - d.fn);
        by_p += factor * 2.0 * d.pred2;
        by_sign += factor * d.absdiff;
        by_cost += factor * d.cost;
        by_own += factor * d.own;
        by_prediction += factor * d.prediction;
    }

    /// Keeps all slopes within T: those by sums of probabilities times up to `scale`, those by sums of points
    /// times up to `points`.
    template <class T>
    void bound(double scale, double points) {
        for (double* slope : {&at_zero, &at_one, &by_p, &by_sign, &by_cost, &by_prediction})
            *slope = bounded_slope<T>(*slope, scale);
        by_own = bounded_slope<T>(by_own, points);
    }

    /// Whether nothing of the region has a slope.
    [[nodiscard]] bool is_zero() const { return *this == pull_back{}; }

    friend bool operator==(const pull_back&, const pull_back&) = default;

    /// a at a pixel; parts that no term of the program can ask for are left out at compile time.
    template <class Program, class V>
    XLOSS_INLINE V at(const V& p, const V& q, const V& y) const {
        V a(at_zero);
        if constexpr (Program::needs(sums::tp | sums::fp | sums::fn | sums::tn))
            a = fma(V(at_one), y, a * (1.0 - y));
        if constexpr (Program::needs(sums::pred2))
            a = fma(V(by_p), p, a);
        if constexpr (Program::needs(sums::absdiff)) {
            const V d = difference(p, q, y);
            a = a + select(d > V(0.0), V(by_sign), select(d < V(0.0), V(-by_sign)));
        }
        return a;
    }
};

/// Keeps the slopes of many regions within T.
template <class T>
XLOSS_NOINLINE void bound_all(std::span<pull_back> pulls, double scale, double points) {
    for (pull_back& one : pulls)
        one.bound<T>(scale, points);
}

/// Adds one vector of pixels to the soft sums that the program asks for.
template <class Program, bool Masked, class V>
XLOSS_INLINE void add_soft_sums(const V& p, const V& q, const V& y, const V& m, V* sums) {
    const auto add = [&](unsigned flag, const V& term) {
        V& to = sums[Program::soft_at(flag)];
        to = Masked ? fma(m, term, to) : to + term;
    };
    const auto add_product = [&](unsigned flag, const V& a, const V& b) {
        V& to = sums[Program::soft_at(flag)];
        to = fma(Masked ? m * a : a, b, to);
    };
    if constexpr (Program::needs(sums::tp))
        add_product(sums::tp, p, y);
    if constexpr (Program::needs(sums::fp))
        add_product(sums::fp, p, 1.0 - y);
    if constexpr (Program::needs(sums::fn))
        add_product(sums::fn, q, y);
    if constexpr (Program::needs(sums::tn))
        add_product(sums::tn, q, 1.0 - y);
    if constexpr (Program::needs(sums::pred))
        add(sums::pred, p);
    if constexpr (Program::needs(sums::pred2))
        add_product(sums::pred2, p, p);
    if constexpr (Program::needs(sums::absdiff))
        add(sums::absdiff, abs(difference(p, q, y)));
    sums[Program::target_at] = Masked ? fma(m, y, sums[Program::target_at]) : sums[Program::target_at] + y;
    if constexpr (Masked)
        sums[Program::weight_at] = sums[Program::weight_at] + m;
    if constexpr (Program::has_target2)
        sums[Program::target2_at] = fma(Masked ? m * y : y, y, sums[Program::target2_at]);
}

/// Likewise the sums over pixels whose probability is above 1/2.
template <class Program, class V>
XLOSS_INLINE void add_hard_sums(const auto& hard, const V& y, const V& m, V* sums) {
    sums[Program::hard_at] += select(hard, m);
    sums[Program::hard_at + 1] += select(hard, m * y);
}

/// As `add_soft_sums`, but for the sum of weights, where y is 1 in pixels of the class itself and 0
/// elsewhere.
template <class Program, class V>
XLOSS_INLINE void add_label_sums(const V& p, const V& q, const auto& own, const V& m, V* sums) {
    const auto add = [&](unsigned flag, const V& term) {
        V& to = sums[Program::soft_at(flag)];
        to = to + term;
    };
    const auto add_product = [&](unsigned flag, const V& weight, const V& term) {
        V& to = sums[Program::soft_at(flag)];
        to = fma(weight, term, to);
    };
    const V target = select(own, m), other = select(own, V(0.0), m);
    if constexpr (Program::needs(sums::tp))
        add_product(sums::tp, target, p);
    if constexpr (Program::needs(sums::fp))
        add_product(sums::fp, other, p);
    if constexpr (Program::needs(sums::fn))
        add_product(sums::fn, target, q);
    if constexpr (Program::needs(sums::tn))
        add_product(sums::tn, other, q);
    if constexpr (Program::needs(sums::pred))
        add_product(sums::pred, m, p);
    if constexpr (Program::needs(sums::pred2))
        add(sums::pred2, m * p * p);
    if constexpr (Program::needs(sums::absdiff))
        add(sums::absdiff, m * select(own, q, p));
    sums[Program::target_at] += target;
    if constexpr (Program::has_target2)
        sums[Program::target2_at] += target;
}

/// A pull-back in registers, for pixels of a label map.
template <class V>
struct label_pull {
    V at_zero, at_one, by_p, by_sign;

    explicit label_pull(const pull_back& pull)
        : at_zero(pull.at_zero), at_one(pull.at_one), by_p(pull.by_p), by_sign(pull.by_sign) {}

    /// a at a pixel; own: of the class itself.
    template <class Program>
    XLOSS_INLINE V at(const V& p, const V& q, const auto& own) const {
        V a = at_zero;
        if constexpr (Program::needs(sums::tp | sums::fp | sums::fn | sums::tn))
            a = select(own, at_one, at_zero);
        if constexpr (Program::needs(sums::pred2))
            a = fma(by_p, p, a);
        if constexpr (Program::needs(sums::absdiff)) {
            const V sign = select(own, -by_sign, by_sign);
            a = a + select(select(own, q, p) > V(0.0), sign);
        }
        return a;
    }
};

/// Where a sweep writes.
template <class T>
struct sink_ref {
    const tensor::sink<T>* to = nullptr;
    bool accumulate = false;
    T absent = T(0); // what values of absent elements are, where not added
};

/// What another head of the network says of every region, and where the gradient by it goes.
template <class T>
struct region_predictions {
    const tensor::source<T>* given = nullptr;
    const tensor::sink<T>* to = nullptr;
};

/// One of several gradients that a sweep writes: its slopes by the sums, and where it goes.
template <class T, std::size_t Points>
struct sweep_output {
    std::array<double, Points> point{};
    const pull_back* pulls = nullptr;
    sink_ref<T> out{};
};

/// What every sweep of a call reads and works with.
template <class T>
struct sweep_inputs {
    const tensor::source<T>& x;
    const target<T>& y;
    bool probabilities;
    const executor_ref& executor;
    workspace& memory;
    region_predictions<T> predicted{};
};

} // namespace xloss::engine

#endif
