#ifndef XLOSS_DISTANCE_SOBEL_HPP
#define XLOSS_DISTANCE_SOBEL_HPP

#include <xloss/config.hpp>
#include <xloss/distance/padded.hpp>
#include <xloss/simd/number.hpp>
#include <xloss/tensor/grid.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

namespace xloss::distance {

/// The Sobel components of one register of pixels, one for each axis.
template <class V, std::size_t Rank>
using components = std::array<V, Rank>;

/// Their Euclidean magnitude relative to `most`, 4^(Rank - 1): the edge.
template <class V, std::size_t Rank>
struct edge {
    using T = typename V::value_type;

    V value;                    // at most 1
    components<V, Rank> scaled; // multiplied by a power of two where their squares would underflow
    V magnitude;                // of these
    static constexpr double most = Rank == 3 ? 16.0 : 4.0;

    XLOSS_INLINE explicit edge(const components<V, Rank>& g) {
        V largest = abs(g[0]);
        for (std::size_t a = 1; a < Rank; ++a)
            largest = greater(largest, abs(g[a]));
        const auto small = largest < V(threshold);
        const V up = select(small, V(enlarged), V(1));
        V squares(0);
        for (std::size_t a = 0; a < Rank; ++a) {
            scaled[a] = up * g[a];
            squares = fma(scaled[a], scaled[a], squares);
        }
        magnitude = sqrt(squares);
        value = lesser(V(1), magnitude * select(small, V(1 / (most * enlarged)), V(1 / most)));
    }

    /// The slopes by the components, given that by the value: 0 where nothing changes, where it is
    /// clipped, and where there is no slope, even of a NaN.
    XLOSS_INLINE components<V, Rank> slopes(const V& slope) const {
        const V quotient = V(1 / most) * slope / magnitude;
        const auto none = (magnitude == V(0)) | (value >= V(1)) | (slope == V(0));
        components<V, Rank> result;
        for (std::size_t a = 0; a < Rank; ++a)
            result[a] = select(none, V(0), quotient * scaled[a]);
        return result;
    }

private:
    // The square of the threshold is a normal number, those of the smallest numbers enlarged are too, and a
    // sum of three squares of what is below the threshold, enlarged, does not overflow.
    static constexpr bool single = std::numeric_limits<T>::max_exponent == 128;
    static constexpr double threshold = single ? 0x1p-40 : 0x1p-400;
    static constexpr double enlarged = single ? 0x1p+100 : 0x1p+800;
};

/// The Sobel filter of one image or volume. Slab by slab: along the rows, across the rows of a slab (of a
/// volume), across slabs. A line is an image of one row, whose repeated border makes the smoothing across
/// rows a factor of 4, as much as the magnitude is divided by.
template <class T, std::size_t Rank>
class sobel_filter {
    static_assert(Rank == 2 || Rank == 3);
    using V = simd::number<T>;

public:
    static std::size_t memory(const tensor::grid& g) {
        const padded<T> p(g);
        return 2 * Rank * p.room_for_slabs(3) + Rank * p.room_for_slabs(1) + 3 * p.room_for_rows(1);
    }

    sobel_filter(const tensor::grid& g, T* memory) : pad_(g) {
        for (T*& quantity : smoothed_)
            quantity = pad_.take(memory, pad_.room_for_slabs(3));
        for (T*& quantity : slopes_)
            quantity = pad_.take(memory, pad_.room_for_slabs(3));
        for (T*& quantity : slab_)
            quantity = pad_.take(memory, pad_.room_for_slabs(1));
        for (T*& row : row_)
            row = pad_.take(memory, pad_.room_for_rows(1));
    }

    void forward(const T* v, T* edges) const {
        each_slab(v, [&](std::size_t s) {
            for (std::size_t y = 0; y < pad_.rows; ++y)
                edges_row(s, y, edges + (s * pad_.rows + y) * pad_.columns);
        });
    }

    void backward(const T* v, const T* slope_of_edges, T* slope_of_v) const {
        each_slab(v, [&](std::size_t s) {
            for (std::size_t y = 0; y < pad_.rows; ++y)
                slopes_row(s, y, slope_of_edges + (s * pad_.rows + y) * pad_.columns);
            if (s > 0)
                collect(s - 1, slope_of_v);
        });
        if (!pad_.empty())
            collect(pad_.slabs - 1, slope_of_v);
    }

private:
    /// Calls f(s) for each slab when the slab after it has been read too.
    template <class F>
    void each_slab(const T* v, F&& f) const {
        if (pad_.empty())
            return;
        read(v, 0);
        for (std::size_t s = 0; s < pad_.slabs; ++s) {
            if (s + 1 < pad_.slabs)
                read(v, s + 1);
            f(s);
        }
    }

