#ifndef XLOSS_SAM_RANK_MASKS_HPP
#define XLOSS_SAM_RANK_MASKS_HPP

#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/xtensor.hpp>

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace xloss {

/// The candidates of each object from the best to the worst by their predicted IoU, or by any other score:
/// for scores `[B, N]` their numbers `[B, N]`. Of equal ones the first comes first; a NaN comes last.
/// @throws shape_error for other than two axes.
template <class Scores>
auto rank_masks(const Scores& scores) {
    const tensor::shape s = tensor::shape_of(scores);
    if (s.rank != 2)
        tensor::raise<shape_error>({"xloss::rank_masks: scores ", s, " are not [B, N]"});
    auto ranks = xt::xtensor<std::size_t, 2, xt::layout_type::row_major>::from_shape({s[0], s[1]});
    for (std::size_t b = 0; b < s[0]; ++b) {
        std::size_t* row = ranks.data() + b * s[1];
        std::iota(row, row + s[1], std::size_t{0});
        // By index where neither is ahead. Not std::stable_sort: it allocates, by a function of libstdc++ 12
        // that clang calls deprecated.
        std::sort(row, row + s[1], [&](std::size_t i, std::size_t j) {
            const auto left = scores(b, i), right = scores(b, j);
            const auto ahead = [](auto one, auto other) {
                return one > other || (one == one && other != other);
            };
            return ahead(left, right) || (!ahead(right, left) && i < j);
        });
    }
    return ranks;
}

} // namespace xloss

#endif
