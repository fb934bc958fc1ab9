// losses/cross_entropy.hpp.

#include "losses/cases.hpp"

#include <xloss/losses/cross_entropy.hpp>

using namespace cases;
using xloss::cross_entropy;
using xloss::denominator;
using xloss::per_class;
using xloss::testing::gradient_check;

namespace {

/// Two pixels of two classes, both with softmax (3/4, 1/4): -log p is 2 ln 2 - ln 3 and 2 ln 2.
const xt::xtensor<double, 3> two_scores{{{std::log(3.0), std::log(3.0)}, {0.0, 0.0}}};
const xt::xtensor<int, 2> two_labels{{0, 1}};
const double first = 2.0 * std::log(2.0) - std::log(3.0), second = 2.0 * std::log(2.0);

} // namespace

TEST_CASE("cross_entropy of two pixels by hand") {
    // Slopes p - y, halved.
    const auto r = value_and_grad(cross_entropy{}, two_scores, two_labels);
    CHECK(error(r.value, (first + second) / 2.0) <= 1e-15);
    CHECK(largest_error(r.grad, {-0.125, 0.375, 0.125, -0.375}) <= 1e-15);
    CHECK(r.normalizer == 2.0);
    CHECK(r.valid == 2);
    CHECK(cross_entropy{}(two_scores, two_labels) == r.value);
    CHECK(multiclass(cross_entropy{})(two_scores, two_labels) == r.value);
}

TEST_CASE("cross_entropy: the mean divides by the class weights of the labels, as torch") {
    // (1 first + 3 second)/(1 + 3).
    const cross_entropy loss{.class_weights = {1.0, 3.0}};
    const auto r = value_and_grad(loss, two_scores, two_labels);
    CHECK(error(r.value, (first + 3.0 * second) / 4.0) <= 1e-15);
    CHECK(largest_error(r.grad, {-0.0625, 0.5625, 0.0625, -0.5625}) <= 1e-15);
    CHECK(r.normalizer == 4.0);
    CHECK(error(multiclass(loss, {.denominator = denominator::valid})(two_scores, two_labels),
                (first + 3.0 * second) / 2.0) <= 1e-15);
}

TEST_CASE("cross_entropy: label smoothing has the class weights in its uniform part, too") {
    // y' = (0.9, 0.1) and (0.1, 0.9); sum_c w_c y'_c (-log p_c) with w = (1, 3); divided by w_y: 1 + 3.
    const auto r = value_and_grad(cross_entropy{.label_smoothing = 0.2, .class_weights = {1.0, 3.0}},
                                  two_scores, two_labels);
    const double value = 0.9 * first + 0.3 * second + 0.1 * first + 2.7 * second;
    CHECK(error(r.value, value / 4.0) <= 1e-15);
    // p_c sum_k w_k y'_k - w_c y'_c: sums 1.2 and 2.8.
    CHECK(largest_error(r.grad, {0.0, 0.5, 0.0, -0.5}, 1.0) <= 1e-15);
    CHECK(r.normalizer == 4.0);
}

TEST_CASE("cross_entropy of soft targets, with weights: torch divides by the number of pixels") {
    const xt::xtensor<double, 3> y{{{0.25, 1.0}, {0.75, 0.0}}};
    const cross_entropy loss{.class_weights = {1.0, 3.0}};
    const double value = 0.25 * first + 2.25 * second + first;
    const auto ours = value_and_grad(loss, two_scores, y);
    CHECK(error(ours.normalizer, 0.25 + 2.25 + 1.0) <= 1e-15);
    CHECK(error(ours.value, value / 3.5) <= 1e-15);
    const auto torch = value_and_grad(multiclass(loss, {.denominator = denominator::valid}), two_scores, y);
    CHECK(error(torch.value, value / 2.0) <= 1e-15);
    CHECK(torch.normalizer == 2.0);
}

TEST_CASE("cross_entropy: a one-hot target is the label map") {
    const auto x = logits(2, 3, 5);
    const auto y = labels(3, 2, 5);
    auto one_hot = xt::xtensor<double, 3>::from_shape({2, 3, 5});
    for (std::size_t b = 0; b < 2; ++b)
        for (std::size_t c = 0; c < 3; ++c)
            for (std::size_t i = 0; i < 5; ++i)
                one_hot(b, c, i) = y(b, i) == static_cast<int>(c) ? 1.0 : 0.0;
    const cross_entropy loss{.label_smoothing = 0.1, .class_weights = {1.0, 2.0, 0.5}};
    const auto map = value_and_grad(loss, x, y);
    const auto hot = value_and_grad(loss, x, one_hot);
    CHECK(error(map.value, hot.value) <= 1e-15);
    CHECK(largest_error(map.grad, hot.grad) <= 1e-15);
    CHECK(error(map.normalizer, hot.normalizer) <= 1e-15);
}

