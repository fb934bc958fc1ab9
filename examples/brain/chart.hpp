#ifndef XLOSS_EXAMPLES_BRAIN_CHART_HPP
#define XLOSS_EXAMPLES_BRAIN_CHART_HPP

// Charts, drawn by gnuplot from scripts written here.

#include "train.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace example {

/// Runs a gnuplot script.
inline void plot(const std::string& script) {
    std::FILE* gnuplot = popen("gnuplot", "w");
    if (gnuplot == nullptr)
        throw std::runtime_error("cannot start gnuplot");
    std::fwrite(script.data(), 1, script.size(), gnuplot);
    if (pclose(gnuplot) != 0)
        throw std::runtime_error("gnuplot failed");
}

/// Sets the output file and looks that all charts share. Titles are taken as they are ("noenhanced").
inline std::string chart_style(const std::filesystem::path& file, int width, int height) {
    std::ostringstream script;
    script << "set terminal pngcairo noenhanced size " << width << "," << height << " font ',11'\n"
           << "set output '" << file.string() << "'\n"
           << "set grid ytics dt 1 lc rgb '#dddddd'\nset border 3\nset tics nomirror\n"
           << "set linetype 1 lc rgb '#0072b2' lw 2\nset linetype 2 lc rgb '#56b4e9' lw 2\n"
           << "set linetype 3 lc rgb '#009e73' lw 2\nset linetype 4 lc rgb '#d55e00' lw 2\n"
           << "set linetype 5 lc rgb '#cc79a7' lw 2\nset linetype 6 lc rgb '#e69f00' lw 2\n"
           << "set linetype 7 lc rgb '#999999' lw 2\n";
    return script.str();
}

/// Mean of the steps around each step: single batches differ too much to be read. `of` a step gives a number.
template <class Of>
double smoothed(std::size_t steps, std::size_t step, Of of) {
    const std::size_t begin = step < 5 ? 0 : step - 5, end = std::min(steps, step + 6);
    double sum = 0.0;
    for (std::size_t k = begin; k < end; ++k)
        sum += of(k);
    return sum / static_cast<double>(end - begin);
}

/// gnuplot data blocks $loss0, $iou0, $loss1, ...: one pair per run.
inline std::string curve_data(const std::vector<history>& runs) {
    std::ostringstream data;
    for (std::size_t k = 0; k < runs.size(); ++k) {
        data << "$loss" << k << " << END\n";
        for (std::size_t step = 0; step < runs[k].training_loss.size(); ++step)
            data << step + 1 << ' ' << smoothed(runs[k].training_loss.size(), step, [&](std::size_t n) {
                return static_cast<double>(runs[k].training_loss[n]);
            }) << '\n';
        data << "END\n$iou" << k << " << END\n";
        for (std::size_t s = 0; s < runs[k].scored_steps.size(); ++s)
            data << runs[k].scored_steps[s] << ' ' << runs[k].held_out[s].iou << '\n';
        data << "END\n";
    }
    return data.str();
}

/// Training loss on the left, held-out IoU on the right, one line per run of one target.
inline void plot_curves(const std::filesystem::path& file, const std::vector<history>& runs,
                        double constant) {
    std::ostringstream script;
    script << chart_style(file, 1200, 480) << curve_data(runs)
           << "set multiplot layout 1,2\nset xlabel 'step'\nset xrange [0:" << runs[0].training_loss.size()
           << "]\n"
           << "set title '" << runs[0].target << ": training loss (each on its own scale)'\n"
           << "set ylabel 'loss, mean of 11 steps'\nset logscale y\nset key top right\nplot ";
    for (std::size_t k = 0; k < runs.size(); ++k)
        script << "$loss" << k << " with lines lt " << k + 1 << " title '" << runs[k].loss << "', ";
    script << "\nunset logscale y\nset yrange [0:1]\nset key bottom right\n"
           << "set title '" << runs[0].target << ": IoU on held-out slices'\nset ylabel 'IoU'\n"
           << (runs.back().held_out.back().iou < 0.7 ? "set key top left\n" : "") << "plot ";
    for (std::size_t k = 0; k < runs.size(); ++k)
        script << "$iou" << k << " with linespoints lt " << k + 1 << " pt 7 ps 0.6 title '" << runs[k].loss
               << "', ";
    script << constant << " with lines lc rgb 'black' dt 2 title 'constant prediction'\n";
    plot(script.str());
}

