#ifndef XLOSS_ENGINE_DISTANCE_MAPS_HPP
#define XLOSS_ENGINE_DISTANCE_MAPS_HPP

#include <xloss/engine/bind.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/engine/filter_place.hpp>
#include <xloss/engine/filtered.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xloss::engine {

/// A loss that can make the distance map it looks at, of one plane of the target.
template <class Loss>
concept makes_distance = requires(const Loss& loss, const filter_place& place, const std::uint8_t* mask,
                                  float* to) {
    loss.make_distance(place, mask, to);
    loss.spacing;
};

/// The pixels [first, end) of the mask y > 1/2 of a sample and class.
template <class T>
void read_mask(const target<T>& y, std::size_t b, std::size_t c, std::size_t first, std::size_t end,
               std::uint8_t* mask) {
    alignas(64) std::array<T, tile_size> ys, ms, spare;
    for (std::size_t i = first; i < end; i += tile_size) {
        const std::size_t n = std::min(tile_size, end - i);
        const auto rows = y.read(b, c, i, n, ys.data(), ms.data(), spare.data());
        for (std::size_t j = 0; j < n; ++j)
            mask[i + j] = rows.y[j] > T(0.5) && !(rows.m && rows.m[j] == T(0)) ? 1 : 0;
    }
}

/// The distance maps of the classes that this loss counts, of all samples: of the mask y > 1/2, in which an
/// absent pixel is background.
template <class T, class Loss>
void make_distances(const Loss& loss, target<T>& y, const executor_ref& executor, workspace& memory) {
    const geometry& g = y.geometry();
    const filter_place all{spatial_grid<Loss>(y.logits_shape(), y.md(), loss.spacing), executor, memory};
    T* maps = memory.template get<T>(scratch::distance_maps, g.size());
    const class_subset counted{&loss.classes, loss.include_background};
    constexpr std::size_t piece_size = 16 * tile_size;
    const work reading{(g.pixels + piece_size - 1) / piece_size, std::min(piece_size, g.pixels)};
    each_map(all, g.samples * g.classes, [&](const filter_place& place, std::size_t row) {
        const std::size_t b = row / g.classes, c = row % g.classes;
        T* to = maps + g.first(b, c);
        if (!counted.has(c)) {
            std::fill_n(to, g.pixels, T(0));
            return;
        }
        auto* mask = place.room<std::uint8_t>(g.pixels);
        place.executor.run(reading, [&](std::size_t piece) {
            const std::size_t first = piece * piece_size;
            read_mask(y, b, c, first, std::min(g.pixels, first + piece_size), mask);
        });
        loss.make_distance(place, mask, to);
    });
    y.set_distance_made(maps);
}

/// Makes the distances of the first loss that can, also inside a selection, where none are there.
template <class T, class... Losses>
void make_missing_distances(const std::tuple<weighted_loss<Losses>...>& losses, target<T>& y,
                            const executor_ref& executor, workspace& memory) {
    const auto one = [&]<class Loss>(const Loss& loss) {
        if constexpr (selects<Loss>) {
            make_missing_distances(terms_of(loss.loss), y, executor, memory);
        } else if constexpr (makes_distance<Loss>) {
            if (!y.has_distance())
                make_distances(loss, y, executor, memory);
        }
    };
    std::apply([&](const auto&... each) { (one(each.loss), ...); }, losses);
}

template <class... Losses>
constexpr bool any_needs_distance(const std::type_identity<std::tuple<weighted_loss<Losses>...>>&);

/// Whether a loss looks at distances that it does not make, or one that a selection holds does.
template <class Loss>
constexpr bool needs_distance() {
    if constexpr (selects<Loss>)
        return any_needs_distance(
            std::type_identity<
                std::remove_cvref_t<decltype(terms_of(std::declval<const selected_loss<Loss>&>()))>>{});
    else
        return term_sees_distance<Loss>;
}

template <class... Losses>
constexpr bool any_needs_distance(const std::type_identity<std::tuple<weighted_loss<Losses>...>>&) {
    return (needs_distance<std::remove_cvref_t<Losses>>() || ...);
}

/// Where a loss looks at distances and none ride on the target: those that the first of them makes.
template <class T, class... Losses>
void find_distances(const std::tuple<weighted_loss<Losses>...>& losses, target<T>& y,
                    const executor_ref& executor, workspace& memory) {
    make_missing_distances(losses, y, executor, memory);
    if (any_needs_distance(std::type_identity<std::tuple<weighted_loss<Losses>...>>{}) && !y.has_distance())
        tensor::raise<target_error>(
            {y.loss(), ": looks at distances, and none are given: with_distance(target, map)"});
}

} // namespace xloss::engine

#endif
