// losses/hausdorff_dt.hpp.

#include "losses/differences.hpp"

#include <xloss/losses/hausdorff_dt.hpp>

#include <array>

using namespace cases;
using namespace differences;
using xloss::activation;
using xloss::empty_region;
using xloss::hausdorff_dt;
using xloss::region;

namespace {

using line = xt::xtensor<double, 2>;
using mask_line = xt::xtensor<std::uint8_t, 2>;

/// The distance of every pixel of one image to the nearest on the other side of v > 1/2, by looking at all.
std::vector<double> distances(const double* v, const std::array<std::size_t, 3>& extent,
                              const std::array<double, 3>& spacing) {
    const std::size_t n = extent[0] * extent[1] * extent[2];
    const auto at = [&](std::size_t i, std::size_t axis) {
        const std::size_t after = axis == 2 ? 1 : axis == 1 ? extent[2] : extent[1] * extent[2];
        return static_cast<double>(i / after % extent[axis]) * spacing[axis];
    };
    std::vector<double> nearest(n, 0.0);
    for (std::size_t i = 0; i < n; ++i) {
        double least = infinity;
        for (std::size_t k = 0; k < n; ++k) {
            if ((v[i] > 0.5) == (v[k] > 0.5))
                continue;
            double square = 0.0;
            for (std::size_t axis = 0; axis < 3; ++axis)
                square += (at(i, axis) - at(k, axis)) * (at(i, axis) - at(k, axis));
            least = std::min(least, square);
        }
        nearest[i] = least == infinity ? 0.0 : std::sqrt(least);
    }
    return nearest;
}

/// Value and gradient by p of one image of probabilities.
struct brute_force {
    double value = 0.0;
    std::vector<double> grad{};

    brute_force(const array& p, const array& y, const std::array<std::size_t, 3>& extent,
                const std::array<double, 3>& spacing, double alpha) {
        const auto of_p = distances(p.data(), extent, spacing), of_y = distances(y.data(), extent, spacing);
        const double n = static_cast<double>(of_p.size());
        for (std::size_t i = 0; i < of_p.size(); ++i) {
            const double far = std::pow(of_p[i], alpha) + std::pow(of_y[i], alpha);
            const double d = p.data()[i] - y.data()[i];
            value += d * d * far / n;
            grad.push_back(2.0 * d * far / n);
        }
    }
};

} // namespace

TEST_CASE("hausdorff_dt of a single pixel by hand") {
    // p = 1/2 is no pixel of the mask p > 1/2, which is empty: 0 everywhere. D(y) = 1 everywhere: the mean of
    // (1/2)^2. Slopes 2 (p - y)/3 by p, times p (1 - p).
    const line x{{0.0, 0.0, 0.0}};
    const mask_line y{{0, 1, 0}};
    const auto r = value_and_grad(hausdorff_dt{}, x, y);
    CHECK(error(r.value, 0.25) <= 1e-15);
    CHECK(largest_error(r.grad, {1.0 / 12.0, -1.0 / 12.0, 1.0 / 12.0}) <= 1e-15);
    CHECK(r.normalizer == 1.0); // one region
    CHECK(r.valid == 3);
    CHECK(hausdorff_dt{}(x, y) == r.value);
}

TEST_CASE("hausdorff_dt of a line by hand: how far an error lies is what it costs") {
    // y = 1 1 0 0 0 0: D(y) = 2 1 1 2 3 4. Wrong at the border: p = 1 1 1 0 0 0, D(p) = 3 2 1 1 2 3, and at
    // the wrong pixel 1 + 1. Wrong far away: p = 1 1 0 0 0 1, D(p) = 2 1 1 2 1 1, and there 16 + 1.
    const auto none = binary(hausdorff_dt{}, {.activation = activation::none});
    const mask_line y{{1, 1, 0, 0, 0, 0}};
    const line near{{1, 1, 1, 0, 0, 0}}, far{{1, 1, 0, 0, 0, 1}};
    CHECK(error(none(near, y), 2.0 / 6.0) <= 1e-15);
    CHECK(error(none(far, y), 17.0 / 6.0) <= 1e-15);
    CHECK(none(xt::cast<double>(y), y) == 0.0);
    const auto with = [&](hausdorff_dt loss) {
        return binary(loss, {.activation = activation::none})(far, y);
    };
    CHECK(error(with({.alpha = 1.0}), 5.0 / 6.0) <= 1e-15);
    CHECK(error(with({.alpha = 3.0}), 65.0 / 6.0) <= 1e-14);
    CHECK(error(with({.alpha = 0.0}), 2.0 / 6.0) <= 1e-15); // near and far alike
    CHECK(error(with({.spacing = {2.0}}), 4.0 * 17.0 / 6.0) <= 1e-15);
    CHECK(error(with({.log1p = true}), std::log(1.0 + 17.0 / 6.0)) <= 1e-15);
}