    ring<T> around(T* quantity) const { return {quantity, pad_.slab(), pad_.slabs}; }

    /// What the slabs are filtered for: the last quantity is smoothed along all axes of a slab, of the others
    /// each is the derivative along one, the first along the rows.
    void read(const T* v, std::size_t s) const {
        T* derived = Rank == 3 ? slab_[0] : around(smoothed_[0])[s];
        T* smooth = Rank == 3 ? slab_[1] : around(smoothed_[Rank - 1])[s];
        for (std::size_t y = 0; y < pad_.rows; ++y) {
            pad_.read_row(v + (s * pad_.rows + y) * pad_.columns, row_[0]);
            filter_row(row_[0], derived + y * pad_.pitch, smooth + y * pad_.pitch);
        }
        if constexpr (Rank == 3)
            for (std::size_t y = 0; y < pad_.rows; ++y)
                filter_across({derived, y, pad_.rows, pad_.pitch}, {smooth, y, pad_.rows, pad_.pitch}, s,
                              y * pad_.pitch);
    }

    static XLOSS_INLINE V smooth(const V& before, const V& here, const V& after) {
        return fma(V(2), here, before + after);
    }
    static XLOSS_INLINE V smooth(const neighbours<const T>& rows, std::size_t i) {
        return smooth(V::load(rows.before + i), V::load(rows.here + i), V::load(rows.after + i));
    }
    static XLOSS_INLINE V derive(const neighbours<const T>& rows, std::size_t i) {
        return V::load(rows.after + i) - V::load(rows.before + i);
    }

    void filter_row(const T* row, T* derived, T* smoothed) const {
        const neighbours<const T> shifted(row - 1, row, row + 1);
        each_register<V>(pad_.lanes, [=](std::size_t i) XLOSS_INLINE_LAMBDA {
            derive(shifted, i).store(derived + i);
            smooth(shifted, i).store(smoothed + i);
        });
    }

    void filter_across(const neighbours<const T>& derived, const neighbours<const T>& smoothed, std::size_t s,
                       std::size_t at) const {
        T *along_row = around(smoothed_[0])[s] + at, *across = around(smoothed_[1])[s] + at,
          *none = around(smoothed_[Rank - 1])[s] + at;
        each_register<V>(pad_.lanes, [=](std::size_t i) XLOSS_INLINE_LAMBDA {
            smooth(derived, i).store(along_row + i);
            derive(smoothed, i).store(across + i);
            smooth(smoothed, i).store(none + i);
        });
    }

    using windows = std::array<neighbours<const T>, Rank>;

    /// Row y of slab s, and those of the slabs around it, of a few quantities.
    windows row_across_slabs(const std::array<T*, Rank>& quantities, std::size_t s, std::size_t y) const {
        const auto one = [&](std::size_t a) -> neighbours<const T> {
            return around(quantities[a]).around(s, y * pad_.pitch);
        };
        if constexpr (Rank == 3)
            return {one(0), one(1), one(2)};
        else
            return {one(0), one(1)};
    }

    static XLOSS_INLINE edge<V, Rank> edge_at(const windows& from, std::size_t i) {
        components<V, Rank> g;
        for (std::size_t a = 0; a + 1 < Rank; ++a)
            g[a] = smooth(from[a], i);
        g[Rank - 1] = derive(from[Rank - 1], i);
        return edge<V, Rank>(g);
    }

    void edges_row(std::size_t s, std::size_t y, T* edges) const {
        const windows from = row_across_slabs(smoothed_, s, y);
        each_register<V>(pad_.lanes, [&, to = row_[0]](std::size_t i)
                                         XLOSS_INLINE_LAMBDA { edge_at(from, i).value.store(to + i); });
        std::copy_n(row_[0], pad_.columns, edges);
    }

    /// Slopes by the components.
    void slopes_row(std::size_t s, std::size_t y, const T* slope_of_edges) const {
        const windows from = row_across_slabs(smoothed_, s, y);
        pad_.read_slopes(slope_of_edges, row_[0]);
        std::array<T*, Rank> to;
        for (std::size_t a = 0; a < Rank; ++a)
            to[a] = around(slopes_[a])[s] + y * pad_.pitch;
        each_register<V>(pad_.lanes, [&, by = row_[0]](std::size_t i) XLOSS_INLINE_LAMBDA {
            const auto slopes = edge_at(from, i).slopes(V::load(by + i));
            for (std::size_t a = 0; a < Rank; ++a)
                slopes[a].store(to[a] + i);
        });
    }

    /// The filter backward. Smoothing with a repeated border is its own transpose; that of the derivative is
    /// minus the derivative, with a border that repeats with the other sign.
    struct signs {
        V before, after;

