// The losses with one sigmoid per element.

#include "catalogue.hpp"
#include "loss.hpp"

#include <array>

namespace fuzzing {

using xloss::mode;
using focal_and_dice = xloss::loss_sum<xloss::focal, xloss::dice>;

template <>
std::span<const entry<float>> elementwise_losses<float>() {
    static const std::array all{
        loss<float, mode::binary, xloss::bce>("bce"),
        loss<float, mode::multilabel, xloss::weighted_bce>("weighted_bce"),
        loss<float, mode::binary, xloss::focal>("focal"),
        loss<float, mode::one_vs_rest, xloss::focal>("focal"),
        loss<float, mode::binary, xloss::dice>("dice"),
        loss<float, mode::multilabel, xloss::dice>("dice"),
        loss<float, mode::multilabel, focal_and_dice, whole_only>("focal + dice"),
    };
    return all;
}

template <>
std::span<const entry<double>> elementwise_losses<double>() {
    static const std::array all{
        loss<double, mode::multilabel, xloss::dice>("dice"),
    };
    return all;
}

} // namespace fuzzing
