#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("golden iou", "[golden]") {
    check<mask>("iou/line", "line", iou{});
    check<mask>("iou/volume", "volume", iou{});
    check<mask>("iou/some_empty", "some_empty", iou{});
    check<mask>("iou/empty", "empty", iou{});
    check<mask>("iou/full", "full", iou{});
    check<mask>("iou/extreme", "extreme", iou{});
    check<mask>("iou/own", "image", iou{.smooth = 0.5});
    check<mask>("iou/batch", "image", iou{.smooth = 0.5, .over = region::batch});
    check<mask>("iou/empty_zero", "some_empty", iou{.smooth = 0.5, .empty = empty_region::zero});
    check<mask>("iou/empty_skip", "some_empty", iou{.smooth = 0.5, .empty = empty_region::skip});
    check_weighted<soft>("iou/soft", "image_soft", iou{.smooth = 0.5});
    check<soft>("iou/extreme_soft", "extreme_soft", iou{.smooth = 0.5});
    check<mask>("iou/ignore", "image_ignore", binary(iou{}, {.ignore_index = 255}));
    check<mask>("iou/one_ignored", "one_ignored", binary(iou{.smooth = 0.5}, {.ignore_index = 255}));
    check<mask>("iou/all_ignored", "all_ignored", binary(iou{}, {.ignore_index = 255}));
    check_weighted<mask>("iou/sum", "image", binary(iou{.smooth = 0.5}, {.reduction = reduction::sum}));
    check<mask>("iou/chance", "chance", binary(iou{}, {.activation = activation::none}));
    check_weighted<mask>("iou/multilabel", "multilabel",
                         multilabel(iou{.smooth = 0.5, .class_weights = three_weights}));
    check<mask>("iou/multilabel_skip", "multilabel",
                multilabel(iou{.over = region::batch, .empty = empty_region::skip}));
    check<mask>("iou/multilabel_ignore", "multilabel_ignore", multilabel(iou{}, {.ignore_index = 255}));
    check<labels_64>("iou/one_vs_rest", "labels_small", one_vs_rest(iou{}, {.ignore_index = -100}));
    check<mask>("iou/smooth_0", "image", iou{.smooth = 0.0});
    check<mask>("iou/empty_smooth_0", "some_empty", iou{.smooth = 0.0});
    check<mask>("iou/smooth_nr_dr", "image", iou{.smooth_nr = 0.5, .smooth_dr = 2.0});
    check<mask>("iou/log", "image", iou{.smooth = 0.5, .log = true});
    check<mask>("iou/log_floor", "some_empty", iou{.smooth = 0.0, .log = true});
    check<mask>("iou/squared", "image", iou{.form = soft_form::squared, .over = region::batch});
    check_weighted<soft>("iou/squared_soft", "image_soft", iou{.smooth = 0.5, .form = soft_form::squared});
    check<mask>("iou/semimetric", "image", iou{.form = soft_form::semimetric, .over = region::batch});
    check_weighted<soft>("iou/semimetric_soft", "image_soft",
                         iou{.smooth = 0.5, .form = soft_form::semimetric});
}

TEST_CASE("golden iou in multiclass", "[golden]") {
    check<labels>("iou/multiclass", "labels", multiclass(iou{.smooth = 0.5}));
    check<labels_64>("iou/multiclass_volume", "labels_volume", multiclass(iou{}, {.ignore_index = -1}));
    check_weighted<labels>("iou/multiclass_weights", "labels",
                           multiclass(iou{.smooth = 0.5, .class_weights = four_weights}));
    check<labels>("iou/multiclass_classes", "labels",
                  multiclass(iou{.classes = {1, 3}, .class_weights = four_weights}));
    check<labels>("iou/multiclass_foreground", "labels",
                  multiclass(iou{.empty = empty_region::zero, .include_background = false}));
    check<soft>("iou/multiclass_soft", "labels_soft", multiclass(iou{.smooth = 0.5, .over = region::batch}));
    check<labels>("iou/multiclass_half", "labels_half", multiclass(iou{}, {.ignore_index = 255}));
    check<labels>("iou/multiclass_extreme", "extreme_classes", multiclass(iou{.smooth = 0.5}));
    check<labels>("iou/multiclass_chance", "labels_chance",
                  multiclass(iou{}, {.activation = activation::none}));
    check<labels>("iou/multiclass_squared", "labels",
                  multiclass(iou{.form = soft_form::squared, .log = true}));
    check<labels>("iou/multiclass_semimetric", "labels",
                  multiclass(iou{.form = soft_form::semimetric, .log = true}));
}
