// losses/generalized_dice.hpp.

#include "losses/cases.hpp"

#include <xloss/losses/generalized_dice.hpp>

using namespace cases;
using xloss::empty_region;
using xloss::generalized_dice;
using xloss::region;
using xloss::volume_weighting;
using xloss::testing::gradient_check;

namespace {

/// Three pixels of two classes with softmax (3/4, 1/4), (1/2, 1/2), (1/4, 3/4) and labels 0, 0, 1:
/// tp = (5/4, 3/4), P = (3/2, 3/2), Y = V = (2, 1).
const double ln3 = std::log(3.0);
const xt::xtensor<double, 3> three_logits{{{std::log(3.0), 0.0, 0.0}, {0.0, 0.0, std::log(3.0)}}};
const xt::xtensor<int, 2> three_labels{{0, 0, 1}};

auto on_three(const generalized_dice& loss) {
    return multiclass(loss)(three_logits, three_labels);
}

/// 64 x 64 pixels of four classes, and logits that are as wrong as can be.
const auto large_labels = labels(4, 1, 64, 64);
auto worst_logits() {
    auto x = xt::xtensor<double, 4>::from_shape({1, 4, 64, 64});
    x.fill(40.0);
    for (std::size_t i = 0; i < 64; ++i)
        for (std::size_t j = 0; j < 64; ++j)
            x(0, static_cast<std::size_t>(large_labels(0, i, j)), i, j) = -40.0;
    return x;
}

} // namespace

TEST_CASE("generalized_dice of three pixels by hand") {
    // square: w = (1/4, 1): 2 (5/16 + 3/4) = 17/8 over 7/8 + 5/2 = 27/8.
    const auto r = value_and_grad(multiclass(generalized_dice{}), three_logits, three_labels);
    CHECK(error(r.value, 10.0 / 27.0) <= 1e-15);
    CHECK(r.normalizer == 1.0);
    CHECK(r.valid == 3);
    // simple: w = (1/2, 1): 11/4 over 17/4; uniform: 4 over 6.
    CHECK(error(on_three({.weighting = volume_weighting::simple}), 6.0 / 17.0) <= 1e-15);
    CHECK(error(on_three({.weighting = volume_weighting::uniform}), 1.0 / 3.0) <= 1e-15);

    // Derivatives by p of class 0 and 1 with N = 17/8, D = 27/8: -(2 w y D - N w)/D^2.
    const double d = 27.0 / 8.0, n = 17.0 / 8.0;
    const auto by_p = [&](double w, double y) { return -(2.0 * w * y * d - n * w) / (d * d); };
    // Softmax: p_0 p_1 (a_0 - a_1) by x_0, the negative of it by x_1.
    const double first = 3.0 / 16.0 * (by_p(0.25, 1.0) - by_p(1.0, 0.0));
    const double second = 1.0 / 4.0 * (by_p(0.25, 1.0) - by_p(1.0, 0.0));
    const double third = 3.0 / 16.0 * (by_p(0.25, 0.0) - by_p(1.0, 1.0));
    CHECK(largest_error(r.grad, {first, second, third, -first, -second, -third}) <= 1e-14);
}

TEST_CASE("generalized_dice: smooths by hand, log of the score") {
    CHECK(error(on_three({.smooth = 1.0}), 1.0 - (17.0 / 8.0 + 1.0) / (27.0 / 8.0 + 1.0)) <= 1e-15);
    CHECK(error(on_three({.smooth_nr = 1.0}), 1.0 - (17.0 / 8.0 + 1.0) / (27.0 / 8.0)) <= 1e-14);
    CHECK(error(on_three({.smooth_dr = 1.0}), 1.0 - 17.0 / 35.0) <= 1e-15);
    CHECK(error(on_three({.log = true}), -std::log(17.0 / 27.0)) <= 1e-15);
    // weight_smooth 1: w = (1/5, 1/2): 2 (1/4 + 3/8) = 5/4 over 7/10 + 5/4.
    CHECK(error(on_three({.weight_smooth = 1.0}), 1.0 - 1.25 / 1.95) <= 1e-15);
}

TEST_CASE("generalized_dice: both smooths 1, as often copied, is nearly 0 for any prediction") {
    // Four classes of 1024 pixels, each predicted at 1024 others: w (P + Y) = 2048/1024^2, together 1/128,
    // beside which the smooth of 1 is all there is: 1/129. The default knows better.
    const auto x = worst_logits();
    CHECK(multiclass(generalized_dice{.weight_smooth = 1.0, .smooth = 1.0})(x, large_labels) < 0.008);
    CHECK(multiclass(generalized_dice{})(x, large_labels) > 0.99);
}

