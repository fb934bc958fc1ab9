#ifndef XLOSS_TESTS_LOSSES_CASES_HPP
#define XLOSS_TESTS_LOSSES_CASES_HPP

// What the mirror tests of all losses share: small inputs that are the same on every machine, and one line
// each for slopes, gradients, closeness and messages.

#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>

#include <xloss/tensor/xtensor.hpp>
#include <xloss/testing/formula_check.hpp>
#include <xloss/testing/gradient_check.hpp>
#include <xloss/xloss.hpp>

namespace cases {

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
inline constexpr double float_max = std::numeric_limits<float>::max();

/// Finite logits at which formulas break: where exp is next to 1 in float, where it leaves the normal numbers
/// and underflows in float and in double, and where squares overflow (a quarter of the largest float: a few
/// still add up).
inline constexpr std::array<double, 12> extremes{0.0,   1e-30, 15.0,  40.0,  88.0, 90.0,
                                                 100.0, 104.0, 715.0, 745.0, 1e4,  float_max / 4.0};

// --- inputs --------------------------------------------------------------------------------------

/// A tensor of n... elements, the i-th f(u_i) with u_i in (0, 1) without pattern: a Weyl sequence with
/// irrational `step`.
template <class T, class F, class... N>
auto fill(double step, F f, N... n) {
    auto t = xt::xtensor<T, sizeof...(N)>::from_shape({static_cast<std::size_t>(n)...});
    for (std::size_t i = 0; i < t.size(); ++i) {
        const double u = static_cast<double>(i + 1) * step;
        t.data()[i] = static_cast<T>(f(u - std::floor(u)));
    }
    return t;
}

/// Two pixels with p = 1/2 and 3/4, the first positive: tp = 1/2, fp = 3/4, fn = 1/2, tn = 1/4.
inline const xt::xtensor<double, 2> two_logits{{0.0, std::log(3.0)}};
inline const xt::xtensor<std::uint8_t, 2> two_pixels{{1, 0}};

/// Two samples of two classes and two pixels, all p = 1/2 with a sigmoid: P = 1 in every region.
inline const xt::xtensor<double, 3> four_regions{{{0.0, 0.0}, {0.0, 0.0}}, {{0.0, 0.0}, {0.0, 0.0}}};
/// Y = 1 and 0 in the first sample, 2 and 0 in the second.
inline const xt::xtensor<std::uint8_t, 3> some_empty{{{1, 0}, {0, 0}}, {{1, 1}, {0, 0}}};

/// Logits in (-4, 4), the same in float and in double.
template <class T = double, class... N>
auto logits(N... n) {
    return fill<T>(
        0.6180339887498949, [](double u) { return static_cast<float>(8.0 * u - 4.0); }, n...);
}

/// Probabilities in (0.05, 0.95).
template <class... N>
auto probabilities(N... n) {
    return fill<double>(
        0.6180339887498949, [](double u) { return 0.05 + 0.9 * u; }, n...);
}

template <class... N>
auto mask(N... n) {
    return fill<std::uint8_t>(
        0.7548776662466927, [](double u) { return u < 0.4 ? 1.0 : 0.0; }, n...);
}

/// A mask in which about every fifth pixel is 255.
template <class... N>
auto mask_with_ignored(N... n) {
    return fill<std::uint8_t>(
        0.7548776662466927, [](double u) { return u < 0.2   ? 255.0
                                                  : u < 0.6 ? 1.0
                                                            : 0.0; }, n...);
}

/// Soft targets in (0, 1).
template <class... N>
auto soft(N... n) {
    return fill<double>(
        0.5698402909980532, [](double u) { return u; }, n...);
}

/// Pixel weights in (0.1, 2), every tenth 0.
template <class... N>
auto weights(N... n) {
    return fill<double>(
        0.8191725133961645, [](double u) { return u < 0.1 ? 0.0 : 2.0 * u; }, n...);
}

/// A label map of classes 0 to classes - 1.
template <class... N>
auto labels(int classes, N... n) {
    return fill<int>(
        0.7548776662466927, [classes](double u) { return std::floor(u * classes); }, n...);
}

/// A label map in which about every fifth pixel is 255.
template <class... N>
auto labels_with_ignored(int classes, N... n) {
    return fill<int>(
        0.7548776662466927,
        [classes](double u) { return u < 0.2 ? 255.0 : std::floor((u - 0.2) / 0.8 * classes); }, n...);
}

// --- slopes --------------------------------------------------------------------------------------

/// The slopes written by hand against dual numbers, from saturated to saturated and for hard and soft
/// targets.
template <class Term>
void check_slopes(const Term& term) {
    for (double x : {0.0, 1e-3, 0.7, 3.0, 20.0, 40.0, 104.0, 700.0})
        for (double sign : {1.0, -1.0})
            for (double y : {0.0, 1e-3, 0.3, 0.5, 1.0}) {
                INFO("logit " << sign * x << ", target " << y);
                CHECK(xloss::testing::slope_error(term.at(xloss::testing::dual_pixel(sign * x, y))) <= 1e-12);
            }
}

/// The same by log p of a class.
template <class Term>
void check_class_slopes(const Term& term) {
    for (double log_p : {-1e-17, -1e-9, -1e-3, -0.1, -1.0, -5.0, -40.0, -104.0, -700.0})
        for (double y : {0.0, 0.3, 1.0})
            for (std::size_t c : {0U, 1U, 2U}) {
                INFO("log p " << log_p << ", target " << y << ", class " << c);
                CHECK(xloss::testing::slope_error(
                          term.at_class(xloss::testing::dual_class_pixel(log_p, y, c, 3))) <= 1e-12);
            }
}

// --- results -------------------------------------------------------------------------------------

/// Difference relative to the larger of the two and `scale`; infinite for NaN.
inline double error(double found, double expected, double scale = 0.0) {
    const double difference = std::abs(found - expected);
    if (difference == 0.0)
        return 0.0;
    const double relative = difference / std::max({std::abs(found), std::abs(expected), scale});
    return relative >= 0.0 ? relative : infinity;
}

/// The largest error of an element; with a scale, relative to that.
template <class Found, class Expected>
double largest_error(const Found& found, const Expected& expected, double scale = 0.0) {
    double worst = found.size() == expected.size() ? 0.0 : infinity;
    for (std::size_t i = 0; i < std::min<std::size_t>(found.size(), expected.size()); ++i)
        worst = std::max(worst, error(static_cast<double>(found.data()[i]),
                                      static_cast<double>(expected.data()[i]), scale));
    return worst;
}

template <class Found>
double largest_error(const Found& found, std::initializer_list<double> expected, double scale = 0.0) {
    double worst = found.size() == expected.size() ? 0.0 : infinity;
    for (std::size_t i = 0; i < std::min<std::size_t>(found.size(), expected.size()); ++i)
        worst = std::max(worst, error(static_cast<double>(found.data()[i]), expected.begin()[i], scale));
    return worst;
}

template <class Tensor>
double largest_entry(const Tensor& t) {
    double largest = 0.0;
    for (std::size_t i = 0; i < t.size(); ++i)
        largest = std::max(largest, std::abs(static_cast<double>(t.data()[i])));
    return largest;
}

/// Whether the value and every entry of the gradient are finite.
template <class Result>
bool is_finite(const Result& r) {
    bool finite = std::isfinite(r.value);
    for (std::size_t i = 0; i < r.grad.size(); ++i)
        finite = finite && std::isfinite(r.grad.data()[i]);
    return finite;
}

/// Float against double: the value, and every entry of the gradient relative to the largest.
template <class Loss, class Y, class... N>
void check_float(const Loss& loss, const Y& y, N... n) {
    const auto single = xloss::value_and_grad(loss, logits<float>(n...), y);
    const auto exact = xloss::value_and_grad(loss, logits<double>(n...), y);
    CHECK(error(static_cast<double>(single.value), exact.value) <= 2e-6);
    CHECK(largest_error(single.grad, exact.grad, largest_entry(exact.grad)) <= 2e-6);
    CHECK(single.valid == exact.valid);
}

/// Whether f() throws an `Error` whose message has all these parts.
template <class Error, class F>
bool throws(F&& f, std::initializer_list<const char*> parts) {
    try {
        f();
    } catch (const Error& e) {
        const std::string said = e.what();
        return std::all_of(parts.begin(), parts.end(),
                           [&](const char* part) { return said.find(part) != std::string::npos; });
    }
    return false;
}

} // namespace cases

#endif
