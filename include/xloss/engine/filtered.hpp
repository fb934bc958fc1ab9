#ifndef XLOSS_ENGINE_FILTERED_HPP
#define XLOSS_ENGINE_FILTERED_HPP

#include <xloss/config.hpp>
#include <xloss/engine/bind.hpp>
#include <xloss/engine/crew.hpp>
#include <xloss/engine/element_rows.hpp>
#include <xloss/engine/filter_place.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/region_set.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/simd/dual.hpp>
#include <xloss/simd/flush.hpp>
#include <xloss/simd/number.hpp>
#include <xloss/tensor/grid.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>

namespace xloss::engine {

/// The spatial axes of logits. A channel axis of one, which binary masks often have, is none.
template <class Loss>
tensor::grid spatial_grid(const tensor::shape& logits, mode md, std::span<const double> spacing) {
    static const std::string name = public_name(Loss::name); // made once: calls allocate nothing
    const bool channel = md != mode::binary || (logits.rank > 2 && logits[1] == 1);
    return {name, logits, channel ? 2U : 1U, spacing};
}

/// A loss of what a filter makes of prediction and target: `filter(place)` is one, `at(pixel, map of p, map
/// of y)` gives what a pixel adds to the sums of a region, `region_loss(sums, weight)` the loss. Where a
/// pixel is absent p and y are 0 to the filter.
template <class T, class Loss>
class filtered_regions {
    using V = simd::number<T>;
    using reader = element_reader<T>;
    using filter_type =
        decltype(std::declval<const Loss&>().template filter<T>(std::declval<const filter_place&>()));
    static constexpr std::size_t sums = filtered_sums<Loss>;
    static constexpr bool has_backward = requires(filter_type & f, T* to) { f.backward(to, to, to); };
    static constexpr bool can_spoil = requires(filter_type & f, std::uint8_t* to) { f.spoil(to, to); };

public:
    /// Whether one of so many regions of so many pixels is better evaluated by several threads than several
    /// regions at a time.
    static bool splits(std::size_t regions, std::size_t) { return regions == 1; }

    filtered_regions(const Loss& loss, const sweep_inputs<T>& in, const reader& elements,
                     const region_set& regions)
        : loss_(loss), elements_(elements), regions_(regions), g_(in.y.geometry()), executor_(in.executor),
          padded_((g_.pixels + V::width - 1) / V::width * V::width),
          rows_(in.memory.template get<T>(scratch::planes, planes() * rows_of_plane * padded_)),
          absent_(in.memory.template get<std::uint8_t>(scratch::absent, planes() * g_.pixels)),
          found_(in.memory.template get<plane_sums>(scratch::plane_sums, planes())), masked_(in.y.masked()),
          workers_(workers(), executor_, in.memory, [&](auto& place, const auto& own, workspace& memory) {
              const tensor::grid where = spatial_grid<Loss>(in.y.logits_shape(), in.y.md(), spacing_of(loss));
              place.emplace(loss, where, own, memory, padded_);
          }) {}

    /// As of `ranked_regions`.
    template <bool Gradient>
    region_found evaluate(std::size_t group, std::size_t c, T* slopes) {
        const std::size_t first = regions_.first_sample(group);
        workers_.run(executor_, planes(), g_.pixels, [&](worker& w, std::size_t k) {
            read_plane(w, k, first + k, c);
            make_maps(w, k);
            found_[k] = sums_of(k);
        });
        plane_sums all;
        for (std::size_t k = 0; k < planes(); ++k)
            all.merge(found_[k]);
        const dual<sums> loss = loss_of(all.totals, all.found.weight);
        all.found.loss = loss.value;
        if constexpr (Gradient)
            workers_.run(executor_, planes(), g_.pixels, [&](worker& w, std::size_t k) {
                write_slopes(w, k, loss.slope, slopes + g_.first(first + k, c));
            });
        return all.found;
    }

private:
    /// What is kept of every plane of a region, and what one plane needs at a time.
    enum row : std::size_t { raw_row, y_row, m_row, p_map_row, y_map_row };
    enum spare : std::size_t { p_row, map_slope_row, p_slope_row };
    // Numbers, since clang takes an enumerator that is multiplied for a loss with a factor.
    static constexpr std::size_t rows_of_plane = y_map_row + 1, spare_rows = p_slope_row + 1;

    /// What a plane adds to its region.
    struct plane_sums {
        std::array<double, sums> totals{};
        region_found found{};

