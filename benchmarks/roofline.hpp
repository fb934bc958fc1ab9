#ifndef XLOSS_BENCHMARKS_ROOFLINE_HPP
#define XLOSS_BENCHMARKS_ROOFLINE_HPP

#include "problem.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace bench {

/// Bytes that value and gradient must move at least: logits, target and kept map read, gradient written, each
/// once.
inline double least_bytes(const problem& at) {
    const auto target = at.kind == target_kind::uint8 ? 1.0 : at.kind == target_kind::float32 ? 4.0 : 8.0;
    const auto element = at.has_map ? 12.0 : 8.0;
    return element * static_cast<double>(at.elements()) + target * static_cast<double>(at.pixels());
}

/// The yardstick: the time to move the same bytes in the same buffers, with as little arithmetic as keeps the
/// compiler from dropping a read. A label map is read once, beside the first channel.
template <class Y>
class roofline final : public contender {
public:
    roofline(const problem& at, float* gradient) : at_(at), gradient_(gradient) {}

    double step() override {
        const auto pixels = static_cast<std::size_t>(at_.height * at_.width);
        const auto rest = pixels * static_cast<std::size_t>(at_.classes - 1);
        const auto* y = static_cast<const Y*>(at_.target);
        const auto* x = at_.logits;
        auto* g = gradient_;
        const auto* d = at_.distance;
        Y seen{};
        for (std::int64_t sample = 0; sample < at_.batch; ++sample) {
            for (std::size_t begin = 0; begin < pixels; begin += block)
                seen = move_with_target(x + begin, y + begin, d ? d + begin : d, g + begin,
                                        std::min(block, pixels - begin), seen);
            move(x + pixels, d ? d + pixels : d, g + pixels, rest);
            d = d ? d + pixels + rest : d;
            x += pixels + rest;
            g += pixels + rest;
            y += pixels;
        }
        return static_cast<double>(seen);
    }
    [[nodiscard]] const float* gradient() const override { return gradient_; }

private:
    static constexpr std::size_t block = 1024;

    static void move(const float* x, const float* d, float* g, std::size_t n) {
        if (d)
            for (std::size_t i = 0; i < n; ++i)
                g[i] = x[i] + d[i];
        else
            for (std::size_t i = 0; i < n; ++i)
                g[i] = x[i] + 1.0f;
    }

    /// Integers are folded and not converted: the code that g++ 12 makes of uint8 to float with AVX-512 takes
    /// longer than the memory.
    static Y move_with_target(const float* x, const Y* y, const float* d, float* g, std::size_t n, Y seen) {
        if constexpr (std::is_same_v<Y, float>) {
            for (std::size_t i = 0; i < n; ++i)
                g[i] = x[i] + y[i];
            if (d) // the block is still in the first-level cache
                for (std::size_t i = 0; i < n; ++i)
                    g[i] += d[i];
        } else {
            for (std::size_t i = 0; i < n; ++i)
                seen = static_cast<Y>(seen ^ y[i]);
            move(x, d, g, n);
        }
        return seen;
    }

    problem at_;
    float* gradient_;
};

} // namespace bench

#endif
