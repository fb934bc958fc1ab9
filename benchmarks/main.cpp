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
    bool quick = false, list = false, memory = false;
    std::string filter = ".";
    std::filesystem::path out = ".";
};

constexpr auto usage = "xloss_benchmarks [--quick] [--list] [--memory] [--filter=REGEX] [--out=DIRECTORY]\n"
                       "  --quick   one size of each loss, few repetitions\n"
                       "  --memory  peak memory instead of times\n"
                       "  --list    names of the rows, loss/target/size, without measuring\n"
                       "  --filter  only rows whose name the expression finds, letter case aside\n"
                       "  --out     where results.json and chart.dat go\n";

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
        if (given.quick && line.where != bench::extent::power_of_two)
            continue;
        if (std::regex_search(line.name(), filter))
            chosen.push_back(std::move(line));
    }
    return chosen;
}

int run(const arguments& given) {
    if (given.memory) // before all else: its processes start from this one as it is
        return bench::print_memory(std::cout) ? EXIT_SUCCESS : EXIT_FAILURE;
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
    if (given.quick)
        how.repetitions = 5, how.seconds_per_contender = 0.5;
    std::vector<bench::result> results;
    for (const auto& line : rows) {
        std::cerr << "[" << results.size() + 1 << "/" << rows.size() << "] " << line.name() << "\n";
        results.push_back(bench::measure(line, how));
    }
    std::filesystem::create_directories(given.out);
    std::ofstream json(given.out / "results.json"), chart(given.out / "chart.dat");
    bench::write_json(json, results);
    bench::write_chart_data(chart, results);
    bench::print_head(std::cout);
    bench::print_table(std::cout, results);
    if (json.flush() && chart.flush())
        return EXIT_SUCCESS;
    std::cerr << "could not write to " << given.out << "\n";
    return EXIT_FAILURE;
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
