#ifndef XLOSS_TRAINING_SURFACE_QUALITY_HPP
#define XLOSS_TRAINING_SURFACE_QUALITY_HPP

#include <xloss/distance/edt.hpp>
#include <xloss/distance/image.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/grid.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/shape.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace xloss {

/// The options of `surface_quality`.
struct surface_options {
    std::vector<double> spacing{};              ///< between neighbours along each axis, > 0; empty: 1
    std::optional<std::int64_t> ignore_index{}; ///< pixels of this value in the truth are outside, in both
    executor_ref executor{};                    ///< runs the pieces; the results do not depend on it
};

class surface_quality;

template <class P, class Y>
std::vector<surface_quality> surface_qualities(const P& predicted, const Y& truth, std::size_t classes,
                                               const surface_options& options = {});

namespace distance::detail {

/// The pixels of an image, by their places in it, in pieces of whole rows.
class pixel_rows {
public:
    using place = std::array<std::size_t, tensor::grid::axes>;

    explicit pixel_rows(const tensor::grid& g)
        : g_(g), rows_(g.extent[0] * g.extent[1]),
          per_piece_(std::max<std::size_t>(1, pixels_of_piece / std::max<std::size_t>(1, g.extent[2]))) {}

    [[nodiscard]] engine::work work() const {
        return {(rows_ + per_piece_ - 1) / per_piece_, pixels_of_piece};
    }

    /// Calls f(i, place) for the pixels of a piece.
    template <class F>
    void each(std::size_t piece, F&& f) const {
        for (std::size_t r = piece * per_piece_; r < std::min(rows_, (piece + 1) * per_piece_); ++r) {
            const std::size_t z = r / g_.extent[1], y = r % g_.extent[1];
            for (std::size_t x = 0; x < g_.extent[2]; ++x)
                f(r * g_.extent[2] + x, place{z, y, x});
        }
    }

    /// The same for all pixels.
    template <class F>
    void each(const executor_ref& executor, F&& f) const {
        engine::for_pieces(
            executor, work(), [&](std::size_t piece, std::size_t) { each(piece, f); },
            [](std::size_t, std::size_t) {});
    }

private:
    static constexpr std::size_t pixels_of_piece = std::size_t{1} << 15;

    const tensor::grid& g_;
    std::size_t rows_, per_piece_;
};

/// The part of an image that holds all surfaces of two masks, with both masks in it, one byte per pixel.
struct cut_out {
    tensor::grid box;
    std::vector<std::uint8_t> predicted, truth;

    /// `in_predicted(i)`, `in_truth(i)` for the pixels i of g.
    template <class Predicted, class Truth>
    cut_out(const tensor::grid& g, const Predicted& in_predicted, const Truth& in_truth,
            const executor_ref& executor)
        : box(g) {
        const bounds of_masks = bounds_of(
            g, [&](std::size_t i) { return in_predicted(i) || in_truth(i); }, executor);
        const auto& low = of_masks.low;
        for (std::size_t axis = 0; axis < tensor::grid::axes; ++axis)
            box.extent[axis] = of_masks.high[axis] > 0 ? of_masks.high[axis] - low[axis] : 0;
        predicted.resize(box.size());
        truth.resize(box.size());
        pixel_rows(box).each(executor, [&](std::size_t i, const pixel_rows::place& at) {
            const std::size_t from =
                ((low[0] + at[0]) * g.extent[1] + low[1] + at[1]) * g.extent[2] + low[2] + at[2];
            predicted[i] = in_predicted(from) ? 1 : 0;
            truth[i] = in_truth(from) ? 1 : 0;
        });
    }

private:
    struct bounds {
        pixel_rows::place low, high;
    };

    template <class Inside>
    static bounds bounds_of(const tensor::grid& g, const Inside& inside, const executor_ref& executor) {
        const pixel_rows rows(g);
        std::array<bounds, engine::pieces_in_flight> found;
        bounds all{g.extent, {}};
        engine::for_pieces(
            executor, rows.work(),
            [&](std::size_t piece, std::size_t slot) {
                bounds own{g.extent, {}};
                rows.each(piece, [&](std::size_t i, const pixel_rows::place& at) {
                    if (inside(i))
                        join(own, {at, {at[0] + 1, at[1] + 1, at[2] + 1}});
                });
                found[slot] = own;
            },
            [&](std::size_t, std::size_t slot) { join(all, found[slot]); });
        return all;
    }

