// losses/bce.hpp, bce; weighted_bce is in weighted_bce.cpp.

#include "losses/cases.hpp"

#include <xloss/losses/bce.hpp>

using namespace cases;
using xloss::bce;
using xloss::testing::gradient_check;

namespace {

const double ln2 = std::log(2.0), ln3 = std::log(3.0);

} // namespace

TEST_CASE("bce of two pixels by hand") {
    // -log 1/2 = ln 2 and -log(1 - 3/4) = 2 ln 2; slopes p - y = -1/2 and 3/4; the mean halves all.
    const auto r = value_and_grad(bce{}, two_logits, two_pixels);
    CHECK(error(r.value, 1.5 * ln2) <= 1e-15);
    CHECK(largest_error(r.grad, {-0.25, 0.375}) <= 1e-15);
    CHECK(r.normalizer == 2.0);
    CHECK(r.valid == 2);
    CHECK(bce{}(two_logits, two_pixels) == r.value);
}

TEST_CASE("bce: pos_weight multiplies the positive pixels and enters no denominator") {
    // 3 ln 2 and 2 ln 2; slopes 3 (-1/2) and 3/4.
    const auto r = value_and_grad(bce{.pos_weight = 3.0}, two_logits, two_pixels);
    CHECK(error(r.value, 2.5 * ln2) <= 1e-15);
    CHECK(largest_error(r.grad, {-0.75, 0.375}) <= 1e-15);
    CHECK(r.normalizer == 2.0);
}

TEST_CASE(
    "bce: label_smoothing e moves targets to e/2 and 1 - e/2, where SMP's s moves them to s and 1 - s") {
    // y' = 0.9 and 0.1: ln 2, and -(0.1 log 3/4 + 0.9 log 1/4) = 2 ln 2 - 0.1 ln 3.
    const auto r = value_and_grad(bce{.label_smoothing = 0.2}, two_logits, two_pixels);
    CHECK(error(r.value, (3.0 * ln2 - 0.1 * ln3) / 2.0) <= 1e-15);
    CHECK(largest_error(r.grad, {-0.2, 0.325}) <= 1e-15);
}

TEST_CASE("bce: smoothing comes before pos_weight") {
    // First pixel: 2 * 0.9 ln 2 + 0.1 ln 2, slope 0.1/2 - 2 * 0.9/2.
    // Second: 2 * 0.1 (2 ln 2 - ln 3) + 0.9 * 2 ln 2, slope 0.9 * 3/4 - 2 * 0.1/4.
    const auto r = value_and_grad(bce{.pos_weight = 2.0, .label_smoothing = 0.2}, two_logits, two_pixels);
    CHECK(error(r.value, (1.9 * ln2 + 2.2 * ln2 - 0.2 * ln3) / 2.0) <= 1e-15);
    CHECK(largest_error(r.grad, {-0.425, 0.3125}) <= 1e-14);
}

TEST_CASE("bce: a soft target at its optimum has slope 0, not value 0") {
    const xt::xtensor<double, 1> x{std::log(3.0)}, y{0.75};
    const auto r = value_and_grad(bce{}, x, y);
    CHECK(error(r.value, 2.0 * ln2 - 0.75 * ln3) <= 1e-15);
    CHECK(std::abs(r.grad(0)) <= 1e-16);
}

TEST_CASE("bce: an ignored pixel leaves the denominator, where SMP divides by all pixels") {
    const xt::xtensor<std::uint8_t, 2> y{{1, 255}};
    const auto r = value_and_grad(binary(bce{}, {.ignore_index = 255}), two_logits, y);
    CHECK(error(r.value, ln2) <= 1e-15);
    CHECK(largest_error(r.grad, {-0.5, 0.0}) <= 1e-15);
    CHECK(r.valid == 1);
    const auto smp = value_and_grad(
        binary(bce{}, {.ignore_index = 255, .denominator = xloss::denominator::all}), two_logits, y);
    CHECK(error(smp.value, ln2 / 2.0) <= 1e-15);
    CHECK(smp.normalizer == 2.0);
}

