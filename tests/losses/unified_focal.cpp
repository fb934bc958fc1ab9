// losses/unified_focal.hpp.

#include "losses/cases.hpp"

#include <xloss/losses/unified_focal.hpp>

using namespace cases;
using xloss::unified_focal;
using xloss::testing::gradient_check;

namespace {

const double ln2 = std::log(2.0);

/// Foreground: tp = fn = 1/2, fp = 3/4: 1 - T = (0.6/2 + 0.4 * 3/4)/(1/2 + 0.6 + 1e-7).
const double foreground = 0.6 / (1.1 + 1e-7);
/// Background, p_0 = 1 - p: tp = 1/4, fn = 3/4, fp = 1/2: 1 - T = (0.6 * 3/4 + 0.4/2)/(1/4 + 0.65 + 1e-7).
const double background = 0.65 / (0.9 + 1e-7);
const double regional_part = 0.5 * (background + std::sqrt(foreground));
/// First pixel: 0.6 ln 2. Second, p_0 = 1/4: 0.4 sqrt(3/4) 2 ln 2.
const double pointwise_part = (0.6 * std::log(2.0) + 0.4 * std::sqrt(0.75) * 2.0 * std::log(2.0)) / 2.0;

} // namespace

TEST_CASE("unified_focal of two pixels by hand") {
    const auto r = value_and_grad(unified_focal{}, two_logits, two_pixels);
    CHECK(error(r.value, 0.5 * regional_part + 0.5 * pointwise_part) <= 1e-15);
    CHECK(unified_focal{}(two_logits, two_pixels) == r.value);
    CHECK(r.terms.size() == 1); // a sum of two terms, still one loss
    CHECK(r.valid == 2);
    // MONAI's weight is 1 - ours.
    CHECK(error(unified_focal{.weight = 1.0}(two_logits, two_pixels), regional_part) <= 1e-15);
    CHECK(error(unified_focal{.weight = 0.0}(two_logits, two_pixels), pointwise_part) <= 1e-15);
    CHECK(error(unified_focal{.weight = 0.25}(two_logits, two_pixels),
                0.25 * regional_part + 0.75 * pointwise_part) <= 1e-15);
}

TEST_CASE("unified_focal: gradient of two pixels by hand") {
    // Pointwise, first pixel: -0.6 q = -0.3. Second: 0.4 d/dx[p^(1/2) (-log q)] = 0.4 p^(1/2) (p - q log
    // q/2).
    const auto point = value_and_grad(unified_focal{.weight = 0.0}, two_logits, two_pixels);
    CHECK(largest_error(point.grad, {-0.15, 0.2 * std::sqrt(0.75) * (0.75 + 0.25 * ln2)}) <= 1e-14);
    // Regional with gamma 0: both classes 1 - T = m/(h + m + s), m = 0.6 fn + 0.4 fp.
    const auto region = value_and_grad(unified_focal{.weight = 1.0, .gamma = 0.0}, two_logits, two_pixels);
    const double n1 = 0.6, d1 = 1.1 + 1e-7, n0 = 0.65, d0 = 0.9 + 1e-7;
    // First pixel, foreground: dm = -0.6, dh = 1; background: fp_0 = 1 - p: dm = -0.4, dh = 0.
    const double first = (-0.6 * d1 - n1 * 0.4) / (d1 * d1) + (-0.4 * d0 + n0 * 0.4) / (d0 * d0);
    // Second pixel, foreground: dm = 0.4, dh = 0; background: fn_0 = p: dm = 0.6, dh = -1.
    const double second = (0.4 * d1 - n1 * 0.4) / (d1 * d1) + (0.6 * d0 + n0 * 0.4) / (d0 * d0);
    CHECK(largest_error(region.grad, {0.5 * first / 4.0, 0.5 * second * 3.0 / 16.0}) <= 1e-14);
}

