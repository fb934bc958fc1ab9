#ifndef XLOSS_DISTANCE_EDT_HPP
#define XLOSS_DISTANCE_EDT_HPP

#include <xloss/config.hpp>
#include <xloss/distance/envelope.hpp>
#include <xloss/distance/scan.hpp>
#include <xloss/distance/squares.hpp>
#include <xloss/distance/window.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/engine/filter_place.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/simd/convert.hpp>
#include <xloss/simd/number.hpp>
#include <xloss/tensor/grid.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

/// \file
/// The exact Euclidean distance transform of one image: of a mask, of both sides of a mask, of all regions of
/// a label map, by the same passes. Each run of a row that lies in one region ends at pixels of another one,
/// at distance 0, so that all regions of a row are transformed one after the other, without a pass for each.
///
/// Passes: the steps along axis 1 (scan.hpp), then the rows along axis 2 (window.hpp, envelope.hpp), slice by
/// slice; in a volume then the columns along axis 0, some neighbouring ones at a time, in a buffer where each
/// is contiguous. Between passes the squares stand in the result. Pieces of work have a fixed size and share
/// nothing, so the number of threads has no influence on any bit.

namespace xloss {

/// What the distance of a pixel inside is, of which the negative is taken.
enum class distance_convention {
    pixel,   ///< to the nearest pixel outside: the inner border is -1
    kervadec ///< less 1, a pixel whatever the spacing: the inner border is 0
};

namespace distance {

namespace detail {

/// How a pass knows the region of a pixel, and whether its distance is 0, positive or negative. After a row
/// pass the squares themselves tell the sides of a mask.
struct inside_of_mask {
    using type = std::uint8_t;
    static constexpr bool in_squares = true;
    static XLOSS_INLINE bool region(type v) { return v != 0; }
    static XLOSS_INLINE bool region_of_square(double h) { return h != 0.0; }
    static XLOSS_INLINE double sign(bool inside) { return inside ? 1.0 : 0.0; }
};

struct sides_of_mask {
    using type = std::uint8_t;
    static constexpr bool in_squares = true;
    static XLOSS_INLINE bool region(type v) { return v != 0; }
    static XLOSS_INLINE bool region_of_square(double h) { return h < 0.0; }
    static XLOSS_INLINE double sign(bool inside) { return inside ? -1.0 : 1.0; }
};

/// One class of a label map against all others.
struct sides_of_class {
    using type = std::int32_t;
    static constexpr bool in_squares = true;
    type label;
    XLOSS_INLINE bool region(type v) const { return v == label; }
    static XLOSS_INLINE bool region_of_square(double h) { return h < 0.0; }
    static XLOSS_INLINE double sign(bool inside) { return inside ? -1.0 : 1.0; }
};

/// Labels below 0 are of no region, and have distance 0.
struct labels {
    using type = std::int32_t;
    static constexpr bool in_squares = false;
    static XLOSS_INLINE type region(type v) { return v; }
    static XLOSS_INLINE double sign(type label) { return label < 0 ? 0.0 : 1.0; }
};

/// Of signed distances.
inline finish finish_of(distance_convention convention) {
    return {.root = true, .sides = true, .inside = convention == distance_convention::kervadec ? 1.0 : 0.0};
}

/// The squares of the pixels [first, first + N) of one side of a mask, 0 on the other: masks instead of ?:,
/// and a constant length, for the sake of g++ -O2.
template <bool Inside, std::size_t N, class S, class Region>
XLOSS_INLINE void side_block(const double* XLOSS_RESTRICT h, std::size_t first, const Region& region,
                             S* XLOSS_RESTRICT to) {
    using bits = std::conditional_t<sizeof(S) == 4, std::uint32_t, std::uint64_t>;
    for (std::size_t q = first; q < first + N; ++q) {
        const auto size = std::bit_cast<bits>(static_cast<S>(h[q])) & (~bits(0) >> 1U);
        to[q] = std::bit_cast<S>(size & (bits(0) - static_cast<bits>(region(q) == Inside)));
    }
}

template <bool Inside, class S, class Region>
void side_of_row(const double* h, std::size_t n, const Region& region, S* to) {
    std::size_t q = 0;
    for (; q + 64 <= n; q += 64)
        side_block<Inside, 64>(h, q, region, to);
    for (; q < n; ++q)
        side_block<Inside, 1>(h, q, region, to);
}

/// Of the absolute values.
template <class S>
S largest(const S* from, std::size_t n) {
    using V = simd::number<S>;
    V most(0.0);
    std::size_t i = 0;
    for (; i + V::width <= n; i += V::width)
        most = greater(most, abs(V::load(from + i)));
    if (i < n)
        most = greater(most, abs(V::load_partial(from + i, n - i)));
    S result(0);
    for (std::size_t lane = 0; lane < V::width; ++lane)
        result = std::max(result, most[lane]);
    return result;
}

/// Scratch memory of one piece: the longest row, its envelope, and columns side by side.
template <class T>
struct scratch_row {
    // A cache line of floats and the one that is fetched with it.
    static constexpr std::size_t columns = 32;

