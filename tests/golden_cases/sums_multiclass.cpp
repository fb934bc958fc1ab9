#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("golden sums in multiclass", "[golden]") {
    check<labels>("sums/ce_dice", "labels_image", cross_entropy{.label_smoothing = 0.1} + 1.5 * dice{});
    check<labels>("sums/ce_dice_line", "labels_line",
                  multiclass(cross_entropy{.label_smoothing = 0.1} + 1.5 * dice{}, {.ignore_index = 255}));
    check<labels_64>("sums/ce_dice_volume", "labels_volume",
                     multiclass(cross_entropy{.label_smoothing = 0.1} + 1.5 * dice{}, {.ignore_index = -1}));
    check_weighted<labels>("sums/ce_dice_weights", "labels",
                           cross_entropy{.label_smoothing = 0.1} + 1.5 * dice{});
    check<soft>("sums/ce_dice_soft", "labels_soft", cross_entropy{.label_smoothing = 0.1} + 1.5 * dice{});
    check<labels>("sums/ce_dice_extreme", "extreme_classes",
                  cross_entropy{.label_smoothing = 0.1} + 1.5 * dice{});
    check<labels>("sums/ce_generalized", "labels_image", cross_entropy{} + generalized_dice{});
    check<labels_64>("sums/ce_generalized_ignore", "labels_small",
                     multiclass(cross_entropy{} + generalized_dice{}, {.ignore_index = -100}));
    check<labels>("sums/ce_generalized_extreme", "extreme_classes", cross_entropy{} + generalized_dice{});
    check<labels>("sums/ce_generalized_none_valid", "labels_none",
                  multiclass(cross_entropy{} + generalized_dice{}, {.ignore_index = 255}));
}
