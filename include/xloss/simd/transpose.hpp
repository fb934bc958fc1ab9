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

/// Every second of the numbers of a and b, from the first or from the second on.
template <std::size_t First, class T, std::size_t W, std::size_t... I>
XLOSS_INLINE number<T, W> every_second(const number<T, W>& a, const number<T, W>& b,
                                       std::index_sequence<I...>) {
    using plain [[gnu::vector_size(W * sizeof(T))]] = T;
    using storage = typename number<T, W>::storage_type;
    return number<T, W>::wrap(std::bit_cast<storage>(
        __builtin_shufflevector(std::bit_cast<plain>(a.unwrap()), std::bit_cast<plain>(b.unwrap()),
                                static_cast<int>(First + 2 * I)...)));
}

/// These lanes of a (from 0) and b (from W).
template <int... From, class T, std::size_t W>
XLOSS_INLINE number<T, W> shuffle(const number<T, W>& a, const number<T, W>& b) {
    using plain [[gnu::vector_size(W * sizeof(T))]] = T;
    using storage = typename number<T, W>::storage_type;
    return number<T, W>::wrap(std::bit_cast<storage>(__builtin_shufflevector(
        std::bit_cast<plain>(a.unwrap()), std::bit_cast<plain>(b.unwrap()), From...)));
}

/// Whether a vector is two halves of four: AVX exchanges lanes within halves in one instruction, and across
/// them in three.
template <class V>
inline constexpr bool fours_in_halves = V::width == 8 && sizeof(typename V::value_type) == 4;

/// Squares of four in the lower and in the upper halves: rows become columns.
template <class V>
XLOSS_INLINE std::array<V, 4> transposed_halves(const std::array<V, 4>& rows) {
    const V low01 = shuffle<0, 8, 1, 9, 4, 12, 5, 13>(rows[0], rows[1]);
    const V low23 = shuffle<0, 8, 1, 9, 4, 12, 5, 13>(rows[2], rows[3]);
    const V up01 = shuffle<2, 10, 3, 11, 6, 14, 7, 15>(rows[0], rows[1]);
    const V up23 = shuffle<2, 10, 3, 11, 6, 14, 7, 15>(rows[2], rows[3]);
    return {shuffle<0, 1, 8, 9, 4, 5, 12, 13>(low01, low23),
            shuffle<2, 3, 10, 11, 6, 7, 14, 15>(low01, low23), shuffle<0, 1, 8, 9, 4, 5, 12, 13>(up01, up23),
            shuffle<2, 3, 10, 11, 6, 7, 14, 15>(up01, up23)};
}

} // namespace detail

/// W rows of four numbers, one after the other in memory, as four columns.
template <class V>
XLOSS_INLINE std::array<V, 4> load_fours(const typename V::value_type* rows) {
    constexpr std::size_t W = V::width;
    const V a = V::load(rows), b = V::load(rows + W), c = V::load(rows + 2 * W), d = V::load(rows + 3 * W);
    if constexpr (W == 1) {
        return {a, b, c, d};
    } else if constexpr (detail::fours_in_halves<V>) {
        using detail::shuffle;
        return detail::transposed_halves<V>(
            {shuffle<0, 1, 2, 3, 8, 9, 10, 11>(a, c), shuffle<4, 5, 6, 7, 12, 13, 14, 15>(a, c),
             shuffle<0, 1, 2, 3, 8, 9, 10, 11>(b, d), shuffle<4, 5, 6, 7, 12, 13, 14, 15>(b, d)});
    } else {
        constexpr std::make_index_sequence<W> lanes;
        const V ab0 = detail::every_second<0>(a, b, lanes), ab1 = detail::every_second<1>(a, b, lanes);
        const V cd0 = detail::every_second<0>(c, d, lanes), cd1 = detail::every_second<1>(c, d, lanes);
        return {detail::every_second<0>(ab0, cd0, lanes), detail::every_second<0>(ab1, cd1, lanes),
                detail::every_second<1>(ab0, cd0, lanes), detail::every_second<1>(ab1, cd1, lanes)};
    }
}

/// Four columns as W rows of four numbers: the inverse of `load_fours`.
template <class V>
XLOSS_INLINE void store_fours(const std::array<V, 4>& columns, typename V::value_type* rows) {
    constexpr std::size_t W = V::width;
    if constexpr (W == 1) {
        for (std::size_t c = 0; c < 4; ++c)
            columns[c].store(rows + c);
    } else if constexpr (detail::fours_in_halves<V>) {
        using detail::shuffle;
        const auto [a, b, c, d] = detail::transposed_halves(columns);
        shuffle<0, 1, 2, 3, 8, 9, 10, 11>(a, b).store(rows);
        shuffle<0, 1, 2, 3, 8, 9, 10, 11>(c, d).store(rows + W);
        shuffle<4, 5, 6, 7, 12, 13, 14, 15>(a, b).store(rows + 2 * W);
        shuffle<4, 5, 6, 7, 12, 13, 14, 15>(c, d).store(rows + 3 * W);
    } else {
        constexpr std::make_index_sequence<W> lanes;
        constexpr std::size_t upper = W / 2;
        const V even_low = detail::interleave<0>(columns[0], columns[2], lanes);
        const V even_high = detail::interleave<upper>(columns[0], columns[2], lanes);
        const V odd_low = detail::interleave<0>(columns[1], columns[3], lanes);
        const V odd_high = detail::interleave<upper>(columns[1], columns[3], lanes);
        detail::interleave<0>(even_low, odd_low, lanes).store(rows);
        detail::interleave<upper>(even_low, odd_low, lanes).store(rows + W);
        detail::interleave<0>(even_high, odd_high, lanes).store(rows + 2 * W);
        detail::interleave<upper>(even_high, odd_high, lanes).store(rows + 3 * W);
    }
}

/// W rows of W numbers become columns.
template <class T, std::size_t W>
XLOSS_INLINE std::array<number<T, W>, W> transpose(const std::array<number<T, W>, W>& rows) {
    return detail::transposed<W>(rows);
}

} // namespace xloss::simd

#endif
