// Schedules: by hand, against a plain restatement of the source's, the ends, what is refused.

#include "support/catch.hpp"

#include <xloss/losses/region_boundary.hpp>
#include <xloss/training/loss_schedule.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace {

using xloss::boundary_ramp, xloss::boundary_schedule, xloss::loss_schedule, xloss::ramp, xloss::ramp_shape;

/// The function of the source, word by word.
xloss::scheduled_weights plain(double step, double total, double warmup_steps) {
    const double warmup = std::min(1.0, step / warmup_steps);
    double progress = std::min(1.0, (step - warmup_steps) / (total - warmup_steps));
    progress = std::max(0.0, progress);
    return {10.0 + progress * (20.0 - 10.0), 1.0 + progress * (1.0 - 1.0),
            warmup * (0.0 + progress * (1.0 - 0.0))};
}

bool close(double a, double b) {
    return std::abs(a - b) <= 1e-15 * std::max(1.0, std::abs(b));
}

} // namespace

TEST_CASE("loss_schedule against the function of its source", "[training][loss_schedule]") {
    const loss_schedule schedule{.total = 7000};
    for (const double step :
         {0.0, 1.0, 500.0, 999.0, 1000.0, 1001.0, 2500.0, 4000.0, 6999.0, 7000.0, 9000.0}) {
        INFO(step);
        const auto found = schedule.at(step), expected = plain(step, 7000, 1000);
        CHECK(close(found.focal, expected.focal));
        CHECK(close(found.dice, expected.dice));
        CHECK(close(found.iou, expected.iou));
    }
}

TEST_CASE("loss_schedule by hand", "[training][loss_schedule]") {
    const loss_schedule schedule{
        .total = 500, .focal = {2, 6}, .dice = {4, 1}, .iou = {0.5, 1.5}, .warmup = 100};
    const auto half = schedule.at(300); // halfway from 100 to 500
    CHECK(half.focal == 4.0);
    CHECK(half.dice == 2.5);
    CHECK(half.iou == 1.0);
    CHECK(schedule.at(50).focal == 2.0);
    CHECK(schedule.at(50).iou == 0.25); // half of the warm-up
    CHECK(schedule.at(0).iou == 0.0);
    CHECK(schedule.at(1e9) == xloss::scheduled_weights{6.0, 1.0, 1.5});

    auto cosine = schedule;
    cosine.shape = ramp_shape::cosine;
    CHECK(close(cosine.at(300).focal, 4.0));
    CHECK(close(cosine.at(200).focal, 2.0 + 4.0 * (0.5 - std::sqrt(0.125)))); // (1 - cos(pi/4))/2
    auto steps = schedule;
    steps.shape = ramp_shape::step;
    steps.stairs = 2;
    CHECK(steps.at(299).focal == 2.0);
    CHECK(steps.at(300).focal == 4.0);
    CHECK(steps.at(500).focal == 6.0);
    auto constant = schedule;
    constant.shape = ramp_shape::constant;
    CHECK(constant.at(500) == xloss::scheduled_weights{2.0, 4.0, 0.5});
}

TEST_CASE("schedules without a warm-up, or with nothing but one", "[training][loss_schedule]") {
    const loss_schedule cold{.total = 100, .warmup = 0};
    CHECK(cold.at(0) == xloss::scheduled_weights{10.0, 1.0, 0.0});
    CHECK(cold.at(50) == xloss::scheduled_weights{15.0, 1.0, 0.5});
    for (const double total : {100.0, 60.0}) {
        const loss_schedule short_one{.total = total, .iou = {0.5, 1.0}, .warmup = 100};
        CHECK(short_one.at(99) == xloss::scheduled_weights{10.0, 1.0, 0.99 * 0.5});
        CHECK(short_one.at(100) == xloss::scheduled_weights{20.0, 1.0, 1.0});
        CHECK(short_one.at(101) == xloss::scheduled_weights{20.0, 1.0, 1.0});
    }
}

