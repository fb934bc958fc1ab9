// losses/poly_cross_entropy.hpp.

#include "losses/cases.hpp"

#include <xloss/losses/poly_cross_entropy.hpp>

using namespace cases;
using xloss::denominator;
using xloss::poly_cross_entropy;
using xloss::reduction;
using xloss::testing::gradient_check;

namespace {

/// Two pixels of two classes, both with softmax (3/4, 1/4): -log p is 2 ln 2 - ln 3 and 2 ln 2.
const xt::xtensor<double, 3> two_scores{{{std::log(3.0), std::log(3.0)}, {0.0, 0.0}}};
const xt::xtensor<int, 2> two_labels{{0, 1}};
const double first = 2.0 * std::log(2.0) - std::log(3.0), second = 2.0 * std::log(2.0);

} // namespace

TEST_CASE("poly_cross_entropy of two labels by hand") {
    // CE + 2 (1 - p_t) with p_t = 3/4 and 1/4; slopes (1 + 2 p_t)(p_c - y_c), halved.
    const auto r = value_and_grad(multiclass(poly_cross_entropy{.epsilon = 2.0}), two_scores, two_labels);
    CHECK(error(r.value, (first + 0.5 + second + 1.5) / 2.0) <= 1e-15);
    CHECK(largest_error(r.grad, {-0.3125, 0.5625, 0.3125, -0.5625}) <= 1e-15);
    CHECK(r.normalizer == 2.0);
    CHECK(r.valid == 2);
}

TEST_CASE("poly_cross_entropy of two pixels by hand: one sigmoid each") {
    // Without a mode it is binary. Slopes -(1 - p)(1 + 2 p) and p (1 + 2 (1 - p)), halved.
    const auto r = value_and_grad(poly_cross_entropy{.epsilon = 2.0}, two_logits, two_pixels);
    CHECK(error(r.value, (std::log(2.0) + 1.0 + second + 1.5) / 2.0) <= 1e-15);
    CHECK(largest_error(r.grad, {-0.5, 0.5625}) <= 1e-15);
    CHECK(poly_cross_entropy{.epsilon = 2.0}(two_logits, two_pixels) == r.value);
    // A soft target interpolates p_t: 1/4 (1 - p) + 3/4 p.
    const xt::xtensor<double, 2> x{{std::log(3.0)}}, y{{0.25}};
    CHECK(error(poly_cross_entropy{.epsilon = 2.0}(x, y),
                0.25 * first + 0.75 * second + 2.0 * (0.25 * 0.25 + 0.75 * 0.75)) <= 1e-15);
}

TEST_CASE("poly_cross_entropy: epsilon 0 is cross entropy and bce") {
    const poly_cross_entropy loss{.epsilon = 0.0};
    const auto x = logits(2, 3, 5);
    const auto y = labels(3, 2, 5);
    const auto poly = value_and_grad(multiclass(loss), x, y);
    const auto plain = value_and_grad(xloss::cross_entropy{}, x, y);
    CHECK(error(poly.value, plain.value) <= 1e-15);
    CHECK(largest_error(poly.grad, plain.grad) <= 1e-14);
    const auto mask = soft(2, 3, 5);
    const auto flat = value_and_grad(loss, x, mask);
    const auto bce = value_and_grad(xloss::bce{}, x, mask);
    CHECK(error(flat.value, bce.value) <= 1e-15);
    CHECK(largest_error(flat.grad, bce.grad, 0.01) <= 1e-14);
}

TEST_CASE("poly_cross_entropy: class weights are factors of both terms and of the denominator") {
    const poly_cross_entropy loss{.epsilon = 2.0, .class_weights = {1.0, 3.0}};
    const auto r = value_and_grad(multiclass(loss), two_scores, two_labels);
    CHECK(error(r.value, (first + 0.5 + 3.0 * (second + 1.5)) / 4.0) <= 1e-15);
    CHECK(largest_error(r.grad, {-0.15625, 0.84375, 0.15625, -0.84375}) <= 1e-15);
    CHECK(r.normalizer == 4.0);
    CHECK(error(multiclass(loss, {.denominator = denominator::valid})(two_scores, two_labels),
                (first + 0.5 + 3.0 * (second + 1.5)) / 2.0) <= 1e-15);
    // Elsewhere CE alone is weighted: three losses say so.
    const auto alone = xloss::cross_entropy{.class_weights = {1.0, 3.0}} +
                       poly_cross_entropy{.epsilon = 2.0} + -1.0 * xloss::cross_entropy{};
    CHECK(error(multiclass(alone)(two_scores, two_labels), (first + 3.0 * second) / 4.0 + 2.0 / 2.0) <=
          1e-14);
}

