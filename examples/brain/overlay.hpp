#ifndef XLOSS_EXAMPLES_BRAIN_OVERLAY_HPP
#define XLOSS_EXAMPLES_BRAIN_OVERLAY_HPP

// A sheet of test slices: what each model found, missed and invented, in colour over the MRI.

#include "picture.hpp"
#include "train.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace example {

// Colours that people with any kind of colour vision tell apart (Okabe and Ito).
inline constexpr colour hit{0, 190, 130}, invented{230, 120, 0}, missed{86, 180, 255};

/// The part of a slice that is shown.
struct window {
    std::size_t top, left, height, width;
};

/// Where the mask is on any of the slices, and a margin around it.
inline window window_around(const volume& mask, std::span<const std::size_t> slices, std::size_t margin) {
    std::size_t top = mask.shape(1), bottom = 0, left = mask.shape(2), right = 0;
    for (const std::size_t slice : slices)
        for (std::size_t row = 0; row < mask.shape(1); ++row)
            for (std::size_t column = 0; column < mask.shape(2); ++column)
                if (mask(slice, row, column) != 0) {
                    top = std::min(top, row);
                    bottom = std::max(bottom, row);
                    left = std::min(left, column);
                    right = std::max(right, column);
                }
    top -= std::min(top, margin);
    left -= std::min(left, margin);
    bottom = std::min(mask.shape(1) - 1, bottom + margin);
    right = std::min(mask.shape(2) - 1, right + margin);
    return {top, left, bottom - top + 1, right - left + 1};
}

inline colour overlay_colour(std::uint8_t intensity, bool predicted, bool truth) {
    const auto light =
        static_cast<std::uint8_t>(std::min(255, intensity * 3 / 2)); // brain tissue is dark in T1
    const colour mri{light, light, light};
    if (!predicted && !truth)
        return mri;
    return blend(predicted && truth ? hit : predicted ? invented : missed, mri, 0.6);
}

inline std::string millimetres(std::size_t slice) {
    return "Y = " + std::to_string(head::millimetres(slice)) + " MM";
}

inline std::string iou_text(double score) {
    char text[16];
    std::snprintf(text, sizeof text, "IOU %.3f", score);
    return text;
}

/// Up to four test slices that hold some of the target, evenly chosen; places in `slices`.
inline std::vector<std::size_t> slices_to_show(const task& job) {
    const auto& slices = job.parts.test;
    std::vector<std::size_t> places, chosen;
    for (std::size_t b = 0; b < slices.size(); ++b) {
        const auto* first = job.mask.data() + slices[b] * job.pixels();
        if (std::any_of(first, first + job.pixels(), [](auto value) { return value != 0; }))
            places.push_back(b);
    }
    const std::size_t count = std::min<std::size_t>(4, places.size());
    for (std::size_t k = 0; k < count; ++k)
        chosen.push_back(places[k * places.size() / count]);
    return chosen;
}

/// One row per slice, one column per run; the first column is the truth alone.
inline void write_overlays(const std::filesystem::path& file, const volume& t1, const task& job,
                           const std::vector<history>& runs) {
    const auto places = slices_to_show(job);
    const window part = window_around(job.mask, job.parts.test, 6);
    const std::size_t zoom = std::max<std::size_t>(2, 260 / part.width);
    const std::size_t wide = part.width * zoom, high = part.height * zoom, gap = 8, head_room = 96;
    picture sheet((wide + gap) * (runs.size() + 1) + gap, (high + gap) * places.size() + head_room + gap,
                  white);

    const auto tile = [&](std::size_t column, std::size_t row, const volume* prediction) {
        const std::size_t slice = job.parts.test[places[row]];
        for (std::size_t j = 0; j < high; ++j)
            for (std::size_t i = 0; i < wide; ++i) {
                const std::size_t y = part.top + j / zoom, x = part.left + i / zoom;
                const bool truth = job.mask(slice, y, x) != 0;
                const bool predicted = prediction ? (*prediction)(places[row], y, x) != 0 : truth;
                sheet.set(gap + column * (wide + gap) + i, head_room + row * (high + gap) + j,
                          overlay_colour(t1(slice, y, x), predicted, truth));
            }
    };

    sheet.write(gap, 10, job.name + " on held-out coronal slices", black, 3);
    std::size_t x = gap + (wide + gap) * (runs.size() + 1) / 2;
    for (const auto& [text, c] : {std::pair{"found", hit}, {"missed", missed}, {"invented", invented}}) {
        sheet.fill(x, 10, 21, 21, c);
        sheet.write(x + 28, 14, text, black);
        x += 160;
    }
    sheet.write(gap, 52, "truth", black);
    for (std::size_t row = 0; row < places.size(); ++row) {
        tile(0, row, nullptr);
        const std::string place = millimetres(job.parts.test[places[row]]);
        const std::size_t top = head_room + row * (high + gap);
        sheet.fill(gap, top, 12 * place.size() + 6, 22, black);
        sheet.write(gap + 4, top + 4, place, white);
    }
    for (std::size_t k = 0; k < runs.size(); ++k) {
        const std::size_t left = gap + (k + 1) * (wide + gap);
        sheet.write(left, 52, runs[k].loss, black);
        sheet.write(left, 74, iou_text(runs[k].held_out.back().iou), grey);
        for (std::size_t row = 0; row < places.size(); ++row)
            tile(k + 1, row, &runs[k].prediction);
    }
    sheet.save(file);
}

} // namespace example

#endif
