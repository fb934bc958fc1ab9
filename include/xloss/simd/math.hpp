#ifndef XLOSS_SIMD_MATH_HPP
#define XLOSS_SIMD_MATH_HPP

#include <xloss/config.hpp>
#include <xloss/simd/number.hpp>

#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>
#include <type_traits>

/// \file
/// exp, log, log1p, pow and the sigmoid for `number`, without a call to libm and without a table.
///
/// One text serves every width; number<T, 1> runs the same arithmetic. long double, which only serves as a
/// reference, calls the standard library.
///
/// Each function has a card in `xloss::simd::cards`: the arguments it is for, and its largest error in units
/// in the last place of the true result (ULP), subnormal results included. tests/simd/math.cpp asserts every
/// card, on every width; the bounds hold with FMA and without.
///
/// The coefficients are minimax for the relative error of the function (Remez exchange), rounded to T from
/// the lowest degree up, each fitted anew to the roundings before it.

namespace xloss::simd {

/// What a function promises. NaN gives NaN in all of them.
struct card {
    double lowest, highest;       ///< the arguments it is for, both included
    double ulp_float, ulp_double; ///< largest error in float and double
    double ulp_per_exponent = 0;  ///< pow only: and this times |g log u|

    template <class T>
    constexpr double max_ulp() const {
        return std::is_same_v<T, float> ? ulp_float : ulp_double;
    }
};

namespace cards {

inline constexpr double infinity = std::numeric_limits<double>::infinity();

/// Subnormal results are rounded once; 0 below -103.98 (float), -745.14 (double) and at -inf.
inline constexpr card exp_nonpositive{.lowest = -infinity, .highest = 0, .ulp_float = 1.3, .ulp_double = 1.2};
/// As exp_nonpositive; infinite only where the true value rounds to infinity.
inline constexpr card exp{.lowest = -infinity, .highest = infinity, .ulp_float = 1.3, .ulp_double = 1.2};
/// Subnormal arguments too. -inf at 0 and -0, inf at inf, NaN below 0.
inline constexpr card log{.lowest = 0, .highest = infinity, .ulp_float = 0.9, .ulp_double = 0.9};
/// Relative accuracy down to e = 0.
inline constexpr card log1p_unit{.lowest = 0, .highest = 1, .ulp_float = 1.6, .ulp_double = 1.4};
/// Relative accuracy around 0, both signs; keeps the sign of zero. -inf at -1, inf at inf, NaN below -1.
inline constexpr card log1p{.lowest = -1, .highest = infinity, .ulp_float = 1.5, .ulp_double = 1.5};
/// Range of u, g any. The error of the logarithm is multiplied by the exponent g log u. pow(0, g) is 0, 1,
/// inf for g > 0, = 0, < 0; pow(inf, 0) is 1. Unlike std::pow, a NaN comes through also where g = 0 or u = 1.
inline constexpr card pow{
    .lowest = 0, .highest = infinity, .ulp_float = 1.5, .ulp_double = 1.5, .ulp_per_exponent = 2};
/// p, q = 1 - p and e = exp(-|x|), each to relative accuracy: p is not 0 before exp(x) is. Exactly 0 and 1
/// at -inf and inf.
inline constexpr card sigmoid{.lowest = -infinity, .highest = infinity, .ulp_float = 2.0, .ulp_double = 2.0};

} // namespace cards

namespace detail {

template <class T>
inline constexpr bool is_extended = std::is_same_v<T, long double>;

/// Layout of T and the constants of argument reduction. ln2_high has so few digits that k * ln2_high is exact
/// for every exponent k: the reduced argument is right without FMA too.
template <class T>
struct format;

template <>
struct format<float> {
    static constexpr int mantissa_bits = 23;
    static constexpr int bias = 127;
    static constexpr int scale = 64; // keeps p * 2^(k + scale) normal for every k of exp
    static constexpr double ln2_high = 0x1.62e4p-1;
    static constexpr double ln2_low = 0x1.7f7d1cp-20;
    static constexpr double log2_e = 0x1.715476p+0;
    static constexpr double exp_lowest = -104; // exp(-104) < 2^-150 rounds to 0
    static constexpr double exp_highest = 89;  // exp(89) > 2^128 is infinite
    static constexpr bits_of<float> one = 0x3f800000u;
    static constexpr bits_of<float> sqrt_half = 0x3f3504f3u;
    static constexpr bits_of<float> fraction = 0x007fffffu;
};

template <>
struct format<double> {
    static constexpr int mantissa_bits = 52;
    static constexpr int bias = 1023;
    static constexpr int scale = 512;
    static constexpr double ln2_high = 0x1.62e42fefa4p-1;
    static constexpr double ln2_low = -0x1.8432a1b0e2634p-43;
    static constexpr double log2_e = 0x1.71547652b82fep+0;
    static constexpr double exp_lowest = -746;
    static constexpr double exp_highest = 710;
    static constexpr bits_of<double> one = 0x3ff0000000000000u;
    static constexpr bits_of<double> sqrt_half = 0x3fe6a09e667f3bcdu;
    static constexpr bits_of<double> fraction = 0x000fffffffffffffu;
};

/// c0 + c1 x + c2 x^2 + ... by Horner's rule.
template <class V>
XLOSS_INLINE V horner(const V&, double c) {
    return V(c);
}
template <class V, class... C>
XLOSS_INLINE V horner(const V& x, double c, C... higher) {
    return fma(horner(x, higher...), x, V(c));
}

/// (exp(r) - 1 - r) / r^2 for |r| <= ln(2)/2; minimax for the relative error of exp, 2^-28 and 2^-56.
template <class V>
XLOSS_INLINE V exp_tail(const V& r) {
    if constexpr (std::is_same_v<typename V::value_type, float>) {
        return horner(r, 0x1.fffffcp-2, 0x1.555494p-3, 0x1.555882p-5, 0x1.1238dep-7, 0x1.6a8ab4p-10);
    } else { // twice as many terms in two chains
        const V r2 = r * r;
        return fma(horner(r2, 0x1.5555555555509p-3, 0x1.111111112387fp-7, 0x1.a01a014ec2a63p-13,
                          0x1.71deaa9e345b1p-19, 0x1.ae874cc12e50fp-26),
                   r,
                   horner(r2, 0x1.000000000000ap-1, 0x1.5555555550605p-5, 0x1.6c16c184b8bd9p-10,
                          0x1.a01997e0367fcp-16, 0x1.28b039fbd3d6dp-22));
    }
}

/// exp(x) * 2^scale, for x that the caller has limited so that the result is a normal number: the one
/// multiplication by 2^-scale that the caller adds is then the only one that can round to a subnormal or
/// overflow.
template <class V>
XLOSS_INLINE V scaled_exp(const V& x, const V& scale) {
    using T = typename V::value_type;
    using L = lanes<T, V::width>;
    using F = format<T>;
    // k = round(x / ln 2), by adding a number so large that its last bit is worth 1. The biased exponent of
    // 2^(k + scale) then stands in the low bits, and the shift drops all others.
    const V shift = V(1.5 / std::numeric_limits<T>::epsilon() + F::bias) + scale;
    const V shifted = fma(x, V(F::log2_e), shift);
    const V k = shifted - shift;
    const V power =
        V::wrap(L::from_bits(L::template shift_left<F::mantissa_bits>(L::to_bits(shifted.unwrap()))));
    const V r = fnma(k, V(F::ln2_low), fnma(k, V(F::ln2_high), x));
    return fma(fma(exp_tail(r), r, V(1)), r, V(1)) * power;
}

/// 2^n.
constexpr double power_of_two(int n) {
    double result = 1;
    for (; n > 0; --n) {
        result *= 2;
    }
    for (; n < 0; ++n) {
        result /= 2;
    }
    return result;
}

/// The series of log(1 + f) = 2 atanh(s), s = f / (2 + f): (2 atanh(s) - 2 s) / s as a function of z = s^2.
/// For 1 + f in [sqrt(1/2), sqrt(2)]; minimax for the relative error of the logarithm, 2^-30 and 2^-59.
template <class V>
XLOSS_INLINE V log_series(const V& z) {
    if constexpr (std::is_same_v<typename V::value_type, float>) {
        return z * horner(z, 0x1.55557ap-1, 0x1.995ed6p-2, 0x1.31e096p-2);
    } else {
        return z * horner(z, 0x1.5555555555592p-1, 0x1.999999997ff37p-2, 0x1.24924941df378p-2,
                          0x1.c71c52160267dp-3, 0x1.74663c9ff8357p-3, 0x1.39a1eeebfd808p-3,
                          0x1.2f038fe8bd39cp-3);
    }
}

/// k ln 2 + log(1 + f), 1 + f in [sqrt(1/2), sqrt(2)]. The sum is ordered so that f, which is exact, is added
/// last: where k = 0 the relative error stays small down to f = 0.
template <class V>
XLOSS_INLINE V log_from_parts(const V& k, const V& f) {
    using F = format<typename V::value_type>;
    const V s = f / (f + 2);
    const V half_square = f * 0.5 * f;
    const V rest = fma(s, half_square + log_series(s * s), k * F::ln2_low);
    return fma(k, V(F::ln2_high), f - (half_square - rest));
}

/// x = 2^k m with m in [sqrt(1/2), sqrt(2)), for a positive normal x.
template <class V>
struct parts {
    V k, m;
};

template <class V>
XLOSS_INLINE parts<V> split(const V& x) {
    using T = typename V::value_type;
    using L = lanes<T, V::width>;
    using F = format<T>;
    using bits = typename L::bits;
    const bits moved = L::to_bits(x.unwrap()) + bits(F::one - F::sqrt_half);
    const bits mantissa = (moved & bits(F::fraction)) + bits(F::sqrt_half);
    // The biased exponent, as the low bits of 2^mantissa_bits + exponent: conversion by a subtraction.
    constexpr T offset = T(1) / std::numeric_limits<T>::epsilon();
    const bits exponent =
        L::template shift_right<F::mantissa_bits>(moved) | bits(std::bit_cast<bits_of<T>>(offset));
    return {V::wrap(L::from_bits(exponent)) - V(offset + T(F::bias)), V::wrap(L::from_bits(mantissa))};
}

/// log of a positive x by `finite`; the limits at 0 and infinity; NaN below 0 and for NaN.
template <class V>
XLOSS_INLINE V log_limits(const V& x, const V& finite) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const V outside = select(x == 0, -infinity, std::numeric_limits<double>::quiet_NaN());
    return select(x > 0, select(x < infinity, finite, x), outside);
}

} // namespace detail

