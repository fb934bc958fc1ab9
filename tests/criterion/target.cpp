// What rides on a target means the same in every loss: a pixel of weight 0 is absent, one of weight 2 counts
// twice.

#include "support/catch.hpp"
#include "support/expressions.hpp"
#include "support/own_losses.hpp"

#include <xloss/xloss.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace {

using made_up::same_elements, made_up::same_evaluation;
using xloss::masked, xloss::weighted;

using rows = xt::xtensor<double, 2>; // [B, N]

const std::array<std::size_t, 2> shape{3, 41};

/// The columns of a tensor that `take` names, in that order.
rows columns(const rows& from, const std::vector<std::size_t>& take) {
    auto to = rows::from_shape({from.shape(0), take.size()});
    for (std::size_t b = 0; b < from.shape(0); ++b)
        for (std::size_t i = 0; i < take.size(); ++i)
            to(b, i) = from(b, take[i]);
    return to;
}

bool close(double a, double b) {
    return std::abs(a - b) <= 1e-13 * std::max(std::abs(a), std::abs(b));
}

/// Calls f(name, loss) with losses of every kind.
template <class F>
void each_loss(F&& f) {
    f("bce", xloss::bce{.pos_weight = 2.0});
    f("weighted_bce", xloss::weighted_bce{});
    f("normalized focal", xloss::focal{.gamma = 0.5, .normalized = true});
    f("dice", xloss::dice{.form = xloss::soft_form::semimetric});
    f("unified_focal", xloss::unified_focal{});
    f("generalized_dice", xloss::generalized_dice{});
    f("a user's", user::tversky{});
}

} // namespace

TEST_CASE("weights of 1 are no weights", "[criterion][target]") {
    const rows x = made_up::logits<double>(shape), y = made_up::labels<double>(shape);
    const rows ones = xt::ones<double>(shape);
    each_loss([&](const char* name, const auto& loss) {
        INFO(name);
        const auto plain = xloss::value_and_grad(loss, x, y);
        for (const auto& other :
             {xloss::value_and_grad(loss, x, weighted(y, ones)),
              xloss::value_and_grad(loss, x, masked(y, ones)),
              xloss::value_and_grad(loss, x, weighted(masked(y, ones), 0.0 * ones + 1.0))}) {
            CHECK(close(other.value, plain.value));
            CHECK(other.normalizer == plain.normalizer);
            CHECK(other.valid == plain.valid);
            bool all = true;
            for (std::size_t i = 0; i < x.size(); ++i)
                all = all && close(other.grad.data()[i], plain.grad.data()[i]);
            CHECK(all);
        }
    });
}

TEST_CASE("a pixel of weight 2 is the pixel twice", "[criterion][target]") {
    const rows x = made_up::logits<double>(shape), y = made_up::labels<double>(shape);
    rows w = xt::ones<double>(shape);
    std::vector<std::size_t> twice;
    for (std::size_t i = 0; i < shape[1]; ++i) {
        twice.push_back(i);
        if (i % 3 != 1)
            continue;
        twice.push_back(i);
        xt::view(w, xt::all(), i) = 2.0;
    }
    each_loss([&](const char* name, const auto& loss) {
        INFO(name);
        const auto heavy = xloss::value_and_grad(loss, x, weighted(y, w));
        const auto doubled = xloss::value_and_grad(loss, columns(x, twice), columns(y, twice));
        CHECK(close(heavy.value, doubled.value));
        CHECK(close(heavy.normalizer, doubled.normalizer));
        bool all = true;
        for (std::size_t b = 0; b < shape[0]; ++b)
            for (std::size_t k = 0; k < twice.size(); ++k) {
                const double share = heavy.grad(b, twice[k]) / w(b, twice[k]);
                all = all && std::abs(share - doubled.grad(b, k)) <= 1e-13 * std::abs(doubled.grad(b, k));
            }
        CHECK(all);
    });
}

