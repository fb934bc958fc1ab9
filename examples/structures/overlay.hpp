#ifndef XLOSS_EXAMPLES_STRUCTURES_OVERLAY_HPP
#define XLOSS_EXAMPLES_STRUCTURES_OVERLAY_HPP

// A sheet of test slices: every structure in its colour over the MRI, the truth beside each model's answer.

#include "../brain/sheet.hpp"
#include "train.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace example {

/// The unnamed rest of the brain and what is outside show the MRI as it is.
inline colour structure_colour(std::uint8_t intensity, std::uint8_t label) {
    const colour mri = mri_colour(intensity);
    return label == 0 || label == outside ? mri : blend(structures[label].shade, mri, 0.6);
}

/// One row per slice, one column per run; the first column is the truth.
inline void write_structures(const std::filesystem::path& file, const volume& t1, const task& job,
                             const std::vector<structure_history>& runs) {
    const auto places = slices_to_show(job.target, job.parts.test);
    sheet out({0, 0, t1.shape(1), t1.shape(2)}, runs.size() + 1, places.size(), 3);
    out.title(job.name + " on held-out coronal slices");
    std::vector<std::pair<std::string, colour>> names;
    for (std::size_t c = 1; c < classes; ++c)
        names.emplace_back(structures[c].name, structures[c].shade);
    out.legend(8, 1, names);

    const auto column = [&](std::size_t place, const volume* prediction) {
        for (std::size_t row = 0; row < places.size(); ++row) {
            const std::size_t slice = job.parts.test[places[row]];
            out.tile(place, row, [&](std::size_t y, std::size_t x) {
                const std::uint8_t truth = job.target(slice, y, x);
                // What a model says of pixels that it was never asked about is not shown.
                const bool show = prediction != nullptr && truth != outside;
                return structure_colour(t1(slice, y, x), show ? (*prediction)(places[row], y, x) : truth);
            });
        }
    };
    out.heading(0, "truth", "");
    column(0, nullptr);
    for (std::size_t row = 0; row < places.size(); ++row)
        out.place(row, job.parts.test[places[row]]);
    for (std::size_t k = 0; k < runs.size(); ++k) {
        char score[32];
        std::snprintf(score, sizeof score, "mean IoU %.3f", runs[k].held_out.back().mean_iou());
        out.heading(k + 1, runs[k].loss, score);
        column(k + 1, &runs[k].prediction);
    }
    out.save(file);
}

} // namespace example

#endif
