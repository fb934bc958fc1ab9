#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("golden focal", "[golden]") {
    check<mask>("focal/gamma_0", "image", focal{.gamma = 0.0});
    check<soft>("focal/soft_gamma_0", "image_soft", focal{.alpha = 0.6, .gamma = 0.0});
    check<mask>("focal/extreme_gamma_0", "extreme", focal{.gamma = 0.0});
    check<soft>("focal/extreme_soft_gamma_0", "extreme_soft", focal{.gamma = 0.0});
    check<mask>("focal/gamma_0_5", "image", focal{.gamma = 0.5});
    check<soft>("focal/soft_gamma_0_5", "image_soft", focal{.alpha = 0.6, .gamma = 0.5});
    check<mask>("focal/extreme_gamma_0_5", "extreme", focal{.gamma = 0.5});
    check<soft>("focal/extreme_soft_gamma_0_5", "extreme_soft", focal{.gamma = 0.5});
    check<mask>("focal/gamma_1", "image", focal{.gamma = 1.0});
    check<soft>("focal/soft_gamma_1", "image_soft", focal{.alpha = 0.6, .gamma = 1.0});
    check<mask>("focal/extreme_gamma_1", "extreme", focal{.gamma = 1.0});
    check<soft>("focal/extreme_soft_gamma_1", "extreme_soft", focal{.gamma = 1.0});
    check<mask>("focal/gamma_1_5", "image", focal{.gamma = 1.5});
    check<soft>("focal/soft_gamma_1_5", "image_soft", focal{.alpha = 0.6, .gamma = 1.5});
    check<mask>("focal/extreme_gamma_1_5", "extreme", focal{.gamma = 1.5});
    check<soft>("focal/extreme_soft_gamma_1_5", "extreme_soft", focal{.gamma = 1.5});
    check<mask>("focal/gamma_2", "image", focal{.gamma = 2.0});
    check<soft>("focal/soft_gamma_2", "image_soft", focal{.alpha = 0.6, .gamma = 2.0});
    check<mask>("focal/extreme_gamma_2", "extreme", focal{.gamma = 2.0});
    check<soft>("focal/extreme_soft_gamma_2", "extreme_soft", focal{.gamma = 2.0});
    check<mask>("focal/gamma_5", "image", focal{.gamma = 5.0});
    check<soft>("focal/soft_gamma_5", "image_soft", focal{.alpha = 0.6, .gamma = 5.0});
    check<mask>("focal/extreme_gamma_5", "extreme", focal{.gamma = 5.0});
    check<soft>("focal/extreme_soft_gamma_5", "extreme_soft", focal{.gamma = 5.0});
    check<mask>("focal/line", "line", focal{});
    check<mask>("focal/volume", "volume", focal{});
    check<mask>("focal/flat", "flat", focal{});
    check<mask>("focal/some_empty", "some_empty", focal{});
    check<mask>("focal/empty", "empty", focal{});
    check<mask>("focal/full", "full", focal{});
    check<mask>("focal/alpha_off", "image", focal{.alpha = -1.0});
    check<soft>("focal/alpha_off_soft", "image_soft", focal{.alpha = -1.0, .gamma = 1.5});
    check<mask>("focal/alpha_0", "image", focal{.alpha = 0.0});
    check<mask>("focal/alpha_1", "image", focal{.alpha = 1.0});
    check<mask>("focal/normalized", "image", focal{.normalized = true});
    check_weighted<soft>("focal/normalized_gamma_0_5", "image_soft", focal{.gamma = 0.5, .normalized = true});
    check<mask>("focal/normalized_ignore", "image_ignore",
                binary(focal{.alpha = -1.0, .gamma = 5.0, .normalized = true}, {.ignore_index = 255}));
    check_weighted<mask>("focal/weights", "image", focal{});
    check<mask>("focal/ignore", "image_ignore", binary(focal{.gamma = 1.0}, {.ignore_index = 255}));
    check<mask>("focal/all_ignored", "all_ignored", binary(focal{}, {.ignore_index = 255}));
    check<mask>("focal/sum", "image", binary(focal{}, {.reduction = reduction::sum}));
    check<mask>("focal/chance", "chance", binary(focal{}, {.activation = activation::none}));
    check<soft>("focal/chance_soft", "chance_soft",
                binary(focal{.alpha = 0.7, .gamma = 1.5}, {.activation = activation::none}));
    check_weighted<mask>("focal/multilabel", "multilabel", multilabel(focal{}));
    check<soft>("focal/multilabel_alpha", "multilabel_soft", multilabel(focal{.alpha = {0.25, 0.5, 0.9}}));
    check<labels_64>("focal/one_vs_rest", "labels_small", one_vs_rest(focal{}, {.ignore_index = -100}));
}

TEST_CASE("golden focal in multiclass", "[golden]") {
    check<labels>("focal/multiclass", "labels_image", multiclass(focal{}));
    check<labels>("focal/multiclass_gamma_0_5", "labels_line",
                  multiclass(focal{.gamma = 0.5}, {.ignore_index = 255}));
    check_weighted<labels>("focal/multiclass_alpha_off", "labels",
                           multiclass(focal{.alpha = -1.0, .gamma = 1.0}));
    check<labels>("focal/multiclass_alpha", "labels", multiclass(focal{.alpha = {0.1, 0.4, 0.2, 0.3}}));
    check<labels>("focal/multiclass_weights", "labels",
                  multiclass(focal{.alpha = -1.0, .class_weights = four_weights}));
    check<labels>("focal/multiclass_normalized", "labels",
                  multiclass(focal{.alpha = -1.0, .normalized = true}));
    check<labels>("focal/multiclass_extreme", "extreme_classes", multiclass(focal{.gamma = 0.5}));
    check<labels>("focal/multiclass_chance", "labels_chance",
                  multiclass(focal{}, {.activation = activation::none}));
}
