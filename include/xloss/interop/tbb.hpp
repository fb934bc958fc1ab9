#ifndef XLOSS_INTEROP_TBB_HPP
#define XLOSS_INTEROP_TBB_HPP

/// \file
/// Optional: the pieces of work of a call on the threads of oneTBB. Needs oneTBB 2021 or later (link
/// TBB::tbb) and is not part of xloss.hpp.
///
///     const auto r = xloss::value_and_grad(loss, logits, masks, {.executor = xloss::interop::tbb_threads});

#include <xloss/engine/executor.hpp>

#include <tbb/parallel_for.h>
#include <tbb/partitioner.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include <cstddef>

namespace xloss::interop {

/// Runs pieces of work on the threads of the arena that the caller is in; of all cores, outside of any. A
/// call made inside of a TBB task shares the threads of that task.
///
/// **Errors.** What a piece throws reaches the caller once no piece runs any more; pieces that were not begun
/// are left out.
struct tbb_executor {
    /// Calls body(i) for every i below n.
    void operator()(std::size_t n, const piece_body& body) const {
        // A piece takes long enough to be a task of its own, and few are there to be shared out. Isolated, so
        // that a thread that waits for the last piece does not begin something else of the caller's program.
        tbb::this_task_arena::isolate([&] {
            // When the task around a call is cancelled, the pieces that the call relies on run to their end.
            tbb::task_group_context own(tbb::task_group_context::isolated);
            tbb::parallel_for(std::size_t{0}, n, std::size_t{1}, body, tbb::simple_partitioner{}, own);
        });
    }
};

/// `{.executor = tbb_threads}`.
inline constexpr tbb_executor tbb_threads{};

/// Runs pieces of work in an arena of the caller's, with as many threads as that has:
///
///     tbb::task_arena two(2);
///     const xloss::interop::tbb_arena threads{two};
///     const auto r = xloss::value_and_grad(loss, logits, masks, {.executor = threads});
///
/// **Errors.** As `tbb_executor`.
struct tbb_arena {
    tbb::task_arena& arena; ///< must outlive the calls

    /// Calls body(i) for every i below n.
    void operator()(std::size_t n, const piece_body& body) const {
        arena.execute([&] { tbb_threads(n, body); });
    }
};

} // namespace xloss::interop

#endif
