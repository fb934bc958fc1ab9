// Calls on the threads of oneTBB.

#include "interop/executors.hpp"

#include <xloss/interop/tbb.hpp>

#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <thread>
#include <utility>

using xloss::interop::tbb_arena, xloss::interop::tbb_executor, xloss::interop::tbb_threads;

TEST_CASE("tbb: every piece once, and what a piece throws", "[tbb]") {
    foreign::check_pieces(tbb_threads);
    foreign::check_errors(tbb_threads);
    tbb::task_arena two(2);
    foreign::check_pieces(tbb_arena{two});
    foreign::check_errors(tbb_arena{two});
}

TEST_CASE("tbb: the same bits with every number of threads", "[tbb]") {
    const foreign::data of;
    const foreign::evaluations expected(of);
    xloss::workspace memory;
    CHECK(foreign::evaluations(of, tbb_threads, &memory).same(expected));
    const foreign::eager<tbb_executor> all{};
    CHECK(foreign::evaluations(of, all, &memory).same(expected));
    // More threads than this machine may have cores.
    const tbb::global_control allowed(tbb::global_control::max_allowed_parallelism, 7);
    for (const int n : {1, 2, 3, 7}) {
        INFO(n << " threads");
        tbb::task_arena arena(n);
        const foreign::eager<tbb_arena> threads{{arena}};
        CHECK(foreign::evaluations(of, threads, &memory).same(expected));
    }
}

TEST_CASE("tbb: an arena has its own number of threads", "[tbb]") {
    tbb::task_arena one(1);
    const std::thread::id caller = std::this_thread::get_id();
    std::atomic<std::size_t> elsewhere = 0;
    const auto body = [&](std::size_t) { elsewhere += std::this_thread::get_id() == caller ? 0 : 1; };
    tbb_arena{one}(100, xloss::piece_body(body));
    CHECK(elsewhere == 0);
}

TEST_CASE("tbb: calls inside of tasks", "[tbb]") {
    const foreign::data of;
    const foreign::evaluations expected(of);
    constexpr int calls = 6;
    std::array<bool, calls> agrees{};
    const auto check = [&](const auto& threads) {
        agrees = {};
        tbb::parallel_for(0, calls, [&](int i) {
            xloss::workspace memory;
            // A task that is waiting for its pieces does not begin another one, which would want this too.
            static thread_local bool busy = false;
            const bool was_busy = std::exchange(busy, true);
            agrees[static_cast<std::size_t>(i)] =
                !was_busy && foreign::evaluations(of, threads, &memory).same(expected);
            busy = false;
        });
        for (const bool one : agrees)
            CHECK(one);
    };
    check(foreign::eager<tbb_executor>{});
    tbb::task_arena three(3);
    check(foreign::eager<tbb_arena>{{three}});
}

TEST_CASE("tbb: a call inside of a task that is cancelled runs to its end", "[tbb]") {
    const foreign::data of;
    const foreign::evaluations expected(of);
    const foreign::eager<tbb_executor> threads{};
    tbb::task_group_context around;
    bool agrees = false;
    tbb::parallel_for(
        0, 1,
        [&](int) {
            around.cancel_group_execution();
            agrees = foreign::evaluations(of, threads).same(expected);
        },
        tbb::simple_partitioner{}, around);
    CHECK(agrees);
}
