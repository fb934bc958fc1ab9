#ifndef XLOSS_BENCHMARKS_TENSORS_HPP
#define XLOSS_BENCHMARKS_TENSORS_HPP

// The tensors of a row, filled as in the middle of a training run.

#include "data.hpp"
#include "harness.hpp"
#include "problem.hpp"

#include <xloss/distance/distance_transform.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace bench {

/// How scores and gradient of a row lie in memory.
enum class storage {
    planes,        // [B, C, H, W]
    channels_last, // [B, H, W, C], seen through a transposed view
    volume,        // [B, C, D, H, W]
    with_map       // planes, and beside them a map of signed distances that the caller keeps
};

/// Images of a row, all of one shape; volumes where there is a depth.
struct images {
    std::size_t batch, classes, height, width;
    extent where;
    std::size_t depth = 1;
    stage training = stage::midway;

    /// The slices of a volume lie below each other: for all but the library it is a high image.
    [[nodiscard]] std::size_t rows() const { return depth * height; }
};

template <class Y>
constexpr target_kind kind_of() {
    if constexpr (std::is_same_v<Y, float>)
        return target_kind::float32;
    else if constexpr (std::is_same_v<Y, std::uint8_t>)
        return target_kind::uint8;
    else {
        static_assert(std::is_same_v<Y, std::int64_t>, "no contender reads a target of this type");
        return target_kind::int64;
    }
}

template <class Y>
constexpr const char* type_name() {
    if constexpr (std::is_same_v<Y, float>)
        return "float";
    else if constexpr (std::is_same_v<Y, std::uint8_t>)
        return "uint8";
    else
        return "int64";
}

template <class Y>
problem problem_of(const images& size, const float* logits, const Y* target) {
    const auto length = [](std::size_t n) { return static_cast<std::int64_t>(n); };
    return {length(size.batch),
            length(size.classes),
            length(size.rows()),
            length(size.width),
            logits,
            target,
            kind_of<Y>(),
            false,
            length(size.depth),
            false,
            nullptr};
}

/// Logits and gradient [B, C, H, W]; target [B, 1, H, W] (Rank 4) or label map [B, H, W] (Rank 3).
template <class Y, std::size_t Rank>
struct tensors {
    xt::xtensor<float, 4> logits, gradient, distance;
    xt::xtensor<Y, Rank> target;

    explicit tensors(const images& size)
        : logits(xt::xtensor<float, 4>::from_shape({size.batch, size.classes, size.rows(), size.width})),
          gradient(xt::xtensor<float, 4>::from_shape(logits.shape())) {
        if constexpr (Rank == 4)
            target = decltype(target)::from_shape(logits.shape());
        else
            target = decltype(target)::from_shape({size.batch, size.rows(), size.width});
        fill(size);
    }

    void make_map() {
        if constexpr (Rank == 4)
            distance = xloss::signed_distance(target, {.batch = true});
        else
            distance = xloss::signed_distances(target, logits.shape(1), {.batch = true});
    }

private:
    void fill(const images& size) {
        const auto of = size.classes == 1 ? binary_logits(size.training) : class_logits(size.training);
        const auto pixels = size.rows() * size.width;
        for (std::size_t sample = 0; sample < size.batch; ++sample)
            for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
                const auto row = pixel / size.width, column = pixel % size.width;
                const auto is = size.classes == 1
                                    ? std::size_t{in_disc(sample, row, column, size.rows(), size.width)}
                                    : class_at(sample, row, column, size.rows(), size.width, size.classes);
                target.data()[sample * pixels + pixel] = static_cast<Y>(is);
                for (std::size_t c = 0; c < size.classes; ++c) {
                    const auto i = (sample * size.classes + c) * pixels + pixel;
                    const auto other = size.classes == 1 ? -of.lean : 0.0f;
                    const auto lean = is == (size.classes == 1 ? 1 : c) ? of.lean : other;
                    logits.data()[i] = lean + of.deviation * noise(i);
                    gradient.data()[i] = 0.0f;
                }
            }
    }
};

} // namespace bench

#endif
