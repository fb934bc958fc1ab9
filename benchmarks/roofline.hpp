#ifndef XLOSS_BENCHMARKS_ROOFLINE_HPP
#define XLOSS_BENCHMARKS_ROOFLINE_HPP

#include "problem.hpp"
#include "threads.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace bench {

/// Bytes that value and gradient must move at least: logits, target and kept map read, gradient written, each
/// once.
inline double least_bytes(const problem& at) {
    const auto target = at.kind == target_kind::uint8 ? 1.0 : at.kind == target_kind::float32 ? 4.0 : 8.0;
    const auto element = at.has_map ? 12.0 : 8.0;
    return element * static_cast<double>(at.elements()) + target * static_cast<double>(at.pixels());
}

/// The yardstick: the time to move the same bytes in the same buffers, with as little arithmetic as keeps the
/// compiler from dropping a read. A label map is read once, beside the first channel. Threads share the
/// samples.
template <class Y>
class roofline final : public contender {
public:
    roofline(const problem& at, float* gradient)
        : at_(at), gradient_(gradient), seen_(static_cast<std::size_t>(at.batch)) {}

    double step() override {
        threads_.executor().run(seen_.size(),
                                [this](std::size_t sample) { seen_[sample] = move_sample(sample); });
        Y seen{};
        for (const Y one : seen_)
            seen = static_cast<Y>(seen + one);
        return static_cast<double>(seen);
    }
    bool use_threads(std::size_t n) override { return threads_.use_threads(n); }
    [[nodiscard]] const float* gradient() const override { return gradient_; }

private:
    static constexpr std::size_t block = 1024;

    Y move_sample(std::size_t sample) {
        const auto pixels = static_cast<std::size_t>(at_.height * at_.width);
        const auto elements = pixels * static_cast<std::size_t>(at_.classes), rest = elements - pixels;
        const auto* y = static_cast<const Y*>(at_.target) + sample * pixels;
        const auto* x = at_.logits + sample * elements;
        const auto* d = at_.distance ? at_.distance + sample * elements : nullptr;
        auto* g = gradient_ + sample * elements;
        Y seen{};
        for (std::size_t begin = 0; begin < pixels; begin += block)
            seen = move_with_target(x + begin, y + begin, d ? d + begin : d, g + begin,
                                    std::min(block, pixels - begin), seen);
        move(x + pixels, d ? d + pixels : d, g + pixels, rest);
        return seen;
    }

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
    std::vector<Y> seen_; // by sample
    pool threads_;
};

} // namespace bench

#endif
