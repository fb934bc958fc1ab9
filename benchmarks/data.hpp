#ifndef XLOSS_BENCHMARKS_DATA_HPP
#define XLOSS_BENCHMARKS_DATA_HPP

// Made-up input that looks like the middle of a training run: connected masks, and logits that mostly agree
// with them. Random masks would flatter code that has branches on the target less than they deserve.

#include <cstddef>
#include <cstdint>

namespace bench {

/// Noise of about unit variance without a trend, the same on every machine: four bytes of a hash, added, and
/// 24 bits of another between their sums. Nearly no two pixels are equal, which ranks and extrema would show.
inline float noise(std::uint64_t index) {
    auto h = (index + 1) * 0x9e3779b97f4a7c15u;
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    h ^= h >> 27;
    auto fine = (index + 1) * 0xd6e8feb86659fd93u;
    fine = (fine ^ (fine >> 32)) * 0xd6e8feb86659fd93u;
    const auto sum = (h & 255) + ((h >> 8) & 255) + ((h >> 16) & 255) + ((h >> 24) & 255);
    return (static_cast<float>(sum) - 510.5f + static_cast<float>(fine >> 40) / 16777216.0f) / 148.0f;
}

/// How far training has come: what sorts takes its time by it.
enum class stage {
    midway, // errors are common
    fresh,  // logits know nothing of the target
    trained // 3 % of the pixels are wrong, or right with a margin below 1; they are strewn, not connected
};

/// What a logit of the true class (in binary: of either) is ahead by on average, and the deviation around it.
struct learnt {
    float lean, deviation;
};

constexpr learnt binary_logits(stage at) {
    constexpr float margin = 1.88f; // in deviations: a normal number is below -1.88 with probability 0.03
    switch (at) {
    case stage::fresh:
        return {0.0f, 1.0f};
    case stage::trained:
        return {1.0f + 2.0f * margin, 2.0f};
    default:
        return {1.5f, 2.0f};
    }
}

/// The trained ones for 19 classes: the largest of 18 others is on average 2.7 above 0.
constexpr learnt class_logits(stage at) {
    switch (at) {
    case stage::fresh:
        return {0.0f, 1.0f};
    case stage::trained:
        return {6.9f, 1.5f};
    default:
        return {2.0f, 2.0f};
    }
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
