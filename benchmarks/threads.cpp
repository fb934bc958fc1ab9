#include "threads.hpp"

#ifdef XLOSS_BENCHMARK_TBB
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>

#include <map>
#endif

namespace bench {

#ifdef XLOSS_BENCHMARK_TBB

bool has_threads() {
    return true;
}

void run_pieces(std::size_t threads, std::size_t n, xloss::piece_body body) {
    static std::map<std::size_t, tbb::task_arena> arenas;
    auto& arena = arenas.try_emplace(threads, static_cast<int>(threads)).first->second;
    arena.execute([&] {
        tbb::parallel_for(
            std::size_t{0}, n, [&](std::size_t i) { body(i); }, tbb::simple_partitioner{});
    });
}

#else

bool has_threads() {
    return false;
}

void run_pieces(std::size_t, std::size_t n, xloss::piece_body body) {
    for (std::size_t i = 0; i < n; ++i)
        body(i);
}

#endif

} // namespace bench
