#include "harness.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace bench {
namespace {

/// The norm of the difference relative to the norm of `expected`.
double distance(const float* actual, const std::vector<float>& expected) {
    double difference = 0.0, norm = 0.0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const auto d = static_cast<double>(actual[i]) - static_cast<double>(expected[i]);
        difference += d * d;
        norm += static_cast<double>(expected[i]) * static_cast<double>(expected[i]);
    }
    return std::sqrt(difference / norm);
}

/// Steps every contender once and compares it with the first, so that no row compares different things.
/// Returns the seconds of a second step, from which the repetitions are planned.
std::array<double, who_names.size()> check(const row& line, lineup& all) {
    std::array<double, who_names.size()> seconds{};
    std::vector<float> expected(static_cast<std::size_t>(line.elements));
    std::optional<double> value;
    for (std::size_t i = 0; i < who_names.size(); ++i) {
        if (!all.contenders[i])
            continue;
        auto& one = *all.contenders[i];
        const auto got = one.step();
        if (static_cast<who>(i) != who::roofline) {
            if (!value) {
                value = got;
                std::copy_n(one.gradient(), expected.size(), expected.begin());
            }
            const auto error = std::abs(got - *value) / std::abs(*value);
            const auto gradient_error = distance(one.gradient(), expected);
            const auto& wanted = static_cast<who>(i) == who::torch ? line.of_torch : line.wanted;
            if (!(error <= wanted.value && gradient_error <= wanted.gradient)) { // so that NaN fails
                std::ostringstream text;
                text << line.name() << ": " << who_names[i] << " computes something else: value " << got
                     << " instead of " << *value << ", gradient off by " << gradient_error;
                throw std::runtime_error(text.str());
            }
        }
        const auto start = std::chrono::steady_clock::now();
        one.step();
        seconds[i] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    return seconds;
}

/// Collects the repetitions instead of printing them.
class collector final : public benchmark::BenchmarkReporter {
public:
    bool ReportContext(const Context&) override { return true; }
    void ReportRuns(const std::vector<Run>& runs) override {
        for (const auto& run : runs) {
            if (run.run_type != Run::RT_Iteration)
                continue;
            const auto scale = 1e9 / static_cast<double>(run.iterations);
            auto& times = by_name[run.run_name.function_name];
            times.cpu.push_back(run.cpu_accumulated_time * scale);
            times.wall.push_back(run.real_accumulated_time * scale);
        }
    }
    std::map<std::string, timing> by_name;
};

/// Threads must not change a bit.
void check_threads(const row& line, contender& ours, std::size_t threads) {
    const auto value = ours.step();
    const std::vector<float> gradient(ours.gradient(),
                                      ours.gradient() + static_cast<std::ptrdiff_t>(line.elements));
    if (!ours.use_threads(threads))
        throw std::runtime_error(line.name() + ": built without oneTBB, so that there are no threads");
    if (ours.step() != value || !std::equal(gradient.begin(), gradient.end(), ours.gradient()))
        throw std::runtime_error(line.name() + ": threads change the result");
    ours.use_threads(1);
}

void enroll(const std::string& name, contender& one, double seconds, const settings& how,
            std::size_t threads = 1) {
    const bool several = how.threads > 1, warms = several && seconds < how.seconds_per_contender / 10.0;
    const auto loop = [&one, threads, several, warms](benchmark::State& state) {
        if (several)
            one.use_threads(threads);
        if (warms) // and the threads of others go to sleep meanwhile
            one.step();
        for (auto _ : state) {
            benchmark::DoNotOptimize(one.step());
            benchmark::ClobberMemory();
        }
    };
    const auto a_repetition = std::max(seconds, how.seconds_per_repetition);
    const auto affordable = static_cast<int>(how.seconds_per_contender / a_repetition);
    benchmark::RegisterBenchmark(name.c_str(), loop)
        ->MinTime(how.seconds_per_repetition)
        ->Repetitions(std::clamp(affordable, how.least_repetitions, how.repetitions))
        ->MeasureProcessCPUTime();
}

std::string with_threads(std::size_t contender) {
    return std::string(who_names[contender]) + ", threads";
}

timing per_element(timing times, double elements) {
    for (auto* list : {&times.cpu, &times.wall}) {
        for (auto& t : *list)
            t /= elements;
        std::sort(list->begin(), list->end());
    }
    return times;
}

double middle(const std::vector<double>& sorted) {
    const auto half = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

} // namespace

double timing::median() const {
    return middle(cpu);
}

double timing::wall_median() const {
    return middle(wall);
}

std::optional<double> result::ratio(who slow, who fast) const {
    const auto& a = (*this)[slow];
    const auto& b = (*this)[fast];
    if (a.empty() || b.empty())
        return std::nullopt;
    return a.median() / b.median();
}

result measure(const row& line, const settings& how) {
    auto all = line.prepare();
    if (!how.with_xtensor)
        all[who::xtensor].reset();
    const auto seconds = check(line, all);
    if (how.threads > 1)
        check_threads(line, *all[who::xloss], how.threads);
    for (std::size_t i = 0; i < who_names.size(); ++i) {
        if (!all.contenders[i])
            continue;
        auto& one = *all.contenders[i];
        enroll(who_names[i], one, seconds[i], how);
        if (how.threads > 1 && one.use_threads(how.threads))
            enroll(with_threads(i), one, seconds[i], how, how.threads);
    }
    collector reporter;
    // "." and not the flag's value: the filter of rows is the caller's business.
    benchmark::RunSpecifiedBenchmarks(&reporter, ".");
    benchmark::ClearRegisteredBenchmarks();
    result measured{line, {}, {}};
    for (std::size_t i = 0; i < who_names.size(); ++i) {
        measured.times[i] = per_element(std::move(reporter.by_name[who_names[i]]), line.elements);
        measured.threaded[i] = per_element(std::move(reporter.by_name[with_threads(i)]), line.elements);
    }
    return measured;
}

} // namespace bench
