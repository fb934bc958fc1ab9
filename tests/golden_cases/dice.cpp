#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("golden dice", "[golden]") {
    check<mask>("dice/line", "line", dice{});
    check<mask>("dice/image", "image", dice{});
    check<mask>("dice/volume", "volume", dice{});
    check<mask>("dice/flat", "flat", dice{});
    check<soft>("dice/image_soft", "image_soft", dice{});
    check<mask>("dice/some_empty", "some_empty", dice{});
    check<mask>("dice/empty", "empty", dice{});
    check<mask>("dice/full", "full", dice{});
    check<mask>("dice/extreme", "extreme", dice{});
    check<soft>("dice/extreme_soft", "extreme_soft", dice{});
    check<mask>("dice/batch", "image", dice{.over = region::batch});
    check<mask>("dice/smooth_0", "image", dice{.smooth = 0.0});
    check<mask>("dice/smooth_nr_dr", "image", dice{.smooth_nr = 0.5, .smooth_dr = 2.0});
    check<mask>("dice/smooth_dr", "image", dice{.smooth = 0.0, .smooth_dr = 1e-05});
    check<mask>("dice/squared", "image", dice{.form = soft_form::squared});
    check_weighted<soft>("dice/squared_soft", "image_soft", dice{.smooth = 0.5, .form = soft_form::squared});
    check<mask>("dice/semimetric", "image", dice{.form = soft_form::semimetric});
    check_weighted<soft>("dice/semimetric_soft", "image_soft",
                         dice{.form = soft_form::semimetric, .over = region::batch});
    check<mask>("dice/log", "image", dice{.log = true});
    check<mask>("dice/log_floor", "some_empty", dice{.smooth = 0.0, .log = true});
    check<mask>("dice/log_batch", "line",
                dice{.form = soft_form::squared, .over = region::batch, .log = true});
    check<mask>("dice/empty_zero", "some_empty", dice{.empty = empty_region::zero});
    check<mask>("dice/empty_zero_everywhere", "empty", dice{.empty = empty_region::zero});
    check<mask>("dice/empty_skip", "some_empty", dice{.empty = empty_region::skip});
    check<mask>("dice/empty_skip_everywhere", "empty", dice{.empty = empty_region::skip});
    check<mask>("dice/empty_smooth_0", "some_empty", dice{.smooth = 0.0});
    check_weighted<mask>("dice/weights", "image", dice{});
    check<mask>("dice/ignore", "image_ignore", binary(dice{}, {.ignore_index = 255}));
    check<mask>("dice/one_ignored", "one_ignored", binary(dice{}, {.ignore_index = 255}));
    check<mask>("dice/one_ignored_skip", "one_ignored",
                binary(dice{.empty = empty_region::skip}, {.ignore_index = 255}));
    check<mask>("dice/one_ignored_smooth_0", "one_ignored",
                binary(dice{.smooth = 0.0}, {.ignore_index = 255}));
    check<mask>("dice/all_ignored", "all_ignored", binary(dice{}, {.ignore_index = 255}));
    check<mask>("dice/sum", "image", binary(dice{}, {.reduction = reduction::sum}));
    check<mask>("dice/chance", "chance", binary(dice{}, {.activation = activation::none}));
    check<soft>("dice/chance_squared", "chance_soft",
                binary(dice{.form = soft_form::squared}, {.activation = activation::none}));
    check<soft>("dice/chance_semimetric", "chance_soft",
                binary(dice{.form = soft_form::semimetric}, {.activation = activation::none}));
    check<mask>("dice/multilabel", "multilabel", multilabel(dice{}));
    check_weighted<mask>("dice/multilabel_weights", "multilabel",
                         multilabel(dice{.class_weights = three_weights}));
    check<mask>("dice/multilabel_skip", "multilabel",
                multilabel(dice{.empty = empty_region::skip, .class_weights = three_weights}));
    check<mask>("dice/multilabel_batch_log", "multilabel",
                multilabel(dice{.over = region::batch, .class_weights = three_weights, .log = true}));
    check_weighted<soft>("dice/multilabel_soft", "multilabel_soft",
                         multilabel(dice{.form = soft_form::semimetric}));
    check<mask>("dice/multilabel_ignore", "multilabel_ignore",
                multilabel(dice{.over = region::batch}, {.ignore_index = 255}));
    check<mask>(
        "dice/multilabel_sum", "multilabel_ignore",
        multilabel(dice{.class_weights = three_weights}, {.ignore_index = 255, .reduction = reduction::sum}));
    check<labels_64>("dice/one_vs_rest", "labels_small", one_vs_rest(dice{}, {.ignore_index = -100}));
}

TEST_CASE("golden dice in multiclass", "[golden]") {
    check<labels>("dice/multiclass", "labels", multiclass(dice{}));
    check<labels>("dice/multiclass_image", "labels_image", multiclass(dice{.form = soft_form::squared}));
    check<labels_64>("dice/multiclass_volume", "labels_volume", multiclass(dice{}, {.ignore_index = -1}));
    check_weighted<labels>("dice/multiclass_weights", "labels",
                           multiclass(dice{.class_weights = four_weights}));
    check<labels>("dice/multiclass_batch", "labels",
                  multiclass(dice{.smooth = 1e-05, .over = region::batch, .class_weights = four_weights}));
    check<labels>("dice/multiclass_skip", "labels",
                  multiclass(dice{.empty = empty_region::skip, .class_weights = four_weights}));
    check<labels>("dice/multiclass_zero", "labels",
                  multiclass(dice{.empty = empty_region::zero, .class_weights = four_weights}));
    check<labels>("dice/multiclass_classes", "labels",
                  multiclass(dice{.classes = {1, 3}, .class_weights = four_weights}));
    check<labels>("dice/multiclass_foreground", "labels", multiclass(dice{.include_background = false}));
    check<labels>("dice/multiclass_background_skip", "labels_background",
                  multiclass(dice{.empty = empty_region::skip, .include_background = false}));
    check<labels>("dice/multiclass_log", "labels", multiclass(dice{.log = true}));
    check<labels>("dice/multiclass_semimetric", "labels",
                  multiclass(dice{.smooth = 0.0, .form = soft_form::semimetric}));
    check<soft>("dice/multiclass_soft", "labels_soft", multiclass(dice{}));
    check<labels>("dice/multiclass_half", "labels_half", multiclass(dice{}, {.ignore_index = 255}));
    check<labels>("dice/multiclass_half_skip", "labels_half",
                  multiclass(dice{.empty = empty_region::skip}, {.ignore_index = 255}));
    check<labels>("dice/multiclass_extreme", "extreme_classes", multiclass(dice{}));
    check<labels>("dice/multiclass_chance", "labels_chance",
                  multiclass(dice{}, {.activation = activation::none}));
}
