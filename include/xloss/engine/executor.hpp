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
        : object_(std::addressof(f)),
          call_([](void* object, std::size_t i) { (*static_cast<F*>(object))(i); }) {}

    /// Does piece `i`.
    void operator()(std::size_t i) const { call_(object_, i); }

private:
    void* object_;
    void (*call_)(void*, std::size_t);
};

/// Refers to whatever runs pieces of work: a callable `ex(n, body)` that calls `body(i)` once for each i in
/// [0, n), in any order, on any thread, and returns when all are done. Without one they run in order on the
/// calling thread.
///
/// The results do not depend on the executor, bit for bit: pieces have a fixed size, and their sums are
/// combined in a fixed order.
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
          }) {}

    /// Whether there is none.
    [[nodiscard]] bool is_serial() const { return call_ == nullptr; }

    /// Calls body(i) for every i in [0, n).
    template <class F>
    void run(std::size_t n, F&& body) const {
        run_pieces(n, piece_body(body)); // by reference at once: inlined, it would be compiled twice
    }

private:
    void run_pieces(std::size_t n, const piece_body& body) const {
        if (is_serial() || n == 1)
            for (std::size_t i = 0; i < n; ++i)
                body(i);
        else
            call_(object_, n, body);
    }

    void* object_ = nullptr;
    void (*call_)(void*, std::size_t, piece_body) = nullptr;
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
inline void run_and_merge(const executor_ref& executor, std::size_t pieces, const slot_body& run,
                          const slot_body& merge) {
    const std::size_t at_once = slots(executor, pieces);
    for (std::size_t first = 0; first < pieces; first += at_once) {
        const std::size_t n = std::min(at_once, pieces - first);
        executor.run(n, [&, first](std::size_t i) { run(first + i, i); });
        for (std::size_t i = 0; i < n; ++i)
            merge(first + i, i);
    }
}

/// Calls run(piece, slot) for every piece, through the executor, and then merge(piece, slot) in order.
/// Not more than `slots` pieces are between the two at a time.
template <class Run, class Merge>
void for_pieces(const executor_ref& executor, std::size_t pieces, Run&& run, Merge&& merge) {
    run_and_merge(executor, pieces, slot_body(run), slot_body(merge));
}

} // namespace engine
} // namespace xloss

#endif
