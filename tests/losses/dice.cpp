// losses/dice.hpp.

#include "losses/cases.hpp"

#include <xloss/losses/dice.hpp>

using namespace cases;
using xloss::dice;
using xloss::empty_region;
using xloss::region;
using xloss::soft_form;
using xloss::testing::gradient_check;

namespace {

const double ln3 = std::log(3.0);

/// 1 - (2 tp + 1)/(P + Y + 1) of the four regions: tp = 1/2, 0, 1, 0.
const double half = 1.0 / 3.0, all = 1.0 / 4.0, none = 1.0 / 2.0;

} // namespace

TEST_CASE("dice of two pixels by hand") {
    // N/D = (2 tp + 1)/(P + Y + 1) = 2/3.25; d/dp = -(2 y D - N)/D^2, times p (1 - p) = 1/4 and 3/16.
    const auto r = value_and_grad(dice{}, two_logits, two_pixels);
    CHECK(error(r.value, 5.0 / 13.0) <= 1e-15);
    CHECK(largest_error(r.grad, {-4.5 / (3.25 * 3.25) / 4.0, 2.0 / (3.25 * 3.25) * 3.0 / 16.0}) <= 1e-14);
    CHECK(r.normalizer == 1.0); // one region
    CHECK(r.valid == 2);
    CHECK(dice{}(two_logits, two_pixels) == r.value);
}

TEST_CASE("dice: squared is Milletari's, semimetric the one that soft targets need") {
    // P = 1/4 + 9/16, Y = 1.
    CHECK(error(dice{.form = soft_form::squared}(two_logits, two_pixels), 1.0 - 2.0 / 2.8125) <= 1e-15);
    // On hard targets semimetric is product.
    CHECK(error(dice{.form = soft_form::semimetric}(two_logits, two_pixels), 5.0 / 13.0) <= 1e-15);

    // A perfect soft prediction, p = y = (1/2, 3/4): product is far from 0 (MONAI's default), the others are
    // 0.
    const xt::xtensor<double, 2> same{{0.5, 0.75}};
    CHECK(error(dice{}(two_logits, same), 1.0 - 2.625 / 3.5) <= 1e-15);
    CHECK(std::abs(dice{.form = soft_form::squared}(two_logits, same)) <= 1e-15);
    CHECK(std::abs(dice{.form = soft_form::semimetric}(two_logits, same)) <= 1e-15);
}

TEST_CASE("dice: SMP's smooth is half of ours") {
    // SMP with smooth 1: 1 - 2 (tp + 1/2 * 2)/(P + Y + 2), that is (2 tp + 2)/(P + Y + 2).
    CHECK(error(dice{.smooth = 2.0}(two_logits, two_pixels), 1.0 - 3.0 / 4.25) <= 1e-15);
}

TEST_CASE("dice: smooth_nr and smooth_dr where they differ, log of the score") {
    CHECK(error(dice{.smooth_nr = 0.0}(two_logits, two_pixels), 1.0 - 1.0 / 3.25) <= 1e-15);
    CHECK(error(dice{.smooth_dr = 3.0}(two_logits, two_pixels), 1.0 - 2.0 / 5.25) <= 1e-15);
    CHECK(error(dice{.smooth = 7.0, .smooth_nr = 1.0, .smooth_dr = 1.0}(two_logits, two_pixels),
                5.0 / 13.0) <= 1e-15);
    CHECK(error(dice{.log = true}(two_logits, two_pixels), -std::log(8.0 / 13.0)) <= 1e-15);
}

TEST_CASE("dice: log ends at a score of 1e-7, with gradient 0 below") {
    const xt::xtensor<double, 2> missed{{-40.0}};
    const xt::xtensor<std::uint8_t, 2> y{{1}};
    const auto r = value_and_grad(dice{.smooth = 0.0, .log = true}, missed, y);
    CHECK(error(r.value, 7.0 * std::log(10.0)) <= 1e-15);
    CHECK(r.grad(0, 0) == 0.0);
}

