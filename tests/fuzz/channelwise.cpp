// The losses with a softmax over the classes.

#include "catalogue.hpp"
#include "loss.hpp"

#include <array>

namespace fuzzing {

using xloss::mode;
using cross_entropy_and_dice = xloss::loss_sum<xloss::cross_entropy, xloss::dice>;

template <>
std::span<const entry<float>> channelwise_losses<float>() {
    static const std::array all{
        loss<float, mode::multiclass, xloss::cross_entropy>("cross_entropy"),
        loss<float, mode::multiclass, xloss::poly_cross_entropy>("poly_cross_entropy"),
        loss<float, mode::multiclass, xloss::focal>("focal"),
        loss<float, mode::multiclass, xloss::dice>("dice"),
        loss<float, mode::multiclass, xloss::generalized_dice>("generalized_dice"),
        loss<float, mode::multiclass, xloss::tversky>("tversky"),
        loss<float, mode::multiclass, xloss::unified_focal, unreduced::does_not>("unified_focal"),
        loss<float, mode::multiclass, cross_entropy_and_dice, unreduced::does_not>("cross_entropy + dice"),
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
