// What a call costs beyond its pixels: value and gradient of one sample of 64 x 64, with gradient and
// workspace kept, against one of 32 x 32: three quarters of the pixels are the difference. Prints a table;
// libtorch beside it, where it is found.

#include "data.hpp"
#include "peers_torch.hpp"
#include "problem.hpp"

#include <xloss/criterion/call.hpp>
#include <xloss/losses/bce.hpp>
#include <xloss/losses/cross_entropy.hpp>
#include <xloss/losses/dice.hpp>
#include <xloss/losses/focal.hpp>
#include <xloss/losses/lovasz.hpp>
#include <xloss/losses/tversky.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

namespace bench {
namespace {

constexpr std::size_t side = 64;
constexpr int repetitions = 31;
constexpr double seconds_per_repetition = 0.004;

double seconds_of(const auto& call, std::size_t times) {
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < times; ++i)
        call();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// How many calls fill a repetition.
std::size_t calls_of(const auto& call) {
    call(); // the workspace sees the shape
    std::size_t times = 1;
    while (seconds_of(call, times) < seconds_per_repetition)
        times *= 2;
    return times;
}

/// Nanoseconds of each call, medians; taken in turns, so that all meet the same machine.
template <class... Calls>
std::array<double, sizeof...(Calls)> nanoseconds(const Calls&... calls) {
    constexpr std::size_t n = sizeof...(Calls);
    const std::array<std::size_t, n> times{calls_of(calls)...};
    std::array<std::vector<double>, n> each;
    for (int i = 0; i < repetitions; ++i) {
        std::size_t k = 0;
        ((each[k].push_back(1e9 * seconds_of(calls, times[k]) / static_cast<double>(times[k])), ++k), ...);
    }
    std::array<double, n> medians{};
    std::transform(each.begin(), each.end(), medians.begin(), [](auto& all) {
        std::nth_element(all.begin(), all.begin() + repetitions / 2, all.end());
        return all[repetitions / 2];
    });
    return medians;
}

/// Tensors of a call: masks with one channel, else a label map.
template <std::size_t Rank>
struct tensors {
    xt::xtensor<float, 4> logits, grad;
    xt::xtensor<std::uint8_t, Rank> target;
    xloss::workspace memory{};

    tensors(std::size_t n, std::size_t classes) {
        logits.resize({1, classes, n, n});
        grad.resize(logits.shape());
        if constexpr (Rank == 4)
            target.resize({1, 1, n, n});
        else
            target.resize({1, n, n});
        const std::size_t values = classes == 1 ? 2 : classes;
        for (std::size_t i = 0; i < target.size(); ++i)
            target.data()[i] = static_cast<std::uint8_t>(8 * i / (n * n) % values);
        for (std::size_t i = 0; i < logits.size(); ++i)
            logits.data()[i] = 2.0F * noise(i);
    }

    [[nodiscard]] problem as_problem() const {
        const auto& s = logits.shape();
        return {static_cast<std::int64_t>(s[0]),
                static_cast<std::int64_t>(s[1]),
                static_cast<std::int64_t>(s[2]),
                static_cast<std::int64_t>(s[3]),
                logits.data(),
                target.data(),
                target_kind::uint8};
    }
};

template <std::size_t Rank = 4, class Loss>
void print_row(const char* name, const Loss& loss, std::optional<formula> same, std::size_t classes = 1) {
    tensors<Rank> one(side, classes), quarter(side / 2, classes);
    const auto step = [&](tensors<Rank>& on) {
        return [&] {
            benchmark::DoNotOptimize(
                xloss::value_and_grad_into(on.grad, loss, on.logits, on.target, {.workspace = &on.memory})
                    .value);
        };
    };
    const auto forward = [&] {
        benchmark::DoNotOptimize(xloss::value(loss, one.logits, one.target, {.workspace = &one.memory}));
    };
    const auto ns = nanoseconds(step(one), step(quarter), forward);
    const double pixels = 4.0 / 3.0 * (ns[0] - ns[1]);
    std::printf("| %s | %.0f | %.0f | %.0f | %.0f |", name, ns[0], pixels, ns[0] - pixels, ns[2]);
    const std::unique_ptr<contender> torch = same ? make_torch(*same, one.as_problem()) : nullptr;
    if (torch)
        std::printf(" %.0f |\n", nanoseconds([&] { benchmark::DoNotOptimize(torch->step()); })[0]);
    else
        std::printf(" - |\n");
}

void print_table() {
    std::printf("| loss, 1 x 64 x 64 | call, ns | its pixels | fixed | value alone | libtorch |\n"
                "| --- | --: | --: | --: | --: | --: |\n");
    print_row("BCE", xloss::bce{}, formula::bce);
    print_row("Dice", xloss::dice{}, formula::dice);
    print_row("20 focal + Dice", 20.0 * xloss::focal{} + xloss::dice{}, formula::focal_20_dice);
    print_row("Tversky", xloss::tversky{.alpha = 0.3, .beta = 0.7}, std::nullopt);
    print_row("Lovász hinge", xloss::lovasz_hinge{}, formula::lovasz_hinge);
    print_row<3>("cross entropy + Dice, C = 19", xloss::multiclass(xloss::cross_entropy{} + xloss::dice{}),
                 formula::cross_entropy_dice, 19);
}

} // namespace
} // namespace bench

int main() {
    bench::print_table();
}