TEST_CASE("dice: perfect is 0, where nnU-Net has -1, and without smooth the worst is 1") {
    const xt::xtensor<double, 2> right{{50.0, -50.0}}, wrong{{-50.0, 50.0}};
    CHECK(std::abs(dice{}(right, two_pixels)) <= 1e-15);
    CHECK(error(dice{.smooth = 0.0}(wrong, two_pixels), 1.0) <= 1e-15);
}

TEST_CASE("dice: what is summed together") {
    // One region per sample and class (MONAI), per class over the batch (SMP, nnU-Net's batch_dice), per
    // sample (SAM 2), over everything.
    const auto with = [](region over) { return dice{.over = over}; };
    CHECK(error(multilabel(with(region::sample))(four_regions, some_empty),
                (half + none + all + none) / 4.0) <= 1e-15);
    // Class 0: tp = 3/2, P = 2, Y = 3; class 1: 0, 2, 0.
    CHECK(error(multilabel(with(region::batch))(four_regions, some_empty),
                (1.0 - 4.0 / 6.0 + 1.0 - 1.0 / 3.0) / 2.0) <= 1e-15);
    // First sample: tp = 1/2, P = 2, Y = 1; second: 1, 2, 2.
    CHECK(error(binary(with(region::sample))(four_regions, some_empty),
                (1.0 - 2.0 / 4.0 + 1.0 - 3.0 / 5.0) / 2.0) <= 1e-15);
    // tp = 3/2, P = 4, Y = 3.
    CHECK(error(binary(with(region::batch))(four_regions, some_empty), 1.0 - 4.0 / 8.0) <= 1e-15);
}

TEST_CASE(
    "dice: a class without true pixels: what the formula says (MONAI), 0 that counts (SMP), or skipped") {
    const auto with = [](empty_region empty) {
        return value_and_grad(multilabel(dice{.empty = empty}), four_regions, some_empty);
    };
    CHECK(error(with(empty_region::smooth).value, (half + none + all + none) / 4.0) <= 1e-15);
    const auto zero = with(empty_region::zero);
    CHECK(error(zero.value, (half + all) / 4.0) <= 1e-15);
    CHECK(zero.normalizer == 2.0); // samples
    const auto skip = with(empty_region::skip);
    CHECK(error(skip.value, (half + all) / 2.0) <= 1e-15);
    for (std::size_t b = 0; b < 2; ++b)
        for (std::size_t i = 0; i < 2; ++i) {
            CHECK(zero.grad(b, 1, i) == 0.0);
            CHECK(skip.grad(b, 1, i) == 0.0);
            CHECK(error(skip.grad(b, 0, i), 2.0 * zero.grad(b, 0, i)) <= 1e-15);
        }
}

TEST_CASE("dice: nothing but empty regions") {
    const xt::xtensor<double, 2> x{{0.0, 0.0}};
    const xt::xtensor<std::uint8_t, 2> y{{0, 0}};
    CHECK(error(dice{}(x, y), 0.5) <= 1e-15);
    CHECK(dice{.smooth = 0.0}(x, y) == 1.0); // predicted, and nothing is there
    CHECK(dice{.empty = empty_region::zero}(x, y) == 0.0);
    const auto r = value_and_grad(dice{.empty = empty_region::skip}, x, y);
    CHECK(r.value == 0.0);
    CHECK(r.normalizer == 0.0); // nothing counted
    CHECK(r.valid == 2);
    CHECK(largest_entry(r.grad) == 0.0);
    // 0/0, nothing predicted and nothing to find, is a perfect score.
    CHECK(dice{.smooth = 0.0}(xt::xtensor<double, 2>{{-infinity, -infinity}}, y) == 0.0);
}

