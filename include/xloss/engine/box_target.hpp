#ifndef XLOSS_ENGINE_BOX_TARGET_HPP
#define XLOSS_ENGINE_BOX_TARGET_HPP

#include <xloss/engine/executor.hpp>
#include <xloss/engine/rows.hpp>
#include <xloss/engine/survey.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/tensor/alias.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/source.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

namespace xloss::engine {

/// Boxes per tile: as many numbers as pixels of a tile elsewhere.
inline constexpr std::size_t boxes_per_tile = tile_size / 4;
inline constexpr std::size_t box_tiles_per_piece = 16;

/// Target boxes with the weights that ride on them.
template <class T>
class box_target {
public:
    static constexpr const char* inputs = "boxes";
    static constexpr std::size_t most_riders = 4;

    box_target(loss_name of, const tensor::shape& boxes) : name_(of), boxes_(boxes) {
        if (boxes.rank != 2 || boxes[1] != 4)
            tensor::raise<shape_error>({name_, ": boxes ", boxes, " are not [N, 4]"});
    }

    /// Of the loss, for messages.
    [[nodiscard]] loss_name loss() const { return name_; }

    template <class E>
    void set(const E& y) {
        if (tensor::shape_of(y) != boxes_)
            tensor::raise<shape_error>(
                {name_, ": target ", tensor::shape_of(y), " does not fit boxes ", boxes_});
        target_.emplace(y);
    }

    template <class E>
    void add_validity(const E& valid) {
        add_rider(valid, true, "valid boxes");
    }

    template <class E>
    void add_weights(const E& w) {
        add_rider(w, false, "weights");
    }

    template <class E>
    void set_distance(const E&) {
        static_assert(!sizeof(E), "xloss: boxes have no distance map");
    }

    /// Multiplies after everything has been counted.
    void set_upstream(const tensor::source<double>* u) { upstream_ = u; }

    [[nodiscard]] std::size_t size() const { return boxes_[0]; }
    [[nodiscard]] bool masked() const { return riders_ > 0 || upstream_; }

    /// The targets of n boxes from i, four numbers each.
    const T* read(std::size_t i, std::size_t n, T* buffer) const {
        return target_->read(4 * i, 4 * n, buffer);
    }

    /// Their weights m. Only where `masked()`.
    const T* weights(std::size_t i, std::size_t n, T* buffer, T* spare) const {
        std::fill_n(buffer, n, T(1));
        for (std::size_t k = 0; k < riders_; ++k) {
            const T* v = rider_[k].source->read(i, n, spare);
            const bool only_valid = rider_[k].only_valid;
            for (std::size_t j = 0; j < n; ++j) { // selected: what rides on an absent box may be NaN
                const T product = only_valid ? buffer[j] : buffer[j] * v[j];
                buffer[j] = buffer[j] == T(0) || v[j] == T(0) ? T(0) : product;
            }
        }
        if (upstream_)
            times_upstream(i, n, buffer);
        return buffer;
    }

    /// Sums of weights and counts of boxes, and every error in the weights.
    [[nodiscard]] survey count(const executor_ref& executor) const {
        survey s;
        s.elements = size();
        if (riders_ == 0) {
            s.valid = size();
            s.weight = static_cast<double>(size());
            return s;
        }
        std::array<tally, pieces_in_flight> found;
        const std::size_t boxes_per_piece = boxes_per_tile * box_tiles_per_piece;
        for_pieces(
            executor, {(size() + boxes_per_piece - 1) / boxes_per_piece, boxes_per_piece},
            [&](std::size_t piece, std::size_t slot) {
                found[slot] =
                    count_boxes(piece * boxes_per_piece, std::min(size(), (piece + 1) * boxes_per_piece));
            },
            [&](std::size_t, std::size_t slot) {
                if (found[slot].first_bad < size())
                    tensor::raise<target_error>(
                        {name_, ": the weight at [", found[slot].first_bad, "] is not a finite number >= 0"});
                s.valid += found[slot].valid;
                s.weight += found[slot].weight;
            });
        return s;
    }

    /// Whether writing to `range` would change what is still to be read.
    [[nodiscard]] bool overlaps(const tensor::memory_range& range) const {
        bool any = tensor::overlap(target_->memory(), range);
        for (std::size_t k = 0; k < riders_; ++k)
            any = any || tensor::overlap(rider_[k].source->memory(), range);
        return any;
    }

private:
    struct rider {
        std::optional<tensor::source<T>> source{};
        bool only_valid = false;
    };

    struct tally {
        std::size_t valid = 0, first_bad = 0;
        double weight = 0.0;
    };

    template <class E>
    void add_rider(const E& e, bool only_valid, const char* what) {
        const tensor::shape s = tensor::shape_of(e);
        if (s.rank == 0 || s.rank > 2 || s[0] != size() || (s.rank == 2 && s[1] != 1))
            tensor::raise<shape_error>(
                {name_, ": ", what, " ", s, " do not fit boxes ", boxes_, ": one for each, [N] or [N, 1]"});
        if (riders_ == most_riders)
            tensor::raise<shape_error>({name_, ": too many weights ride on one target"});
        rider_[riders_].source.emplace(e);
        rider_[riders_++].only_valid = only_valid;
    }

    [[nodiscard]] tally count_boxes(std::size_t begin, std::size_t end) const {
        alignas(64) std::array<T, boxes_per_tile> m, spare;
        tally t;
        t.first_bad = size();
        for (std::size_t i = begin; i < end; i += boxes_per_tile) {
            const std::size_t n = std::min(boxes_per_tile, end - i);
            weights(i, n, m.data(), spare.data());
            if (!are_weights(m.data(), n)) {
                const auto bad = std::find_if(m.begin(), m.end(), [](T w) { return !are_weights(&w, 1); });
                t.first_bad = i + static_cast<std::size_t>(bad - m.begin());
                return t;
            }
            t.valid += count_nonzero(m.data(), n);
            t.weight += sum_of(m.data(), n);
        }
        return t;
    }

    void times_upstream(std::size_t i, std::size_t n, T* m) const {
        std::array<double, boxes_per_tile> buffer;
        const double* u = upstream_->read(i, n, buffer.data());
        for (std::size_t j = 0; j < n; ++j)
            m[j] = m[j] != T(0) ? m[j] * static_cast<T>(u[j]) : T(0);
    }

    loss_name name_;
    tensor::shape boxes_;
    std::optional<tensor::source<T>> target_{};
    std::array<rider, most_riders> rider_{};
    std::size_t riders_ = 0;
    const tensor::source<double>* upstream_ = nullptr;
};

} // namespace xloss::engine

#endif
