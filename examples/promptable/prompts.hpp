#ifndef XLOSS_EXAMPLES_PROMPTABLE_PROMPTS_HPP
#define XLOSS_EXAMPLES_PROMPTABLE_PROMPTS_HPP

// Clicks on a head, what a click can mean, and what the model sees of the patch around it.

#include "../brain/features.hpp"
#include "../brain/fit.hpp"
#include "../structures/regions.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <span>
#include <utility>
#include <vector>

namespace example {

/// Sides of a patch, in pixels of 2 x 2 mm.
inline constexpr std::size_t patch = 32, patch_pixels = patch * patch;

/// A click does not say what is meant by it: the region of the atlas, the structure that the region is part
/// of, or all of the brain. Of each, the piece around the click.
struct meaning {
    const char* name;
    std::size_t times; ///< of ten clicks, so many mean this
};

inline constexpr std::array<meaning, 3> meanings{{{"region", 6}, {"structure", 3}, {"brain", 1}}};
inline constexpr std::size_t clicks_in_all = 10;

/// What was meant by a click: a place in `meanings`.
inline std::size_t draw_meaning(std::mt19937& random) {
    std::size_t click = std::uniform_int_distribution<std::size_t>(0, clicks_in_all - 1)(random), meant = 0;
    while (click >= meanings[meant].times)
        click -= meanings[meant++].times;
    return meant;
}

/// The mean over what clicks mean of a number that is known for each meaning.
template <class Of>
double mean_over_meanings(const Of& of) {
    double sum = 0.0;
    for (std::size_t g = 0; g < meanings.size(); ++g)
        sum += static_cast<double>(meanings[g].times) * of(g);
    return sum / static_cast<double>(clicks_in_all);
}

/// Where someone clicked, and the patch around it, which is kept inside the slice.
struct prompt {
    std::size_t slice, row, column;
    std::size_t top, left;
};

/// A place on a slice: row times the width plus column.
using place = std::uint32_t;

/// Numbers the pieces of equal label, pixels that touch along a side, from 1 on every slice; 0 stays 0.
inline xt::xtensor<std::uint16_t, 3> pieces_of(const volume& labels) {
    xt::xtensor<std::uint16_t, 3> pieces(labels.shape(), 0);
    const std::size_t height = labels.shape(1), width = labels.shape(2);
    std::vector<place> open;
    for (std::size_t slice = 0; slice < labels.shape(0); ++slice) {
        const std::uint8_t* label = labels.data() + slice * height * width;
        std::uint16_t* piece = pieces.data() + slice * height * width;
        std::uint16_t count = 0;
        const auto take = [&](std::size_t n) {
            piece[n] = count;
            open.push_back(static_cast<place>(n));
        };
        for (std::size_t start = 0; start < height * width; ++start) {
            if (label[start] == 0 || piece[start] != 0)
                continue;
            ++count;
            take(start);
            while (!open.empty()) {
                const std::size_t n = open.back();
                open.pop_back();
                const auto visit = [&](bool there, std::size_t other) {
                    if (there && piece[other] == 0 && label[other] == label[n])
                        take(other);
                };
                visit(n >= width, n - width);
                visit(n + width < height * width, n + width);
                visit(n % width != 0, n - 1);
                visit((n + 1) % width != 0, n + 1);
            }
        }
    }
    return pieces;
}

/// How a pixel lies to the click: the offset, three functions of the distance, which side of the head, and
/// how different it is, alone and along the way to it.
inline constexpr std::size_t relation_count = 9;

/// What the model sees of a pixel.
inline constexpr std::size_t pixel_inputs = feature_count + relation_count;

/// What the model sees of a prompt. The features of the clicked pixel are the same for the whole patch.
struct prompt_input {
    std::vector<float> pixels = std::vector<float>(patch_pixels * pixel_inputs);
    std::array<float, feature_count> click{};
};

/// One head as a place to click on.
class clickable_head {
    /// A region that is smaller on a slice is no object: 8 pixels are 32 square millimetres.
    static constexpr std::size_t least_pixels = 8;

public:
    explicit clickable_head(const head& h) : t1(h.t1), features(features_of(h.t1)) {
        const volume structure = merge_regions(h);
        volume named = structure, brain = structure;
        for (std::uint8_t& label : named)
            label = label == outside ? std::uint8_t{0} : label;
        for (std::uint8_t& label : brain)
            label = label == outside ? std::uint8_t{0} : std::uint8_t{1};
        pieces = {pieces_of(h.labels), pieces_of(named), pieces_of(brain)};
        find_objects();
    }

    const volume& mri() const { return t1; }
    std::size_t slices() const { return t1.shape(0); }

    /// A click on every region of some slices, at random places in them.
    std::vector<prompt> click_everything(std::span<const std::size_t> on, unsigned seed) const {
        std::mt19937 random(seed);
        std::vector<prompt> clicks;
        for (const std::size_t slice : on)
            for (const auto& region : objects[slice])
                clicks.push_back(click(slice, region, random));
        return clicks;
    }