TEST_CASE("ramps by hand", "[training][loss_schedule]") {
    const ramp line{.from = 3.0, .to = 1.0, .warmup = 10.0, .total = 30.0};
    CHECK(line.at(0) == 3.0);
    CHECK(line.at(10) == 3.0);
    CHECK(line.at(15) == 2.5);
    CHECK(line.at(30) == 1.0);
    CHECK(line.at(31) == 1.0);

    ramp cosine = line;
    cosine.shape = ramp_shape::cosine;
    CHECK(cosine.at(10) == 3.0);
    CHECK(close(cosine.at(20), 2.0));
    CHECK(close(cosine.at(15), 1.0 + 2.0 * (0.5 + std::sqrt(0.125))));
    CHECK(cosine.at(30) == 1.0);

    ramp constant = line;
    constant.shape = ramp_shape::constant;
    CHECK(constant.at(1000) == 3.0);
    CHECK(ramp{.from = 0.1, .to = 0.7, .total = 3.0}.at(3.0) == 0.7); // to the bit
    const double most = std::numeric_limits<double>::max();
    CHECK(std::isfinite(ramp{.from = -most, .to = most, .total = 3.0}.at(1.0)));
}

TEST_CASE("a ramp in steps never misses one", "[training][loss_schedule]") {
    for (std::size_t stairs = 1; stairs <= 200; ++stairs) {
        const auto n = static_cast<double>(stairs);
        const ramp r{
            .shape = ramp_shape::step, .to = n, .warmup = 5.0, .total = 5.0 + 7.0 * n, .stairs = stairs};
        for (std::size_t k = 0; k <= stairs; ++k) {
            const double step = 5.0 + 7.0 * static_cast<double>(k);
            INFO(k << " of " << stairs);
            CHECK(std::lround(r.at(step)) == static_cast<long>(k));
            if (k < stairs)
                CHECK(std::lround(r.at(step + 6.0)) == static_cast<long>(k));
        }
    }
}

TEST_CASE("boundary_ramp is the schedule of region_boundary", "[training][loss_schedule]") {
    for (const auto schedule :
         {boundary_schedule::constant, boundary_schedule::falling, boundary_schedule::rebalanced})
        for (const double epoch : {0.0, 12.0, 49.0, 50.0, 80.0}) {
            const xloss::region_boundary loss{.schedule = schedule, .epoch = epoch, .epochs = 50.0};
            CHECK(boundary_ramp{schedule, 50.0}.at(epoch) == loss.scheduled());
        }
    // Kervadec's: 0.01 of the boundary loss in the first of 100 epochs, 0.01 more in each.
    const boundary_ramp rebalanced{.schedule = boundary_schedule::rebalanced};
    CHECK(rebalanced.at(0).boundary == 0.01);
    CHECK(close(rebalanced.at(49).boundary, 0.5));
    CHECK(close(rebalanced.at(49).dice, 0.5));
    CHECK(rebalanced.at(150).boundary == 0.99);
    CHECK(boundary_ramp{}.at(25).boundary == 0.75);
}

TEST_CASE("schedules: what is refused", "[training][loss_schedule]") {
    CHECK_THROWS_WITH(loss_schedule{}.at(0), Catch::Matchers::StartsWith("xloss::loss_schedule: total is 0"));
    CHECK_THROWS_AS(ramp{}.at(0), xloss::parameter_error);
    CHECK_THROWS_WITH(loss_schedule{.total = 10}.at(-1),
                      Catch::Matchers::StartsWith("xloss::loss_schedule: step is -1"));
    CHECK_THROWS_AS((loss_schedule{.total = 10, .warmup = -1}.at(0)), xloss::parameter_error);
    CHECK_THROWS_WITH((loss_schedule{.total = 10, .iou = {0.0, HUGE_VAL}}.at(0)),
                      Catch::Matchers::StartsWith("xloss::loss_schedule: iou is inf"));
    CHECK_THROWS_AS((loss_schedule{.total = 10, .focal = {std::nan(""), 1.0}}.at(0)), xloss::parameter_error);
    CHECK_THROWS_AS((loss_schedule{.total = 10, .dice = {1.0, HUGE_VAL}}.at(0)), xloss::parameter_error);
    CHECK_THROWS_WITH((ramp{.total = 10, .stairs = 0}.at(0)),
                      "xloss::ramp: stairs is 0; a ramp has at least one jump");
    CHECK_THROWS_AS((ramp{.from = HUGE_VAL, .total = 10}.at(0)), xloss::parameter_error);
    CHECK_THROWS_AS((ramp{.to = HUGE_VAL, .total = 10}.at(0)), xloss::parameter_error);
    CHECK_THROWS_AS((ramp{.total = HUGE_VAL}.at(0)), xloss::parameter_error);
    CHECK_THROWS_AS(boundary_ramp{.epochs = 0.5}.at(0), xloss::parameter_error);
    CHECK_THROWS_AS(boundary_ramp{}.at(-1), xloss::parameter_error);
}
