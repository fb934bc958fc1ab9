#ifndef XLOSS_TENSOR_PLANES_HPP
#define XLOSS_TENSOR_PLANES_HPP

#include <xloss/simd/number.hpp>
#include <xloss/simd/transpose.hpp>
#include <xloss/tensor/layout.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <type_traits>

namespace xloss::tensor {

/// The same n elements of several planes that follow each other in row-major order: the channels of a run of
/// pixels.
struct plane_window {
    std::size_t first;  ///< row-major position of the first element in the first plane
    std::size_t plane;  ///< elements of a plane
    std::size_t planes; ///< how many planes
    std::size_t n;      ///< elements of each
};

/// Where the elements of a window are: `offset` of the first one, and the distance of planes and of elements.
struct plane_strides {
    std::ptrdiff_t offset;
    std::ptrdiff_t plane;
    std::ptrdiff_t element;
};

/// The strides of a window whose planes are nearer to each other than its elements, as in channels-last
/// tensors; nothing where rows, plane by plane, are the order to walk in.
inline std::optional<plane_strides> interleaved(const layout& where, const plane_window& w) {
    if (where.rank < 2)
        return {};
    const std::size_t inner = where.rank - 1, outer = where.rank - 2;
    if (where.extent[inner] != w.plane || std::abs(where.stride[outer]) >= std::abs(where.stride[inner]))
        return {};
    std::size_t left = w.first / w.plane;
    if (left % where.extent[outer] + w.planes > where.extent[outer])
        return {};
    plane_strides found{static_cast<std::ptrdiff_t>(w.first % w.plane) * where.stride[inner],
                        where.stride[outer], where.stride[inner]};
    for (std::size_t axis = inner; axis-- > 0;) {
        const std::size_t index = axis == 0 ? left : left % where.extent[axis];
        found.offset += static_cast<std::ptrdiff_t>(index) * where.stride[axis];
        left /= where.extent[axis];
    }
    return found;
}

/// Calls f(where in memory, where in the rows, how many) for runs of a window, elements `element` apart in
/// memory; so short that what lies together in memory is in cache until it is done with.
template <class F>
void each_interleaved(const plane_strides& s, const plane_window& w, std::size_t row, F&& f) {
    constexpr std::size_t at_once = 16; // a cache line of floats of every row
    for (std::size_t i = 0; i < w.n; i += at_once) {
        std::ptrdiff_t at = s.offset + static_cast<std::ptrdiff_t>(i) * s.element;
        std::size_t to = i;
        for (std::size_t p = 0; p < w.planes; ++p, at += s.plane, to += row)
            if (w.n - i >= at_once)
                f(at, to, std::integral_constant<std::size_t, at_once>{}); // a loop without a counter
            else
                f(at, to, w.n - i);
    }
}

/// Moves W elements of W planes, which lie beside each other in one of the two, W = `simd::native_width<T>`.
template <class T>
void transpose_square(const T* from, std::ptrdiff_t from_step, T* to, std::ptrdiff_t to_step) {
    using V = simd::number<T>;
    std::array<V, V::width> rows;
    for (std::size_t k = 0; k < V::width; ++k)
        rows[k] = V::load(from + static_cast<std::ptrdiff_t>(k) * from_step);
    rows = simd::transpose(rows);
    for (std::size_t k = 0; k < V::width; ++k)
        rows[k].store(to + static_cast<std::ptrdiff_t>(k) * to_step);
}

/// Calls f(where in memory, where in the rows) for the squares of a window whose planes are beside each
/// other; the last ones of a pixel overlap with those before. Says how many pixels were done.
template <std::size_t W, class F>
std::size_t each_square(const plane_strides& s, const plane_window& w, std::size_t row, F&& f) {
    if (W == 1 || s.plane != 1 || w.planes < W)
        return 0;
    const std::size_t whole = w.n - w.n % W;
    for (std::size_t i = 0; i < whole; i += W)
        for (std::size_t p = 0; p < w.planes; p += W) {
            const std::size_t first = std::min(p, w.planes - W);
            f(s.offset + static_cast<std::ptrdiff_t>(i) * s.element + static_cast<std::ptrdiff_t>(first),
              first * row + i);
        }
    return whole;
}

/// What is left of a window after its first pixels.
inline plane_window after(plane_window w, std::size_t pixels) {
    w.n -= pixels;
    return w;
}

/// The strides of what is left.
inline plane_strides after(plane_strides s, std::size_t pixels) {
    s.offset += static_cast<std::ptrdiff_t>(pixels) * s.element;
    return s;
}

} // namespace xloss::tensor

#endif
