// losses/sobel_boundary.hpp.

#include "losses/differences.hpp"

#include <xloss/losses/sobel_boundary.hpp>

using namespace cases;
using namespace differences;
using xloss::activation;
using xloss::denominator;
using xloss::sobel_boundary;

namespace {

using line = xt::xtensor<double, 2>;
using mask_line = xt::xtensor<std::uint8_t, 2>;
using image = xt::xtensor<double, 3>;

const double ln2 = std::log(2.0);

template <class P, class Y>
auto of_probabilities(const P& p, const Y& y) {
    return value_and_grad(binary(sobel_boundary{}, {.activation = activation::none, .ignore_index = 255}), p,
                          y);
}

/// Rows of the same four columns.
image columns(double a, double b, double c, double d) {
    auto t = image::from_shape({1, 3, 4});
    for (std::size_t i = 0; i < 3; ++i) {
        t(0, i, 0) = a;
        t(0, i, 1) = b;
        t(0, i, 2) = c;
        t(0, i, 3) = d;
    }
    return t;
}

} // namespace

TEST_CASE("sobel_boundary of a step along a line by hand") {
    // e_i = |p_(i+1) - p_(i-1)|: 0 1/2 1/2 0 of the prediction, and edges in the middle of the target: 2 ln 2
    // over 4. d/de = (1/2 - 1)/(1/4) = -2, over 4, for p_2 - p_0 and for p_3 - p_1.
    const line p{{0.0, 0.0, 0.5, 0.5}};
    const mask_line y{{0, 0, 1, 1}};
    const auto r = of_probabilities(p, y);
    CHECK(error(r.value, ln2 / 2.0) <= 1e-15);
    CHECK(largest_error(r.grad, {0.5, 0.5, -0.5, -0.5}) <= 1e-15);
    CHECK(r.normalizer == 4.0);
    CHECK(r.valid == 4);
    CHECK(binary(sobel_boundary{}, {.activation = activation::none})(p, y) == r.value);
    // The logits of these probabilities, one more in between: times p (1 - p).
    const double ln3 = std::log(3.0);
    const auto x = value_and_grad(sobel_boundary{}, line{{-ln3, -ln3, ln3, ln3}}, y);
    CHECK(error(x.value, ln2 / 2.0) <= 1e-15);
    CHECK(largest_error(x.grad, {3.0 / 32.0, 3.0 / 32.0, -3.0 / 32.0, -3.0 / 32.0}) <= 1e-14);
}

TEST_CASE("sobel_boundary of a step in an image and in a volume is that of the line") {
    const auto y = columns(0.0, 0.0, 1.0, 1.0);
    const auto plane = of_probabilities(columns(0.0, 0.0, 0.5, 0.5), y);
    CHECK(error(plane.value, ln2 / 2.0) <= 1e-15);
    // Every row passes its slopes to itself and its neighbours, the border to itself: a third of the line's.
    for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t j = 0; j < 4; ++j)
            CHECK(error(plane.grad(0, i, j), (j < 2 ? 0.5 : -0.5) / 3.0) <= 1e-14);
    // A right step is an edge of 1 and costs nothing; nor is there a gradient where an edge is clipped or 0.
    const auto right = of_probabilities(y, y);
    CHECK(right.value == 0.0);
    CHECK(largest_entry(right.grad) == 0.0);
    // A missing edge costs 100, where the logarithm ends.
    const auto flat = of_probabilities(columns(0.5, 0.5, 0.5, 0.5), y);
    CHECK(error(flat.value, 50.0) <= 1e-15);
    CHECK(largest_entry(flat.grad) == 0.0);
    const auto volume = [](const image& t) {
        auto v = xt::xtensor<double, 4>::from_shape({1, 2, 3, 4});
        for (std::size_t i = 0; i < 24; ++i)
            v.data()[i] = t.data()[i % 12];
        return v;
    };
    CHECK(error(of_probabilities(volume(columns(0.0, 0.0, 0.5, 0.5)), volume(y)).value, ln2 / 2.0) <= 1e-15);
}

