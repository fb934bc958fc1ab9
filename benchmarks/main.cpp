// The benchmark program: measures the rows one after the other and prints the table.

#include "harness.hpp"
#include "memory.hpp"
#include "report.hpp"
#include "rows.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace {

struct arguments {
    bool quick = false, list = false, memory = false, report = false;
    std::size_t threads = 1;
    std::string filter = ".";
    std::filesystem::path out = ".";
};

constexpr auto usage =
    "xloss_benchmarks [--report] [--threads=N] [--quick] [--memory] [--list] [--filter=REGEX] "
    "[--out=DIRECTORY]\n"
    "  --report  only the rows that have a budget\n"
    "  --threads rows of all kinds at 512 x 512 with one and with N threads\n"
    "  --quick   one size of each loss, few repetitions\n"
    "  --memory  peak memory instead of times\n"
    "  --list    names of the rows, loss/target/size, without measuring\n"
    "  --filter  only rows whose name the expression finds, letter case aside\n"
    "  --out     where results.json and chart.dat go; with --report budgets.json, and so on\n";

arguments parse(int count, char** values) {
    arguments given;
    for (int i = 1; i < count; ++i) {
        const std::string_view word = values[i];
        if (word == "--quick")
            given.quick = true;
        else if (word == "--list")
            given.list = true;
        else if (word == "--memory")
            given.memory = true;
        else if (word == "--report")
            given.report = true;
        else if (word.starts_with("--threads="))
            given.threads = std::stoul(std::string(word.substr(10)));
        else if (word.starts_with("--filter="))
            given.filter = word.substr(9);
        else if (word.starts_with("--out="))
            given.out = word.substr(6);
        else {
            std::cerr << usage;
            std::exit(word == "--help" ? EXIT_SUCCESS : EXIT_FAILURE);
        }
    }
    return given;
}

/// Google Benchmark takes the order of repetitions from its command line alone.
void set_random_order() {
    std::string program = "xloss_benchmarks", order = "--benchmark_enable_random_interleaving=true";
    std::array<char*, 3> words{program.data(), order.data(), nullptr};
    int count = 2;
    benchmark::Initialize(&count, words.data());
}

/// glibc's allocator adapts to what was freed before, so a row's time would depend on the rows before it, by
/// up to two times where a peer allocates temporaries. This fixes it where a long-running process ends up.
void settle_allocator() {
#ifdef __GLIBC__
    constexpr int largest_kept = 32 << 20;
    mallopt(M_MMAP_THRESHOLD, largest_kept);
    mallopt(M_TRIM_THRESHOLD, 2 * largest_kept);
#endif
}

std::vector<bench::row> chosen_rows(const arguments& given) {
    std::vector<bench::row> all, chosen;
    bench::add_binary_rows(all);
    bench::add_multiclass_rows(all);
    bench::add_ranked_rows(all);
    bench::add_neighbour_rows(all);
    bench::add_sam_rows(all);
    bench::add_detection_rows(all);
    const std::regex filter(given.filter, std::regex::ECMAScript | std::regex::icase);
    for (auto& line : all) {
        if ((given.report && !line.in_report.budgets) || (given.threads > 1 && !line.in_report.threads))
            continue;
        if (given.quick && line.where != bench::extent::power_of_two)
            continue;
        if (std::regex_search(line.name(), filter))
            chosen.push_back(std::move(line));
    }
    return chosen;
}

int measure_memory(const std::filesystem::path& directory) {
    std::filesystem::create_directories(directory);
    std::ofstream json(directory / "memory.json");
    return bench::print_memory(std::cout, json) && json.flush() ? EXIT_SUCCESS : EXIT_FAILURE;
}

int write(const arguments& given, const std::vector<bench::result>& results) {
    std::filesystem::create_directories(given.out);
    const bool several = given.threads > 1;
    std::ofstream json(given.out / (several        ? "threads.json"
                                    : given.report ? "budgets.json"
                                                   : "results.json"));
    bench::write_json(json, results, given.threads);
    bench::print_head(std::cout);
    bool written = true;
    if (several)
        bench::print_threads(std::cout, results, given.threads);
    else
        bench::print_table(std::cout, results);
    if (!several && !given.report) {
        std::ofstream chart(given.out / "chart.dat");
        bench::write_chart_data(chart, results);
        written = static_cast<bool>(chart.flush());
    }
    if (json.flush() && written)
        return EXIT_SUCCESS;
    std::cerr << "could not write to " << given.out << "\n";
    return EXIT_FAILURE;
}

int run(const arguments& given) {
    if (given.memory) // before all else: its processes start from this one as it is
        return measure_memory(given.out);
    const auto rows = chosen_rows(given);
    if (given.list) {
        for (const auto& line : rows)
            std::cout << line.name() << "\n";
        return EXIT_SUCCESS;
    }
    if (rows.empty()) {
        std::cerr << "no row matches '" << given.filter << "' (--list names them)\n";
        return EXIT_FAILURE;
    }
    set_random_order();
    settle_allocator();
    bench::settings how;
    how.threads = given.threads;
    how.with_xtensor = !given.report && given.threads == 1;
    if (given.quick)
        how.repetitions = 5, how.seconds_per_contender = 0.5;
    std::vector<bench::result> results;
    for (const auto& line : rows) {
        std::cerr << "[" << results.size() + 1 << "/" << rows.size() << "] " << line.name() << "\n";
        results.push_back(bench::measure(line, how));
    }
    return write(given, results);
}

} // namespace

int main(int count, char** values) {
    try {
        return run(parse(count, values));
    } catch (const std::exception& failure) {
        std::cerr << "xloss_benchmarks: " << failure.what() << "\n";
        return EXIT_FAILURE;
    }
}
