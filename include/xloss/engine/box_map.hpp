#ifndef XLOSS_ENGINE_BOX_MAP_HPP
#define XLOSS_ENGINE_BOX_MAP_HPP

#include <xloss/tensor/error.hpp>
#include <xloss/tensor/like.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/sink.hpp>
#include <xloss/tensor/source.hpp>
#include <xloss/tensor/xtensor.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>

namespace xloss::engine {

/// Numbers in double where they are, in float from all other formats.
template <class E>
using box_number = std::conditional_t<std::is_same_v<tensor::value_type_of<E>, double>, double, float>;

/// Calls f(row, four numbers) for every row of [N, 4].
template <class E, class F>
void each_row_of_four(const char* name, const E& rows, F&& f) {
    using T = box_number<E>;
    const tensor::source<T> from(rows);
    if (from.shape().rank != 2 || from.shape()[1] != 4)
        tensor::raise<shape_error>({"xloss::", name, ": ", from.shape(), " is not [N, 4]"});
    constexpr std::size_t at_once = 64;
    const std::size_t n = from.shape()[0];
    for (std::size_t i = 0; i < n; i += at_once) {
        std::array<T, 4 * at_once> buffer;
        const std::size_t count = std::min(at_once, n - i);
        const T* read = from.read(4 * i, 4 * count, buffer.data());
        for (std::size_t j = 0; j < count; ++j)
            f(i + j, std::array<T, 4>{read[4 * j], read[4 * j + 1], read[4 * j + 2], read[4 * j + 3]});
    }
}

/// A container like `rows` whose rows are what f(four numbers) gives.
template <class E, class F>
auto map_rows_of_four(const char* name, const E& rows, F&& f) {
    using T = box_number<E>;
    auto result = tensor::make_like<T>(rows);
    const tensor::sink<T> to(result);
    each_row_of_four(name, rows, [&](std::size_t i, const std::array<T, 4>& row) {
        const std::array<T, 4> mapped = f(row);
        std::copy_n(mapped.data(), 4, to.begin(4 * i, 4, nullptr, false));
    });
    return result;
}

} // namespace xloss::engine

#endif