        void merge(const plane_sums& other) {
            for (std::size_t q = 0; q < sums; ++q)
                totals[q] += other.totals[q];
            found.weight += other.found.weight;
            found.target += other.found.target;
            found.valid += other.found.valid;
        }
    };

    /// Does one plane at a time.
    struct worker {
        filter_place place;
        filter_type filter;
        std::size_t padded;
        T* rows;
        std::uint8_t* spoiled;

        worker(const Loss& loss, const tensor::grid& where, const executor_ref& executor, workspace& memory,
               std::size_t padded_plane)
            : place{where, executor, memory}, filter(loss.template filter<T>(place)), padded(padded_plane),
              rows(memory.template get<T>(scratch::spare_planes, spare_rows * padded_plane)),
              spoiled(memory.template get<std::uint8_t>(scratch::spoiled, padded_plane)) {}

        worker(const worker&) = delete; // the filter refers to its place
        worker& operator=(const worker&) = delete;

        [[nodiscard]] T* at(spare r) const { return rows + std::size_t{r} * padded; }
    };

    [[nodiscard]] std::size_t planes() const { return regions_.samples_per_group(); }

    /// As many as filter planes at a time.
    [[nodiscard]] std::size_t workers() const {
        return std::min(crew<worker>::size_for(executor_, planes(), g_.pixels), workers_for(g_.pixels));
    }

    static auto spacing_of(const Loss& loss) {
        if constexpr (requires { loss.spacing; })
            return std::span<const double>(loss.spacing);
        else
            return std::span<const double>();
    }

    [[nodiscard]] T* at(std::size_t k, row r) const {
        return rows_ + (k * rows_of_plane + std::size_t{r}) * padded_;
    }
    std::uint8_t* absent(std::size_t k) const { return absent_ + k * g_.pixels; }

    /// The kind of a kept row: what `smaller_of` gives, or the probability as it was given.
    template <row_kind Kind>
    static constexpr row_kind kept_kind = Kind == row_kind::given ? row_kind::given : row_kind::smaller;

    template <class F>
    void with_kept_kind(F&& f) const {
        if (elements_.kind() == row_kind::given)
            f.template operator()<row_kind::given>();
        else
            f.template operator()<row_kind::smaller>();
    }

    void read_plane(const worker& w, std::size_t k, std::size_t b, std::size_t c) const {
        for (std::size_t i = 0; i < g_.pixels; i += tile_size) {
            typename reader::buffers r;
            const std::size_t n = std::min(tile_size, g_.pixels - i);
            const typename reader::rows rows = elements_.read(b, c, i, n, r);
            const simd::flush_denormals flush;
            elements_.with_kind([&]<row_kind Kind>() {
                reader::template each_element<Kind>(
                    rows, n,
                    [=, raws = at(k, raw_row) + i, ps = w.at(p_row) + i, ys = at(k, y_row) + i,
                     ms = at(k, m_row) + i](std::size_t j, const pixel<V>& s, const V& m, const auto& counts)
                        XLOSS_INLINE_LAMBDA {
                            const V kept = kept_kind<Kind> == row_kind::given ? s.p : smaller_of(s.p, s.q);
                            select(counts, kept).store(raws + j);
                            select(counts, s.p).store(ps + j);
                            select(counts, s.y).store(ys + j);
                            m.store(ms + j);
                        });
            });
        }
        if (masked_)
            std::transform(at(k, m_row), at(k, m_row) + g_.pixels, absent(k),
                           [](T m) { return static_cast<std::uint8_t>(m == T(0) ? 1 : 0); });
    }

    /// p comes last: its map is the one that may be pulled back.
    void make_maps(worker& w, std::size_t k) const {
        w.filter.forward(at(k, y_row), at(k, y_map_row));
        w.filter.forward(w.at(p_row), at(k, p_map_row));
        if constexpr (can_spoil)
            if (masked_) {
                w.filter.spoil(absent(k), w.spoiled);
                std::transform(w.spoiled, w.spoiled + g_.pixels, at(k, m_row), at(k, m_row),
                               [](std::uint8_t gone, T m) { return gone ? T(0) : m; });
            }
    }

