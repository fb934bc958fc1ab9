// losses/region_boundary.hpp.

#include "losses/differences.hpp"

#include <xloss/losses/boundary.hpp>
#include <xloss/losses/dice.hpp>
#include <xloss/losses/region_boundary.hpp>

using namespace cases;
using namespace differences;
using xloss::boundary;
using xloss::boundary_schedule;
using xloss::dice;
using xloss::region_boundary;

TEST_CASE("region_boundary: what the schedules say of an epoch") {
    const auto at = [](boundary_schedule schedule, double epoch) {
        return region_boundary{.schedule = schedule, .epoch = epoch, .epochs = 50.0}.scheduled();
    };
    CHECK(at(boundary_schedule::constant, 70.0).dice == 1.0);
    CHECK(at(boundary_schedule::constant, 70.0).boundary == 1.0);
    CHECK(at(boundary_schedule::falling, 0.0).boundary == 1.0);
    CHECK(at(boundary_schedule::falling, 20.0).boundary == 0.6);
    CHECK(at(boundary_schedule::falling, 20.0).dice == 1.0);
    CHECK(at(boundary_schedule::falling, 50.0).boundary == 0.0);
    CHECK(at(boundary_schedule::falling, 70.0).boundary == 0.0);
    // Kervadec's: 0.01 in the first of 100 epochs, 0.99 in the last, and never without Dice.
    const auto rebalanced = [](double epoch) {
        return region_boundary{.schedule = boundary_schedule::rebalanced, .epoch = epoch}.scheduled();
    };
    CHECK(rebalanced(0.0).boundary == 0.01);
    CHECK(rebalanced(0.0).dice == 0.99);
    CHECK(error(rebalanced(49.0).boundary, 0.5) <= 1e-15);
    CHECK(rebalanced(98.0).boundary == 0.99);
    CHECK(rebalanced(200.0).boundary == 0.99);
}

TEST_CASE("region_boundary is the sum of both, times what is scheduled") {
    const auto x = logits(2, 3, 4, 5);
    const auto y = labels_with_ignored(3, 2, 4, 5);
    const region_boundary one{
        .dice_weight = 2.0, .boundary_weight = 0.5, .smooth_nr = 0.5, .class_weights = {1.0, 2.0, 0.5}};
    const dice first{.smooth_nr = 0.5, .class_weights = one.class_weights};
    const boundary second{.class_weights = one.class_weights};
    for (const auto schedule :
         {boundary_schedule::constant, boundary_schedule::falling, boundary_schedule::rebalanced})
        for (const double epoch : {0.0, 30.0, 99.0, 150.0}) {
            INFO("schedule " << static_cast<int>(schedule) << ", epoch " << epoch);
            region_boundary loss = one;
            loss.schedule = schedule;
            loss.epoch = epoch;
            const auto now = loss.scheduled();
            const auto found = value_and_grad(multiclass(loss, ignoring), x, y);
            const auto expected = value_and_grad(
                multiclass(2.0 * now.dice * first + 0.5 * now.boundary * second, ignoring), x, y);
            CHECK(error(found.value, expected.value) <= 1e-15);
            CHECK(largest_error(found.grad, expected.grad, largest_entry(expected.grad)) <= 1e-15);
            CHECK(found.terms.size() == 1);
            CHECK(found.terms[0].value == found.value);
        }
}

TEST_CASE("region_boundary: parameters of the map") {
    const auto x = logits(1, 4, 5);
    const auto y = mask(1, 4, 5);
    const region_boundary loss{
        .dice_weight = 0.0, .convention = xloss::distance_convention::kervadec, .spacing = {2.0, 1.0}};
    const boundary alone{.convention = xloss::distance_convention::kervadec, .spacing = {2.0, 1.0}};
    CHECK(error(loss(x, y), alone(x, y)) <= 1e-15);
    const auto kept = logits(1, 4, 5);
    CHECK(error(loss(x, xloss::with_distance(y, kept)), boundary{}(x, xloss::with_distance(y, kept))) <=
          1e-15);
}

TEST_CASE("region_boundary: gradient against central differences") {
    const data d(shapes[1]);
    each_choice_of_regions(
        region_boundary{.schedule = boundary_schedule::rebalanced, .epoch = 40.0}, [&](const auto& loss) {
            CHECK(gradient_check(multiclass(loss, ignoring), d.x, xloss::weighted(d.labels, d.plane_w),
                                 closely));
            CHECK(gradient_check(multilabel(loss, ignoring), d.x, xloss::weighted(d.hard, d.w), closely));
        });
}

TEST_CASE("region_boundary: what is out of range is named") {
    const auto x = logits(1, 4, 5);
    const auto y = mask(1, 4, 5);
    const auto with = [&](const region_boundary& loss) { return [&, loss] { return loss(x, y); }; };
    using wrong = xloss::parameter_error;
    CHECK(throws<wrong>(with({.dice_weight = -1.0}), {"xloss::region_boundary", "dice_weight", "-1"}));
    CHECK(throws<wrong>(with({.boundary_weight = not_a_number}),
                        {"xloss::region_boundary", "boundary_weight"}));
    CHECK(throws<wrong>(with({.epoch = -1.0}), {"xloss::region_boundary", "epoch is -1"}));
    CHECK(throws<wrong>(with({.epochs = 0.0}), {"xloss::region_boundary", "epochs is 0", "[1.0"}));
    CHECK(throws<wrong>(with({.smooth = -1.0}), {"xloss::region_boundary", "smooth is -1"}));
    CHECK(throws<wrong>(with({.spacing = {0.0, 1.0}}), {"xloss::region_boundary", "spacing is 0"}));
    CHECK(throws<wrong>(with({.classes = {1}}), {"xloss::region_boundary", "class 1 of 1"}));
}
