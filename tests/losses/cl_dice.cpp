// losses/cl_dice.hpp.

#include "losses/differences.hpp"

#include <xloss/losses/cl_dice.hpp>
#include <xloss/losses/dice.hpp>

using namespace cases;
using namespace differences;
using xloss::activation;
using xloss::cl_dice;
using xloss::dice;
using xloss::empty_region;
using xloss::region;

namespace {

using image = xt::xtensor<double, 3>;
constexpr std::size_t height = 7, width = 15;

/// A vessel from border to border, from row `first` to `last`; with a gap, without column 7.
image vessel(std::size_t first, std::size_t last, bool gap = false) {
    image t = xt::zeros<double>({std::size_t{1}, height, width});
    for (std::size_t i = first; i <= last; ++i)
        for (std::size_t j = 0; j < width; ++j)
            t(0, i, j) = gap && j == 7 ? 0.0 : 1.0;
    return t;
}

template <class Loss>
auto of(const Loss& loss, const image& p, const image& y) {
    return value_and_grad(binary(loss, {.activation = activation::none, .ignore_index = 255}), p, y);
}

} // namespace

TEST_CASE("cl_dice: a broken line costs more than a thinner one") {
    const image y = vessel(2, 4);
    // The skeleton of the vessel is its middle row: 15 pixels. A prediction of that row alone has itself for
    // a skeleton: nothing is missing.
    CHECK(std::abs(of(cl_dice{}, vessel(3, 3), y).value) <= 1e-15);
    // Of both halves, 7 columns each, the middle row is eroded by one pixel at the gap: 12 pixels, all
    // inside, Tp = 1; of the skeleton of y 14 are found, Ts = (14 + 1)/(15 + 1). 1 - 2 Ts/(1 + Ts) = 1/31.
    const auto broken = of(cl_dice{}, vessel(2, 4, true), y);
    CHECK(error(broken.value, 1.0 / 31.0) <= 1e-14);
    // Dice sees it the other way round.
    CHECK(of(dice{}, vessel(3, 3), y).value > of(dice{}, vessel(2, 4, true), y).value);
    CHECK(std::abs(of(cl_dice{}, y, y).value) <= 1e-15);
    // The gradient asks for the middle of the gap alone: y there is the skeleton, p is not.
    CHECK(broken.grad(0, 3, 7) < 0.0);
    CHECK(broken.grad(0, 2, 7) == 0.0);
    CHECK(broken.grad(0, 0, 0) == 0.0);
}

TEST_CASE("cl_dice of thin lines by hand") {
    // A line of one pixel is its own skeleton. p misses 5 of 15: Tp = 11/11, Ts = (10 + 1)/(15 + 1); it adds
    // a row elsewhere: Tp = (15 + 1)/(30 + 1), Ts = 1.
    image less = vessel(3, 3), more = vessel(3, 3) + vessel(0, 0);
    for (std::size_t j = 0; j < 5; ++j)
        less(0, 3, j) = 0.0;
    const image y = vessel(3, 3);
    const auto missed = of(cl_dice{}, less, y);
    CHECK(error(missed.value, 1.0 - 2.0 * (11.0 / 16.0) / (27.0 / 16.0)) <= 1e-14);
    CHECK(missed.normalizer == 1.0);
    CHECK(missed.valid == height * width);
    CHECK(error(of(cl_dice{}, more, y).value, 1.0 - 2.0 * (16.0 / 31.0) / (47.0 / 31.0)) <= 1e-14);
    CHECK(error(of(cl_dice{.smooth = 0.0}, less, y).value, 1.0 - 2.0 * (2.0 / 3.0) / (5.0 / 3.0)) <= 1e-14);
    // Of Ts by p: y/16. 2/(1 + Ts)^2 = 2 (16/27)^2 is what the loss falls by Ts.
    CHECK(error(missed.grad(0, 3, 0), -2.0 * 256.0 / 729.0 / 16.0) <= 1e-14);
}

