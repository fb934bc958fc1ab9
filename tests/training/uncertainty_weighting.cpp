// Uncertainty weighting: by hand, against a plain restatement, central differences, a fused sum, extreme s.

#include "support/catch.hpp"
#include "support/expressions.hpp"

#include <xloss/criterion/call.hpp>
#include <xloss/losses/dice.hpp>
#include <xloss/losses/focal.hpp>
#include <xloss/training/uncertainty_weighting.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

namespace {

using xloss::uncertainty_weighting;

uncertainty_weighting of(std::vector<double> log_vars) {
    uncertainty_weighting w;
    w.log_vars = std::move(log_vars);
    return w;
}

/// The loop of the source, with the precision as a number of its own.
double plain_total(const std::vector<double>& losses, const std::vector<double>& log_vars) {
    double total = 0.0;
    for (std::size_t i = 0; i < losses.size(); ++i) {
        const double precision = 1.0 / std::exp(log_vars[i]);
        total += precision * losses[i] + log_vars[i];
    }
    return total;
}

xt::xtensor<float, 3> some_logits() {
    auto x = xt::xtensor<float, 3>::from_shape({2, 3, 5});
    made_up::sequence numbers(3);
    for (float& v : x)
        v = static_cast<float>(6.0 * numbers.uniform() - 3.0);
    return x;
}

xt::xtensor<int, 3> some_mask() {
    auto y = xt::xtensor<int, 3>::from_shape({2, 3, 5});
    int i = 0;
    for (int& v : y)
        v = ++i % 3 == 0;
    return y;
}

} // namespace

TEST_CASE("uncertainty weighting by hand", "[training][uncertainty_weighting]") {
    const uncertainty_weighting fresh(2);
    CHECK(fresh.log_vars == std::vector<double>{0.0, 0.0});
    CHECK(fresh.factor(1) == 1.0);
    CHECK(fresh.value({3.0, 0.5}) == 3.5);
    CHECK(fresh.gradients({3.0, 0.5}) == std::vector<double>{-2.0, 0.5});

    const double ln2 = std::log(2.0);
    const auto w = of({ln2, -ln2}); // factors 1/2 and 2
    CHECK(std::abs(w.factor(0) - 0.5) <= 1e-16);
    CHECK(std::abs(w.factor(1) - 2.0) <= 4e-16);
    CHECK(std::abs(w.value({3.0, 0.5}) - 2.5) <= 1e-15);
    CHECK(std::abs(w.gradients({3.0, 0.5})[0] + 0.5) <= 1e-15);
    CHECK(std::abs(w.gradients({3.0, 0.5})[1]) <= 1e-15);
    CHECK(uncertainty_weighting{}.value(std::vector<double>{}) == 0.0);
}

TEST_CASE("uncertainty weighting against its formula and its differences",
          "[training][uncertainty_weighting]") {
    const std::vector<double> losses{0.7, 12.0, 1e-3, 0.0};
    const std::vector<double> log_vars{-1.5, 2.0, -6.0, 0.3};
    auto w = of(log_vars);
    CHECK(std::abs(w.value(losses) - plain_total(losses, log_vars)) <= 1e-13);
    const auto slopes = w.gradients(losses);
    constexpr double step = 1e-5;
    for (std::size_t i = 0; i < 4; ++i) {
        INFO(i);
        auto up = log_vars, down = log_vars;
        up[i] += step;
        down[i] -= step;
        const double difference = (plain_total(losses, up) - plain_total(losses, down)) / (2.0 * step);
        CHECK(std::abs(slopes[i] - difference) <= 1e-8 * (1.0 + std::abs(difference)));
        // of the total by L_i
        auto more = losses;
        more[i] += 1.0;
        CHECK(std::abs(plain_total(more, log_vars) - plain_total(losses, log_vars) - w.factor(i)) <=
              1e-12 * (1.0 + w.factor(i)));
    }
}

