// Norms of gradients and their clipping: by hand, against long double, numbers of torch, any kind of tensor,
// any executor, numbers at the ends of their range, what is not finite, what is refused.

#include "support/catch.hpp"
#include "support/executors.hpp"
#include "support/expressions.hpp"
#include "support/golden.hpp"

#include <xloss/training/clip_gradient_norm.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

namespace {

using made_up::same_elements;
using xloss::clip_gradient_norm, xloss::clip_options, xloss::non_finite;

template <class T>
using row = xt::xtensor<T, 1>;

/// The norm in long double, from numbers that are divided by the largest one first.
template <class T>
double long_norm(const std::vector<T>& numbers, double p) {
    long double most = 0.0L, sum = 0.0L;
    for (const T x : numbers)
        most = std::max(most, std::fabs(static_cast<long double>(x)));
    if (p == HUGE_VAL || most == 0.0L)
        return static_cast<double>(most);
    for (const T x : numbers)
        sum += std::pow(std::fabs(static_cast<long double>(x)) / most, static_cast<long double>(p));
    return static_cast<double>(most * std::pow(sum, 1.0L / static_cast<long double>(p)));
}

template <class T>
std::vector<T> made(std::size_t n, double scale = 1.0) {
    made_up::sequence numbers(9);
    std::vector<T> v(n);
    for (T& x : v)
        x = static_cast<T>(scale * (2.0 * numbers.uniform() - 1.0));
    return v;
}

template <class T>
row<T> tensor_of(const std::vector<T>& v) {
    auto t = row<T>::from_shape({v.size()});
    std::copy(v.begin(), v.end(), t.begin());
    return t;
}

/// Only the norm.
double norm(const auto& tensor, double p) {
    auto copy = tensor;
    const double found = clip_gradient_norm({.max_norm = HUGE_VAL, .norm_type = p}, copy);
    CHECK(same_elements(copy, tensor));
    return found;
}

template <class T>
void check_norms(std::size_t n, double scale) {
    const auto numbers = made<T>(n, scale);
    for (const double p : {0.5, 1.0, 2.0, 3.0, 7.5, HUGE_VAL}) {
        INFO(n << " numbers up to " << scale << ", p = " << p);
        const double expected = long_norm(numbers, p);
        if (std::isfinite(expected))
            CHECK(std::abs(norm(tensor_of(numbers), p) - expected) <= 2e-14 * expected);
    }
}

} // namespace

TEST_CASE("clipping by hand", "[training][clip_gradient_norm]") {
    row<float> a{3.0F, 0.0F};
    xt::xtensor<double, 2> b{{0.0, -4.0}};
    CHECK(clip_gradient_norm(5.0 + 1e-6, a, b) == 5.0); // not below 1
    CHECK(same_elements(a, row<float>{3.0F, 0.0F}));
    CHECK(clip_gradient_norm(10.0, a, b) == 5.0);
    CHECK(clip_gradient_norm(0.5, a, b) == 5.0);
    const double factor = 0.5 / 5.000001;
    CHECK(a(0) == static_cast<float>(factor) * 3.0F);
    CHECK(a(1) == 0.0F);
    CHECK(b(0, 1) == factor * -4.0);

    row<double> c{1.0, -2.0, 3.0};
    CHECK(clip_gradient_norm({.max_norm = 12.0, .norm_type = 1.0}, c) == 6.0);
    CHECK(clip_gradient_norm({.max_norm = 12.0, .norm_type = HUGE_VAL}, c) == 3.0);
    CHECK(std::abs(clip_gradient_norm({.max_norm = 12.0, .norm_type = 3.0}, c) - std::cbrt(36.0)) <= 1e-14);
    CHECK(clip_gradient_norm({.max_norm = 1.5, .norm_type = HUGE_VAL}, c) == 3.0);
    CHECK(std::abs(c(2) - 1.5 * 3.0 / 3.000001) <= 1e-15);
    CHECK(clip_gradient_norm(0.0, c) > 1.0);
    CHECK(norm(c, 2.0) == 0.0);
    CHECK(clip_gradient_norm(0.0, c) == 0.0);
    CHECK(clip_gradient_norm(1.0) == 0.0);
    row<float> none = row<float>::from_shape({0});
    CHECK(clip_gradient_norm({.norm_type = 3.0}, none) == 0.0);
}

TEST_CASE("norms against long double", "[training][clip_gradient_norm]") {
    for (const std::size_t n : {1U, 2U, 3U, 7U, 31U, 33U, 63U, 1023U, 1025U, 4099U}) {
        check_norms<float>(n, 1.0);
        check_norms<double>(n, 1.0);
    }
}

