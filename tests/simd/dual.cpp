#include <xloss/simd/dual.hpp>

#include "../support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <type_traits>

using xloss::dual;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// The slope of f at x > 0 against the central difference in long double, whose relative error is about 1e-12
/// here: the step is relative to x, because the third derivatives of log and the powers grow towards 0.
template <class Function>
void check_slope(Function f, double x) {
    using D = dual<1, long double>;
    const long double h = 1e-6L * std::min(x, 1.0);
    const D y = f(D::variable(x));
    const long double slope = (f(D(x + h)).value - f(D(x - h)).value) / (2 * h);
    CAPTURE(x, y.slope[0], slope);
    CHECK(std::abs(y.slope[0] - slope) <= 1e-9L * std::max(1.0L, std::abs(slope)));
    CHECK(y.value == f(D(x)).value);
}

/// A formula written for simd::number.
template <class V>
V focal(V x, V y) {
    const auto pair = sigmoid(x);
    const V softplus = max(x, 0) + log1p_unit(pair.e, pair.smaller);
    return pow(select(y > 0.5, pair.q, pair.p), 1.7) * (softplus - x * y);
}

} // namespace

TEST_CASE("the slope of every function is its derivative", "[simd][dual]") {
    for (const double x : {0.01, 0.3, 0.9, 1.7, 6.0}) {
        check_slope([](auto v) { return v * v + 3 * v - v / (v + 2) + 1 / v - (-v); }, x);
        check_slope([](auto v) { return exp(v); }, x);
        check_slope([](auto v) { return exp_nonpositive(-v); }, x);
        check_slope([](auto v) { return log(v); }, x);
        check_slope([](auto v) { return log1p(v); }, x);
        check_slope([](auto v) { return log1p_unit(1 / (1 + v), 1 / (2 + v)); }, x);
        check_slope([](auto v) { return sqrt(v); }, x);
        check_slope([](auto v) { return pow(v, 2.5); }, x);
        check_slope([](auto v) { return pow(v, v); }, x);
        check_slope([](auto v) { return pow(0.3, v) + pow(v, -1); }, x);
        check_slope([](auto v) { return abs(v) * abs(-v) + minus_abs(v); }, x);
        check_slope([](auto v) { return copysign(v, -1) + copysign(-v, v * v); }, x);
        check_slope([](auto v) { return flip_sign(v * v, -v) + flip_sign(v, v); }, x);
        check_slope([](auto v) { return ramp(v, 2, v) + ramp(-v, v + 1, 3) + ramp(v - 1, 2, 3); }, x);
        check_slope([](auto v) { return min(v, 1) * max(v, 1) + lesser(v, 1) * greater(v, 1); }, x);
        check_slope([](auto v) { return fma(v, v, 2 * v) - fnma(v, v, 3); }, x);
        check_slope([](auto v) { return select(v > 1, v * v, 2 * v) * round(v); }, x);
        check_slope([](auto v) { return sigmoid(v).p * 2 - sigmoid(-v).p; }, x);
        check_slope([](auto v) { return sigmoid(v).q * 3 + sigmoid(-3 * v).q; }, x);
        check_slope([](auto v) { return sigmoid(v).e + sigmoid(-v).e * v; }, x);
        check_slope([](auto v) { return sigmoid(v).smaller + sigmoid(-v).smaller * v; }, x);
        check_slope([](auto v) { return focal(v, decltype(v)(1)) + focal(-v, decltype(v)(0.3)); }, x);
    }
}

TEST_CASE("compound assignment is the operator", "[simd][dual]") {
    check_slope(
        [](auto v) {
            auto r = v;
            r *= v;
            r += 2 * v;
            r /= v + 3;
            r -= v;
            return r;
        },
        0.7);
}

TEST_CASE("each direction has its own slope", "[simd][dual]") {
    using D = dual<3>;
    const D x = D::variable(2, 0);
    const D y = D::variable(5, 2);
    const D z = x * x * y + 4;
    CHECK(z.value == 24);
    CHECK(z.slope[0] == 20);
    CHECK(z.slope[1] == 0);
    CHECK(z.slope[2] == 4);
}

TEST_CASE("the same formula runs on numbers and duals", "[simd][dual]") {
    for (const double x : {-30.0, -2.0, 0.0, 0.5, 30.0}) {
        const double plain = static_cast<double>(focal(xloss::simd::number<double, 1>(x), {1}));
        CHECK(std::abs(focal(dual<>(x), dual<>(1)).value - plain) <= 1e-14 * std::abs(plain));
    }
}

TEST_CASE("slopes where a derivative does not exist or is infinite", "[simd][dual]") {
    using D = dual<>;
    const D zero = D::variable(0);
    CHECK(abs(zero).slope[0] == 0);
    CHECK(max(zero, 0).slope[0] == 0.5);
    CHECK(min(zero, -zero).slope[0] == 0);
    CHECK(sqrt(zero).value == 0);
    CHECK(sqrt(zero).slope[0] == 0);
    CHECK(pow(zero, 0.5).value == 0);
    CHECK(pow(zero, 0.5).slope[0] == 0);
    CHECK(pow(zero, 0).value == 1);
    CHECK(pow(zero, 1).slope[0] == 0);
    CHECK(log(zero).value == -infinity);
    CHECK(log(zero).slope[0] == infinity);
    CHECK(log(D(0)).slope[0] == 0); // a constant stays constant
    CHECK((D(infinity) * zero + 1).slope[0] == infinity);
}

TEST_CASE("NaN comes through a dual number", "[simd][dual]") {
    using D = dual<>;
    const D nan = D::variable(std::numeric_limits<double>::quiet_NaN());
    for (const D& y :
         {abs(nan), sqrt(nan), exp(nan), log(nan), log1p(nan), pow(nan, 0), pow(1, nan), min(nan, 1),
          min(1, nan), max(nan, 1), max(1, nan), sigmoid(nan).p, sigmoid(nan).q, nan + 1, -nan}) {
        CHECK(isnan(y));
    }
    CHECK_FALSE(isfinite(nan));
    CHECK_FALSE(nan == nan);
    CHECK(nan != nan);
}

TEST_CASE("the sigmoid of a dual number keeps both tails", "[simd][dual]") {
    const auto pair = sigmoid(dual<>::variable(300));
    CHECK(pair.p.value == 1);
    CHECK(std::abs(pair.q.value / std::exp(-300.0) - 1) < 1e-14);
    CHECK(std::abs(pair.q.slope[0] / std::exp(-300.0) + 1) < 1e-14);
    const auto limit = sigmoid(dual<>::variable(-infinity));
    CHECK(limit.p.value == 0);
    CHECK(limit.q.value == 1);
    CHECK(limit.p.slope[0] == 0);
}

TEST_CASE("dual numbers convert from plain ones and compare by value", "[simd][dual]") {
    using D = dual<2>;
    STATIC_REQUIRE(std::is_convertible_v<double, D>);
    STATIC_REQUIRE(std::is_convertible_v<int, D>);
    STATIC_REQUIRE(std::is_same_v<decltype(D(1) < 2.0), bool>);
    const D x = D::variable(1, 1);
    CHECK((x == 1 && 1 == x && x < 2 && 2 > x && x <= 1 && x >= 1 && x != 2));
}
