#ifndef XLOSS_EXAMPLES_BRAIN_FEATURES_HPP
#define XLOSS_EXAMPLES_BRAIN_FEATURES_HPP

// What the model sees of a pixel: how bright it and its surroundings are, and where in the head it lies.
// Everything is computed within the pixel's own slice, so nothing of a test slice reaches a training slice.

#include "volume.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

namespace example {

using image = xt::xtensor<float, 2>;

inline constexpr std::array<std::size_t, 4> blur_radii{1, 2, 4, 8};

/// 1 intensity, 4 blurred ones, 2 slopes at 2 scales, 3 coordinates, sine and cosine of them at 2
/// frequencies.
inline constexpr std::size_t feature_count = 1 + 4 + 2 * 2 + 3 + 3 * 2 * 2;

/// Mean over a window of 2 radius + 1 along one line, cut off at the ends.
inline void blur_line(float* line, std::size_t length, std::size_t stride, std::size_t radius) {
    std::vector<float> sum(length + 1, 0.0f); // sum[i]: of the first i values
    for (std::size_t i = 0; i < length; ++i)
        sum[i + 1] = sum[i] + line[i * stride];
    for (std::size_t i = 0; i < length; ++i) {
        const std::size_t begin = i > radius ? i - radius : 0;
        const std::size_t end = std::min(length, i + radius + 1);
        line[i * stride] = (sum[end] - sum[begin]) / static_cast<float>(end - begin);
    }
}

/// Three box means in a row along each axis, which is close to a Gaussian and costs the same at any radius.
inline image blur(image picture, std::size_t radius) {
    const std::size_t height = picture.shape(0), width = picture.shape(1);
    for (int pass = 0; pass < 3; ++pass) {
        for (std::size_t row = 0; row < height; ++row)
            blur_line(picture.data() + row * width, width, 1, radius);
        for (std::size_t column = 0; column < width; ++column)
            blur_line(picture.data() + column, height, width, radius);
    }
    return picture;
}

inline image slice_of(const volume& t1, std::size_t slice) {
    image picture({t1.shape(1), t1.shape(2)});
    for (std::size_t row = 0; row < picture.shape(0); ++row)
        for (std::size_t column = 0; column < picture.shape(1); ++column)
            picture(row, column) = (static_cast<float>(t1(slice, row, column)) - 64.0f) / 64.0f;
    return picture;
}

/// -1 at the first index of an axis, 1 at the last.
inline float coordinate(std::size_t index, std::size_t length) {
    return 2.0f * static_cast<float>(index) / static_cast<float>(length - 1) - 1.0f;
}

/// Appends the position. A head is nearly symmetric, so only one number tells left from right. Sines and
/// cosines make "a small place in the middle" easy to express for a small network.
inline float* write_position(float* out, float x, float y, float z) {
    *out++ = x;
    *out++ = y;
    *out++ = z;
    for (const float place : {2.0f * std::abs(x) - 1.0f, y, z})
        for (const float frequency : {1.0f, 2.0f}) {
            *out++ = std::sin(std::numbers::pi_v<float> * frequency * place);
            *out++ = std::cos(std::numbers::pi_v<float> * frequency * place);
        }
    return out;
}

/// Features of every pixel of one slice, pixel after pixel.
inline void write_features(float* out, const volume& t1, std::size_t slice) {
    const image sharp = slice_of(t1, slice);
    std::array<image, blur_radii.size()> blurred;
    for (std::size_t i = 0; i < blurred.size(); ++i)
        blurred[i] = blur(sharp, blur_radii[i]);

    const std::size_t height = sharp.shape(0), width = sharp.shape(1);
    const float y = coordinate(slice, t1.shape(0));
    for (std::size_t row = 0; row < height; ++row)
        for (std::size_t column = 0; column < width; ++column) {
            *out++ = sharp(row, column);
            for (const image& b : blurred)
                *out++ = b(row, column);
            for (const std::size_t scale : {std::size_t{1}, std::size_t{2}}) {
                const image& b = blurred[scale];
                const std::size_t reach = blur_radii[scale];
                const std::size_t up = row > reach ? row - reach : 0,
                                  down = std::min(height - 1, row + reach);
                const std::size_t left = column > reach ? column - reach : 0;
                const std::size_t right = std::min(width - 1, column + reach);
                *out++ = b(down, column) - b(up, column);
                *out++ = b(row, right) - b(row, left);
            }
            out = write_position(out, coordinate(column, width), y, coordinate(row, height));
        }
}

/// [slice, pixel, feature]: the features of a pixel lie side by side, as the model reads them.
inline xt::xtensor<float, 3> features_of(const volume& t1) {
    const std::size_t pixels = t1.shape(1) * t1.shape(2);
    xt::xtensor<float, 3> features({t1.shape(0), pixels, feature_count});
    for (std::size_t slice = 0; slice < t1.shape(0); ++slice)
        write_features(features.data() + slice * pixels * feature_count, t1, slice);
    return features;
}

} // namespace example

#endif
