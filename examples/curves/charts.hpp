#ifndef XLOSS_EXAMPLES_CURVES_CHARTS_HPP
#define XLOSS_EXAMPLES_CURVES_CHARTS_HPP

// Tables of what losses answer, and their charts, drawn by gnuplot from a script written here.

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace example {

/// What a loss says of an image. Slopes are by the logit of one pixel, times the number of pixels.
struct answer {
    std::string loss;
    double value, foreground_slope, background_slope;
};

/// A table with a row for every image and three columns for every loss: its value, and how hard it pulls at a
/// foreground and a background pixel.
class table {
public:
    table(const std::filesystem::path& file, const std::string& first) : out_(file), first_(first) {}

    void add(double at, const std::vector<answer>& answers) {
        if (!std::exchange(has_header_, true)) {
            out_ << first_;
            for (const answer& a : answers)
                out_ << ',' << a.loss << ',' << a.loss << " foreground," << a.loss << " background";
            out_ << '\n';
        }
        out_ << at;
        for (const answer& a : answers)
            out_ << ',' << a.value << ',' << -a.foreground_slope << ',' << a.background_slope;
        out_ << '\n';
        if (!out_)
            throw std::runtime_error("cannot write a table");
    }

private:
    std::ofstream out_;
    std::string first_;
    bool has_header_ = false;
};

/// The losses of one chart, with the number of the first one's colour: a loss keeps its colour in all charts.
struct group {
    std::string title;
    std::vector<std::string> losses;
    std::size_t first_colour;
};

/// One line per loss: a column of a table over its first.
inline std::string lines(const group& of, const std::string& table, const std::string& column,
                         const std::string& style) {
    std::string text;
    for (std::size_t k = 0; k < of.losses.size(); ++k)
        text += "'" + table + "' using 1:'" + of.losses[k] + column + "' with lines lt " +
                std::to_string(of.first_colour + k) + " " + style +
                (column == " background" ? " notitle, " : " title '" + of.losses[k] + "', ");
    return text;
}

/// How all charts look; then the losses side by side over the probability, and over the share of foreground.
inline std::string charts_script(const std::vector<group>& groups) {
    std::string script = "set datafile separator ','\n"
                         "set border 3\nset tics nomirror\nset key samplen 2\n";
    // Dashed: what lies on another line.
    const char* const looks[] = {"#0072b2'", "#56b4e9'", "#000000' dt 2", "#d55e00'", "#e69f00'", "#0072b2'",
                                 "#56b4e9'", "#009e73'", "#000000' dt 2", "#cc79a7'", "#e69f00'"};
    for (std::size_t k = 0; k < std::size(looks); ++k)
        script += "set linetype " + std::to_string(k + 1) + " lw 2 lc rgb '" + looks[k] + "\n";

    const auto picture = [&](const std::string& file, const auto& plot_of) {
        script += "set terminal pngcairo size 840,340 font ',9'\nset output '" + file +
                  "'\nset multiplot layout 1," + std::to_string(groups.size()) + "\n";
        for (const group& one : groups)
            script += "set title '" + one.title + "'\nplot " + plot_of(one) + "\n";
        script += "unset multiplot\n";
    };

    script += "set xlabel 'probability of the right class, of every pixel (10 % foreground)'\n"
              "set xrange [0:1]\nset ylabel 'value'\nset yrange [0:3]\nset key top right\n";
    picture("curves_value.png", [](const group& one) { return lines(one, "curves.csv", "", ""); });

    script += "set ylabel 'slope at a foreground pixel, x pixels'\nset logscale y\nset format y '10^{%T}'\n"
              "set yrange [1e-4:20]\nset key bottom left\n";
    picture("curves_gradient.png",
            [](const group& one) { return lines(one, "curves.csv", " foreground", ""); });

    script += "set xlabel 'foreground, % of the pixels (all p = 0.5)'\nset logscale x\nset xrange [50:0.1]\n"
              "set xtics (50, 10, 1, 0.1)\nset ylabel 'slope at a foreground (dashed: background) pixel'\n"
              "set yrange [1e-3:1e3]\nset key top left\n";
    picture("imbalance.png", [](const group& one) {
        return lines(one, "imbalance.csv", " foreground", "dt 1") +
               lines(one, "imbalance.csv", " background", "dt 2");
    });
    return script;
}

/// Draws the charts of the tables in a folder; false where there is no gnuplot.
inline bool draw_charts(const std::filesystem::path& folder, const std::vector<group>& groups) {
    std::ofstream(folder / "curves.gp") << charts_script(groups);
    if (std::system("gnuplot --version > /dev/null 2>&1") != 0)
        return false;
    if (std::system(("cd '" + folder.string() + "' && gnuplot curves.gp").c_str()) != 0)
        throw std::runtime_error("gnuplot failed");
    return true;
}

} // namespace example

#endif