TEST_CASE("poly_cross_entropy of soft targets: p_t is the mean of the probabilities") {
    // 1 - p_t = y_0/4 + 3 y_1/4.
    const xt::xtensor<double, 3> y{{{0.25, 1.0}, {0.75, 0.0}}};
    const auto r = value_and_grad(multiclass(poly_cross_entropy{.epsilon = 2.0}), two_scores, y);
    const double soft = 0.25 * first + 0.75 * second + 2.0 * (0.25 * 0.25 + 0.75 * 0.75);
    CHECK(error(r.value, (soft + first + 0.5) / 2.0) <= 1e-15);
}

TEST_CASE("poly_cross_entropy: epsilon -1 lets go of easy pixels") {
    // p - y times 1 - p_t: at p_t = 3/4 a quarter of the slope of CE.
    const auto r = value_and_grad(multiclass(poly_cross_entropy{.epsilon = -1.0}), two_scores, two_labels);
    CHECK(error(r.value, (first - 0.25 + second - 0.75) / 2.0) <= 1e-15);
    CHECK(largest_error(r.grad, {-0.03125, 0.28125, 0.03125, -0.28125}) <= 1e-15);
}

TEST_CASE("poly_cross_entropy: ignored pixels leave the denominator; all ignored is 0") {
    const auto loss = multiclass(poly_cross_entropy{.epsilon = 2.0}, {.ignore_index = 255});
    const auto one = value_and_grad(loss, two_scores, xt::xtensor<int, 2>{{255, 1}});
    CHECK(error(one.value, second + 1.5) <= 1e-15);
    CHECK(one.grad(0, 0, 0) == 0.0);
    CHECK(one.valid == 1);
    const auto none = value_and_grad(loss, two_scores, xt::xtensor<int, 2>{{255, 255}});
    CHECK(none.value == 0.0);
    CHECK(largest_entry(none.grad) == 0.0);
    CHECK(none.valid == 0);
}

TEST_CASE("poly_cross_entropy: slopes against dual numbers") {
    for (double epsilon : {0.0, 1.0, 2.5, 6.0}) {
        INFO("epsilon " << epsilon);
        check_slopes(poly_cross_entropy::term{.epsilon = epsilon, .class_weights = {}});
        check_class_slopes(poly_cross_entropy::term{.epsilon = epsilon, .class_weights = {}});
    }
}

TEST_CASE("poly_cross_entropy: gradient against central differences") {
    const auto x = logits(2, 3, 5);
    const auto l = labels_with_ignored(3, 2, 5);
    const auto m = mask_with_ignored(2, 3, 5);
    const auto plane = weights(2, 5);
    const auto w = weights(2, 3, 5);
    for (double epsilon : {-1.0, 0.5, 3.0})
        for (auto by : {denominator::weights, denominator::valid, denominator::all})
            for (auto how : {reduction::mean, reduction::sum}) {
                const poly_cross_entropy loss{.epsilon = epsilon, .class_weights = {1.0, 2.0, 0.5}};
                CHECK(gradient_check(
                    multiclass(loss, {.ignore_index = 255, .reduction = how, .denominator = by}), x,
                    xloss::weighted(l, plane)));
                CHECK(gradient_check(
                    multilabel(loss, {.ignore_index = 255, .reduction = how, .denominator = by}), x,
                    xloss::weighted(m, w)));
            }
    CHECK(gradient_check(multiclass(poly_cross_entropy{}), x, soft(2, 3, 5)));
    CHECK(gradient_check(poly_cross_entropy{}, x, soft(2, 3, 5)));
    CHECK(gradient_check(one_vs_rest(poly_cross_entropy{}), x, labels(3, 2, 5)));
    CHECK(gradient_check(binary(poly_cross_entropy{}, {.activation = xloss::activation::none}),
                         probabilities(2, 3, 5), soft(2, 3, 5), {.step = 1e-4}));
    CHECK(gradient_check(multiclass(poly_cross_entropy{}, {.activation = xloss::activation::none}),
                         probabilities(2, 3, 5), labels(3, 2, 5), {.step = 1e-4}));
}

TEST_CASE("poly_cross_entropy: float against double") {
    check_float(multiclass(poly_cross_entropy{.epsilon = 2.0}), labels(5, 3, 7), 3, 5, 7);
    check_float(poly_cross_entropy{.epsilon = 2.0}, mask(3, 7, 5), 3, 7, 5);
}

