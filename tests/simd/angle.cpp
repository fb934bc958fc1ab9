// simd/angle.hpp against the C library in long double: the card, all quadrants, the edges.

#include "support/catch.hpp"

#include <xloss/simd/angle.hpp>
#include <xloss/simd/dual.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace simd = xloss::simd;

namespace {

template <class T, std::size_t W>
T angle(T y, T x) {
    using V = simd::number<T, W>;
    return atan2(V(static_cast<double>(y)), V(static_cast<double>(x)))[W - 1];
}

/// Error in units in the last place of the true result.
template <class T>
double ulps(T found, T y, T x) {
    const long double exact = std::atan2(static_cast<long double>(y), static_cast<long double>(x));
    int exponent = 0;
    std::frexp(exact, &exponent);
    const long double unit = std::ldexp(1.0L, std::max(exponent, std::numeric_limits<T>::min_exponent) -
                                                  std::numeric_limits<T>::digits);
    return static_cast<double>(std::abs(static_cast<long double>(found) - exact) / unit);
}

} // namespace

TEMPLATE_TEST_CASE("atan2 keeps its card", "[simd]", float, double) {
    using T = TestType;
    constexpr std::size_t W = simd::native_width<T>;
    double worst = 0.0;
    for (int i = 0; i <= 20000; ++i) {
        const double turn = -3.14159 + 6.28318 * i / 20000.0;
        for (const double size : {1e-3, 1.0, 7.25e5}) {
            const T y = static_cast<T>(size * std::sin(turn)), x = static_cast<T>(size * std::cos(turn));
            worst = std::max({worst, ulps(angle<T, W>(y, x), y, x), ulps(angle<T, 1>(y, x), y, x)});
        }
    }
    for (int i = -60; i <= 60; ++i) // angles next to the axes
        for (const double sign : {1.0, -1.0}) {
            const T small = static_cast<T>(sign * std::ldexp(1.1, i));
            for (const T x : {T(1), T(-1), T(3)})
                worst = std::max(
                    {worst, ulps(angle<T, W>(small, x), small, x), ulps(angle<T, W>(x, small), x, small)});
        }
    INFO("worst error " << worst << " ulp");
    CHECK(worst <= simd::cards::atan2.max_ulp<T>());
    CHECK(worst > 0.4); // something was measured
}

TEMPLATE_TEST_CASE("atan2 on the axes, at the origin, and of NaN", "[simd]", float, double) {
    using T = TestType;
    constexpr std::size_t W = simd::native_width<T>;
    constexpr T nan = std::numeric_limits<T>::quiet_NaN();
    CHECK(angle<T, W>(0, 0) == T(0));
    CHECK(angle<T, W>(0, 2) == T(0));
    CHECK(angle<T, W>(2, 0) == std::atan2(T(2), T(0)));
    CHECK(angle<T, W>(-2, 0) == std::atan2(T(-2), T(0)));
    CHECK(angle<T, W>(0, -2) == std::atan2(T(0), T(-2)));
    CHECK(angle<T, W>(3, 3) == std::atan2(T(3), T(3)));
    CHECK(std::isnan(angle<T, W>(nan, 1)));
    CHECK(std::isnan(angle<T, W>(1, nan)));
}

TEST_CASE("atan2 of dual numbers: x dy - y dx over the squared length, 0 at the origin", "[simd]") {
    using number = xloss::dual<2>;
    const number a = atan2(number::variable(3.0, 0), number::variable(-4.0, 1));
    CHECK(a.value == std::atan2(3.0, -4.0));
    CHECK(std::abs(a.slope[0] - -4.0 / 25.0) <= 1e-16);
    CHECK(std::abs(a.slope[1] - -3.0 / 25.0) <= 1e-16);
    const number origin = atan2(number::variable(0.0, 0), number::variable(0.0, 1));
    CHECK(origin.slope[0] == 0.0);
    CHECK(origin.slope[1] == 0.0);
}