    static void join(bounds& all, const bounds& other) {
        for (std::size_t axis = 0; axis < tensor::grid::axes; ++axis) {
            all.low[axis] = std::min(all.low[axis], other.low[axis]);
            all.high[axis] = std::max(all.high[axis], other.high[axis]);
        }
    }
};

// Templates on what are always vectors of bytes and of double: compiled where surfaces are measured, and not
// wherever this header is included.

/// 0 on the surface of a mask and 1 elsewhere: what a transform takes the distance to.
template <class Mask>
Mask off_surface(const tensor::grid& g, const Mask& mask, const executor_ref& executor) {
    Mask off(mask.size());
    const std::array<std::size_t, tensor::grid::axes> step{g.extent[1] * g.extent[2], g.extent[2], 1};
    pixel_rows(g).each(executor, [&](std::size_t i, const pixel_rows::place& at) {
        bool within = mask[i] != 0; // with all its neighbours
        for (std::size_t axis = tensor::grid::axes - g.rank; axis < tensor::grid::axes && within; ++axis)
            within = at[axis] > 0 && at[axis] + 1 < g.extent[axis] && mask[i - step[axis]] != 0 &&
                     mask[i + step[axis]] != 0;
        off[i] = mask[i] == 0 || within ? 1 : 0;
    });
    return off;
}

/// Distances of the pixels of a surface, in ascending order.
template <class Mask, class Distances>
Distances on_surface(const Mask& off, const Distances& distances) {
    Distances found;
    found.reserve(static_cast<std::size_t>(std::count(off.begin(), off.end(), std::uint8_t{0})));
    for (std::size_t i = 0; i < off.size(); ++i)
        if (off[i] == 0)
            found.push_back(distances[i]);
    std::sort(found.begin(), found.end());
    return found;
}

} // namespace distance::detail

/// How far the surfaces of a predicted and a true mask are from each other: the metrics that boundary losses
/// are chosen for.
///
///     const xloss::surface_quality s(predicted, truth, {.spacing = {2.5, 0.7, 0.7}});
///     std::cout << s.hausdorff(95) << ' ' << s.average() << ' ' << s.surface_dice(1.0) << '\n';
///     for (const auto& of_class : xloss::surface_qualities(predicted_labels, labels, 4)) ...
///
/// **Surface.** The pixels of a mask that have a neighbour along an axis (4 in 2-D, 6 in 3-D) outside of it
/// or outside of the image. Distances are between centres of pixels, exact and in double, from each pixel of
/// a surface to the nearest one of the other.
///
/// **Shapes.** One image of one to three axes, of any number type; inside is what is not 0 (threshold first:
/// `logits > 0.0F`). An ignored pixel of the truth is outside of both masks.
///
/// **Empty.** Both masks empty: distances 0, surface Dice 1. One of them: distances are the diagonal of the
/// image, from its first pixel to its last (a number, so that means over a data set stay finite, and no
/// smaller than any distance in the image), surface Dice 0. `one_is_empty` tells.
///
/// **Elsewhere.** MONAI: `compute_hausdorff_distance(percentile=95)` is `hausdorff(95)`,
/// `compute_average_surface_distance(symmetric=True)` is `average`, without it `average_of_predicted`,
/// `compute_surface_dice` is `surface_dice`; where a mask is empty it gives NaN or infinity. MedPy: `hd` is
/// `hausdorff`, `asd(result, reference)` is `average_of_predicted`, `assd` the mean of the two directed
/// averages; its `hd95` takes the percentile of both directions together. DeepMind's surface-distance weighs
/// the pixels of a surface with their area.
///
/// **Source.** Huttenlocher et al. 1993 (Hausdorff); Heimann et al. 2009 (average symmetric surface
/// distance); Nikolov et al. 2018, arXiv 1809.04430 (surface Dice with tolerance).
class surface_quality {
public:
    /// Of two masks of one shape.
    /// @throws shape_error for masks of different shapes, or not of one to three axes; parameter_error for a
    /// spacing that is not positive or of another length.
    template <class P, class Y>
    surface_quality(const P& predicted, const Y& truth, const surface_options& options = {}) {
        const grid_of g(name, tensor::shape_of(predicted), tensor::shape_of(truth), options);
        workspace of_predicted, of_truth, of_ignored;
        const auto* p = distance::mask_bytes(predicted, {}, of_predicted);
        const auto* y = distance::mask_bytes(truth, options.ignore_index, of_truth);
        const auto* counts =
            options.ignore_index ? distance::valid_bytes(truth, *options.ignore_index, of_ignored) : p;
        measure(
            g.each, [=](std::size_t i) { return p[i] != 0 && counts[i] != 0; },
            [y](std::size_t i) { return y[i] != 0; }, options);
    }

