#ifndef XLOSS_SIMD_DUAL_HPP
#define XLOSS_SIMD_DUAL_HPP

#include <xloss/simd/math.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <type_traits>

/// \file
/// Forward-mode differentiation: a number that carries its derivatives. It has the operators and functions of
/// simd::number, so a formula written for V runs on it unchanged; it proves hand-written derivatives and
/// differentiates losses that give none.

namespace xloss {

/// A value and its derivatives in N directions. S is double, float or long double.
///
/// Conventions where a derivative does not exist or is infinite, chosen so that gradients stay finite: d|x| =
/// 0 at 0; min and max of equal numbers pass half to each; sqrt and pow have derivative 0 at 0 (pow also for
/// an exponent below 1). What is constant (slope 0) stays constant through every function, also where a
/// factor is infinite.
template <std::size_t N = 1, class S = double>
struct dual {
    static_assert(std::is_floating_point_v<S>, "dual<N, S> needs a plain floating-point type");

    using value_type = S;
    /// A plain number: double, or long double where S is.
    using scalar = std::conditional_t<std::is_same_v<S, long double>, long double, double>;
    static constexpr std::size_t width = 1;
    static constexpr std::size_t directions = N;

    S value{};
    std::array<S, N> slope{};

    constexpr dual() = default;
    /// A constant.
    constexpr dual(scalar constant) : value(static_cast<S>(constant)) {}
    constexpr dual(S v, const std::array<S, N>& s) : value(v), slope(s) {}

    /// The variable of one direction: slope 1 there, 0 in the others.
    static constexpr dual variable(S at, std::size_t direction = 0) {
        dual result;
        result.value = at;
        result.slope[direction] = S(1);
        return result;
    }

    friend constexpr dual operator+(const dual& a, const dual& b) {
        return join(a.value + b.value, a, 1, b, 1);
    }
    friend constexpr dual operator-(const dual& a, const dual& b) {
        return join(a.value - b.value, a, 1, b, -1);
    }
    friend constexpr dual operator*(const dual& a, const dual& b) {
        return join(a.value * b.value, a, b.value, b, a.value);
    }
    friend constexpr dual operator/(const dual& a, const dual& b) {
        const S quotient = a.value / b.value;
        return join(quotient, a, 1 / b.value, b, -quotient / b.value);
    }
    friend constexpr dual operator-(const dual& a) { return chain(-a.value, a, -1); }
    friend constexpr dual operator+(const dual& a) { return a; }
    constexpr dual& operator+=(const dual& other) { return *this = *this + other; }
    constexpr dual& operator-=(const dual& other) { return *this = *this - other; }
    constexpr dual& operator*=(const dual& other) { return *this = *this * other; }
    constexpr dual& operator/=(const dual& other) { return *this = *this / other; }

    /// Comparisons see the value alone.
    friend constexpr bool operator<(const dual& a, const dual& b) { return a.value < b.value; }
    friend constexpr bool operator<=(const dual& a, const dual& b) { return a.value <= b.value; }
    friend constexpr bool operator>(const dual& a, const dual& b) { return a.value > b.value; }
    friend constexpr bool operator>=(const dual& a, const dual& b) { return a.value >= b.value; }
    friend constexpr bool operator==(const dual& a, const dual& b) { return a.value == b.value; }
    friend constexpr bool operator!=(const dual& a, const dual& b) { return !(a == b); }

    friend constexpr dual select(bool m, const dual& a, const dual& b) { return m ? a : b; }
    friend constexpr dual select(bool m, const dual& a) { return m ? a : dual(); }
    friend constexpr dual fma(const dual& a, const dual& b, const dual& c) { return a * b + c; }
    friend constexpr dual fnma(const dual& a, const dual& b, const dual& c) { return c - a * b; }

    friend dual abs(const dual& a) { return chain(std::abs(a.value), a, sign(a.value)); }
    friend dual minus_abs(const dual& a) { return -abs(a); }
    friend dual copysign(const dual& a, const dual& sign_of) {
        const bool same = std::signbit(a.value) == std::signbit(sign_of.value);
        return same ? a : -a;
    }
    friend dual flip_sign(const dual& a, const dual& sign_of) { return std::signbit(sign_of.value) ? -a : a; }
    /// Constant between its jumps.
    friend dual round(const dual& a) { return {std::nearbyint(a.value), {}}; }
    friend dual sqrt(const dual& a) {
        const S root = std::sqrt(a.value);
        return chain(root, a, root == 0 ? S(0) : 1 / (2 * root));
    }

