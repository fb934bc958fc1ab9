#ifndef XLOSS_TESTS_DISTANCE_IMAGE_HPP
#define XLOSS_TESTS_DISTANCE_IMAGE_HPP

// Images and volumes for the tests of filters: slow and plain.

#include <xloss/tensor/grid.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <utility>
#include <vector>

namespace filters {

using xloss::tensor::grid;

inline grid grid_of(std::initializer_list<std::size_t> extents) {
    xloss::tensor::shape shape;
    for (const std::size_t n : extents)
        shape[shape.rank++] = n;
    return {"test", shape, 0, {}};
}

/// One to three axes, long rows and short ones, and axes of one and two pixels.
inline std::vector<grid> grids() {
    return {grid_of({1}),       grid_of({2}),        grid_of({37}),      grid_of({9, 13}),
            grid_of({1, 6}),    grid_of({6, 1}),     grid_of({2, 2}),    grid_of({4, 16}),
            grid_of({4, 5, 9}), grid_of({1, 4, 5}),  grid_of({4, 1, 5}), grid_of({4, 5, 1}),
            grid_of({2, 2, 2}), grid_of({3, 2, 17}), grid_of({1, 1, 1})};
}

/// All different and far apart: a permutation of (i + 1/2)/n.
template <class T>
std::vector<T> without_ties(const grid& g, std::uint32_t seed = 3) {
    const std::size_t n = g.size();
    std::vector<T> v(n);
    for (std::size_t i = 0; i < n; ++i)
        v[i] = static_cast<T>((static_cast<double>(i) + 0.5) / static_cast<double>(n));
    for (std::size_t i = n; i > 1; --i) {
        seed = seed * 1664525U + 1013904223U;
        std::swap(v[i - 1], v[(seed >> 8) % i]);
    }
    return v;
}

/// Numbers in (-1/2, 1/2) to multiply results by.
template <class T>
std::vector<T> slopes(const grid& g) {
    std::vector<T> v = without_ties<T>(g, 17);
    for (T& one : v)
        one -= T(0.5);
    return v;
}

/// Calls f(dz, dy, dx, where) for the pixels of the window of three along each axis of the grid that are
/// inside of it, in row-major order.
template <class F>
void each_in_window(const grid& g, std::size_t at, F&& f) {
    const auto n = [&](std::size_t a) { return static_cast<std::ptrdiff_t>(g.extent[a]); };
    const auto i = static_cast<std::ptrdiff_t>(at);
    const std::ptrdiff_t z = i / (n(1) * n(2)), y = i / n(2) % n(1), x = i % n(2);
    for (std::ptrdiff_t dz = -1; dz <= 1; ++dz)
        for (std::ptrdiff_t dy = -1; dy <= 1; ++dy)
            for (std::ptrdiff_t dx = -1; dx <= 1; ++dx)
                if (z + dz >= 0 && z + dz < n(0) && y + dy >= 0 && y + dy < n(1) && x + dx >= 0 &&
                    x + dx < n(2))
                    f(dz, dy, dx, static_cast<std::size_t>(((z + dz) * n(1) + y + dy) * n(2) + x + dx));
}

/// The largest difference; infinite for a NaN or another size.
template <class A, class B>
double distance_between(const A& a, const B& b) {
    double worst = a.size() == b.size() ? 0.0 : std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
        const double error = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
        worst = error >= 0.0 ? std::max(worst, error) : std::numeric_limits<double>::infinity();
    }
    return worst;
}

/// The slopes of sum_i slopes[i] f(v)[i] by central differences.
template <class F>
std::vector<double> differences(const F& f, std::vector<double> v, const std::vector<double>& slopes) {
    constexpr double step = 1e-6;
    std::vector<double> result(v.size());
    for (std::size_t i = 0; i < v.size(); ++i) {
        const double middle = v[i];
        v[i] = middle + step;
        const std::vector<double> above = f(v);
        v[i] = middle - step;
        const std::vector<double> below = f(v);
        v[i] = middle;
        for (std::size_t k = 0; k < v.size(); ++k)
            result[i] += slopes[k] * (above[k] - below[k]) / (2.0 * step);
    }
    return result;
}

/// What is allowed of a value or slope of a few dozen operations on numbers up to 1.
template <class T>
inline constexpr double rounding = 64.0 * static_cast<double>(std::numeric_limits<T>::epsilon());

} // namespace filters

#endif
