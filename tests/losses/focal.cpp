// losses/focal.hpp.

#include "losses/cases.hpp"

#include <xloss/losses/focal.hpp>

using namespace cases;
using xloss::focal;
using xloss::per_class;
using xloss::testing::gradient_check;

namespace {

const double ln2 = std::log(2.0), ln3 = std::log(3.0);

/// Any gamma by the general formula.
focal::general general(per_class alpha, double gamma, bool normalized = false) {
    return {.weight = {alpha}, .class_weights = {}, .gamma = gamma, .normalized = normalized};
}

} // namespace

TEST_CASE("focal of two pixels by hand") {
    // y = 1, p = 1/2: 1/4 (1/2)^2 ln 2 = ln 2/16,   slope a q^2 (2 p log p - q) = -(ln 2 + 1/2)/16.
    // y = 0, p = 3/4: 3/4 (3/4)^2 2 ln 2 = 27/32 ln 2, slope a p^2 (p - 2 q log q) = 27/64 (3/4 + ln 2).
    const auto r = value_and_grad(focal{}, two_logits, two_pixels);
    CHECK(error(r.value, (1.0 / 16.0 + 27.0 / 32.0) * ln2 / 2.0) <= 1e-15);
    CHECK(largest_error(r.grad, {-(ln2 + 0.5) / 32.0, 27.0 / 128.0 * (0.75 + ln2)}) <= 1e-15);
    CHECK(r.normalizer == 2.0);
    CHECK(focal{}(two_logits, two_pixels) == r.value);
}

TEST_CASE("focal in multiclass by hand") {
    // Softmax of (ln 3, 0) is (3/4, 1/4). Label 0: a (1/4)^2 ln 4/3, label 1: a (3/4)^2 ln 4.
    const xt::xtensor<double, 3> x{{{ln3, ln3}, {0.0, 0.0}}};
    const xt::xtensor<int, 2> y{{0, 1}};
    const double first = (2.0 * ln2 - ln3) / 16.0, second = 9.0 / 8.0 * ln2;
    CHECK(error(multiclass(focal{})(x, y), (first + second) / 8.0) <= 1e-15);
    CHECK(error(multiclass(focal{.alpha = {0.5, 2.0}})(x, y), (0.5 * first + 2.0 * second) / 2.0) <= 1e-15);
    // Class weights are in the denominator, alpha is not.
    const auto r = value_and_grad(multiclass(focal{.alpha = -1.0, .class_weights = {0.5, 2.0}}), x, y);
    CHECK(error(r.value, (0.5 * first + 2.0 * second) / 2.5) <= 1e-15);
    CHECK(r.normalizer == 2.5);
}

TEST_CASE("focal: alpha = 0 is active, negative is off") {
    // alpha = 0 leaves the negatives alone with weight 1.
    const auto zero = value_and_grad(focal{.alpha = 0.0}, two_logits, two_pixels);
    CHECK(error(zero.value, 9.0 / 8.0 * ln2 / 2.0) <= 1e-15);
    CHECK(zero.grad(0, 0) == 0.0);
    const auto off = value_and_grad(focal{.alpha = -1.0}, two_logits, two_pixels);
    CHECK(error(off.value, (1.0 / 4.0 + 9.0 / 8.0) * ln2 / 2.0) <= 1e-15);
    const auto any_gamma = value_and_grad(focal{.alpha = -0.5, .gamma = 1.0}, two_logits, two_pixels);
    CHECK(error(any_gamma.value, (1.0 / 2.0 + 3.0 / 2.0) * ln2 / 2.0) <= 1e-15);
}

TEST_CASE("focal: gamma 0 without alpha is bce, in multiclass cross entropy, where MONAI divides by the "
          "classes too") {
    const focal plain{.alpha = -1.0, .gamma = 0.0};
    const auto r = value_and_grad(plain, two_logits, two_pixels);
    CHECK(error(r.value, 1.5 * ln2) <= 1e-15);
    CHECK(largest_error(r.grad, {-0.25, 0.375}) <= 1e-15);
    const xt::xtensor<double, 3> x{{{ln3}, {0.0}}};
    CHECK(error(multiclass(plain)(x, xt::xtensor<int, 2>{{1}}), 2.0 * ln2) <= 1e-15);
}

TEST_CASE("focal: soft targets interpolate p_t as torchvision, SMP, MONAI and a test of y == 1 do not") {
    // p = 3/4, y = 1/4: 1 - p_t = 3/4 * 3/4 + 1/4 * 1/4 = 5/8. SMP's exp(-CE) gives 0.67, MONAI's sigmoid
    // 0.63.
    const xt::xtensor<double, 1> x{ln3}, y{0.25};
    const double ce = 0.25 * (2.0 * ln2 - ln3) + 0.75 * 2.0 * ln2;
    CHECK(error(focal{.alpha = -1.0, .gamma = 1.0}(x, y), 0.625 * ce) <= 1e-15);
    // a_t = alpha/4 + (1 - alpha) 3/4 = 5/8 at alpha = 1/4.
    CHECK(error(focal{}(x, y), 0.625 * 0.625 * 0.625 * ce) <= 1e-15);
}