        signs(std::size_t i, std::size_t n) : before(i == 0 ? -1.0 : 1.0), after(i + 1 == n ? -1.0 : 1.0) {}
    };
    static XLOSS_INLINE V derive_back(const neighbours<const T>& rows, const signs& s, std::size_t i) {
        return s.before * V::load(rows.before + i) - s.after * V::load(rows.after + i);
    }

    /// Slab s, when the slopes by the components of the slab after it are there.
    void collect(std::size_t s, T* slope_of_v) const {
        for (std::size_t y = 0; y < pad_.rows; ++y)
            back_across_slabs(s, y);
        for (std::size_t y = 0; y < pad_.rows; ++y) {
            T *derived = slab_[0], *smoothed = slab_[1];
            if constexpr (Rank == 3) {
                back_across_rows(y);
                derived = row_[0];
                smoothed = row_[1];
            }
            back_along_row(derived, smoothed, slope_of_v + (s * pad_.rows + y) * pad_.columns);
        }
    }

    void back_across_slabs(std::size_t s, std::size_t y) const {
        const windows from = row_across_slabs(slopes_, s, y);
        const signs border(s, pad_.slabs);
        const std::size_t at = y * pad_.pitch;
        each_register<V>(pad_.lanes, [&, this](std::size_t i) XLOSS_INLINE_LAMBDA {
            for (std::size_t a = 0; a + 1 < Rank; ++a)
                smooth(from[a], i).store(slab_[a] + at + i);
            derive_back(from[Rank - 1], border, i).store(slab_[Rank - 1] + at + i);
        });
    }

    void back_across_rows(std::size_t y) const {
        const auto rows = [&](std::size_t a) {
            return neighbours<const T>(slab_[a], y, pad_.rows, pad_.pitch);
        };
        const neighbours<const T> along_row = rows(0), across = rows(1), none = rows(Rank - 1);
        const signs border(y, pad_.rows);
        each_register<V>(pad_.lanes,
                         [&, derived = row_[0], smoothed = row_[1]](std::size_t i) XLOSS_INLINE_LAMBDA {
                             smooth(along_row, i).store(derived + i);
                             (derive_back(across, border, i) + smooth(none, i)).store(smoothed + i);
                         });
    }

    void back_along_row(T* derived, T* smoothed, T* slope_of_v) const {
        pad_.repeat_ends(smoothed);
        pad_.repeat_ends(derived);
        derived[-1] = -derived[-1];
        derived[pad_.columns] = -derived[pad_.columns];
        each_register<V>(pad_.lanes, [=, to = row_[2]](std::size_t i) XLOSS_INLINE_LAMBDA {
            const V d = V::load(derived + i - 1) - V::load(derived + i + 1);
            (d + smooth({smoothed - 1, smoothed, smoothed + 1}, i)).store(to + i);
        });
        std::copy_n(row_[2], pad_.columns, slope_of_v);
    }

    padded<T> pad_;
    std::array<T*, Rank> smoothed_; // three slabs of each quantity of `read`
    std::array<T*, Rank> slopes_;   // three slabs of the slopes by each component
    std::array<T*, Rank> slab_;     // on the way along the rows and back
    std::array<T*, 3> row_;
};

/// How many numbers of scratch memory `sobel_edges` and `sobel_edges_backward` need: a few rows of an image,
/// a few planes of a volume.
template <class T>
std::size_t sobel_scratch(const tensor::grid& g) {
    return g.rank == 3 ? sobel_filter<T, 3>::memory(g) : sobel_filter<T, 2>::memory(g);
}

/// The edges of one image or volume: e = min(1, |g| / 4^(d - 1)), g the d Sobel components: [-1 0 1] along
/// one axis, [1 2 1] along the others; the border is repeated. Row-major and without gaps; `edges` is other
/// memory than v. A step from 0 to 1 along an axis is an edge of 1 on both of its sides.
template <class T>
void sobel_edges(const tensor::grid& g, const T* v, T* edges, T* scratch) {
    if (g.rank == 3)
        sobel_filter<T, 3>(g, scratch).forward(v, edges);
    else
        sobel_filter<T, 2>(g, scratch).forward(v, edges);
}

/// Writes the slopes by v, given those by the edges; each is other memory than v and than the others. Where
/// nothing changes (g = 0) and where the edge is clipped, at exactly 1 too, it passes no slope.
template <class T>
void sobel_edges_backward(const tensor::grid& g, const T* v, const T* slope_of_edges, T* slope_of_v,
                          T* scratch) {
    if (g.rank == 3)
        sobel_filter<T, 3>(g, scratch).backward(v, slope_of_edges, slope_of_v);
    else
        sobel_filter<T, 2>(g, scratch).backward(v, slope_of_edges, slope_of_v);
}

} // namespace xloss::distance

#endif
