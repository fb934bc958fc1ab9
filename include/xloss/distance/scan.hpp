#ifndef XLOSS_DISTANCE_SCAN_HPP
#define XLOSS_DISTANCE_SCAN_HPP

#include <xloss/config.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

/// \file
/// The first axis of a distance transform: how many steps along it to the nearest pixel of another region, in
/// two sweeps, row by row, so that neighbouring columns go side by side in a vector.

namespace xloss::distance {

/// The steps where the column is all of one region: above any extent, and adding 1 leaves it above.
inline constexpr double no_border = 0x1p+40;

namespace detail {

/// 1 + (same ? steps : 0), without a branch: what stands between g++ and a vector loop.
template <class T>
XLOSS_INLINE T one_more_if(bool same, T steps) {
    using bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    return T(1) + std::bit_cast<T>(std::bit_cast<bits>(steps) & (bits(0) - static_cast<bits>(same)));
}

// A constant length and no aliasing: the rest of what g++ -O2 asks for.
template <std::size_t N, class Regions, class L, class T>
XLOSS_INLINE void scan_block(const Regions& regions, const L* XLOSS_RESTRICT before,
                             const L* XLOSS_RESTRICT here, const T* XLOSS_RESTRICT steps_before,
                             T* XLOSS_RESTRICT steps) {
    for (std::size_t i = 0; i < N; ++i)
        steps[i] = one_more_if(regions.region(before[i]) == regions.region(here[i]), steps_before[i]);
}

template <std::size_t N, class Regions, class L, class T>
XLOSS_INLINE void scan_back_block(const Regions& regions, const L* XLOSS_RESTRICT after,
                                  const L* XLOSS_RESTRICT here, const T* XLOSS_RESTRICT steps_after,
                                  T* XLOSS_RESTRICT steps) {
    for (std::size_t i = 0; i < N; ++i) {
        const T back = one_more_if(regions.region(after[i]) == regions.region(here[i]), steps_after[i]);
        steps[i] = back < steps[i] ? back : steps[i];
    }
}

template <class Block, class Rest>
XLOSS_INLINE void in_blocks(std::size_t n, Block&& block, Rest&& rest) {
    std::size_t i = 0;
    for (; i + 64 <= n; i += 64)
        block(i);
    for (; i < n; ++i)
        rest(i);
}

} // namespace detail

/// regions.region(v) is equal for pixels of one region.
///
/// The steps of `columns` columns of a plane of `rows` rows `width` apart: at least 1, `no_border` or more
/// without another region.
template <class Regions, class T>
void scan_columns(const Regions& regions, const typename Regions::type* region, T* steps, std::size_t rows,
                  std::size_t columns, std::size_t width) {
    for (std::size_t i = 0; i < columns; ++i)
        steps[i] = static_cast<T>(no_border);
    for (std::size_t y = 1; y < rows; ++y) {
        const auto* here = region + y * width;
        T* to = steps + y * width;
        detail::in_blocks(
            columns,
            [=, &regions](std::size_t i) {
                detail::scan_block<64>(regions, here - width + i, here + i, to - width + i, to + i);
            },
            [=, &regions](std::size_t i) {
                detail::scan_block<1>(regions, here - width + i, here + i, to - width + i, to + i);
            });
    }
    for (std::size_t y = rows - 1; y-- > 0;) {
        const auto* here = region + y * width;
        T* to = steps + y * width;
        detail::in_blocks(
            columns,
            [=, &regions](std::size_t i) {
                detail::scan_back_block<64>(regions, here + width + i, here + i, to + width + i, to + i);
            },
            [=, &regions](std::size_t i) {
                detail::scan_back_block<1>(regions, here + width + i, here + i, to + width + i, to + i);
            });
    }
}

} // namespace xloss::distance

#endif
