#ifndef XLOSS_DISTANCE_SQUARES_HPP
#define XLOSS_DISTANCE_SQUARES_HPP

#include <xloss/config.hpp>
#include <xloss/distance/scan.hpp>
#include <xloss/simd/convert.hpp>
#include <xloss/simd/number.hpp>
#include <xloss/tensor/grid.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

/// \file
/// The squares of distances, as they stand in the result between the passes of a transform, and what becomes
/// of them in the end.

namespace xloss::distance::detail {

/// Lengths in which the spacing is 1 where all axes have the same (in double: 1 itself), so that squares are
/// whole numbers.
template <class T>
struct units {
    std::array<double, tensor::grid::axes> spacing{1.0, 1.0, 1.0};
    double scale = 1.0;   // of a length
    bool whole = true;    // squares are whole numbers
    bool small = false;   // they are exact in float, too
    bool narrow = false;  // the final ones are exact in T, and nothing is to be scaled
    bool as_bits = false; // those between passes are not exact in T: 32-bit integers in their place

    explicit units(const tensor::grid& g) {
        bool found = false;
        double most = 0.0, most_between = 0.0;
        for (std::size_t axis = 0; axis < tensor::grid::axes; ++axis) {
            if (g.extent[axis] == 1)
                continue;
            whole = whole && (!found || g.spacing[axis] == scale);
            scale = found ? scale : g.spacing[axis];
            found = true;
            const auto reach = static_cast<double>(g.extent[axis] - 1);
            most += reach * reach;
            most_between += axis > 0 ? reach * reach : 0.0;
        }
        // In double a common factor would be one rounding more; in float it is made in double, before the
        // only one.
        whole = whole && (sizeof(T) == 4 || scale == 1.0);
        constexpr double exact = 1.0 / std::numeric_limits<T>::epsilon();
        small = whole && most <= 0x1p24;
        narrow = whole && scale == 1.0 && most <= exact;
        as_bits = sizeof(T) == 4 && whole && most_between > exact && most_between < 0x1p31;
        if (whole)
            return;
        spacing = g.spacing;
        scale = 1.0;
    }
};

/// Calls f(V) on whole vectors and on what is left.
template <class T, class F>
XLOSS_INLINE void for_vectors(T* x, std::size_t n, F&& f) {
    using V = simd::number<T>;
    std::size_t i = 0;
    for (; i + V::width <= n; i += V::width)
        f(V::load(x + i)).store(x + i);
    if (i < n)
        f(V::load_partial(x + i, n - i)).store_partial(x + i, n - i);
}

/// The steps along the first axis as squares; infinite where there is no border.
template <class T>
void load_steps(const T* steps, double* h, std::size_t n, double spacing) {
    simd::convert(steps, h, n);
    for_vectors(h, n, [spacing](const auto& v) {
        using V = std::remove_cvref_t<decltype(v)>;
        const V length = v * V(spacing);
        return select(v < V(no_border), length * length, V(std::numeric_limits<double>::infinity()));
    });
}

inline constexpr std::int32_t infinite_bits = std::numeric_limits<std::int32_t>::max();

/// Squares of a pass as they stand in the result.
template <class T>
void load_squares(const T* from, double* h, std::size_t n, bool as_bits) {
    if constexpr (sizeof(T) == 4) {
        if (as_bits) {
            for (std::size_t i = 0; i < n; ++i) {
                const auto whole = std::bit_cast<std::int32_t>(from[i]);
                const double infinity = std::numeric_limits<double>::infinity();
                h[i] = whole == infinite_bits ? infinity : whole == -infinite_bits ? -infinity : whole;
            }
            return;
        }
    }
    simd::convert(from, h, n);
}

template <class T>
void store_squares(const double* h, T* to, std::size_t n, bool as_bits) {
    if constexpr (sizeof(T) == 4) {
        if (as_bits) {
            for (std::size_t i = 0; i < n; ++i) {
                const double bounded = std::clamp<double>(h[i], -infinite_bits, infinite_bits);
                to[i] = std::bit_cast<T>(static_cast<std::int32_t>(bounded));
            }
            return;
        }
    }
    simd::convert(h, to, n);
}

/// What becomes of the squares in the end.
struct finish {
    bool root = false;
    bool sides = false;  ///< of a mask: 0 everywhere instead of infinity
    double inside = 0.0; ///< added to the negative distances
};

template <class S>
void finish_in_place(S* h, std::size_t n, const finish& f, double scale) {
    const double length = f.root ? scale : scale * scale;
    for_vectors(h, n, [&](const auto& square) {
        using V = std::remove_cvref_t<decltype(square)>;
        const V size = abs(square);
        V v = (f.root ? sqrt(size) : size) * V(length);
        if (f.sides) {
            v = select(square < V(0.0), V(f.inside) - v, v);
            v = select(isfinite(size), v, V(0.0));
        }
        return v;
    });
}

/// Final squares to what was asked for. Roots in T where they are rounded once all the same.
template <class T>
void store_finished(double* h, T* to, std::size_t n, const finish& f, const units<T>& u) {
    if (u.narrow) {
        simd::convert(h, to, n);
        finish_in_place(to, n, f, 1.0);
    } else {
        finish_in_place(h, n, f, u.scale);
        simd::convert(h, to, n);
    }
}

} // namespace xloss::distance::detail

#endif