    /// Equal numbers pass half to each, as in min: pixel_of_logit asks at logit 0.
    friend constexpr dual lesser(const dual& a, const dual& b) {
        return a.value == b.value ? join(a.value, a, S(0.5), b, S(0.5)) : a.value < b.value ? a : b;
    }
    /// At 0 the mean of both slopes, by `lesser`.
    friend constexpr dual ramp(const dual& x, const dual& below, const dual& above) {
        return -(select(below != 0.0, below * lesser(x, 0.0)) +
                 select(above != 0.0, above * lesser(-x, 0.0)));
    }
    friend constexpr dual greater(const dual& a, const dual& b) { return a.value > b.value ? a : b; }
    friend constexpr dual min(const dual& a, const dual& b) { return extreme(a, b, a.value < b.value); }
    friend constexpr dual max(const dual& a, const dual& b) { return extreme(a, b, a.value > b.value); }

    friend dual exp(const dual& a) {
        const S e = std::exp(a.value);
        return chain(e, a, e);
    }
    friend dual exp_nonpositive(const dual& a) { return exp(a); }
    friend dual log(const dual& a) { return chain(std::log(a.value), a, 1 / a.value); }
    friend dual log1p(const dual& a) { return chain(std::log1p(a.value), a, 1 / (1 + a.value)); }
    friend dual log1p_unit(const dual& e, const dual&) { return log1p(e); }

    /// At (0, 0) the derivatives are 0.
    friend dual atan2(const dual& y, const dual& x) {
        const S square = x.value * x.value + y.value * y.value, by = square == 0 ? S(0) : 1 / square;
        return join(std::atan2(y.value, x.value), y, x.value * by, x, -y.value * by);
    }

    /// u^g for u >= 0. At u = 0 both derivatives are 0.
    friend dual pow(const dual& u, const dual& g) {
        if (u.value == 0) {
            return {std::pow(u.value, g.value), {}};
        }
        // std::pow gives 1 for NaN^0 and for 1^NaN; here NaN comes through, as in simd::pow.
        const S power =
            std::isnan(u.value) || std::isnan(g.value) ? u.value + g.value : std::pow(u.value, g.value);
        return join(power, u, g.value * std::pow(u.value, g.value - 1), g, power * std::log(u.value));
    }

    friend simd::sigmoid_pair<dual> sigmoid(const dual& x) {
        const dual e = exp(minus_abs(x));
        const S smaller = e.value / (1 + e.value);
        const S larger = 1 / (1 + e.value);
        const S product = smaller * larger;
        const bool negative = std::signbit(x.value);
        return {chain(negative ? smaller : larger, x, product),
                chain(negative ? larger : smaller, x, -product), e,
                chain(smaller, x, negative ? product : -product)};
    }
    friend simd::sigmoid_pair<dual> sigmoid_flushed(const dual& x) { return sigmoid(x); }

    friend bool isnan(const dual& a) { return std::isnan(a.value); }
    friend bool isfinite(const dual& a) { return std::isfinite(a.value); }
    friend bool signbit(const dual& a) { return std::signbit(a.value); }

private:
    static constexpr S scaled(S slope_of, S factor) { return slope_of == 0 ? S(0) : slope_of * factor; }
    static constexpr dual chain(S v, const dual& a, S factor) {
        dual result;
        result.value = v;
        for (std::size_t i = 0; i < N; ++i) {
            result.slope[i] = scaled(a.slope[i], factor);
        }
        return result;
    }
    static constexpr dual join(S v, const dual& a, S factor_a, const dual& b, S factor_b) {
        dual result;
        result.value = v;
        for (std::size_t i = 0; i < N; ++i) {
            result.slope[i] = scaled(a.slope[i], factor_a) + scaled(b.slope[i], factor_b);
        }
        return result;
    }
    static constexpr S sign(S v) { return v > 0 ? S(1) : v < 0 ? S(-1) : S(0) * v; }
    static constexpr dual extreme(const dual& a, const dual& b, bool first) {
        if (a.value == b.value) {
            return join(a.value, a, S(0.5), b, S(0.5));
        }
        return first || !(a.value == a.value) ? a : b;
    }
};

} // namespace xloss

#endif
