#ifndef XLOSS_TESTS_SUPPORT_ULP_HPP
#define XLOSS_TESTS_SUPPORT_ULP_HPP

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace xloss::testing {

template <class T>
using bits_of = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

/// |got - exact| in units in the last place of T at the exact value. Infinity where one is NaN, or infinite
/// in T, and the other is not.
template <class T, class Exact>
double ulp_error(T got, Exact exact) {
    constexpr double wrong = std::numeric_limits<double>::infinity();
    const T rounded = static_cast<T>(exact);
    if (std::isnan(got) || std::isnan(rounded)) {
        return std::isnan(got) && std::isnan(rounded) ? 0 : wrong;
    }
    if (std::isinf(got) || std::isinf(rounded)) {
        return got == rounded ? 0 : wrong;
    }
    // The power of two at or below |exact|: the exponent bits of `rounded`, unless it was rounded up to it.
    constexpr auto exponent_bits = std::bit_cast<bits_of<T>>(std::numeric_limits<T>::infinity());
    Exact power =
        std::bit_cast<T>(static_cast<bits_of<T>>(std::bit_cast<bits_of<T>>(rounded) & exponent_bits));
    power = power > std::fabs(exact) ? power / 2 : power;
    const Exact last = std::max(power * std::numeric_limits<T>::epsilon(),
                                static_cast<Exact>(std::numeric_limits<T>::denorm_min()));
    return static_cast<double>(std::fabs(static_cast<Exact>(got) - exact) / last);
}

} // namespace xloss::testing

#endif
