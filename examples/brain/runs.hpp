#ifndef XLOSS_EXAMPLES_BRAIN_RUNS_HPP
#define XLOSS_EXAMPLES_BRAIN_RUNS_HPP

// What the examples with pictures share: their main(), and lists of runs on all cores, with a line now and
// then and a verdict in the end.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace example {

template <class Loss>
struct named {
    const char* name;
    Loss loss;
};

template <class Loss>
named(const char*, Loss) -> named<Loss>;

/// Makes every run on all cores. A run is sequential and knows nothing of the others, so the results do not
/// depend on the number of threads.
inline void run_all(const std::vector<std::function<void()>>& runs) {
    std::atomic<std::size_t> next = 0;
    const auto work = [&] {
        for (std::size_t k = next++; k < runs.size(); k = next++)
            runs[k]();
    };
    std::vector<std::future<void>> workers;
    for (unsigned n = 0; n < std::max(1u, std::thread::hardware_concurrency()); ++n)
        workers.push_back(std::async(std::launch::async, work));
    for (auto& worker : workers)
        worker.get();
}

/// Prints a line per quarter of each run, from whichever thread it comes.
class progress {
public:
    explicit progress(std::size_t all_steps) : steps(all_steps) {}

    /// Tells the last score of a run: its loss and target, the step, the training loss.
    template <class Log>
    void operator()(const Log& run, const char* score_name, double score) {
        const std::size_t step = run.scored_steps.back();
        if (step % (steps / 4) != 0)
            return;
        const std::lock_guard lock(mutex);
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
        std::printf("%5.1f s  %-11s  %-15s  step %3zu of %zu  loss %8.5f  %s %.3f\n", elapsed.count(),
                    run.target.c_str(), run.loss.c_str(), step, steps,
                    static_cast<double>(run.training_loss.back()), score_name, score);
        std::fflush(stdout);
    }

private:
    std::size_t steps;
    std::mutex mutex;
    std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
};

/// Prints what an example promises, and whether it holds.
inline bool check(bool holds, const std::string& sentence) {
    std::printf("%s: %s\n", holds ? "ok    " : "FAILED", sentence.c_str());
    return holds;
}

/// The main() of an example: run(data folder, output folder) says whether it kept its promises.
template <class Run>
int run_in_folders(int argc, char** argv, const Run& run) {
    try {
        const std::filesystem::path data = argc > 1 ? argv[1] : "examples/data";
        return run(data, std::filesystem::path(argc > 2 ? argv[2] : "out")) ? 0 : 1;
    } catch (const std::exception& problem) {
        std::fprintf(stderr, "%s\n", problem.what());
        return 1;
    }
}

} // namespace example

#endif