TEST_CASE("uncertainty weighting of a fused sum", "[training][uncertainty_weighting]") {
    const auto x = some_logits();
    const auto y = some_mask();
    const auto w = of({-0.4, 0.9});
    const auto loss = w.factor(0) * xloss::focal{} + w.factor(1) * xloss::dice{};
    const auto r = xloss::value_and_grad(loss, x, y);
    CHECK(std::abs(w.value(r.terms) - (static_cast<double>(r.value) + 0.5)) <= 1e-6);

    // The gradient of the total is that of the fused sum: against each loss alone, with its factor from
    // above.
    auto alone = xt::xtensor<float, 3>::from_shape({2, 3, 5});
    const auto focal = xloss::value_and_grad_into(alone, xloss::focal{}, x, y, {.upstream = w.factor(0)});
    const auto dice =
        xloss::value_and_grad_into(alone, xloss::dice{}, x, y, {.upstream = w.factor(1), .accumulate = true});
    for (std::size_t i = 0; i < alone.size(); ++i)
        CHECK(std::abs(alone.data()[i] - r.grad.data()[i]) <= 1e-6F * std::abs(alone.data()[i]) + 1e-8F);
    const std::vector<float> values{focal.value, dice.value};
    CHECK(std::abs(w.value(values) - w.value(r.terms)) <= 1e-6);
    CHECK(w.gradients(r.terms).size() == 2);
    CHECK(std::abs(w.gradients(r.terms)[1] -
                   (1.0 - std::exp(-0.9) * static_cast<double>(r.terms[1].value))) <= 1e-15);
}

TEST_CASE("uncertainty weighting is finite for every s", "[training][uncertainty_weighting]") {
    for (const double s : {-1e300, -1e6, -710.0, -81.0, 81.0, 710.0, 1e6, 1e300}) {
        INFO(s);
        const auto w = of({s});
        CHECK(std::isfinite(w.factor(0)));
        CHECK(std::isfinite(w.value({1e30})));
        CHECK(std::isfinite(w.gradients({1e30})[0]));
        CHECK(w.factor(0) <= 5.6e34);
    }
    // Far below, the gradient still leads back up; far above, down.
    CHECK(of({-1e6}).gradients({0.5})[0] < -1e34);
    CHECK(of({-80.0}).factor(0) == of({-500.0}).factor(0));
    CHECK(of({-79.0}).factor(0) < of({-80.0}).factor(0));
    CHECK(of({1e6}).gradients({0.5})[0] == 1.0);
    CHECK(of({1e6}).value({0.5}) == 1e6);

    // The factor fits into float.
    const auto w = of({-1e6, -1e6});
    const auto r = xloss::value_and_grad(w.factor(0) * xloss::focal{} + w.factor(1) * xloss::dice{},
                                         some_logits(), some_mask());
    CHECK(std::isfinite(r.value));
    for (const float g : r.grad)
        CHECK(std::isfinite(g));
}

TEST_CASE("uncertainty weighting: what is not finite, what is refused", "[training][uncertainty_weighting]") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(std::isnan(uncertainty_weighting(2).value({nan, 1.0})));
    CHECK(std::isnan(uncertainty_weighting(2).gradients({nan, 1.0})[0]));
    CHECK(uncertainty_weighting(2).gradients({nan, 1.0})[1] == 0.0);
    CHECK_THROWS_WITH(uncertainty_weighting(2).value({1.0}),
                      "xloss::uncertainty_weighting: 1 values for 2 losses");
    CHECK_THROWS_AS(uncertainty_weighting(2).gradients({1.0, 2.0, 3.0}), xloss::shape_error);
    CHECK_THROWS_WITH(uncertainty_weighting(2).factor(2), "xloss::uncertainty_weighting: no loss 2 of 2");
    CHECK_THROWS_AS(of({0.0, nan}).factor(1), xloss::parameter_error);
    CHECK_THROWS_WITH(of({0.0, HUGE_VAL}).value({1.0, 1.0}),
                      Catch::Matchers::StartsWith("xloss::uncertainty_weighting: log_vars[1] is inf"));
    CHECK(of({1.0, 2.0}) == of({1.0, 2.0}));
    CHECK(of({1.0, 2.0}) != of({1.0, 2.5}));
}
