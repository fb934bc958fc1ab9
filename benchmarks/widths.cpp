// The kernels of the budgets alone, one small program that widths.sh builds for every width of the vectors
// and with both compilers: a line of kernel, target, size, value and ns per element of every repetition,
// separated by tabs. The tensors fit into a core's cache, so that the arithmetic is seen and not the memory.

#include "tensors.hpp"

#include <xloss/criterion/call.hpp>
#include <xloss/distance/edt.hpp>
#include <xloss/losses/bce.hpp>
#include <xloss/losses/cross_entropy.hpp>
#include <xloss/losses/dice.hpp>
#include <xloss/losses/focal.hpp>
#include <xloss/losses/iou.hpp>
#include <xloss/losses/lovasz.hpp>
#include <xloss/losses/tversky.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using bench::extent;
using bench::images;
using bench::stage;

struct kernel {
    std::string name, target;
    std::size_t elements;
    std::function<double()> step;
    std::size_t calls = 1; // of a repetition
    double value = 0.0;
    std::vector<double> times{};
};

constexpr images masks{16, 1, 64, 64, extent::cache};
constexpr images scores{1, 19, 64, 64, extent::cache};

images trained(images size) {
    size.training = stage::trained;
    return size;
}

template <class Y, std::size_t Rank, class Loss>
kernel kernel_of(std::string name, Loss loss, const images& size) {
    const auto on = std::make_shared<bench::tensors<Y, Rank>>(size);
    const auto memory = std::make_shared<xloss::workspace>();
    const auto elements = on->logits.size();
    return {std::move(name), bench::type_name<Y>(), elements, [=] {
                return static_cast<double>(xloss::value_and_grad_into(on->gradient, loss, on->logits,
                                                                      on->target, {.workspace = memory.get()})
                                               .value);
            }};
}

/// Distances inside the disc of a mask.
kernel distance_kernel() {
    constexpr std::size_t side = 256;
    xloss::tensor::grid grid;
    grid.rank = 2;
    grid.extent = {1, side, side};
    std::vector<std::uint8_t> inside(side * side);
    for (std::size_t i = 0; i < inside.size(); ++i)
        inside[i] = bench::in_disc(0, i / side, i % side, side, side) ? 1 : 0;
    const auto memory = std::make_shared<xloss::workspace>();
    return {"distance transform", "uint8", inside.size(),
            [=, to = std::vector<float>(inside.size())]() mutable {
                const xloss::executor_ref one_thread{};
                xloss::distance::distances({grid, one_thread, *memory}, inside.data(), to.data());
                return static_cast<double>(to[side * (side * 7 / 20) + side * 2 / 5]); // of the disc's middle
            }};
}

std::vector<kernel> kernels() {
    const auto cross_entropy_dice = xloss::multiclass(xloss::cross_entropy{} + xloss::dice{});
    std::vector<kernel> all;
    all.reserve(12);
    all.push_back(kernel_of<float, 4>("BCE", xloss::bce{}, masks));
    all.push_back(kernel_of<std::uint8_t, 4>("BCE", xloss::bce{}, masks));
    all.push_back(kernel_of<float, 4>("focal, gamma 2", xloss::focal{}, masks));
    all.push_back(kernel_of<float, 4>("Dice", xloss::dice{}, masks));
    all.push_back(kernel_of<float, 4>("IoU", xloss::iou{}, masks));
    all.push_back(kernel_of<float, 4>("Tversky", xloss::tversky{.alpha = 0.3, .beta = 0.7}, masks));
    all.push_back(kernel_of<float, 4>("20 focal + Dice", 20.0 * xloss::focal{} + xloss::dice{}, masks));
    all.push_back(kernel_of<std::uint8_t, 3>("cross entropy", xloss::cross_entropy{}, scores));
    all.push_back(kernel_of<std::uint8_t, 3>("cross entropy + Dice", cross_entropy_dice, scores));
    all.push_back(kernel_of<float, 4>("Lovasz hinge", xloss::lovasz_hinge{}, trained(masks)));
    all.push_back(kernel_of<std::uint8_t, 3>("Lovasz softmax", xloss::lovasz_softmax{}, trained(scores)));
    all.push_back(distance_kernel());
    return all;
}

double seconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double seconds_of(kernel& k) {
    const double start = seconds();
    for (std::size_t i = 0; i < k.calls; ++i)
        k.value = k.step();
    return seconds() - start;
}

/// As many calls as take `wanted` seconds; the first two, which find pages and caches, are not counted.
void plan(kernel& k, double wanted) {
    seconds_of(k);
    seconds_of(k);
    while (true) {
        const double once = seconds_of(k);
        if (once >= wanted / 4.0) {
            k.calls = static_cast<std::size_t>(static_cast<double>(k.calls) * wanted / once) + 1;
            return;
        }
        k.calls *= 2;
    }
}

/// For accounts.py: calls one kernel so many times; a number past the last is an error.
int call_one(std::size_t number, int calls) {
    auto all = kernels();
    if (number >= all.size())
        return EXIT_FAILURE;
    for (int i = 0; i < calls; ++i)
        all[number].step();
    std::printf("%s\t%s\t%zu\n", all[number].name.c_str(), all[number].target.c_str(), all[number].elements);
    return EXIT_SUCCESS;
}

} // namespace

/// Arguments: the repetitions, and the seconds of each; or --call, the number of a kernel, and how often.
int main(int count, char** words) {
    if (count == 4 && std::string(words[1]) == "--call")
        return call_one(static_cast<std::size_t>(std::atoi(words[2])), std::atoi(words[3]));
    const int repetitions = count > 1 ? std::atoi(words[1]) : 11;
    const double wanted = count > 2 ? std::atof(words[2]) : 0.02;
    auto all = kernels();
    for (auto& k : all)
        plan(k, wanted);
    for (int r = 0; r < repetitions; ++r)
        for (auto& k : all)
            k.times.push_back(1e9 * seconds_of(k) / static_cast<double>(k.calls * k.elements));
    for (const auto& k : all) {
        std::printf("%s\t%s\t%.9g", k.name.c_str(), k.target.c_str(), k.value);
        for (const auto t : k.times)
            std::printf("\t%.5f", t);
        std::printf("\n");
    }
    return EXIT_SUCCESS;
}
