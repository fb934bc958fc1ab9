// losses/mcc.hpp.

#include "losses/cases.hpp"

#include <xloss/losses/mcc.hpp>

using namespace cases;
using xloss::empty_region;
using xloss::mcc;
using xloss::region;
using xloss::testing::gradient_check;

namespace {

double loss_of(double tp, double fp, double fn, double tn, double eps) {
    tp += eps;
    fp += eps;
    fn += eps;
    tn += eps;
    return 1.0 - (tp * tn - fp * fn) / std::sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn));
}

/// Two samples of two classes, the pixels of each as two_logits.
const xt::xtensor<double, 3> mixed_regions = [] {
    auto x = xt::xtensor<double, 3>::from_shape({2, 2, 2});
    for (std::size_t i = 0; i < x.size(); ++i)
        x.data()[i] = i % 2 == 0 ? 0.0 : std::log(3.0);
    return x;
}();
/// Y = 1 and 0 in the first sample, 1 and 0 in the second.
const xt::xtensor<std::uint8_t, 3> every_second_empty{{{1, 0}, {0, 0}}, {{0, 1}, {0, 0}}};
const double first = loss_of(0.5, 0.75, 0.5, 0.25, 1e-5), second = loss_of(0.75, 0.5, 0.25, 0.5, 1e-5),
             none = loss_of(0.0, 1.25, 0.0, 0.75, 1e-5);

} // namespace

TEST_CASE("mcc of two pixels by hand") {
    // N = tp tn - fp fn = -1/4, S^2 = (5/4)(1)(1)(3/4). dN/dp = y (tn + fp) - (1 - y)(tp + fn) and dS/dp =
    // S/2 (1/(tp + fp) - 1/(tn + fn)) = -4 S/15.
    const double s = std::sqrt(15.0) / 4.0;
    const auto r = value_and_grad(mcc{.eps = 0.0}, two_logits, two_pixels);
    CHECK(error(r.value, 1.0 + 0.25 / s) <= 1e-15);
    CHECK(largest_error(r.grad, {-(1.0 - 1.0 / 15.0) / s / 4.0, (1.0 + 1.0 / 15.0) / s * 3.0 / 16.0}) <=
          1e-14);
    CHECK(r.normalizer == 1.0);
    CHECK(r.valid == 2);
    CHECK(mcc{.eps = 0.0}(two_logits, two_pixels) == r.value);
}

TEST_CASE("mcc: eps is added to each of tp, fp, fn and tn, as SMP does") {
    // 3/4, 1, 3/4, 1/2 with eps = 1/4; under the root alone, as the authors, it would be 1 + 1/4/sqrt(...).
    const double s = std::sqrt(1.75 * 1.5 * 1.5 * 1.25);
    CHECK(error(mcc{.eps = 0.25}(two_logits, two_pixels), 1.0 + 0.375 / s) <= 1e-15);
    CHECK(error(mcc{}(two_logits, two_pixels), first) <= 1e-15);
}

TEST_CASE("mcc: 0 is perfect, 1 is chance, 2 is the opposite") {
    const xt::xtensor<double, 2> right{{50.0, -50.0}}, wrong{{-50.0, 50.0}}, chance{{0.0, 0.0}};
    CHECK(std::abs(mcc{.eps = 0.0}(right, two_pixels)) <= 1e-15);
    CHECK(error(mcc{.eps = 0.0}(chance, two_pixels), 1.0) <= 1e-15);
    CHECK(error(mcc{.eps = 0.0}(wrong, two_pixels), 2.0) <= 1e-15);
    // It is the same for the other side: targets and predictions both turned round.
    const xt::xtensor<double, 2> other{{0.0, -std::log(3.0)}};
    CHECK(error(mcc{}(other, xt::xtensor<std::uint8_t, 2>{{0, 1}}), first) <= 1e-15);
}

TEST_CASE("mcc: tn is a sum of its own") {
    // All but certain, with true negatives of e^-40: tn = N - tp - fp - fn would be 0 and the loss 1.
    const xt::xtensor<double, 2> x{{40.0, 40.0}};
    const auto r = value_and_grad(mcc{.eps = 0.0}, x, two_pixels);
    CHECK(std::abs(r.value - 1.0) <= 1e-15); // tp tn = fp fn
    // d/dp of p_0 alone: tn + fp = 1 of S = sqrt(2 * 1 * 1 * 2 e^-40), times e^-40.
    const double e = std::exp(-40.0);
    CHECK(largest_error(r.grad, {-e / (2.0 * std::sqrt(e)), e / (2.0 * std::sqrt(e))}) <= 1e-14);
}

