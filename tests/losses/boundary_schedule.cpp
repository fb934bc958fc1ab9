#include "support/catch.hpp"

#include <xloss/losses/boundary_schedule.hpp>

using xloss::boundary_factors, xloss::boundary_schedule, xloss::engine::scheduled;

TEST_CASE("boundary_schedule: constant leaves both losses as they are") {
    CHECK(scheduled(boundary_schedule::constant, 0.0, 8.0) == boundary_factors{1.0, 1.0});
    CHECK(scheduled(boundary_schedule::constant, 100.0, 8.0) == boundary_factors{1.0, 1.0});
}

TEST_CASE("boundary_schedule: falling takes the boundary loss away, and never below nothing") {
    CHECK(scheduled(boundary_schedule::falling, 0.0, 8.0) == boundary_factors{1.0, 1.0});
    CHECK(scheduled(boundary_schedule::falling, 2.0, 8.0) == boundary_factors{1.0, 0.75});
    CHECK(scheduled(boundary_schedule::falling, 8.0, 8.0) == boundary_factors{1.0, 0.0});
    CHECK(scheduled(boundary_schedule::falling, 9.0, 8.0) == boundary_factors{1.0, 0.0});
}

TEST_CASE("boundary_schedule: rebalanced moves from the region loss to the boundary loss, but for a share") {
    CHECK(scheduled(boundary_schedule::rebalanced, 0.0, 8.0) == boundary_factors{0.875, 0.125});
    CHECK(scheduled(boundary_schedule::rebalanced, 3.0, 8.0) == boundary_factors{0.5, 0.5});
    CHECK(scheduled(boundary_schedule::rebalanced, 7.0, 8.0) == boundary_factors{0.125, 0.875});
    CHECK(scheduled(boundary_schedule::rebalanced, 50.0, 8.0) == boundary_factors{0.125, 0.875});
    CHECK(scheduled(boundary_schedule::rebalanced, 0.0, 1.0) == boundary_factors{1.0, 0.0});
}