TEST_CASE("dice: class_weights divide by their sum (SMP), MONAI's mean over classes does not") {
    const auto weighed = multilabel(dice{.class_weights = {1.0, 3.0}})(four_regions, some_empty);
    CHECK(error(weighed, ((half + 3.0 * none) / 4.0 + (all + 3.0 * none) / 4.0) / 2.0) <= 1e-15);
    // A skipped class takes its weight with it.
    const auto skip =
        multilabel(dice{.empty = empty_region::skip, .class_weights = {1.0, 3.0}})(four_regions, some_empty);
    CHECK(error(skip, (half + all) / 2.0) <= 1e-15);
}

TEST_CASE("dice: a sample in which no class counted is left out of the mean") {
    const xt::xtensor<std::uint8_t, 3> y{{{1, 0}, {0, 0}}, {{0, 0}, {0, 0}}};
    const auto r = value_and_grad(multilabel(dice{.empty = empty_region::skip}), four_regions, y);
    CHECK(error(r.value, half) <= 1e-15);
    CHECK(r.normalizer == 1.0);
}

TEST_CASE("dice: classes left out are left out after the softmax") {
    const auto x = logits(2, 3, 5);
    const auto y = labels(3, 2, 5);
    const auto loss = [&](dice d) { return multiclass(d)(x, y); };
    const double by_list = loss({.classes = {1, 2}});
    CHECK(loss({.include_background = false}) == by_list);
    // One class at a time, and their mean.
    CHECK(error((loss({.classes = {1}}) + loss({.classes = {2}})) / 2.0, by_list) <= 1e-15);
    // Weights are indexed by class, also when classes are left out.
    CHECK(error((2.0 * loss({.classes = {1}}) + 6.0 * loss({.classes = {2}})) / 8.0,
                loss({.include_background = false, .class_weights = {100.0, 2.0, 6.0}})) <= 1e-15);
    // Class 0 is out of the loss; its logit is not, through the softmax.
    const auto r = value_and_grad(multiclass(dice{.include_background = false}), x, y);
    CHECK(r.grad(0, 0, 0) != 0.0);
}

TEST_CASE("dice: binary is the foreground of two classes") {
    const auto difference = logits(2, 7);
    const auto y = labels(2, 2, 7);
    auto x = xt::xtensor<double, 3>::from_shape({2, 2, 7});
    for (std::size_t b = 0; b < 2; ++b)
        for (std::size_t i = 0; i < 7; ++i) {
            x(b, 0, i) = -0.5;
            x(b, 1, i) = difference(b, i) - 0.5;
        }
    const auto one = value_and_grad(dice{}, difference, y);
    const auto two = value_and_grad(multiclass(dice{.include_background = false}), x, y);
    CHECK(error(one.value, two.value) <= 1e-14);
    for (std::size_t b = 0; b < 2; ++b)
        for (std::size_t i = 0; i < 7; ++i) {
            CHECK(error(two.grad(b, 1, i), one.grad(b, i), 0.01) <= 1e-13);
            CHECK(error(two.grad(b, 0, i), -one.grad(b, i), 0.01) <= 1e-13);
        }
}

TEST_CASE("dice: an ignored pixel is dropped, where logits times a mask (MONAI) count it with p = 1/2") {
    const xt::xtensor<double, 2> x{{0.0, ln3, 0.7}};
    const xt::xtensor<std::uint8_t, 2> y{{1, 0, 255}};
    const auto r = value_and_grad(binary(dice{}, {.ignore_index = 255}), x, y);
    CHECK(error(r.value, 5.0 / 13.0) <= 1e-15);
    CHECK(r.grad(0, 2) == 0.0);
    CHECK(r.valid == 2);
    const xt::xtensor<std::uint8_t, 2> valid{{1, 1, 0}};
    CHECK(dice{}(x, xloss::masked(y, valid)) == r.value);
}

