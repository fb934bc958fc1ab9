// losses/boundary.hpp.

#include "losses/differences.hpp"

#include <xloss/losses/boundary.hpp>
#include <xloss/losses/dice.hpp>

using namespace cases;
using namespace differences;
using xloss::activation;
using xloss::boundary;
using xloss::denominator;
using xloss::distance_convention;

namespace {

using image = xt::xtensor<double, 3>;
using image_mask = xt::xtensor<std::uint8_t, 3>;

const image_mask square{
    {{0, 0, 0, 0, 0}, {0, 1, 1, 1, 0}, {0, 1, 1, 1, 0}, {0, 1, 1, 1, 0}, {0, 0, 0, 0, 0}}};

const double r2 = std::sqrt(2.0), r5 = std::sqrt(5.0);

/// The map that a loss of probabilities looks at: its gradient, the mean being over 25 pixels.
image map_of(const boundary& loss) {
    const image half = 0.5 * xt::ones<double>({1, 5, 5});
    return 25.0 * value_and_grad(binary(loss, {.activation = activation::none}), half, square).grad;
}

} // namespace

TEST_CASE("boundary: sign and offset of the map, drawn by hand") {
    CHECK(largest_error(map_of({}), {r2, 1,  1,  1,  r2, //
                                     1,  -1, -1, -1, 1,  //
                                     1,  -1, -2, -1, 1,  //
                                     1,  -1, -1, -1, 1,  //
                                     r2, 1,  1,  1,  r2}) <= 1e-15);
    CHECK(largest_error(map_of({.convention = distance_convention::kervadec}), {r2, 1, 1,  1, r2, //
                                                                                1,  0, 0,  0, 1,  //
                                                                                1,  0, -1, 0, 1,  //
                                                                                1,  0, 0,  0, 1,  //
                                                                                r2, 1, 1,  1, r2}) <= 1e-15);
    // Rows that are two apart: from the top of the square to the row above it is 2, as to its sides is 1.
    CHECK(largest_error(map_of({.spacing = {2.0, 1.0}}), {r5, 2,  2,  2,  r5, //
                                                          1,  -1, -2, -1, 1,  //
                                                          1,  -1, -2, -1, 1,  //
                                                          1,  -1, -2, -1, 1,  //
                                                          r5, 2,  2,  2,  r5}) <= 1e-15);
}

TEST_CASE("boundary is least, and negative, at its optimum") {
    const auto of = [](const image& p) {
        return binary(boundary{}, {.activation = activation::none})(p, square);
    };
    const double best = of(xt::cast<double>(square));
    CHECK(error(best, -10.0 / 25.0) <= 1e-15); // eight times -1 and a -2
    CHECK(of(xt::zeros<double>({1, 5, 5})) == 0.0);
    CHECK(error(of(xt::ones<double>({1, 5, 5})), (12.0 + 4.0 * r2 - 10.0) / 25.0) <= 1e-14);
    CHECK(of(probabilities(1, 5, 5)) > best);
    // Every slope points to the right side.
    const auto r = value_and_grad(boundary{}, logits(1, 5, 5), square);
    for (std::size_t i = 0; i < 25; ++i)
        CHECK((r.grad.data()[i] < 0.0) == (square.data()[i] == 1));
}

TEST_CASE("boundary of a single pixel and of a line") {
    // D = 1, -1, 1; p = 1/2: (1 - 1 + 1)/2 over 3; slopes D/3 times p (1 - p).
    const xt::xtensor<double, 2> x{{0.0, 0.0, 0.0}};
    const auto r = value_and_grad(boundary{}, x, xt::xtensor<std::uint8_t, 2>{{0, 1, 0}});
    CHECK(error(r.value, 1.0 / 6.0) <= 1e-15);
    CHECK(largest_error(r.grad, {1.0 / 12.0, -1.0 / 12.0, 1.0 / 12.0}) <= 1e-15);
    CHECK(r.normalizer == 3.0);
    CHECK(r.valid == 3);
    CHECK(boundary{}(x, xt::xtensor<std::uint8_t, 2>{{0, 1, 0}}) == r.value);
}

