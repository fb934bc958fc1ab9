#ifndef XLOSS_ENGINE_ACTIVATION_HPP
#define XLOSS_ENGINE_ACTIVATION_HPP

#include <xloss/config.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/simd/math.hpp>

#include <cstddef>
#include <limits>

namespace xloss::engine {

/// Logarithms of probabilities that are given as they are: not below -100, as torch's binary_cross_entropy.
inline constexpr double least_log = -100.0;

/// What a derivative by a probability divides p(1 - p) by, at least; likewise torch's.
inline constexpr double least_variance = 1e-12;

/// The pixel of a logit: p = sigmoid(x). One exponential, one division, and a logarithm where it is used.
template <class V>
XLOSS_INLINE pixel<V> pixel_of_logit(const V& x, const V& y, const V& cls, std::size_t classes) {
    const auto s = sigmoid_flushed(x);
    const V l = log1p_unit(s.e, s.smaller); // softplus(-|x|)
    // NaN comes through l: the cheap minimum will do.
    pixel<V> result{x, s.p, s.q, lesser(x, V(0.0)) - l, lesser(-x, V(0.0)) - l, y, cls, classes};
    result.logit = x;
    result.smaller = s.smaller;
    result.softplus = l;
    return result;
}

/// The pixel of a probability.
template <class V>
XLOSS_INLINE pixel<V> pixel_of_probability(const V& p, const V& y, const V& cls, std::size_t classes) {
    const V least(least_log);
    pixel<V> result{p, p, 1.0 - p, max(log(p), least), max(log1p(-p), least), y, cls, classes};
    result.logit = result.log_p - result.log_q;
    const auto below = signbit(result.logit);
    result.smaller = select(below, p, result.q);
    result.softplus = -select(below, result.log_q, result.log_p);
    return result;
}

/// What a row of elements of a class holds.
enum class row_kind {
    logits,       // x
    exponentials, // exp(x - max)
    smaller,      // the smaller of p and 1 - p, with its sign: `smaller_of`
    given         // the probability, given as it is
};

/// One number for p and q = 1 - p, each to full relative accuracy: p where it is the smaller, else -q.
template <class V>
XLOSS_INLINE V smaller_of(const V& p, const V& q) {
    return select(p > V(0.5), -q, p);
}

/// The p of `smaller_of`.
template <class V>
XLOSS_INLINE V p_of_smaller(const V& smaller) {
    return select(signbit(smaller), 1.0 + smaller, smaller);
}

/// The q = 1 - p of `smaller_of`.
template <class V>
XLOSS_INLINE V q_of_smaller(const V& smaller) {
    return select(signbit(smaller), -smaller, 1.0 - smaller);
}

/// The pixel of a probability that was kept as `smaller_of`. Its logarithms are as far as the format of p
/// goes: log p is not below that of the smallest normal number.
template <class V>
XLOSS_INLINE pixel<V> pixel_of_smaller(const V& smaller, const V& y, const V& cls, std::size_t classes) {
    using T = typename V::value_type;
    const auto is_q = signbit(smaller);
    const V least(static_cast<double>(std::numeric_limits<T>::min()));
    const V log_smaller = log(max(abs(smaller), least)), log_larger = log1p(minus_abs(smaller));
    const V p = p_of_smaller(smaller), log_p = select(is_q, log_larger, log_smaller);
    return {log_p, p, q_of_smaller(smaller), log_p, select(is_q, log_smaller, log_larger), y, cls, classes};
}

/// dp/dx of the sigmoid.
template <class V>
XLOSS_INLINE V sigmoid_slope(const pixel<V>& s) {
    return s.p * s.q;
}

/// A slope by the logit as a slope by the probability.
template <class V>
XLOSS_INLINE V by_probability(const V& slope_by_logit, const pixel<V>& s) {
    return slope_by_logit / max(s.p * s.q, V(least_variance));
}

} // namespace xloss::engine

#endif
