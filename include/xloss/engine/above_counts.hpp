#ifndef XLOSS_ENGINE_ABOVE_COUNTS_HPP
#define XLOSS_ENGINE_ABOVE_COUNTS_HPP

#include <xloss/engine/rows.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/simd/number.hpp>
#include <xloss/tensor/source.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace xloss::engine {

/// How many of n numbers are above a threshold. NaN is not.
template <class T>
double count_above(const T* row, std::size_t n, double threshold) {
    using V = simd::number<T>;
    // What fills the last vector up is below every threshold.
    const V level(threshold), filling(0.0);
    const double filled =
        threshold < 0.0 && n % V::width != 0 ? static_cast<double>(V::width - n % V::width) : 0.0;
    return sum_row<T>(n, [&](auto load) { return select(load(row) > level, V(1.0), filling); }) - filled;
}

/// Of the elements [first, first + n) of a tensor, how many are above each threshold.
template <class T, std::size_t K>
std::array<double, K> count_above(const tensor::source<T>& x, std::size_t first, std::size_t n,
                                  const std::array<double, K>& thresholds) {
    alignas(64) std::array<T, tile_size> buffer;
    std::array<double, K> counts{};
    for (std::size_t done = 0; done < n; done += tile_size) {
        const std::size_t run = std::min(tile_size, n - done);
        const T* row = x.read(first + done, run, buffer.data());
        for (std::size_t k = 0; k < K; ++k)
            counts[k] += count_above(row, run, thresholds[k]);
    }
    return counts;
}

} // namespace xloss::engine

#endif