    /// The Hausdorff distance: the largest distance of a surface pixel to the other surface. With
    /// `percentile` the larger one of the percentiles of both directions, interpolated linearly between ranks
    /// as NumPy does.
    /// @throws parameter_error for a percentile outside [0, 100].
    [[nodiscard]] double hausdorff(double percentile = 100.0) const {
        if (!(percentile >= 0.0 && percentile <= 100.0))
            tensor::raise<parameter_error>({name, ": percentile is ", percentile, ", and is from 0 to 100"});
        if (is_empty())
            return of_empty();
        return std::max(at_percentile(from_predicted_, percentile), at_percentile(from_truth_, percentile));
    }

    /// The average symmetric surface distance: the mean over the pixels of both surfaces.
    [[nodiscard]] double average() const {
        if (is_empty())
            return of_empty();
        return (sum(from_predicted_) + sum(from_truth_)) /
               static_cast<double>(from_predicted_.size() + from_truth_.size());
    }
    /// The mean over the predicted surface of the distance to the true one.
    [[nodiscard]] double average_of_predicted() const {
        return is_empty() ? of_empty() : sum(from_predicted_) / static_cast<double>(from_predicted_.size());
    }
    /// The mean over the true surface of the distance to the predicted one.
    [[nodiscard]] double average_of_truth() const {
        return is_empty() ? of_empty() : sum(from_truth_) / static_cast<double>(from_truth_.size());
    }

    /// The normalised surface Dice: the share of the pixels of both surfaces that are not farther than
    /// `tolerance` from the other one.
    /// @throws parameter_error for a tolerance that is negative or no number.
    [[nodiscard]] double surface_dice(double tolerance) const {
        if (!(tolerance >= 0.0))
            tensor::raise<parameter_error>({name, ": tolerance is ", tolerance, ", and is not negative"});
        if (is_empty())
            return one_is_empty_ ? 0.0 : 1.0;
        return static_cast<double>(within(from_predicted_, tolerance) + within(from_truth_, tolerance)) /
               static_cast<double>(from_predicted_.size() + from_truth_.size());
    }

    /// Whether one of the masks is empty and the other is not.
    [[nodiscard]] bool one_is_empty() const { return one_is_empty_; }
    /// Distances of the predicted surface to the true one, ascending; none where a mask is empty.
    [[nodiscard]] const std::vector<double>& from_predicted() const { return from_predicted_; }
    /// Distances of the true surface to the predicted one, ascending; none where a mask is empty.
    [[nodiscard]] const std::vector<double>& from_truth() const { return from_truth_; }

private:
    static constexpr std::string_view name = "xloss::surface_quality";

    template <class P, class Y>
    friend std::vector<surface_quality> surface_qualities(const P&, const Y&, std::size_t,
                                                          const surface_options&);

    template <class Predicted, class Truth>
    surface_quality(const tensor::grid& g, const Predicted& in_predicted, const Truth& in_truth,
                    const surface_options& options) {
        measure(g, in_predicted, in_truth, options);
    }

    struct grid_of : distance::images {
        grid_of(std::string_view who, const tensor::shape& predicted, const tensor::shape& truth,
                const surface_options& options)
            : images(who, truth, options.spacing, false) {
            if (predicted != truth)
                tensor::raise<shape_error>(
                    {who, ": the prediction ", predicted, " does not fit the truth ", truth});
        }
    };

