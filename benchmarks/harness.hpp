#ifndef XLOSS_BENCHMARKS_HARNESS_HPP
#define XLOSS_BENCHMARKS_HARNESS_HPP

#include "problem.hpp"

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bench {

/// The contenders of a row, in the order of the table's columns.
enum class who : std::size_t { xloss, roofline, xtensor, torch };
inline constexpr std::array<const char*, 4> who_names{"xloss", "roofline", "xtensor", "torch"};

/// What a row needs while it runs: the tensors, and whoever takes part; null where a peer has no such loss.
struct lineup {
    std::shared_ptr<const void> tensors;
    std::array<std::unique_ptr<contender>, who_names.size()> contenders;

    std::unique_ptr<contender>& operator[](who w) { return contenders[static_cast<std::size_t>(w)]; }
};

/// The image sizes of the table: `other` for other numbers of classes and other orders in memory. `quick`
/// keeps power_of_two.
enum class extent { cache, power_of_two, large, other };

/// How far a peer may be off: its value, and its gradient relative to the norm.
struct agreement {
    double value = 1e-4, gradient = 1e-4;
};

/// What a row has to reach: at most so many times the roofline, at least so many times faster than libtorch
/// eager.
struct budget {
    std::optional<double> roofline{}, torch{};
};

/// The parts of the report that a row is in.
struct report_parts {
    bool budgets = false, threads = false;
};

/// One line of the table: one loss, one target type, one size.
struct row {
    std::string loss, target, size;
    extent where;
    /// Pixels times classes, the unit of every time in the table.
    double elements;
    /// What value and gradient must move.
    double least_bytes;
    budget goal;
    agreement wanted, of_torch;
    /// Called when the row's turn comes, so that only one row's memory is held at a time.
    std::function<lineup()> prepare;
    report_parts in_report{};

    [[nodiscard]] std::string name() const { return loss + "/" + target + "/" + size; }
};

/// How long to measure. Slow contenders get fewer repetitions, never fewer than `least_repetitions`.
struct settings {
    int repetitions = 11;
    int least_repetitions = 3;
    double seconds_per_repetition = 0.03;
    double seconds_per_contender = 1.2;
    /// More than one: every contender that can is measured with so many threads as well.
    std::size_t threads = 1;
    /// The report compares with the roofline and libtorch alone.
    bool with_xtensor = true;
};

/// The times of one contender, ns per element, one for each repetition, sorted. The table shows the CPU time
/// of the whole process: with one thread it is the wall clock of a quiet machine, whoever else works there.
struct timing {
    std::vector<double> cpu, wall;

    [[nodiscard]] bool empty() const { return cpu.empty(); }
    [[nodiscard]] double median() const;
    /// Of the wall clock, which alone tells what threads are good for.
    [[nodiscard]] double wall_median() const;
};

/// What a row measured, with one thread and, where that was asked for, with several.
struct result {
    row of;
    std::array<timing, who_names.size()> times, threaded;

    [[nodiscard]] const timing& operator[](who w) const { return times[static_cast<std::size_t>(w)]; }
    /// How many times longer `slow` takes than `fast`; nothing where one of them is missing.
    [[nodiscard]] std::optional<double> ratio(who slow, who fast) const;
};

/// Checks that all contenders compute the same thing, then times them, their repetitions in random order.
/// Throws std::runtime_error where value or gradient differ by more than the row allows, and where ours
/// differ in a bit with several threads.
result measure(const row& line, const settings& how);

} // namespace bench

#endif