TEMPLATE_TEST_CASE("poly_cross_entropy: extreme logits", "", float, double) {
    for (double epsilon : {-1.0, 1.0, 6.0})
        for (double size : extremes) {
            INFO("epsilon " << epsilon << ", logits of size " << size);
            const auto big = static_cast<TestType>(size);
            const poly_cross_entropy loss{.epsilon = epsilon};
            const xt::xtensor<TestType, 3> x{{{big, big, big}, {-big, -big, -big}, {0, 0, 0}}};
            CHECK(is_finite(value_and_grad(multiclass(loss), x, xt::xtensor<int, 2>{{0, 1, 2}})));
            const xt::xtensor<TestType, 2> flat{{big, -big, big}}, y{{1, 1, static_cast<TestType>(0.3)}};
            const auto r = value_and_grad(loss, flat, y);
            CHECK(is_finite(r));
            // Wrong by far: the loss is the logit and 1 - p_t is 1.
            if (size >= 40.0)
                CHECK(error(static_cast<double>(
                                loss(xt::xtensor<TestType, 2>{{-big}}, xt::xtensor<TestType, 2>{{1}})),
                            size + epsilon) <= 1e-6);
        }
}

TEST_CASE("poly_cross_entropy: infinite logits take their limits, NaN stays in its own pixel") {
    const xt::xtensor<double, 2> x{{infinity, -infinity, not_a_number, 0.0}};
    const auto r = value_and_grad(poly_cross_entropy{}, x, xt::xtensor<std::uint8_t, 2>{{1, 0, 1, 1}});
    CHECK(std::isnan(r.value));
    CHECK(r.grad(0, 0) == 0.0);
    CHECK(r.grad(0, 1) == 0.0);
    CHECK(std::isnan(r.grad(0, 2)));
    CHECK(std::isfinite(r.grad(0, 3)));
    const xt::xtensor<double, 2> sure{{infinity, -infinity}};
    CHECK(poly_cross_entropy{}(sure, two_pixels) == 0.0);
    CHECK(poly_cross_entropy{}(sure, xt::xtensor<std::uint8_t, 2>{{0, 1}}) == infinity);
}

TEST_CASE("poly_cross_entropy: what is wrong is named") {
    const auto with = [](const poly_cross_entropy& loss) {
        return [loss] { return multiclass(loss)(two_scores, two_labels); };
    };
    using wrong = xloss::parameter_error;
    CHECK(throws<wrong>(with({.epsilon = -1.5}), {"xloss::poly_cross_entropy", "epsilon", "-1.5"}));
    CHECK(throws<wrong>(with({.epsilon = infinity}), {"xloss::poly_cross_entropy", "epsilon", "inf"}));
    CHECK(throws<wrong>(with({.class_weights = {1.0, 2.0, 3.0}}),
                        {"xloss::poly_cross_entropy", "class_weights", "3 entries for 2"}));
    CHECK(throws<wrong>(with({.class_weights = {0.0, 0.0}}),
                        {"xloss::poly_cross_entropy", "class_weights", "zero"}));
    CHECK(throws<xloss::label_error>(
        [] {
            multiclass(poly_cross_entropy{})(two_scores, xt::xtensor<int, 2>{{0, 2}});
        },
        {"2", "[0, 1]"}));
}

TEST_CASE("Poly-1 with epsilon -1: the slope of an easy pixel keeps its digits in float",
          "[losses][poly_cross_entropy]") {
    const xloss::poly_cross_entropy least{.epsilon = -1.0};
    for (const double logit : {-4.0, -8.4, -18.5}) {
        const xt::xtensor<float, 1> x{static_cast<float>(logit)}, y{0.0F};
        const double p = 1.0 / (1.0 + std::exp(-static_cast<double>(x(0))));
        CHECK(std::abs(static_cast<double>(xloss::value_and_grad(least, x, y).grad(0)) - p * p) <=
              1e-6 * p * p);
    }
    const xt::xtensor<float, 2> scores{{9.0F, -9.0F}};
    const xt::xtensor<int, 1> label{0};
    const double q = 1.0 / (1.0 + std::exp(18.0));
    const auto grad = xloss::value_and_grad(xloss::multiclass(least), scores, label).grad;
    CHECK(std::abs(static_cast<double>(grad(0, 0)) + q * q) <= 1e-6 * q * q);
}