    /// A click on one region of a slice, drawn at random: a small one as often as a large one.
    prompt click_somewhere(std::size_t slice, std::mt19937& random) const {
        return click(slice, any_of(objects[slice], random), random);
    }

    /// The piece that a meaning of the click selects, as a mask of the patch.
    void write_target(const prompt& at, std::size_t meaning, std::uint8_t* mask) const {
        const auto& piece = pieces[meaning];
        const std::uint16_t wanted = piece(at.slice, at.row, at.column);
        for (std::size_t row = 0; row < patch; ++row)
            for (std::size_t column = 0; column < patch; ++column)
                *mask++ = piece(at.slice, at.top + row, at.left + column) == wanted ? 1 : 0;
    }

    void write_input(const prompt& at, prompt_input& input) const {
        std::copy_n(features_at(at.slice, at.row, at.column), feature_count, input.click.data());
        float* out = input.pixels.data();
        for (std::size_t row = at.top; row < at.top + patch; ++row)
            for (std::size_t column = at.left; column < at.left + patch; ++column) {
                out = std::copy_n(features_at(at.slice, row, column), feature_count, out);
                out = write_relation(out, at, row, column);
            }
    }

private:
    using object = std::vector<place>; // the pixels of a region

    template <class T>
    static const T& any_of(const std::vector<T>& list, std::mt19937& random) {
        return list[std::uniform_int_distribution<std::size_t>(0, list.size() - 1)(random)];
    }

    void find_objects() {
        const auto& regions = pieces.front();
        const std::size_t pixels = t1.shape(1) * t1.shape(2);
        objects.resize(slices());
        for (std::size_t slice = 0; slice < slices(); ++slice) {
            const std::uint16_t* piece = regions.data() + slice * pixels;
            std::vector<object> found(*std::max_element(piece, piece + pixels));
            for (std::size_t n = 0; n < pixels; ++n)
                if (piece[n] != 0)
                    found[piece[n] - 1u].push_back(static_cast<place>(n));
            for (object& region : found)
                if (region.size() >= least_pixels)
                    objects[slice].push_back(std::move(region));
        }
    }

    prompt click(std::size_t slice, const object& region, std::mt19937& random) const {
        const std::size_t height = t1.shape(1), width = t1.shape(2);
        const place chosen = any_of(region, random);
        const auto corner = [](std::size_t middle, std::size_t length) {
            return std::min(middle - std::min(middle, patch / 2), length - patch);
        };
        const std::size_t row = chosen / width, column = chosen % width;
        return {slice, row, column, corner(row, height), corner(column, width)};
    }

    const float* features_at(std::size_t slice, std::size_t row, std::size_t column) const {
        return &features(slice, row * t1.shape(2) + column, 0);
    }

    float* write_relation(float* out, const prompt& at, std::size_t row, std::size_t column) const {
        const float* here = features_at(at.slice, row, column);
        const float* clicked = features_at(at.slice, at.row, at.column);
        const auto offset = [](std::size_t a, std::size_t b) {
            return (static_cast<float>(a) - static_cast<float>(b)) / (patch / 2.0f);
        };
        const float down = offset(row, at.row), right = offset(column, at.column);
        const float distance = std::sqrt(down * down + right * right);
        *out++ = down;
        *out++ = right;
        *out++ = distance;
        *out++ = std::exp(-8.0f * distance * distance);
        *out++ = std::exp(-64.0f * distance * distance);
        *out++ = (coordinate(column, t1.shape(2)) < 0.0f) == (coordinate(at.column, t1.shape(2)) < 0.0f)
                     ? 1.0f
                     : -1.0f;
        *out++ = std::abs(here[0] - clicked[1]); // 0 is as the MRI is, 1 and 2 are blurred
        *out++ = std::abs(here[2] - clicked[2]);
        *out++ = largest_difference(at, row, column, clicked[1]);
        return out;
    }

    /// How far the slightly blurred MRI is from the click's along the straight way to it: across a sulcus or
    /// the skull it is far, whatever lies behind.
    float largest_difference(const prompt& at, std::size_t row, std::size_t column, float clicked) const {
        const auto signed_of = [](std::size_t n) { return static_cast<std::ptrdiff_t>(n); };
        const std::ptrdiff_t down = signed_of(at.row) - signed_of(row),
                             right = signed_of(at.column) - signed_of(column);
        const std::ptrdiff_t steps = std::max(std::abs(down), std::abs(right));
        float largest = 0.0f;
        for (std::ptrdiff_t k = 0; k < steps; ++k) {
            const auto y = static_cast<std::size_t>(signed_of(row) + down * k / steps);
            const auto x = static_cast<std::size_t>(signed_of(column) + right * k / steps);
            largest = std::max(largest, std::abs(features_at(at.slice, y, x)[1] - clicked));
        }
        return largest;
    }

    volume t1;
    xt::xtensor<float, 3> features; // [slice, pixel, feature]
    std::array<xt::xtensor<std::uint16_t, 3>, meanings.size()> pieces;
    std::vector<std::vector<object>> objects; // of every slice
};

} // namespace example

#endif
