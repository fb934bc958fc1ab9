// The edges of the numbers in losses with one sigmoid per element.

#include "engine/numbers.hpp"
#include "support/catch.hpp"

#include <xloss/xloss.hpp>

#include <cmath>
#include <cstddef>
#include <limits>

namespace {

using xloss::dice, xloss::soft_form;

template <class T>
void check_finite() {
    numbers::check_finite_masks<T>("bce", xloss::bce{});
    numbers::check_finite_masks<T>("bce smoothed", xloss::bce{.pos_weight = 3.0, .label_smoothing = 0.5},
                                   1e37);
    numbers::check_finite_masks<T>("weighted_bce", xloss::weighted_bce{}, 1e37);
    for (const double gamma : {0.0, 0.5, 1.0, 2.0, 5.0})
        for (const bool normalized : {false, true})
            numbers::check_finite_masks<T>("focal", xloss::focal{.gamma = gamma, .normalized = normalized});
    for (const double smooth : {1.0, 0.0})
        for (const soft_form form : {soft_form::product, soft_form::squared, soft_form::semimetric})
            for (const bool log : {false, true})
                numbers::check_finite_masks<T>("dice", dice{.smooth = smooth, .form = form, .log = log});
    for (const double gamma : {0.0, 0.5, 0.99, 1.0})
        numbers::check_finite_masks<T>("unified_focal", xloss::unified_focal{.gamma = gamma});
    numbers::check_finite_masks<T>("generalized_dice", xloss::generalized_dice{});
    numbers::check_finite_masks<T>("20 bce + dice", 20.0 * xloss::bce{} + dice{.smooth = 0.0}, 1e37);
}

} // namespace

TEST_CASE("finite logits give finite values and gradients: one sigmoid per element, float",
          "[engine][numbers]") {
    check_finite<float>();
}

TEST_CASE("finite logits give finite values and gradients: one sigmoid per element, double",
          "[engine][numbers]") {
    check_finite<double>();
}

TEST_CASE("the limits of double have a finite loss", "[engine][numbers]") {
    const double most = std::numeric_limits<double>::max(), least = std::numeric_limits<double>::denorm_min();
    for (const double x : {most, -most, 744.0, -744.0, 745.1, -745.1, least})
        for (const double y : {0.0, 1.0})
            for (const double smooth : {0.0, 1.0}) {
                const xt::xtensor<double, 2> logits{{x, 0.5, -x}}, mask{{y, 1.0, 0.0}}, alone{{x}},
                    alone_mask{{y}};
                numbers::is_finite("bce", xloss::bce{}, alone, alone_mask);
                numbers::is_finite("dice", dice{.smooth = smooth}, logits, mask);
                numbers::is_finite("dice", dice{.smooth = smooth}, alone, alone_mask);
            }
}

TEST_CASE("an overlap of nothing with next to nothing has a finite gradient", "[engine][numbers]") {
    // Sums next to the least number, and no smoothing: the slope by their quotient leaves the range.
    for (const float x : {-87.0f, -88.5f, -90.0f, -95.0f, -100.0f, -103.0f, -103.9f, -104.5f})
        for (const soft_form form : {soft_form::product, soft_form::squared, soft_form::semimetric}) {
            const xt::xtensor<float, 2> logits{{x, -200.0f}}, nothing{{0.0f, 0.0f}};
            numbers::is_finite("dice", 20.0 * dice{.smooth = 0.0, .form = form}, logits, nothing);
            numbers::is_finite("dice", dice{.smooth = 0.0, .form = form, .log = true}, logits, nothing);
            numbers::is_finite("unified_focal", xloss::unified_focal{.gamma = 0.99}, logits, nothing);
            numbers::is_finite("generalized_dice", xloss::generalized_dice{}, logits, nothing);
        }
}

TEST_CASE("infinite logits take their limits: one sigmoid per element", "[engine][numbers]") {
    numbers::check_mask_limits<float>("bce", xloss::bce{});
    for (const double gamma : {0.0, 0.5, 2.0})
        numbers::check_mask_limits<float>("focal", xloss::focal{.gamma = gamma});
    numbers::check_mask_limits<float>("dice", dice{});
    numbers::check_mask_limits<float>("dice", dice{.form = soft_form::semimetric, .log = true});
    numbers::check_mask_limits<float>("unified_focal", xloss::unified_focal{});
    numbers::check_mask_limits<double>("bce", xloss::bce{});
}

