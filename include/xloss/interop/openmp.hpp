#ifndef XLOSS_INTEROP_OPENMP_HPP
#define XLOSS_INTEROP_OPENMP_HPP

/// \file
/// Optional: the pieces of work of a call on the threads of OpenMP. Needs a program compiled with -fopenmp
/// (link OpenMP::OpenMP_CXX) and is not part of xloss.hpp.
///
///     const auto r = xloss::value_and_grad(loss, logits, masks, {.executor =
///     xloss::interop::openmp_threads});

#include <xloss/engine/executor.hpp>

#ifndef _OPENMP
#error "xloss/interop/openmp.hpp: compile with -fopenmp, or link OpenMP::OpenMP_CXX"
#endif

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>

#include <omp.h>

namespace xloss::interop {

/// Runs pieces of work on a team of OpenMP's. A call made inside of a parallel region runs on the calling
/// thread, unless the program allows nested regions (omp_set_max_active_levels): every thread of the region
/// may make calls of its own.
///
/// **Parameters.** `threads`: how many; 0 or less: as many as OMP_NUM_THREADS or omp_set_num_threads say.
/// Never more than pieces.
///
/// **Errors.** What a piece throws first reaches the caller once no piece runs any more; pieces that were not
/// begun are left out.
struct openmp_executor {
    int threads = 0; ///< 0 or less: OpenMP's own number

    /// Calls body(i) for every i below n.
    void operator()(std::size_t n, const piece_body& body) const {
        std::exception_ptr failure;
        std::atomic<bool> failed = false;
        const int most = threads > 0 ? threads : omp_get_max_threads();
        const int team = static_cast<int>(std::clamp<std::size_t>(n, 1, static_cast<std::size_t>(most)));
        // One piece after the other to whoever is free: pieces differ, and so do the cores of some
        // processors.
#pragma omp parallel for schedule(dynamic, 1) num_threads(team)
        for (std::size_t i = 0; i < n; ++i) {
            if (failed.load(std::memory_order_relaxed))
                continue;
            try {
                body(i);
            } catch (...) { // none may leave the region
                if (!failed.exchange(true))
                    failure = std::current_exception();
            }
        }
        if (failure)
            std::rethrow_exception(failure);
    }
};

/// `{.executor = openmp_threads}`.
inline constexpr openmp_executor openmp_threads{};

} // namespace xloss::interop

#endif
