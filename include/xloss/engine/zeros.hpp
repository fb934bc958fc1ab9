#ifndef XLOSS_ENGINE_ZEROS_HPP
#define XLOSS_ENGINE_ZEROS_HPP

#include <xloss/engine/executor.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/simd/zeros.hpp>
#include <xloss/tensor/gather.hpp>
#include <xloss/tensor/sink.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace xloss::engine {

/// A gradient of more bytes is zeroed past the caches: by the time that it is read they would hold none of
/// it.
inline constexpr std::size_t cached_bytes = std::size_t{32} << 20;

/// Sets the elements [first, first + n) to 0.
template <class T>
void write_zeros(const tensor::sink<T>& to, std::size_t first, std::size_t n) {
    if (to.in_place() && n > 0) {
        T* elements = to.begin(first, n, nullptr, false);
        if (to.size() * sizeof(T) > cached_bytes)
            simd::stream_zeros(elements, n * sizeof(T));
        else
            std::memset(elements, 0, n * sizeof(T));
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
    const work all{(size + piece_size - 1) / piece_size, piece_size / 4}; // memory's work, and no arithmetic
    executor.run(all, [&](std::size_t piece) {
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
