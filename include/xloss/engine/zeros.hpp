#ifndef XLOSS_ENGINE_ZEROS_HPP
#define XLOSS_ENGINE_ZEROS_HPP

#include <xloss/engine/executor.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/tensor/gather.hpp>
#include <xloss/tensor/sink.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace xloss::engine {

/// Sets the elements [first, first + n) to 0.
template <class T>
void write_zeros(const tensor::sink<T>& to, std::size_t first, std::size_t n) {
    if (to.in_place()) { // at once: of long runs the C library stores past the cache
        if (n > 0)
            std::memset(to.begin(first, n, nullptr, false), 0, n * sizeof(T));
        return;
    }
    alignas(64) const std::array<T, tile_size> zeros{};
    for (std::size_t done = 0; done < n; done += tile_size)
        to.commit(first + done, std::min(tile_size, n - done), zeros.data());
}

/// Sets everything to 0.
template <class T>
void write_zeros(const tensor::sink<T>& to) {
    write_zeros(to, 0, to.size());
}

/// Sets to 0 what is in none of the listed rows, which are in rising order.
template <class T>
void write_zeros_between(const tensor::sink<T>& to, const tensor::row_list& list,
                         const executor_ref& executor) {
    constexpr std::size_t piece_size = 256 * tile_size;
    const std::size_t length = list.row.size(), size = to.size();
    executor.run((size + piece_size - 1) / piece_size, [&](std::size_t piece) {
        std::size_t at = piece * piece_size;
        const std::size_t end = std::min(size, at + piece_size);
        auto next = std::lower_bound(list.rows.begin(), list.rows.end(), at / length);
        for (; next != list.rows.end() && *next * length < end; ++next) {
            const std::size_t row = *next * length;
            if (row > at)
                write_zeros(to, at, row - at);
            at = row + length;
        }
        if (at < end)
            write_zeros(to, at, end - at);
    });
}

} // namespace xloss::engine

#endif
