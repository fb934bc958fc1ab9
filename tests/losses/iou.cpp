// losses/iou.hpp.

#include "losses/cases.hpp"

#include <xloss/losses/iou.hpp>

using namespace cases;
using xloss::empty_region;
using xloss::iou;
using xloss::region;
using xloss::soft_form;
using xloss::testing::gradient_check;

namespace {

/// 1 - (tp + 1)/(P + Y - tp + 1) of the four regions: tp = 1/2, 0, 1, 0.
const double half = 2.0 / 5.0, all = 1.0 / 3.0, none = 1.0 / 2.0;

} // namespace

TEST_CASE("iou of two pixels by hand") {
    // N/D = (tp + 1)/(P + Y - tp + 1) = 1.5/2.75; d/dp = -y/D + (1 - y) N/D^2, times p (1 - p) = 1/4 and
    // 3/16.
    const auto r = value_and_grad(iou{}, two_logits, two_pixels);
    CHECK(error(r.value, 5.0 / 11.0) <= 1e-15);
    CHECK(largest_error(r.grad, {-1.0 / 2.75 / 4.0, 1.5 / (2.75 * 2.75) * 3.0 / 16.0}) <= 1e-14);
    CHECK(r.normalizer == 1.0);
    CHECK(r.valid == 2);
    CHECK(iou{}(two_logits, two_pixels) == r.value);
}

TEST_CASE("iou: the intersection counts once, not twice as some tables have it") {
    const xt::xtensor<double, 2> right{{50.0, -50.0}}, wrong{{-50.0, 50.0}};
    CHECK(std::abs(iou{.smooth = 0.0}(right, two_pixels)) <= 1e-15); // twice would be -1
    CHECK(error(iou{.smooth = 0.0}(wrong, two_pixels), 1.0) <= 1e-15);
    // Without smooth the score is D/(2 - D) of the Dice score D.
    const double d = 1.0 - xloss::dice{.smooth = 0.0}(two_logits, two_pixels);
    CHECK(error(iou{.smooth = 0.0}(two_logits, two_pixels), 1.0 - d / (2.0 - d)) <= 1e-15);
}

TEST_CASE("iou: forms, smooth_nr and smooth_dr, log") {
    // P = 1/4 + 9/16 and Y = 1 in squared; on hard targets semimetric is product.
    CHECK(error(iou{.form = soft_form::squared}(two_logits, two_pixels), 1.0 - 1.5 / 2.3125) <= 1e-15);
    CHECK(error(iou{.form = soft_form::semimetric}(two_logits, two_pixels), 5.0 / 11.0) <= 1e-15);
    const xt::xtensor<double, 2> same{{0.5, 0.75}};
    CHECK(std::abs(iou{.form = soft_form::semimetric}(two_logits, same)) <= 1e-15); // as SMP's
    CHECK(error(iou{}(two_logits, same), 1.0 - (13.0 / 16.0 + 1.0) / (2.5 - 13.0 / 16.0 + 1.0)) <= 1e-15);

    CHECK(error(iou{.smooth_nr = 0.0}(two_logits, two_pixels), 1.0 - 0.5 / 2.75) <= 1e-15);
    CHECK(error(iou{.smooth_dr = 3.0}(two_logits, two_pixels), 1.0 - 1.5 / 4.75) <= 1e-15);
    CHECK(error(iou{.log = true}(two_logits, two_pixels), -std::log(6.0 / 11.0)) <= 1e-15);
    // MONAI's jaccard with smooth s, (2 tp + s)/(2 union + s), is ours with s/2.
    CHECK(error(iou{.smooth = 0.5}(two_logits, two_pixels), 1.0 - 2.0 / 4.5) <= 1e-15);
}

TEST_CASE("iou: log ends at a score of 1e-7, with gradient 0 below") {
    const xt::xtensor<double, 2> missed{{-40.0, 0.0}};
    const auto r = value_and_grad(iou{.smooth = 0.0, .log = true}, missed, two_pixels);
    CHECK(error(r.value, 7.0 * std::log(10.0)) <= 1e-15);
    CHECK(largest_entry(r.grad) == 0.0);
}

