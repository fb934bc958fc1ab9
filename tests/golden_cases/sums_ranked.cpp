#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("golden sums with a ranked loss", "[golden]") {
    check<mask>("sums_of_kinds/bce_lovasz", "image", binary(bce{} + lovasz_hinge{}));
    check_weighted<mask>("sums_of_kinds/bce_lovasz_weights", "image", binary(bce{} + lovasz_hinge{}));
}

TEST_CASE("golden sums with a ranked loss in multiclass", "[golden]") {
    check<labels>("sums_of_kinds/ce_lovasz", "labels_image",
                  multiclass(0.5 * cross_entropy{} + 0.3 * lovasz_softmax{}));
    check<labels>("sums_of_kinds/ce_lovasz_ignore", "labels_line",
                  multiclass(0.5 * cross_entropy{} + 0.3 * lovasz_softmax{}, {.ignore_index = 255}));
}
