#ifndef XLOSS_SIMD_NUMBER_HPP
#define XLOSS_SIMD_NUMBER_HPP

#include <xloss/config.hpp>
#include <xloss/simd/lanes.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

/// \file
/// The number type V that every formula of the library is written for.
///
/// `number<T>` is one vector register of the target: W lanes of float or double. `number<T, 1>` holds a plain
/// T and runs the same formulas without SIMD, for float, double and long double. A formula knows no width: it
/// uses the operators, comparisons (which give a `mask`), `select`, and the functions here and in math.hpp,
/// all found by argument-dependent look-up. There is no `if` on a number.

namespace xloss::simd {

/// Lanes of the widest register for T; 1 when SIMD is off or the target has none.
template <class T>
inline constexpr std::size_t native_width = detail::width_of<T>();

template <class T, std::size_t W>
class number;

/// The result of a comparison: one truth value per lane.
template <class T, std::size_t W = native_width<T>>
class mask {
    static_assert(W == 1 || W == native_width<T>, "mask<T, W> has the native width or width 1");
    using lanes = detail::lanes<T, W>;

public:
    using value_type = T;
    static constexpr std::size_t width = W;

    mask() = default;
    /// The same truth value in every lane.
    XLOSS_INLINE explicit mask(bool same) : m_flags(same) {}

    /// From and to what the lanes are stored in (bool, or a batch_bool of xsimd).
    using storage_type = typename lanes::flags;
    static XLOSS_INLINE mask wrap(const storage_type& flags) { return mask(flags, wrapped{}); }
    XLOSS_INLINE const storage_type& unwrap() const { return m_flags; }

    friend XLOSS_INLINE mask operator&(const mask& a, const mask& b) {
        return wrap(lanes::both(a.m_flags, b.m_flags));
    }
    friend XLOSS_INLINE mask operator|(const mask& a, const mask& b) {
        return wrap(lanes::either(a.m_flags, b.m_flags));
    }
    friend XLOSS_INLINE mask operator^(const mask& a, const mask& b) {
        return wrap(lanes::differ(a.m_flags, b.m_flags));
    }
    friend XLOSS_INLINE mask operator!(const mask& a) { return wrap(lanes::negate(a.m_flags)); }
    /// Lane by lane.
    friend XLOSS_INLINE mask operator==(const mask& a, const mask& b) { return !(a ^ b); }
    friend XLOSS_INLINE mask operator!=(const mask& a, const mask& b) { return a ^ b; }
    XLOSS_INLINE mask& operator&=(const mask& other) { return *this = *this & other; }
    XLOSS_INLINE mask& operator|=(const mask& other) { return *this = *this | other; }

    /// True in at least one lane.
    friend XLOSS_INLINE bool any(const mask& a) { return lanes::any(a.m_flags); }
    /// True in every lane.
    friend XLOSS_INLINE bool all(const mask& a) { return lanes::all(a.m_flags); }

    /// a where the mask is true, b elsewhere; plain numbers convert. What is not chosen may be NaN or
    /// infinite.
    friend XLOSS_INLINE number<T, W> select(const mask& m, const number<T, W>& a, const number<T, W>& b) {
        return number<T, W>::wrap(lanes::select(m.m_flags, a.unwrap(), b.unwrap()));
    }
    /// a where the mask is true, 0 elsewhere.
    friend XLOSS_INLINE number<T, W> select(const mask& m, const number<T, W>& a) {
        return number<T, W>::wrap(lanes::select(m.m_flags, a.unwrap()));
    }

private:
    struct wrapped {};
    XLOSS_INLINE mask(const storage_type& flags, wrapped) : m_flags(flags) {}

    storage_type m_flags = storage_type(false);
};

/// W lanes of T. T is float or double of the native width, or any floating-point type with W = 1.
template <class T, std::size_t W = native_width<T>>
class number {
    static_assert(std::is_floating_point_v<T>, "number<T> holds float, double or long double");
    static_assert(W == 1 || W == native_width<T>, "number<T, W> has the native width or width 1");
    using lanes = detail::lanes<T, W>;

public:
    using value_type = T;
    using mask_type = mask<T, W>;
    static constexpr std::size_t width = W;

    /// A plain number: double, or long double where T is.
    using scalar = std::conditional_t<std::is_same_v<T, long double>, long double, double>;

    /// Zero in every lane.
    number() = default;
    /// The same value in every lane, rounded once to T.
    XLOSS_INLINE number(scalar same) : m_lanes(static_cast<T>(same)) {}

