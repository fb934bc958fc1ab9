// Early stopping: runs worked by hand with the rules of MMEngine's hook, the edges, what is refused.

#include "support/catch.hpp"

#include <xloss/training/early_stopping.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <vector>

namespace {

using xloss::early_stopping, xloss::stopping_reason, xloss::stopping_rule;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// How many values it takes to stop; 0 if they do not.
std::size_t stops_after(early_stopping& stop, const std::vector<double>& values) {
    for (std::size_t i = 0; i < values.size(); ++i)
        if (stop.update(values[i]))
            return i + 1;
    return 0;
}

} // namespace

TEST_CASE("early stopping of a score", "[training][early_stopping]") {
    early_stopping stop{.patience = 3, .min_delta = 0.5};
    // 0.25 and 0.375 fall short of 0.5 more, 0.5 is enough; then 0.875, 0.25, 0 are no improvement.
    CHECK(stops_after(stop, {0.0, 0.25, 0.375, 0.5, 0.875, 0.25}) == 0);
    CHECK(stop.best == 0.5);
    CHECK(stop.best_step == 3);
    CHECK(stop.bad_count == 2);
    CHECK(stop.update(0.0));
    CHECK(stop.reason == stopping_reason::no_improvement);
    CHECK(stop.steps == 7);
    // It stays stopped, and goes on counting.
    CHECK(stop.update(10.0));
    CHECK(stop.best == 10.0);
    CHECK(stop.best_step == 7);
}

TEST_CASE("early stopping of a loss", "[training][early_stopping]") {
    early_stopping stop{.rule = stopping_rule::less, .patience = 2, .min_delta = 0.5};
    CHECK(stops_after(stop, {4.0, 3.75, 3.5, 3.0, 2.75, 3.5}) == 6);
    CHECK(stop.best == 3.0);
    CHECK(stop.best_step == 3);
}

TEST_CASE("the options of early stopping by default", "[training][early_stopping]") {
    early_stopping stop;
    CHECK(stop.rule == stopping_rule::greater);
    CHECK(stop.min_delta == 0.1);
    // Five validations after the best one.
    CHECK(stops_after(stop, {50.0, 50.05, 50.05, 50.05, 50.05, 50.05, 60.0}) == 6);
    CHECK(stop.best == 50.0);
    early_stopping at_once{.patience = 0};
    CHECK(stops_after(at_once, {1.0, 2.0, 1.5}) == 3);
    early_stopping any{.patience = 2, .min_delta = 0.0};
    CHECK(stops_after(any, {1.0, 1.0, 1.0, 1.0}) == 0); // as good as the best is good enough
    CHECK(any.best_step == 3);
}

TEST_CASE("early stopping at a threshold", "[training][early_stopping]") {
    early_stopping stop{.min_delta = 0.5, .stopping_threshold = 0.75};
    CHECK(stops_after(stop, {0.5, 0.75, 0.8125}) == 3); // beyond it, not at it
    CHECK(stop.reason == stopping_reason::threshold);
    CHECK(stop.best == 0.8125); // though not by min_delta
    CHECK(stop.best_step == 2);
    early_stopping loss{.rule = stopping_rule::less, .stopping_threshold = 0.25};
    CHECK(stops_after(loss, {0.5, 0.25, 0.125}) == 3);
    CHECK(loss.best == 0.125);
    early_stopping first{.stopping_threshold = 0.75};
    CHECK(first.update(1.0));
    CHECK(first.best == 1.0);
}

TEST_CASE("early stopping and values that are not finite", "[training][early_stopping]") {
    for (const double bad : {not_a_number, HUGE_VAL, -HUGE_VAL}) {
        early_stopping stop;
        CHECK(stops_after(stop, {0.5, bad}) == 2);
        CHECK(stop.reason == stopping_reason::not_finite);
        CHECK(stop.best == 0.5);
        CHECK(stop.bad_count == 0);
    }
    // Without the check a NaN is no improvement, also as the first value.
    early_stopping stop{.patience = 3, .check_finite = false};
    CHECK(stops_after(stop, {not_a_number, 0.5, not_a_number, not_a_number}) == 0);
    CHECK(stop.best == 0.5);
    CHECK(stop.bad_count == 2);
    CHECK(stop.update(not_a_number));
    early_stopping never{.patience = 2, .check_finite = false};
    CHECK(stops_after(never, {not_a_number, not_a_number}) == 2);
    CHECK_FALSE(never.best.has_value());
    early_stopping infinite{.patience = 2, .check_finite = false};
    CHECK(stops_after(infinite, {-HUGE_VAL, 0.0, HUGE_VAL, 1.0}) == 0);
    CHECK(infinite.best == HUGE_VAL);
}

TEST_CASE("early stopping without a value", "[training][early_stopping]") {
    early_stopping stop{.patience = 2};
    CHECK_FALSE(stop.update(1.0));
    CHECK_FALSE(stop.update(std::nullopt));
    CHECK_FALSE(stop.update(0.5));
    CHECK(stop.bad_count == 1);
    CHECK(stop.steps == 3);
    CHECK_FALSE(stop.update(3.0));
    CHECK(stop.best_step == 3);

    early_stopping strict{.strict = true};
    strict.update(1.0);
    const auto before = strict;
    CHECK_THROWS_WITH(strict.update({}), "xloss::early_stopping: no value in update 1, and strict");
    CHECK(strict == before);
}

TEST_CASE("early stopping: what is refused", "[training][early_stopping]") {
    early_stopping stop{.min_delta = -0.1};
    CHECK_THROWS_AS(stop.update(1.0), xloss::parameter_error);
    stop.min_delta = not_a_number;
    CHECK_THROWS_AS(stop.update(1.0), xloss::parameter_error);
    CHECK(stop.steps == 0);
    early_stopping threshold{.stopping_threshold = not_a_number};
    CHECK_THROWS_WITH(threshold.update(1.0), "xloss::early_stopping: stopping_threshold is not a number");
    CHECK(early_stopping{.patience = 3} != early_stopping{});
}
