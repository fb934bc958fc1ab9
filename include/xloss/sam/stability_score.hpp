#ifndef XLOSS_SAM_STABILITY_SCORE_HPP
#define XLOSS_SAM_STABILITY_SCORE_HPP

#include <xloss/engine/above_counts.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/source.hpp>
#include <xloss/tensor/xtensor.hpp>

#include <array>
#include <cstddef>
#include <type_traits>

namespace xloss {

/// How little masks change when the threshold of their logits does: the pixels above +offset over those above
/// -offset, which is the IoU of the two masks. No loss: a score for ranking masks without a target.
///
/// **Shapes.** Logits `[B, N, ...]`, any expression of float or double; gives `[B, N]` of the same type.
///
/// **Parameters.** `offset` >= 0.
///
/// **Empty.** 0 where no pixel is above -offset. A NaN is above nothing.
///
/// **Source.** Kirillov et al. 2023, arXiv 2304.02643. SAM 2's is NaN for an empty mask.
/// @throws shape_error for logits of fewer than two axes, parameter_error for an offset that is negative or
/// no number.
template <class X>
auto stability_score(const X& logits, double offset = 1.0, const executor_ref& executor = {}) {
    using T = tensor::value_type_of<X>;
    static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>,
                  "xloss: logits are float or double; convert other formats first");
    engine::check_number("stability_score", "offset", offset);
    const tensor::source<T> x(logits);
    const tensor::shape& s = x.shape();
    if (s.rank < 2)
        tensor::raise<shape_error>(
            {"xloss::stability_score: logits ", s, " need a sample and a mask axis, [B, N, ...]"});
    auto scores = xt::xtensor<T, 2, xt::layout_type::row_major>::from_shape({s[0], s[1]});
    const std::size_t masks = s[0] * s[1], pixels = masks == 0 ? 0 : s.size() / masks;
    executor.run({masks, pixels}, [&](std::size_t i) {
        const auto [high, low] = engine::count_above<T, 2>(x, i * pixels, pixels, {offset, -offset});
        scores.data()[i] = static_cast<T>(low > 0.0 ? high / low : 0.0);
    });
    return scores;
}

} // namespace xloss

#endif
