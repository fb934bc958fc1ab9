#ifndef XLOSS_EXAMPLES_BRAIN_OVERLAY_HPP
#define XLOSS_EXAMPLES_BRAIN_OVERLAY_HPP

// A sheet of test slices: what each model found, missed and invented, in colour over the MRI.

#include "sheet.hpp"
#include "train.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

namespace example {

// Colours that people with any kind of colour vision tell apart (Okabe and Ito).
inline constexpr colour hit{0, 190, 130}, invented{230, 120, 0}, missed{86, 180, 255};

inline colour overlay_colour(std::uint8_t intensity, bool predicted, bool truth) {
    if (!predicted && !truth)
        return mri_colour(intensity);
    return blend(predicted && truth ? hit : predicted ? invented : missed, mri_colour(intensity), 0.6);
}

inline std::string iou_text(double score) {
    char text[16];
    std::snprintf(text, sizeof text, "IOU %.3f", score);
    return text;
}

/// One row per slice, one column per run; the first column is the truth alone.
inline void write_overlays(const std::filesystem::path& file, const volume& t1, const task& job,
                           const std::vector<history>& runs) {
    const auto places = slices_to_show(job.target, job.parts.test);
    sheet out(window_around(job.target, job.parts.test, 6), runs.size() + 1, places.size(), 1);
    out.title(job.name + " on held-out coronal slices");
    out.legend(out.middle(), 0, {{"found", hit}, {"missed", missed}, {"invented", invented}});

    const auto column = [&](std::size_t place, const volume* prediction) {
        for (std::size_t row = 0; row < places.size(); ++row) {
            const std::size_t slice = job.parts.test[places[row]];
            out.tile(place, row, [&](std::size_t y, std::size_t x) {
                const bool truth = job.target(slice, y, x) != 0;
                const bool predicted = prediction ? (*prediction)(places[row], y, x) != 0 : truth;
                return overlay_colour(t1(slice, y, x), predicted, truth);
            });
        }
    };
    out.heading(0, "truth", "");
    column(0, nullptr);
    for (std::size_t row = 0; row < places.size(); ++row)
        out.place(row, job.parts.test[places[row]]);
    for (std::size_t k = 0; k < runs.size(); ++k) {
        out.heading(k + 1, runs[k].loss, iou_text(runs[k].held_out.back().iou));
        column(k + 1, &runs[k].prediction);
    }
    out.save(file);
}

} // namespace example

#endif
