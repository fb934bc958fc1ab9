// losses/tversky.hpp.

#include "losses/cases.hpp"

#include <xloss/losses/tversky.hpp>

using namespace cases;
using xloss::empty_region;
using xloss::region;
using xloss::soft_form;
using xloss::tversky;
using xloss::testing::gradient_check;

namespace {

const tversky uneven{.alpha = 0.3, .beta = 0.7};
/// alpha fp + beta fn = 0.575 of tp + that + 1 = 2.075.
const double uneven_loss = 23.0 / 83.0;

/// Of the four regions with alpha = 1/4, beta = 3/4, (tp, fp, fn) = (1/2, 1/2, 1/2), (0, 1, 0), (1, 0, 1).
const double half = 0.5 / 2.0, none = 0.25 / 1.25, all = 0.75 / 2.75;

} // namespace

TEST_CASE("tversky of two pixels by hand: alpha weighs false positives, beta false negatives") {
    // M/(tp + M + 1), M = 0.3 fp + 0.7 fn: d/dp = (M' (tp + 1) - M tp')/D^2 with M' = -0.7 and 0.3, tp' = 1
    // and 0, times p (1 - p) = 1/4 and 3/16.
    const auto r = value_and_grad(uneven, two_logits, two_pixels);
    CHECK(error(r.value, uneven_loss) <= 1e-15);
    const double d2 = 2.075 * 2.075;
    CHECK(largest_error(r.grad, {-1.625 / d2 / 4.0, 0.45 / d2 * 3.0 / 16.0}) <= 1e-14);
    CHECK(r.normalizer == 1.0);
    CHECK(uneven(two_logits, two_pixels) == r.value);
}

TEST_CASE("tversky: gamma is an exponent of the loss; Abraham and Khan write 1/gamma") {
    tversky focal = uneven;
    focal.gamma = 0.75; // their 4/3
    const auto plain = value_and_grad(uneven, two_logits, two_pixels);
    const auto r = value_and_grad(focal, two_logits, two_pixels);
    CHECK(error(r.value, std::pow(uneven_loss, 0.75)) <= 1e-15);
    const double rise = 0.75 * std::pow(uneven_loss, -0.25);
    CHECK(largest_error(r.grad, {rise * plain.grad(0, 0), rise * plain.grad(0, 1)}) <= 1e-14);
    focal.gamma = 2.0;
    CHECK(error(focal(two_logits, two_pixels), uneven_loss * uneven_loss) <= 1e-15);
    focal.gamma = 0.0;
    const auto constant = value_and_grad(focal, two_logits, two_pixels);
    CHECK(constant.value == 1.0);
    CHECK(largest_entry(constant.grad) == 0.0);
}

TEST_CASE("tversky: gamma is taken region by region, where SMP takes it of the mean") {
    const tversky loss{.alpha = 0.25, .beta = 0.75, .gamma = 0.5};
    const double mean = (std::sqrt(half) + 2.0 * std::sqrt(none) + std::sqrt(all)) / 4.0;
    CHECK(error(multilabel(loss)(four_regions, some_empty), mean) <= 1e-15);
    CHECK(error(mean, std::sqrt((half + 2.0 * none + all) / 4.0)) > 1e-4);
}

TEST_CASE("tversky: a perfect score with gamma < 1 has gradient 0, where SMP gives NaN") {
    const xt::xtensor<double, 2> perfect{{infinity, -infinity}};
    const xt::xtensor<std::uint8_t, 2> nothing{{0, 0}};
    for (double gamma : {0.1, 0.75, 1.0, 2.0})
        for (double smooth : {0.0, 1.0}) {
            INFO("gamma " << gamma << ", smooth " << smooth);
            const tversky loss{.gamma = gamma, .smooth = smooth};
            const auto right = value_and_grad(loss, perfect, two_pixels);
            CHECK(right.value == 0.0);
            CHECK(largest_entry(right.grad) == 0.0);
            // 0/0: nothing predicted and nothing to find.
            const auto empty = value_and_grad(loss, xt::xtensor<double, 2>{{-infinity, -infinity}}, nothing);
            CHECK(empty.value == 0.0);
            CHECK(largest_entry(empty.grad) == 0.0);
        }
}

