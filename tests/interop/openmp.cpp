// Calls on the threads of OpenMP.

#include "interop/executors.hpp"

#include <xloss/interop/openmp.hpp>

using xloss::interop::openmp_executor, xloss::interop::openmp_threads;

TEST_CASE("openmp: every piece once, and what a piece throws", "[openmp]") {
    foreign::check_pieces(openmp_threads);
    foreign::check_errors(openmp_threads);
    foreign::check_errors(openmp_executor{3});
}

TEST_CASE("openmp: the same bits with every number of threads", "[openmp]") {
    const foreign::data of;
    const foreign::evaluations expected(of);
    xloss::workspace memory;
    CHECK(foreign::evaluations(of, openmp_threads, &memory).same(expected));
    for (const int n : {0, 1, 2, 3, 7}) {
        INFO(n << " threads");
        const foreign::eager<openmp_executor> threads{{n}};
        CHECK(foreign::evaluations(of, threads, &memory).same(expected));
    }
}

TEST_CASE("openmp: as many threads as asked for, and not more than pieces", "[openmp]") {
    const auto team = [](const openmp_executor& executor, std::size_t n) {
        std::atomic<int> threads = 0;
        const auto body = [&](std::size_t) { threads = omp_get_num_threads(); };
        executor(n, xloss::piece_body(body));
        return threads.load();
    };
    omp_set_dynamic(0);
    CHECK(team({3}, 100) == 3);
    CHECK(team({7}, 4) == 4);
    omp_set_num_threads(5);
    CHECK(team({}, 100) == 5);
}

TEST_CASE("openmp: calls inside of a parallel region", "[openmp]") {
    const foreign::data of;
    const foreign::evaluations expected(of);
    for (const int levels : {1, 2}) {
        INFO(levels << " levels");
        omp_set_max_active_levels(levels);
        std::atomic<int> agree = 0;
        const foreign::eager<openmp_executor> threads{{2}};
#pragma omp parallel num_threads(3)
        {
            xloss::workspace memory;
            if (foreign::evaluations(of, threads, &memory).same(expected))
                ++agree;
        }
        CHECK(agree == 3);
    }
}
