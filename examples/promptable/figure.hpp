#ifndef XLOSS_EXAMPLES_PROMPTABLE_FIGURE_HPP
#define XLOSS_EXAMPLES_PROMPTABLE_FIGURE_HPP

// Held-out clicks with what they can mean and what was answered, and predicted against actual IoU.

#include "../brain/chart.hpp"
#include "../brain/overlay.hpp"
#include "../brain/sheet.hpp"
#include "train.hpp"

#include <xloss/xloss.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace example {

/// Apart for any kind of colour vision (Okabe and Ito), in the order of `meanings`.
inline constexpr std::array<colour, meanings.size()> meaning_colours{
    {{250, 230, 60}, {86, 180, 255}, {230, 120, 0}}};
inline constexpr colour clicked{220, 30, 90};

/// One row per prompt: the patch with everything that the click can mean, then the candidates, each with its
/// place in the ranking, its predicted IoU and the mean of what it has over the meanings.
class prompt_figure {
    static constexpr std::size_t rows = 5;

public:
    prompt_figure(const clickable_head& on, std::span<const prompt> clicks, std::size_t candidates)
        : head(on), prompts(clicks), page({0, 0, patch, patch}, candidates + 1, rows, 2) {
        page.title("held-out clicks and what they may mean");
        std::vector<std::pair<std::string, colour>> legend{{"click", clicked}};
        for (std::size_t g = 0; g < meanings.size(); ++g)
            legend.emplace_back(meanings[g].name, meaning_colours[g]);
        legend.emplace_back("mask", hit);
        page.legend(8, 1, legend);
        page.heading(0, "click", "");
        for (std::size_t row = 0; row < rows; ++row) {
            show(0, row, nullptr);
            for (std::size_t g = 0; g < meanings.size(); ++g)
                outline(0, row, g);
            page.place(row, at(row).slice);
        }
    }

    void candidate(const answers& given, std::size_t m) {
        page.heading(m + 1, "candidate " + std::to_string(m + 1), "best fit outlined");
        const auto order = xloss::rank_masks(given.predicted);
        for (std::size_t row = 0; row < rows; ++row) {
            const std::size_t n = number(row);
            show(m + 1, row, &given.masks(n, m, 0, 0));
            outline(m + 1, row, best_meaning(given, n, m));
            std::size_t rank = 1;
            while (static_cast<std::size_t>(order(n, rank - 1)) != m)
                ++rank;
            char text[32];
            std::snprintf(text, sizeof text, "%zu. says %.2f is %.2f", rank,
                          static_cast<double>(given.predicted(n, m)), expected_iou(given, n, m));
            page.note(m + 1, row, text);
        }
    }

    void save(const std::filesystem::path& file) const { page.save(file); }

private:
    /// Evenly chosen among all prompts, not for what became of them.
    std::size_t number(std::size_t row) const { return (2 * row + 1) * prompts.size() / (2 * rows); }

    const prompt& at(std::size_t row) const { return prompts[number(row)]; }

    static std::size_t best_meaning(const answers& given, std::size_t n, std::size_t m) {
        std::size_t best = 0;
        for (std::size_t g = 1; g < meanings.size(); ++g)
            best = given.iou(n, g, m) > given.iou(n, best, m) ? g : best;
        return best;
    }

    void show(std::size_t column, std::size_t row, const std::uint8_t* mask) {
        const prompt& p = at(row);
        page.tile(column, row, [&](std::size_t y, std::size_t x) {
            if (p.top + y == p.row && p.left + x == p.column)
                return clicked;
            const colour grey_value = mri_colour(head.mri()(p.slice, p.top + y, p.left + x));
            return blend(hit, grey_value, mask != nullptr && mask[y * patch + x] != 0 ? 0.5 : 0.0);
        });
    }

    void outline(std::size_t column, std::size_t row, std::size_t meaning) {
        std::array<std::uint8_t, patch_pixels> truth;
        head.write_target(at(row), meaning, truth.data());
        page.outline(
            column, row, [&](std::size_t y, std::size_t x) { return truth[y * patch + x] != 0; },
            meaning_colours[meaning]);
    }

    const clickable_head& head;
    std::span<const prompt> prompts;
    sheet page;
};

/// Predicted against actual IoU, a panel for each run: small points for every meaning of every click, and for
/// each candidate the mean over the meanings.
inline void plot_ranking(const std::filesystem::path& file, const std::vector<prompt_history>& runs) {
    std::ostringstream script;
    script << chart_style(file, 1100, 560) << "set multiplot layout 1," << runs.size()
           << "\nset xrange [0:0.6]\nset yrange [0:1]\nset xlabel 'predicted IoU'\n"
           << "set ylabel 'actual IoU on held-out slices'\nset key below\n";
    for (std::size_t r = 0; r < runs.size(); ++r) {
        const answers& given = runs[r].held_out;
        const std::size_t candidates = given.iou.shape(2);
        for (std::size_t m = 0; m < candidates; ++m) {
            script << "$r" << r << "m" << m << " << END\n";
            for (std::size_t n = 0; n < given.iou.shape(0); ++n) {
                script << given.predicted(n, m) << ' ' << expected_iou(given, n, m);
                for (std::size_t g = 0; g < meanings.size(); ++g)
                    script << ' ' << given.iou(n, g, m);
                script << '\n';
            }
            script << "END\n";
        }
        script << "set title '" << runs[r].loss << "'\nplot x with lines lc rgb 'black' dt 2 notitle";
        for (std::size_t m = 0; m < candidates; ++m)
            for (std::size_t g = 0; g < meanings.size(); ++g)
                script << ", $r" << r << "m" << m << " using 1:" << g + 3
                       << " with points pt 7 ps 0.25 lc rgb '#bbbbbb' "
                       << (m + g == 0 ? "title 'of one meaning'" : "notitle");
        for (std::size_t m = 0; m < candidates; ++m)
            script << ", $r" << r << "m" << m << " using 1:2 with points pt 7 ps 0.5 lt " << 2 * m + 1
                   << " title 'candidate " << m + 1 << ", mean over the meanings'";
        script << '\n';
    }
    plot(script.str());
}

} // namespace example

#endif