TEST_CASE("unified_focal: binary is two classes, background first") {
    const auto difference = logits(2, 7);
    const auto y = labels(2, 2, 7);
    auto x = xt::xtensor<double, 3>::from_shape({2, 2, 7});
    for (std::size_t b = 0; b < 2; ++b)
        for (std::size_t i = 0; i < 7; ++i) {
            x(b, 0, i) = 0.25;
            x(b, 1, i) = difference(b, i) + 0.25;
        }
    for (const auto& loss : {unified_focal{}, unified_focal{.weight = 0.3, .delta = 0.7, .gamma = 0.75}}) {
        const auto one = value_and_grad(loss, difference, y);
        const auto two = value_and_grad(multiclass(loss), x, y);
        CHECK(error(one.value, two.value) <= 1e-14);
        for (std::size_t b = 0; b < 2; ++b)
            for (std::size_t i = 0; i < 7; ++i) {
                CHECK(error(two.grad(b, 1, i), one.grad(b, i), 0.01) <= 1e-13);
                CHECK(error(two.grad(b, 0, i), -one.grad(b, i), 0.01) <= 1e-13);
            }
    }
}

TEST_CASE("unified_focal: regional over samples, pointwise over pixels") {
    // Two samples alike: the same value, half the gradient.
    const xt::xtensor<double, 2> x{{0.0, std::log(3.0)}, {0.0, std::log(3.0)}};
    const xt::xtensor<std::uint8_t, 2> y{{1, 0}, {1, 0}};
    const auto one = value_and_grad(unified_focal{}, two_logits, two_pixels);
    const auto two = value_and_grad(unified_focal{}, x, y);
    CHECK(error(two.value, one.value) <= 1e-15);
    CHECK(error(two.grad(1, 1), one.grad(0, 1) / 2.0) <= 1e-14);
}

TEST_CASE("unified_focal: slopes against dual numbers") {
    for (double gamma : {0.0, 0.5, 0.75, 1.0}) {
        INFO("gamma " << gamma);
        check_slopes(unified_focal::pointwise{.delta = 0.6, .gamma = gamma});
        check_class_slopes(unified_focal::pointwise{.delta = 0.6, .gamma = gamma});
    }
    check_slopes(unified_focal::pointwise{.delta = 0.0, .gamma = 0.5});
    check_slopes(unified_focal::pointwise{.delta = 1.0, .gamma = 0.5});
}

TEST_CASE("unified_focal: gradient against central differences") {
    CHECK(gradient_check(unified_focal{}, logits(3, 7), mask(3, 7)));
    const auto x = logits(2, 3, 5);
    const auto y = mask_with_ignored(2, 3, 5);
    const auto w = weights(2, 3, 5);
    const auto wide = weights(2, 5);
    const auto l = labels_with_ignored(3, 2, 5);
    for (double gamma : {0.0, 0.75, 1.0})
        for (auto how : {xloss::reduction::mean, xloss::reduction::sum}) {
            INFO("gamma " << gamma << ", sum " << (how == xloss::reduction::sum));
            const unified_focal loss{.weight = 0.3, .delta = 0.7, .gamma = gamma};
            CHECK(gradient_check(binary(loss, {.ignore_index = 255, .reduction = how}), x,
                                 xloss::weighted(y, w)));
            CHECK(gradient_check(multiclass(loss, {.ignore_index = 255, .reduction = how}), x,
                                 xloss::weighted(l, wide)));
        }
    const auto volume = logits(1, 3, 2, 1, 3);
    CHECK(gradient_check(multilabel(unified_focal{}), volume, soft(1, 3, 2, 1, 3)));
    CHECK(gradient_check(one_vs_rest(unified_focal{}), volume, labels(3, 1, 2, 1, 3)));
    CHECK(gradient_check(binary(unified_focal{}, {.activation = xloss::activation::none}),
                         probabilities(2, 3, 5), soft(2, 3, 5), {.step = 1e-4}));
    CHECK(gradient_check(multiclass(unified_focal{}, {.activation = xloss::activation::none}),
                         probabilities(2, 3, 5), labels(3, 2, 5), {.step = 1e-4}));
}

TEST_CASE("unified_focal: float against double") {
    check_float(unified_focal{}, mask(3, 7, 5), 3, 7, 5);
    check_float(multiclass(unified_focal{}), labels(3, 4, 7), 4, 3, 7);
}

