// losses/smooth_l1.hpp.

#include "losses/regression_cases.hpp"

#include <xloss/losses/l1.hpp>
#include <xloss/losses/smooth_l1.hpp>

using namespace cases;
using xloss::smooth_l1;

TEST_CASE("smooth_l1 of four numbers by hand") {
    // d = 1/2, -3, 0, 1: 1/8, 5/2, 0 and, where the parabola ends, 1/2 from both sides.
    const auto r = value_and_grad(smooth_l1{}, numbers, references);
    CHECK(error(r.value, (0.125 + 2.5 + 0.5) / 4.0) <= 1e-15);
    CHECK(largest_error(r.grad, {0.125, -0.25, 0.0, 0.25}) <= 1e-15);
    CHECK(r.normalizer == 4.0);
    CHECK(r.valid == 4);
    CHECK(smooth_l1{}(numbers, references) == r.value);
}

TEST_CASE("smooth_l1: beta is where the parabola ends, as in torch") {
    // beta = 2: d^2/4 below, |d| - 1 above: 1/16, 2, 0, 1/4; slopes d/2: 1/4, -1, 0, 1/2.
    const auto r = value_and_grad(smooth_l1{.beta = 2.0}, numbers, references);
    CHECK(error(r.value, (0.0625 + 2.0 + 0.25) / 4.0) <= 1e-15);
    CHECK(largest_error(r.grad, {0.0625, -0.25, 0.0, 0.125}) <= 1e-15);
}

TEST_CASE("smooth_l1: beta 0 is l1, bit for bit") {
    const auto r = value_and_grad(smooth_l1{.beta = 0.0}, numbers, references);
    const auto expected = value_and_grad(xloss::l1{}, numbers, references);
    CHECK(r.value == expected.value);
    CHECK(r.grad == expected.grad);
}

TEST_CASE("smooth_l1: slopes against dual numbers") {
    for (double beta : {0.0, 1e-3, 1.0 / 9.0, 1.0, 50.0})
        check_regression_slopes(smooth_l1::term{beta});
}

TEST_CASE("smooth_l1: what every regression does") {
    check_regression(smooth_l1{.beta = 0.7});
    check_regression_in_float(smooth_l1{.beta = 0.7});
    CHECK(smooth_l1{.reduction = xloss::reduction::sum}(numbers, references) == 3.125);
}

TEMPLATE_TEST_CASE("smooth_l1 is finite for every finite number", "", float, double) {
    check_extremes<TestType>(smooth_l1{});
    check_extremes<TestType>(smooth_l1{.beta = 0.0});
    check_extremes<TestType>(smooth_l1{.beta = 1e-30});
    check_extremes<TestType>(smooth_l1{.beta = 1e30});
}

TEST_CASE("smooth_l1: a beta out of range is named") {
    using wrong = xloss::parameter_error;
    const auto with = [](double beta) {
        return [beta] { return smooth_l1{.beta = beta}(numbers, references); };
    };
    CHECK(throws<wrong>(with(-0.5), {"xloss::smooth_l1", "beta", "-0.5"}));
    CHECK(throws<wrong>(with(not_a_number), {"xloss::smooth_l1", "beta", "nan"}));
    CHECK(throws<wrong>(with(infinity), {"xloss::smooth_l1", "beta", "inf"}));
}
