// The losses that see a region as a whole, ranked or by neighbours, and those of distances.

#include "catalogue.hpp"
#include "loss.hpp"

#include <array>

namespace fuzzing {

using xloss::mode;

template <>
std::span<const entry<float>> whole_region_losses<float>() {
    static const std::array all{
        loss<float, mode::multilabel, xloss::lovasz_hinge, at_once_only>("lovasz_hinge"),
        loss<float, mode::binary, xloss::lovasz_sigmoid, at_once_only>("lovasz_sigmoid"),
        loss<float, mode::multiclass, xloss::lovasz_softmax, at_once_only>("lovasz_softmax"),
        loss<float, mode::multilabel, xloss::boundary>("boundary"),
        loss<float, mode::multiclass, xloss::region_boundary, whole_only>("region_boundary"),
        loss<float, mode::one_vs_rest, xloss::hausdorff_dt, at_once_only>("hausdorff_dt"),
        loss<float, mode::multiclass, xloss::sobel_boundary, at_once_only>("sobel_boundary"),
        loss<float, mode::binary, xloss::cl_dice, at_once_only>("cl_dice"),
    };
    return all;
}

template <>
std::span<const entry<double>> whole_region_losses<double>() {
    static const std::array all{
        loss<double, mode::binary, xloss::sobel_boundary, at_once_only>("sobel_boundary"),
        loss<double, mode::multiclass, xloss::hausdorff_dt, at_once_only>("hausdorff_dt"),
    };
    return all;
}

} // namespace fuzzing