TEST_CASE("hausdorff_dt against distances found by looking at all pixels") {
    struct place {
        std::vector<std::size_t> shape;
        std::array<std::size_t, 3> extent;
        std::array<double, 3> spacing;
    };
    for (const place& at :
         {place{{1, 17}, {1, 1, 17}, {1.0, 1.0, 0.7}}, place{{1, 6, 7}, {1, 6, 7}, {1.0, 1.0, 2.5}},
          place{{1, 3, 4, 5}, {3, 4, 5}, {3.0, 1.0, 0.5}}}) {
        const std::size_t axes = at.shape.size() - 1, n = at.extent[0] * at.extent[1] * at.extent[2];
        const std::vector<double> spacing(at.spacing.end() - static_cast<std::ptrdiff_t>(axes),
                                          at.spacing.end());
        const array p = reshaped(probabilities(n), at.shape), y = reshaped(mask(n), at.shape);
        for (const double alpha : {2.0, 1.0, 0.5}) {
            INFO(axes << " spatial axes, alpha " << alpha);
            const brute_force expected(p, y, at.extent, at.spacing, alpha);
            const auto found = value_and_grad(
                binary(hausdorff_dt{.alpha = alpha, .spacing = spacing}, {.activation = activation::none}), p,
                y);
            CHECK(error(found.value, expected.value) <= 1e-14);
            CHECK(largest_error(found.grad, expected.grad) <= 1e-13);
        }
    }
}

TEST_CASE("hausdorff_dt: empty and full masks have no border") {
    const line p{{0.75, 0.25, 0.25}}, low{{0.25, 0.25, 0.25}};
    const mask_line empty{{0, 0, 0}}, full{{1, 1, 1}};
    const auto of = [](const hausdorff_dt& loss, const line& at, const mask_line& y) {
        return value_and_grad(binary(loss, {.activation = activation::none}), at, y);
    };
    // D(p) = 1 1 2 is what is left: (9 + 1 + 4)/16 over 3.
    CHECK(error(of({}, p, empty).value, 14.0 / 48.0) <= 1e-15);
    CHECK(error(of({}, p, full).value, (1.0 + 9.0 + 9.0 * 4.0) / 48.0) <= 1e-15);
    CHECK(of({}, low, empty).value == 0.0); // nor has the prediction
    CHECK(of({.empty = empty_region::zero}, p, empty).value == 0.0);
    CHECK(of({.empty = empty_region::zero}, p, empty).normalizer == 1.0);
    CHECK(largest_entry(of({.empty = empty_region::zero}, p, empty).grad) == 0.0);
    CHECK(of({.empty = empty_region::skip}, p, empty).normalizer == 0.0);
}

TEST_CASE("hausdorff_dt: an ignored pixel is background, and absent from the mean") {
    // y = 1 1 (0) 0: D(y) = 2 1 1 2. p = 3/4 1/4 (0) 1/4, of which the mask is 1 0 0 0: D(p) = 1 1 2 3.
    // ((1/4)^2 (1 + 4) + (3/4)^2 (1 + 1) + (1/4)^2 (9 + 4)) over 3.
    const line p{{0.75, 0.25, 0.75, 0.25}};
    const mask_line y{{1, 1, 255, 0}};
    const auto r =
        value_and_grad(binary(hausdorff_dt{}, {.activation = activation::none, .ignore_index = 255}), p, y);
    CHECK(error(r.value, 36.0 / 48.0) <= 1e-15);
    CHECK(largest_error(r.grad, {-2.5 / 3.0, -1.0, 0.0, 6.5 / 3.0}) <= 1e-15);
    CHECK(r.valid == 3);
    const mask_line nothing{{255, 255, 255, 255}};
    const auto none = value_and_grad(binary(hausdorff_dt{}, {.ignore_index = 255}), p, nothing);
    CHECK(none.value == 0.0);
    CHECK(none.normalizer == 1.0); // it counts
    CHECK(none.valid == 0);
    CHECK(largest_entry(none.grad) == 0.0);
}

TEST_CASE("hausdorff_dt: a weighted mean, over a sample or all of them") {
    const auto x = logits(2, 7);
    const auto y = mask(2, 7);
    const auto w = weights(2, 7);
    const auto each = xloss::unreduced(hausdorff_dt{}, x, xloss::weighted(y, w));
    CHECK(error(hausdorff_dt{}(x, xloss::weighted(y, w)), (each(0) + each(1)) / 2.0) <= 1e-15);
    // Together the pixels count by their weights.
    double first = 0.0, second = 0.0;
    for (std::size_t i = 0; i < 7; ++i) {
        first += w(0, i);
        second += w(1, i);
    }
    CHECK(error(hausdorff_dt{.over = region::batch}(x, xloss::weighted(y, w)),
                (each(0) * first + each(1) * second) / (first + second)) <= 1e-15);
    // log(1 + mean) is taken of the mean over regions; of a region where they stay apart.
    CHECK(error(hausdorff_dt{.log1p = true}(x, xloss::weighted(y, w)),
                std::log1p((each(0) + each(1)) / 2.0)) <= 1e-15);
    CHECK(error(xloss::unreduced(hausdorff_dt{.log1p = true}, x, xloss::weighted(y, w))(1),
                std::log1p(each(1))) <= 1e-15);
}