TEST_CASE("norms of numbers at the ends of their range", "[training][clip_gradient_norm]") {
    for (const double scale : {1e30, 3e38, 1e-30, 1e-44})
        check_norms<float>(100, scale);
    for (const double scale : {1e150, 1e200, 1.7e308, 1e-150, 1e-200, 1e-310, 5e-324})
        check_norms<double>(100, scale);
    // Thousands of the largest floats.
    row<float> large = tensor_of(std::vector<float>(5000, std::numeric_limits<float>::max()));
    const double expected = std::sqrt(5000.0) * static_cast<double>(std::numeric_limits<float>::max());
    CHECK(std::abs(clip_gradient_norm(1.0, large) - expected) <= 1e-14 * expected);
    CHECK(std::abs(norm(large, 2.0) - 1.0) <= 1e-6);
}

TEST_CASE("a factor below the range of float keeps its digits", "[training][clip_gradient_norm]") {
    row<float> g{3e38F, -4e37F, 1e-10F, 3e38F};
    // 1e-6/4.3e38 is no normal float, and has lost its digits as one.
    const double found = clip_gradient_norm(1e-6, g);
    const double factor = 1e-6 / found;
    CHECK(factor < 1e-44);
    CHECK(std::abs(static_cast<double>(g(0)) - factor * 3e38) <= 1e-6 * factor * 3e38);
    CHECK(std::abs(static_cast<double>(g(1)) + factor * 4e37) <= 1e-6 * factor * 4e37);
    CHECK(g(2) == 0.0F);
    row<double> d{1e300, 1e300};
    CHECK(clip_gradient_norm(1e-6, d) > 1e300);
    CHECK(std::abs(d(0) - 1e-6 / std::sqrt(2.0)) <= 1e-21);
}

TEST_CASE("clipping as torch does it", "[training][clip_gradient_norm]") {
    for (const std::string name :
         {"two", "two_large", "two_not_reached", "two_tiny", "one", "three", "half", "largest"}) {
        INFO(name);
        const xt::xtensor<double, 2> stored = golden::load<double>("clipping/" + name);
        const double expected = stored(2, 0), max_norm = stored(2, 1), p = stored(2, 2);
        xt::xtensor<double, 1> g = xt::view(stored, 0);
        const double found =
            clip_gradient_norm({.max_norm = max_norm, .norm_type = p}, xt::view(g, xt::range(0, 7)),
                               xt::view(g, xt::range(7, 307)), xt::view(g, xt::range(307, 600)));
        CHECK(std::abs(found - expected) <= 1e-14 * expected);
        for (std::size_t i = 0; i < g.size(); ++i)
            CHECK(std::abs(g(i) - stored(1, i)) <= 1e-14 * std::abs(stored(1, i)));

        // In float the norm is the same, and the gradients lose what float has not.
        xt::xtensor<float, 1> narrow = xt::cast<float>(xt::view(stored, 0));
        const double of_one = clip_gradient_norm({.max_norm = max_norm, .norm_type = p}, narrow);
        CHECK(std::abs(of_one - expected) <= 1e-14 * expected);
        for (std::size_t i = 0; i < g.size(); ++i)
            CHECK(std::abs(static_cast<double>(narrow(i)) - stored(1, i)) <= 2e-7 * std::abs(stored(1, i)));
    }
}

TEST_CASE("clipping of every kind of tensor", "[training][clip_gradient_norm]") {
    const auto numbers = made<float>(5 * 7 * 6);
    xt::xtensor<float, 3> dense = xt::xtensor<float, 3>::from_shape({5, 7, 6});
    std::copy(numbers.begin(), numbers.end(), dense.begin());
    auto expected = dense;
    const double found = clip_gradient_norm(0.25, expected);
    CHECK(std::abs(norm(expected, 2.0) - 0.25) <= 1e-6);

    // Strided and transposed: the same bits, and nothing else is touched.
    xt::xtensor<float, 3> wide = xt::zeros<float>({5, 7, 13}) + 7.0F;
    xt::view(wide, xt::all(), xt::all(), xt::range(0, 12, 2)) = dense;
    CHECK(clip_gradient_norm(0.25, xt::view(wide, xt::all(), xt::all(), xt::range(0, 12, 2))) == found);
    CHECK(same_elements(xt::view(wide, xt::all(), xt::all(), xt::range(0, 12, 2)), expected));
    CHECK(same_elements(xt::view(wide, xt::all(), xt::all(), xt::range(1, 12, 2)),
                        xt::zeros<float>({5, 7, 6}) + 7.0F));
    xt::xtensor<float, 3> turned = xt::transpose(dense);
    auto back = xt::transpose(turned);
    CHECK(clip_gradient_norm(0.25, back) == found);
    CHECK(same_elements(back, expected));
    xt::xarray<float> any = dense;
    CHECK(clip_gradient_norm(0.25, any) == found);
    CHECK(same_elements(any, expected));
    auto raw = numbers;
    auto adapted =
        xt::adapt(raw.data(), raw.size(), xt::no_ownership(), std::array<std::size_t, 1>{raw.size()});
    CHECK(clip_gradient_norm(0.25, adapted) == found);
    CHECK(std::equal(raw.begin(), raw.end(), expected.begin()));
    // No strides: picked by an index.
    xt::xtensor<float, 3> picked = dense;
    CHECK(clip_gradient_norm(0.25, xt::view(picked, xt::keep(0, 1, 2, 3, 4))) == found);
    CHECK(same_elements(picked, expected));
}