TEST_CASE("tversky: 1 - score keeps its digits next to a perfect score") {
    // Missed e^-40 twice with weights 1/2, of 1 + 1: 1 - score is e^-40/2, where 1 - 1 would be 0.
    const xt::xtensor<double, 2> x{{40.0, -40.0}};
    const double missed = std::exp(-40.0) / 2.0;
    const auto r = value_and_grad(tversky{}, x, two_pixels);
    CHECK(error(r.value, missed) <= 1e-14);
    CHECK(largest_error(r.grad, {-missed / 2.0, missed / 2.0}) <= 1e-14);
    CHECK(error(tversky{.gamma = 0.5}(x, two_pixels), std::sqrt(missed)) <= 1e-14);
    CHECK(error(tversky{.log = true}(x, two_pixels), missed) <= 1e-14);
}

TEST_CASE("tversky: dice with half the smooth, iou at 1 and 1") {
    const auto x = logits(2, 3, 5);
    const auto y = soft(2, 3, 5);
    for (auto form : {soft_form::product, soft_form::squared, soft_form::semimetric})
        for (bool log : {false, true}) {
            INFO("form " << static_cast<int>(form) << ", log " << log);
            const auto as_dice = value_and_grad(tversky{.smooth = 0.5, .form = form, .log = log}, x, y);
            const auto dice = value_and_grad(xloss::dice{.smooth = 1.0, .form = form, .log = log}, x, y);
            CHECK(error(as_dice.value, dice.value) <= 1e-14);
            CHECK(largest_error(as_dice.grad, dice.grad, largest_entry(dice.grad)) <= 1e-14);
            const auto as_iou =
                value_and_grad(tversky{.alpha = 1.0, .beta = 1.0, .form = form, .log = log}, x, y);
            const auto iou = value_and_grad(xloss::iou{.form = form, .log = log}, x, y);
            CHECK(error(as_iou.value, iou.value) <= 1e-14);
            CHECK(largest_error(as_iou.grad, iou.grad, largest_entry(iou.grad)) <= 1e-14);
        }
}

TEST_CASE("tversky: smooth_nr and smooth_dr, log with gamma") {
    const auto with = [](double gamma, double nr, double dr, bool log) {
        return tversky{
            .alpha = 0.3, .beta = 0.7, .gamma = gamma, .smooth_nr = nr, .smooth_dr = dr, .log = log}(
            two_logits, two_pixels);
    };
    CHECK(error(with(1.0, 0.0, 2.0, false), 1.0 - 0.5 / 3.075) <= 1e-15);
    CHECK(error(with(0.5, 0.0, 2.0, false), std::sqrt(1.0 - 0.5 / 3.075)) <= 1e-15);
    // The exponential logarithmic loss of Wong et al.
    CHECK(error(with(0.3, 1.0, 1.0, true), std::pow(-std::log(60.0 / 83.0), 0.3)) <= 1e-15);
    CHECK(error(with(1.0, 0.0, 2.0, true), -std::log(0.5 / 3.075)) <= 1e-15); // a score below 1/2
    // A score above 1 is negative at gamma 1, and 1 for other powers.
    CHECK(error(with(1.0, 2.0, 0.0, false), 1.0 - 2.5 / 1.075) <= 1e-14);
    CHECK(with(0.5, 2.0, 0.0, false) == 0.0);
    // log ends at a score of 1e-7.
    const xt::xtensor<double, 2> missed{{-40.0, 0.0}};
    const auto r = value_and_grad(tversky{.smooth = 0.0, .log = true}, missed, two_pixels);
    CHECK(error(r.value, 7.0 * std::log(10.0)) <= 1e-15);
    CHECK(largest_entry(r.grad) == 0.0);
}

