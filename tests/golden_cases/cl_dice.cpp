#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("golden cl_dice", "[golden]") {
    check<mask>("cl_dice/shape", "shape", binary(cl_dice{}));
    check_upstream<mask>("cl_dice/shape", "shape", binary(cl_dice{}), 0.375);
    check<mask>("cl_dice/shape_line", "shape_line", binary(cl_dice{}));
    check<mask>("cl_dice/shape_volume", "shape_volume", binary(cl_dice{}));
    check<mask>("cl_dice/shape_empty", "shape_empty", binary(cl_dice{}));
    check<mask>("cl_dice/shape_far", "shape_far", binary(cl_dice{}));
    check<mask>("cl_dice/iterations_0", "shape", binary(cl_dice{.iterations = 0}));
    check<mask>("cl_dice/iterations_1", "shape",
                binary(cl_dice{.iterations = 1, .smooth = 1e-05, .over = region::batch}));
    check<mask>("cl_dice/smooth_0", "shape", binary(cl_dice{.smooth = 0.0}));
    check<mask>("cl_dice/empty_zero", "shape_empty", binary(cl_dice{.empty = empty_region::zero}));
    check<mask>("cl_dice/empty_skip", "shape_empty", binary(cl_dice{.empty = empty_region::skip}));
    check_weighted<mask>("cl_dice/weights", "shape", binary(cl_dice{.over = region::batch}));
    check<mask>("cl_dice/ignore", "shape_ignore", binary(cl_dice{}, {.ignore_index = 255}));
    check<mask>("cl_dice/all_ignored", "all_ignored", binary(cl_dice{}, {.ignore_index = 255}));
    check<mask>("cl_dice/sum", "shape_ignore",
                binary(cl_dice{}, {.ignore_index = 255, .reduction = reduction::sum}));
    check_weighted<soft>("cl_dice/soft", "image_soft", binary(cl_dice{}));
    check<mask>("cl_dice/chance", "shape_chance", binary(cl_dice{}, {.activation = activation::none}));
}

TEST_CASE("golden cl_dice in multilabel", "[golden]") {
    check_weighted<mask>("cl_dice/multilabel", "shape_channels",
                         multilabel(cl_dice{.class_weights = three_weights}));
    check<mask>("cl_dice/multilabel_ignore", "shape_channels_ignore",
                multilabel(cl_dice{.over = region::batch, .classes = {0, 1}}, {.ignore_index = 255}));
}

TEST_CASE("golden cl_dice in multiclass", "[golden]") {
    check<labels>("cl_dice/multiclass", "shape_labels", multiclass(cl_dice{}));
    check<labels>("cl_dice/multiclass_foreground", "shape_labels",
                  multiclass(cl_dice{.over = region::batch,
                                     .empty = empty_region::skip,
                                     .include_background = false,
                                     .class_weights = three_weights}));
    check<labels>("cl_dice/multiclass_ignore", "shape_labels_ignore",
                  multiclass(cl_dice{}, {.ignore_index = 255}));
    check<labels>("cl_dice/multiclass_volume", "shape_labels_volume", multiclass(cl_dice{.iterations = 2}));
    check<labels>("cl_dice/multiclass_chance", "shape_labels_chance",
                  multiclass(cl_dice{}, {.activation = activation::none}));
}
