#ifndef XLOSS_TESTS_ENGINE_ORDERS_HPP
#define XLOSS_TESTS_ENGINE_ORDERS_HPP

#include "support/catch.hpp"
#include "support/executors.hpp"
#include "support/expressions.hpp"

#include <xloss/xloss.hpp>

#include <array>
#include <cstddef>
#include <string>

namespace orders {

// Enough pixels for several pieces per sample, for two without optimization, as under sanitizers; and rows
// that end inside a vector and inside a tile.
#ifdef __OPTIMIZE__
inline constexpr std::size_t height = 157;
#else
inline constexpr std::size_t height = 89;
#endif
inline constexpr std::array<std::size_t, 4> shape{2, 3, height, 263};
inline constexpr std::array<std::size_t, 3> map_shape{2, height, 263};

/// Runs a loss in one order after the other: no bit may change.
template <class Loss, class X, class Y>
void check(const std::string& name, const Loss& loss, const X& x, const Y& y) {
    INFO(name);
    const auto expected = xloss::value_and_grad(loss, x, y);
    const auto agrees = [&](auto&& executor) {
        xloss::workspace memory;
        const auto found = xloss::value_and_grad(loss, x, y, {.workspace = &memory, .executor = executor});
        CHECK(made_up::same_evaluation(found, expected));
        CHECK(made_up::same_elements(found.grad, expected.grad));
    };
    executors::backwards backwards;
    agrees(backwards);
    CHECK(backwards.pieces > 8);
    agrees(executors::shuffled{});
    agrees(executors::threads{});
}

struct label_data {
    xt::xtensor<float, 4> x = made_up::logits<float>(shape);
    xt::xtensor<int, 3> y = made_up::labels<int>(map_shape, 4); // of which 3 is no class
};

} // namespace orders

#endif
