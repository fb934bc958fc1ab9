#ifndef XLOSS_ENGINE_CHECK_HPP
#define XLOSS_ENGINE_CHECK_HPP

#include <xloss/config.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/rows.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/source.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

namespace xloss::engine {

/// Throws for an upstream factor that is no number, or a tensor that has not the shape of the unreduced
/// losses.
template <class Target>
void check_upstream(const Target& y, const call_options& call, const tensor::shape& unreduced) {
    const auto& given = call.upstream.tensor();
    if (!given)
        return check_number("call_options", "upstream", call.upstream.factor(), -HUGE_VAL);
    if (given->shape() != unreduced)
        tensor::raise<shape_error>(
            {y.loss(), ": upstream ", given->shape(), " does not fit unreduced losses ", unreduced});
}

template <class T>
void check_activation(const target<T>& y, activation a) {
    const mode md = y.md();
    const bool softmax = md == mode::multiclass;
    if (softmax && a == activation::sigmoid)
        tensor::raise<parameter_error>(
            {y.loss(),
             ": multiclass has a softmax; one sigmoid for every class is one_vs_rest or multilabel"});
    if (!softmax && a == activation::softmax)
        tensor::raise<parameter_error>(
            {y.loss(), ": a softmax over classes is multiclass; this mode has one sigmoid per element"});
    if (softmax && y.geometry().classes == 1)
        tensor::raise<shape_error>(
            {y.loss(), ": a softmax over one class is always 1; for one class use binary, with bce in "
                       "place of cross_entropy"});
}

/// Whether any class of pixel i counts: what its softmax is made of, a class of weight 0 too.
template <class T>
bool pixel_counts(const target<T>& y, std::size_t b, std::size_t i) {
    T at{}, m{}, spare{};
    for (std::size_t c = 0; c < y.geometry().classes; ++c)
        if (*y.weights(b, c, i, 1, y.soft(b, c, i, 1, &at), &m, &spare) != T(0))
            return true;
    return false;
}

/// The first element, in row-major order, that counts and is outside [lowest, highest]; x.size() if there is
/// none. `by_pixel`: where the weights of its classes differ, an element counts with any class of its pixel.
template <class T>
std::size_t first_outside(const tensor::source<T>& x, const target<T>& y, const executor_ref& executor,
                          double lowest, double highest, bool by_pixel = false) {
    const geometry& g = y.geometry();
    const std::size_t per_row = (g.pixels + tile_size - 1) / tile_size;
    const std::size_t tiles = g.samples * g.classes * per_row;
    constexpr std::size_t tiles_per_piece = 64; // comparing takes a fraction of a loss
    const auto first_of_tile = [&](std::size_t t) {
        alignas(64) std::array<T, tile_size> buffer, ys, m, spare;
        const std::size_t row = t / per_row, b = row / g.classes, c = row % g.classes;
        const std::size_t i = t % per_row * tile_size, n = std::min(tile_size, g.pixels - i);
        const T* values = x.read(row * g.pixels + i, n, buffer.data());
        if (in_range(values, n, lowest, highest))
            return x.size();
        const T* targets = y.is_label_map() ? y.labels(b, i, n, ys.data()) : y.soft(b, c, i, n, ys.data());
        const T* weights = y.masked() ? y.weights(b, c, i, n, targets, m.data(), spare.data()) : nullptr;
        for (std::size_t j = 0; j < n; ++j) {
            const double v = static_cast<double>(values[j]);
            if (v >= lowest && v <= highest)
                continue;
            if (!weights || weights[j] != T(0) || (by_pixel && pixel_counts(y, b, i + j)))
                return row * g.pixels + i + j;
        }
        return x.size();
    };
    std::array<std::size_t, pieces_in_flight> found{};
    std::size_t first = x.size();
    for_pieces(
        executor,
        {(tiles + tiles_per_piece - 1) / tiles_per_piece,
         tiles_per_piece * std::min(tile_size, g.pixels) / 4},
        [&](std::size_t piece, std::size_t slot) {
            const std::size_t end = std::min(tiles, (piece + 1) * tiles_per_piece);
            found[slot] = x.size();
            for (std::size_t t = piece * tiles_per_piece; t < end && found[slot] == x.size(); ++t)
                found[slot] = first_of_tile(t);
        },
        [&](std::size_t, std::size_t slot) { first = std::min(first, found[slot]); });
    return first;
}

template <class T>
void check_finite(const tensor::source<T>& x, const target<T>& y, const executor_ref& executor,
                  bool probabilities) {
    const double most = static_cast<double>(std::numeric_limits<T>::max());
    const bool by_pixel =
        y.md() == mode::multiclass && !y.is_label_map() && y.masked_per_class() && !probabilities;
    const std::size_t first = first_outside(x, y, executor, -most, most, by_pixel);
    if (first < x.size())
        tensor::raise<finite_error>(
            {y.loss(), ": the logit at ", tensor::index_string(x.shape(), first), " is not finite"});
}

template <class T>
void check_probabilities(const tensor::source<T>& x, const target<T>& y, const executor_ref& executor) {
    const std::size_t first = first_outside(x, y, executor, 0.0, 1.0);
    if (first < x.size())
        tensor::raise<target_error>({y.loss(), ": the probability at ",
                                     tensor::index_string(x.shape(), first), " is outside [0, 1]"});
}

} // namespace xloss::engine

#endif