TEST_CASE("hausdorff_dt of classes, each with its own masks") {
    const auto x = logits(2, 3, 11);
    const auto y = labels(3, 2, 11);
    const auto of = [&](const hausdorff_dt& loss) { return multiclass(loss)(x, y); };
    const auto one = [&](std::size_t c) { return of({.classes = {c}}); };
    CHECK(error(of({}), (one(0) + one(1) + one(2)) / 3.0) <= 1e-15);
    CHECK(error(of({.include_background = false}), (one(1) + one(2)) / 2.0) <= 1e-15);
    CHECK(error(of({.class_weights = {1.0, 2.0, 5.0}}), (one(0) + 2.0 * one(1) + 5.0 * one(2)) / 8.0) <=
          1e-15);
}

TEST_CASE("hausdorff_dt: gradient against central differences") {
    for (const auto& shape : shapes) {
        INFO("spatial axes: " << shape.size() - 2);
        const data d(shape);
        const hausdorff_dt loss{.alpha = 1.5, .spacing = std::vector<double>(shape.size() - 2, 0.75)};
        check_classes(loss, d);
        check_multiclass(loss, d);
    }
    const data d(shapes[0]);
    check_binary(hausdorff_dt{.log1p = true}, d);
    each_choice_of_regions(hausdorff_dt{}, [&](const auto& loss) { check_multiclass(loss, d); });
    check_upstream(multilabel(hausdorff_dt{.log1p = true, .class_weights = {1.0, 2.0, 0.5}}, ignoring), d.x,
                   d.hard);
    check_upstream(multiclass(hausdorff_dt{.over = region::batch}, ignoring), d.x, d.labels);
}

TEST_CASE("hausdorff_dt: float against double") {
    check_single(hausdorff_dt{}, {3, 7, 5}, mask(3, 7, 5));
    check_single(multiclass(hausdorff_dt{.alpha = 1.0}), {3, 4, 7}, labels(4, 3, 7));
}

TEST_CASE("hausdorff_dt: extreme logits are finite") {
    const data d(shapes[0]);
    for (const double size : extremes) {
        INFO("logits of size " << size);
        const array x = d.x * (size / 4.0);
        CHECK(is_finite(value_and_grad(multilabel(hausdorff_dt{.alpha = 0.5}), x, d.soft)));
        CHECK(is_finite(value_and_grad(multiclass(hausdorff_dt{.log1p = true}, ignoring), x, d.labels)));
    }
}

TEST_CASE("hausdorff_dt: NaN leaves ignored pixels alone, with log1p and probabilities, too") {
    const line p{{not_a_number, 0.25, 0.75, 0.25}};
    const mask_line y{{1, 1, 255, 0}};
    line grad{{7.0, 7.0, -0.0, 7.0}};
    const auto loss =
        binary(hausdorff_dt{.log1p = true}, {.activation = activation::none, .ignore_index = 255});
    CHECK(std::isnan(value_and_grad_into(grad, loss, p, y, {.accumulate = true}).value));
    CHECK(std::isnan(grad(0, 0)));
    CHECK(grad(0, 2) == 0.0);
    CHECK(std::signbit(grad(0, 2)));
}

TEST_CASE("hausdorff_dt: what is out of range is named") {
    const auto x = logits(1, 3, 5);
    const auto y = mask(1, 3, 5);
    const auto with = [&](const hausdorff_dt& loss) { return [&, loss] { return multilabel(loss)(x, y); }; };
    using wrong = xloss::parameter_error;
    CHECK(throws<wrong>(with({.alpha = -1.0}), {"xloss::hausdorff_dt", "alpha is -1"}));
    CHECK(throws<wrong>(with({.alpha = infinity}), {"xloss::hausdorff_dt", "alpha is inf"}));
    CHECK(throws<wrong>(with({.spacing = {1.0, 2.0}}),
                        {"xloss::hausdorff_dt", "2 spacings", "1 spatial axes"}));
    CHECK(throws<wrong>(with({.spacing = {not_a_number}}), {"xloss::hausdorff_dt", "spacing is nan"}));
    CHECK(throws<wrong>(with({.classes = {0, 0}}), {"xloss::hausdorff_dt", "class 0 twice"}));
    CHECK(throws<wrong>(with({.class_weights = {1.0, -1.0, 1.0}}),
                        {"xloss::hausdorff_dt", "class_weights of class 1"}));
    CHECK(throws<xloss::shape_error>([&] { hausdorff_dt{}(logits(3), mask(3)); },
                                     {"xloss::hausdorff_dt", "[3]", "0 spatial axes"}));
}
