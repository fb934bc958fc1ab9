// Weights by ratios of losses: by hand, against a plain restatement, the edges, what is refused.

#include "support/catch.hpp"

#include <xloss/training/gradient_norm_weighting.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace {

using xloss::gradient_norm_weighting;

/// The formula as its source has it.
std::vector<double> plain(const std::vector<double>& now, const std::vector<double>& first, double alpha) {
    std::vector<double> w;
    double mean = 0.0, sum = 0.0;
    for (std::size_t i = 0; i < now.size(); ++i)
        mean += now[i] / (first[i] + 1e-8) / static_cast<double>(now.size());
    for (std::size_t i = 0; i < now.size(); ++i) {
        w.push_back(std::pow(now[i] / (first[i] + 1e-8) / mean, alpha));
        sum += w.back();
    }
    for (double& one : w)
        one *= static_cast<double>(now.size()) / sum;
    return w;
}

gradient_norm_weighting after(const std::vector<double>& first, const std::vector<double>& now,
                              double alpha = 0.16) {
    gradient_norm_weighting w(first.size(), alpha);
    w.update(first);
    w.update(now);
    return w;
}

double sum(const gradient_norm_weighting& w) {
    double all = 0.0;
    for (const double one : w.weights)
        all += one;
    return all;
}

struct term {
    float value;
};

} // namespace

TEST_CASE("gradient norm weighting: the first update only records", "[training][gradient_norm_weighting]") {
    gradient_norm_weighting w(2);
    CHECK(w.alpha == 0.16);
    CHECK(w.weights == std::vector<double>{1.0, 1.0});
    w.update({4.0, 0.25});
    CHECK(w.weights == std::vector<double>{1.0, 1.0});
    CHECK(w.initial == std::vector<double>{4.0, 0.25});
    w.update({4.0, 0.25});
    CHECK(std::abs(w.factor(0) - 1.0) <= 1e-8);
    CHECK(w.initial == std::vector<double>{4.0, 0.25});
}

TEST_CASE("gradient norm weighting by hand", "[training][gradient_norm_weighting]") {
    // Ratios 1/4 and 1, alpha 1/2: 1/2 to 1, scaled to sum to 2. The 1e-8 moves the ninth digit.
    const auto w = after({4.0, 2.0}, {1.0, 2.0}, 0.5);
    CHECK(std::abs(w.factor(0) - 2.0 / 3.0) <= 1e-8);
    CHECK(std::abs(w.factor(1) - 4.0 / 3.0) <= 1e-8);
    CHECK(std::abs(w.factor(0) - 2.0 / 3.0) > 1e-11);
}

TEST_CASE("gradient norm weighting against its formula", "[training][gradient_norm_weighting]") {
    const std::vector<double> first{0.9, 12.0, 1e-9, 0.3}, now{0.2, 11.0, 3e-9, 0.6};
    for (const double alpha : {0.16, 1.0, 2.5, 0.0}) {
        INFO(alpha);
        const auto w = after(first, now, alpha);
        const auto expected = plain(now, first, alpha);
        for (std::size_t i = 0; i < 4; ++i)
            CHECK(std::abs(w.factor(i) - expected[i]) <= 1e-14 * expected[i]);
        CHECK(std::abs(sum(w) - 4.0) <= 1e-14);
    }
    gradient_norm_weighting w(2);
    w.update(std::vector<float>{1.0F, 2.0F});
    w.update(std::vector<term>{{0.5F}, {2.0F}});
    const auto expected = plain({0.5, 2.0}, {1.0, 2.0}, 0.16);
    CHECK(std::abs(w.factor(0) - expected[0]) <= 1e-14);
}

TEST_CASE("gradient norm weighting is finite at its edges", "[training][gradient_norm_weighting]") {
    // One loss at 0, all at 0, negative ones, first values of 0 or less, ratios out of range.
    CHECK(after({1.0, 1.0}, {0.0, 0.5}).weights == std::vector<double>{0.0, 2.0});
    CHECK(after({1.0, 1.0}, {0.0, 0.0}).weights == std::vector<double>{1.0, 1.0});
    CHECK(after({1.0, 1.0}, {-3.0, 0.5}).weights == std::vector<double>{0.0, 2.0});
    CHECK(after({1.0, 1.0}, {-3.0, -0.5}).weights == std::vector<double>{1.0, 1.0});
    CHECK(after({1.0, 1.0}, {0.0, 0.5}, 0.0).weights == std::vector<double>{1.0, 1.0});
    CHECK(after({}, {}).weights.empty());
    for (const std::vector<double>& first : {std::vector<double>{0.0, 1.0}, {-1e-8, 1.0}, {-5.0, 1.0}}) {
        const auto w = after(first, {0.5, 0.5});
        CHECK(std::abs(w.factor(0) - plain({0.5, 0.5}, {0.0, 1.0}, 0.16)[0]) <= 1e-14);
    }
    const double most = std::numeric_limits<double>::max();
    for (const std::vector<double>& now : {std::vector<double>{most, most}, {most, 1.0}, {5e-324, most}})
        for (const double first : {0.0, 5e-324, most})
            for (const double alpha : {0.16, 1.0, 1e6}) {
                const auto w = after({first, first}, now, alpha);
                INFO(now[0] << ", " << now[1] << " from " << first << ", alpha " << alpha);
                CHECK(w.factor(0) >= 0.0);
                CHECK(w.factor(1) >= 0.0);
                CHECK(std::abs(sum(w) - 2.0) <= 1e-14);
            }
}

TEST_CASE("gradient norm weighting: what is refused", "[training][gradient_norm_weighting]") {
    auto w = after({1.0, 1.0}, {0.25, 0.5});
    const auto before = w;
    CHECK_THROWS_WITH(w.update({0.5}), "xloss::gradient_norm_weighting: 1 values for 2 losses");
    CHECK_THROWS_AS(w.update({0.5, HUGE_VAL}), xloss::finite_error);
    CHECK_THROWS_WITH(w.update({0.5, std::numeric_limits<double>::quiet_NaN()}),
                      "xloss::gradient_norm_weighting: the value of loss 1 is nan");
    CHECK_THROWS_AS(w.factor(2), xloss::parameter_error);
    CHECK(w == before);
    w.alpha = -0.1;
    CHECK_THROWS_AS(w.update({0.5, 0.5}), xloss::parameter_error);
    CHECK(w.weights == before.weights);
    w.initial = {1.0};
    w.alpha = 0.16;
    CHECK_THROWS_WITH(w.update({0.5, 0.5}), "xloss::gradient_norm_weighting: 1 first values for 2 losses");
    gradient_norm_weighting fresh(2);
    CHECK_THROWS_AS(fresh.update({0.5, -HUGE_VAL}), xloss::finite_error);
    CHECK(fresh == gradient_norm_weighting(2));
}
