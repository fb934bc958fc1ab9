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

/// Workers for pieces of work that need much memory each: not one for every piece, but a few, each with
/// memory of its own, that take the next piece when they are done with one. A worker that gets none has no
/// rows, so that what is in use grows with the threads.
template <class Worker>
class crew {
public:
    /// How many of them there are for this many pieces, one after the other without an executor.
    static std::size_t size_for(const executor_ref& executor, std::size_t pieces) {
        return executor.is_serial() ? 1 : std::clamp<std::size_t>(pieces, 1, most_workers);
    }

    /// Of `count` workers, which `make(place, worker number, memory)` puts into their places. A single one
    /// has the memory itself.
    template <class Make>
    crew(std::size_t count, workspace& memory, Make&& make) : count_(count) {
        for (std::size_t i = 0; i < count; ++i)
            make(workers_[i], i, count == 1 ? memory : memory.part(i));
    }

    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] Worker& operator[](std::size_t i) { return *workers_[i]; }

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