TEST_CASE("mcc: an empty region has 1/2 to 3/2, and a gradient; without eps it is 0/0") {
    const xt::xtensor<std::uint8_t, 2> nothing{{0, 0}}, everything{{1, 1}};
    const xt::xtensor<double, 2> low{{-50.0, -50.0}}, high{{50.0, 50.0}};
    CHECK(std::abs(mcc{}(low, nothing) - 0.5) <= 1e-4);
    CHECK(std::abs(mcc{}(high, nothing) - 1.5) <= 1e-4);
    CHECK(std::abs(mcc{}(low, everything) - 1.5) <= 1e-4);
    CHECK(std::abs(mcc{}(high, everything) - 0.5) <= 1e-4);
    const auto r = value_and_grad(mcc{}, two_logits, nothing);
    CHECK(error(r.value, none) <= 1e-14);
    CHECK(r.grad(0, 0) > 0.0);
    const auto undefined = value_and_grad(mcc{.eps = 0.0}, two_logits, nothing);
    CHECK(undefined.value == 0.0); // a score of 1
    CHECK(largest_entry(undefined.grad) == 0.0);
}

TEST_CASE("mcc: what is summed together, empty regions, class_weights, classes") {
    const auto with = [](mcc loss) { return multilabel(loss)(mixed_regions, every_second_empty); };
    CHECK(error(with({}), (first + second + 2.0 * none) / 4.0) <= 1e-14);
    CHECK(error(with({.empty = empty_region::zero}), (first + second) / 4.0) <= 1e-14);
    CHECK(error(with({.empty = empty_region::skip}), (first + second) / 2.0) <= 1e-14);
    CHECK(error(with({.class_weights = {1.0, 3.0}}), (first + second + 6.0 * none) / 8.0) <= 1e-14);
    CHECK(error(with({.include_background = false}), none) <= 1e-14);
    CHECK(error(with({.classes = {0}}), (first + second) / 2.0) <= 1e-14);
    CHECK(error(with({.over = region::batch, .classes = {0}}), loss_of(1.25, 1.25, 0.75, 0.75, 1e-5)) <=
          1e-14);
    // SMP sums the whole batch.
    CHECK(error(mcc{.over = region::batch}(mixed_regions, every_second_empty),
                loss_of(1.25, 3.75, 0.75, 2.25, 1e-5)) <= 1e-14);
}

TEST_CASE("mcc: an ignored pixel is no true negative either") {
    const xt::xtensor<double, 2> x{{0.0, std::log(3.0), -3.0}, {0.0, 0.0, 0.0}};
    const xt::xtensor<std::uint8_t, 2> y{{1, 0, 255}, {255, 255, 255}};
    const auto r = value_and_grad(binary(mcc{}, {.ignore_index = 255}), x, y);
    CHECK(error(r.value, first / 2.0) <= 1e-15); // the region of ignored pixels is 0 and counts
    CHECK(r.grad(0, 2) == 0.0);
    CHECK(r.grad(1, 0) == 0.0);
    CHECK(r.normalizer == 2.0);
    CHECK(r.valid == 2);
}

TEST_CASE("mcc: gradient against central differences") {
    const auto x = logits(2, 3, 5);
    const auto y = mask_with_ignored(2, 3, 5);
    const auto w = weights(2, 3, 5);
    const auto l = labels_with_ignored(3, 2, 5);
    for (auto over : {region::sample, region::batch})
        for (auto empty : {empty_region::smooth, empty_region::zero, empty_region::skip})
            for (double eps : {0.0, 1e-5, 0.5}) {
                INFO("over " << static_cast<int>(over) << ", empty " << static_cast<int>(empty) << ", eps "
                             << eps);
                mcc loss{.eps = eps, .over = over, .empty = empty};
                CHECK(gradient_check(binary(loss, {.ignore_index = 255}), x, xloss::weighted(y, w)));
                loss.class_weights = {1.0, 2.0, 0.5};
                loss.include_background = eps != 0.5;
                CHECK(gradient_check(multiclass(loss, {.ignore_index = 255}), x, l));
            }
    CHECK(gradient_check(multilabel(mcc{}), x, soft(2, 3, 5)));
    CHECK(gradient_check(one_vs_rest(mcc{.classes = {0, 2}}), x, labels(3, 2, 5)));
}

