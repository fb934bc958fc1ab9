#ifndef XLOSS_TESTS_CRITERION_APART_HPP
#define XLOSS_TESTS_CRITERION_APART_HPP

// What every loss promises, held against those that see a region as a whole: how numbers are stored, what is
// absent, and who does the work change no bit.

#include "support/catch.hpp"
#include "support/executors.hpp"
#include "support/expressions.hpp"

#include <xloss/xloss.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace apart {

using array = xt::xarray<double>;
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

inline const std::vector<std::size_t> shape{2, 3, 7, 5}, plane{2, 7, 5};

inline array logits_of(const std::vector<std::size_t>& s) {
    array x = array::from_shape(s);
    made_up::sequence numbers(7);
    for (std::size_t i = 0; i < x.size(); ++i)
        x.data()[i] = 8.0 * numbers.uniform() - 4.0;
    return x;
}

inline array filled(const std::vector<std::size_t>& s, double v) {
    array t = array::from_shape(s);
    t.fill(v);
    return t;
}

/// Integers in [0, below).
template <class T>
xt::xarray<T> labels_of(const std::vector<std::size_t>& s, std::uint32_t below) {
    auto y = xt::xarray<T>::from_shape(s);
    made_up::sequence numbers(11);
    for (auto& v : y)
        v = static_cast<T>(numbers.next() % below);
    return y;
}

template <class T>
xt::xarray<T> as(const xt::xarray<std::uint8_t>& from) {
    auto to = xt::xarray<T>::from_shape(std::vector<std::size_t>(from.shape().begin(), from.shape().end()));
    for (std::size_t i = 0; i < from.size(); ++i)
        to.data()[i] = static_cast<T>(from.data()[i]);
    return to;
}

/// Two evaluations with their gradients, bit for bit.
template <class A, class B>
bool same(const A& a, const B& b) {
    return made_up::same_evaluation(a, b) && made_up::same_elements(a.grad, b.grad);
}

/// The value alone, and what a single loss says of its terms.
template <class Loss, class Y>
void check_value(const Loss& loss, const array& x, const Y& y) {
    const auto r = xloss::value_and_grad(loss, x, y);
    CHECK(made_up::same_bits(xloss::value(loss, x, y), r.value));
    CHECK(std::isfinite(r.value));
    CHECK(r.terms.size() == 1);
    CHECK(made_up::same_bits(r.terms[0].value, r.value));
    CHECK(made_up::same_bits(r.terms[0].normalizer, r.normalizer));
    CHECK(r.normalizer > 0.0);
    CHECK(r.valid == y.size());
    // Twice is the same, and leaves nothing behind in a workspace that another loss had.
    xloss::workspace memory;
    xloss::value_and_grad(xloss::multilabel(xloss::hausdorff_dt{}), logits_of({1, 2, 3, 40}),
                          labels_of<std::uint8_t>({1, 2, 3, 40}, 2), {.workspace = &memory});
    CHECK(same(xloss::value_and_grad(loss, x, y, {.workspace = &memory}), r));
    CHECK(same(xloss::value_and_grad(loss, x, y, {.workspace = &memory}), r));
}

/// How logits and gradients lie in memory.
template <class Loss, class Y>
void check_layouts(const Loss& loss, const array& x, const Y& y) {
    const auto expected = xloss::value_and_grad(loss, x, y);
    const auto agrees = [&](const auto& stored, auto&& grad) {
        CHECK(made_up::same_evaluation(xloss::value_and_grad_into(grad, loss, stored, y), expected));
        CHECK(made_up::same_elements(grad, expected.grad));
    };
    using columns = xt::xarray<double, xt::layout_type::column_major>;
    const columns by_columns = x;
    agrees(by_columns, columns::from_shape(shape));
    agrees(x * 1.0, array::from_shape(shape));
    // Channels last, and every other element of a row.
    const array last = xt::transpose(x, {0, 2, 3, 1});
    array grad_last = array::from_shape({2, 7, 5, 3});
    agrees(xt::transpose(last, {0, 3, 1, 2}), xt::transpose(grad_last, {0, 3, 1, 2}));
    array wide = array::from_shape({2, 3, 7, 10}), grad_wide = filled({2, 3, 7, 10}, -7.0);
    const auto every_other = [](array& t) {
        return xt::view(t, xt::all(), xt::all(), xt::all(), xt::range(0, 10, 2));
    };
    every_other(wide) = x;
    agrees(every_other(wide), every_other(grad_wide));
    CHECK(grad_wide(1, 2, 3, 5) == -7.0);
}

/// Added to a buffer: what is absent keeps its bits, also -0 and NaN.
template <class Loss, class Y>
void check_accumulated(const Loss& loss, const array& x, const Y& y, const array& is_there) {
    const auto once = xloss::value_and_grad(loss, x, y, {.upstream = -2.5});
    array before = array::from_shape(shape);
    for (std::size_t i = 0; i < before.size(); ++i)
        before.data()[i] = is_there.data()[i] != 0.0 ? 0.25 + static_cast<double>(i % 5) / 64.0
                           : i % 2                   ? -0.0
                                                     : not_a_number;
    array after = before;
    const auto added = xloss::value_and_grad_into(after, loss, x, y, {.upstream = -2.5, .accumulate = true});
    CHECK(made_up::same_evaluation(added, once));
    std::size_t moved = 0;
    for (std::size_t i = 0; i < after.size(); ++i) {
        if (is_there.data()[i] == 0.0) {
            CHECK(made_up::same_bits(after.data()[i], before.data()[i]));
            CHECK(once.grad.data()[i] == 0.0);
            continue;
        }
        CHECK(std::abs(after.data()[i] - (before.data()[i] + once.grad.data()[i])) <= 1e-15);
        moved += after.data()[i] != before.data()[i] ? 1 : 0;
    }
    CHECK(moved > 0);
    // Into a float, through a buffer: what a float cannot hold stays where nothing counts.
    xt::xarray<float> single = xt::xarray<float>::from_shape(shape);
    for (std::size_t i = 0; i < single.size(); ++i)
        single.data()[i] = static_cast<float>(before.data()[i]);
    const xt::xarray<float> start = single;
    xloss::value_and_grad_into(single, loss, x, y, {.upstream = -2.5, .accumulate = true});
    for (std::size_t i = 0; i < single.size(); ++i)
        if (is_there.data()[i] == 0.0)
            CHECK(made_up::same_bits(single.data()[i], start.data()[i]));
        else
            CHECK(std::abs(static_cast<double>(single.data()[i]) - after.data()[i]) <=
                  1e-7 * std::abs(after.data()[i]));
}

/// From the last piece to the first, shuffled, and on three threads.
template <class Loss, class Y>
void check_executors(const Loss& loss, const array& x, const Y& y) {
    const auto expected = xloss::value_and_grad(loss, x, y);
    const auto agrees = [&](auto&& executor) {
        xloss::workspace memory;
        CHECK(
            same(xloss::value_and_grad(loss, x, y, {.workspace = &memory, .executor = executor}), expected));
    };
    executors::backwards backwards;
    agrees(backwards);
    CHECK(backwards.pieces > 2);
    agrees(executors::shuffled{});
    agrees(executors::threads{});
}

/// Several pieces, and rows that end inside a vector and inside a tile.
#ifdef __OPTIMIZE__
inline const std::vector<std::size_t> large{2, 3, 97, 263}, large_plane{2, 97, 263};
#else
inline const std::vector<std::size_t> large{2, 3, 20, 263}, large_plane{2, 20, 263};
#endif

} // namespace apart

#endif