    double* h;
    double* window; // squares with margins, and what the steps make of them, of both sides
    envelope::memory parabolas;
    T* block;
    step_allowance steps_inside{}, steps_outside{};

    static std::size_t doubles(const tensor::grid& g) {
        const std::size_t n = longest(g);
        return n + 3 * (n + 2 * window_margin) + 3 * (n + 2) +
               (g.extent[0] > 1 ? columns * g.extent[0] * sizeof(T) / sizeof(double) : 0) + 8;
    }

    scratch_row(double* memory, const tensor::grid& g) {
        const std::size_t n = longest(g);
        static_assert(sizeof(envelope::span) == sizeof(double));
        h = memory;
        window = h + n;
        parabolas.height = window + 3 * (n + 2 * window_margin);
        parabolas.begin = parabolas.height + n + 2;
        parabolas.spans = reinterpret_cast<envelope::span*>(parabolas.begin + n + 2);
        block = reinterpret_cast<T*>(parabolas.spans + n + 2);
    }

    static std::size_t longest(const tensor::grid& g) { return std::max(g.extent[0], g.extent[2]); }
};

/// A transform of kind K.
template <class K, class T>
class transform {
    using label = typename K::type;

public:
    /// `place` outlives the transform.
    transform(const K& kind, const engine::filter_place& place, const label* from, const finish& f, T* out)
        : kind_(kind), g_(place.where), from_(from), finish_(f), out_(out), executor_(place.executor),
          units_(g_) {
        const std::size_t tables = g_.extent[0] + g_.extent[2];
        const std::size_t slots = executor_.is_serial() ? 1 : engine::pieces_in_flight;
        double* first =
            place.memory.get<double>(engine::scratch::edt_rows, tables + slots * scratch_row<T>::doubles(g_));
        half_inverse_[0] = first;
        half_inverse_[2] = first + g_.extent[0];
        rows_ = first + tables;
        for (const std::size_t axis : {std::size_t{0}, std::size_t{2}})
            fill_half_inverses(units_.spacing[axis], g_.extent[axis], half_inverse_[axis]);
    }

    void run() {
        if (g_.size() == 0)
            return;
        if (g_.extent[0] == 1) {
            const std::size_t strips = pieces(g_.extent[2], strip);
            const std::size_t of_strip = std::min(strip, g_.extent[2]) * g_.extent[1];
            executor_.run({strips, of_strip}, [&](std::size_t i) { scan(0, i * strip, strip); });
            const std::size_t rows = std::max<std::size_t>(1, pixels_of_piece / g_.extent[2]);
            each({pieces(g_.extent[1], rows), rows * work_of(g_.extent[2])},
                 [&](std::size_t i, scratch_row<T>& s) {
                     for (std::size_t y = i * rows; y < std::min((i + 1) * rows, g_.extent[1]); ++y)
                         last_row(y, s);
                 });
            return;
        }
        const std::size_t plane = g_.extent[1] * g_.extent[2];
        each({g_.extent[0], work_of(plane)}, [&](std::size_t z, scratch_row<T>& s) {
            for (std::size_t x = 0; x < g_.extent[2]; x += strip)
                scan(z, x, strip);
            for (std::size_t y = 0; y < g_.extent[1]; ++y)
                row_between(z * g_.extent[1] + y, s);
        });
        const std::size_t width = scratch_row<T>::columns;
        each({pieces(plane, width), work_of(width * g_.extent[0])}, [&](std::size_t i, scratch_row<T>& s) {
            columns(i * width, std::min(width, plane - i * width), s);
        });
    }

private:
    static constexpr std::size_t strip = 256;               // columns whose steps stay in cache
    static constexpr std::size_t pixels_of_piece = 1 << 14; // of rows done by one piece