TEST_CASE("cross_entropy of two classes is bce of the difference of their logits") {
    const auto difference = logits(2, 7);
    const auto y = labels(2, 2, 7);
    auto x = xt::xtensor<double, 3>::from_shape({2, 2, 7});
    for (std::size_t b = 0; b < 2; ++b)
        for (std::size_t i = 0; i < 7; ++i) {
            x(b, 0, i) = 1.5;
            x(b, 1, i) = 1.5 + difference(b, i);
        }
    const auto two = value_and_grad(cross_entropy{}, x, y);
    const auto one = value_and_grad(xloss::bce{}, difference, y);
    CHECK(error(two.value, one.value) <= 1e-14);
    for (std::size_t b = 0; b < 2; ++b)
        for (std::size_t i = 0; i < 7; ++i)
            CHECK(error(two.grad(b, 1, i), one.grad(b, i)) <= 1e-13);
}

TEST_CASE("cross_entropy: an ignored pixel leaves the denominator, where SMP divides by all pixels") {
    const xt::xtensor<int, 2> y{{255, 1}};
    const auto r = value_and_grad(multiclass(cross_entropy{}, {.ignore_index = 255}), two_scores, y);
    CHECK(error(r.value, second) <= 1e-15);
    CHECK(largest_error(r.grad, {0.0, 0.75, 0.0, -0.75}) <= 1e-15);
    CHECK(r.valid == 1);
    const auto smp = multiclass(cross_entropy{}, {.ignore_index = 255, .denominator = denominator::all});
    CHECK(error(smp(two_scores, y), second / 2.0) <= 1e-15);
}

TEST_CASE("cross_entropy: all ignored is 0, where torch gives NaN, and not 'perfect'") {
    const xt::xtensor<int, 2> y{{-100, -100}};
    const auto r = value_and_grad(multiclass(cross_entropy{.label_smoothing = 0.1}, {.ignore_index = -100}),
                                  two_scores, y);
    CHECK(r.value == 0.0);
    CHECK(largest_entry(r.grad) == 0.0);
    CHECK(r.valid == 0);
    CHECK(r.normalizer == 0.0);
}

TEST_CASE("cross_entropy: labels whose classes all have weight 0 divide by nothing") {
    const xt::xtensor<int, 2> y{{1, 1}};
    const auto r = value_and_grad(cross_entropy{.class_weights = {1.0, 0.0}}, two_scores, y);
    CHECK(r.value == 0.0);
    CHECK(largest_entry(r.grad) == 0.0);
    CHECK(r.normalizer == 0.0);
}

TEST_CASE("cross_entropy: slopes by log p against dual numbers") {
    check_class_slopes(cross_entropy::term{});
    check_class_slopes(cross_entropy::term{.class_weights = {}, .label_smoothing = 0.1});
    check_class_slopes(cross_entropy::term{.class_weights = {}, .label_smoothing = 1.0});
}

TEST_CASE("cross_entropy: gradient against central differences") {
    CHECK(gradient_check(cross_entropy{}, logits(7, 3), labels(3, 7)));
    const auto x = logits(2, 3, 5);
    const auto y = labels_with_ignored(3, 2, 5);
    const auto w = weights(2, 5);
    const cross_entropy loss{.label_smoothing = 0.1, .class_weights = {1.0, 2.0, 0.5}};
    for (auto by : {denominator::weights, denominator::valid, denominator::all})
        for (auto how : {xloss::reduction::mean, xloss::reduction::sum}) {
            CHECK(gradient_check(multiclass(loss, {.ignore_index = 255, .reduction = how, .denominator = by}),
                                 x, xloss::weighted(y, w)));
            CHECK(gradient_check(multiclass(loss, {.reduction = how, .denominator = by}), x, soft(2, 3, 5)));
        }
    CHECK(gradient_check(loss, logits(1, 3, 2, 1, 3), labels(3, 1, 2, 1, 3)));
    CHECK(gradient_check(multiclass(loss, {.activation = xloss::activation::none}), probabilities(2, 3, 5),
                         labels(3, 2, 5), {.step = 1e-4}));
}

