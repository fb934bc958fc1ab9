// + and * on losses.

#include "support/catch.hpp"
#include "support/expressions.hpp"
#include "support/own_losses.hpp"

#include <xloss/xloss.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <tuple>
#include <type_traits>

namespace {

using xloss::bce, xloss::dice, xloss::focal;

const std::array<std::size_t, 4> shape{2, 3, 13, 11};

} // namespace

TEST_CASE("a sum is a flat list of losses with their factors", "[criterion][sum]") {
    const auto sum = 2.0 * (3.0 * focal{.gamma = 1.0} + dice{.smooth = 0.5} * 4.0) + 0.5 * bce{};
    STATIC_REQUIRE(std::is_same_v<std::remove_const_t<decltype(sum)>, xloss::loss_sum<focal, dice, bce>>);
    CHECK(std::get<0>(sum.terms).weight == 6.0);
    CHECK(std::get<1>(sum.terms).weight == 8.0);
    CHECK(std::get<2>(sum.terms).weight == 0.5);
    CHECK(std::get<0>(sum.terms).loss.gamma == 1.0);
    CHECK(std::get<1>(sum.terms).loss.smooth == 0.5);
    const auto twice = sum * 2.0; // the operand stays as it was
    CHECK(std::get<0>(twice.terms).weight == 12.0);
    CHECK(std::get<0>(sum.terms).weight == 6.0);
    const dice named;
    STATIC_REQUIRE(std::is_same_v<decltype(named + named), xloss::loss_sum<dice, dice>>);
}

TEST_CASE("a user's losses add up among themselves with a using-directive", "[criterion][sum]") {
    using namespace xloss::operators;
    const auto sum = 2.0 * user::brier{} + user::tversky{};
    STATIC_REQUIRE(
        std::is_same_v<std::remove_const_t<decltype(sum)>, xloss::loss_sum<user::brier, user::tversky>>);
    const auto x = made_up::logits<double>(shape);
    const auto y = made_up::labels<int>(shape);
    const auto found = xloss::value_and_grad(sum, x, y);
    CHECK(found.value == 2.0 * found.terms[0].value + found.terms[1].value);
    CHECK(xloss::value(user::tversky{}, x, y) == found.terms[1].value);
}

TEST_CASE("the terms of a sum are what each loss gives alone", "[criterion][sum]") {
    const auto x = made_up::logits<double>(shape);
    const auto y = made_up::labels<int>(shape);
    const auto w = made_up::weights<double>(shape);
    const auto sum =
        20.0 * focal{} + dice{.over = xloss::region::batch} + -0.5 * xloss::unified_focal{} + user::brier{};
    const auto target = xloss::weighted(y, w);
    const auto together = xloss::value_and_grad(sum, x, target);
    REQUIRE(together.terms.size() == 4);
    auto grad = xt::xtensor<double, 4>::from_shape(shape);
    grad.fill(0.0);
    double value = 0.0;
    const auto add = [&](std::size_t i, double weight, const auto& loss) {
        const auto alone =
            xloss::value_and_grad_into(grad, loss, x, target, {.upstream = weight, .accumulate = true});
        CHECK(std::abs(together.terms[i].value - alone.value) <= 1e-14 * std::abs(alone.value));
        CHECK(together.terms[i].normalizer == alone.normalizer);
        CHECK(together.valid == alone.valid);
        value += weight * alone.value;
    };
    add(0, 20.0, focal{});
    add(1, 1.0, dice{.over = xloss::region::batch});
    add(2, -0.5, xloss::unified_focal{});
    add(3, 1.0, user::brier{});
    CHECK(std::abs(together.value - value) <= 1e-14 * std::abs(value));
    CHECK(together.normalizer == together.terms[0].normalizer);
    double worst = 0.0;
    for (std::size_t i = 0; i < grad.size(); ++i)
        worst = std::max(worst, std::abs(grad.data()[i] - together.grad.data()[i]));
    CHECK(worst <= 1e-16);
}

TEST_CASE("a loss of factor 0 is still reported", "[criterion][sum]") {
    const auto x = made_up::logits<double>(shape);
    const auto y = made_up::labels<int>(shape);
    const auto found = xloss::value_and_grad(0.0 * bce{} + dice{}, x, y);
    const double alone = xloss::value(dice{}, x, y);
    CHECK(found.terms[0].value > 0.0);
    CHECK(found.value == found.terms[1].value);
    CHECK(std::abs(found.value - alone) <= 1e-15);
}
