// losses/mse.hpp.

#include "losses/regression_cases.hpp"

#include <xloss/losses/mse.hpp>

using namespace cases;
using xloss::mse;

TEST_CASE("mse of four numbers by hand") {
    // d = 1/2, -3, 0, 1.
    const auto r = value_and_grad(mse{}, numbers, references);
    CHECK(error(r.value, (0.25 + 9.0 + 1.0) / 4.0) <= 1e-15);
    CHECK(largest_error(r.grad, {0.25, -1.5, 0.0, 0.5}) <= 1e-15);
    CHECK(r.normalizer == 4.0);
    CHECK(mse{}(numbers, references) == r.value);
    CHECK(mse{.reduction = xloss::reduction::sum}(numbers, references) == 10.25);
}

TEST_CASE("mse: slopes against dual numbers") {
    check_regression_slopes(mse{});
}

TEST_CASE("mse: what every regression does") {
    check_regression(mse{});
    check_regression_in_float(mse{});
}

TEMPLATE_TEST_CASE("mse is finite for every finite number", "", float, double) {
    check_extremes<TestType>(mse{});
}
