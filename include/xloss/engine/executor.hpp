#ifndef XLOSS_ENGINE_EXECUTOR_HPP
#define XLOSS_ENGINE_EXECUTOR_HPP

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <memory>
#include <type_traits>

namespace xloss {

/// One piece of work by its number, as an executor gets it: `body(i)`.
class piece_body {
public:
    /// Refers to a callable.
    template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, piece_body>) explicit piece_body(F& f)
        : object_(const_cast<void*>(static_cast<const volatile void*>(std::addressof(f)))),
          call_([](void* object, std::size_t i) { (*static_cast<F*>(object))(i); }) {}

    /// Does piece `i`.
    void operator()(std::size_t i) const { call_(object_, i); }

private:
    void* object_;
    void (*call_)(void*, std::size_t);
};

namespace engine {

/// Elements of one pass over a tensor that the calling thread has done before another one has woken up, has
/// taken its part, and the first has heard that all is done: a pool that sleeps takes 10 to 40 us for that.
/// The threshold of the library. An executor with a member `least_elements` has its own.
inline constexpr std::size_t least_elements = std::size_t{1} << 17;

/// How many pieces of work there are, and the elements of one, where a piece does the work of one pass over
/// them; by default each of them is worth a thread.
struct work {
    std::size_t pieces;
    std::size_t elements;

    constexpr work(std::size_t n, std::size_t each = least_elements) : pieces(n), elements(each) {}
};

/// Pieces of so many pixels that take as long as eight elements of a sweep each: they are ranked or filtered.
constexpr work heavy_work(std::size_t pieces, std::size_t pixels) {
    return {pieces, 8 * pixels};
}

} // namespace engine

/// Refers to whatever runs pieces of work: a callable `ex(n, body)` that calls `body(i)` once for each i in
/// [0, n), in any order, on any thread, and returns when all are done. Without one they run in order on the
/// calling thread, and so they do where there are too few elements for waking a thread to pay. A member
/// `ex.least_elements` of the executor says from how many on it does: 0 for threads that never sleep.
///
/// **Same bits.** The results do not depend on the executor: pieces have a fixed size, and their sums are
/// combined in a fixed order.
///
/// **Errors.** Pieces throw only what the caller's own expressions, losses and formulas throw, and
/// std::bad_alloc; wrong labels, weights and numbers are reported by the calling thread. An executor that
/// lets such an exception through to the caller, once no piece runs any more, gives calls that throw as they
/// do without it; then what has been written of a gradient is unspecified.
class executor_ref {
public:
    constexpr executor_ref() = default;

    /// Refers to `executor`, which must outlive the call.
    template <class Executor>
    requires(!std::is_same_v<std::remove_cvref_t<Executor>, executor_ref> &&
             std::invocable<Executor&, std::size_t, piece_body>) executor_ref(Executor& executor)
        : object_(const_cast<void*>(static_cast<const volatile void*>(std::addressof(executor)))),
          call_([](void* object, std::size_t n, piece_body body) {
              (*static_cast<Executor*>(object))(n, body);
          }) {
        if constexpr (requires { static_cast<std::size_t>(executor.least_elements); })
            least_ = static_cast<std::size_t>(executor.least_elements);
    }

    /// Whether there is none.
    [[nodiscard]] bool is_serial() const { return call_ == nullptr; }

    /// Whether the calling thread does this work alone.
    [[nodiscard]] bool is_serial(const engine::work& w) const {
        return is_serial() || w.pieces <= 1 || w.elements * w.pieces < least_;
    }

    /// Calls body(i) for every piece.
    template <class F>
    void run(const engine::work& w, F&& body) const {
        run_pieces(w, piece_body(body)); // by reference at once: inlined, it would be compiled twice
    }

private:
    void run_pieces(const engine::work& w, const piece_body& body) const {
        if (is_serial(w))
            for (std::size_t i = 0; i < w.pieces; ++i)
                body(i);
        else
            call_(object_, w.pieces, body);
    }

    void* object_ = nullptr;
    void (*call_)(void*, std::size_t, piece_body) = nullptr;
    std::size_t least_ = engine::least_elements;
};

namespace engine {

/// Pieces that run before their sums are combined. Bounds the scratch memory whatever the number of pixels;
/// wide enough for the threads of one socket. Has no influence on the result: sums are combined in the order
/// of pieces.
inline constexpr std::size_t pieces_in_flight = 64;

inline std::size_t slots(const executor_ref& executor, std::size_t pieces) {
    return executor.is_serial() ? 1 : std::clamp<std::size_t>(pieces, 1, pieces_in_flight);
}

/// Refers to a callable of a piece and the slot that its sums have.
class slot_body {
public:
    template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, slot_body>) explicit slot_body(F& f)
        : object_(std::addressof(f)), call_([](void* object, std::size_t piece, std::size_t slot) {
              (*static_cast<F*>(object))(piece, slot);
          }) {}

    void operator()(std::size_t piece, std::size_t slot) const { call_(object_, piece, slot); }

private:
    void* object_;
    void (*call_)(void*, std::size_t, std::size_t);
};

/// `for_pieces`, compiled once for whatever is run and merged.
inline void run_and_merge(const executor_ref& executor, const work& all, const slot_body& run,
                          const slot_body& merge) {
    const std::size_t at_once = slots(executor, all.pieces);
    const executor_ref runs = executor.is_serial(all) ? executor_ref() : executor;
    for (std::size_t first = 0; first < all.pieces; first += at_once) {
        const std::size_t n = std::min(at_once, all.pieces - first);
        runs.run({n, 4 * all.elements}, [&, first](std::size_t i) { run(first + i, i); });
        for (std::size_t i = 0; i < n; ++i)
            merge(first + i, i);
    }
}

/// Calls run(piece, slot) for every piece, through the executor, and then merge(piece, slot) in order.
/// Not more than `slots` pieces are between the two at a time; these need less work than the first to be
/// worth sharing, as the threads are awake.
template <class Run, class Merge>
void for_pieces(const executor_ref& executor, const work& all, Run&& run, Merge&& merge) {
    run_and_merge(executor, all, slot_body(run), slot_body(merge));
}

} // namespace engine
} // namespace xloss

#endif
