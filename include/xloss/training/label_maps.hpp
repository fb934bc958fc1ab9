#ifndef XLOSS_TRAINING_LABEL_MAPS_HPP
#define XLOSS_TRAINING_LABEL_MAPS_HPP

#include <xloss/criterion/target.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/tally.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/shape.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

/// \file
/// Label maps without logits, read as every loss reads them.

namespace xloss::engine {

/// The shape [B, C, ...] of the logits that a label map [B, ...] would belong to.
inline tensor::shape logits_shape(const tensor::shape& labels, std::size_t classes, loss_name name) {
    if (labels.rank == 0)
        tensor::raise<shape_error>({name(), ": a label map [] needs a sample axis, [B, ...]"});
    if (labels.rank == tensor::max_rank)
        tensor::raise<shape_error>(
            {name(), ": a label map ", labels, ", which has at most ", tensor::max_rank - 1, " axes"});
    tensor::shape logits = labels;
    std::copy_backward(labels.extent.begin() + 1,
                       labels.extent.begin() + static_cast<std::ptrdiff_t>(labels.rank),
                       logits.extent.begin() + static_cast<std::ptrdiff_t>(labels.rank) + 1);
    logits.extent[1] = classes;
    ++logits.rank;
    return logits;
}

/// The label map y with what rides on it, all of it checked.
template <class T, class Y>
target<T> label_target(const Y& y, const tensor::shape& logits, const std::optional<std::int64_t>& ignore,
                       loss_name name, const executor_ref& executor) {
    target<T> result(name, logits, mode::multiclass, ignore);
    attach(result, y);
    if (!result.is_label_map())
        tensor::raise<shape_error>(
            {name(), ": the target ", target_shape(y), " is no label map, which has no class axis"});
    check_targets_alone(result, ignore, executor);
    return result;
}

} // namespace xloss::engine

#endif