TEST_CASE("boundary of an empty and of a full mask is 0 everywhere") {
    const auto x = logits(1, 5, 5);
    for (const double all : {0.0, 1.0})
        for (const auto convention : {distance_convention::pixel, distance_convention::kervadec}) {
            const image y = all * xt::ones<double>({1, 5, 5});
            const auto r = value_and_grad(boundary{.convention = convention}, x, y);
            CHECK(r.value == 0.0);
            CHECK(r.normalizer == 25.0); // it counts
            CHECK(largest_entry(r.grad) == 0.0);
        }
}

TEST_CASE("boundary: an ignored pixel is background, and absent from the mean") {
    // The mask is 1 1 0 0: D = -2, -1, (1), 2.
    const xt::xtensor<double, 2> x{{0.0, 0.0, 0.7, 0.0}};
    const xt::xtensor<std::uint8_t, 2> y{{1, 1, 255, 0}};
    const auto r = value_and_grad(binary(boundary{}, {.ignore_index = 255}), x, y);
    CHECK(error(r.value, -0.5 / 3.0) <= 1e-15);
    CHECK(largest_error(r.grad, {-1.0 / 6.0, -1.0 / 12.0, 0.0, 1.0 / 6.0}) <= 1e-15);
    CHECK(r.valid == 3);
    // Weights enter the mean alone: D of 1 1 1 0 is -3, -2, -1, 1.
    const xt::xtensor<std::uint8_t, 2> three{{1, 1, 1, 0}};
    const xt::xtensor<double, 2> w{{0.5, 1.0, 2.0, 1.5}}, zero{{0.0, 0.0, 0.0, 0.0}};
    CHECK(error(boundary{}(zero, xloss::weighted(three, w)), 0.5 * (-1.5 - 2.0 - 2.0 + 1.5) / 5.0) <= 1e-15);
    const auto none = value_and_grad(boundary{}, zero, xloss::weighted(three, zero));
    CHECK(none.value == 0.0);
    CHECK(none.normalizer == 0.0);
    CHECK(none.valid == 0);
    CHECK(largest_entry(none.grad) == 0.0);
}

TEST_CASE("boundary of classes: the map of each, one mean over pixels and classes") {
    // Labels 0 0 1: D_0 = -2, -1, 1 and D_1 = 2, 1, -1; p = 1/2.
    const xt::xtensor<double, 3> x = xt::zeros<double>({1, 2, 3});
    const xt::xtensor<int, 2> y{{0, 0, 1}};
    CHECK(std::abs(multiclass(boundary{})(x, y)) <= 1e-16);
    CHECK(value_and_grad(multiclass(boundary{}), x, y).normalizer == 6.0);
    const auto one = value_and_grad(multiclass(boundary{.classes = {1}}), x, y);
    CHECK(error(one.value, 1.0 / 3.0) <= 1e-15);
    CHECK(one.normalizer == 3.0);
    // Slopes D_1/3 by p_1, times p (1 - p), and the opposite for the other class.
    CHECK(largest_error(one.grad,
                        {-1.0 / 6.0, -1.0 / 12.0, 1.0 / 12.0, 1.0 / 6.0, 1.0 / 12.0, -1.0 / 12.0}) <= 1e-15);
    CHECK(multiclass(boundary{.include_background = false})(x, y) == one.value);
    // (1 (-2)/2 + 3 2/2)/(3 (1 + 3)).
    CHECK(error(multiclass(boundary{.class_weights = {1.0, 3.0}})(x, y), 1.0 / 6.0) <= 1e-15);
    // The same numbers as sigmoids.
    CHECK(error(one_vs_rest(boundary{.class_weights = {1.0, 3.0}})(x, y), 1.0 / 6.0) <= 1e-15);
}