    static std::size_t pieces(std::size_t n, std::size_t size) { return (n + size - 1) / size; }

    /// Parabolas take several times as long as a loss.
    static std::size_t work_of(std::size_t pixels) { return 4 * pixels; }

    template <class F>
    void each(const engine::work& all, F&& f) {
        engine::for_pieces(
            executor_, all,
            [&](std::size_t piece, std::size_t slot) {
                scratch_row<T> s(rows_ + slot * scratch_row<T>::doubles(g_), g_);
                f(piece, s);
            },
            [](std::size_t, std::size_t) {});
    }

    void scan(std::size_t z, std::size_t x, std::size_t width) {
        const std::size_t at = z * g_.extent[1] * g_.extent[2] + x;
        scan_columns(kind_, from_ + at, out_ + at, g_.extent[1], std::min(width, g_.extent[2] - x),
                     g_.extent[2]);
    }

    void along_row(std::size_t row, scratch_row<T>& s) {
        const std::size_t n = g_.extent[2];
        load_steps(out_ + row * n, s.h, n, units_.spacing[1]);
        const label* labels = from_ + row * n;
        along(2, s, [labels, kind = kind_](std::size_t q) { return kind.region(labels[q]); });
    }

    void last_row(std::size_t row, scratch_row<T>& s) {
        along_row(row, s);
        store_finished(s.h, out_ + row * g_.extent[2], g_.extent[2], finish_, units_);
    }

    void row_between(std::size_t row, scratch_row<T>& s) {
        along_row(row, s);
        store_squares(s.h, out_ + row * g_.extent[2], g_.extent[2], units_.as_bits);
    }

    /// `count` neighbouring columns along axis 0, from the pixel `at` of the first slice on.
    void columns(std::size_t at, std::size_t count, scratch_row<T>& s) {
        const std::size_t n = g_.extent[0], plane = g_.extent[1] * g_.extent[2];
        for (std::size_t z = 0; z < n; ++z)
            for (std::size_t c = 0; c < count; ++c)
                s.block[c * n + z] = out_[z * plane + at + c];
        for (std::size_t c = 0; c < count; ++c) {
            T* column = s.block + c * n;
            load_squares(column, s.h, n, units_.as_bits);
            along_column(at + c, s);
            store_finished(s.h, column, n, finish_, units_);
        }
        for (std::size_t z = 0; z < n; ++z)
            for (std::size_t c = 0; c < count; ++c)
                out_[z * plane + at + c] = s.block[c * n + z];
    }

    void along_column(std::size_t at, scratch_row<T>& s) {
        if constexpr (K::in_squares) {
            along(0, s, [h = s.h](std::size_t q) { return K::region_of_square(h[q]); });
        } else {
            const label* labels = from_ + at;
            const std::size_t plane = g_.extent[1] * g_.extent[2];
            along(0, s, [=, kind = kind_](std::size_t q) { return kind.region(labels[q * plane]); });
        }
    }

    /// Short distances step by step, long ones by parabolas.
    template <class Region>
    void along(std::size_t axis, scratch_row<T>& s, const Region& region) {
        if constexpr (K::in_squares && simd::native_width < float >> 1) {
            if (units_.small)
                along_windows<float>(axis, s, region);
            else
                along_windows<double>(axis, s, region);
        } else {
            along_parabolas(axis, s, region, [](std::size_t, std::size_t) { return false; });
        }
    }

