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

#ifdef __linux__
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace bench {
namespace {

#ifdef __linux__

constexpr std::array<images, 3> sizes{{
    {1, 150, 128, 128, extent::other},
    {1, 150, 256, 256, extent::other},
    {1, 150, 512, 512, extent::other},
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

auto criterion() {
    return xloss::multiclass(xloss::cross_entropy{} + xloss::dice{});
}

double growth_of(who w, const images& size) {
    using memory = tensors<std::uint8_t, 3>;
    const auto step_of = [w](const std::shared_ptr<memory>& on, const problem& at) {
        return std::function<void()>([w, on, at] {
            if (w == who::xloss) {
                auto gradient = xt::xtensor<float, 4>::from_shape(on->logits.shape());
                xloss::value_and_grad_into(gradient, criterion(), on->logits, on->target);
            } else if (const auto peer = w == who::torch ? make_torch(formula::cross_entropy_dice, at)
                                                         : make_xtensor(formula::cross_entropy_dice, at)) {
                peer->step();
            }
        });
    };
    const auto run = [&](const images& shape, auto&& how) {
        const auto on = std::make_shared<memory>(shape);
        return how(step_of(on, problem_of<std::uint8_t>(shape, on->logits.data(), on->target.data())));
    };
    // A small call first, so that no library's start is counted.
    run({1, 150, 32, 32, extent::other}, [](const auto& step) { return step(), 0.0; });
    return run(size, growth);
}

/// growth_of in a process of its own; negative where that failed.
double growth_apart(who w, const images& size) {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0)
        throw std::runtime_error("no pipe");
    const auto child = fork();
    if (child < 0)
        throw std::runtime_error("no second process");
    if (child == 0) {
        double found = -1.0;
        try {
            found = growth_of(w, size);
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

bool print_memory(std::ostream& out) {
#ifdef __linux__
    out << "Cross entropy + Dice, uint8 labels: MB by which the resident set grew at most in one value and\n"
           "gradient, each in a process of its own. The gradient is part of it.\n\n";
    std::array<char, 128> line{};
    const auto print = [&](auto... cells) {
        std::snprintf(line.data(), line.size(), cells...);
        out << line.data() << "\n";
    };
    print(" %-16s %9s %9s %9s %9s", "scores", "gradient", "xloss", "xtensor", "torch");
    bool fine = true;
    for (const auto& size : sizes) {
        const auto gradient = 4.0 * static_cast<double>(size.classes * size.rows() * size.width);
        const auto ours = growth_apart(who::xloss, size);
        const auto xtensor = growth_apart(who::xtensor, size);
        const auto torch = *torch_version() == '\0' ? 0.0 : growth_apart(who::torch, size);
        constexpr double mb = 1e6;
        print(" %-16s %9.1f %9.1f %9.1f %9.1f", shape_name(size).c_str(), gradient / mb, ours / mb,
              xtensor / mb, torch / mb);
        // Beside the gradient: what a core holds of tiles and sums, and the pages that code is read into.
        fine = fine && ours >= 0.0 && ours < gradient + 2.0 * mb && xtensor >= 0.0 && torch >= 0.0;
    }
    out << (fine ? "\nxloss needs the gradient, and nothing that grows with the pixels\n"
                 : "\nMISSED: xloss needs the gradient, and nothing that grows with the pixels\n");
    return fine;
#else
    out << "peak memory is read from Linux's /proc\n";
    return true;
#endif
}

} // namespace bench
