// losses/wasserstein_dice.hpp.

#include "losses/cases.hpp"
#include "support/expressions.hpp"

#include <xloss/losses/dice.hpp>
#include <xloss/losses/wasserstein_dice.hpp>

#include <vector>

using namespace cases;
using xloss::dice;
using xloss::region;
using xloss::wasserstein_dice;
using xloss::wasserstein_weighting;
using xloss::testing::gradient_check;

namespace {

/// Two pixels of three classes with softmax (1/2, 1/4, 1/4) and (1/4, 1/2, 1/4), labels 0 and 2.
const double ln2 = std::log(2.0);
const xt::xtensor<double, 3> pair_logits{{{ln2, 0.0}, {0.0, ln2}, {0.0, 0.0}}};
const xt::xtensor<int, 2> pair_labels{{0, 2}};
/// 0 is far from 1 and 2, which are close: over the largest, 2, these are 1, 1 and 1/4.
const std::vector<std::vector<double>> tree{{0.0, 2.0, 2.0}, {2.0, 0.0, 0.5}, {2.0, 0.5, 0.0}};

auto on_pair(const wasserstein_dice& loss) {
    return multiclass(loss)(pair_logits, pair_labels);
}

const auto four_labels = labels(4, 3, 5, 7);
const auto four_scores = logits(3, 4, 5, 7);
const std::vector<std::vector<double>> four_costs{
    {0.0, 1.0, 2.0, 0.5}, {0.25, 0.0, 1.0, 3.0}, {1.0, 1.0, 0.0, 1.0}, {0.0, 0.5, 2.0, 0.0}};

template <class Target>
auto one_hot_of(const Target& y, std::size_t classes) {
    auto hot = xt::xtensor<double, 4>::from_shape({y.shape(0), classes, y.shape(1), y.shape(2)});
    for (std::size_t b = 0; b < y.shape(0); ++b)
        for (std::size_t c = 0; c < classes; ++c)
            for (std::size_t i = 0; i < y.shape(1); ++i)
                for (std::size_t j = 0; j < y.shape(2); ++j)
                    hot(b, c, i, j) = static_cast<std::size_t>(y(b, i, j)) == c ? 1.0 : 0.0;
    return hot;
}

} // namespace

TEST_CASE("wasserstein_dice of two pixels by hand") {
    // W = 1/4 + 1/4 = 1/2 at label 0, 1/4 + 1/8 = 3/8 at label 2. T = 5/8, N = 5/4 + 7/8 = 17/8.
    const auto r = value_and_grad(multiclass(wasserstein_dice{.distances = tree, .smooth = 0.0}), pair_logits,
                                  pair_labels);
    CHECK(error(r.value, 7.0 / 17.0) <= 1e-15);
    CHECK(r.normalizer == 1.0);
    CHECK(r.valid == 2);
    // Volume: both have one pixel, a = 1/2. N - 2 T = 7/16 over 1/2 (3/2 + 13/8) = 25/16.
    CHECK(error(on_pair({.distances = tree, .weighting = wasserstein_weighting::volume, .smooth = 0.0}),
                7.0 / 25.0) <= 1e-15);
    CHECK(error(on_pair({.distances = tree, .smooth = 1.0}), (7.0 / 8.0) / (25.0 / 8.0)) <= 1e-15);

    // L = C/(2 (1 - W_2) + C), C = W_0 + W_2: by W_0 (N - C)/N^2 = 80/289, by W_2 (N + C)/N^2 = 192/289.
    const double by_background = 80.0 / 289.0, by_label = 192.0 / 289.0;
    // p_c (M_c - W) of each.
    CHECK(largest_error(r.grad, {-by_background / 4.0, by_label * (5.0 / 32.0), by_background / 8.0,
                                 by_label * (1.0 / 2.0) * (1.0 / 4.0 - 3.0 / 8.0), by_background / 8.0,
                                 -by_label * (3.0 / 32.0)}) <= 1e-14);
}

TEST_CASE("wasserstein_dice without distances: any mistake costs 1") {
    const std::vector<std::vector<double>> ones{{0, 7, 7}, {7, 0, 7}, {7, 7, 0}};
    CHECK(on_pair({}) == on_pair({.distances = ones}));
    // Of two classes it is the Dice loss of the foreground.
    const auto y = labels(2, 2, 4, 5);
    const auto x = logits(2, 2, 4, 5);
    const auto ours = value_and_grad(multiclass(wasserstein_dice{.smooth = 0.5}), x, y);
    const auto same = value_and_grad(multiclass(dice{.smooth = 0.5, .include_background = false}), x, y);
    CHECK(error(ours.value, same.value) <= 1e-14);
    for (std::size_t i = 0; i < ours.grad.size(); ++i)
        CHECK(std::abs(ours.grad.data()[i] - same.grad.data()[i]) <= 1e-16);
}