    /// From and to what the lanes are stored in (T, or a batch of xsimd).
    using storage_type = typename lanes::type;
    static XLOSS_INLINE number wrap(const storage_type& stored) { return number(stored, wrapped{}); }
    XLOSS_INLINE const storage_type& unwrap() const { return m_lanes; }

    /// Reads W consecutive values, of any alignment.
    static XLOSS_INLINE number load(const T* from) { return wrap(lanes::load(from)); }
    /// As numbers, W consecutive bytes.
    static XLOSS_INLINE number load_bytes(const std::uint8_t* from) { return wrap(lanes::load_bytes(from)); }
    XLOSS_INLINE void store(T* to) const { lanes::store(m_lanes, to); }

    /// Reads n values, n < W (n >= W reads W), and fills the other lanes; memory from from + n on is not
    /// touched.
    static XLOSS_INLINE number load_partial(const T* from, std::size_t n, scalar fill = 0) {
        T buffer[W];
        for (std::size_t i = 0; i < W; ++i) {
            buffer[i] = i < n ? from[i] : static_cast<T>(fill);
        }
        return load(buffer);
    }
    /// Writes the first n lanes, n < W (n >= W writes W); memory from to + n on is not touched.
    XLOSS_INLINE void store_partial(T* to, std::size_t n) const {
        T buffer[W];
        store(buffer);
        for (std::size_t i = 0; i < W && i < n; ++i) {
            to[i] = buffer[i];
        }
    }

    /// One lane. Slow: for tests and for what happens once per call.
    XLOSS_INLINE T operator[](std::size_t lane) const { return lanes::at(m_lanes, lane); }
    XLOSS_INLINE explicit operator T() const requires(W == 1) { return m_lanes; }

    friend XLOSS_INLINE number operator+(const number& a, const number& b) {
        return wrap(lanes::add(a.m_lanes, b.m_lanes));
    }
    friend XLOSS_INLINE number operator-(const number& a, const number& b) {
        return wrap(lanes::subtract(a.m_lanes, b.m_lanes));
    }
    friend XLOSS_INLINE number operator*(const number& a, const number& b) {
        return wrap(lanes::multiply(a.m_lanes, b.m_lanes));
    }
    friend XLOSS_INLINE number operator/(const number& a, const number& b) {
        return wrap(lanes::divide(a.m_lanes, b.m_lanes));
    }
    friend XLOSS_INLINE number operator-(const number& a) { return wrap(lanes::minus(a.m_lanes)); }
    friend XLOSS_INLINE number operator+(const number& a) { return a; }
    XLOSS_INLINE number& operator+=(const number& other) { return *this = *this + other; }
    XLOSS_INLINE number& operator-=(const number& other) { return *this = *this - other; }
    XLOSS_INLINE number& operator*=(const number& other) { return *this = *this * other; }
    XLOSS_INLINE number& operator/=(const number& other) { return *this = *this / other; }

    friend XLOSS_INLINE mask_type operator<(const number& a, const number& b) {
        return mask_type::wrap(a.m_lanes < b.m_lanes);
    }
    friend XLOSS_INLINE mask_type operator<=(const number& a, const number& b) {
        return mask_type::wrap(a.m_lanes <= b.m_lanes);
    }
    friend XLOSS_INLINE mask_type operator>(const number& a, const number& b) {
        return mask_type::wrap(a.m_lanes > b.m_lanes);
    }
    friend XLOSS_INLINE mask_type operator>=(const number& a, const number& b) {
        return mask_type::wrap(a.m_lanes >= b.m_lanes);
    }
    friend XLOSS_INLINE mask_type operator==(const number& a, const number& b) {
        return mask_type::wrap(a.m_lanes == b.m_lanes);
    }
    /// True where one of them is NaN. Not xsimd's !=, which is false for NaN on AVX in 8.1.
    friend XLOSS_INLINE mask_type operator!=(const number& a, const number& b) {
        return mask_type::wrap(lanes::unequal(a.m_lanes, b.m_lanes));
    }

    /// Exchanges a and b where the mask is true.
    friend XLOSS_INLINE void exchange(const mask_type& m, number& a, number& b) {
        lanes::exchange(m.unwrap(), a.m_lanes, b.m_lanes);
    }
    /// Takes a apart: a where the mask is true and 0 elsewhere, and the rest.
    friend XLOSS_INLINE void part(const mask_type& m, const number& a, number& where, number& elsewhere) {
        lanes::part(m.unwrap(), a.m_lanes, where.m_lanes, elsewhere.m_lanes);
    }
    /// The same choice in every lane, for a flag known before the loop.
    friend XLOSS_INLINE number select(bool flag, const number& a, const number& b) { return flag ? a : b; }
    friend XLOSS_INLINE number select(bool flag, const number& a) { return flag ? a : number(); }