TEST_CASE("tversky: what is summed together, empty regions, class_weights, classes") {
    const auto classes = [](region over, empty_region empty) {
        return multilabel(tversky{.alpha = 0.25, .beta = 0.75, .over = over, .empty = empty})(four_regions,
                                                                                              some_empty);
    };
    CHECK(error(classes(region::sample, empty_region::smooth), (half + all + 2.0 * none) / 4.0) <= 1e-15);
    CHECK(error(classes(region::sample, empty_region::zero), (half + all) / 4.0) <= 1e-15);
    CHECK(error(classes(region::sample, empty_region::skip), (half + all) / 2.0) <= 1e-15);
    // Class 0: (3/2, 1/2, 3/2); class 1: (0, 2, 0).
    const double first = 1.25 / 3.75, second = 0.5 / 1.5;
    CHECK(error(classes(region::batch, empty_region::smooth), (first + second) / 2.0) <= 1e-15);
    CHECK(error(classes(region::batch, empty_region::skip), first) <= 1e-15);
    const auto with = [](tversky loss) {
        loss.alpha = 0.25;
        loss.beta = 0.75;
        return multilabel(loss)(four_regions, some_empty);
    };
    CHECK(error(with({.class_weights = {1.0, 3.0}}), (half + all + 6.0 * none) / 8.0) <= 1e-15);
    CHECK(error(with({.include_background = false}), none) <= 1e-15);
    CHECK(error(with({.classes = {0}}), (half + all) / 2.0) <= 1e-15);
}

TEST_CASE("tversky: an ignored pixel is dropped, a region of ignored pixels is 0 and counts") {
    const xt::xtensor<double, 2> x{{0.0, std::log(3.0)}, {0.0, 0.0}};
    const xt::xtensor<std::uint8_t, 2> y{{1, 0}, {255, 255}};
    const auto r = value_and_grad(binary(uneven, {.ignore_index = 255}), x, y);
    CHECK(error(r.value, uneven_loss / 2.0) <= 1e-15);
    CHECK(r.grad(1, 0) == 0.0);
    CHECK(r.normalizer == 2.0);
    CHECK(r.valid == 2);
}

TEST_CASE("tversky: gradient against central differences") {
    const auto x = logits(2, 3, 5);
    const auto y = mask_with_ignored(2, 3, 5);
    const auto w = weights(2, 3, 5);
    const auto l = labels_with_ignored(3, 2, 5);
    for (auto form : {soft_form::product, soft_form::squared, soft_form::semimetric})
        for (auto empty : {empty_region::smooth, empty_region::zero, empty_region::skip})
            for (double gamma : {0.75, 1.0, 2.0}) {
                INFO("form " << static_cast<int>(form) << ", empty " << static_cast<int>(empty) << ", gamma "
                             << gamma);
                tversky loss{.alpha = 0.3, .beta = 0.7, .gamma = gamma, .smooth = 0.5, .form = form};
                loss.empty = empty;
                loss.over = gamma == 2.0 ? region::batch : region::sample;
                CHECK(gradient_check(binary(loss, {.ignore_index = 255}), x, xloss::weighted(y, w)));
                loss.class_weights = {1.0, 2.0, 0.5};
                loss.smooth_dr = 1.5;
                loss.log = gamma < 1.0;
                loss.include_background = gamma != 2.0;
                CHECK(gradient_check(multiclass(loss, {.ignore_index = 255}), x, l));
            }
    CHECK(gradient_check(multilabel(tversky{.alpha = 2.0, .beta = 0.0, .smooth = 0.0}), x, soft(2, 3, 5)));
    CHECK(gradient_check(one_vs_rest(tversky{.gamma = 0.5, .classes = {0, 2}}), x, labels(3, 2, 5)));
}

TEST_CASE("tversky: float against double") {
    check_float(uneven, mask(3, 7, 5), 3, 7, 5);
    check_float(tversky{.gamma = 0.75, .form = soft_form::semimetric, .log = true}, mask(3, 7, 5), 3, 7, 5);
}

