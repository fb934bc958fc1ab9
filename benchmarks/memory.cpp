// Peak memory of a call, each contender in a process of its own: what the resident set grows by, from scores
// and labels in place to the end of one value and gradient. The gradient is part of it for all.

#include "memory.hpp"

#include "row_of.hpp"

#include <array>
#include <cstdio>
#include <exception>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

#ifdef __linux__
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace bench {
namespace {

#ifdef __linux__

/// One call that is looked at, and a small one that comes first, so that no library's start is counted.
struct memory_case {
    const char* loss;
    formula same;
    images size, small;
};

constexpr std::array<memory_case, 6> cases{{
    {"BCE", formula::bce, {8, 1, 512, 512, extent::other}, {1, 1, 64, 64, extent::other}},
    {"BCE", formula::bce, {64, 1, 500, 500, extent::other}, {1, 1, 64, 64, extent::other}},
    {"SAM", formula::sam, {48, 1, 256, 256, extent::other}, {3, 1, 64, 64, extent::other}},
    {"cross entropy + Dice",
     formula::cross_entropy_dice,
     {1, 150, 128, 128, extent::other},
     {1, 150, 32, 32, extent::other}},
    {"cross entropy + Dice",
     formula::cross_entropy_dice,
     {1, 150, 256, 256, extent::other},
     {1, 150, 32, 32, extent::other}},
    {"cross entropy + Dice",
     formula::cross_entropy_dice,
     {1, 150, 512, 512, extent::other},
     {1, 150, 32, 32, extent::other}},
}};

/// A line of /proc/self/status in bytes: VmRSS is the resident set, VmHWM the most it ever was.
double status(const std::string& name) {
    std::ifstream lines("/proc/self/status");
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(name + ":"))
            return 1024.0 * std::stod(line.substr(name.size() + 1));
    throw std::runtime_error("/proc/self/status has no " + name);
}

/// Runs `call` and returns by how much the resident set was larger at most.
double growth(const std::function<void()>& call) {
    std::ofstream("/proc/self/clear_refs") << "5"; // VmHWM starts again from VmRSS, where this is allowed
    const auto before = status("VmRSS");
    call();
    return status("VmHWM") - before;
}

template <class Loss, class Tensors>
void call(const Loss& loss, const Tensors& on) {
    auto gradient = xt::xtensor<float, 4>::from_shape(on.logits.shape());
    xloss::value_and_grad_into(gradient, loss, on.logits, on.target);
}

/// Three masks of an image, as SAM gives them.
template <class Tensors>
void call_sam(const Tensors& on) {
    const auto count = on.logits.size();
    const std::array<std::size_t, 4> shape{on.logits.shape(0) / 3, 3, on.logits.shape(2), on.logits.shape(3)};
    auto gradient = xt::xtensor<float, 4>::from_shape(shape);
    const auto masks = xt::adapt(on.logits.data(), count, xt::no_ownership(), shape);
    const auto target = xt::adapt(on.target.data(), count, xt::no_ownership(), shape);
    const xt::xtensor<float, 2> iou(std::array{shape[0], shape[1]}, static_cast<float>(predicted_iou));
    auto iou_gradient = iou;
    xloss::value_and_grad_into(xloss::sam_output{gradient, iou_gradient}, xloss::sam{},
                               xloss::sam_output{masks, iou}, target);
}

template <class Tensors>
void call_ours(formula loss, const Tensors& on) {
    if constexpr (std::is_same_v<Tensors, tensors<std::uint8_t, 3>>)
        call(xloss::multiclass(xloss::cross_entropy{} + xloss::dice{}), on);
    else if (loss == formula::sam)
        call_sam(on);
    else
        call(xloss::bce{}, on);
}

/// Binary losses have masks of float, which no peer has to convert; the others label maps of uint8.
template <class Y, std::size_t Rank>
double growth_of(who w, const memory_case& of) {
    const auto run = [&](const images& shape, auto&& how) {
        const auto on = std::make_shared<tensors<Y, Rank>>(shape);
        const auto at = problem_of<Y>(shape, on->logits.data(), on->target.data());
        return how([&] {
            if (w == who::xloss)
                call_ours(of.same, *on);
            else if (const auto peer = w == who::torch ? make_torch(of.same, at) : make_xtensor(of.same, at))
                peer->step();
        });
    };
    run(of.small, [](const auto& step) { return step(), 0.0; });
    return run(of.size, growth);
}

/// growth_of in a process of its own; negative where that failed.
double growth_apart(who w, const memory_case& of) {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0)
        throw std::runtime_error("no pipe");
    const auto child = fork();
    if (child < 0)
        throw std::runtime_error("no second process");
    if (child == 0) {
        double found = -1.0;
        try {
            found = of.size.classes == 1 ? growth_of<float, 4>(w, of) : growth_of<std::uint8_t, 3>(w, of);
        } catch (const std::exception& failure) {
            std::cerr << who_names[static_cast<std::size_t>(w)] << ": " << failure.what() << "\n";
        }
        const auto written = write(ends[1], &found, sizeof found);
        _exit(written == static_cast<ssize_t>(sizeof found) ? 0 : 1);
    }
    close(ends[1]);
    double found = -1.0;
    if (read(ends[0], &found, sizeof found) != static_cast<ssize_t>(sizeof found))
        found = -1.0;
    close(ends[0]);
    int ended = 0;
    waitpid(child, &ended, 0);
    return found;
}