TEST_CASE("mcc: float against double, full masks too") {
    check_float(mcc{}, mask(3, 7, 5), 3, 7, 5);
    // Slopes by true and false negatives of 1/eps, where the gradient of a true pixel is next to 1.
    const xt::xtensor<std::uint8_t, 3> full(std::array<std::size_t, 3>{3, 7, 5}, std::uint8_t{1});
    check_float(mcc{}, full, 3, 7, 5);
}

TEMPLATE_TEST_CASE("mcc: extreme logits, with and without eps, for every target", "", float, double) {
    using soft_mask = xt::xtensor<TestType, 2>;
    for (double eps : {0.0, 1e-5, 1.0})
        for (double size : extremes) {
            INFO("eps " << eps << ", logits of size " << size);
            const auto big = static_cast<TestType>(size);
            for (auto x : {soft_mask{{big, big}}, soft_mask{{-big, -big}}, soft_mask{{big, -big}}})
                for (const auto& y : {soft_mask{{0, 0}}, soft_mask{{1, 1}}, soft_mask{{1, 0}},
                                      soft_mask{{TestType(0.3), TestType(0.7)}}}) {
                    const auto r = value_and_grad(mcc{.eps = eps}, x, y);
                    CHECK(is_finite(r));
                    CHECK(r.value >= -1e-6);
                    CHECK(r.value <= 2.000001);
                }
        }
}

TEST_CASE("mcc: infinite logits take their limits, NaN stays in its own region") {
    const xt::xtensor<double, 2> x{{infinity, -infinity}, {not_a_number, 0.0}};
    const auto r = value_and_grad(mcc{.eps = 0.0}, x, xt::xtensor<std::uint8_t, 2>{{1, 0}, {1, 0}});
    CHECK(std::isnan(r.value));
    CHECK(r.grad(0, 0) == 0.0);
    CHECK(std::isnan(r.grad(1, 0)));
    CHECK(std::isnan(r.grad(1, 1)));
    CHECK(mcc{.eps = 0.0}(xt::xtensor<double, 2>{{infinity, -infinity}}, two_pixels) == 0.0);
}

TEST_CASE("mcc: parameters out of range are named") {
    const auto with = [](const mcc& loss) {
        return [loss] { return multilabel(loss)(mixed_regions, every_second_empty); };
    };
    using wrong = xloss::parameter_error;
    CHECK(throws<wrong>(with({.eps = -1e-3}), {"xloss::mcc", "eps", "-0.001"}));
    CHECK(throws<wrong>(with({.eps = not_a_number}), {"xloss::mcc", "eps", "nan"}));
    CHECK(throws<wrong>(with({.classes = {3}}), {"xloss::mcc", "classes", "class 3 of 2"}));
    CHECK(throws<wrong>(with({.class_weights = {0.0, 0.0}}), {"xloss::mcc", "class_weights", "zero"}));
}

TEST_CASE("mcc: members in the order that all losses have") {
    const mcc loss{.eps = 0.5,
                   .over = region::batch,
                   .empty = empty_region::skip,
                   .classes = {1},
                   .include_background = false,
                   .class_weights = {1.0, 2.0}};
    CHECK(loss.eps == 0.5);
    const mcc plain;
    CHECK(plain.eps == 1e-5);
    CHECK(plain.over == region::sample);
    CHECK(plain.empty == empty_region::smooth);
    CHECK(plain.include_background);
}

TEST_CASE("mcc: a slope that leaves the format with a pixel's weight stays finite") {
    // The score turns from -1/2 to 1 as p leaves 0 by 1e-50: the slope is 1e50, with a pixel of weight 1e20.
    const xt::xtensor<float, 2> p{{0.0F}, {0.0F}}, weights{{1e20F}, {1.0F}};
    const xt::xtensor<std::uint8_t, 2> full{{1}, {1}};
    const auto loss = xloss::binary(mcc{.eps = 1e-30}, {.activation = xloss::activation::none});
    const auto r = value_and_grad(loss, p, xloss::weighted(full, weights));
    CHECK(error(r.value, 1.5) <= 1e-6);
    CHECK(std::isfinite(r.grad(0, 0)));
    CHECK(r.grad(0, 0) < -1e30F);
}
