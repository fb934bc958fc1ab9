#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("golden unified focal", "[golden]") {
    check<mask>("unified_focal/line", "line", unified_focal{});
    check<mask>("unified_focal/image", "image", unified_focal{});
    check<mask>("unified_focal/volume", "volume", unified_focal{});
    check<soft>("unified_focal/image_soft", "image_soft", unified_focal{});
    check<mask>("unified_focal/extreme", "extreme", unified_focal{});
    check<mask>("unified_focal/parameters", "image",
                unified_focal{.weight = 0.3, .delta = 0.7, .gamma = 0.2});
    check<mask>("unified_focal/gamma_0", "image", unified_focal{.gamma = 0.0});
    check_weighted<mask>("unified_focal/weights", "image", unified_focal{});
    check<mask>("unified_focal/ignore", "image_ignore", binary(unified_focal{}, {.ignore_index = 255}));
    check<mask>("unified_focal/all_ignored", "all_ignored", binary(unified_focal{}, {.ignore_index = 255}));
    check<soft>("unified_focal/multilabel_each", "multilabel_soft", multilabel(unified_focal{}));
}

TEST_CASE("golden unified focal in multiclass", "[golden]") {
    check<labels>("unified_focal/multiclass", "labels_image", multiclass(unified_focal{}));
    check<labels>(
        "unified_focal/multiclass_parameters", "labels_line",
        multiclass(unified_focal{.weight = 0.7, .delta = 0.7, .gamma = 0.75}, {.ignore_index = 255}));
    check<labels_64>("unified_focal/multiclass_volume", "labels_volume",
                     multiclass(unified_focal{}, {.ignore_index = -1}));
    check_weighted<labels>("unified_focal/multiclass_weights", "labels", multiclass(unified_focal{}));
    check<labels>("unified_focal/multiclass_extreme", "extreme_classes", multiclass(unified_focal{}));
}
