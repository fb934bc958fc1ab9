#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("golden sums of several kinds in multiclass", "[golden]") {
    check<labels>("sums_of_kinds/ce_lovasz", "labels_image",
                  multiclass(0.5 * cross_entropy{} + 0.3 * lovasz_softmax{}));
    check<labels>("sums_of_kinds/ce_lovasz_ignore", "labels_line",
                  multiclass(0.5 * cross_entropy{} + 0.3 * lovasz_softmax{}, {.ignore_index = 255}));
    check<labels>("sums_of_kinds/dice_cl_dice_multiclass", "shape_labels_ignore",
                  multiclass(dice{} + cl_dice{}, {.ignore_index = 255}));
}

TEST_CASE("golden sums of several kinds", "[golden]") {
    check<mask>("sums_of_kinds/bce_lovasz", "image", binary(bce{} + lovasz_hinge{}));
    check_weighted<mask>("sums_of_kinds/bce_lovasz_weights", "image", binary(bce{} + lovasz_hinge{}));
    check<mask>("sums_of_kinds/dice_boundary", "shape", binary(dice{} + boundary{}));
    check<mask>("sums_of_kinds/dice_boundary_ignore", "shape_ignore",
                binary(dice{} + boundary{}, {.ignore_index = 255}));
    check_weighted<mask>("sums_of_kinds/dice_cl_dice", "shape", binary(dice{} + cl_dice{}));
}
