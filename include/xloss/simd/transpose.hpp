#ifndef XLOSS_SIMD_TRANSPOSE_HPP
#define XLOSS_SIMD_TRANSPOSE_HPP

#include <xloss/config.hpp>
#include <xloss/simd/number.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <utility>

namespace xloss::simd {

namespace detail {

/// The lower (or, from W/2 on, the upper) lanes of a and b in turn. Shuffles of the compiler's own: those of
/// xsimd 8.1 stay within 128 bits, later ones do not.
template <std::size_t From, class T, std::size_t W, std::size_t... I>
XLOSS_INLINE number<T, W> interleave(const number<T, W>& a, const number<T, W>& b,
                                     std::index_sequence<I...>) {
    using plain [[gnu::vector_size(W * sizeof(T))]] = T;
    using storage = typename number<T, W>::storage_type;
    return number<T, W>::wrap(std::bit_cast<storage>(
        __builtin_shufflevector(std::bit_cast<plain>(a.unwrap()), std::bit_cast<plain>(b.unwrap()),
                                static_cast<int>(From + I / 2 + (I % 2) * W)...)));
}

/// One of the log2(W) steps: each row beside the one half of all rows away.
template <class T, std::size_t W, std::size_t... I>
XLOSS_INLINE std::array<number<T, W>, W> shuffled(const std::array<number<T, W>, W>& rows,
                                                  std::index_sequence<I...> lanes) {
    return {interleave<(I % 2) * (W / 2)>(rows[I / 2], rows[I / 2 + W / 2], lanes)...};
}

template <std::size_t Steps, class T, std::size_t W>
XLOSS_INLINE std::array<number<T, W>, W> transposed(const std::array<number<T, W>, W>& rows) {
    if constexpr (Steps == 1)
        return rows;
    else
        return transposed<Steps / 2>(shuffled(rows, std::make_index_sequence<W>{}));
}

} // namespace detail

/// W rows of W numbers become columns.
template <class T, std::size_t W>
XLOSS_INLINE std::array<number<T, W>, W> transpose(const std::array<number<T, W>, W>& rows) {
    return detail::transposed<W>(rows);
}

} // namespace xloss::simd

#endif
