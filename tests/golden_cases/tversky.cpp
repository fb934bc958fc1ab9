#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("golden tversky", "[golden]") {
    check<mask>("tversky/line", "line", tversky{});
    check<mask>("tversky/volume", "volume", tversky{});
    check<mask>("tversky/some_empty", "some_empty", tversky{});
    check<mask>("tversky/empty", "empty", tversky{});
    check<mask>("tversky/full", "full", tversky{});
    check<mask>("tversky/extreme", "extreme", tversky{});
    check<mask>("tversky/own", "image", tversky{.alpha = 0.3, .beta = 0.7, .gamma = 0.75});
    check<mask>("tversky/batch", "image",
                tversky{.alpha = 0.3, .beta = 0.7, .gamma = 0.75, .over = region::batch});
    check<mask>("tversky/empty_zero", "some_empty",
                tversky{.alpha = 0.3, .beta = 0.7, .gamma = 0.75, .empty = empty_region::zero});
    check<mask>("tversky/empty_skip", "some_empty",
                tversky{.alpha = 0.3, .beta = 0.7, .gamma = 0.75, .empty = empty_region::skip});
    check_weighted<soft>("tversky/soft", "image_soft", tversky{.alpha = 0.3, .beta = 0.7, .gamma = 0.75});
    check<soft>("tversky/extreme_soft", "extreme_soft", tversky{.alpha = 0.3, .beta = 0.7, .gamma = 0.75});
    check<mask>("tversky/ignore", "image_ignore", binary(tversky{}, {.ignore_index = 255}));
    check<mask>("tversky/one_ignored", "one_ignored",
                binary(tversky{.alpha = 0.3, .beta = 0.7, .gamma = 0.75}, {.ignore_index = 255}));
    check<mask>("tversky/all_ignored", "all_ignored", binary(tversky{}, {.ignore_index = 255}));
    check_weighted<mask>(
        "tversky/sum", "image",
        binary(tversky{.alpha = 0.3, .beta = 0.7, .gamma = 0.75}, {.reduction = reduction::sum}));
    check<mask>("tversky/chance", "chance", binary(tversky{}, {.activation = activation::none}));
    check_weighted<mask>(
        "tversky/multilabel", "multilabel",
        multilabel(tversky{.alpha = 0.3, .beta = 0.7, .gamma = 0.75, .class_weights = three_weights}));
    check<mask>("tversky/multilabel_skip", "multilabel",
                multilabel(tversky{.over = region::batch, .empty = empty_region::skip}));
    check<mask>("tversky/multilabel_ignore", "multilabel_ignore",
                multilabel(tversky{}, {.ignore_index = 255}));
    check<labels_64>("tversky/one_vs_rest", "labels_small", one_vs_rest(tversky{}, {.ignore_index = -100}));
    check<mask>("tversky/smooth_0", "image",
                tversky{.alpha = 0.3, .beta = 0.7, .gamma = 0.75, .smooth = 0.0});
    check<mask>("tversky/empty_smooth_0", "some_empty", tversky{.smooth = 0.0});
    check<mask>("tversky/smooth_nr_dr", "image", tversky{.smooth_nr = 0.5, .smooth_dr = 2.0});
    check<mask>("tversky/log", "image", tversky{.alpha = 0.3, .beta = 0.7, .gamma = 0.75, .log = true});
    check<mask>("tversky/log_floor", "some_empty", tversky{.smooth = 0.0, .log = true});
    check<mask>("tversky/squared", "image", tversky{.form = soft_form::squared, .over = region::batch});
    check_weighted<soft>("tversky/squared_soft", "image_soft",
                         tversky{.smooth = 0.5, .form = soft_form::squared});
    check<mask>("tversky/semimetric", "image", tversky{.form = soft_form::semimetric, .over = region::batch});
    check_weighted<soft>("tversky/semimetric_soft", "image_soft",
                         tversky{.smooth = 0.5, .form = soft_form::semimetric});
    check<mask>("tversky/gamma_0", "some_empty", tversky{.alpha = 0.7, .beta = 0.3, .gamma = 0.0});
    check<mask>("tversky/log_gamma_0", "image", tversky{.gamma = 0.0, .log = true});
    check<mask>("tversky/gamma_0_5", "some_empty", tversky{.alpha = 0.7, .beta = 0.3, .gamma = 0.5});
    check<mask>("tversky/log_gamma_0_5", "image", tversky{.gamma = 0.5, .log = true});
    check<mask>("tversky/gamma_1", "some_empty", tversky{.alpha = 0.7, .beta = 0.3, .gamma = 1.0});
    check<mask>("tversky/log_gamma_1", "image", tversky{.gamma = 1.0, .log = true});
    check<mask>("tversky/gamma_1_5", "some_empty", tversky{.alpha = 0.7, .beta = 0.3, .gamma = 1.5});
    check<mask>("tversky/log_gamma_1_5", "image", tversky{.gamma = 1.5, .log = true});
    check<mask>("tversky/gamma_2", "some_empty", tversky{.alpha = 0.7, .beta = 0.3, .gamma = 2.0});
    check<mask>("tversky/log_gamma_2", "image", tversky{.gamma = 2.0, .log = true});
    check<mask>("tversky/gamma_5", "some_empty", tversky{.alpha = 0.7, .beta = 0.3, .gamma = 5.0});
    check<mask>("tversky/log_gamma_5", "image", tversky{.gamma = 5.0, .log = true});
    check<soft>("tversky/false_positives", "image_soft", tversky{.alpha = 1.0, .beta = 0.0, .gamma = 2.0});
    check<soft>("tversky/false_negatives", "image_soft", tversky{.alpha = 0.0, .beta = 1.0});
    check<mask>("tversky/smooth_nr_dr_gamma", "image",
                tversky{.gamma = 0.5, .smooth_nr = 0.5, .smooth_dr = 2.0});
}

TEST_CASE("golden tversky in multiclass", "[golden]") {
    check<labels>("tversky/multiclass", "labels",
                  multiclass(tversky{.alpha = 0.3, .beta = 0.7, .gamma = 0.75}));
    check<labels_64>("tversky/multiclass_volume", "labels_volume",
                     multiclass(tversky{}, {.ignore_index = -1}));
    check_weighted<labels>(
        "tversky/multiclass_weights", "labels",
        multiclass(tversky{.alpha = 0.3, .beta = 0.7, .gamma = 0.75, .class_weights = four_weights}));
    check<labels>("tversky/multiclass_classes", "labels",
                  multiclass(tversky{.classes = {1, 3}, .class_weights = four_weights}));
    check<labels>("tversky/multiclass_foreground", "labels",
                  multiclass(tversky{.empty = empty_region::zero, .include_background = false}));
    check<soft>("tversky/multiclass_soft", "labels_soft",
                multiclass(tversky{.alpha = 0.3, .beta = 0.7, .gamma = 0.75, .over = region::batch}));
    check<labels>("tversky/multiclass_half", "labels_half", multiclass(tversky{}, {.ignore_index = 255}));
    check<labels>("tversky/multiclass_extreme", "extreme_classes",
                  multiclass(tversky{.alpha = 0.3, .beta = 0.7, .gamma = 0.75}));
    check<labels>("tversky/multiclass_chance", "labels_chance",
                  multiclass(tversky{}, {.activation = activation::none}));
    check<labels>("tversky/multiclass_squared", "labels",
                  multiclass(tversky{.form = soft_form::squared, .log = true}));
    check<labels>("tversky/multiclass_semimetric", "labels",
                  multiclass(tversky{.form = soft_form::semimetric, .log = true}));
}