TEST_CASE("focal: normalized divides by the sum of (1 - p_t)^gamma, alpha not in it") {
    // (1/2)^2 + (3/4)^2 = 13/16.
    const auto r = value_and_grad(focal{.normalized = true}, two_logits, two_pixels);
    CHECK(error(r.value, (1.0 / 16.0 + 27.0 / 32.0) * ln2 / (13.0 / 16.0)) <= 1e-14);
    CHECK(error(r.normalizer, 13.0 / 16.0) <= 1e-15);
    const xt::xtensor<std::uint8_t, 2> none{{255, 255}};
    const auto ignored =
        value_and_grad(binary(focal{.normalized = true}, {.ignore_index = 255}), two_logits, none);
    CHECK(ignored.value == 0.0);
    CHECK(largest_entry(ignored.grad) == 0.0);
}

TEST_CASE("focal: one_vs_rest is SMP's multiclass focal, the mean over the sigmoids of all classes") {
    const auto x = logits(2, 3, 5);
    const auto y = labels(3, 2, 5);
    auto one_hot = xt::xtensor<std::uint8_t, 3>::from_shape({2, 3, 5});
    for (std::size_t b = 0; b < 2; ++b)
        for (std::size_t c = 0; c < 3; ++c)
            for (std::size_t i = 0; i < 5; ++i)
                one_hot(b, c, i) = y(b, i) == static_cast<int>(c) ? 1 : 0;
    const auto rest = value_and_grad(one_vs_rest(focal{}), x, y);
    const auto label = value_and_grad(multilabel(focal{}), x, one_hot);
    CHECK(rest.value == label.value);
    CHECK(largest_error(rest.grad, label.grad) == 0.0);
    CHECK(rest.normalizer == 30.0);
    CHECK(error(label.value, binary(focal{})(x, one_hot)) <= 1e-15);
}

TEST_CASE("focal: two classes without alpha are binary focal of the difference of their logits") {
    // The classes take turns in which of them has the logit, so that both sides of the softmax are seen.
    const auto difference = logits(1, 6);
    const auto y = labels(2, 1, 6);
    auto x = xt::xtensor<double, 3>::from_shape({1, 2, 6});
    for (std::size_t i = 0; i < 6; ++i) {
        x(0, 1, i) = i % 2 ? difference(0, i) : 0.0;
        x(0, 0, i) = i % 2 ? 0.0 : -difference(0, i);
    }
    for (double gamma : {0.0, 0.5, 2.0, 5.0}) {
        INFO("gamma " << gamma);
        const focal loss{.alpha = -1.0, .gamma = gamma};
        const auto one = value_and_grad(loss, difference, y);
        const auto two = value_and_grad(multiclass(loss), x, y);
        CHECK(error(one.value, two.value) <= 1e-14);
        for (std::size_t i = 0; i < 6; ++i) {
            CHECK(error(two.grad(0, 1, i), one.grad(0, i)) <= 1e-13);
            CHECK(error(two.grad(0, 0, i), -one.grad(0, i)) <= 1e-13);
        }
    }
}

TEST_CASE("focal: slopes against dual numbers") {
    for (double alpha : {0.25, 0.0, -1.0}) {
        check_slopes(focal::squared{.weight = {per_class(alpha)}, .class_weights = {}});
        for (double gamma : {0.0, 0.5, 1.0, 1.5, 2.0, 5.0}) {
            INFO("alpha " << alpha << ", gamma " << gamma);
            check_slopes(general(alpha, gamma));
        }
    }
}

TEST_CASE("focal: slopes by log p against dual numbers") {
    const per_class by_class{0.25, -1.0, 0.6};
    check_class_slopes(focal::squared{.weight = {by_class}, .class_weights = {}});
    for (double gamma : {0.0, 0.5, 1.0, 2.0, 5.0}) {
        INFO("gamma " << gamma);
        check_class_slopes(
            focal::general{.weight = {by_class}, .class_weights = {}, .gamma = gamma, .normalized = false});
    }
}