TEST_CASE("cl_dice: of a line along one axis and of a rod in a volume") {
    // Five pixels in a row and, in a volume, a rod of 3 x 3 through all of it: the one in the middle, the
    // axis.
    const xt::xtensor<double, 2> row{{0, 1, 1, 1, 1, 1, 0, 0, 0}}, middle{{0, 0, 0, 1, 0, 0, 0, 0, 0}};
    const auto none = [](const auto& p, const auto& y) {
        return binary(cl_dice{}, {.activation = activation::none})(p, y);
    };
    CHECK(std::abs(none(middle, row)) <= 1e-15);
    xt::xtensor<double, 4> rod = xt::zeros<double>({1, 4, 5, 5}), axis = rod;
    for (std::size_t z = 0; z < 4; ++z) {
        for (std::size_t i = 1; i < 4; ++i)
            for (std::size_t j = 1; j < 4; ++j)
                rod(0, z, i, j) = 1.0;
        axis(0, z, 2, 2) = 1.0;
    }
    CHECK(std::abs(none(axis, rod)) <= 1e-15);
    // Beside the axis nothing is found: Tp = 1, for it is inside, Ts = 1/5: 1 - (2/5)/(6/5).
    xt::xtensor<double, 4> beside = xt::zeros<double>({1, 4, 5, 5});
    for (std::size_t z = 0; z < 4; ++z)
        beside(0, z, 1, 1) = 1.0;
    CHECK(error(none(beside, rod), 2.0 / 3.0) <= 1e-14);
}

TEST_CASE("cl_dice: as many iterations as the structure is half wide") {
    // Seven rows: the middle one is left after three erosions, the first of which is in d_0.
    image wide = xt::zeros<double>({1, 9, 15});
    for (std::size_t i = 1; i < 8; ++i)
        for (std::size_t j = 0; j < 15; ++j)
            wide(0, i, j) = 1.0;
    image axis = xt::zeros<double>({1, 9, 15});
    for (std::size_t j = 0; j < 15; ++j)
        axis(0, 4, j) = 1.0;
    CHECK(std::abs(of(cl_dice{.iterations = 3}, axis, wide).value) <= 1e-15);
    // With fewer the skeleton of the target is empty, and so is Ts = 1/1: only Tp is left.
    CHECK(std::abs(of(cl_dice{.iterations = 2}, image(0.0 * axis), wide).value) <= 1e-15);
    CHECK(of(cl_dice{.iterations = 3}, image(0.0 * axis), wide).value > 0.8);
}

TEST_CASE("cl_dice: empty and full masks") {
    const image none = xt::zeros<double>({std::size_t{1}, height, width});
    const image p = vessel(3, 3);
    // Tp = 1/(15 + 1), Ts = 1/1.
    CHECK(error(of(cl_dice{}, p, none).value, 1.0 - (2.0 / 16.0) / (17.0 / 16.0)) <= 1e-14);
    CHECK(of(cl_dice{.empty = empty_region::zero}, p, none).value == 0.0);
    CHECK(of(cl_dice{.empty = empty_region::zero}, p, none).normalizer == 1.0);
    CHECK(of(cl_dice{.empty = empty_region::skip}, p, none).normalizer == 0.0);
    CHECK(largest_entry(of(cl_dice{.empty = empty_region::skip}, p, none).grad) == 0.0);
    CHECK(of(cl_dice{}, none, none).value == 0.0);
    CHECK(of(cl_dice{.smooth = 0.0}, none, none).value == 0.0); // 0/0 is perfect
    CHECK(of(cl_dice{.smooth = 0.0}, p, none).value == 1.0);
    // What is full has no skeleton: 0/0 of both.
    const image full = xt::ones<double>({std::size_t{1}, height, width});
    CHECK(of(cl_dice{.smooth = 0.0}, full, full).value == 0.0);
}

TEST_CASE("cl_dice: an ignored pixel is background, and absent from the sums") {
    // The ignored column cuts the vessel in two, as the gap does, in target and prediction: 12 + 12 pixels.
    image y = vessel(2, 4);
    for (std::size_t i = 0; i < height; ++i)
        y(0, i, 7) = 255.0;
    const auto whole = of(cl_dice{}, vessel(2, 4), y);
    CHECK(std::abs(whole.value) <= 1e-15);
    CHECK(whole.valid == height * (width - 1));
    // A row outside counts: S(p) has 12 + 14 pixels, of which 12 are inside.
    const auto more = of(cl_dice{}, image(vessel(2, 4) + vessel(0, 0)), y);
    CHECK(error(more.value, 1.0 - 2.0 * (13.0 / 27.0) / (40.0 / 27.0)) <= 1e-14);
    for (std::size_t i = 0; i < height; ++i)
        CHECK(more.grad(0, i, 7) == 0.0);
    const image nothing = 255.0 * xt::ones<double>({std::size_t{1}, height, width});
    const auto none = of(cl_dice{}, vessel(2, 4), nothing);
    CHECK(none.value == 0.0);
    CHECK(none.normalizer == 1.0); // it counts
    CHECK(none.valid == 0);
    CHECK(largest_entry(none.grad) == 0.0);
}