TEST_CASE("dice: a region that is all ignored is 0 and counts, unless skipped") {
    const xt::xtensor<double, 2> x{{0.0, ln3}, {0.0, 0.0}};
    const xt::xtensor<std::uint8_t, 2> y{{1, 0}, {255, 255}};
    for (double smooth : {0.0, 1.0}) {
        const double one = smooth == 0.0 ? 1.0 - 1.0 / 2.25 : 5.0 / 13.0;
        const auto counted = value_and_grad(binary(dice{.smooth = smooth}, {.ignore_index = 255}), x, y);
        CHECK(error(counted.value, one / 2.0) <= 1e-15);
        CHECK(counted.normalizer == 2.0);
        CHECK(counted.grad(1, 0) == 0.0);
        const auto skipped = value_and_grad(
            binary(dice{.smooth = smooth, .empty = empty_region::skip}, {.ignore_index = 255}), x, y);
        CHECK(error(skipped.value, one) <= 1e-15);
        CHECK(skipped.normalizer == 1.0);
    }
}

TEST_CASE("dice: gradient against central differences") {
    CHECK(gradient_check(dice{}, logits(3, 7), mask(3, 7)));
    const auto x = logits(2, 3, 5);
    const auto y = mask_with_ignored(2, 3, 5);
    const auto w = weights(2, 3, 5);
    const auto l = labels_with_ignored(3, 2, 5);
    for (auto form : {soft_form::product, soft_form::squared, soft_form::semimetric})
        for (auto over : {region::sample, region::batch})
            for (auto empty : {empty_region::smooth, empty_region::zero, empty_region::skip}) {
                INFO("form " << static_cast<int>(form) << ", over " << static_cast<int>(over) << ", empty "
                             << static_cast<int>(empty));
                dice loss{.smooth = 0.5, .smooth_dr = 1.5, .form = form, .over = over, .empty = empty};
                CHECK(gradient_check(binary(loss, {.ignore_index = 255}), x, xloss::weighted(y, w)));
                loss.class_weights = {1.0, 2.0, 0.5};
                loss.log = over == region::batch;
                CHECK(gradient_check(multiclass(loss, {.ignore_index = 255}), x, l));
            }
    CHECK(gradient_check(dice{.smooth = 0.0}, x, soft(2, 3, 5)));
    CHECK(gradient_check(binary(dice{}, {.reduction = xloss::reduction::sum}), x, soft(2, 3, 5)));
    const auto volume = logits(1, 3, 2, 1, 3);
    CHECK(gradient_check(multilabel(dice{.log = true}), volume, mask(1, 3, 2, 1, 3)));
    CHECK(gradient_check(one_vs_rest(dice{.classes = {0, 2}, .class_weights = {1.0, 2.0, 0.5}}), volume,
                         labels(3, 1, 2, 1, 3)));
    CHECK(gradient_check(multiclass(dice{.include_background = false}), volume, labels(3, 1, 2, 1, 3)));
    CHECK(gradient_check(binary(dice{}, {.activation = xloss::activation::none}), probabilities(2, 3, 5),
                         soft(2, 3, 5)));
}

TEST_CASE("dice: float against double") {
    check_float(dice{}, mask(3, 7, 5), 3, 7, 5);
    check_float(dice{.form = soft_form::semimetric, .log = true}, mask(3, 7, 5), 3, 7, 5);
    check_float(multiclass(dice{}), labels(3, 4, 7), 4, 3, 7);
}

