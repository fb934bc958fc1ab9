// Several threads at once: callers of one loss, calls inside of pieces of work, and what a piece throws.

#include "threads/check.hpp"

#include <xloss/criterion/mode.hpp>
#include <xloss/criterion/sum.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/losses/cross_entropy.hpp>
#include <xloss/losses/dice.hpp>
#include <xloss/losses/focal.hpp>
#include <xloss/losses/lovasz.hpp>

#include <stdexcept>
#include <thread>

namespace {

/// Calls f(caller) on four threads at once.
template <class F>
void at_once(const F& f) {
    std::vector<std::thread> callers;
    callers.reserve(4);
    for (std::size_t caller = 0; caller < 4; ++caller)
        callers.emplace_back([&f, caller] { f(caller); });
    for (std::thread& one : callers)
        one.join();
}

/// The callers of one loss: every second one with a workspace, every third one with threads of its own.
template <class Loss, class X, class Y>
void check_callers(const Loss& loss, const X& x, const Y& y) {
    const auto evaluated = [&](const xloss::call_options& options) {
        const auto r = xloss::value_and_grad(loss, x, y, options);
        return threads::all(r.value, r.grad);
    };
    const threads::numbers expected = evaluated({});
    std::array<bool, 4> agrees{};
    at_once([&](std::size_t caller) {
        xloss::workspace memory;
        executors::pool threads(2);
        xloss::call_options options{.workspace = caller % 2 == 0 ? &memory : nullptr};
        if (caller % 3 == 0)
            options.executor = threads;
        agrees[caller] = true;
        for (int i = 0; i < 3; ++i)
            agrees[caller] = agrees[caller] && threads::same(evaluated(options), expected);
    });
    CHECK(agrees == std::array<bool, 4>{true, true, true, true});
}

/// Throws at one pixel: as a user's expression may.
auto throws_at(const xt::xtensor<float, 4>& x, float bad) {
    return xt::make_lambda_xfunction(
        [bad](float v) {
            if (v == bad)
                throw std::runtime_error("a pixel of the caller's");
            return v;
        },
        x);
}

} // namespace

TEST_CASE("threads: several callers of one loss", "[threads]") {
    const threads::data of;
    check_callers(xloss::multilabel(20.0 * xloss::focal{} + xloss::dice{}), of.x, of.mask);
    check_callers(xloss::multiclass(xloss::cross_entropy{} + xloss::dice{}, {.ignore_index = 3}), of.x,
                  of.labels);
    check_callers(xloss::multilabel(xloss::lovasz_hinge{}), of.x, xloss::weighted(of.mask, of.weights));
}

TEST_CASE("threads: calls inside of pieces of work", "[threads]") {
    const threads::data of;
    const auto loss = xloss::multilabel(xloss::dice{});
    const float expected = xloss::value(loss, of.x, of.mask);
    executors::pool outer(3);
    std::array<float, 6> found{};
    const auto body = [&](std::size_t i) {
        executors::pool inner(2);
        found[i] = xloss::value(loss, of.x, of.mask, {.executor = inner});
    };
    outer(found.size(), xloss::piece_body(body));
    for (const float v : found)
        CHECK(made_up::same_bits(v, expected));
}

TEST_CASE("threads: what a piece throws reaches the caller", "[threads]") {
    threads::data of;
    of.x(30, 1, 2, 3) = 77.0F;
    const auto loss = xloss::multilabel(xloss::dice{});
    const auto bad = throws_at(of.x, 77.0F), good = throws_at(of.x, 78.0F);
    const float expected = xloss::value(loss, of.x, of.mask);
    for (const std::size_t n : {1U, 2U, 7U}) {
        executors::pool threads(n);
        xloss::workspace memory;
        const xloss::call_options options{.workspace = &memory, .executor = threads};
        CHECK_THROWS_AS(xloss::value(loss, bad, of.mask, options), std::runtime_error);
        CHECK(made_up::same_bits(xloss::value(loss, good, of.mask, options), expected)); // all is as it was
    }
}

TEST_CASE("threads: wrong labels are the caller's error with every number of threads", "[threads]") {
    threads::data of;
    of.labels(20, 3, 3) = 9;
    of.labels(33, 0, 1) = 8;
    const auto message = [&](const xloss::executor_ref& executor) {
        try {
            static_cast<void>(xloss::value(xloss::multiclass(xloss::cross_entropy{}, {.ignore_index = 3}),
                                           of.x, of.labels, {.executor = executor}));
        } catch (const xloss::label_error& e) {
            return std::string(e.what());
        }
        return std::string();
    };
    CHECK(message({}).find("[20, 3, 3]") != std::string::npos);
    for (const std::size_t n : {1U, 2U, 3U, 7U}) {
        executors::pool threads(n);
        CHECK(message(threads) == message({}));
    }
}

namespace {

/// How often there was something to share.
struct counting {
    std::size_t calls = 0;

    void operator()(std::size_t n, const xloss::piece_body& body) {
        ++calls;
        for (std::size_t i = 0; i < n; ++i)
            body(i);
    }
};

} // namespace

TEST_CASE("threads: little work stays on the calling thread", "[threads]") {
    counting threads;
    const xloss::executor_ref executor(threads);
    constexpr std::size_t least = xloss::engine::least_elements;
    std::size_t done = 0;
    const auto body = [&](std::size_t) { ++done; };
    executor.run({4, least / 4 - 1}, body);
    executor.run({1, 2 * least}, body);
    CHECK(threads.calls == 0);
    CHECK(executor.is_serial({4, least / 4 - 1}));
    executor.run({4, least / 4}, body);
    executor.run(4, body); // of unknown size: worth a thread each
    CHECK(threads.calls == 2);
    CHECK(done == 13);

    // Rounds of a long run are shared where the whole is worth it, and not those of next to nothing.
    const auto rounds = [&](std::size_t pieces, std::size_t elements) {
        const std::size_t before = threads.calls;
        xloss::engine::for_pieces(
            executor, {pieces, elements}, [](std::size_t, std::size_t) {}, [](std::size_t, std::size_t) {});
        return threads.calls - before;
    };
    constexpr std::size_t at_once = xloss::engine::pieces_in_flight;
    CHECK(rounds(at_once, least / at_once) == 1);
    CHECK(rounds(at_once, least / at_once - 1) == 0);
    CHECK(rounds(8 * at_once, least / at_once / 4) == 8);
    CHECK(rounds(100 * at_once, least / at_once / 4 - 1) == 0);
}

TEST_CASE("threads: small masks are the calling thread's, large ones are shared", "[threads]") {
    const auto calls = [](std::size_t samples, std::size_t side) {
        const auto x = made_up::logits<float>(std::array<std::size_t, 3>{samples, side, side});
        const auto y = made_up::labels<std::uint8_t>(std::array<std::size_t, 3>{samples, side, side});
        counting threads;
        static_cast<void>(xloss::value_and_grad(xloss::binary(xloss::dice{}), x, y, {.executor = threads}));
        return threads.calls;
    };
    CHECK(calls(1, 128) == 0);
    CHECK(calls(16, 60) == 0);
    CHECK(calls(1, 400) > 0);
    CHECK(calls(40, 64) > 0);
}
