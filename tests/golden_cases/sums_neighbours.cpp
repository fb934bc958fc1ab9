#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("golden sums with a loss that looks at neighbours", "[golden]") {
    check<mask>("sums_of_kinds/dice_boundary", "shape", binary(dice{} + boundary{}));
    check<mask>("sums_of_kinds/dice_boundary_ignore", "shape_ignore",
                binary(dice{} + boundary{}, {.ignore_index = 255}));
    check_weighted<mask>("sums_of_kinds/dice_cl_dice", "shape", binary(dice{} + cl_dice{}));
}

TEST_CASE("golden sums with a loss that looks at neighbours in multiclass", "[golden]") {
    check<labels>("sums_of_kinds/dice_cl_dice_multiclass", "shape_labels_ignore",
                  multiclass(dice{} + cl_dice{}, {.ignore_index = 255}));
}