TEST_CASE("iou: what is summed together, class_weights, classes") {
    const auto classes = [](iou loss) { return multilabel(loss)(four_regions, some_empty); };
    CHECK(error(classes({}), (half + none + all + none) / 4.0) <= 1e-15);
    // Class 0: tp = 3/2, P = 2, Y = 3; class 1: 0, 2, 0.
    CHECK(error(classes({.over = region::batch}), (1.0 - 2.5 / 4.5 + 1.0 - 1.0 / 3.0) / 2.0) <= 1e-15);
    CHECK(error(classes({.class_weights = {1.0, 3.0}}), (half + all + 6.0 * none) / 8.0) <= 1e-15);
    CHECK(error(classes({.include_background = false}), none) <= 1e-15);
    CHECK(error(classes({.classes = {0}}), (half + all) / 2.0) <= 1e-15);
    // One region: tp = 3/2, P = 4, Y = 3.
    CHECK(error(iou{.over = region::batch}(four_regions, some_empty), 1.0 - 2.5 / 6.5) <= 1e-15);
}

TEST_CASE("iou: a class without true pixels: the formula, 0 that counts (SMP), or skipped") {
    const auto with = [](empty_region empty) {
        return value_and_grad(multilabel(iou{.empty = empty}), four_regions, some_empty);
    };
    const auto zero = with(empty_region::zero), skip = with(empty_region::skip);
    CHECK(error(zero.value, (half + all) / 4.0) <= 1e-15);
    CHECK(error(skip.value, (half + all) / 2.0) <= 1e-15);
    CHECK(zero.grad(0, 1, 0) == 0.0);
    CHECK(skip.grad(1, 1, 1) == 0.0);
    CHECK(error(skip.grad(0, 0, 0), 2.0 * zero.grad(0, 0, 0)) <= 1e-15);
    // Nothing predicted and nothing to find is a perfect score; predicted, and nothing is there, is none.
    const xt::xtensor<std::uint8_t, 2> nothing{{0, 0}};
    CHECK(iou{.smooth = 0.0}(xt::xtensor<double, 2>{{-infinity, -infinity}}, nothing) == 0.0);
    CHECK(iou{.smooth = 0.0}(two_logits, nothing) == 1.0);
}

TEST_CASE("iou: an ignored pixel is dropped, a region of ignored pixels is 0 and counts") {
    const xt::xtensor<double, 2> x{{0.0, std::log(3.0)}, {0.0, 0.0}};
    const xt::xtensor<std::uint8_t, 2> y{{1, 0}, {255, 255}};
    const auto r = value_and_grad(binary(iou{}, {.ignore_index = 255}), x, y);
    CHECK(error(r.value, 5.0 / 22.0) <= 1e-15);
    CHECK(r.grad(1, 0) == 0.0);
    CHECK(r.normalizer == 2.0);
    CHECK(r.valid == 2);
    CHECK(error(binary(iou{.empty = empty_region::skip}, {.ignore_index = 255})(x, y), 5.0 / 11.0) <= 1e-15);
}

TEST_CASE("iou: gradient against central differences") {
    const auto x = logits(2, 3, 5);
    const auto y = mask_with_ignored(2, 3, 5);
    const auto w = weights(2, 3, 5);
    const auto l = labels_with_ignored(3, 2, 5);
    for (auto form : {soft_form::product, soft_form::squared, soft_form::semimetric})
        for (auto empty : {empty_region::smooth, empty_region::zero, empty_region::skip})
            for (bool batch : {false, true}) {
                INFO("form " << static_cast<int>(form) << ", empty " << static_cast<int>(empty) << ", batch "
                             << batch);
                iou loss{.smooth = 0.5, .smooth_dr = 1.5, .form = form, .empty = empty};
                loss.over = batch ? region::batch : region::sample;
                CHECK(gradient_check(binary(loss, {.ignore_index = 255}), x, xloss::weighted(y, w)));
                loss.class_weights = {1.0, 2.0, 0.5};
                loss.log = batch;
                loss.include_background = !batch;
                CHECK(gradient_check(multiclass(loss, {.ignore_index = 255}), x, l));
            }
    CHECK(gradient_check(multilabel(iou{.smooth = 0.0}), x, soft(2, 3, 5)));
    CHECK(gradient_check(one_vs_rest(iou{.classes = {0, 2}}), x, labels(3, 2, 5)));
}

