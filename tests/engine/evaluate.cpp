// Survey, sweep and pull-back of a whole call: how often logits are read, and what saturated ones leave
// behind.

#include "support/catch.hpp"
#include "support/expressions.hpp"
#include "support/own_losses.hpp"

#include <xloss/xloss.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace {

const std::array<std::size_t, 4> shape{2, 3, 37, 41};
const std::array<std::size_t, 3> map_shape{2, 37, 41};

const auto masks =
    xloss::multilabel(xloss::bce{} + user::brier{} + xloss::generalized_dice{} + user::tversky{});
const auto labels =
    xloss::multiclass(xloss::cross_entropy{.label_smoothing = 0.1} + user::tversky{} + xloss::unified_focal{},
                      {.ignore_index = 2});

/// Reads per logit of a call of `value_and_grad`.
template <class Loss, class Y>
double reads_of(const Loss& loss, const Y& y, const xloss::call_options& options = {}) {
    const auto x = made_up::logits<float>(shape);
    std::size_t reads = 0;
    const auto counted = xt::make_lambda_xfunction(
        [&reads](float v) {
            ++reads;
            return v;
        },
        x);
    xt::xtensor<float, 4> grad = xt::zeros<float>(shape);
    xloss::value_and_grad_into(grad, loss, counted, y, options);
    return static_cast<double>(reads) / static_cast<double>(x.size());
}

/// Reads per logit of `value`.
template <class Loss, class Y>
double reads_forward(const Loss& loss, const Y& y) {
    const auto x = made_up::logits<float>(shape);
    std::size_t reads = 0;
    const auto counted = xt::make_lambda_xfunction(
        [&reads](float v) {
            ++reads;
            return v;
        },
        x);
    static_cast<void>(xloss::value(loss, counted, y));
    return static_cast<double>(reads) / static_cast<double>(x.size());
}

/// A loss that forgot to ask for a sum.
struct forgetful {
    static constexpr unsigned sums = xloss::sums::pred;

    template <class S>
    S region_loss(const xloss::region_sums<S>& r) const {
        return 1.0 - r.tp / (r.pred + r.target);
    }
};

} // namespace

TEST_CASE("a sum that a loss did not ask for is no number, whatever stands beside it", "[engine][evaluate]") {
    const auto x = made_up::logits<float>(shape);
    const auto y = made_up::labels<float>(shape);
    CHECK(std::isnan(xloss::value(forgetful{}, x, y)));
    CHECK(std::isnan(xloss::value(xloss::dice{} + forgetful{}, x, y)));
}

TEST_CASE("pointwise terms read every logit once, however many they are", "[engine][evaluate]") {
    const auto y = made_up::labels<float>(shape);
    const auto w = made_up::weights<float>(shape);
    CHECK(reads_of(xloss::focal{}, y) == 1.0);
    CHECK(reads_of(xloss::multilabel(xloss::bce{} + 2.0 * xloss::weighted_bce{} + user::brier{}),
                   xloss::weighted(y, w)) == 1.0);
    const auto map = made_up::labels<std::uint8_t>(map_shape, 3);
    CHECK(
        reads_of(xloss::multiclass(xloss::cross_entropy{} + user::poly_cross_entropy{}, {.ignore_index = 1}),
                 map) == 1.0);
}

TEST_CASE("any sum of fused terms reads every logit at most twice", "[engine][evaluate]") {
    const auto y = made_up::labels<float>(shape);
    // p (1 - p) waits while a sample is in the cache; where the slopes beside it cannot, logits are read
    // again.
    CHECK(reads_of(masks, y) == 1.0);
    CHECK(reads_of(masks, y, {.accumulate = true}) == 2.0);
    CHECK(reads_of(xloss::focal{.normalized = true}, y) == 2.0);
    // Probabilities wait in the gradient; where they cannot, the scores are read again.
    const auto map = made_up::labels<std::uint8_t>(map_shape, 3);
    CHECK(reads_of(labels, map) == 1.0);
    CHECK(reads_of(labels, map, {.accumulate = true}) == 2.0);
    CHECK(reads_of(xloss::multiclass(xloss::cross_entropy{} + xloss::dice{}), map) == 1.0);
}

TEST_CASE("a forward pass reads every logit once, a check for finite ones once more", "[engine][evaluate]") {
    const auto y = made_up::labels<float>(shape);
    CHECK(reads_forward(masks, y) == 1.0);
    auto checked = masks;
    checked.options.check_finite = true;
    CHECK(reads_forward(checked, y) == 2.0);
    CHECK(reads_forward(labels, made_up::labels<std::uint8_t>(map_shape, 3)) == 1.0);
}

#if defined(__SSE2__)
TEST_CASE("saturated logits give no denormal slopes, which would take a hundred cycles each",
          "[engine][evaluate]") {
    auto x = xt::xtensor<float, 2>::from_shape({1, 601});
    for (std::size_t i = 0; i < x.size(); ++i)
        x(0, i) = 0.25F * (static_cast<float>(i) - 500.0F); // -125 to 25
    const xt::xtensor<std::uint8_t, 2> y = xt::zeros<std::uint8_t>(x.shape());
    std::size_t denormal = 0, nonzero = 0;
    const auto count = [&](const auto& grad) {
        for (const float g : grad) {
            denormal += std::fpclassify(g) == FP_SUBNORMAL ? 1 : 0;
            nonzero += g != 0.0F ? 1 : 0;
        }
    };
    count(xloss::value_and_grad(xloss::focal{}, x, y).grad);
    count(xloss::value_and_grad(20.0 * xloss::focal{} + xloss::dice{}, x, y).grad);
    CHECK(denormal == 0);
    CHECK(nonzero > x.size());
}
#endif
