#include "threads.hpp"

#ifdef XLOSS_BENCHMARK_TBB
#include <xloss/interop/tbb.hpp>

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
    xloss::interop::tbb_arena{arena}(n, body);
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