TEST_CASE("wasserstein_dice: a sample's score is its own, whatever is with it in the batch") {
    const auto whole =
        unreduced(multiclass(wasserstein_dice{.distances = four_costs}), four_scores, four_labels);
    REQUIRE(whole.size() == 3);
    for (std::size_t b = 0; b < 3; ++b) {
        const auto x = xt::view(four_scores, xt::range(b, b + 1));
        const auto y = xt::view(four_labels, xt::range(b, b + 1));
        CHECK(multiclass(wasserstein_dice{.distances = four_costs})(x, y) == whole(b));
    }
    const auto loss = multiclass(wasserstein_dice{.distances = four_costs, .over = region::batch});
    CHECK(value_and_grad(loss, four_scores, four_labels).normalizer == 1.0);
    CHECK(std::abs(loss(four_scores, four_labels) - (whole(0) + whole(1) + whole(2)) / 3.0) > 1e-6);
}

TEST_CASE("wasserstein_dice: one-hot as the label map, derivatives by differences, weights and ignore") {
    for (const auto weighting : {wasserstein_weighting::foreground, wasserstein_weighting::volume}) {
        const auto loss = multiclass(wasserstein_dice{.distances = four_costs, .weighting = weighting},
                                     {.ignore_index = 2});
        const auto of_labels = value_and_grad(loss, four_scores, four_labels);
        CHECK(gradient_check(loss, four_scores, four_labels).passed);
        const auto hot = one_hot_of(four_labels, 4);
        const auto valid = xt::xtensor<int, 3>(xt::not_equal(four_labels, 2));
        const auto plain = multiclass(loss.loss);
        const auto of_hot = value_and_grad(plain, four_scores, xloss::masked(hot, valid));
        CHECK(error(of_hot.value, of_labels.value) <= 1e-14);
        for (std::size_t i = 0; i < of_hot.grad.size(); ++i)
            CHECK(std::abs(of_hot.grad.data()[i] - of_labels.grad.data()[i]) <= 1e-16);
        const auto soft = xt::xtensor<double, 4>(0.9 * hot + 0.025);
        CHECK(gradient_check(plain, four_scores, soft).passed);
        const auto w = xt::xtensor<double, 3>(0.25 + xt::cast<double>(four_labels));
        CHECK(gradient_check(plain, four_scores, xloss::weighted(four_labels, w)).passed);
    }
}

TEST_CASE("wasserstein_dice beside others: the same as alone") {
    const auto costly = wasserstein_dice{.distances = four_costs};
    const auto both = value_and_grad(multiclass(costly + 2.0 * dice{}), four_scores, four_labels);
    const auto first = value_and_grad(multiclass(costly), four_scores, four_labels);
    const auto second = value_and_grad(multiclass(dice{}), four_scores, four_labels);
    CHECK(both.terms[0].value == first.value);
    for (std::size_t i = 0; i < both.grad.size(); ++i)
        CHECK(std::abs(both.grad.data()[i] - first.grad.data()[i] - 2.0 * second.grad.data()[i]) <= 1e-16);
}

TEST_CASE("wasserstein_dice: nothing to find, nothing valid") {
    const xt::xtensor<double, 3> sure{{{800.0, 800.0}, {-800.0, -800.0}}};
    const xt::xtensor<int, 2> background{{0, 0}}, ignored{{-1, -1}};
    // T = 0: the loss is N/(N + s), which turns from 0 to 1 as soon as anything costs.
    CHECK(multiclass(wasserstein_dice{})(sure, background) == 0.0);
    CHECK(error(multiclass(wasserstein_dice{})(xt::xtensor<double, 3>(-sure), background),
                2.0 / (2.0 + 1e-5)) <= 1e-15);
    const auto none = value_and_grad(multiclass(wasserstein_dice{}, {.ignore_index = -1}), sure, ignored);
    CHECK(none.value == 0.0);
    CHECK(none.valid == 0);
    CHECK(largest_entry(none.grad) == 0.0);
    const auto zero = value_and_grad(multiclass(wasserstein_dice{.smooth = 0.0}), sure, background);
    CHECK(zero.value == 0.0);
    CHECK(largest_entry(zero.grad) == 0.0);
}

TEST_CASE("wasserstein_dice says what is wrong with its distances") {
    const auto refused = [](const wasserstein_dice& loss, const char* why) {
        CHECK(throws<xloss::parameter_error>([&] { on_pair(loss); },
                                             {"xloss::wasserstein_dice: distances", why}));
    };
    refused({.distances = {{0, 1}, {1, 0}}}, "are not 3 x 3");
    refused({.distances = {{0, 1, 1}, {1, 0}, {1, 1, 0}}}, "are not 3 x 3");
    refused({.distances = {{0, 1, 1}, {1, 0, -1}, {1, 1, 0}}},
            "from class 1 to 2 are -1.000000, which is not a finite number >= 0");
    refused({.distances = {{0, 1, 1}, {1, 2, 1}, {1, 1, 0}}}, "from class 1 to 1 are 2.000000, and not 0");
    refused({.distances = {{0, 0, 0}, {0, 0, 0}, {0, 0, 0}}}, "are all 0");
    CHECK(throws<xloss::parameter_error>([] { on_pair({.smooth = -1.0}); }, {"wasserstein_dice", "smooth"}));
}