    template <class Predicted, class Truth>
    void measure(const tensor::grid& g, const Predicted& in_predicted, const Truth& in_truth,
                 const surface_options& options) {
        const distance::detail::cut_out cut(g, in_predicted, in_truth, options.executor);
        const auto off_predicted = distance::detail::off_surface(cut.box, cut.predicted, options.executor);
        const auto off_truth = distance::detail::off_surface(cut.box, cut.truth, options.executor);
        const bool predicts = has_surface(off_predicted), is_there = has_surface(off_truth);
        one_is_empty_ = predicts != is_there;
        for (std::size_t axis = 0; axis < tensor::grid::axes; ++axis) {
            const double side =
                g.extent[axis] > 0 ? g.spacing[axis] * static_cast<double>(g.extent[axis] - 1) : 0.0;
            diagonal_ = std::hypot(diagonal_, side);
        }
        if (!predicts || !is_there)
            return;
        workspace memory;
        std::vector<double> d(cut.box.size());
        const engine::filter_place box{cut.box, options.executor, memory};
        distance::distances(box, off_truth.data(), d.data());
        from_predicted_ = distance::detail::on_surface(off_predicted, d);
        distance::distances(box, off_predicted.data(), d.data());
        from_truth_ = distance::detail::on_surface(off_truth, d);
    }

    static bool has_surface(const std::vector<std::uint8_t>& off) {
        return std::find(off.begin(), off.end(), std::uint8_t{0}) != off.end();
    }

    [[nodiscard]] bool is_empty() const { return from_predicted_.empty(); }
    [[nodiscard]] double of_empty() const { return one_is_empty_ ? diagonal_ : 0.0; }

    static double at_percentile(const std::vector<double>& ascending, double percentile) {
        const double rank = percentile / 100.0 * static_cast<double>(ascending.size() - 1);
        const auto below = static_cast<std::size_t>(rank);
        if (below + 1 >= ascending.size())
            return ascending.back();
        const double share = rank - static_cast<double>(below);
        return ascending[below] + share * (ascending[below + 1] - ascending[below]);
    }

    static double sum(const std::vector<double>& v) {
        double total = 0.0;
        for (const double d : v)
            total += d;
        return total;
    }

    static std::size_t within(const std::vector<double>& ascending, double tolerance) {
        return static_cast<std::size_t>(std::upper_bound(ascending.begin(), ascending.end(), tolerance) -
                                        ascending.begin());
    }

    std::vector<double> from_predicted_{}, from_truth_{};
    double diagonal_ = 0.0;
    bool one_is_empty_ = false;
};

/// The `surface_quality` of each class of two label maps, of one image. An ignored pixel of the truth is of
/// no class in either.
/// @throws as `surface_quality`; label_error for a label, predicted or true, that is no class, but the
/// ignored one in the truth.
template <class P, class Y>
std::vector<surface_quality> surface_qualities(const P& predicted, const Y& truth, std::size_t classes,
                                               const surface_options& options) {
    constexpr std::string_view name = "xloss::surface_qualities";
    const tensor::shape given = tensor::shape_of(predicted), shape = tensor::shape_of(truth);
    const distance::images all(name, shape, options.spacing, false);
    if (given != shape)
        tensor::raise<shape_error>({name, ": predicted labels ", given, " do not fit the label map ", shape});
    workspace of_truth, of_predicted;
    const auto* y = distance::label_numbers(name, truth, classes, options.ignore_index, of_truth);
    const auto* p = distance::label_numbers(name, predicted, classes, {}, of_predicted);
    std::vector<surface_quality> result;
    result.reserve(classes);
    for (std::size_t c = 0; c < classes; ++c) {
        const auto label = static_cast<std::int32_t>(c);
        result.push_back(surface_quality(
            all.each, [=](std::size_t i) { return p[i] == label && y[i] >= 0; },
            [=](std::size_t i) { return y[i] == label; }, options));
    }
    return result;
}

} // namespace xloss

#endif
