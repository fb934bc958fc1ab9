#ifndef XLOSS_TESTS_TENSOR_KINDS_HPP
#define XLOSS_TESTS_TENSOR_KINDS_HPP

// What the tests of this room share: the kinds of expression of xtensor, and the slow way to read them.

#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/xtensor.hpp>

#if __has_include(<xtensor/containers/xtensor.hpp>)
#include <xtensor/core/xmath.hpp>
#include <xtensor/generators/xbuilder.hpp>
#include <xtensor/misc/xmanipulation.hpp>
#include <xtensor/views/xbroadcast.hpp>
#include <xtensor/views/xstrided_view.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xbroadcast.hpp>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmanipulation.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xstrided_view.hpp>
#include <xtensor/xview.hpp>
#endif

#include <array>
#include <cstddef>
#include <type_traits>
#include <vector>

namespace kinds {

using xt::layout_type;

/// The i-th number of the tests: small integers, so that every type and every order of operations gives
/// the same bits; bool alternates irregularly.
template <class T>
T pattern(std::size_t i) {
    const std::size_t k = (i * i + 3 * i + 1) % 101;
    if constexpr (std::is_same_v<T, bool>) {
        return k % 2 == 1;
    } else {
        return static_cast<T>(k);
    }
}

/// Puts the pattern into a container, in the order of its memory.
template <class C>
C& fill(C& c) {
    for (std::size_t i = 0; i < c.storage().size(); ++i) {
        c.storage()[i] = pattern<typename C::value_type>(i);
    }
    return c;
}

template <class T, layout_type L = layout_type::row_major>
xt::xtensor<T, 3, L> numbered(std::array<std::size_t, 3> extents) {
    xt::xtensor<T, 3, L> c(extents);
    return fill(c);
}

/// Calls visit(element) in row-major order, each element looked up by its whole index.
template <class E, class Visit>
void each_by_index(E&& e, Visit visit) {
    const auto box = xloss::tensor::shape_of(e);
    std::vector<std::size_t> index(box.rank, 0);
    for (std::size_t i = 0; i < box.size(); ++i) {
        visit(e.element(index.begin(), index.end()));
        for (std::size_t axis = box.rank; axis-- > 0;) {
            if (++index[axis] < box.extent[axis]) {
                break;
            }
            index[axis] = 0;
        }
    }
}

/// All elements as T, in row-major order.
template <class T, class E>
std::vector<T> by_index(const E& e) {
    std::vector<T> result;
    each_by_index(e, [&](const auto& element) { result.push_back(static_cast<T>(element)); });
    return result;
}

/// Lengths around those of a row and of the vectorised blocks, that fit after `first`.
inline std::vector<std::size_t> lengths(const xloss::tensor::shape& box, std::size_t first) {
    const std::size_t row = box.rank == 0 ? 1 : box.extent[box.rank - 1];
    const std::size_t rest = box.size() - first;
    std::vector<std::size_t> result;
    for (const std::size_t n : {std::size_t{0}, std::size_t{1}, row - 1, row, row + 1, 2 * row + 1, rest}) {
        if (n <= rest) {
            result.push_back(n);
        }
    }
    return result;
}

} // namespace kinds

#endif
