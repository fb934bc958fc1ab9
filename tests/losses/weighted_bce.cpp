// losses/bce.hpp, weighted_bce.

#include "losses/cases.hpp"

#include <xloss/losses/bce.hpp>

using namespace cases;
using xloss::bce;
using xloss::weighted_bce;
using xloss::testing::gradient_check;

namespace {

const double ln2 = std::log(2.0);

/// The mean of `bce` with this positive weight: the same formula, the weight given by hand.
template <class X, class Y>
void check_is_bce(double pos_weight, const X& x, const Y& y) {
    const auto r = value_and_grad(weighted_bce{}, x, y);
    const auto expected = value_and_grad(bce{.pos_weight = pos_weight}, x, y);
    CHECK(error(r.value, expected.value) <= 1e-14);
    CHECK(largest_error(r.grad, expected.grad) <= 1e-14);
}

} // namespace

TEST_CASE("weighted_bce of four pixels by hand") {
    // One positive of four: w = 3/(1 + 1e-8). At p = 1/2 all cost ln 2, slopes -w/2 and 1/2.
    const xt::xtensor<double, 2> x{{0.0, 0.0, 0.0, 0.0}};
    const xt::xtensor<std::uint8_t, 2> y{{0, 1, 0, 0}};
    const double w = 3.0 / (1.0 + 1e-8);
    const auto r = value_and_grad(weighted_bce{}, x, y);
    CHECK(error(r.value, (w + 3.0) * ln2 / 4.0) <= 1e-15);
    CHECK(largest_error(r.grad, {0.125, -w / 8.0, 0.125, 0.125}) <= 1e-15);
    CHECK(r.normalizer == 4.0); // the weight is in no denominator
}

TEST_CASE("weighted_bce of an empty target is plain bce, of a full one 0") {
    const auto x = logits(2, 7);
    auto y = mask(2, 7);
    y.fill(0);
    check_is_bce(1.0, x, y);
    y.fill(1);
    const auto full = value_and_grad(weighted_bce{}, x, y);
    CHECK(full.value == 0.0);
    CHECK(largest_entry(full.grad) == 0.0);
}

TEST_CASE("weighted_bce of a full target is 0 with pixel weights that do not add up exactly, too") {
    const auto x = logits(2, 3, 7);
    auto y = mask(2, 3, 7);
    y.fill(1);
    const auto w = weights(2, 3, 7);
    const auto r = value_and_grad(weighted_bce{}, x, xloss::weighted(y, w));
    CHECK(std::abs(r.value) <= 1e-14);
    CHECK(largest_entry(r.grad) <= 1e-15);
}

TEST_CASE("weighted_bce counts over the whole call, not sample by sample") {
    const auto x = logits(2, 4);
    const xt::xtensor<std::uint8_t, 2> y{{1, 0, 0, 0}, {1, 1, 1, 1}}; // 5 positive, 3 negative
    check_is_bce(3.0 / (5.0 + 1e-8), x, y);
}

TEST_CASE("weighted_bce counts soft targets, pixel weights and what is ignored") {
    const auto x = logits(1, 3);
    const xt::xtensor<double, 2> y{{0.25, 0.5, 1.0}};
    check_is_bce(1.25 / (1.75 + 1e-8), x, y);

    const xt::xtensor<double, 2> w{{2.0, 1.0, 0.5}}; // sum m y = 1.5 of 3.5
    const auto weighed = value_and_grad(weighted_bce{}, x, xloss::weighted(y, w));
    const auto expected = value_and_grad(bce{.pos_weight = 2.0 / (1.5 + 1e-8)}, x, xloss::weighted(y, w));
    CHECK(error(weighed.value, expected.value) <= 1e-14);
    CHECK(largest_error(weighed.grad, expected.grad) <= 1e-14);

    const xt::xtensor<std::uint8_t, 2> some{{1, 255, 0}};
    const auto r = value_and_grad(binary(weighted_bce{}, {.ignore_index = 255}), x, some);
    const auto plain =
        value_and_grad(binary(bce{.pos_weight = 1.0 / (1.0 + 1e-8)}, {.ignore_index = 255}), x, some);
    CHECK(error(r.value, plain.value) <= 1e-14);
    CHECK(largest_error(r.grad, plain.grad) <= 1e-14);
}

