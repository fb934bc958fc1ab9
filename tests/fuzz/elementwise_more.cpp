// More losses with one sigmoid per element, for a second core to compile.

#include "catalogue.hpp"
#include "loss.hpp"

#include <array>

namespace fuzzing {

using xloss::mode;
using ohem_bce = xloss::ohem_loss<xloss::bce>;

template <>
std::span<const entry<float>> more_elementwise_losses<float>() {
    static const std::array all{
        loss<float, mode::one_vs_rest, xloss::generalized_dice>("generalized_dice"),
        loss<float, mode::multilabel, xloss::iou>("iou"),
        loss<float, mode::binary, xloss::tversky>("tversky"),
        loss<float, mode::one_vs_rest, xloss::mcc>("mcc"),
        loss<float, mode::multilabel, xloss::unified_focal, whole_only>("unified_focal"),
        loss<float, mode::binary, ohem_bce, at_once_only>("ohem(bce)"),
    };
    return all;
}

template <>
std::span<const entry<double>> more_elementwise_losses<double>() {
    static const std::array all{
        loss<double, mode::binary, xloss::bce>("bce"),
    };
    return all;
}

} // namespace fuzzing