TEST_CASE("focal: squared is general at gamma 2") {
    for (double x : {-104.0, -3.0, 0.0, 0.7, 20.0, 104.0})
        for (double y : {0.0, 0.3, 1.0}) {
            INFO("logit " << x << ", target " << y);
            const auto s = xloss::testing::dual_pixel(x, y);
            const auto a = focal::squared{.weight = {per_class(0.25)}, .class_weights = {}}.at(s);
            const auto b = general(0.25, 2.0).at(s)[0];
            CHECK(error(a.value.value, b.value.value) <= 1e-12); // the power of a logarithm: 2 * 104 ulp
            CHECK(error(a.slope.value, b.slope.value, a.value.value) <= 1e-12);
        }
}

TEST_CASE("focal: gradient against central differences") {
    CHECK(gradient_check(focal{}, logits(7), mask(7)));
    const auto x = logits(2, 3, 5);
    const auto y = mask_with_ignored(2, 3, 5);
    const auto w = weights(2, 3, 5);
    for (bool normalized : {false, true})
        for (double gamma : {0.5, 2.0})
            for (auto how : {xloss::reduction::mean, xloss::reduction::sum}) {
                INFO("normalized " << normalized << ", gamma " << gamma << ", sum "
                                   << (how == xloss::reduction::sum));
                const focal loss{.alpha = 0.4, .gamma = gamma, .normalized = normalized};
                CHECK(gradient_check(binary(loss, {.ignore_index = 255, .reduction = how}), x,
                                     xloss::weighted(y, w)));
                CHECK(gradient_check(binary(loss, {.reduction = how}), x, soft(2, 3, 5)));
                CHECK(gradient_check(multiclass(loss, {.ignore_index = 255, .reduction = how}), x,
                                     labels_with_ignored(3, 2, 5)));
            }
    const auto volume = logits(1, 3, 2, 1, 3);
    CHECK(gradient_check(multilabel(focal{.alpha = {0.25, 0.5, 0.9}, .class_weights = {1.0, 2.0, 0.5}}),
                         volume, mask(1, 3, 2, 1, 3)));
    CHECK(gradient_check(multiclass(focal{.alpha = {0.1, 0.4, 0.2}, .class_weights = {1.0, 2.0, 0.5}}),
                         volume, labels(3, 1, 2, 1, 3)));
    CHECK(gradient_check(binary(focal{.gamma = 1.5}, {.activation = xloss::activation::none}),
                         probabilities(2, 3, 5), soft(2, 3, 5), {.step = 1e-4}));
}

TEST_CASE("focal: float against double") {
    check_float(focal{}, mask(3, 7, 5), 3, 7, 5);
    check_float(focal{.gamma = 0.5}, soft(3, 7, 5), 3, 7, 5);
    check_float(focal{.normalized = true}, mask(3, 7, 5), 3, 7, 5);
    check_float(multiclass(focal{.gamma = 0.5}), labels(3, 4, 7), 4, 3, 7);
}

TEMPLATE_TEST_CASE(
    "focal with gamma below 1 has a finite gradient at saturated logits, where torchvision and SMP give NaN",
    "", float, double) {
    for (double gamma : {0.0, 0.5, 1.0, 2.0, 5.0})
        for (bool normalized : {false, true})
            for (double size : extremes) {
                INFO("gamma " << gamma << ", normalized " << normalized << ", logits of size " << size);
                const auto big = static_cast<TestType>(size);
                const focal loss{.alpha = 0.25, .gamma = gamma, .normalized = normalized};
                const xt::xtensor<TestType, 2> x{{big, big, -big, -big, big, -big}};
                const xt::xtensor<TestType, 2> y{{1, 0, 0, 1, TestType(0.3), TestType(0.3)}};
                CHECK(is_finite(value_and_grad(loss, x, y)));
                const xt::xtensor<TestType, 2> right{{big, -big}};
                CHECK(is_finite(value_and_grad(loss, right, xt::xtensor<TestType, 2>{{1, 0}})));
                const xt::xtensor<TestType, 3> classes{{{big, big}, {-big, 0}}};
                CHECK(is_finite(value_and_grad(multiclass(loss), classes, xt::xtensor<int, 2>{{0, 1}})));
                CHECK(is_finite(value_and_grad(multiclass(loss), classes, xt::xtensor<int, 2>{{0, 0}})));
            }
}

TEMPLATE_TEST_CASE("focal: a soft target below all normal numbers counts as 0", "", float, double) {
    using T = TestType;
    const T tiny = std::numeric_limits<T>::denorm_min();
    const auto check = [&](const auto& loss, T x) {
        CAPTURE(x);
        const xt::xtensor<T, 2> logits{{x, T(0.5)}};
        const auto of_tiny = value_and_grad(loss, logits, xt::xtensor<T, 2>{{tiny, tiny}});
        const auto of_zero = value_and_grad(loss, logits, xt::xtensor<T, 2>{{T(0), T(0)}});
        CHECK(of_tiny.value == of_zero.value);
        CHECK(of_tiny.grad == of_zero.grad);
    };
    for (const double gamma : {1e-6, 0.5, 1.5}) {
        CAPTURE(gamma);
        const focal loss{.gamma = gamma}, normalized{.gamma = gamma, .normalized = true};
        for (const T x : {T(-90), T(-1e4), T(-1e30)}) { // where p is 0, or nearly
            check(binary(loss), x);
            check(binary(normalized), x);
        }
        for (const T p : {T(0), tiny, T(1)})
            check(binary(loss, {.activation = xloss::activation::none}), p);
    }
}