TEST_CASE(
    "bce of probabilities at 0 and 1 is torch's: logarithms not below -100, p (1 - p) not below 1e-12") {
    const xt::xtensor<double, 1> p{0.0, 1.0, 0.5}, y{1.0, 1.0, 0.0};
    const auto r = value_and_grad(binary(bce{}, {.activation = xloss::activation::none}), p, y);
    CHECK(error(r.value, (100.0 + ln2) / 3.0) <= 1e-15);
    CHECK(largest_error(r.grad, {-1e12 / 3.0, 0.0, 2.0 / 3.0}) <= 1e-15);
}

TEST_CASE("bce: slopes against dual numbers") {
    check_slopes(bce::term{});
    check_slopes(bce::term{.pos_weight = xloss::per_class(3.0), .label_smoothing = 0.0});
    check_slopes(bce::term{.pos_weight = xloss::per_class(0.2), .label_smoothing = 0.1});
    check_slopes(bce::term{.pos_weight = xloss::per_class(0.0), .label_smoothing = 1.0});
}

TEST_CASE("bce: gradient against central differences") {
    const bce smoothed{.pos_weight = 2.5, .label_smoothing = 0.2};
    CHECK(gradient_check(bce{}, logits(7), mask(7)));
    const auto x3 = logits(2, 3, 5);
    CHECK(gradient_check(smoothed, x3, soft(2, 3, 5)));
    const auto y3 = mask_with_ignored(2, 3, 5);
    const auto w3 = weights(2, 3, 5);
    using xloss::denominator;
    for (auto by : {denominator::weights, denominator::valid, denominator::all})
        for (auto how : {xloss::reduction::mean, xloss::reduction::sum})
            CHECK(gradient_check(binary(smoothed, {.ignore_index = 255, .reduction = how, .denominator = by}),
                                 x3, xloss::weighted(y3, w3)));
    const auto x5 = logits(1, 3, 2, 1, 3);
    CHECK(gradient_check(multilabel(bce{.pos_weight = {0.5, 2.0, 4.0}}), x5, mask(1, 3, 2, 1, 3)));
    CHECK(gradient_check(one_vs_rest(bce{.pos_weight = {0.5, 2.0, 4.0}}, {.ignore_index = 255}), x3,
                         labels_with_ignored(3, 2, 5)));
    CHECK(gradient_check(binary(smoothed, {.activation = xloss::activation::none}), probabilities(2, 3, 5),
                         soft(2, 3, 5), {.step = 1e-4}));
}

TEST_CASE("bce: float against double") {
    check_float(bce{}, mask(3, 7, 5), 3, 7, 5);
    check_float(bce{.pos_weight = 3.0, .label_smoothing = 0.1}, soft(3, 7, 5), 3, 7, 5);
}

TEST_CASE("bce: pos_weight goes by class") {
    // All p = 1/2: ln 2 per element; positives by 1, 2 and 4.
    const xt::xtensor<double, 2> x{{0.0, 0.0, 0.0}};
    const xt::xtensor<std::uint8_t, 2> y{{1, 1, 0}};
    const auto r = value_and_grad(multilabel(bce{.pos_weight = {1.0, 2.0, 4.0}}), x, y);
    CHECK(error(r.value, 4.0 * ln2 / 3.0) <= 1e-15);
    CHECK(largest_error(r.grad, {-0.5 / 3.0, -1.0 / 3.0, 0.5 / 3.0}) <= 1e-15);
}

TEST_CASE("bce: empty, full and single masks") {
    const xt::xtensor<double, 2> x{{0.0, 0.0}};
    CHECK(error(bce{}(x, xt::xtensor<bool, 2>{{false, false}}), ln2) <= 1e-15);
    CHECK(error(bce{}(x, xt::xtensor<bool, 2>{{true, true}}), ln2) <= 1e-15);
    CHECK(error(bce{}(xt::xtensor<double, 1>{0.0}, xt::xtensor<bool, 1>{true}), ln2) <= 1e-15);
}

TEST_CASE("bce: all ignored is 0 without gradient, and not 'perfect'") {
    const xt::xtensor<std::uint8_t, 2> y{{255, 255}};
    const auto r = value_and_grad(binary(bce{}, {.ignore_index = 255}), two_logits, y);
    CHECK(r.value == 0.0);
    CHECK(largest_entry(r.grad) == 0.0);
    CHECK(r.valid == 0);
    CHECK(r.normalizer == 0.0);
}