    template <class IsDone, class Region>
    void along_parabolas(std::size_t axis, scratch_row<T>& s, const Region& region, const IsDone& is_done) {
        const std::size_t n = g_.extent[axis];
        envelope parabolas(s.parabolas, n, units_.spacing[axis], half_inverse_[axis]);
        transform_row(
            parabolas, s.h, n, region, [](const auto& r) { return K::sign(r); }, is_done);
    }

    template <class S, class Region>
    void along_windows(std::size_t axis, scratch_row<T>& s, const Region& region) {
        const std::size_t n = g_.extent[axis];
        const auto spacing = static_cast<S>(units_.spacing[axis]);
        S* squares = reinterpret_cast<S*>(s.window) + window_margin;
        S* found = squares + n + window_margin;
        side_of_row<true>(s.h, n, region, squares);
        window_row(squares, n, spacing, found, s.steps_inside);
        if (K::sign(true) < 0.0) { // outside less inside
            S* outside = found + n + window_margin;
            side_of_row<false>(s.h, n, region, squares);
            window_row(squares, n, spacing, outside, s.steps_outside);
            for (std::size_t q = 0; q < n; ++q)
                found[q] = outside[q] - found[q];
        }
        const S reach = spacing * static_cast<S>(window_reach), most = reach * reach;
        const auto is_near = [=](std::size_t first, std::size_t last) {
            bool far = false;
            for (std::size_t q = first; q < last; ++q)
                far |= found[q] > most || -found[q] > most;
            return !far;
        };
        if (!(largest(found, n) > most)) {
            simd::convert(found, s.h, n);
            return;
        }
        along_parabolas(axis, s, region, [&](std::size_t first, std::size_t last) {
            if (!is_near(first, last))
                return false;
            simd::convert(found + first, s.h + first, last - first);
            return true;
        });
    }

    K kind_;
    const tensor::grid& g_;
    const label* from_;
    finish finish_;
    T* out_;
    const executor_ref& executor_;
    units<T> units_;
    std::array<double*, tensor::grid::axes> half_inverse_{};
    double* rows_;
};

} // namespace detail

/// Squared distance of every pixel with inside[i] != 0 to the nearest with inside[i] == 0, and 0 at those.
/// Infinite everywhere without a zero.
template <class T>
void squared_distances(const engine::filter_place& place, const std::uint8_t* inside, T* out) {
    detail::transform<detail::inside_of_mask, T>({}, place, inside, {}, out).run();
}

/// The roots of `squared_distances`.
template <class T>
void distances(const engine::filter_place& place, const std::uint8_t* inside, T* out) {
    detail::transform<detail::inside_of_mask, T>({}, place, inside, {.root = true}, out).run();
}

/// Distance of every pixel to the nearest one of the other side of the mask, negative inside; both sides in
/// one transform. 0 everywhere for an empty or full mask.
template <class T>
void signed_distances(const engine::filter_place& place, const std::uint8_t* inside,
                      distance_convention convention, T* out) {
    detail::transform<detail::sides_of_mask, T>({}, place, inside, detail::finish_of(convention), out).run();
}

/// `signed_distances` of the mask of one class of a label map.
template <class T>
void class_distances(const engine::filter_place& place, const std::int32_t* labels, std::int32_t label,
                     distance_convention convention, T* out) {
    detail::transform<detail::sides_of_class, T>({label}, place, labels, detail::finish_of(convention), out)
        .run();
}

/// Distance of every pixel to the nearest one of another label, or its square; 0 where the label is negative,
/// infinite everywhere if there is one label alone. One transform, however many labels.
template <class T>
void label_distances(const engine::filter_place& place, const std::int32_t* labels, bool squared, T* out) {
    detail::transform<detail::labels, T>({}, place, labels, {.root = !squared}, out).run();
}

} // namespace distance
} // namespace xloss

#endif
