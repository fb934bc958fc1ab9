#ifndef XLOSS_TESTS_LOSSES_REGRESSION_CASES_HPP
#define XLOSS_TESTS_LOSSES_REGRESSION_CASES_HPP

// What the tests of mse, l1 and smooth_l1 share.

#include "losses/cases.hpp"

#include <xloss/criterion/call.hpp>
#include <xloss/testing/gradient_check.hpp>

namespace cases {

/// Differences 1/2, -3, 0 and 1; numbers beyond any probability.
inline const xt::xtensor<double, 1> numbers{2.5, -5.0, 7.0, 0.0}, references{2.0, -2.0, 7.0, -1.0};

/// Numbers in (-40, 40).
template <class... N>
auto real_numbers(N... n) {
    return fill<double>(
        0.8191725133961645, [](double u) { return 80.0 * u - 40.0; }, n...);
}

/// Slopes by hand against dual numbers, at x = y too.
template <class Term>
void check_regression_slopes(const Term& term) {
    for (double x : {0.0, -1e-9, 1e-3, -0.11, 0.7, -3.0, 20.0, -1e6, 1e100})
        for (double y : {0.0, 0.7, -3.0, 1e3}) {
            INFO("prediction " << x << ", target " << y);
            CHECK(xloss::testing::slope_error(term.at(xloss::testing::dual_pixel(x, y))) <= 1e-12);
        }
}

/// Gradients by central differences with all that may ride on a target; what is absent may be NaN, and
/// activation::none changes no bit.
template <class Loss>
void check_regression(const Loss& loss) {
    using xloss::testing::gradient_check;
    const auto x = logits(2, 3, 5);
    const auto y = real_numbers(2, 3, 5);
    const auto w = weights(2, 3, 5);
    const auto valid = mask(2, 3, 5);
    using xloss::denominator;
    CHECK(gradient_check(loss, x, y));
    CHECK(gradient_check(loss, x, xloss::weighted(y, w)));
    CHECK(gradient_check(loss, x, xloss::masked(y, valid), {}, {.upstream = -3.0}));
    CHECK(gradient_check(loss, x, y, {}, {.upstream = w}));
    for (auto by : {denominator::valid, denominator::all})
        CHECK(gradient_check(multilabel(loss, {.denominator = by}), x, xloss::weighted(y, w)));
    CHECK(gradient_check(loss, logits(7), real_numbers(7)));

    const auto plain = value_and_grad(loss, x, y);
    const auto none = value_and_grad(binary(loss, {.activation = xloss::activation::none}), x, y);
    CHECK(none.value == plain.value);
    CHECK(none.grad == plain.grad);

    auto bad_x = x, bad_y = y, expected_x = x;
    for (std::size_t i = 0; i < valid.size(); ++i)
        if (valid.data()[i] == 0) {
            bad_x.data()[i] = not_a_number;
            bad_y.data()[i] = infinity;
        }
    const auto clean = value_and_grad(loss, x, xloss::masked(y, valid));
    const auto dirty = value_and_grad(loss, bad_x, xloss::masked(bad_y, valid));
    CHECK(dirty.value == clean.value);
    CHECK(dirty.grad == clean.grad);
    CHECK(clean.valid < x.size());

    auto nothing = valid;
    nothing.fill(0);
    const auto empty = value_and_grad(loss, bad_x, xloss::masked(y, nothing));
    CHECK(empty.value == 0.0);
    CHECK(largest_entry(empty.grad) == 0.0);
    CHECK(empty.valid == 0);
}

/// Float against double: every entry of the gradient relative to the largest.
template <class Loss>
void check_regression_in_float(const Loss& loss) {
    check_float(loss, xt::xtensor<float, 3>(real_numbers(3, 7, 5)), 3, 7, 5);
}

/// Up to the largest numbers of either sign, on both sides of the difference.
template <class T, class Loss>
void check_extremes(const Loss& loss) {
    const T most = std::numeric_limits<T>::max(), least = std::numeric_limits<T>::denorm_min();
    for (T x : {T(0), least, T(1e-30), T(1e6), T(1e18), T(1e30), most})
        for (T y : {T(0), least, T(1e-30), T(1e6), T(1e18), T(1e30), most})
            for (T sign : {T(1), T(-1)}) {
                const xt::xtensor<T, 1> at{sign * x, x}, to{-sign * y, y};
                INFO("prediction " << sign * x << ", target " << -sign * y);
                CHECK(is_finite(value_and_grad(loss, at, to)));
            }
}

} // namespace cases

#endif