TEST_CASE("NaN reaches all that depends on it: one sigmoid per element", "[engine][numbers]") {
    // Two samples of three: a pointwise loss knows the element, a regional one its sample.
    const xt::xtensor<float, 2> x{{0.5f, -1.0f, 2.0f}, {0.25f, -0.5f, 1.0f}},
        y{{1.0f, 0.0f, 1.0f}, {0.0f, 1.0f, 1.0f}};
    const auto element = [](std::size_t i) { return i == 1; };
    const auto sample = [](std::size_t i) { return i < 3; };
    numbers::check_nan("bce", xloss::bce{}, x, y, 1, element);
    numbers::check_nan("focal", xloss::focal{}, x, y, 1, element);
    numbers::check_nan("focal 0.5", xloss::focal{.gamma = 0.5}, x, y, 1, element);
    numbers::check_nan("normalized focal", xloss::focal{.normalized = true}, x, y, 1,
                       [](std::size_t) { return true; });
    numbers::check_nan("dice", dice{}, x, y, 1, sample);
    numbers::check_nan("dice", dice{.form = soft_form::semimetric, .log = true}, x, y, 1, sample);
    numbers::check_nan("unified_focal", xloss::unified_focal{}, x, y, 1, sample);
    numbers::check_nan("generalized_dice", xloss::generalized_dice{}, x, y, 1, sample);
    numbers::check_nan("bce of probabilities",
                       xloss::binary(xloss::bce{}, {.activation = xloss::activation::none}),
                       xt::xtensor<float, 2>{{0.5f, 0.25f, 0.75f}, {0.25f, 0.5f, 1.0f}}, y, 1, element);
    // A NaN target does the same.
    xt::xtensor<float, 2> bad = y;
    bad(0, 1) = std::numeric_limits<float>::quiet_NaN();
    const auto found = xloss::value_and_grad(xloss::bce{}, x, bad);
    CHECK(std::isnan(found.value));
    CHECK(std::isnan(found.grad(0, 1)));
    CHECK(std::isfinite(found.grad(0, 0)));
}

TEST_CASE("probabilities of 0 and 1 have torch's logarithms and derivatives", "[engine][numbers]") {
    const auto loss = xloss::binary(
        xloss::bce{}, {.activation = xloss::activation::none, .reduction = xloss::reduction::sum});
    const auto at = [&](double p, double y) {
        return xloss::value_and_grad(loss, xt::xtensor<double, 1>{p}, xt::xtensor<double, 1>{y});
    };
    CHECK(at(0.0, 1.0).value == 100.0);
    CHECK(at(1.0, 0.0).value == 100.0);
    CHECK(at(0.0, 0.0).value == 0.0);
    CHECK(at(1.0, 1.0).value == 0.0);
    CHECK_THAT(at(0.0, 1.0).grad(0), Catch::Matchers::WithinRel(-1e12, 1e-12));
    CHECK_THAT(at(1.0, 0.0).grad(0), Catch::Matchers::WithinRel(1e12, 1e-12));
    CHECK(at(0.0, 0.0).grad(0) == 0.0);
    CHECK(at(1.0, 1.0).grad(0) == 0.0);
    CHECK(at(1e-60, 1.0).value == 100.0);
    CHECK_THAT(at(0.25, 1.0).grad(0), Catch::Matchers::WithinRel(-4.0, 1e-12));
}

TEST_CASE("all ignored: value 0, gradient 0, nothing valid", "[engine][numbers]") {
    const float bad = std::numeric_limits<float>::quiet_NaN();
    const xt::xtensor<float, 2> x{{bad, bad, bad}, {bad, bad, bad}},
        y{{7.0f, 7.0f, 7.0f}, {7.0f, 7.0f, 7.0f}};
    const auto check = [&](const char* name, const auto& loss, bool has_regions) {
        INFO(name);
        const auto found = xloss::value_and_grad(
            xloss::binary(loss, {.ignore_index = 7, .check_finite = true, .check_targets = true}), x, y);
        CHECK(found.value == 0.0f);
        CHECK(found.valid == 0);
        CHECK(found.normalizer == (has_regions ? 2.0 : 0.0));
        CHECK(made_up::same_elements(found.grad, xt::xtensor<float, 2>(xt::zeros<float>({2, 3}))));
    };
    check("bce", xloss::bce{}, false);
    check("weighted_bce", xloss::weighted_bce{}, false);
    check("normalized focal", xloss::focal{.gamma = 0.5, .normalized = true}, false);
    check("dice", dice{.smooth = 0.0, .log = true}, true);
    check("unified_focal", xloss::unified_focal{}, true);
    check("generalized_dice", xloss::generalized_dice{}, true);
    const auto skipped = xloss::value_and_grad(
        xloss::binary(dice{.empty = xloss::empty_region::skip}, {.ignore_index = 7}), x, y);
    CHECK(skipped.value == 0.0f);
    CHECK(skipped.normalizer == 0.0);
}
