// The losses with a softmax over the classes.

#include "catalogue.hpp"
#include "loss.hpp"

#include <array>

namespace fuzzing {

using xloss::mode;
using cross_entropy_and_dice = xloss::loss_sum<xloss::cross_entropy, xloss::dice>;
using cross_entropy_and_wasserstein_dice = xloss::loss_sum<xloss::cross_entropy, xloss::wasserstein_dice>;
using top_k_cross_entropy = xloss::top_k_loss<xloss::cross_entropy>;

template <>
std::span<const entry<float>> channelwise_losses<float>() {
    static const std::array all{
        loss<float, mode::multiclass, xloss::cross_entropy>("cross_entropy"),
        loss<float, mode::multiclass, xloss::poly_cross_entropy>("poly_cross_entropy"),
        loss<float, mode::multiclass, xloss::focal>("focal"),
        loss<float, mode::multiclass, xloss::dice>("dice"),
        loss<float, mode::multiclass, xloss::generalized_dice>("generalized_dice"),
        loss<float, mode::multiclass, xloss::tversky>("tversky"),
        loss<float, mode::multiclass, xloss::unified_focal, whole_only>("unified_focal"),
        loss<float, mode::multiclass, cross_entropy_and_dice, whole_only>("cross_entropy + dice"),
        loss<float, mode::multiclass, xloss::mcc>("mcc"),
        loss<float, mode::multiclass, xloss::wasserstein_dice>("wasserstein_dice"),
        loss<float, mode::multiclass, cross_entropy_and_wasserstein_dice, whole_only>(
            "cross_entropy + wasserstein_dice"),
        loss<float, mode::multiclass, top_k_cross_entropy, at_once_only>("top_k(cross_entropy)"),
    };
    return all;
}

template <>
std::span<const entry<double>> channelwise_losses<double>() {
    static const std::array all{
        loss<double, mode::multiclass, xloss::cross_entropy>("cross_entropy"),
    };
    return all;
}

} // namespace fuzzing