TEST_CASE("cross_entropy: float against double") {
    check_float(cross_entropy{}, labels(5, 3, 7), 3, 5, 7);
    check_float(cross_entropy{.label_smoothing = 0.1, .class_weights = {1.0, 2.0, 0.5, 3.0, 0.1}},
                labels(5, 3, 7), 3, 5, 7);
}

TEMPLATE_TEST_CASE("cross_entropy: extreme logits", "", float, double) {
    for (double size : extremes) {
        INFO("logits of size " << size);
        const auto big = static_cast<TestType>(size);
        // Three classes, pixels (big, -big, 0): right, wrong by 2 size and wrong by size.
        xt::xtensor<TestType, 3> x{{{big, big, big}, {-big, -big, -big}, {0, 0, 0}}};
        const xt::xtensor<int, 2> y{{0, 1, 2}};
        const double e = std::exp(-size), sum = std::log1p(e + e * e);
        const auto r =
            value_and_grad(multiclass(cross_entropy{}, {.reduction = xloss::reduction::sum}), x, y);
        CHECK(error(static_cast<double>(r.value), 3.0 * size + 3.0 * sum) <= 1e-6);
        CHECK(is_finite(r));
        CHECK(is_finite(
            value_and_grad(cross_entropy{.label_smoothing = 0.1, .class_weights = {1.0, 2.0, 3.0}}, x, y)));
    }
}

TEST_CASE("cross_entropy: infinite logits take their limits, NaN stays in its own pixel") {
    // Pixels: class 0 certain; class 1 impossible.
    const xt::xtensor<double, 3> x{{{infinity, 0.0}, {0.0, -infinity}}};
    const auto r = value_and_grad(cross_entropy{}, x, xt::xtensor<int, 2>{{0, 0}});
    CHECK(r.value == 0.0);
    CHECK(largest_entry(r.grad) == 0.0);
    const auto impossible = value_and_grad(cross_entropy{}, x, xt::xtensor<int, 2>{{0, 1}});
    CHECK(impossible.value == infinity);
    CHECK(largest_error(impossible.grad, {0.0, 0.5, 0.0, -0.5}) <= 1e-15);
    // Wrong where another is certain: infinite too, the gradient is that of any saturated pixel.
    const auto certain = value_and_grad(cross_entropy{}, x, xt::xtensor<int, 2>{{1, 0}});
    CHECK(certain.value > 1e300);
    CHECK(largest_error(certain.grad, {0.5, 0.0, -0.5, 0.0}) <= 1e-15);

    const xt::xtensor<double, 3> bad{{{not_a_number, 0.0}, {0.0, 0.0}}};
    const auto n = value_and_grad(cross_entropy{}, bad, two_labels);
    CHECK(std::isnan(n.value));
    CHECK(std::isnan(n.grad(0, 0, 0)));
    CHECK(std::isnan(n.grad(0, 1, 0)));
    CHECK(largest_error(xt::xtensor<double, 1>{n.grad(0, 0, 1), n.grad(0, 1, 1)}, {0.25, -0.25}) <= 1e-15);
}

TEST_CASE("cross_entropy: what is wrong is named") {
    const auto with = [](const cross_entropy& loss) {
        return [loss] { return loss(two_scores, two_labels); };
    };
    using wrong = xloss::parameter_error;
    CHECK(
        throws<wrong>(with({.label_smoothing = -0.1}), {"xloss::cross_entropy", "label_smoothing", "-0.1"}));
    CHECK(throws<wrong>(with({.label_smoothing = 2.0}), {"xloss::cross_entropy", "label_smoothing", "2"}));
    CHECK(throws<wrong>(with({.class_weights = {1.0, 2.0, 3.0}}),
                        {"xloss::cross_entropy", "class_weights", "3 entries for 2"}));
    CHECK(throws<wrong>(with({.class_weights = {1.0, -2.0}}),
                        {"xloss::cross_entropy", "class_weights of class 1", "-2"}));
    CHECK(throws<wrong>(with({.class_weights = {0.0, 0.0}}),
                        {"xloss::cross_entropy", "class_weights", "zero"}));
    CHECK(throws<wrong>(with({.class_weights = not_a_number}),
                        {"xloss::cross_entropy", "class_weights", "nan"}));
    const xt::xtensor<int, 2> outside{{0, 2}};
    CHECK(
        throws<xloss::label_error>([&] { cross_entropy{}(two_scores, outside); }, {"2", "[0, 1]", "[0, 2)"}));
    const xt::xtensor<double, 3> single{{{1.0, 2.0}}};
    CHECK(throws<xloss::shape_error>([&] { cross_entropy{}(single, two_labels); }, {"binary"}));
}
