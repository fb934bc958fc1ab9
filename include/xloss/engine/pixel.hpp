#ifndef XLOSS_ENGINE_PIXEL_HPP
#define XLOSS_ENGINE_PIXEL_HPP

#include <xloss/config.hpp>

#include <array>
#include <cstddef>
#include <type_traits>

namespace xloss {

/// What a pointwise loss sees of one pixel (of one class, where the logits have a class axis).
///
/// `V` is a number: a SIMD register of pixels in the kernels, a `dual` in the proofs. Formulas are written
/// once for all of them, with `select(condition, a, b)` in place of `if`.
template <class V>
struct pixel {
    V x;                 ///< logit; the probability itself under `activation::none`
    V p;                 ///< probability: sigmoid or softmax of the logits
    V q;                 ///< 1 - p, to full relative accuracy also where p is next to 1
    V log_p;             ///< log p, finite for every finite logit
    V log_q;             ///< log(1 - p), likewise
    V y;                 ///< target in [0, 1]
    V cls;               ///< index of the class, for `per_class` parameters
    std::size_t classes; ///< number of classes (1 in binary)
    V distance{};        ///< `with_distance`'s, for terms that say `sees_distance`
    V logit{};           ///< log p - log q, in `at`: x itself, but under `activation::none`
    V smaller{};         ///< the smaller of p and q, in `at`
    V softplus{};        ///< -log of the larger one, in `at`
};

/// Value of a pointwise loss at one pixel and its slope.
template <class V>
struct point {
    V value; ///< the loss, without the pixel's weight
    V slope; ///< by the logit from `at`, by log p from `at_class`, by p from `at_probability`
};

/// What a loss of filtered planes adds to one of its sums at a pixel, and its slopes.
template <class V>
struct filtered_point {
    V value;  ///< without the pixel's weight
    V by_p;   ///< slope by the probability
    V by_map; ///< slope by what the filter makes of the probabilities
};

/// y log p with 0 log 0 = 0: infinite logits take their limits.
template <class V>
constexpr V times_log(const V& y, const V& log_p) {
    return select(y != V(0.0), y * log_p);
}

/// -(a log p + b log q) for weights a, b >= 0, and its slope by the logit, b p - a q; in half of the
/// operations that it takes by p, q and their logarithms. For `at` of the terms of pointwise losses.
template <class V>
constexpr point<V> cross_entropy_of(const pixel<V>& s, const V& a, const V& b) {
    const V both = a + b, against = select(signbit(s.logit), a, b);
    return {fma(both, s.softplus, ramp(s.logit, a, b)), flip_sign(fnma(both, s.smaller, against), s.logit)};
}

/// Binary cross entropy of a pixel and its target, likewise: a = y, b = 1 - y.
template <class V>
constexpr point<V> cross_entropy_of(const pixel<V>& s) {
    const V not_y = 1.0 - s.y, against = select(signbit(s.logit), s.y, not_y);
    return {s.softplus + ramp(s.logit, s.y, not_y), flip_sign(against - s.smaller, s.logit)};
}

/// `a()` where the condition holds and `b()` elsewhere; a side that no pixel of the register needs is not
/// computed. For rare and costly cases, such as soft targets in a formula with a short form for hard ones.
template <class Condition, class A, class B>
constexpr auto choose(const Condition& condition, A&& a, B&& b) {
    if constexpr (std::is_arithmetic_v<Condition>)
        return condition ? a() : b();
    else
        return all(condition) ? a() : select(condition, a(), b());
}

namespace engine {

/// p - y from the smaller of p and q = 1 - p: a p that rounds to 1 is not yet at a target of 1.
template <class V>
XLOSS_INLINE V difference(const V& p, const V& q, const V& y) {
    return select(p > V(0.5), (1.0 - y) - q, p - y);
}

template <class V>
constexpr std::array<point<V>, 1> as_points(const point<V>& one) {
    return {one};
}

template <class V, std::size_t K>
constexpr const std::array<point<V>, K>& as_points(const std::array<point<V>, K>& several) {
    return several;
}

} // namespace engine
} // namespace xloss

#endif
