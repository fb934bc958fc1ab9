// The edges of the numbers in losses with a softmax.

#include "engine/numbers.hpp"
#include "support/catch.hpp"

#include <xloss/xloss.hpp>

#include <cmath>
#include <cstddef>
#include <limits>

namespace {

template <class T>
void check_finite() {
    numbers::check_finite_labels<T>("cross_entropy", xloss::cross_entropy{});
    numbers::check_finite_labels<T>("cross_entropy smoothed", xloss::cross_entropy{.label_smoothing = 0.25});
    for (const double gamma : {0.0, 0.5, 1.0, 2.0, 5.0})
        for (const bool normalized : {false, true})
            numbers::check_finite_labels<T>("focal", xloss::focal{.gamma = gamma, .normalized = normalized});
    for (const double smooth : {1.0, 0.0})
        for (const bool log : {false, true})
            numbers::check_finite_labels<T>("dice", xloss::dice{.smooth = smooth, .log = log});
    for (const double gamma : {0.0, 0.5, 0.99, 1.0})
        numbers::check_finite_labels<T>("unified_focal", xloss::unified_focal{.gamma = gamma});
    numbers::check_finite_labels<T>("generalized_dice", xloss::generalized_dice{});
}

} // namespace

TEST_CASE("finite logits give finite values and gradients: softmax, float", "[engine][numbers]") {
    check_finite<float>();
}

TEST_CASE("finite logits give finite values and gradients: softmax, double", "[engine][numbers]") {
    check_finite<double>();
}

TEST_CASE("infinite logits take their limits: softmax", "[engine][numbers]") {
    numbers::check_label_limits<float>("cross_entropy", xloss::cross_entropy{});
    numbers::check_label_limits<float>("cross_entropy smoothed",
                                       xloss::cross_entropy{.label_smoothing = 0.25});
    for (const double gamma : {0.0, 0.5, 2.0})
        numbers::check_label_limits<float>("focal", xloss::focal{.gamma = gamma});
    numbers::check_label_limits<float>("dice", xloss::dice{});
    numbers::check_label_limits<float>("unified_focal", xloss::unified_focal{});
    numbers::check_label_limits<double>("cross_entropy", xloss::cross_entropy{});
}

TEST_CASE("classes share the largest logit, whatever the sign of its zero", "[engine][numbers]") {
    const xt::xtensor<float, 3> x{{{-0.0f, 0.0f, 7.0f}, {0.0f, -0.0f, 7.0f}, {-0.0f, 0.0f, -200.0f}}};
    const xt::xtensor<int, 2> y{{0, 1, 1}};
    const auto r = xloss::value_and_grad(xloss::cross_entropy{}, x, y);
    CHECK(std::abs(3.0 * r.value - 2.0 * std::log(3.0) - std::log(2.0)) <= 1e-6);
    CHECK(std::abs(r.grad(0, 0, 0) + 2.0 / 9.0) <= 1e-7);
    CHECK(std::abs(r.grad(0, 1, 2) + 1.0 / 6.0) <= 1e-7);
    CHECK(r.grad(0, 2, 2) == 0.0f);
}

TEST_CASE("NaN reaches all that depends on it: softmax", "[engine][numbers]") {
    // Two samples, three classes, two pixels: NaN at class 1 of the second pixel of the first sample.
    const xt::xtensor<float, 3> x{{{0.5f, -1.0f}, {2.0f, 0.25f}, {-0.5f, 1.0f}},
                                  {{1.0f, 0.0f}, {0.5f, -2.0f}, {0.0f, 1.0f}}};
    const xt::xtensor<int, 2> y{{0, 2}, {1, 2}};
    const auto pixel = [](std::size_t i) { return i < 6 && i % 2 == 1; };
    const auto sample = [](std::size_t i) { return i < 6; };
    numbers::check_nan("cross_entropy", xloss::cross_entropy{}, x, y, 3, pixel);
    numbers::check_nan("cross_entropy smoothed", xloss::cross_entropy{.label_smoothing = 0.25}, x, y, 3,
                       pixel);
    numbers::check_nan("focal", xloss::multiclass(xloss::focal{}), x, y, 3, pixel);
    numbers::check_nan("focal 0.5", xloss::multiclass(xloss::focal{.gamma = 0.5}), x, y, 3, pixel);
    numbers::check_nan("dice", xloss::multiclass(xloss::dice{}), x, y, 3, sample);
    numbers::check_nan("unified_focal", xloss::multiclass(xloss::unified_focal{}), x, y, 3, sample);
    numbers::check_nan("generalized_dice", xloss::multiclass(xloss::generalized_dice{}), x, y, 3, sample);
}

TEST_CASE("all ignored: value 0, gradient 0, nothing valid: softmax", "[engine][numbers]") {
    const float bad = std::numeric_limits<float>::quiet_NaN();
    const xt::xtensor<float, 3> x{{{bad, bad}, {bad, bad}, {bad, bad}}};
    const xt::xtensor<int, 2> y{{-1, -1}};
    const auto check = [&](const char* name, const auto& loss, double normalizer) {
        INFO(name);
        const auto found =
            xloss::value_and_grad(xloss::multiclass(loss, {.ignore_index = -1, .check_finite = true}), x, y);
        CHECK(found.value == 0.0f);
        CHECK(found.valid == 0);
        CHECK(found.normalizer == normalizer);
        CHECK(made_up::same_elements(found.grad, xt::xtensor<float, 3>(xt::zeros<float>({1, 3, 2}))));
    };
    check("cross_entropy", xloss::cross_entropy{.label_smoothing = 0.25}, 0.0);
    check("normalized focal", xloss::focal{.gamma = 0.5, .normalized = true}, 0.0);
    check("dice", xloss::dice{.smooth = 0.0}, 1.0);
    check("generalized_dice", xloss::generalized_dice{}, 1.0);
}