TEMPLATE_TEST_CASE("tversky: extreme logits stay finite, next to a perfect score too", "", float, double) {
    using soft_mask = xt::xtensor<TestType, 2>;
    const std::array<std::array<double, 2>, 3> weights_of_misses{{{0.3, 0.7}, {1.0, 0.0}, {0.0, 1.0}}};
    for (const auto& [alpha, beta] : weights_of_misses)
        for (double gamma : {0.0, 0.01, 0.75, 3.0})
            for (double smooth : {0.0, 1.0})
                for (double size : extremes) {
                    const bool log = gamma > 0.5 && alpha < 1.0;
                    INFO("alpha " << alpha << ", gamma " << gamma << ", smooth " << smooth << ", log " << log
                                  << ", logits of size " << size);
                    const auto big = static_cast<TestType>(size);
                    const tversky loss{
                        .alpha = alpha, .beta = beta, .gamma = gamma, .smooth = smooth, .log = log};
                    for (auto x : {soft_mask{{big, big}}, soft_mask{{-big, -big}}, soft_mask{{big, -big}}})
                        for (const auto& y : {soft_mask{{0, 0}}, soft_mask{{1, 1}}, soft_mask{{1, 0}},
                                              soft_mask{{TestType(0.3), TestType(0.7)}}})
                            CHECK(is_finite(value_and_grad(loss, x, y)));
                }
}

TEST_CASE("tversky: NaN stays in its own region") {
    const xt::xtensor<double, 2> x{{not_a_number, 0.0}, {0.0, 1.0}};
    const auto r = value_and_grad(tversky{.gamma = 0.75}, x, xt::xtensor<std::uint8_t, 2>{{1, 0}, {1, 0}});
    CHECK(std::isnan(r.value));
    CHECK(std::isnan(r.grad(0, 0)));
    CHECK(std::isnan(r.grad(0, 1)));
    CHECK(std::isfinite(r.grad(1, 0)));
    CHECK(std::isfinite(r.grad(1, 1)));
}

TEST_CASE("tversky: parameters out of range are named") {
    const auto with = [](const tversky& loss) {
        return [loss] { return multilabel(loss)(four_regions, some_empty); };
    };
    using wrong = xloss::parameter_error;
    CHECK(throws<wrong>(with({.alpha = -0.5}), {"xloss::tversky", "alpha", "-0.5"}));
    CHECK(throws<wrong>(with({.beta = not_a_number}), {"xloss::tversky", "beta", "nan"}));
    CHECK(throws<wrong>(with({.gamma = -1.0}), {"xloss::tversky", "gamma", "-1"}));
    CHECK(throws<wrong>(with({.smooth = -1.0}), {"xloss::tversky", "smooth", "-1"}));
    CHECK(throws<wrong>(with({.smooth_nr = infinity}), {"xloss::tversky", "smooth_nr", "inf"}));
    CHECK(throws<wrong>(with({.classes = {2}}), {"xloss::tversky", "classes", "class 2 of 2"}));
    CHECK(throws<wrong>(with({.class_weights = {1.0, 2.0, 3.0}}),
                        {"xloss::tversky", "class_weights", "3 entries for 2"}));
}

TEST_CASE("tversky: members in the order that all losses have") {
    const tversky loss{.alpha = 0.1,
                       .beta = 0.2,
                       .gamma = 0.3,
                       .smooth = 2.0,
                       .smooth_nr = 1.0,
                       .smooth_dr = 3.0,
                       .form = soft_form::squared,
                       .over = region::batch,
                       .empty = empty_region::skip,
                       .classes = {1},
                       .include_background = false,
                       .class_weights = {1.0, 2.0},
                       .log = true};
    CHECK(loss.gamma == 0.3);
    const tversky plain;
    CHECK(plain.alpha == 0.5);
    CHECK(plain.beta == 0.5);
    CHECK(plain.gamma == 1.0);
    CHECK(plain.smooth == 1.0);
    CHECK(plain.form == soft_form::product);
    CHECK(!plain.log);
}
