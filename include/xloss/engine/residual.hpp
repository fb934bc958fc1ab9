#ifndef XLOSS_ENGINE_RESIDUAL_HPP
#define XLOSS_ENGINE_RESIDUAL_HPP

#include <xloss/config.hpp>

#include <algorithm>
#include <limits>

namespace xloss::engine {

/// v, where it has left the format the largest number of its sign: what finite inputs give stays finite, and
/// so do sums in double of 2^40 of them. NaN comes through.
template <class V>
XLOSS_INLINE V within_format(const V& v) {
    using T = typename V::value_type;
    constexpr double summable = std::numeric_limits<double>::max() / (1ULL << 40);
    const V most(std::min(static_cast<double>(std::numeric_limits<T>::max()), summable));
    return greater(-most, lesser(most, v));
}

/// d|d|/dd: 1, -1, and 0 at 0. NaN comes through.
template <class V>
XLOSS_INLINE V sign_of(const V& d) {
    return select(d > V(0.0), V(1.0), select(d < V(0.0), V(-1.0), d));
}

} // namespace xloss::engine

#endif