    /// Calls f(j, points, pixel, weight) for the vectors of a plane.
    template <class F>
    void each_point(std::size_t k, std::size_t first, std::size_t n, F&& f) const {
        const simd::flush_denormals flush;
        with_kept_kind([&]<row_kind Kind>() {
            reader::template each_element<Kind>(
                {at(k, raw_row) + first, at(k, y_row) + first, at(k, m_row) + first}, n,
                [&, loss = loss_, of_p = at(k, p_map_row) + first, of_y = at(k, y_map_row) + first](
                    std::size_t j, const pixel<V>& s, const V& m, const auto& counts) XLOSS_INLINE_LAMBDA {
                    f(first + j, loss.at(s, V::load(of_p + j), V::load(of_y + j)), s, m, counts);
                });
        });
    }

    [[nodiscard]] plane_sums sums_of(std::size_t k) const {
        plane_sums all;
        for (std::size_t i = 0; i < g_.pixels; i += tile_size) {
            const std::size_t n = std::min(tile_size, g_.pixels - i);
            std::array<V, sums> run{};
            V weight(0.0), target(0.0), valid(0.0);
            each_point(k, i, n,
                       [&](std::size_t, const auto& points, const pixel<V>& s, const V& m, const auto& counts)
                           XLOSS_INLINE_LAMBDA {
                               for (std::size_t q = 0; q < sums; ++q)
                                   run[q] += select(counts, points[q].value * m);
                               weight += m;
                               target += m * s.y;
                               valid += select(counts, V(1.0));
                           });
            for (std::size_t q = 0; q < sums; ++q)
                all.totals[q] += static_cast<double>(sum(run[q]));
            all.found.weight += static_cast<double>(sum(weight));
            all.found.target += static_cast<double>(sum(target));
            all.found.valid += static_cast<double>(sum(valid));
        }
        return all;
    }

    /// The loss of a region, with its slopes by the sums.
    [[nodiscard]] dual<sums> loss_of(const std::array<double, sums>& totals, double weight) const {
        std::array<dual<sums>, sums> lifted;
        for (std::size_t q = 0; q < sums; ++q) {
            lifted[q] = dual<sums>(totals[q]);
            lifted[q].slope[q] = 1.0;
        }
        return weight == 0.0 ? dual<sums>(0.0) : dual<sums>(loss_.region_loss(lifted, weight));
    }

    void write_slopes(worker& w, std::size_t k, const std::array<double, sums>& by_sum, T* to) const {
        std::array<V, sums> by;
        std::copy(by_sum.begin(), by_sum.end(), by.begin());
        T* const direct = w.at(p_slope_row);
        T* const by_map = w.at(map_slope_row);
        each_point(k, 0, g_.pixels,
                   [=](std::size_t j, const auto& points, const pixel<V>&, const V& m, const auto& counts)
                       XLOSS_INLINE_LAMBDA {
                           V slope(0.0), slope_by_map(0.0);
                           for (std::size_t q = 0; q < sums; ++q) {
                               slope = fma(by[q], points[q].by_p, slope);
                               slope_by_map = fma(by[q], points[q].by_map, slope_by_map);
                           }
                           select(counts, slope * m).store(direct + j);
                           if constexpr (has_backward)
                               select(counts, slope_by_map * m).store(by_map + j);
                       });
        if constexpr (has_backward) {
            pull_map(w, k, to);
            std::transform(to, to + g_.pixels, direct, to, std::plus<T>());
        } else {
            std::copy_n(direct, g_.pixels, to);
        }
        if (masked_)
            std::transform(to, to + g_.pixels, absent(k), to,
                           [](T slope, std::uint8_t gone) { return gone ? T(0) : slope; });
    }

    /// The slopes by p of those by its map. The filter remembers the last plane alone.
    void pull_map(worker& w, std::size_t k, T* to) const {
        if (planes() > 1) {
            with_kept_kind([&]<row_kind Kind>() {
                reader::template each_element<Kind>(
                    {at(k, raw_row), at(k, y_row), nullptr}, g_.pixels,
                    [ps = w.at(p_row)](std::size_t j, const pixel<V>& s, const V&, const auto&)
                        XLOSS_INLINE_LAMBDA { s.p.store(ps + j); });
            });
            w.filter.forward(w.at(p_row), at(k, p_map_row));
        }
        w.filter.backward(w.at(p_row), w.at(map_slope_row), to);
    }

    const Loss& loss_;
    const reader& elements_;
    const region_set& regions_;
    const geometry& g_;
    const executor_ref& executor_;
    std::size_t padded_;
    T* rows_;
    std::uint8_t* absent_;
    plane_sums* found_;
    bool masked_;
    crew<worker> workers_;
};

} // namespace xloss::engine

#endif