TEST_CASE("weighted_bce: a single positive pixel is a full target, a single negative one an empty target") {
    const xt::xtensor<double, 1> x{1.0};
    CHECK(weighted_bce{}(x, xt::xtensor<bool, 1>{true}) == 0.0);
    CHECK(error(weighted_bce{}(x, xt::xtensor<bool, 1>{false}), std::log1p(std::exp(1.0))) <= 1e-14);
}

TEST_CASE("weighted_bce: nearly nothing positive stays finite") {
    // n_pos = 1e-30: w = n_neg/1e-8 meets 1e-30 y.
    const xt::xtensor<double, 1> x{-3.0, 104.0}, y{1e-30, 0.0};
    CHECK(is_finite(value_and_grad(weighted_bce{}, x, y)));
    const xt::xtensor<float, 1> single{-3.0f, 104.0f}, rare{1e-30f, 0.0f};
    CHECK(is_finite(value_and_grad(weighted_bce{}, single, rare)));
}

TEST_CASE("weighted_bce: gradient against central differences") {
    CHECK(gradient_check(weighted_bce{}, logits(7), mask(7)));
    const auto x = logits(2, 3, 5);
    const auto y = mask_with_ignored(2, 3, 5);
    const auto w = weights(2, 3, 5);
    CHECK(gradient_check(binary(weighted_bce{}, {.ignore_index = 255}), x, xloss::weighted(y, w)));
    CHECK(gradient_check(multilabel(weighted_bce{}, {.reduction = xloss::reduction::sum}), x, soft(2, 3, 5)));
    CHECK(gradient_check(one_vs_rest(weighted_bce{}, {.ignore_index = 255}), logits(2, 3, 2, 1, 3),
                         labels_with_ignored(3, 2, 2, 1, 3)));
    CHECK(gradient_check(binary(weighted_bce{}, {.activation = xloss::activation::none}),
                         probabilities(2, 3, 5), y, {.step = 1e-4}));
}

TEST_CASE("weighted_bce: float against double") {
    check_float(weighted_bce{}, mask(3, 7, 5), 3, 7, 5);
}

TEMPLATE_TEST_CASE("weighted_bce: extreme logits, all ignored and NaN", "", float, double) {
    const auto loss = binary(weighted_bce{}, {.ignore_index = 255});
    const xt::xtensor<std::uint8_t, 1> y{1, 0, 0, 1, 0};
    for (double size : extremes) {
        INFO("logits of size " << size);
        const auto big = static_cast<TestType>(size);
        CHECK(is_finite(value_and_grad(loss, xt::xtensor<TestType, 1>{big, big, -big, -big, big}, y)));
    }
    const xt::xtensor<TestType, 1> bad{0, 0, 0, static_cast<TestType>(not_a_number), 0};
    const auto r = value_and_grad(loss, bad, y);
    CHECK(std::isnan(r.value));
    CHECK(std::isnan(r.grad(3)));
    CHECK(std::isfinite(r.grad(0)));

    const xt::xtensor<std::uint8_t, 1> nothing{255, 255, 255, 255, 255};
    const auto none = value_and_grad(loss, bad, nothing);
    CHECK(none.value == TestType(0));
    CHECK(largest_entry(none.grad) == 0.0);
    CHECK(none.valid == 0);
}

TEST_CASE("weighted BCE of a full target is 0 for infinite logits as well", "[losses][weighted_bce]") {
    const xt::xtensor<double, 2> x{{-std::numeric_limits<double>::infinity(), 1.0}}, y{{1.0, 1.0}};
    const auto r = xloss::value_and_grad(xloss::weighted_bce{}, x, y);
    CHECK(r.value == 0.0);
    CHECK((r.grad(0, 0) == 0.0 && r.grad(0, 1) == 0.0));
}