TEST_CASE("clipping of lists of tensors", "[training][clip_gradient_norm]") {
    row<float> a{3.0F}, b{4.0F};
    row<double> c{12.0};
    const auto check = [&](auto&& clip) {
        a = {3.0F}, b = {4.0F}, c = {12.0};
        CHECK(clip() == 13.0);
        CHECK(a(0) == 3.0F * static_cast<float>(1.0 / 13.000001));
        CHECK(c(0) == 12.0 * (1.0 / 13.000001));
    };
    check([&] { return clip_gradient_norm(1.0, a, b, c); });
    check([&] { return clip_gradient_norm(1.0, std::tie(a, b), c); });
    check([&] { return clip_gradient_norm(1.0, std::array{std::ref(a), std::ref(b)}, c); });
    check([&] {
        std::vector<row<float>> two{a, b};
        const double found = clip_gradient_norm({.max_norm = 1.0}, two, c);
        a = two[0];
        return found;
    });
}

TEST_CASE("clipping with any executor", "[training][clip_gradient_norm]") {
    const auto numbers = made<float>(400000);
    auto expected = tensor_of(numbers);
    const auto wide = made<double>(70000);
    auto expected_wide = tensor_of(wide);
    const double found = clip_gradient_norm(0.5, expected, expected_wide);
    const auto check = [&](auto executor) {
        auto g = tensor_of(numbers);
        auto d = tensor_of(wide);
        CHECK(clip_gradient_norm({.max_norm = 0.5, .executor = executor}, g, d) == found);
        CHECK(same_elements(g, expected));
        CHECK(same_elements(d, expected_wide));
    };
    check(executors::backwards{});
    check(executors::shuffled{});
    check(executors::threads{});
    executors::backwards counting;
    auto g = tensor_of(numbers);
    clip_gradient_norm({.max_norm = 0.5, .executor = counting}, g);
    CHECK(counting.pieces == 14);
}

TEST_CASE("gradients that are not finite", "[training][clip_gradient_norm]") {
    for (const double p : {1.0, 2.0, 3.0, HUGE_VAL})
        for (const float bad :
             {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
            INFO("p = " << p << ", " << bad);
            row<float> a = tensor_of(std::vector<float>(10, 3.0F));
            xt::xtensor<float, 2> b = xt::zeros<float>({300, 7}) + 1.0F;
            b(299, 5) = bad;
            b(17, 2) = bad;
            const auto a_before = a;
            CHECK_THROWS_WITH(clip_gradient_norm({.norm_type = p}, a, b),
                              "xloss::clip_gradient_norm: gradient 1, of shape [300, 7], is not finite at "
                              "[17, 2]");
            CHECK_THROWS_AS(clip_gradient_norm({.norm_type = p}, a, b), xloss::finite_error);
            const double found = clip_gradient_norm({.norm_type = p, .non_finite = non_finite::skip}, a, b);
            CHECK(std::isnan(found) == std::isnan(bad));
            CHECK(std::isinf(found) == std::isinf(bad));
            CHECK(same_elements(a, a_before));
            CHECK(b(0, 0) == 1.0F);
        }
    // Finite numbers, and a norm that no double holds.
    row<double> large{1.7e308, 1.7e308};
    CHECK_THROWS_WITH(clip_gradient_norm(1.0, large),
                      "xloss::clip_gradient_norm: the norm is inf, beyond the largest number");
    CHECK(clip_gradient_norm({.non_finite = non_finite::skip}, large) == HUGE_VAL);
    CHECK(large(0) == 1.7e308);
}

TEST_CASE("clipping: what is refused", "[training][clip_gradient_norm]") {
    row<float> a{3.0F, 4.0F, 5.0F};
    const auto before = a;
    CHECK_THROWS_WITH(clip_gradient_norm(-1.0, a),
                      Catch::Matchers::StartsWith("xloss::clip_gradient_norm: max_norm is -1"));
    CHECK_THROWS_AS(clip_gradient_norm(std::nan(""), a), xloss::parameter_error);
    for (const double p : {0.0, -HUGE_VAL, std::nan("")})
        CHECK_THROWS_AS(clip_gradient_norm({.norm_type = p}, a), xloss::parameter_error);
    row<float> b{1.0F};
    CHECK_THROWS_WITH(clip_gradient_norm(1.0, a, b, a),
                      "xloss::clip_gradient_norm: gradients 0 and 2 share memory");
    CHECK_THROWS_AS(clip_gradient_norm(1.0, xt::view(a, xt::range(1, 3)), b, xt::view(a, xt::range(0, 2))),
                    xloss::alias_error);
    CHECK(same_elements(a, before));
    // Halves of one buffer share nothing.
    CHECK(clip_gradient_norm(1.0, xt::view(a, xt::range(0, 2)), xt::view(a, xt::range(2, 3))) > 7.0);
    CHECK(clip_options{.max_norm = 2.0} != clip_options{});
    executors::backwards one;
    CHECK(clip_options{.executor = one} == clip_options{});
}
