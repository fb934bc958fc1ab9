#ifndef XLOSS_TESTS_THREADS_CHECK_HPP
#define XLOSS_TESTS_THREADS_CHECK_HPP

// Calls on 1, 2, 3 and 7 real threads. What a call gives is a row of numbers, whatever it is, so that the
// comparison is compiled once.

#include "support/catch.hpp"
#include "support/expressions.hpp"
#include "support/pool.hpp"

#include <xloss/criterion/call.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/workspace.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace threads {

/// Whatever a call gives, in double, which keeps every bit of a float.
using numbers = std::vector<double>;

/// Adds a number or the elements of a tensor.
template <class A>
void add(numbers& to, const A& a) {
    if constexpr (requires { a.size(); })
        for (const auto& v : a)
            to.push_back(static_cast<double>(v));
    else
        to.push_back(static_cast<double>(a));
}

template <class... A>
numbers all(const A&... a) {
    numbers found;
    (add(found, a), ...);
    return found;
}

inline bool same(const numbers& a, const numbers& b) {
    return !a.empty() && a.size() == b.size() &&
           std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

/// Calls `of` without threads, and on several numbers of them with a workspace and without: the same bits. At
/// least so many pieces have to meet: a call of one piece proves nothing.
inline void check(const std::string& name, const std::function<numbers(const xloss::call_options&)>& of,
                  std::size_t least_pieces = 3) {
    INFO(name);
    const numbers expected = of({});
    for (const std::size_t n : {1U, 2U, 3U, 7U}) {
        INFO(n << " threads");
        executors::pool threads(n);
        xloss::workspace memory;
        CHECK(same(of({.workspace = n % 2 == 0 ? nullptr : &memory, .executor = threads}), expected));
        CHECK(threads.pieces() >= least_pieces);
    }
}

/// A loss, sum of losses or criterion with its gradient.
template <class Loss, class X, class Y>
void check_loss(const std::string& name, const Loss& loss, const X& x, const Y& y,
                std::size_t least_pieces = 3) {
    check(
        name,
        [&](const xloss::call_options& options) {
            const auto r = xloss::value_and_grad(loss, x, y, options);
            numbers found = all(r.value, r.normalizer, r.valid, r.grad);
            for (const auto& term : r.terms)
                add(found, term.value);
            return found;
        },
        least_pieces);
}

// Many short rows are many tiles, and so several pieces of few pixels; rows end inside a vector.
inline constexpr std::array<std::size_t, 4> shape{36, 3, 9, 7};
inline constexpr std::array<std::size_t, 3> map_shape{36, 9, 7};

/// Logits, and a mask, weights or a label map for them.
struct data {
    xt::xtensor<float, 4> x = made_up::logits<float>(shape);
    xt::xtensor<std::uint8_t, 4> mask = made_up::labels<std::uint8_t>(shape);
    xt::xtensor<float, 4> weights = made_up::weights<float>(shape);
    xt::xtensor<std::uint8_t, 3> labels = made_up::labels<std::uint8_t>(map_shape, 4); // of which 3 is none
};

} // namespace threads

#endif
