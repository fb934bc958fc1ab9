#include "report.hpp"

#include "build_info.hpp"
#include "peers_torch.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>

namespace bench {
namespace {

template <class... Values>
std::string format(const char* pattern, Values... values) {
    std::array<char, 512> buffer{};
    std::snprintf(buffer.data(), buffer.size(), pattern, values...);
    return buffer.data();
}

std::string cpu_model() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);)
        if (line.starts_with("model name"))
            return line.substr(line.find(':') + 2);
    return "unknown CPU";
}

std::string torch_name() {
    const std::string version = torch_version();
    return version.empty() ? "none" : version;
}

/// A number to be read at a glance: 0.83, 12.3, 123.
std::string brief(std::optional<double> x) {
    if (!x)
        return "-";
    return format(*x < 10.0 ? "%.2f" : *x < 100.0 ? "%.1f" : "%.0f", *x);
}

std::optional<double> median_of(const result& r, who w) {
    return r[w].empty() ? std::nullopt : std::optional(r[w].median());
}

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const auto c : text) {
        if (c == '"' || c == '\\')
            out += '\\';
        out += c;
    }
    return out + '"';
}

void write_list(std::ostream& out, const std::vector<double>& values) {
    out << "[";
    for (std::size_t i = 0; i < values.size(); ++i)
        out << (i == 0 ? "" : ", ") << format("%.4f", values[i]);
    out << "]";
}

void write_times(std::ostream& out, const std::string& name, const timing& t) {
    if (t.empty())
        return;
    out << ",\n     " << quoted(name) << format(": {\"median_ns\": %.4f, \"cpu_ns\": ", t.median());
    write_list(out, t.cpu);
    out << ", \"wall_ns\": ";
    write_list(out, t.wall);
    out << "}";
}

void write_row(std::ostream& out, const result& r) {
    const auto& line = r.of;
    out << "    {\"loss\": " << quoted(line.loss) << ", \"target\": " << quoted(line.target)
        << ", \"size\": " << quoted(line.size) << format(", \"elements\": %.0f", line.elements)
        << format(", \"least_bytes_per_element\": %.4f", line.least_bytes / line.elements);
    if (line.goal.roofline)
        out << format(", \"goal_times_roofline\": %g", *line.goal.roofline);
    if (line.goal.torch)
        out << format(", \"goal_times_faster_than_torch\": %g", *line.goal.torch);
    for (std::size_t i = 0; i < who_names.size(); ++i) {
        write_times(out, who_names[i], r.times[i]);
        write_times(out, who_names[i] + std::string("_threads"), r.threaded[i]);
    }
    out << "}";
}

/// What gnuplot turns into a new line inside a label: these two characters.
const std::string new_line = "\\n";

/// The name of a loss, broken where it may be, or neighbours in the chart overlap.
std::string in_lines(std::string name) {
    for (const std::string gap : {" + ", ", "})
        if (const auto at = name.find(gap); at != std::string::npos)
            name.replace(at, gap.size(), gap == ", " ? new_line : new_line + "+ ");
    return name;
}

/// One line per goal: the loss, what it reached and what it had to.
void print_goals(std::ostream& out, const std::vector<result>& results) {
    for (const auto& r : results) {
        const auto print = [&](bool fine, double reached, const char* what, double wanted) {
            out << (fine ? "goal reached: " : "goal MISSED:  ") << r.of.name() << " is " << brief(reached)
                << what << "; wanted " << brief(wanted) << "\n";
        };
        if (const auto x = r.ratio(who::torch, who::xloss); r.of.goal.torch && x)
            print(*x >= *r.of.goal.torch, *x, " times faster than libtorch eager", *r.of.goal.torch);
        if (const auto x = r.ratio(who::xloss, who::roofline); r.of.goal.roofline && x)
            print(*x <= *r.of.goal.roofline, *x, " times the roofline", *r.of.goal.roofline);
    }
}

void print_line(std::ostream& out, const std::array<std::string, 10>& cells) {
    constexpr std::array widths{-23, -6, -16, 8, 9, 7, 9, 7, 9, 7};
    const auto opens_group = [](std::size_t i) { return i == 3 || i == 4 || i == 6 || i == 8; };
    for (std::size_t i = 0; i < cells.size(); ++i)
        out << (opens_group(i) ? " | " : " ") << format("%*s", widths[i], cells[i].c_str());
    out << "\n";
}

} // namespace

