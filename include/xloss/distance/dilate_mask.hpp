#ifndef XLOSS_DISTANCE_DILATE_MASK_HPP
#define XLOSS_DISTANCE_DILATE_MASK_HPP

#include <xloss/config.hpp>
#include <xloss/tensor/grid.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace xloss::distance {

/// Calls f(row) with the row-major number of every row that a window of three along each axis reaches from
/// the row (z, y), its own too.
template <class F>
void each_row_around(const tensor::grid& g, std::size_t z, std::size_t y, F&& f) {
    for (std::size_t i = z == 0 ? 0 : z - 1; i <= std::min(z + 1, g.extent[0] - 1); ++i)
        for (std::size_t j = y == 0 ? 0 : y - 1; j <= std::min(y + 1, g.extent[1] - 1); ++j)
            f(i * g.extent[1] + j);
}

namespace detail {

/// to |= before, here, after, for N pixels. The length is known, so that the compiler makes vector
/// instructions of it at -O2.
template <std::size_t N>
XLOSS_INLINE void spread(const std::uint8_t* XLOSS_RESTRICT from, std::uint8_t* XLOSS_RESTRICT to) {
    for (std::size_t i = 0; i < N; ++i)
        to[i] = static_cast<std::uint8_t>(to[i] | from[i] | from[i + 1] | from[i + 2]);
}

/// The same for a row of n pixels.
inline void spread_row(const std::uint8_t* from, std::uint8_t* to, std::size_t n) {
    constexpr std::size_t block = 32;
    if (n == 1) {
        to[0] |= from[0];
        return;
    }
    to[0] = static_cast<std::uint8_t>(to[0] | from[0] | from[1]);
    std::size_t i = 1;
    for (; i + block < n; i += block)
        spread<block>(from + i - 1, to + i);
    for (; i + 1 < n; ++i)
        spread<1>(from + i - 1, to + i);
    to[n - 1] = static_cast<std::uint8_t>(to[n - 1] | from[n - 2] | from[n - 1]);
}

} // namespace detail

/// 1 where the window of three along each axis holds a pixel that is absent (1, else 0), else 0: what losses
/// that look at neighbours ignore, given what is ignored. `out` is other memory than `absent`.
inline void dilate_mask(const tensor::grid& g, const std::uint8_t* absent, std::uint8_t* out) {
    const std::size_t n = g.extent[2];
    std::fill_n(out, g.size(), std::uint8_t{0});
    if (g.size() == 0)
        return;
    for (std::size_t z = 0; z < g.extent[0]; ++z)
        for (std::size_t y = 0; y < g.extent[1]; ++y)
            each_row_around(g, z, y, [&](std::size_t row) {
                detail::spread_row(absent + row * n, out + (z * g.extent[1] + y) * n, n);
            });
}

} // namespace xloss::distance

#endif