TEST_CASE("focal: the value far in saturation is right, not 0") {
    // y = 1, x = 40: (1/4) e^(-gamma x) e^(-x), which a rounded 1 - p loses from x = 37 on.
    const xt::xtensor<double, 1> x{40.0}, y{1.0};
    for (double gamma : {0.5, 1.0, 2.0, 5.0}) {
        const auto r = value_and_grad(focal{.gamma = gamma}, x, y);
        CHECK(error(r.value, 0.25 * std::exp(-40.0 * (gamma + 1.0))) <= 1e-12);
        CHECK(error(r.grad(0), -0.25 * (gamma + 1.0) * std::exp(-40.0 * (gamma + 1.0))) <= 1e-12);
    }
}

TEST_CASE("focal: infinite logits take their limits, NaN reaches its own pixel and the value") {
    const xt::xtensor<double, 1> x{infinity, -infinity, infinity}, y{1.0, 0.0, 0.0};
    for (double gamma : {0.0, 0.5, 2.0}) {
        INFO("gamma " << gamma);
        const focal loss{.gamma = gamma};
        const auto r = value_and_grad(loss, x, y);
        CHECK(r.value == infinity);
        CHECK(largest_error(r.grad, {0.0, 0.0, 0.25}) <= 1e-15); // a_t (p_t slope 1)/3
        const xt::xtensor<double, 1> bad{0.0, not_a_number, 0.0};
        const auto n = value_and_grad(loss, bad, y);
        CHECK(std::isnan(n.value));
        CHECK(std::isnan(n.grad(1)));
        CHECK(std::isfinite(n.grad(0)));
        CHECK(std::isfinite(n.grad(2)));
    }
}

TEST_CASE("focal: empty, full and single masks, all ignored") {
    const xt::xtensor<double, 2> x{{0.0, 0.0}};
    CHECK(error(focal{}(x, xt::xtensor<bool, 2>{{false, false}}), 0.75 * 0.25 * ln2) <= 1e-15);
    CHECK(error(focal{}(x, xt::xtensor<bool, 2>{{true, true}}), 0.25 * 0.25 * ln2) <= 1e-15);
    CHECK(error(focal{}(xt::xtensor<double, 1>{0.0}, xt::xtensor<bool, 1>{true}), 0.25 * 0.25 * ln2) <=
          1e-15);
    const xt::xtensor<std::uint8_t, 2> none{{255, 255}};
    const auto r = value_and_grad(binary(focal{}, {.ignore_index = 255}), x, none);
    CHECK(r.value == 0.0);
    CHECK(largest_entry(r.grad) == 0.0);
    CHECK(r.valid == 0);
    CHECK(r.normalizer == 0.0);
}

TEST_CASE("focal: parameters out of range are named") {
    const auto with = [](const focal& loss) { return [loss] { return loss(two_logits, two_pixels); }; };
    using wrong = xloss::parameter_error;
    CHECK(throws<wrong>(with({.gamma = -0.5}), {"xloss::focal", "gamma", "-0.5"}));
    CHECK(throws<wrong>(with({.gamma = not_a_number}), {"xloss::focal", "gamma", "nan"}));
    CHECK(throws<wrong>(with({.gamma = infinity}), {"xloss::focal", "gamma", "inf"}));
    CHECK(throws<wrong>(with({.alpha = not_a_number}), {"xloss::focal", "alpha", "nan"}));
    CHECK(throws<wrong>(with({.alpha = {0.1, 0.2}}), {"xloss::focal", "alpha", "2 entries for 1 classes"}));
    CHECK(throws<wrong>(with({.class_weights = -1.0}), {"xloss::focal", "class_weights", "-1"}));
    CHECK(throws<wrong>(with({.class_weights = 0.0}), {"xloss::focal", "class_weights", "zero"}));
}

TEST_CASE("focal: members in the order that all losses have") {
    const focal loss{.alpha = 0.5, .gamma = 1.0, .normalized = true, .class_weights = {1.0, 2.0}};
    CHECK(loss.alpha.number == 0.5);
    CHECK(loss.class_weights.list.size() == 2);
    const focal plain;
    CHECK(plain.alpha.number == 0.25);
    CHECK(plain.gamma == 2.0);
    CHECK(!plain.normalized);
}