TEST_CASE("unified_focal: (1 - T)^(1 - gamma) has gradient 0 at T = 1") {
    const xt::xtensor<double, 2> perfect{{infinity, -infinity}};
    for (double gamma : {0.5, 0.9, 1.0}) {
        const auto r = value_and_grad(unified_focal{.weight = 1.0, .gamma = gamma}, perfect, two_pixels);
        CHECK(r.value == (gamma == 1.0 ? 0.5 : 0.0)); // 0^0 = 1
        CHECK(largest_entry(r.grad) == 0.0);
    }
}

TEMPLATE_TEST_CASE("unified_focal: extreme logits stay finite, next to T = 1 too", "", float, double) {
    using soft_mask = xt::xtensor<TestType, 2>;
    for (double gamma : {0.0, 0.5, 0.9, 0.99, 1.0})
        for (double size : extremes) {
            INFO("gamma " << gamma << ", logits of size " << size);
            const auto big = static_cast<TestType>(size);
            const unified_focal loss{.gamma = gamma};
            for (const auto& y : {soft_mask{{1, 0}}, soft_mask{{0, 0}}, soft_mask{{1, 1}}, soft_mask{{0, 1}},
                                  soft_mask{{TestType(0.3), TestType(0.7)}}}) {
                INFO("target " << y(0, 0) << ", " << y(0, 1));
                const auto r = value_and_grad(loss, soft_mask{{big, -big}}, y);
                CHECK(is_finite(r));
            }
            const xt::xtensor<TestType, 3> x{{{big, -big}, {-big, big}}};
            for (const auto& y :
                 {xt::xtensor<int, 2>{{0, 1}}, xt::xtensor<int, 2>{{0, 0}}, xt::xtensor<int, 2>{{1, 0}}})
                CHECK(is_finite(value_and_grad(multiclass(loss), x, y)));
        }
}

TEST_CASE("unified_focal: empty, full and single masks, all ignored, NaN") {
    const xt::xtensor<double, 2> x{{0.0, 0.0}, {1.0, -1.0}};
    CHECK(is_finite(value_and_grad(unified_focal{}, x, xt::xtensor<std::uint8_t, 2>{{0, 0}, {0, 0}})));
    CHECK(is_finite(value_and_grad(unified_focal{}, x, xt::xtensor<std::uint8_t, 2>{{1, 1}, {1, 1}})));
    CHECK(is_finite(
        value_and_grad(unified_focal{}, xt::xtensor<double, 1>{0.5}, xt::xtensor<std::uint8_t, 1>{1})));
    const xt::xtensor<std::uint8_t, 2> nothing{{255, 255}, {255, 255}};
    const auto r = value_and_grad(binary(unified_focal{}, {.ignore_index = 255}), x, nothing);
    CHECK(r.value == 0.0);
    CHECK(largest_entry(r.grad) == 0.0);
    CHECK(r.valid == 0);

    const xt::xtensor<double, 2> bad{{not_a_number, 0.0}, {0.0, 0.0}};
    const auto n = value_and_grad(unified_focal{}, bad, xt::xtensor<std::uint8_t, 2>{{1, 0}, {1, 0}});
    CHECK(std::isnan(n.value));
    CHECK(std::isnan(n.grad(0, 0)));
    CHECK(std::isnan(n.grad(0, 1)));
    CHECK(std::isfinite(n.grad(1, 0)));
    CHECK(std::isfinite(n.grad(1, 1)));
}

TEST_CASE("unified_focal: parameters out of range are named") {
    const auto with = [](const unified_focal& loss) {
        return [loss] { return loss(two_logits, two_pixels); };
    };
    using wrong = xloss::parameter_error;
    CHECK(throws<wrong>(with({.weight = -0.1}), {"xloss::unified_focal", "weight", "-0.1"}));
    CHECK(throws<wrong>(with({.weight = 1.1}), {"xloss::unified_focal", "weight", "1.1"}));
    CHECK(throws<wrong>(with({.delta = 2.0}), {"xloss::unified_focal", "delta", "2"}));
    CHECK(throws<wrong>(with({.delta = not_a_number}), {"xloss::unified_focal", "delta", "nan"}));
    CHECK(throws<wrong>(with({.gamma = -1.0}), {"xloss::unified_focal", "gamma", "-1"}));
    CHECK(throws<wrong>(with({.gamma = 1.5}), {"xloss::unified_focal", "gamma", "1.5"}));
}
