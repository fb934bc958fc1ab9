#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("golden generalized dice in multiclass", "[golden]") {
    check<labels>("generalized_dice/square", "labels_image",
                  multiclass(generalized_dice{.weighting = volume_weighting::square}));
    check<labels>("generalized_dice/square_smooth_1", "labels_image",
                  multiclass(generalized_dice{
                      .weighting = volume_weighting::square, .weight_smooth = 1.0, .smooth = 1.0}));
    check<labels>("generalized_dice/square_absent", "labels",
                  multiclass(generalized_dice{.weighting = volume_weighting::square}));
    check<labels>("generalized_dice/simple", "labels_image",
                  multiclass(generalized_dice{.weighting = volume_weighting::simple}));
    check<labels>("generalized_dice/simple_smooth_1", "labels_image",
                  multiclass(generalized_dice{
                      .weighting = volume_weighting::simple, .weight_smooth = 1.0, .smooth = 1.0}));
    check<labels>("generalized_dice/simple_absent", "labels",
                  multiclass(generalized_dice{.weighting = volume_weighting::simple}));
    check<labels>("generalized_dice/uniform", "labels_image",
                  multiclass(generalized_dice{.weighting = volume_weighting::uniform}));
    check<labels>("generalized_dice/uniform_smooth_1", "labels_image",
                  multiclass(generalized_dice{
                      .weighting = volume_weighting::uniform, .weight_smooth = 1.0, .smooth = 1.0}));
    check<labels>("generalized_dice/uniform_absent", "labels",
                  multiclass(generalized_dice{.weighting = volume_weighting::uniform}));
    check<labels>("generalized_dice/absent_weight_smooth", "labels",
                  multiclass(generalized_dice{.weight_smooth = 1.0}));
    check<labels>("generalized_dice/absent_smooth", "labels", multiclass(generalized_dice{.smooth = 1.0}));
    check<labels>("generalized_dice/absent_skip", "labels",
                  multiclass(generalized_dice{.empty = empty_region::skip}));
    check<labels>("generalized_dice/log", "labels", multiclass(generalized_dice{.log = true}));
    check<labels>("generalized_dice/batch", "labels", multiclass(generalized_dice{.over = region::batch}));
    check<labels>("generalized_dice/line_batch_simple", "labels_line",
                  multiclass(generalized_dice{.weighting = volume_weighting::simple, .over = region::batch},
                             {.ignore_index = 255}));
    check<labels_64>("generalized_dice/volume", "labels_volume",
                     multiclass(generalized_dice{}, {.ignore_index = -1}));
    check_weighted<labels>("generalized_dice/pixel_weights", "labels", multiclass(generalized_dice{}));
    check<soft>("generalized_dice/soft", "labels_soft",
                multiclass(generalized_dice{.weighting = volume_weighting::simple}));
    check<labels>("generalized_dice/foreground", "labels_image",
                  multiclass(generalized_dice{.include_background = false}));
    check<labels>("generalized_dice/foreground_absent", "labels_background",
                  multiclass(generalized_dice{.include_background = false}));
    check<labels>("generalized_dice/foreground_absent_skip", "labels_background",
                  multiclass(generalized_dice{.empty = empty_region::skip, .include_background = false}));
    check<labels>("generalized_dice/half", "labels_half",
                  multiclass(generalized_dice{}, {.ignore_index = 255}));
    check<labels>("generalized_dice/none_valid", "labels_none",
                  multiclass(generalized_dice{}, {.ignore_index = 255}));
    check<labels>("generalized_dice/extreme", "extreme_classes", multiclass(generalized_dice{}));
}

TEST_CASE("golden generalized dice", "[golden]") {
    check<mask>("generalized_dice/multilabel", "multilabel", multilabel(generalized_dice{}));
    check_weighted<mask>("generalized_dice/multilabel_weights", "multilabel",
                         multilabel(generalized_dice{.weighting = volume_weighting::simple}));
    check<mask>("generalized_dice/binary", "image", generalized_dice{.weight_smooth = 1.0, .smooth = 1.0});
    check<mask>("generalized_dice/binary_empty", "some_empty", generalized_dice{});
}