TEST_CASE("cl_dice: weights, classes, and the authors' sum with Dice") {
    const auto x = logits(2, 3, 4, 5);
    const auto y = labels(3, 2, 4, 5);
    const auto loss = [&](const cl_dice& l) { return multiclass(l)(x, y); };
    const auto one = [&](std::size_t c) { return loss({.classes = {c}}); };
    CHECK(error(loss({}), (one(0) + one(1) + one(2)) / 3.0) <= 1e-15);
    CHECK(error(loss({.include_background = false, .class_weights = {9.0, 2.0, 6.0}}),
                (2.0 * one(1) + 6.0 * one(2)) / 8.0) <= 1e-15);
    CHECK(error(multiclass(0.5 * dice{} + 0.5 * cl_dice{})(x, y),
                0.5 * multiclass(dice{})(x, y) + 0.5 * loss({})) <= 1e-15);
    // Everything twice as heavy is as if smooth were half.
    const auto twice = xloss::weighted(y, xt::xtensor<double, 3>(2.0 * xt::ones<double>({2, 4, 5})));
    CHECK(error(multiclass(cl_dice{})(x, twice), loss({.smooth = 0.5})) <= 1e-14);
}

TEST_CASE("cl_dice: gradient against central differences") {
    for (const auto& shape : shapes) {
        INFO("spatial axes: " << shape.size() - 2);
        const data d(shape);
        check_classes(cl_dice{}, d);
        check_multiclass(cl_dice{.iterations = 1, .smooth = 0.25}, d);
    }
    const data d(shapes[1]);
    check_binary(cl_dice{.over = region::batch}, data(shapes[0]));
    each_choice_of_regions(cl_dice{}, [&](const auto& loss) { check_classes(loss, d); });
    check_upstream(multilabel(cl_dice{.class_weights = {1.0, 2.0, 0.5}}, ignoring), d.x, d.hard);
    check_upstream(multiclass(cl_dice{.over = region::batch, .empty = empty_region::skip}, ignoring), d.x,
                   d.labels);
}

TEST_CASE("cl_dice: float against double") {
    check_single(cl_dice{}, {3, 7, 5}, mask(3, 7, 5));
    check_single(multiclass(cl_dice{}), {3, 4, 7}, labels(4, 3, 7));
}

TEST_CASE("cl_dice: extreme logits are finite, with and without smooth") {
    for (const auto& shape : shapes) {
        const data d(shape);
        for (const double size : extremes)
            for (const double smooth : {0.0, 1.0}) {
                INFO("logits of size " << size << ", smooth " << smooth);
                const array x = d.x * (size / 4.0);
                CHECK(is_finite(value_and_grad(multilabel(cl_dice{.smooth = smooth}), x, d.soft)));
                CHECK(
                    is_finite(value_and_grad(multiclass(cl_dice{.smooth = smooth}, ignoring), x, d.labels)));
            }
    }
}

TEST_CASE("cl_dice: what is out of range is named") {
    const auto x = logits(1, 3, 5);
    const auto y = mask(1, 3, 5);
    const auto with = [&](const cl_dice& loss) { return [&, loss] { return multilabel(loss)(x, y); }; };
    using wrong = xloss::parameter_error;
    CHECK(throws<wrong>(with({.smooth = -1.0}), {"xloss::cl_dice", "smooth is -1"}));
    CHECK(throws<wrong>(with({.smooth = not_a_number}), {"xloss::cl_dice", "smooth is nan"}));
    CHECK(throws<wrong>(with({.classes = {3}}), {"xloss::cl_dice", "class 3 of 3"}));
    CHECK(throws<wrong>(with({.class_weights = {1.0, 2.0}}), {"xloss::cl_dice", "2 entries for 3"}));
    CHECK(throws<xloss::shape_error>(
        [&] { multilabel(cl_dice{})(logits(1, 1, 2, 1, 2, 1), mask(1, 1, 2, 1, 2, 1)); },
        {"xloss::cl_dice", "[1, 1, 2, 1, 2, 1]", "4 spatial axes"}));
}