TEST_CASE("an absent pixel is as if it were not there", "[criterion][target]") {
    rows x = made_up::logits<double>(shape), y = made_up::labels<double>(shape);
    rows valid = xt::ones<double>(shape);
    std::vector<std::size_t> left;
    for (std::size_t i = 0; i < shape[1]; ++i)
        if (i % 4 == 2)
            xt::view(valid, xt::all(), i) = 0.0;
        else
            left.push_back(i);
    const rows x_left = columns(x, left), y_left = columns(y, left);
    rows ignoring = y;
    for (std::size_t i = 0; i < x.size(); ++i)
        if (valid.data()[i] == 0.0) {
            x.data()[i] = std::numeric_limits<double>::quiet_NaN();
            y.data()[i] = std::numeric_limits<double>::infinity();
            ignoring.data()[i] = -7.0;
        }
    each_loss([&](const char* name, const auto& loss) {
        INFO(name);
        const auto dropped = xloss::value_and_grad(loss, x_left, y_left);
        const auto by_mask = xloss::value_and_grad(loss, x, masked(y, valid));
        const auto by_weight = xloss::value_and_grad(loss, x, weighted(y, valid));
        const auto by_index = xloss::value_and_grad(xloss::binary(loss, {.ignore_index = -7}), x, ignoring);
        CHECK(close(by_mask.value, dropped.value));
        CHECK(by_mask.valid == dropped.valid);
        CHECK(close(by_mask.normalizer, dropped.normalizer));
        bool all = true;
        for (std::size_t b = 0; b < shape[0]; ++b) {
            for (std::size_t k = 0; k < left.size(); ++k)
                all = all && close(by_mask.grad(b, left[k]), dropped.grad(b, k));
            for (std::size_t i = 2; i < shape[1]; i += 4)
                all = all && made_up::same_bits(by_mask.grad(b, i), 0.0);
        }
        CHECK(all);
        // However it is said.
        CHECK(same_evaluation(by_weight, by_mask));
        CHECK(same_elements(by_weight.grad, by_mask.grad));
        CHECK(same_evaluation(by_index, by_mask));
        CHECK(same_elements(by_index.grad, by_mask.grad));
    });
}

TEST_CASE("weights and masks nest in any order, and may be temporaries", "[criterion][target]") {
    const rows x = made_up::logits<double>(shape), y = made_up::labels<double>(shape);
    const rows w = made_up::weights<double>(shape), valid = made_up::labels<double>(shape, 3);
    const auto loss = xloss::bce{} + user::tversky{};
    const auto expected = xloss::value_and_grad(loss, x, weighted(masked(y, valid), w));
    const auto agrees = [&](const auto& target) {
        const auto found = xloss::value_and_grad(loss, x, target);
        CHECK(same_evaluation(found, expected));
        CHECK(same_elements(found.grad, expected.grad));
    };
    agrees(masked(weighted(y, w), valid));
    agrees(weighted(masked(y + 0.0, xt::cast<int>(valid)), w * 1.0));
    const auto kept = masked(weighted(rows(y), rows(w)), rows(valid));
    agrees(kept);
    agrees(weighted(weighted(masked(masked(y, valid), valid), w), rows(xt::ones<double>(shape))));
    CHECK_THROWS_AS(xloss::value(loss, x, weighted(weighted(weighted(weighted(weighted(y, w), w), w), w), w)),
                    xloss::shape_error);
}

TEST_CASE("one plane of weights counts for all classes", "[criterion][target]") {
    const std::array<std::size_t, 4> logits{2, 3, 5, 7};
    const auto x = made_up::logits<double>(logits);
    const auto w = made_up::weights<double, 4>({2, 1, 5, 7});
    const xt::xtensor<double, 3> without = xt::view(w, xt::all(), 0);
    auto full = xt::xtensor<double, 4>::from_shape(logits);
    for (std::size_t c = 0; c < 3; ++c)
        xt::view(full, xt::all(), c) = without;
    const auto agree = [&](const auto& loss, const auto& y, const auto& a, const auto& b) {
        const auto one = xloss::value_and_grad(loss, x, weighted(y, a));
        const auto other = xloss::value_and_grad(loss, x, weighted(y, b));
        CHECK(same_evaluation(one, other));
        CHECK(same_elements(one.grad, other.grad));
    };
    const auto masks = xloss::multilabel(xloss::bce{} + user::tversky{});
    const auto y = made_up::labels<int>(logits);
    agree(masks, y, w, full);
    agree(masks, y, without, full);
    agree(xloss::binary(xloss::bce{}), y, without, full);
    agree(xloss::cross_entropy{}, made_up::labels<int, 3>({2, 5, 7}, 3), w, without);
}

