// The gradient check finds what is wrong and says where, and passes what is right.

#include "support/catch.hpp"
#include "support/expressions.hpp"
#include "support/own_losses.hpp"

#include <xloss/testing/gradient_check.hpp>
#include <xloss/xloss.hpp>

#include <array>
#include <cstddef>
#include <limits>
#include <sstream>
#include <string>

namespace {

using xloss::testing::gradient_check;

const std::array<std::size_t, 3> shape{2, 3, 7};

/// brier with a slope that is wrong where y = 1 and p > 0.9.
struct nearly_right : user::brier {
    double wrong_by = 1e-3;

    template <class V>
    xloss::point<V> at_probability(const xloss::pixel<V>& s) const {
        auto point = user::brier::at_probability(s);
        point.slope = point.slope + select((s.y == V(1.0)) & (s.p > V(0.9)), V(wrong_by), V(0.0));
        return point;
    }
};

/// Tversky with a forgotten partial.
struct forgetful : user::tversky_by_hand {
    xloss::region_sums<double> region_slopes(const xloss::region_sums<double>& r) const {
        auto d = user::tversky_by_hand::region_slopes(r);
        d.fn = 0.0;
        return d;
    }
};

} // namespace

TEST_CASE("a right gradient passes, in any mode and with all that rides on a call",
          "[testing][gradient_check]") {
    const auto x = made_up::logits<double>(shape);
    const auto y = made_up::labels<int>(shape);
    const auto w = made_up::weights<double>(shape);
    CHECK(gradient_check(20.0 * xloss::focal{.gamma = 0.5} + user::tversky{}, x, y));
    CHECK(gradient_check(xloss::multilabel(xloss::bce{} + user::tversky{}), x, xloss::weighted(y, w)));
    const auto map = made_up::labels<int, 2>({2, 7}, 4);
    CHECK(gradient_check(xloss::multiclass(xloss::cross_entropy{} + user::uneven{}, {.ignore_index = 3}), x,
                         map));
    CHECK(gradient_check(xloss::bce{}, x, y, {}, {.upstream = -3.0}));
    CHECK(gradient_check(xloss::bce{}, x, y, {}, {.upstream = w}));
    CHECK(gradient_check(xloss::bce{}, xt::xtensor<double, 3>::from_shape({0, 3, 7}),
                         made_up::labels<int, 3>({0, 3, 7})));
}

TEST_CASE("logits in float are checked in double", "[testing][gradient_check]") {
    const auto report =
        gradient_check(xloss::bce{}, made_up::logits<float>(shape), made_up::labels<bool>(shape));
    CHECK(report.passed);
    CHECK(report.error < 1e-9);
}

TEST_CASE("a wrong slope at one pixel is found there", "[testing][gradient_check]") {
    xt::xtensor<double, 3> x = made_up::logits<double>(shape, 2.0);
    const auto y = made_up::labels<int>(shape, 1); // nothing is positive
    xt::xtensor<int, 3> one = y;
    x(1, 2, 4) = 4.0;
    one(1, 2, 4) = 1;
    CHECK(gradient_check(nearly_right{}, x, y));
    const auto report = gradient_check(nearly_right{}, x, one);
    CHECK_FALSE(report.passed);
    CHECK_FALSE(static_cast<bool>(report));
    CHECK(report.worst_index == "[1, 2, 4]");
    CHECK(report.error > 1e-5);
    CHECK(report.gradient != report.difference);
    std::ostringstream text;
    text << report;
    CHECK(text.str() == report.message());
    CHECK(text.str().find("WRONG: worst at [1, 2, 4]") != std::string::npos);
    CHECK(gradient_check(nearly_right{}, x, one, {.tolerance = 1.0}));
}

TEST_CASE("a forgotten partial is found", "[testing][gradient_check]") {
    const auto x = made_up::logits<double>(shape);
    const auto y = made_up::labels<int>(shape);
    CHECK(gradient_check(user::tversky_by_hand{}, x, y));
    CHECK_FALSE(gradient_check(forgetful{}, x, y));
    CHECK_FALSE(gradient_check(xloss::multilabel(xloss::bce{} + forgetful{}), x, y));
}

TEST_CASE("a gradient that is no number does not pass", "[testing][gradient_check]") {
    auto x = made_up::logits<double>(shape);
    x(0, 1, 2) = std::numeric_limits<double>::quiet_NaN();
    const auto report = gradient_check(xloss::bce{}, x, made_up::labels<int>(shape));
    CHECK_FALSE(report.passed);
}