TEMPLATE_TEST_CASE("dice: extreme logits, with and without smooth, for every target", "", float, double) {
    using soft_mask = xt::xtensor<TestType, 2>;
    for (double smooth : {0.0, 1e-6, 1.0})
        for (bool log : {false, true})
            for (double size : extremes) {
                INFO("smooth " << smooth << ", log " << log << ", logits of size " << size);
                const auto big = static_cast<TestType>(size);
                const dice loss{.smooth = smooth, .log = log};
                for (auto x : {soft_mask{{big, big}}, soft_mask{{-big, -big}}, soft_mask{{big, -big}}})
                    for (const auto& y : {soft_mask{{0, 0}}, soft_mask{{1, 1}}, soft_mask{{1, 0}},
                                          soft_mask{{TestType(0.3), TestType(0.7)}}}) {
                        INFO("logits " << x(0, 0) << ", " << x(0, 1) << ", target " << y(0, 0) << ", "
                                       << y(0, 1));
                        CHECK(is_finite(value_and_grad(loss, x, y)));
                        CHECK(is_finite(value_and_grad(
                            binary(dice{.smooth = smooth, .form = soft_form::squared}), x, y)));
                    }
            }
}

TEST_CASE("dice: infinite logits take their limits, NaN stays in its own region") {
    const xt::xtensor<double, 2> x{{infinity, -infinity}};
    const auto r = value_and_grad(dice{}, x, two_pixels);
    CHECK(r.value == 0.0);
    CHECK(largest_entry(r.grad) == 0.0);

    const xt::xtensor<double, 2> bad{{not_a_number, 0.0}, {0.0, ln3}};
    const xt::xtensor<std::uint8_t, 2> y{{1, 0}, {1, 0}};
    const auto n = value_and_grad(dice{}, bad, y);
    CHECK(std::isnan(n.value));
    CHECK(std::isnan(n.grad(0, 0)));
    CHECK(std::isnan(n.grad(0, 1))); // the score of the region depends on it
    CHECK(std::isfinite(n.grad(1, 0)));
    CHECK(std::isfinite(n.grad(1, 1)));
}

TEST_CASE("dice: parameters out of range are named") {
    const auto with = [](const dice& loss) {
        return [loss] { return multilabel(loss)(four_regions, some_empty); };
    };
    using wrong = xloss::parameter_error;
    CHECK(throws<wrong>(with({.smooth = -1.0}), {"xloss::dice", "smooth", "-1"}));
    CHECK(throws<wrong>(with({.smooth = not_a_number}), {"xloss::dice", "smooth", "nan"}));
    CHECK(throws<wrong>(with({.smooth_nr = -2.0}), {"xloss::dice", "smooth_nr", "-2"}));
    CHECK(throws<wrong>(with({.smooth_dr = infinity}), {"xloss::dice", "smooth_dr", "inf"}));
    CHECK(throws<wrong>(with({.classes = {0, 2}}), {"xloss::dice", "classes", "class 2 of 2"}));
    CHECK(throws<wrong>(with({.classes = {0}, .include_background = false}),
                        {"xloss::dice", "include_background"}));
    CHECK(throws<wrong>(with({.class_weights = {1.0, 2.0, 3.0}}),
                        {"xloss::dice", "class_weights", "3 entries for 2"}));
    CHECK(throws<wrong>(with({.class_weights = {0.0, 0.0}}), {"xloss::dice", "class_weights", "zero"}));
    CHECK(throws<wrong>(with({.class_weights = {1.0, not_a_number}}),
                        {"xloss::dice", "class_weights of class 1", "nan"}));
}

TEST_CASE("dice: members in the order that all losses have") {
    const dice loss{.smooth = 2.0,
                    .smooth_nr = 1.0,
                    .smooth_dr = 3.0,
                    .form = soft_form::squared,
                    .over = region::batch,
                    .empty = empty_region::skip,
                    .classes = {1},
                    .include_background = false,
                    .class_weights = {1.0, 2.0},
                    .log = true};
    CHECK(loss.smooth_dr == 3.0);
    CHECK(loss.log);
    const dice plain;
    CHECK(plain.smooth == 1.0);
    CHECK(!plain.smooth_nr);
    CHECK(plain.form == soft_form::product);
    CHECK(plain.over == region::sample);
    CHECK(plain.empty == empty_region::smooth);
    CHECK(plain.include_background);
    CHECK(!plain.log);
}
