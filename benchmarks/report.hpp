#ifndef XLOSS_BENCHMARKS_REPORT_HPP
#define XLOSS_BENCHMARKS_REPORT_HPP

#include "harness.hpp"

#include <cstddef>
#include <ostream>
#include <vector>

namespace bench {

/// Machine, compiler and flags, and what the columns mean.
void print_head(std::ostream& out);

/// The table, and below it the goals and whether this run reached them.
void print_table(std::ostream& out, const std::vector<result>& results);

/// The rows with one and with several threads, by the wall clock.
void print_threads(std::ostream& out, const std::vector<result>& results, std::size_t threads);

/// Everything measured, with every repetition. `threads`: of the times that are not of one thread.
void write_json(std::ostream& out, const std::vector<result>& results, std::size_t threads);

/// The rows for chart.gp: label and ns per element of every contender, 0 where there is none.
void write_chart_data(std::ostream& out, const std::vector<result>& results);

} // namespace bench

#endif