TEST_CASE("iou: float against double") {
    check_float(iou{}, mask(3, 7, 5), 3, 7, 5);
    check_float(iou{.form = soft_form::semimetric, .log = true}, mask(3, 7, 5), 3, 7, 5);
}

TEMPLATE_TEST_CASE("iou: extreme logits, with and without smooth, for every target", "", float, double) {
    using soft_mask = xt::xtensor<TestType, 2>;
    for (double smooth : {0.0, 1e-6, 1.0})
        for (bool log : {false, true})
            for (double size : extremes) {
                INFO("smooth " << smooth << ", log " << log << ", logits of size " << size);
                const auto big = static_cast<TestType>(size);
                for (auto x : {soft_mask{{big, big}}, soft_mask{{-big, -big}}, soft_mask{{big, -big}}})
                    for (const auto& y : {soft_mask{{0, 0}}, soft_mask{{1, 1}}, soft_mask{{1, 0}},
                                          soft_mask{{TestType(0.3), TestType(0.7)}}})
                        CHECK(is_finite(value_and_grad(iou{.smooth = smooth, .log = log}, x, y)));
            }
}

TEST_CASE("iou: infinite logits take their limits, NaN stays in its own region") {
    const xt::xtensor<double, 2> x{{infinity, -infinity}, {not_a_number, 0.0}};
    const xt::xtensor<std::uint8_t, 2> y{{1, 0}, {1, 0}};
    const auto r = value_and_grad(iou{}, x, y);
    CHECK(std::isnan(r.value));
    CHECK(r.grad(0, 0) == 0.0);
    CHECK(std::isnan(r.grad(1, 0)));
    CHECK(std::isnan(r.grad(1, 1))); // the score of the region depends on it
    CHECK(iou{}(xt::xtensor<double, 2>{{infinity, -infinity}}, two_pixels) == 0.0);
}

TEST_CASE("iou: parameters out of range are named") {
    const auto with = [](const iou& loss) {
        return [loss] { return multilabel(loss)(four_regions, some_empty); };
    };
    using wrong = xloss::parameter_error;
    CHECK(throws<wrong>(with({.smooth = -1.0}), {"xloss::iou", "smooth", "-1"}));
    CHECK(throws<wrong>(with({.smooth_nr = not_a_number}), {"xloss::iou", "smooth_nr", "nan"}));
    CHECK(throws<wrong>(with({.smooth_dr = infinity}), {"xloss::iou", "smooth_dr", "inf"}));
    CHECK(throws<wrong>(with({.classes = {0, 2}}), {"xloss::iou", "classes", "class 2 of 2"}));
    CHECK(throws<wrong>(with({.class_weights = {1.0, 2.0, 3.0}}),
                        {"xloss::iou", "class_weights", "3 entries for 2"}));
    CHECK(throws<wrong>(with({.class_weights = {0.0, 0.0}}), {"xloss::iou", "class_weights", "zero"}));
}

TEST_CASE("iou: members in the order that all losses have") {
    const iou loss{.smooth = 2.0,
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
    const iou plain;
    CHECK(plain.smooth == 1.0);
    CHECK(!plain.smooth_nr);
    CHECK(plain.form == soft_form::product);
    CHECK(plain.over == region::sample);
    CHECK(plain.empty == empty_region::smooth);
    CHECK(plain.include_background);
    CHECK(!plain.log);
}
