#ifndef XLOSS_EXAMPLES_BRAIN_VOLUME_HPP
#define XLOSS_EXAMPLES_BRAIN_VOLUME_HPP

// The head: three volumes of one grid, read from examples/data, and how its slices are shared out.

#include <xloss/xloss.hpp>

#if __has_include(<xtensor/io/xnpy.hpp>)
#include <xtensor/io/xnpy.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xnpy.hpp>
#include <xtensor/xview.hpp>
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <stdexcept>
#include <vector>

namespace example {

/// [coronal slice from the back of the head to the front, row from the top down, column from left to right].
using volume = xt::xtensor<std::uint8_t, 3>;

struct head {
    volume t1;     ///< MRI intensities
    volume brain;  ///< 1 inside the brain
    volume labels; ///< regions of the atlas, 0 outside all of them

    /// Where slice s lies, in mm in front of the anterior commissure (make_cut.py has the same numbers).
    static int millimetres(std::size_t s) { return 2 * static_cast<int>(s) - 79; }
};

inline head load_head(const std::filesystem::path& folder) {
    const auto load = [&](const char* name) -> volume {
        return xt::load_npy<std::uint8_t>((folder / name).string());
    };
    head h{load("t1.npy"), load("brain.npy"), load("labels.npy")};
    if (h.t1.shape() != h.brain.shape() || h.t1.shape() != h.labels.shape())
        throw std::runtime_error("t1.npy, brain.npy and labels.npy differ in shape");
    return h;
}

/// 1 where the atlas has one of the labels.
inline volume mask_of(const volume& labels, std::initializer_list<std::uint8_t> wanted) {
    volume mask(labels.shape());
    std::transform(labels.begin(), labels.end(), mask.begin(), [&](std::uint8_t label) {
        return static_cast<std::uint8_t>(std::find(wanted.begin(), wanted.end(), label) != wanted.end());
    });
    return mask;
}

/// A part of every slice.
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

/// The window of every slice.
inline volume crop(const volume& whole, const window& part) {
    return xt::view(whole, xt::all(), xt::range(part.top, part.top + part.height),
                    xt::range(part.left, part.left + part.width));
}

/// Some slices, copied into a batch of the given shape: [B, H, W], or with an axis of 1 in it.
template <class T, std::size_t Rank>
xt::xtensor<T, Rank> batch_of(const xt::xtensor<T, 3>& whole, std::span<const std::size_t> slices,
                              const std::array<std::size_t, Rank>& shape) {
    xt::xtensor<T, Rank> batch(shape);
    const std::size_t pixels = whole.shape(1) * whole.shape(2);
    for (std::size_t b = 0; b < slices.size(); ++b)
        std::copy_n(whole.data() + slices[b] * pixels, pixels, batch.data() + b * pixels);
    return batch;
}

struct split {
    std::vector<std::size_t> train, test;
};

/// Shares the slices out in periods of 12: 6 to train on, 2 left out, 2 to test on, 2 left out. Neighbouring
/// slices look alike, so a test slice beside a training slice would measure memory; the gap (4 mm on each
/// side) prevents that. There is one head only: this shows how losses differ, not how well a model would do
/// on another patient. `shift` moves the pattern; 6 gives the split on which the settings were chosen.
inline split split_slices(std::size_t slices, std::size_t shift = 0) {
    split parts;
    for (std::size_t s = 0; s < slices; ++s) {
        const std::size_t place = (s + shift) % 12;
        if (place < 6)
            parts.train.push_back(s);
        else if (place == 8 || place == 9)
            parts.test.push_back(s);
    }
    return parts;
}

} // namespace example

#endif
