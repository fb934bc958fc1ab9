#ifndef XLOSS_ENGINE_ACTIVATION_HPP
#define XLOSS_ENGINE_ACTIVATION_HPP

#include <xloss/config.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/simd/math.hpp>

#include <cstddef>

namespace xloss::engine {

/// Logarithms of probabilities that are given as they are: not below -100, as torch's binary_cross_entropy.
inline constexpr double least_log = -100.0;

/// What a derivative by a probability divides p(1 - p) by, at least; likewise torch's.
inline constexpr double least_variance = 1e-12;

/// The pixel of a logit: p = sigmoid(x). One exponential, one division, and a logarithm where it is used.
template <class V>
XLOSS_INLINE pixel<V> pixel_of_logit(const V& x, const V& y, const V& cls, std::size_t classes) {
    const auto s = sigmoid(x);
    const V l = log1p_unit(s.e); // softplus(-|x|)
    // NaN comes through l: the cheap minimum will do.
    return {x, s.p, s.q, lesser(x, V(0.0)) - l, lesser(-x, V(0.0)) - l, y, cls, classes};
}

/// The pixel of a probability.
template <class V>
XLOSS_INLINE pixel<V> pixel_of_probability(const V& p, const V& y, const V& cls, std::size_t classes) {
    const V least(least_log);
    return {p, p, 1.0 - p, max(log(p), least), max(log1p(-p), least), y, cls, classes};
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