/// exp(x) for x <= 0: card `cards::exp_nonpositive`.
template <class T, std::size_t W>
XLOSS_INLINE number<T, W> exp_nonpositive(const number<T, W>& x) {
    if constexpr (detail::is_extended<T>) {
        return std::exp(x.unwrap());
    } else {
        using V = number<T, W>;
        using F = detail::format<T>;
        const V bounded = greater(V(F::exp_lowest), x); // x second: its NaN comes through
        return detail::scaled_exp(bounded, V(F::scale)) * detail::power_of_two(-F::scale);
    }
}

/// exp_nonpositive under flush_denormals, and without it: the same bits where the result is a normal number,
/// 0 where it would round to less. Saves the multiplication that can make a subnormal.
template <class T, std::size_t W>
XLOSS_INLINE number<T, W> exp_flushed(const number<T, W>& x) {
    if constexpr (detail::is_extended<T>) {
        return std::exp(x.unwrap());
    } else {
        using V = number<T, W>;
        // Where the exponent of the result is that of subnormal numbers, its bits make a power of 0.
        constexpr double zero = -detail::format<T>::bias / detail::format<T>::log2_e;
        return detail::scaled_exp(greater(V(zero), x), V(0.0)); // x second: its NaN comes through
    }
}

/// exp(x): card `cards::exp`.
template <class T, std::size_t W>
XLOSS_INLINE number<T, W> exp(const number<T, W>& x) {
    if constexpr (detail::is_extended<T>) {
        return std::exp(x.unwrap());
    } else {
        using V = number<T, W>;
        using F = detail::format<T>;
        const V bounded = lesser(V(F::exp_highest), greater(V(F::exp_lowest), x));
        const auto negative = x < 0;
        const V scaled = detail::scaled_exp(bounded, select(negative, F::scale, -F::scale));
        return scaled * select(negative, detail::power_of_two(-F::scale), detail::power_of_two(F::scale));
    }
}

