// Slopes by hand against dual numbers, formula by formula.

#include "support/catch.hpp"
#include "support/own_losses.hpp"

#include <xloss/losses/bce.hpp>
#include <xloss/losses/focal.hpp>
#include <xloss/testing/formula_check.hpp>

#include <cmath>

namespace {

using xloss::testing::dual_class_pixel, xloss::testing::dual_pixel, xloss::testing::slope_error;

} // namespace

TEST_CASE("the pixel of a logit carries its derivatives", "[testing][formula_check]") {
    for (const double x : {-700.0, -30.0, -1.0, 0.0, 0.5, 30.0, 700.0}) {
        const auto s = dual_pixel(x, 0.25);
        const double p = 1.0 / (1.0 + std::exp(-x)), q = 1.0 / (1.0 + std::exp(x));
        INFO("logit " << x);
        CHECK(std::abs(s.p.value - p) <= 1e-15 * p);
        CHECK(std::abs(s.q.value - q) <= 1e-15 * q);
        CHECK(std::abs(s.p.slope[0] - p * q) <= 1e-15 * p * q);
        CHECK(std::abs(s.q.slope[0] + p * q) <= 1e-15 * p * q);
        CHECK(std::abs(s.log_p.slope[0] - q) <= 1e-15);
        CHECK(std::abs(s.log_q.slope[0] + p) <= 1e-15);
        CHECK(s.y.value == 0.25);
        CHECK(s.y.slope[0] == 0.0);
        CHECK(s.classes == 1);
    }
}

TEST_CASE("cross entropy of a pixel is that of its logarithms, with the slope by the logit",
          "[testing][formula_check]") {
    for (const double x : {-700.0, -30.0, -1.0, 0.0, 0.5, 30.0, 700.0})
        for (const double a : {0.0, 0.3, 1.0, 2.5})
            for (const double b : {0.0, 0.7, 1.0}) {
                const auto s = dual_pixel(x, a / 2.5);
                const auto weighted = cross_entropy_of(s, xloss::dual<1>(a), xloss::dual<1>(b));
                const double expected = -(a * s.log_p.value + b * s.log_q.value);
                INFO("logit " << x << ", weights " << a << " and " << b);
                CHECK(std::abs(weighted.value.value - expected) <= 1e-15 * expected);
                CHECK(slope_error(weighted) <= 1e-15);
                CHECK(slope_error(cross_entropy_of(s)) <= 1e-15);
                const auto plain = cross_entropy_of(s, s.y, 1.0 - s.y);
                CHECK(std::abs(cross_entropy_of(s).value.value - plain.value.value) <=
                      1e-15 * plain.value.value);
            }
}

TEST_CASE("the pixel of a class carries its derivatives by log p", "[testing][formula_check]") {
    for (const double log_p : {-50.0, -1.0, -1e-8, -1e-20}) {
        const auto s = dual_class_pixel(log_p, 1.0, 2, 4);
        INFO("log p " << log_p);
        CHECK(s.p.slope[0] == s.p.value);
        CHECK(s.q.value == -std::expm1(log_p));
        CHECK(s.q.slope[0] == -s.p.value);
        CHECK(s.log_p.slope[0] == 1.0);
        CHECK(s.cls.value == 2.0);
        CHECK(s.classes == 4);
    }
}

TEST_CASE("the slope error tells right from wrong", "[testing][formula_check]") {
    const xloss::bce::term right{};
    struct wrong_sign {
        xloss::point<xloss::dual<1>> at(const xloss::pixel<xloss::dual<1>>& s) const {
            auto point = xloss::bce::term{}.at(s);
            point.slope = -point.slope;
            return point;
        }
    };
    for (const double x : {-20.0, -0.5, 0.75, 20.0})
        for (const double y : {0.0, 0.25, 1.0}) {
            CHECK(slope_error(right.at(dual_pixel(x, y))) <= 1e-14);
            CHECK(slope_error(user::generalized_bce{}.at(dual_pixel(x, y))) <= 1e-14);
            CHECK(slope_error(xloss::focal::general{}.at(dual_pixel(x, y))) <= 1e-12); // two points at once
        }
    CHECK(slope_error(wrong_sign{}.at(dual_pixel(0.75, 0.0))) > 0.1);
    CHECK(slope_error(user::poly_cross_entropy{}.at_class(dual_class_pixel(-0.5, 1.0, 0, 3))) <= 1e-15);
    const xloss::point<xloss::dual<1>> no_number{xloss::dual<1>(0.0), xloss::dual<1>(std::nan(""))};
    CHECK(slope_error(no_number) == HUGE_VAL);
}