TEST_CASE("sobel_boundary of a frame: the corner is clipped") {
    // The target's single pixel in the middle of 3 x 3 has edges in all others: at a corner (1, 1)/4, beside
    // it 2/4, and none at itself, where both sides are alike. p half as high: sqrt 2/8 and 1/4.
    image y = xt::zeros<double>({1, 3, 3});
    y(0, 1, 1) = 1.0;
    const double corner = std::sqrt(2.0) / 8.0, side = 0.25;
    CHECK(error(of_probabilities(image(0.5 * y), y).value,
                -4.0 * (std::log(corner) + std::log(side)) / 9.0) <= 1e-15);
    // A square in the corner, a_i a_j of a = 1 1 0 0: its edges are, of s = 4 3 1 0 and d = 0 1 1 0, the
    // roots of (s_i d_j)^2 + (d_i s_j)^2, over 4. That is 1 along the sides, sqrt 18/4, which is clipped, and
    // twice sqrt 10/4 and sqrt 2/4 round its corner: even the right prediction has a loss there.
    image square = xt::zeros<double>({1, 4, 4});
    square(0, 0, 0) = square(0, 0, 1) = square(0, 1, 0) = square(0, 1, 1) = 1.0;
    CHECK(error(of_probabilities(square, square).value,
                -(2.0 * std::log(std::sqrt(10.0) / 4.0) + std::log(std::sqrt(2.0) / 4.0)) / 16.0) <= 1e-14);
}

TEST_CASE("sobel_boundary: what is next to an ignored pixel is ignored, too") {
    // y = 0 0 1 1 1 (0): of 0 1/2 1/2 0 .. .. the first four count.
    const line p{{0.0, 0.0, 0.5, 0.5, 0.5, 0.9}};
    const mask_line y{{0, 0, 1, 1, 1, 255}};
    const auto r = of_probabilities(p, y);
    CHECK(error(r.value, ln2 / 2.0) <= 1e-15);
    CHECK(r.normalizer == 4.0);
    CHECK(r.valid == 5); // of the target
    // A pixel whose own loss is ignored is still seen by its neighbour: e_3 = |p_4 - p_2| = 0 here, and 1/4
    // there, where -log(3/4) enters; by p_4 1/(3/4), over 4.
    CHECK(r.grad(0, 4) == 0.0);
    const auto seen = of_probabilities(line{{0.0, 0.0, 0.5, 0.5, 0.75, 0.9}}, y);
    CHECK(error(seen.value, (2.0 * ln2 - std::log(0.75)) / 4.0) <= 1e-15);
    CHECK(error(seen.grad(0, 4), 1.0 / 3.0) <= 1e-15);
    CHECK(seen.grad(0, 5) == 0.0);
    // One ignored in the middle takes all of a 3 x 3 with it.
    image middle = xt::zeros<double>({1, 3, 3});
    middle(0, 1, 1) = 255.0;
    const auto nothing = of_probabilities(probabilities(1, 3, 3), middle);
    CHECK(nothing.value == 0.0);
    CHECK(nothing.normalizer == 0.0);
    CHECK(nothing.valid == 8);
    CHECK(largest_entry(nothing.grad) == 0.0);
}

