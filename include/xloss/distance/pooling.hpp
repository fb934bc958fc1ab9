#ifndef XLOSS_DISTANCE_POOLING_HPP
#define XLOSS_DISTANCE_POOLING_HPP

#include <xloss/config.hpp>
#include <xloss/distance/padded.hpp>
#include <xloss/simd/number.hpp>

#include <cstddef>

/// \file
/// Rows of min- and max-pooling over three neighbours along an axis, and their derivatives. The rows are
/// `padded`: a window that would reach over the border finds the border pixel again, which is the same as a
/// window without what is outside.
///
/// The slope of a window goes to its first extreme element. At the border that may be the repeated pixel,
/// which is why slopes written through `neighbours` arrive at the border pixel itself. The last of three is
/// chosen only where it is better than both others, so never beyond the end.

namespace xloss::distance {

/// Min-pooling.
struct least {
    template <class V>
    static XLOSS_INLINE V best(const V& a, const V& b) {
        return lesser(a, b);
    }
};

/// Max-pooling.
struct greatest {
    template <class V>
    static XLOSS_INLINE V best(const V& a, const V& b) {
        return greater(a, b);
    }
};

/// The best of a window of three.
template <class Order, class V>
XLOSS_INLINE V best_of(const V& before, const V& here, const V& after) {
    return Order::best(Order::best(before, here), after);
}

/// The same along a row, around element i.
template <class Order, class V, class T>
XLOSS_INLINE V best_in_row(const T* row, std::size_t i) {
    return best_of<Order>(V::load(row + i - 1), V::load(row + i), V::load(row + i + 1));
}

/// The same across rows.
template <class Order, class V, class T>
XLOSS_INLINE V best_across(const neighbours<const T>& rows, std::size_t i) {
    return best_of<Order>(V::load(rows.before + i), V::load(rows.here + i), V::load(rows.after + i));
}

/// A slope that goes to one of three.
template <class V>
struct passed {
    V before, here, after;

    /// To the first that is the best.
    XLOSS_INLINE passed(const V& slope, const V& best, const V& first, const V& second) {
        V rest;
        part(first == best, slope, before, rest);
        part(second == best, rest, here, after);
    }
};

/// Adds to memory.
template <class V, class T>
XLOSS_INLINE void add(T* to, const V& v) {
    (V::load(to) + v).store(to);
}

/// Adds the slopes of windows across rows to the slopes of the rows.
template <class V, class T>
XLOSS_INLINE void pass_across(const neighbours<const T>& values, const neighbours<T>& slopes, std::size_t i,
                              const V& best, const V& slope) {
    const passed<V> to(slope, best, V::load(values.before + i), V::load(values.here + i));
    // One after the other: at the border the rows are the same.
    add(slopes.before + i, to.before);
    add(slopes.here + i, to.here);
    add(slopes.after + i, to.after);
}

/// Slopes that windows along a row pass to the left and to the right, as long as the row is under way.
template <class T>
struct sideways {
    T* left;
    T* right;

    /// Adds the slope of the windows around elements i, i + 1, ...; what stays there is added at once.
    template <class V>
    XLOSS_INLINE void pass(const T* row, T* slopes, std::size_t i, const V& best, const V& slope) const {
        const passed<V> to(slope, best, V::load(row + i - 1), V::load(row + i));
        to.before.store(left + i);
        to.after.store(right + i);
        add(slopes + i, to.here);
    }

