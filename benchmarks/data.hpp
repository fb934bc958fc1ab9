#ifndef XLOSS_BENCHMARKS_DATA_HPP
#define XLOSS_BENCHMARKS_DATA_HPP

// Made-up input that looks like the middle of a training run: connected masks, and logits that mostly agree
// with them. Random masks would flatter code that has branches on the target less than they deserve.

#include <cstddef>
#include <cstdint>

namespace bench {

/// Noise of about unit variance without a trend, the same on every machine: four bytes of a hash, added.
inline float noise(std::uint64_t index) {
    auto h = (index + 1) * 0x9e3779b97f4a7c15u;
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    h ^= h >> 27;
    const auto sum = (h & 255) + ((h >> 8) & 255) + ((h >> 16) & 255) + ((h >> 24) & 255);
    return (static_cast<float>(sum) - 510.0f) / 148.0f;
}

/// A disc in every sample, of another place and size in each; a fifth of the pixels or so.
inline bool in_disc(std::size_t sample, std::size_t row, std::size_t column, std::size_t height,
                    std::size_t width) {
    const auto y = static_cast<float>(row) / static_cast<float>(height);
    const auto x = static_cast<float>(column) / static_cast<float>(width);
    const auto dy = y - 0.35f - 0.1f * static_cast<float>(sample % 4);
    const auto dx = x - 0.4f - 0.1f * static_cast<float>(sample % 3);
    const auto radius = 0.2f + 0.02f * static_cast<float>(sample % 5);
    return dy * dy + dx * dx < radius * radius;
}

/// The class of a pixel: rectangles, with every class present in every sample (rows and columns permitting).
inline std::size_t class_at(std::size_t sample, std::size_t row, std::size_t column, std::size_t height,
                            std::size_t width, std::size_t classes) {
    constexpr std::size_t across = 5;
    const auto down = (classes + across - 1) / across;
    return (row * down / height * across + column * across / width + sample) % classes;
}

} // namespace bench

#endif
