#ifndef XLOSS_EXAMPLES_STRUCTURES_REGIONS_HPP
#define XLOSS_EXAMPLES_STRUCTURES_REGIONS_HPP

// The 116 regions of the atlas, merged to ten structures and the rest of the brain.

#include "../brain/picture.hpp"
#include "../brain/volume.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace example {

/// Regions of the atlas, from one number to another. Odd numbers are on the left, even ones on the right.
struct region_range {
    std::uint8_t first, last;
};

struct structure {
    const char* name;
    colour shade;
    std::vector<region_range> regions;
};

inline constexpr std::size_t classes = 11;

/// Class 0 is what the atlas leaves unnamed within the brain: white matter, ventricles, brain stem.
inline const std::array<structure, classes> structures{{
    {"unnamed", {110, 110, 110}, {}},
    {"frontal", {40, 120, 255}, {{1, 28}, {69, 70}}}, // with the precentral gyrus and the paracentral lobule
    {"temporal", {255, 160, 0}, {{39, 40}, {55, 56}, {79, 90}}}, // with parahippocampal and fusiform gyrus
    {"parietal", {0, 170, 110}, {{57, 68}}},                     // with the postcentral gyrus
    {"occipital", {250, 230, 60}, {{43, 54}}},
    {"cingulate", {235, 110, 190}, {{31, 36}}},
    {"insula", {200, 30, 30}, {{29, 30}}},
    {"hippocampus + amygdala", {130, 50, 210}, {{37, 38}, {41, 42}}},
    {"basal ganglia", {90, 215, 255}, {{71, 76}}}, // caudate, putamen, pallidum
    {"thalamus", {150, 85, 20}, {{77, 78}}},
    {"cerebellum", {165, 225, 80}, {{91, 116}}}, // with the vermis
}};

/// The label of a pixel outside the brain: the losses are told to ignore it. Nobody asks which structure it
/// is.
inline constexpr std::uint8_t outside = 255;

/// Numbers of the atlas to classes, as a table to look up. Every number belongs to one structure.
inline std::vector<std::uint8_t> class_of_regions() {
    std::vector<std::uint8_t> table(117, 0);
    for (std::size_t c = 1; c < classes; ++c)
        for (const region_range& range : structures[c].regions)
            for (std::size_t number = range.first; number <= range.last; ++number) {
                if (table[number] != 0)
                    throw std::logic_error("region " + std::to_string(number) + " is in two structures");
                table[number] = static_cast<std::uint8_t>(c);
            }
    for (std::size_t number = 1; number < table.size(); ++number)
        if (table[number] == 0)
            throw std::logic_error("region " + std::to_string(number) + " is in no structure");
    return table;
}

/// The label map of a head. The atlas was drawn a little wider than the brain; what it names is brain.
inline volume merge_regions(const head& h) {
    const auto table = class_of_regions();
    volume merged(h.labels.shape());
    for (std::size_t n = 0; n < merged.size(); ++n) {
        const std::uint8_t number = h.labels.data()[n];
        merged.data()[n] = number == 0 && h.brain.data()[n] == 0 ? outside : table.at(number);
    }
    return merged;
}

/// A head without the air around it, which would be most of the work and is ignored anyway.
inline head crop_to_brain(const head& h) {
    std::vector<std::size_t> all(h.brain.shape(0));
    std::iota(all.begin(), all.end(), std::size_t{0});
    const window part = window_around(h.brain, all, 3);
    return {crop(h.t1, part), crop(h.brain, part), crop(h.labels, part)};
}

} // namespace example

#endif