/// log(x): card `cards::log`.
template <class T, std::size_t W>
XLOSS_INLINE number<T, W> log(const number<T, W>& x) {
    if constexpr (detail::is_extended<T>) {
        return std::log(x.unwrap());
    } else {
        using V = number<T, W>;
        using F = detail::format<T>;
        const auto subnormal = x < V(std::numeric_limits<T>::min());
        const auto [k, m] = detail::split(select(subnormal, x * detail::power_of_two(F::mantissa_bits), x));
        const V exponent = k - select(subnormal, F::mantissa_bits, 0);
        return detail::log_limits(x, detail::log_from_parts(exponent, m - 1));
    }
}

/// log(1 + e) for e in [0, 1], which is all that a softplus needs: card `cards::log1p_unit`. q is e / (1 +
/// e), which a sigmoid has at hand.
template <class T, std::size_t W>
XLOSS_INLINE number<T, W> log1p_unit(const number<T, W>& e, [[maybe_unused]] const number<T, W>& q) {
    using V = number<T, W>;
    if constexpr (detail::is_extended<T>) {
        return std::log1p(e.unwrap());
    } else if constexpr (std::is_same_v<T, float>) {
        // With l = log(1 + e): e + q = 2 sinh l, e - q = e q = 2 cosh l - 2 = z, and l / sinh l is a function
        // of cosh l without a singularity near: of z five coefficients do what nine do of e. Only the last
        // subtraction rounds e itself. Minimax on [0, 1/2], relative error of the logarithm 2^-30.
        const V z = e * q;
        const V tail =
            detail::horner(z, 0x1.55555p-4, -0x1.110e84p-6, 0x1.d3573p-9, -0x1.92f8dcp-11, 0x1.1224e8p-13);
        return fnma(z, fma(e + q, tail, V(0.5)), e);
    } else {
        // 2 atanh(e / (2 + e)), relative error 2^-59. The form of float would leave the card without
        // FMA: 1.53.
        const V s = e / (e + 2);
        const V z = s * s;
        const V series = detail::horner(z, 0x1.5555555555535p-1, 0x1.99999999a0751p-2, 0x1.249249208c4c5p-2,
                                        0x1.c71c741c7c1e1p-3, 0x1.745cb3fea25bbp-3, 0x1.3b1ddb957cdebp-3,
                                        0x1.1067c30550eaap-3, 0x1.efd871ac92d6ep-4, 0x1.55b04b0c067d1p-4,
                                        0x1.5c79bc39fd3f8p-3);
        return fnma(s, fnma(z, series, e), e);
    }
}