    /// a * b + c, rounded once where the target has the instruction, twice elsewhere.
    friend XLOSS_INLINE number fma(const number& a, const number& b, const number& c) {
        return wrap(lanes::fma(a.m_lanes, b.m_lanes, c.m_lanes));
    }
    /// c - a * b, rounded once where the target has the instruction, twice elsewhere.
    friend XLOSS_INLINE number fnma(const number& a, const number& b, const number& c) {
        return wrap(lanes::fnma(a.m_lanes, b.m_lanes, c.m_lanes));
    }
    friend XLOSS_INLINE number abs(const number& a) { return wrap(lanes::abs(a.m_lanes)); }
    friend XLOSS_INLINE number copysign(const number& a, const number& sign) {
        return wrap(lanes::copysign(a.m_lanes, sign.m_lanes));
    }
    /// -|a|, in one instruction.
    friend XLOSS_INLINE number minus_abs(const number& a) { return wrap(lanes::minus_abs(a.m_lanes)); }
    /// a, with the other sign where the sign bit of `sign` is set.
    friend XLOSS_INLINE number flip_sign(const number& a, const number& sign) {
        return wrap(lanes::flip_sign(a.m_lanes, sign.m_lanes));
    }
    /// True where the sign bit is set: -0 and negative NaNs too.
    friend XLOSS_INLINE mask_type signbit(const number& a) {
        return mask_type::wrap(lanes::signbit(a.m_lanes));
    }
    friend XLOSS_INLINE number sqrt(const number& a) { return wrap(lanes::sqrt(a.m_lanes)); }

    /// a < b ? a : b, one instruction. A NaN in b comes through, one in a is lost.
    friend XLOSS_INLINE number lesser(const number& a, const number& b) {
        return wrap(lanes::lesser(a.m_lanes, b.m_lanes));
    }
    /// a > b ? a : b, one instruction. A NaN in b comes through, one in a is lost.
    friend XLOSS_INLINE number greater(const number& a, const number& b) {
        return wrap(lanes::greater(a.m_lanes, b.m_lanes));
    }
    /// The smaller one; NaN if either is NaN. Three instructions: `lesser` where a cannot be NaN costs one.
    friend XLOSS_INLINE number min(const number& a, const number& b) {
        return select(a == a, lesser(a, b), a);
    }
    /// The larger one; NaN if either is NaN. Three instructions: `greater` where a cannot be NaN costs one.
    friend XLOSS_INLINE number max(const number& a, const number& b) {
        return select(a == a, greater(a, b), a);
    }

    /// -x * below where x < 0, x * above elsewhere; 0 times infinity is 0.
    friend XLOSS_INLINE number ramp(const number& x, const number& below, const number& above) {
        const number factor = select(signbit(x), below, above);
        return select(factor != number(), abs(x) * factor);
    }

    /// The nearest integer, ties to even; keeps the sign of zero.
    friend XLOSS_INLINE number round(const number& a) {
        // Beyond 2^(digits - 1) every value is an integer; adding and subtracting that number rounds any
        // smaller one.
        constexpr T exact = T(1) / std::numeric_limits<T>::epsilon();
        const number shift = copysign(number(exact), a);
        return select(abs(a) < number(exact), copysign((a + shift) - shift, a), a);
    }

    /// The sum of the lanes.
    friend XLOSS_INLINE T sum(const number& a) { return lanes::sum(a.m_lanes); }

    /// table[index], lane by lane; every index is an integer in [0, 2^22).
    friend XLOSS_INLINE number lookup(const T* table, const number& index) {
        if constexpr (std::is_same_v<T, long double>) {
            return wrap(table[static_cast<std::size_t>(index.m_lanes)]);
        } else {
            // Added to 2^(digits - 1), an integer appears in the low bits: cheaper than a conversion, which
            // for double has no instruction before AVX-512.
            const number shift = T(1) / std::numeric_limits<T>::epsilon();
            const auto offset = lanes::to_bits((index + shift).m_lanes) - lanes::to_bits(shift.m_lanes);
            return wrap(lanes::gather(table, offset));
        }
    }

    friend XLOSS_INLINE mask_type isnan(const number& a) { return !(a == a); }
    /// Neither infinite nor NaN.
    friend XLOSS_INLINE mask_type isfinite(const number& a) {
        return abs(a) < number(std::numeric_limits<T>::infinity());
    }

private:
    struct wrapped {};
    XLOSS_INLINE number(const storage_type& stored, wrapped) : m_lanes(stored) {}

    storage_type m_lanes = storage_type(T(0));
};

} // namespace xloss::simd

#endif