/// Magnitude of the gradient at foreground pixels on the left, at background pixels on the right, one line
/// per run of one target.
inline void plot_gradients(const std::filesystem::path& file, const std::vector<history>& runs) {
    std::ostringstream script;
    script << chart_style(file, 1200, 480);
    for (std::size_t k = 0; k < runs.size(); ++k) {
        const auto& gradient = runs[k].gradient;
        script << "$size" << k << " << END\n";
        for (std::size_t step = 0; step < gradient.size(); ++step)
            script << step + 1 << ' '
                   << smoothed(gradient.size(), step, [&](std::size_t n) { return gradient[n].foreground; })
                   << ' '
                   << smoothed(gradient.size(), step, [&](std::size_t n) { return gradient[n].background; })
                   << '\n';
        script << "END\n";
    }
    script << "set multiplot layout 1,2\nset xlabel 'step'\nset logscale y\nset format y '%.0e'\n"
           << "set yrange [1e-10:1e-2]\nset key bottom left\nset ylabel 'mean |dL/dx|, mean of 11 steps'\n";
    for (const int side : {0, 1}) {
        script << "set title '" << runs[0].target << ": gradient at a pixel of the "
               << (side == 0 ? "foreground" : "background") << "'\nplot ";
        for (std::size_t k = 0; k < runs.size(); ++k)
            script << "$size" << k << " using 1:" << side + 2 << " with lines lt " << k + 1 << " title '"
                   << runs[k].loss << "', ";
        script << "\nunset key\n";
    }
    plot(script.str());
}

/// Groups of bars with their IoU on top: `score(group, bar)`. A name may have `\n` in it, as gnuplot reads
/// it.
template <class Score>
void plot_bars(const std::filesystem::path& file, const std::string& title,
               const std::vector<std::string>& groups, const std::vector<std::string>& bars, Score score) {
    // Many narrow bars have their numbers upright.
    const bool narrow = bars.size() > 2;
    std::ostringstream script;
    std::string names; // of the groups, with their places on the x axis
    script << chart_style(file, narrow ? 1500 : 1100, 480) << "$iou << END\n";
    for (std::size_t k = 0; k < groups.size(); ++k) {
        names += (k == 0 ? "\"" : ", \"") + groups[k] + "\" " + std::to_string(k);
        for (std::size_t t = 0; t < bars.size(); ++t)
            script << ' ' << score(k, t);
        script << '\n';
    }
    const double pitch = (narrow ? 0.85 : 0.76) / static_cast<double>(bars.size());
    script << "END\nset title '" << title << "'\nset ylabel 'IoU'\nset yrange [0:1.1]\n"
           << "set style fill solid\nset boxwidth " << 0.92 * pitch << "\nset key top right horizontal\n"
           << (narrow ? "set bmargin 4\n" : "") << "set xrange [-0.6:" << groups.size()
           << " - 0.4]\nset xtics (" << names << ")\nplot ";
    for (std::size_t t = 0; t < bars.size(); ++t) {
        const double shift = pitch * (static_cast<double>(t) - 0.5 * static_cast<double>(bars.size() - 1));
        // Appended: joining short literals makes g++ 12 warn of imagined overlaps.
        const std::string y = std::string("$").append(std::to_string(t + 1));
        const std::string x = std::string("($0 + ").append(std::to_string(shift)).append(")");
        const std::size_t type = bars.size() == 2 && t == 1 ? 4 : t + 1; // two alone: far apart in colour
        script << "$iou using " << x << ":" << t + 1 << " with boxes lt " << type << " title '" << bars[t]
               << "', $iou using " << x << ":(" << y << " + 0.03):(sprintf('" << (narrow ? "%.2f" : "%.3f")
               << "', " << y << ")) with labels " << (narrow ? "rotate left font ',9' " : "") << "notitle, ";
    }
    plot(script.str() + "\n");
}

/// The numbers behind the charts, for whoever wants to draw their own.
inline void write_curves(const std::filesystem::path& file,
                         const std::vector<std::vector<history>>& targets) {
    std::ofstream out(file);
    out << "target,loss,step,training_loss,foreground_gradient,background_gradient,held_out_iou,held_out_"
           "dice\n";
    for (const auto& runs : targets)
        for (const history& run : runs)
            for (std::size_t step = 1; step <= run.training_loss.size(); ++step) {
                const gradient_size g = run.gradient[step - 1];
                out << run.target << ',' << run.loss << ',' << step << ',' << run.training_loss[step - 1]
                    << ',' << g.foreground << ',' << g.background << ',';
                const auto scored = std::find(run.scored_steps.begin(), run.scored_steps.end(), step);
                if (scored == run.scored_steps.end()) {
                    out << ",\n";
                    continue;
                }
                const overlap found =
                    run.held_out[static_cast<std::size_t>(scored - run.scored_steps.begin())];
                out << found.iou << ',' << found.dice << '\n';
            }
    if (!out)
        throw std::runtime_error("cannot write " + file.string());
}

} // namespace example

#endif