TEST_CASE("weights whose sum has no reciprocal in float give finite gradients", "[criterion][target]") {
    const xt::xtensor<float, 1> x{0.0F}, y{1.0F}, w{1e-40F};
    const auto r = xloss::value_and_grad(xloss::bce{}, x, weighted(y, w));
    CHECK(std::isfinite(r.value));
    CHECK(std::isfinite(r.grad(0)));
    CHECK(r.valid == 1);

    const xt::xtensor<float, 2> chances{{1.0F, 0.0F}}, mask{{0.0F, 1.0F}};
    const auto given = xloss::binary(xloss::weighted_bce{}, {.activation = xloss::activation::none});
    const auto steep =
        xloss::value_and_grad(given, chances, weighted(mask, xt::xtensor<float, 2>{{1e-45F, 1e-45F}})).grad;
    CHECK((std::isfinite(steep(0, 0)) && std::isfinite(steep(0, 1))));

    const xt::xtensor<float, 2> scores{{1.0F, 2.0F}};
    const xt::xtensor<int, 1> label{0};
    const auto weighed = xloss::multiclass(xloss::cross_entropy{.class_weights = {20.0, 1.0}});
    const auto g = xloss::value_and_grad(weighed, scores, weighted(label, w)).grad;
    CHECK((std::isfinite(g(0, 0)) && std::isfinite(g(0, 1))));
}

TEST_CASE(
    "a class of weight 0 takes part in the softmax of its pixel, and a probability of weight 0 in nothing",
    "[criterion][target]") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const rows x{{nan, 0.5}}, y{{0.0, 1.0}}, w{{0.0, 1.0}};
    const auto logits = xloss::multiclass(xloss::cross_entropy{} + xloss::dice{}, {.check_finite = true});
    CHECK_THROWS_WITH(xloss::value(logits, x, weighted(y, w)),
                      "xloss::cross_entropy + xloss::dice: the logit at [0, 0] is not finite");

    const auto given =
        xloss::multiclass(xloss::cross_entropy{} + xloss::dice{}, {.activation = xloss::activation::none});
    const rows without{{0.25, 0.5}};
    const auto r = xloss::value_and_grad(given, x, weighted(y, w));
    CHECK(same_evaluation(r, xloss::value_and_grad(given, without, weighted(y, w))));
    CHECK(r.grad(0, 0) == 0.0);
    CHECK(r.grad(0, 1) < 0.0);
}

TEST_CASE("accumulating in a gradient of another type leaves ignored elements their bits",
          "[criterion][target]") {
    const xt::xtensor<float, 2> x{{1.0F, -1.0F, 2.0F}};
    const rows valid{{1.0, 0.0, 1.0}};
    xt::xtensor<double, 2> grad{{0.1, 0.1, 0.1}}; // no float
    const xt::xtensor<int, 2> mask{{1, 1, 0}};
    xloss::value_and_grad_into(grad, xloss::bce{}, x, masked(mask, valid), {.accumulate = true});
    CHECK(grad(0, 1) == 0.1);
    CHECK(grad(0, 0) < 0.1);

    const xt::xtensor<float, 3> scores = xt::ones<float>({1, 2, 3});
    xt::xtensor<double, 3> by_class = 0.1 * xt::ones<double>({1, 2, 3});
    const auto labelled = xloss::multiclass(xloss::cross_entropy{}, {.ignore_index = 255});
    const xt::xtensor<int, 2> labels{{0, 255, 1}};
    xloss::value_and_grad_into(by_class, labelled, scores, labels, {.accumulate = true});
    CHECK((by_class(0, 0, 1) == 0.1 && by_class(0, 1, 1) == 0.1));
    CHECK(by_class(0, 0, 0) < 0.1);
}