    /// Adds what was passed on to the slopes of the row.
    template <class V>
    XLOSS_INLINE void arrive(T* slopes, std::size_t lanes) const {
        each_register<V>(lanes, [=, this](std::size_t i) XLOSS_INLINE_LAMBDA {
            add(slopes + i, V::load(left + i + 1) + V::load(right + i - 1));
        });
        slopes[0] += left[0];
    }
};

/// One row of max-pooling along the row.
template <class T>
void dilate_row(const T* row, T* to, std::size_t lanes) {
    using V = simd::number<T>;
    each_register<V>(lanes, [=](std::size_t i)
                                XLOSS_INLINE_LAMBDA { best_in_row<greatest, V>(row, i).store(to + i); });
}

/// Its derivative: adds to the slopes of the row.
template <class T>
void dilate_row_backward(const T* row, const T* slopes_of_result, T* slopes, const sideways<T>& aside,
                         std::size_t lanes) {
    using V = simd::number<T>;
    each_register<V>(lanes, [=](std::size_t i) XLOSS_INLINE_LAMBDA {
        aside.pass(row, slopes, i, best_in_row<greatest, V>(row, i), V::load(slopes_of_result + i));
    });
    aside.template arrive<V>(slopes, lanes);
}

/// One row of max-pooling across rows.
template <class T>
void dilate_across(const neighbours<const T>& rows, T* to, std::size_t lanes) {
    using V = simd::number<T>;
    each_register<V>(lanes, [=](std::size_t i)
                                XLOSS_INLINE_LAMBDA { best_across<greatest, V>(rows, i).store(to + i); });
}

/// Its derivative: adds to the slopes of the rows.
template <class T>
void dilate_across_backward(const neighbours<const T>& rows, const T* slopes_of_result,
                            const neighbours<T>& slopes, std::size_t lanes) {
    using V = simd::number<T>;
    each_register<V>(lanes, [=](std::size_t i) XLOSS_INLINE_LAMBDA {
        pass_across(rows, slopes, i, best_across<greatest, V>(rows, i), V::load(slopes_of_result + i));
    });
}

/// A row with its neighbours along the two slower axes; those that a grid of lower rank lacks are not read.
template <class T>
struct surroundings {
    neighbours<T> slabs;
    neighbours<T> rows;
};

/// The least values of the windows along each axis.
template <std::size_t Rank, class V>
struct axis_minima {
    V slabs, rows, row;

    template <class T>
    XLOSS_INLINE axis_minima(const surroundings<const T>& from, std::size_t i)
        : row(best_in_row<least, V>(from.slabs.here, i)) {
        if constexpr (Rank > 1)
            slabs = best_across<least, V>(from.slabs, i);
        if constexpr (Rank > 2)
            rows = best_across<least, V>(from.rows, i);
    }

    /// The least of the slower axes.
    XLOSS_INLINE V slower() const {
        if constexpr (Rank > 2)
            return lesser(slabs, rows);
        else
            return slabs;
    }

    XLOSS_INLINE V least_of_all() const {
        if constexpr (Rank > 1)
            return lesser(slower(), row);
        else
            return row;
    }
};

/// One row of erosion: the least value over the windows along each axis.
template <std::size_t Rank, class T>
void erode_row(const surroundings<const T>& from, T* to, std::size_t lanes) {
    using V = simd::number<T>;
    each_register<V>(lanes, [=](std::size_t i) XLOSS_INLINE_LAMBDA {
        axis_minima<Rank, V>(from, i).least_of_all().store(to + i);
    });
}

/// A slope that goes to the lesser of two, half to each where they are equal.
template <class V>
struct divided {
    V first, second;

    XLOSS_INLINE divided(const V& slope, const V& a, const V& b) {
        V none;
        part(a > b, select(a < b, slope, V(0.5) * slope), none, first);
        second = slope - first;
    }
};

/// The derivative of erosion: adds the slopes of one row of the result to those of the rows around it.
template <std::size_t Rank, class T>
void erode_row_backward(const surroundings<const T>& values, const T* slopes_of_result,
                        const surroundings<T>& slopes, const sideways<T>& aside, std::size_t lanes) {
    using V = simd::number<T>;
    each_register<V>(lanes, [=](std::size_t i) XLOSS_INLINE_LAMBDA {
        const axis_minima<Rank, V> m(values, i);
        V along = V::load(slopes_of_result + i);
        if constexpr (Rank > 1) {
            const divided<V> axes(along, m.slower(), m.row);
            along = axes.second;
            V across = axes.first;
            if constexpr (Rank > 2) {
                const divided<V> slower(across, m.slabs, m.rows);
                across = slower.first;
                pass_across(values.rows, slopes.rows, i, m.rows, slower.second);
            }
            pass_across(values.slabs, slopes.slabs, i, m.slabs, across);
        }
        aside.pass(values.slabs.here, slopes.slabs.here, i, m.row, along);
    });
    aside.template arrive<V>(slopes.slabs.here, lanes);
}

} // namespace xloss::distance

#endif
