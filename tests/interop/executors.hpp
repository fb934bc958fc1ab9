#ifndef XLOSS_TESTS_INTEROP_EXECUTORS_HPP
#define XLOSS_TESTS_INTEROP_EXECUTORS_HPP

// What every executor of another library keeps to.

#include "support/catch.hpp"
#include "support/expressions.hpp"

#include <xloss/criterion/call.hpp>
#include <xloss/criterion/mode.hpp>
#include <xloss/criterion/sum.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/losses/cross_entropy.hpp>
#include <xloss/losses/dice.hpp>
#include <xloss/losses/focal.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

namespace foreign {

/// The same executor, however little there is to do.
template <class Executor>
struct eager {
    static constexpr std::size_t least_elements = 0;
    Executor own;

    void operator()(std::size_t n, const xloss::piece_body& body) const { own(n, body); }
};

// Many short rows: several pieces of few pixels.
struct data {
    static constexpr std::array<std::size_t, 4> shape{36, 3, 9, 7};
    xt::xtensor<float, 4> x = made_up::logits<float>(shape);
    xt::xtensor<std::uint8_t, 4> mask = made_up::labels<std::uint8_t>(shape);
    xt::xtensor<std::uint8_t, 3> labels =
        made_up::labels<std::uint8_t>(std::array<std::size_t, 3>{36, 9, 7}, 3);
};

/// An evaluation of a loss with one sigmoid per element, and of one with a softmax.
struct evaluations {
    xloss::evaluation_and_grad<float, 2, xt::xtensor<float, 4>> masks, classes;

    explicit evaluations(const data& of, const xloss::executor_ref& executor = {},
                         xloss::workspace* memory = nullptr)
        : masks(xloss::value_and_grad(xloss::multilabel(20.0 * xloss::focal{} + xloss::dice{}), of.x, of.mask,
                                      {.workspace = memory, .executor = executor})),
          classes(xloss::value_and_grad(xloss::multiclass(xloss::cross_entropy{} + xloss::dice{}), of.x,
                                        of.labels, {.workspace = memory, .executor = executor})) {}

    [[nodiscard]] bool same(const evaluations& other) const {
        return made_up::same_evaluation(masks, other.masks) &&
               made_up::same_evaluation(classes, other.classes) &&
               made_up::same_elements(masks.grad, other.masks.grad) &&
               made_up::same_elements(classes.grad, other.classes.grad);
    }
};

/// Every piece once, whatever their number.
template <class Executor>
void check_pieces(const Executor& executor) {
    for (const std::size_t n : {0U, 1U, 2U, 7U, 1000U}) {
        std::vector<std::atomic<int>> times(n);
        const auto body = [&](std::size_t i) { ++times[i]; };
        executor(n, xloss::piece_body(body));
        std::size_t once = 0;
        for (const auto& one : times)
            once += one == 1 ? 1 : 0;
        CHECK(once == n);
    }
}

/// What a piece throws arrives, whichever it is, and afterwards all is as before.
template <class Executor>
void check_errors(const Executor& executor) {
    for (const std::size_t bad : {0U, 1U, 63U}) {
        const auto body = [bad](std::size_t i) {
            if (i == bad)
                throw std::runtime_error("piece");
        };
        CHECK_THROWS_AS(executor(64, xloss::piece_body(body)), std::runtime_error);
    }
    const auto all_throw = [](std::size_t) { throw std::runtime_error("piece"); };
    CHECK_THROWS_AS(executor(64, xloss::piece_body(all_throw)), std::runtime_error);
    check_pieces(executor);
}

} // namespace foreign

#endif