TEST_CASE("generalized_dice is a ratio of sums: a mean of ratios would cancel the weights") {
    const double square = on_three({}), uniform = on_three({.weighting = volume_weighting::uniform});
    CHECK(std::abs(square - uniform) > 0.03);
    // With one class the weights cancel: binary is plain Dice.
    const auto x = logits(2, 7);
    const auto y = mask(2, 7);
    for (auto weighting : {volume_weighting::square, volume_weighting::simple, volume_weighting::uniform}) {
        const auto one = value_and_grad(generalized_dice{.weighting = weighting}, x, y);
        const auto plain = value_and_grad(xloss::dice{.smooth = 0.0}, x, y);
        CHECK(error(one.value, plain.value) <= 1e-14);
        CHECK(largest_error(one.grad, plain.grad, largest_entry(plain.grad)) <= 1e-14);
    }
}

TEST_CASE("generalized_dice: an absent class takes the largest weight present, not 1e20") {
    // All labels 0: V = (3, 0), P = (3/2, 3/2), tp = (3/2, 0). w = (1/9, 1/9): the weights cancel:
    // 3 over 6.
    const xt::xtensor<int, 2> zeros{{0, 0, 0}};
    const auto with = [&](empty_region empty, double weight_smooth) {
        return value_and_grad(multiclass(generalized_dice{.weight_smooth = weight_smooth, .empty = empty}),
                              three_logits, zeros);
    };
    const auto r = with(empty_region::smooth, 0.0);
    CHECK(error(r.value, 0.5) <= 1e-15);
    CHECK(std::abs(r.grad(0, 0, 0)) > 0.01); // there is something to learn
    // skip: the absent class does not count: 2 (3/2) over 3/2 + 3.
    CHECK(error(with(empty_region::skip, 0.0).value, 1.0 / 3.0) <= 1e-15);
    // With a smooth in the weights it has its own: w = (1/10, 1): 3/10 over 9/20 + 3/2.
    CHECK(error(with(empty_region::smooth, 1.0).value, 1.0 - 0.3 / 1.95) <= 1e-15);
}

TEST_CASE("generalized_dice: no class present at all") {
    const auto x = logits(1, 2, 3);
    auto y = mask(1, 2, 3);
    y.fill(0);
    for (auto empty : {empty_region::smooth, empty_region::zero, empty_region::skip}) {
        const auto r = value_and_grad(multilabel(generalized_dice{.empty = empty}), x, y);
        CHECK(r.value == 0.0);
        CHECK(largest_entry(r.grad) == 0.0);
        CHECK(r.normalizer == (empty == empty_region::skip ? 0.0 : 1.0));
    }
    // Uniform weights do not need a volume: predicted, and nothing is there.
    CHECK(multilabel(generalized_dice{.weighting = volume_weighting::uniform})(x, y) == 1.0);
}

TEST_CASE("generalized_dice: one score per sample, or one for the batch") {
    // Both samples alike: the batch has twice the sums, w = (1/16, 1/4), and the same score.
    const xt::xtensor<double, 3> x{{{ln3, 0.0, 0.0}, {0.0, 0.0, ln3}}, {{ln3, 0.0, 0.0}, {0.0, 0.0, ln3}}};
    const xt::xtensor<int, 2> y{{0, 0, 1}, {0, 0, 1}};
    const auto sample = value_and_grad(multiclass(generalized_dice{}), x, y);
    const auto batch = value_and_grad(multiclass(generalized_dice{.over = region::batch}), x, y);
    CHECK(error(sample.value, 10.0 / 27.0) <= 1e-15);
    CHECK(error(batch.value, 10.0 / 27.0) <= 1e-15);
    CHECK(sample.normalizer == 2.0);
    CHECK(batch.normalizer == 1.0);
    CHECK(largest_error(sample.grad, batch.grad) <= 1e-14);
}

TEST_CASE("generalized_dice: gradient against central differences") {
    CHECK(gradient_check(generalized_dice{}, logits(3, 7), mask(3, 7)));
    const auto x = logits(2, 3, 5);
    const auto y = labels_with_ignored(3, 2, 5);
    const auto w = weights(2, 5);
    for (auto weighting : {volume_weighting::square, volume_weighting::simple, volume_weighting::uniform})
        for (auto over : {region::sample, region::batch})
            for (auto empty : {empty_region::smooth, empty_region::skip}) {
                INFO("weighting " << static_cast<int>(weighting) << ", over " << static_cast<int>(over)
                                  << ", empty " << static_cast<int>(empty));
                const generalized_dice loss{
                    .weighting = weighting, .smooth = 0.1, .over = over, .empty = empty};
                CHECK(gradient_check(multiclass(loss, {.ignore_index = 255}), x, xloss::weighted(y, w)));
            }
    const auto volume = logits(1, 3, 2, 1, 3);
    CHECK(gradient_check(multilabel(generalized_dice{.log = true}), volume, soft(1, 3, 2, 1, 3)));
    CHECK(gradient_check(one_vs_rest(generalized_dice{.classes = {0, 2}}), volume, labels(3, 1, 2, 1, 3)));
    CHECK(gradient_check(
        multiclass(generalized_dice{.include_background = false}, {.activation = xloss::activation::none}),
        probabilities(2, 3, 5), labels(3, 2, 5), {.step = 1e-4}));
}

