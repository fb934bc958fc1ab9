#ifndef XLOSS_ENGINE_CREW_HPP
#define XLOSS_ENGINE_CREW_HPP

#include <xloss/engine/executor.hpp>
#include <xloss/engine/workspace.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <optional>

namespace xloss::engine {

/// So many workers of a crew can work at a time.
inline constexpr std::size_t most_workers = 8;

/// As many workers as the memory should be for, where each needs it for so many pixels.
inline std::size_t workers_for(std::size_t pixels) {
    constexpr std::size_t most_at_once = std::size_t{1} << 23;
    return std::max<std::size_t>(1, most_at_once / std::max<std::size_t>(1, pixels));
}

/// Whether so few regions of so many pixels are better done one after the other, each by all threads, than
/// several at a time.
inline bool one_by_one(std::size_t regions, std::size_t pixels) {
    return pixels >= (std::size_t{1} << 16) && (regions < most_workers || pixels > (std::size_t{1} << 20));
}

/// Workers for pieces of work that need much memory each: not one for every piece, but a few, each with
/// memory of its own, that take the next piece when they are done with one. A worker that gets none has no
/// rows, so that what is in use grows with the threads.
template <class Worker>
class crew {
public:
    /// How many of them there are for this many pieces of so many pixels: one where the calling thread does
    /// it all.
    static std::size_t size_for(const executor_ref& executor, std::size_t pieces, std::size_t pixels) {
        return executor.is_serial(heavy_work(pieces, pixels)) ? 1 : std::min(pieces, most_workers);
    }

    /// Of `count` workers, which `make(place, executor, memory)` puts into their places. A single one has
    /// executor and memory themselves; several have none, and a part of the memory each.
    template <class Make>
    crew(std::size_t count, const executor_ref& executor, workspace& memory, Make&& make) : count_(count) {
        static constexpr executor_ref none{};
        for (std::size_t i = 0; i < count; ++i)
            make(workers_[i], count == 1 ? executor : none, count == 1 ? memory : memory.part(i));
    }

    /// Calls f(worker, piece) for every piece, of so many pixels. The order of the pieces is not known, nor
    /// who does which.
    template <class F>
    void run(const executor_ref& executor, std::size_t pieces, std::size_t pixels, F&& f) {
        std::atomic<std::size_t> next{0};
        executor.run(heavy_work(count_, (pieces * pixels + count_ - 1) / count_), [&](std::size_t i) {
            for (std::size_t piece = 0; (piece = next.fetch_add(1, std::memory_order_relaxed)) < pieces;)
                f(*workers_[i], piece);
        });
    }

private:
    std::size_t count_;
    std::array<std::optional<Worker>, most_workers> workers_{};
};

} // namespace xloss::engine

#endif
