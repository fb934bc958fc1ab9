// losses/l1.hpp.

#include "losses/regression_cases.hpp"

#include <xloss/losses/l1.hpp>
#include <xloss/losses/mse.hpp>

using namespace cases;
using xloss::l1;

TEST_CASE("l1 of four numbers by hand: the gradient at 0 is 0") {
    // d = 1/2, -3, 0, 1.
    const auto r = value_and_grad(l1{}, numbers, references);
    CHECK(error(r.value, 4.5 / 4.0) <= 1e-15);
    CHECK(largest_error(r.grad, {0.25, -0.25, 0.0, 0.25}) <= 1e-15);
    CHECK(r.normalizer == 4.0);
    CHECK(l1{}(numbers, references) == r.value);
}

TEST_CASE("l1: slopes against dual numbers") {
    check_regression_slopes(l1{});
}

TEST_CASE("l1: what every regression does") {
    check_regression(l1{});
    check_regression_in_float(l1{});
}

TEMPLATE_TEST_CASE("l1 is finite for every finite number", "", float, double) {
    check_extremes<TestType>(l1{});
}

TEST_CASE("l1: a thousand of the largest floats still have a finite mean") {
    const xt::xtensor<float, 1> x = xt::xtensor<float, 1>::from_shape({1000});
    auto far = x;
    far.fill(std::numeric_limits<float>::max());
    auto y = x;
    y.fill(0.0F);
    const auto r = value_and_grad(l1{}, far, y);
    CHECK(error(static_cast<double>(r.value), float_max) <= 1e-6);
}

TEST_CASE("l1 + mse is one evaluation with the terms of both") {
    const auto r = value_and_grad(2.0 * l1{} + 0.5 * xloss::mse{}, numbers, references);
    CHECK(error(r.terms[0].value, 4.5 / 4.0) <= 1e-15);
    CHECK(error(r.terms[1].value, 10.25 / 4.0) <= 1e-15);
    CHECK(error(r.value, 2.0 * 4.5 / 4.0 + 0.5 * 10.25 / 4.0) <= 1e-15);
    CHECK(largest_error(r.grad, {0.5 + 0.125, -0.5 - 0.75, 0.0, 0.5 + 0.25}) <= 1e-15);
}

TEST_CASE("l1: its reduction is that of the loss by itself; in a sum or a mode the mode's counts") {
    const l1 sum{.reduction = xloss::reduction::sum};
    const auto alone = value_and_grad(sum, numbers, references);
    CHECK(alone.value == 4.5);
    CHECK(largest_error(alone.grad, {1.0, -1.0, 0.0, 1.0}) == 0.0);
    CHECK(value(sum + xloss::mse{}, numbers, references) == 4.5 / 4.0 + 10.25 / 4.0);
    CHECK(value(binary(sum), numbers, references) == 4.5 / 4.0);
    CHECK(value(binary(l1{}, {.reduction = xloss::reduction::sum}), numbers, references) == 4.5);
}

TEST_CASE("l1: NaN reaches its own element and the value, and is not taken for 0") {
    const xt::xtensor<double, 1> x{not_a_number, 1.0}, y{0.0, 0.0};
    const auto r = value_and_grad(l1{}, x, y);
    CHECK(std::isnan(r.value));
    CHECK(std::isnan(r.grad(0)));
    CHECK(r.grad(1) == 0.5);
}
