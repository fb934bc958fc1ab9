#ifndef XLOSS_SAM_MULTI_GRANULARITY_HPP
#define XLOSS_SAM_MULTI_GRANULARITY_HPP

#include <xloss/criterion/deep_supervision.hpp>
#include <xloss/sam/sam_mask.hpp>

#include <utility>
#include <vector>

namespace xloss {

/// Masks of several granularities, such as part, object and group: sum_i w_i sam_mask_i / n, n the number of
/// levels.
///
///     const auto levels = xloss::multi_granularity({1.0, 1.0, 1.0});
///     auto r = xloss::value_and_grad(levels, std::tie(fine, medium, coarse), std::tie(y0, y1, y2));
///
/// **Shapes.** One tensor of logits and one target for each weight, as for `deep_supervision`, which this is;
/// levels may differ in size and in the number of masks. The divisor is n, whatever the weights are.
template <class Loss = sam_mask>
auto multi_granularity(std::vector<double> weights, Loss loss = {}) {
    for (double& w : weights)
        w /= static_cast<double>(weights.size());
    return deep_supervision(std::move(loss), std::move(weights));
}

} // namespace xloss

#endif
