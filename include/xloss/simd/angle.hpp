#ifndef XLOSS_SIMD_ANGLE_HPP
#define XLOSS_SIMD_ANGLE_HPP

#include <xloss/config.hpp>
#include <xloss/simd/math.hpp>

#include <cmath>
#include <cstddef>
#include <type_traits>

namespace xloss::simd {

namespace cards {

/// Of two finite numbers whose sum is finite. 0 at (0, 0), whatever the signs; the angle of (0, x < 0) has
/// the sign of y.
inline constexpr card atan2{.lowest = -infinity, .highest = infinity, .ulp_float = 2.5, .ulp_double = 2.5};

} // namespace cards

namespace detail {

/// atan(t) for |t| <= tan(pi/8); minimax for the relative error, 2^-30 and 2^-59.
template <class V>
XLOSS_INLINE V atan_small(const V& t) {
    const V z = t * t;
    if constexpr (std::is_same_v<typename V::value_type, float>) {
        return fma(t * z,
                   horner(z, -0x1.55554ap-2, 0x1.9991e2p-3, -0x1.23b9a4p-3, 0x1.b22494p-4, -0x1.f2e778p-5),
                   t);
    } else {
        return fma(t * z,
                   horner(z, -0x1.555555555553dp-2, 0x1.9999999995869p-3, -0x1.24924922ad515p-3,
                          0x1.c71c70e6085fep-4, -0x1.745cf8db9b401p-4, 0x1.3b11190f89ef5p-4,
                          -0x1.10ebb7d8330d6p-4, 0x1.df0f47519db06p-5, -0x1.9cd2b6f16ff37p-5,
                          0x1.37d5b2e4b4457p-5, -0x1.256ab7af6f32ap-6),
                   t);
    }
}

} // namespace detail

/// The angle of the point (x, y) with the x axis, in [-pi, pi]: card `cards::atan2`.
template <class T, std::size_t W>
XLOSS_INLINE number<T, W> atan2(const number<T, W>& y, const number<T, W>& x) {
    if constexpr (detail::is_extended<T>) {
        return std::atan2(y.unwrap(), x.unwrap());
    } else {
        using V = number<T, W>;
        constexpr double tan_of_eighth = 0x1.a827999fcef32p-2;
        // pi/4 and what it lacks in double; in float the low part is that of the rounded high part.
        constexpr double quarter = 0x1.921fb54442d18p-1, lost_of_quarter = 0x1.1a62633145c07p-55;
        const V quarter_high(quarter);
        const V quarter_low(std::is_same_v<T, float>
                                ? quarter - static_cast<double>(static_cast<float>(quarter))
                                : lost_of_quarter);
        const V across = abs(x), up = abs(y);
        const V small = min(across, up), large = max(across, up);
        // atan(t) = pi/4 + atan((t - 1)/(t + 1)): one division for both.
        const auto far = small > tan_of_eighth * large;
        const V below = select(far, small + large, large);
        const V t = select(far, small - large, small) / select(below == V(0.0), V(1.0), below);
        const V near = detail::atan_small(t);
        V angle = select(far, (near + quarter_low) + quarter_high, near);
        angle = select(up > across, (2.0 * quarter_low - angle) + 2.0 * quarter_high, angle);
        angle = select(x < V(0.0), (4.0 * quarter_low - angle) + 4.0 * quarter_high, angle);
        return copysign(angle, y);
    }
}

} // namespace xloss::simd

#endif
