#ifndef XLOSS_ENGINE_CHANNEL_BLOCK_HPP
#define XLOSS_ENGINE_CHANNEL_BLOCK_HPP

#include <xloss/config.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/simd/prefetch.hpp>
#include <xloss/tensor/sink.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace xloss::engine {

/// How many pixels a block has, and where its rows lie: so small that all channels of it stay in the first-
/// or second-level cache.
///
/// Channel planes of a power-of-two image lie a power of two apart: walked in place, every channel of a pixel
/// falls into the same cache set, and C lines evict each other. So the channels of a block are copied side by
/// side, into rows whose distance is no power of two, worked on there, and written out once.
struct block_plan {
    static constexpr std::size_t most_pixels = 1024;
    // Below, what a row costs beside its pixels shows: with 1000 classes half the speed at 16 pixels.
    static constexpr std::size_t least_pixels = 128;
    static constexpr std::size_t granule = 16; // a multiple of every vector's width
    static constexpr std::size_t budget = 48 * 1024;

    std::size_t classes, planes, pixels, stride;
    std::size_t logits, targets, weights, distances; // the planes of rows that not every program needs

    block_plan(std::size_t classes_of_pixel, bool keeps_logits, bool has_targets, bool has_weights,
               bool has_distances, std::size_t bytes)
        : classes(classes_of_pixel), planes(1), logits(keeps_logits ? planes++ : 0),
          targets(has_targets ? planes++ : 0), weights(has_weights ? planes++ : 0),
          distances(has_distances ? planes++ : 0) {
        pixels =
            std::clamp(budget / (classes * planes * bytes) / granule * granule, least_pixels, most_pixels);
        stride = pixels + granule;
    }

    [[nodiscard]] std::size_t elements() const { return planes * classes * stride; }
};

/// A block of pixels with all its channels.
template <class T>
class channel_block {
public:
    channel_block(const block_plan& plan, T* memory) : plan_(plan), memory_(memory) {}

    T* row(std::size_t c) const { return at(0, c); }              // of every class, what `row_kind` says
    T* logit(std::size_t c) const { return at(plan_.logits, c); } // x - max
    T* target(std::size_t c) const { return at(plan_.targets, c); }
    [[nodiscard]] std::size_t stride() const { return plan_.stride; } // from row to row
    T* weight(std::size_t c) const { return at(plan_.weights, c); }
    T* distance(std::size_t c) const { return at(plan_.distances, c); }

    // Of every pixel. Left uninitialized: each is written before it is read.
    using pixels = std::array<T, block_plan::most_pixels>;
    // of_label: x - max of the label, or what its row holds.
    alignas(64) pixels largest, inverse, log_sum, largest_q, label, m, of_label, own_slope, others_slope,
        sum_of_slopes, rest, major, cost, value, staging, spare;

private:
    T* at(std::size_t plane, std::size_t c) const {
        return memory_ + (plane * plan_.classes + c) * plan_.stride;
    }

    const block_plan& plan_;
    T* memory_;
};

/// A row of pixels for every class, in a block or in a tensor.
template <class T>
struct class_rows {
    const T* first;
    std::size_t stride;

    [[nodiscard]] const T* row(std::size_t c) const { return first + c * stride; }
};

/// What to fetch while the exponentials of a block are computed: the logits of the next block, and the
/// gradient of this one. The rows of a block are short and its planes far apart, so that the hardware's own
/// prefetching starts anew in each. At 2 x 19 x 512 x 512 in float this saves a third of the time of cross
/// entropy.
template <class T>
class fetch_ahead {
public:
    fetch_ahead(const sweep_inputs<T>& in, const geometry& g, std::size_t b, std::size_t i, std::size_t n)
        : plane_(g.pixels) {
        const std::size_t next = std::min(g.pixels, i + n);
        if (next == g.pixels || !in.x.in_place())
            return;
        logits_ = in.x.read(g.first(b, 0) + next, 0, nullptr);
        count_ = std::min(n, g.pixels - next);
    }

    void gradient(const tensor::sink<T>& out, std::size_t first) {
        if (out.in_place())
            gradient_ = out.begin(first, 0, nullptr, false);
    }

    /// A cache line of every class, class 0 first. Where there is nothing to fetch it stays at a line that is
    /// in the cache: cheaper than to ask in every class.
    struct line {
        const T *logits, *gradient;
        std::size_t to_logits, to_gradient; // of the next class

        XLOSS_INLINE void next_class() {
            simd::prefetch_to_read(logits);
            simd::prefetch_to_write(gradient);
            logits += to_logits;
            gradient += to_gradient;
        }
    };

    /// What goes with the pixels from j on.
    XLOSS_INLINE line from(std::size_t j, const T* cached) const {
        const bool reads = j < count_, writes = gradient_ != nullptr;
        return {reads ? logits_ + j : cached, writes ? gradient_ + j : cached, reads ? plane_ : 0,
                writes ? plane_ : 0};
    }

private:
    const T* logits_ = nullptr;
    const T* gradient_ = nullptr;
    std::size_t plane_;
    std::size_t count_ = 0; // pixels of the next block
};

} // namespace xloss::engine

#endif