TEST_CASE("generalized_dice: float against double") {
    check_float(multiclass(generalized_dice{}), labels(3, 4, 7), 4, 3, 7);
}

TEMPLATE_TEST_CASE("generalized_dice: extreme logits, one pixel, all ignored", "", float, double) {
    for (double size : extremes)
        for (double smooth : {0.0, 1.0}) {
            INFO("logits of size " << size << ", smooth " << smooth);
            const auto big = static_cast<TestType>(size);
            const auto loss = multiclass(generalized_dice{.smooth = smooth}, {.ignore_index = 255});
            const xt::xtensor<TestType, 3> x{{{big, big, 0}, {-big, -big, 0}, {0, 0, 0}}};
            for (const auto& y : {xt::xtensor<int, 2>{{0, 0, 0}}, xt::xtensor<int, 2>{{1, 1, 1}},
                                  xt::xtensor<int, 2>{{0, 1, 2}}, xt::xtensor<int, 2>{{0, 255, 255}}})
                CHECK(is_finite(value_and_grad(loss, x, y)));
            const auto ignored = value_and_grad(loss, x, xt::xtensor<int, 2>{{255, 255, 255}});
            CHECK(ignored.value == TestType(0));
            CHECK(largest_entry(ignored.grad) == 0.0);
            CHECK(ignored.valid == 0);

            const xt::xtensor<TestType, 2> left{{-big, -big}};
            for (const auto& y :
                 {xt::xtensor<int, 2>{{0, 0}}, xt::xtensor<int, 2>{{1, 0}}, xt::xtensor<int, 2>{{1, 1}}})
                CHECK(is_finite(value_and_grad(generalized_dice{.smooth = smooth}, left, y)));
        }
}

TEST_CASE("generalized_dice: NaN stays in its own sample") {
    const xt::xtensor<double, 3> x{{{0.0, not_a_number}, {0.0, 0.0}}, {{0.0, 1.0}, {0.0, 0.0}}};
    const auto r = value_and_grad(multiclass(generalized_dice{}), x, xt::xtensor<int, 2>{{0, 1}, {0, 1}});
    CHECK(std::isnan(r.value));
    CHECK(std::isnan(r.grad(0, 1, 0)));
    CHECK(std::isfinite(r.grad(1, 0, 0)));
    CHECK(std::isfinite(r.grad(1, 1, 1)));
}

TEST_CASE("generalized_dice: parameters out of range are named") {
    const auto with = [](const generalized_dice& loss) { return [loss] { return on_three(loss); }; };
    using wrong = xloss::parameter_error;
    CHECK(throws<wrong>(with({.weight_smooth = -1.0}), {"xloss::generalized_dice", "weight_smooth", "-1"}));
    CHECK(throws<wrong>(with({.smooth = not_a_number}), {"xloss::generalized_dice", "smooth", "nan"}));
    CHECK(throws<wrong>(with({.smooth_nr = -2.0}), {"xloss::generalized_dice", "smooth_nr", "-2"}));
    CHECK(throws<wrong>(with({.smooth_dr = infinity}), {"xloss::generalized_dice", "smooth_dr", "inf"}));
    CHECK(throws<wrong>(with({.classes = {7}}), {"xloss::generalized_dice", "classes", "class 7 of 2"}));
    CHECK(throws<wrong>(with({.classes = {0}, .include_background = false}),
                        {"xloss::generalized_dice", "include_background"}));
}

TEST_CASE("generalized_dice: members in the order that all losses have") {
    const generalized_dice loss{.weighting = volume_weighting::simple,
                                .weight_smooth = 0.5,
                                .smooth = 2.0,
                                .smooth_nr = 1.0,
                                .smooth_dr = 3.0,
                                .over = region::batch,
                                .empty = empty_region::skip,
                                .classes = {1},
                                .include_background = false,
                                .log = true};
    CHECK(loss.smooth_dr == 3.0);
    const generalized_dice plain;
    CHECK(plain.weighting == volume_weighting::square);
    CHECK(plain.weight_smooth == 0.0);
    CHECK(plain.smooth == 0.0);
}