TEST_CASE("boundary: what the mean divides by") {
    const xt::xtensor<double, 3> x = xt::zeros<double>({1, 2, 3});
    const xt::xtensor<int, 2> y{{0, 255, 1}}; // D_0 = -1, (1), 2; D_1 = 2, (1), -1
    const xt::xtensor<double, 2> w{{0.5, 1.0, 2.0}};
    const auto with = [&](denominator d) {
        return value_and_grad(multiclass(boundary{.classes = {1}}, {.ignore_index = 255, .denominator = d}),
                              x, xloss::weighted(y, w));
    };
    const double sum = 0.5 * (0.5 * 2.0 - 2.0 * 1.0);
    CHECK(error(with(denominator::weights).value, sum / 2.5) <= 1e-15);
    CHECK(error(with(denominator::valid).value, sum / 2.0) <= 1e-15);
    CHECK(error(with(denominator::all).value, sum / 3.0) <= 1e-15);
}

TEST_CASE("boundary: a kept map rides on the target, also where nothing could be transformed") {
    const auto x = logits(1, 5, 5);
    const image kept = map_of({});
    const auto made = value_and_grad(boundary{}, x, square);
    const auto given = value_and_grad(boundary{}, x, xloss::with_distance(square, kept));
    CHECK(error(given.value, made.value, 0.1) <= 1e-15);
    CHECK(largest_error(given.grad, made.grad) <= 1e-14);
    // The parameters of a map that is not made do not matter; any number of spatial axes.
    const xt::xtensor<double, 1> point{0.0, 0.0};
    const xt::xtensor<double, 1> distance{-3.0, 5.0};
    CHECK(boundary{.spacing = {1.0, 2.0}}(point, xloss::with_distance(distance * 0.0, distance)) == 0.5);
}

TEST_CASE("boundary: gradient against central differences") {
    for (const auto& shape : shapes) {
        INFO("spatial axes: " << shape.size() - 2);
        const data d(shape);
        const std::vector<double> spacing(shape.size() - 2, 1.5);
        const boundary loss{.spacing = spacing, .class_weights = {1.0, 2.0, 0.5}};
        check_classes(loss, d);
        check_multiclass(loss, d);
    }
    const data d(shapes[0]);
    check_binary(boundary{.convention = distance_convention::kervadec}, d);
    check_classes(boundary{.classes = {2, 0}}, d);
    check_multiclass(boundary{.include_background = false}, d);
    check_upstream(multilabel(boundary{}, ignoring), d.x, d.hard);
    const auto kept = xloss::with_distance(xloss::weighted(d.soft, d.w), d.x);
    CHECK(gradient_check(xloss::dice{} + boundary{}, d.x, kept, closely));
}

TEST_CASE("boundary: float against double") {
    check_single(boundary{}, {3, 7, 5}, mask(3, 7, 5));
    check_single(multiclass(boundary{}), {3, 4, 7}, labels(4, 3, 7));
}

TEST_CASE("boundary: what is wrong is named") {
    const auto x = logits(1, 3, 5);
    const auto y = mask(1, 3, 5);
    using wrong = xloss::parameter_error;
    CHECK(throws<wrong>([&] { boundary{.spacing = {1.0}}(x, y); },
                        {"xloss::boundary", "1 spacings", "2 spatial axes", "[1, 3, 5]"}));
    CHECK(throws<wrong>([&] { boundary{.spacing = {1.0, 0.0}}(x, y); }, {"xloss::boundary", "spacing is 0"}));
    CHECK(throws<wrong>(
        [&] {
            boundary{.spacing = {-1.0, 1.0}}(x, y);
        },
        {"xloss::boundary", "spacing is -1"}));
    CHECK(throws<wrong>([&] { multilabel(boundary{.classes = {3}})(x, y); },
                        {"xloss::boundary", "class 3 of 3"}));
    CHECK(throws<wrong>(
        [&] {
            multilabel(boundary{.class_weights = {1.0, -1.0, 1.0}})(x, y);
        },
        {"xloss::boundary", "class_weights of class 1", "-1"}));
    CHECK(throws<xloss::shape_error>([&] { boundary{}(logits(1, 2, 1, 3, 2), mask(1, 2, 1, 3, 2)); },
                                     {"xloss::boundary", "[1, 2, 1, 3, 2]", "4 spatial axes"}));
    CHECK(throws<xloss::shape_error>([&] { boundary{}(x, xloss::with_distance(y, logits(1, 3, 4))); },
                                     {"xloss::boundary", "[1, 3, 4]", "[1, 3, 5]"}));
}
