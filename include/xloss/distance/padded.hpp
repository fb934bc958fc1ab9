#ifndef XLOSS_DISTANCE_PADDED_HPP
#define XLOSS_DISTANCE_PADDED_HPP

#include <xloss/config.hpp>
#include <xloss/simd/number.hpp>
#include <xloss/tensor/grid.hpp>

#include <algorithm>
#include <cstddef>
#include <type_traits>

namespace xloss::distance {

/// How an image or volume is laid out for filters that look at neighbours: rows of whole registers with at
/// least one number to spare before and after each, which repeats the pixel at the border.
///
/// A repeated border changes no least and no greatest value of a window, so that one layout serves erosion,
/// dilation and the Sobel filter. Filters work on one *slab* after the other and look at the slabs next to
/// it: rows of an image, planes of a volume.
template <class T>
struct padded {
    static constexpr std::size_t width = simd::native_width<T>;
    static constexpr std::size_t gap = width < 2 ? 2 : width; // one after a row, one before the next

    std::size_t slabs;   // along the slowest axis in use
    std::size_t rows;    // of a slab
    std::size_t columns; // pixels of a row
    std::size_t lanes;   // the same, up to whole registers
    std::size_t pitch;   // from row to row

    explicit padded(const tensor::grid& g)
        : slabs(g.rank == 3 ? g.extent[0] : g.extent[1]), rows(g.rank == 3 ? g.extent[1] : 1),
          columns(g.extent[2]), lanes((columns + width - 1) / width * width), pitch(lanes + gap) {}

    /// Without a pixel.
    [[nodiscard]] bool empty() const { return slabs == 0 || rows == 0 || columns == 0; }
    /// Numbers between two slabs.
    [[nodiscard]] std::size_t slab() const { return rows * pitch; }
    /// Numbers to set aside for some rows.
    [[nodiscard]] std::size_t room_for_rows(std::size_t n) const { return gap + n * pitch; }
    /// Numbers to set aside for some slabs.
    [[nodiscard]] std::size_t room_for_slabs(std::size_t n) const { return room_for_rows(n * rows); }
    /// Numbers to set aside for an image or volume.
    [[nodiscard]] std::size_t room() const { return room_for_slabs(slabs); }

    /// Takes room from the front of some memory: the first pixel of the first row.
    static T* take(T*& memory, std::size_t room) {
        T* first = memory + gap;
        memory += room;
        return first;
    }

    /// Repeats the pixels at both ends of a row, up to where the last register and its neighbour reach.
    void repeat_ends(T* row) const {
        row[-1] = row[0];
        std::fill(row + columns, row + lanes + 1, row[columns - 1]);
    }

    /// A row of pixels with its ends repeated.
    void read_row(const T* from, T* row) const {
        std::copy_n(from, columns, row);
        repeat_ends(row);
    }

    /// A row of slopes, 0 beyond its ends.
    void read_slopes(const T* from, T* row) const {
        std::copy_n(from, columns, row);
        row[-1] = T(0);
        std::fill(row + columns, row + lanes + 1, T(0));
    }
};

/// The same row in a slab (or a row in a plane) and in those before and after it; at the border the row
/// itself.
template <class T>
struct neighbours {
    T* before;
    T* here;
    T* after;

    /// Row or slab `i` of `n`, `step` apart.
    neighbours(T* first, std::size_t i, std::size_t n, std::size_t step)
        : before(first + (i == 0 ? 0 : i - 1) * step), here(first + i * step),
          after(first + (i + 1 < n ? i + 1 : i) * step) {}
    neighbours(T* b, T* h, T* a) : before(b), here(h), after(a) {}

    operator neighbours<const T>() const requires(!std::is_const_v<T>) { return {before, here, after}; }
};

/// Three slabs (or rows) that move along: number i is in place i modulo 3.
template <class T>
class ring {
public:
    ring(T* first, std::size_t step, std::size_t count) : first_(first), step_(step), count_(count) {}

    [[nodiscard]] T* operator[](std::size_t i) const { return first_ + i % 3 * step_; }

    /// A row, `at` numbers into the slab, with its neighbours.
    [[nodiscard]] neighbours<T> around(std::size_t i, std::size_t at) const {
        return {(*this)[i == 0 ? 0 : i - 1] + at, (*this)[i] + at, (*this)[i + 1 < count_ ? i + 1 : i] + at};
    }

private:
    T* first_;
    std::size_t step_;
    std::size_t count_;
};

/// Calls f(i) for every register of a row.
template <class V, class F>
XLOSS_INLINE void each_register(std::size_t lanes, F&& f) {
    for (std::size_t i = 0; i < lanes; i += V::width)
        f(i);
}

} // namespace xloss::distance

#endif