#endif

} // namespace

bool print_memory(std::ostream& out, std::ostream& json) {
#ifdef __linux__
    out << "MB by which the resident set grew at most in one value and gradient, each in a process of its "
           "own.\n"
           "The gradient is part of it.\n\n";
    std::array<char, 160> line{};
    const auto print = [&](std::ostream& to, auto... cells) {
        std::snprintf(line.data(), line.size(), cells...);
        to << line.data() << "\n";
    };
    print(out, " %-21s %-14s %9s %9s %9s %9s", "loss", "logits", "gradient", "xloss", "xtensor", "torch");
    bool fine = true;
    for (const auto& of : cases) {
        constexpr double mb = 1e6;
        const auto gradient =
            4.0 * static_cast<double>(of.size.classes * of.size.batch * of.size.rows() * of.size.width);
        const auto ours = growth_apart(who::xloss, of);
        const auto xtensor = of.same == formula::sam ? 0.0 : growth_apart(who::xtensor, of);
        const auto torch = *torch_version() == '\0' ? 0.0 : growth_apart(who::torch, of);
        const auto size = of.same == formula::sam ? std::string("16x3x256x256") : shape_name(of.size);
        print(out, " %-21s %-14s %9.1f %9.1f %9.1f %9.1f", of.loss, size.c_str(), gradient / mb, ours / mb,
              xtensor / mb, torch / mb);
        print(json,
              "%s{\"loss\": \"%s\", \"size\": \"%s\", \"gradient\": %.0f, \"xloss\": %.0f, "
              "\"xtensor\": %.0f, \"torch\": %.0f}",
              &of == cases.data() ? "[" : ",", of.loss, size.c_str(), gradient, ours, xtensor, torch);
        // Beside the gradient: what a core holds of tiles and sums, and the pages that code is read into.
        fine = fine && ours >= 0.0 && ours < gradient + 2.0 * mb && xtensor >= 0.0 && torch >= 0.0;
    }
    json << "]\n";
    out << (fine ? "\nxloss needs the gradient, and nothing that grows with the pixels\n"
                 : "\nMISSED: xloss needs the gradient, and nothing that grows with the pixels\n");
    return fine;
#else
    json << "[]\n";
    out << "peak memory is read from Linux's /proc\n";
    return true;
#endif
}

} // namespace bench
