#ifndef XLOSS_DISTANCE_BOUNDARY_WEIGHTS_HPP
#define XLOSS_DISTANCE_BOUNDARY_WEIGHTS_HPP

#include <xloss/config.hpp>
#include <xloss/distance/dilate_mask.hpp>
#include <xloss/tensor/grid.hpp>
#include <xloss/tensor/labels.hpp>
#include <xloss/tensor/layout.hpp>
#include <xloss/tensor/like.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/source.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

namespace xloss {

/// The options of `boundary_weights`.
struct boundary_weighting {
    std::optional<std::int64_t> ignore_index{}; ///< pixels of this label are no class, and no boundary
};

namespace distance {

/// Which pixels of a label map are next to another label.
template <class L>
class boundary_finder {
public:
    boundary_finder(const tensor::grid& g, const std::optional<std::int64_t>& ignore)
        : grid_(g), found_(g.extent[2]), rule_({0, ignore}), ignored_(static_cast<L>(rule_.ignored)) {}

    /// Writes 1, or 2 on a boundary.
    void weigh(const L* labels, float* weights) {
        const std::size_t n = grid_.extent[2];
        for (std::size_t z = 0; z < grid_.extent[0]; ++z)
            for (std::size_t y = 0; y < grid_.extent[1]; ++y) {
                const std::size_t row = z * grid_.extent[1] + y;
                if (rule_.may_ignore)
                    weigh_row<true>(labels, z, y, weights + row * n);
                else
                    weigh_row<false>(labels, z, y, weights + row * n);
            }
    }

private:
    // So many pixels at once, for vector instructions at -O2.
    static constexpr std::size_t block = 64;

    template <bool MayIgnore>
    void weigh_row(const L* labels, std::size_t z, std::size_t y, float* weights) {
        const std::size_t n = grid_.extent[2];
        const L* here = labels + (z * grid_.extent[1] + y) * n;
        std::fill(found_.begin(), found_.end(), std::uint8_t{0});
        each_row_around(grid_, z, y, [&](std::size_t row) {
            const L* there = labels + row * n;
            compare<MayIgnore>(here, there, found_.data(), n);
            compare<MayIgnore>(here + 1, there, found_.data() + 1, n - 1);
            compare<MayIgnore>(here, there + 1, found_.data(), n - 1);
        });
        for (std::size_t i = 0; i < n; ++i) {
            const bool counts = !MayIgnore || here[i] != ignored_;
            weights[i] = counts && found_[i] != 0 ? 2.0F : 1.0F;
        }
    }

    template <bool MayIgnore>
    void compare(const L* here, const L* there, std::uint8_t* found, std::size_t n) const {
        std::size_t i = 0;
        for (; i + block <= n; i += block)
            compare_block<MayIgnore, block>(here + i, there + i, found + i, ignored_);
        for (; i < n; ++i)
            compare_block<MayIgnore, 1>(here + i, there + i, found + i, ignored_);
    }

    template <bool MayIgnore, std::size_t N>
    static XLOSS_INLINE void compare_block(const L* XLOSS_RESTRICT here, const L* XLOSS_RESTRICT there,
                                           std::uint8_t* XLOSS_RESTRICT found, L ignored) {
        for (std::size_t i = 0; i < N; ++i) {
            unsigned differs = here[i] != there[i];
            if constexpr (MayIgnore)
                differs &= static_cast<unsigned>(there[i] != ignored);
            found[i] = static_cast<std::uint8_t>(found[i] | differs);
        }
    }

    tensor::grid grid_;
    std::vector<std::uint8_t> found_; // of a row
    tensor::narrow_rule<L> rule_;
    L ignored_;
};

/// The elements of a sample of an expression, read into a buffer unless they lie together in memory.
template <class E>
auto sample_reader(const E& e, std::size_t size) {
    using L = tensor::value_type_of<E>;
    const tensor::origin from = tensor::origin_of(e);
    std::shared_ptr<L[]> buffer;
    if (!from.where.contiguous())
        buffer = std::make_shared<L[]>(size);
    return [=](std::size_t sample) -> const L* {
        if (!buffer)
            return static_cast<const L*>(from.object) + sample * size;
        if constexpr (tensor::strided_memory<E>)
            tensor::read_strided<L>(from, sample * size, size, buffer.get());
        else
            tensor::read_lazy<E>(from, sample * size, size, buffer.get());
        return buffer.get();
    };
}

} // namespace distance

/// Weights for boundary-aware losses: 2 where the window of three along each spatial axis holds two different
/// labels, 1 elsewhere. Float, in the shape of the labels.
///
///     const auto w = xloss::boundary_weights(labels, {.ignore_index = 255});
///     const auto loss = xloss::multiclass(xloss::focal{}, {.ignore_index = 255});
///     const auto r = xloss::value_and_grad(loss, scores, xloss::weighted(labels, w));
///
/// The mean divides by the weights; with `denominator::valid` by the pixels, so that boundaries add to the
/// loss.
///
/// **Shapes.** A label map or mask `[B, ...]` with one to three spatial axes, of any integer type, any
/// expression. Samples do not touch each other; what is outside of one is no label.
///
/// **Ignored.** A pixel of `ignore_index` has weight 1, and makes no boundary of the pixels next to it.
///
/// **Any other contrast.** Weights are a tensor: `1 + 4 * (boundary_weights(labels) - 1)` counts a boundary
/// five times.
///
/// @throws shape_error for other than one to three spatial axes.
template <class Y>
auto boundary_weights(const Y& labels, const boundary_weighting& how = {}) {
    using L = tensor::value_type_of<Y>;
    static_assert(std::is_integral_v<L>, "boundary_weights takes labels of an integer type or bool");
    const tensor::shape shape = tensor::shape_of(labels);
    const tensor::grid g("xloss::boundary_weights", shape, 1, {});
    auto weights = tensor::make_like<float>(labels);
    if (shape.size() == 0)
        return weights;
    distance::boundary_finder<L> finder(g, how.ignore_index);
    const auto read = distance::sample_reader(labels, g.size());
    for (std::size_t b = 0; b < shape[0]; ++b)
        finder.weigh(read(b), weights.data() + b * g.size());
    return weights;
}

} // namespace xloss

#endif
