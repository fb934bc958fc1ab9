#ifndef XLOSS_ENGINE_RANKED_HPP
#define XLOSS_ENGINE_RANKED_HPP

#include <xloss/config.hpp>
#include <xloss/engine/crew.hpp>
#include <xloss/engine/element_rows.hpp>
#include <xloss/engine/ranking.hpp>
#include <xloss/engine/region_set.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/simd/flush.hpp>
#include <xloss/simd/number.hpp>
#include <xloss/simd/prefetch.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace xloss::engine {

/// A loss of the errors of a region in falling order: `error(pixel)` gives the error and its slope, by the
/// logit where the loss says `slopes_by_logit`, else by p. An error that is not above 0 has no part in it.
template <class T, class Loss>
class ranked_regions {
    using V = simd::number<T>;
    using reader = element_reader<T>;

public:
    /// Whether one of so many regions of so many pixels is better ranked by several threads than several
    /// regions at a time.
    static bool splits(std::size_t regions, std::size_t pixels) { return one_by_one(regions, pixels); }

    ranked_regions(const Loss& loss, const sweep_inputs<T>& in, const reader& elements,
                   const region_set& regions)
        : loss_(loss), elements_(elements), regions_(regions), g_(in.y.geometry()),
          ranking_(regions.samples_per_group() * g_.pixels, in.executor, in.memory) {}

    /// The loss of class c of a group; with Gradient the slopes of its elements, that of the first element of
    /// the call at `slopes`.
    template <bool Gradient>
    region_found evaluate(std::size_t group, std::size_t c, T* slopes) {
        const std::size_t first = regions_.first_sample(group);
        ranking_.collect(regions_.samples_per_group() * g_.pixels,
                         [&](auto& to, std::size_t number, std::size_t end) {
                             while (number < end)
                                 number += add<Gradient>(to, first, c, number, end, slopes);
                         });
        if constexpr (Gradient)
            write_slopes(first, c, slopes);
        return {ranking_.value(), ranking_.weight(), ranking_.target(), 0.0};
    }

private:
    /// Pixels are numbered through the samples of the group, whose planes lie apart.
    void write_slopes(std::size_t first, std::size_t c, T* slopes) {
        if (regions_.samples_per_group() == 0)
            return; // there may be no memory for slopes
        T* plane = slopes + g_.first(first, c);
        const std::size_t skip = (g_.classes - 1) * g_.pixels;
        if (regions_.samples_per_group() == 1 || skip == 0)
            ranking_.each_slope(slope_writer{plane});
        else // numbers of ranked pixels fit into 32 bits
            ranking_.each_slope(strewn_writer{plane, static_cast<std::uint32_t>(g_.pixels), skip});
    }

    /// To one plane.
    struct slope_writer {
        T* plane;

        void operator()(std::size_t pixel, T slope) const { plane[pixel] = slope; }
        void ahead(std::size_t pixel) const { simd::prefetch_to_write(plane + pixel); }
    };

    /// To planes of so many pixels, with `skip` others between them. A division of 64 bits would take several
    /// times as long.
    struct strewn_writer {
        T* plane;
        std::uint32_t pixels;
        std::size_t skip;

        void operator()(std::size_t pixel, T slope) const { *place(pixel) = slope; }
        void ahead(std::size_t pixel) const { simd::prefetch_to_write(place(pixel)); }
        [[nodiscard]] T* place(std::size_t pixel) const {
            return plane + pixel + static_cast<std::uint32_t>(pixel) / pixels * skip;
        }
    };

    /// Adds a tile of pixels from `number` on, but of one sample, to the ranking; how many these are.
    template <bool Gradient, class To>
    std::size_t add(To& to, std::size_t first, std::size_t c, std::size_t number, std::size_t end,
                    T* slopes) const {
        typename reader::buffers r;
        alignas(64) std::array<T, tile_size> error, slope;
        const std::size_t b = first + number / g_.pixels, i = number % g_.pixels;
        const std::size_t n = std::min({tile_size, g_.pixels - i, end - number});
        const typename reader::rows rows = elements_.read(b, c, i, n, r);
        write_errors(rows, n, error.data(), slope.data());
        if constexpr (Gradient)
            std::fill_n(slopes + g_.first(b, c) + i, n, T(0)); // of what is not ranked
        to.add(error.data(), slope.data(), rows.y, rows.m, n, number);
        return n;
    }

    /// Of n pixels, and their slopes.
    XLOSS_NOINLINE void write_errors(const typename reader::rows& rows, std::size_t n, T* error,
                                     T* slope) const {
        const simd::flush_denormals flush;
        elements_.with_kind([&]<row_kind Kind>() {
            reader::template each_element<Kind>(rows, n,
                                                [=, loss = loss_](std::size_t j, const pixel<V>& s, const V&,
                                                                  const auto&) XLOSS_INLINE_LAMBDA {
                                                    const point<V> e = loss.error(s);
                                                    e.value.store(error + j);
                                                    e.slope.store(slope + j);
                                                });
        });
    }

    const Loss& loss_;
    const reader& elements_;
    const region_set& regions_;
    const geometry& g_;
    jaccard_ranking<T> ranking_;
};

} // namespace xloss::engine

#endif