TEMPLATE_TEST_CASE("bce: extreme logits", "", float, double) {
    for (double size : extremes) {
        INFO("logits of size " << size);
        const auto big = static_cast<TestType>(size);
        // right, wrong; right, wrong: the wrong ones cost |x| (+ log1p(exp(-|x|))), with slope +-1.
        const xt::xtensor<TestType, 1> x{big, big, -big, -big};
        const xt::xtensor<TestType, 1> y{1, 0, 0, 1};
        const auto r = value_and_grad(binary(bce{}, {.reduction = xloss::reduction::sum}), x, y);
        CHECK(is_finite(r));
        const double softplus = std::log1p(std::exp(-size)), p = 1.0 / (1.0 + std::exp(-size));
        constexpr auto smallest = static_cast<double>(std::numeric_limits<TestType>::min());
        // A slope below the smallest normal number is 0 where the processor can do that.
        const double exact = std::exp(-size) * p, tiny = exact < smallest && r.grad(0) == 0 ? 0.0 : exact;
        CHECK(error(static_cast<double>(r.value), 2.0 * size + 4.0 * softplus) <= 1e-6);
        CHECK(largest_error(r.grad, {-tiny, p, tiny, -p}, smallest) <= 1e-5);
        CHECK(is_finite(value_and_grad(bce{.pos_weight = 3.0, .label_smoothing = 0.1}, x, y)));
    }
}

TEST_CASE("bce: a thousand of the largest floats still have a finite mean") {
    xt::xtensor<float, 1> x = xt::xtensor<float, 1>::from_shape({1000});
    x.fill(std::numeric_limits<float>::max());
    xt::xtensor<std::uint8_t, 1> y = xt::xtensor<std::uint8_t, 1>::from_shape({1000});
    y.fill(0);
    const auto r = value_and_grad(bce{}, x, y);
    CHECK(error(static_cast<double>(r.value), float_max) <= 1e-6);
    CHECK(is_finite(r));
}

TEST_CASE("bce: infinite logits take their limits, NaN reaches its own pixel and the value") {
    const xt::xtensor<double, 1> x{infinity, -infinity, infinity, 0.0}, y{1.0, 0.0, 0.0, 1.0};
    const auto r = value_and_grad(bce{}, x, y);
    CHECK(r.value == infinity);
    CHECK(largest_error(r.grad, {0.0, 0.0, 0.25, -0.125}) <= 1e-15);
    const xt::xtensor<double, 1> right{infinity, -infinity}, mine{1.0, 0.0};
    CHECK(bce{}(right, mine) == 0.0);

    const xt::xtensor<double, 1> bad{not_a_number, 0.0};
    const auto n = value_and_grad(bce{}, bad, mine);
    CHECK(std::isnan(n.value));
    CHECK(std::isnan(n.grad(0)));
    CHECK(n.grad(1) == 0.25);
}

TEST_CASE("bce: parameters out of range are named") {
    const auto with = [](const bce& loss) { return [loss] { return loss(two_logits, two_pixels); }; };
    using wrong = xloss::parameter_error;
    CHECK(throws<wrong>(with({.pos_weight = -1.0}), {"xloss::bce", "pos_weight", "-1"}));
    CHECK(throws<wrong>(with({.pos_weight = not_a_number}), {"xloss::bce", "pos_weight", "nan"}));
    CHECK(throws<wrong>(with({.pos_weight = infinity}), {"xloss::bce", "pos_weight", "inf"}));
    CHECK(throws<wrong>(with({.pos_weight = {1.0, 2.0}}),
                        {"xloss::bce", "pos_weight", "2 entries for 1 classes"}));
    CHECK(throws<wrong>(with({.label_smoothing = -0.1}), {"xloss::bce", "label_smoothing", "-0.1"}));
    CHECK(throws<wrong>(with({.label_smoothing = 1.5}), {"xloss::bce", "label_smoothing", "1.5"}));
    CHECK(throws<wrong>(with({.label_smoothing = not_a_number}), {"xloss::bce", "label_smoothing", "nan"}));
    const xt::xtensor<double, 2> x{{0.0, 0.0}};
    CHECK(throws<wrong>(
        [&] {
            multilabel(bce{.pos_weight = {1.0, -2.0}})(x, two_pixels);
        },
        {"xloss::bce", "pos_weight of class 1", "-2"}));
}