/// log(1 + x): card `cards::log1p`.
template <class T, std::size_t W>
XLOSS_INLINE number<T, W> log1p(const number<T, W>& x) {
    if constexpr (detail::is_extended<T>) {
        return std::log1p(x.unwrap());
    } else {
        using V = number<T, W>;
        using L = detail::lanes<T, W>;
        using F = detail::format<T>;
        // u + lost = 1 + x exactly, u rounded. With u = 2^k m: 1 + x = 2^k (m + 2^-k lost), and for k = 0
        // (m - 1) + lost is x itself.
        const V u = x + 1;
        const V part = u - 1;
        const V lost = (1 - (u - part)) + (x - part);
        const auto [k, m] = detail::split(u);
        // 2^-k from its exponent bits; the largest k give 0 instead, and there nothing is lost.
        const V exponent = V(1.0 / std::numeric_limits<T>::epsilon() + F::bias) - lesser(k, V(F::bias));
        const V power =
            V::wrap(L::from_bits(L::template shift_left<F::mantissa_bits>(L::to_bits(exponent.unwrap()))));
        const V finite = detail::log_from_parts(k, fma(lost, power, m - 1));
        return copysign(detail::log_limits(u, finite), x);
    }
}

/// u^g for u >= 0: card `cards::pow`.
template <class T, std::size_t W>
XLOSS_INLINE number<T, W> pow(const number<T, W>& u, const std::type_identity_t<number<T, W>>& g) {
    using V = number<T, W>;
    // 0^0 and inf^0 are 1, but NaN^0 stays NaN: the comparison is false for it.
    const auto one = (g == 0) & (u >= 0);
    const V exponent = select(one, V(0), g * log(u));
    return exp(exponent);
}

/// sigmoid(x), 1 - sigmoid(x), and what they come from.
template <class V>
struct sigmoid_pair {
    V p, q;
    V e;       ///< exp(-|x|)
    V smaller; ///< of p and q: e / (1 + e)
};

/// The smaller of p and q, by e = exp(-|x|): e / (1 + e).
template <class V>
XLOSS_INLINE V smaller_of_exponential(const V& e) {
    // e / (1 + e) = e - e (e / (1 + e)): the rounding of 1 + e now only reaches the correction.
    return fnma(e, e / (e + 1), e);
}

/// p and q by the smaller of them; the sign of x says which it is.
template <class V>
XLOSS_INLINE void write_p_and_q(const V& x, const V& smaller, V& p, V& q) {
    q = smaller;
    p = 1 - q; // q <= 1/2: loses nothing
    exchange(signbit(x), p, q);
}

namespace detail {

template <class V>
XLOSS_INLINE sigmoid_pair<V> sigmoid_of(const V& x, const V& e) {
    const V smaller = smaller_of_exponential(e);
    V p, q;
    write_p_and_q(x, smaller, p, q);
    return {p, q, e, smaller};
}

} // namespace detail

/// p = 1 / (1 + exp(-x)) and q = 1 - p, both to full relative accuracy: card `cards::sigmoid`.
template <class T, std::size_t W>
XLOSS_INLINE sigmoid_pair<number<T, W>> sigmoid(const number<T, W>& x) {
    return detail::sigmoid_of(x, exp_nonpositive(minus_abs(x)));
}

/// sigmoid under flush_denormals, and without it, as exp_flushed is.
template <class T, std::size_t W>
XLOSS_INLINE sigmoid_pair<number<T, W>> sigmoid_flushed(const number<T, W>& x) {
    return detail::sigmoid_of(x, exp_flushed(minus_abs(x)));
}

} // namespace xloss::simd

#endif