TEST_CASE("sobel_boundary: a weighted mean over all pixels of the classes that count") {
    const line p{{0.0, 0.0, 0.5, 0.5}};
    const mask_line y{{0, 0, 1, 1}};
    const line w{{0.5, 1.0, 2.0, 0.5}};
    const auto with = [&](denominator d, const line& weights) {
        return value_and_grad(binary(sobel_boundary{}, {.activation = activation::none, .denominator = d}), p,
                              xloss::weighted(y, weights));
    };
    CHECK(error(with(denominator::weights, w).value, 3.0 * ln2 / 4.0) <= 1e-15);
    CHECK(with(denominator::weights, w).normalizer == 4.0);
    const line uneven{{0.5, 1.0, 2.0, 1.5}};
    CHECK(error(with(denominator::weights, uneven).value, 3.0 * ln2 / 5.0) <= 1e-15);
    CHECK(error(with(denominator::valid, uneven).value, 3.0 * ln2 / 4.0) <= 1e-15);
    // The last pixel has weight 0, and its neighbour then, too.
    const line gone{{0.5, 1.0, 2.0, 0.0}};
    CHECK(error(with(denominator::weights, gone).value, ln2 / 1.5) <= 1e-15);
    CHECK(error(with(denominator::valid, gone).value, ln2 / 2.0) <= 1e-15);
    CHECK(error(with(denominator::all, gone).value, ln2 / 4.0) <= 1e-15);

    const auto x = logits(2, 3, 11);
    const auto l = labels(3, 2, 11);
    const auto of = [&](const sobel_boundary& loss) { return multiclass(loss)(x, l); };
    const auto one = [&](std::size_t c) { return of({.classes = {c}}); };
    CHECK(error(of({}), (one(0) + one(1) + one(2)) / 3.0) <= 1e-15);
    CHECK(error(of({.include_background = false}), (one(1) + one(2)) / 2.0) <= 1e-15);
    CHECK(value_and_grad(multiclass(sobel_boundary{.classes = {2, 0}}), x, l).normalizer == 44.0);
    CHECK(error(multiclass(sobel_boundary{}, {.reduction = xloss::reduction::sum})(x, l), 66.0 * of({})) <=
          1e-14);
}

TEST_CASE("sobel_boundary: gradient against central differences") {
    for (const auto& shape : shapes) {
        INFO("spatial axes: " << shape.size() - 2);
        const data d(shape);
        check_classes(sobel_boundary{}, d);
        check_multiclass(sobel_boundary{.classes = {2, 0}}, d);
    }
    const data d(shapes[0]);
    check_binary(sobel_boundary{}, d);
    CHECK(gradient_check(multilabel(sobel_boundary{.include_background = false},
                                    {.ignore_index = 255, .denominator = denominator::all}),
                         d.x, d.hard, closely, {.upstream = -2.5}));
}

TEST_CASE("sobel_boundary: float against double") {
    check_single(sobel_boundary{}, {3, 7, 5}, mask(3, 7, 5));
    check_single(multiclass(sobel_boundary{}), {3, 4, 7}, labels(4, 3, 7));
}

TEST_CASE("sobel_boundary: extreme logits are finite") {
    for (const auto& shape : shapes) {
        const data d(shape);
        for (const double size : extremes) {
            INFO("logits of size " << size);
            const array x = d.x * (size / 4.0);
            CHECK(is_finite(value_and_grad(multilabel(sobel_boundary{}), x, d.soft)));
            CHECK(is_finite(value_and_grad(multiclass(sobel_boundary{}, ignoring), x, d.labels)));
        }
    }
}

TEST_CASE("sobel_boundary: what is wrong is named") {
    const auto x = logits(1, 3, 5);
    const auto y = mask(1, 3, 5);
    using wrong = xloss::parameter_error;
    CHECK(throws<wrong>([&] { xloss::unreduced(sobel_boundary{}, x, y); },
                        {"xloss::sobel_boundary", "unreduced"}));
    const xt::xtensor<double, 3> u = x;
    CHECK(throws<wrong>([&] { value_and_grad(sobel_boundary{}, x, y, {.upstream = u}); },
                        {"xloss::sobel_boundary", "unreduced"}));
    CHECK(throws<wrong>([&] { sobel_boundary{.classes = {1}}(x, y); },
                        {"xloss::sobel_boundary", "class 1 of 1"}));
    CHECK(throws<xloss::shape_error>([&] { multilabel(sobel_boundary{})(logits(1, 2), mask(1, 2)); },
                                     {"xloss::sobel_boundary", "[1, 2]", "0 spatial axes"}));
}