void print_head(std::ostream& out) {
    out << "machine   " << cpu_model() << ", " << std::thread::hardware_concurrency() << " cores\n"
        << "compiler  " << compiler << ", " << compiler_flags << "\n"
        << "peers     xtensor " << xtensor_version << " (with xsimd), libtorch " << torch_name() << "\n"
        << "Value and gradient, ns per element (a pixel, or a pixel of one class): median of repetitions in\n"
        << "random order. roofline: the same bytes (logits and target read, gradient written) only moved.\n";
}

void print_table(std::ostream& out, const std::vector<result>& results) {
    out << "CPU time, one thread.\n\n";
    print_line(out, {"", "", "", "xloss", "roofline", "xloss", "xtensor", "xloss", "torch", "xloss"});
    print_line(out, {"loss", "target", "size", "ns", "ns", "is x", "ns", "faster", "ns", "faster"});
    out << " " << std::string(114, '-') << "\n";
    const auto ns = [](const result& r, who w) { return brief(median_of(r, w)); };
    for (const auto& r : results)
        print_line(out, {r.of.loss, r.of.target, r.of.size, ns(r, who::xloss), ns(r, who::roofline),
                         brief(r.ratio(who::xloss, who::roofline)), ns(r, who::xtensor),
                         brief(r.ratio(who::xtensor, who::xloss)), ns(r, who::torch),
                         brief(r.ratio(who::torch, who::xloss))});
    out << "\n";
    print_goals(out, results);
}

void print_threads(std::ostream& out, const std::vector<result>& results, std::size_t threads) {
    out << "Wall clock, one thread and " << threads << "; x: how many times faster " << threads
        << " are.\n\n";
    const auto print = [&out](const std::array<std::string, 9>& cells) {
        constexpr std::array widths{-23, -6, -16, 8, 7, 9, 7, 9, 7};
        for (std::size_t i = 0; i < cells.size(); ++i)
            out << (i >= 3 && i % 2 == 1 ? " | " : " ") << format("%*s", widths[i], cells[i].c_str());
        out << "\n";
    };
    print({"", "", "", "xloss", "", "roofline", "", "torch", ""});
    print({"loss", "target", "size", "ns", "x", "ns", "x", "ns", "x"});
    for (const auto& r : results) {
        std::array<std::string, 9> cells{r.of.loss, r.of.target, r.of.size};
        std::size_t next = 3;
        for (const auto w : {who::xloss, who::roofline, who::torch}) {
            const auto i = static_cast<std::size_t>(w);
            const auto &one = r.times[i], &all = r.threaded[i];
            const bool both = !one.empty() && !all.empty();
            cells[next++] = brief(one.empty() ? std::nullopt : std::optional(one.wall_median()));
            cells[next++] = brief(both ? std::optional(one.wall_median() / all.wall_median()) : std::nullopt);
        }
        print(cells);
    }
}

void write_json(std::ostream& out, const std::vector<result>& results, std::size_t threads) {
    out << "{\n  \"machine\": " << quoted(cpu_model()) << ",\n  \"compiler\": " << quoted(compiler)
        << ",\n  \"flags\": " << quoted(compiler_flags) << ",\n  \"xtensor\": " << quoted(xtensor_version)
        << ",\n  \"libtorch\": " << quoted(torch_name()) << ",\n  \"threads\": " << threads
        << ",\n  \"unit\": \"ns per element, value and gradient\",\n  \"rows\": [\n";
    for (std::size_t i = 0; i < results.size(); ++i) {
        write_row(out, results[i]);
        out << (i + 1 < results.size() ? ",\n" : "\n");
    }
    out << "  ]\n}\n";
}

void write_chart_data(std::ostream& out, const std::vector<result>& results) {
    const auto shown = [](const result& r) { return r.of.where == extent::power_of_two; };
    // A filter may have left no row of the size that the chart shows: then it shows what there is.
    const auto all = std::none_of(results.begin(), results.end(), shown);
    out << "# label roofline xloss xtensor torch, ns per element\n";
    for (const auto& r : results) {
        if (!all && !shown(r))
            continue;
        out << '"' << in_lines(r.of.loss) << new_line << r.of.target << (all ? new_line + r.of.size : "")
            << '"';
        for (const auto w : {who::roofline, who::xloss, who::xtensor, who::torch}) {
            const auto t = median_of(r, w);
            out << " " << (t ? format("%.4f", *t) : "0");
        }
        out << "\n";
    }
}

} // namespace bench
