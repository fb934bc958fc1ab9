#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("golden bce", "[golden]") {
    check<mask>("bce/line", "line", bce{});
    check<mask>("bce/image", "image", bce{});
    check<mask>("bce/volume", "volume", bce{});
    check<mask>("bce/flat", "flat", bce{});
    check<soft>("bce/image_soft", "image_soft", bce{});
    check<mask>("bce/some_empty", "some_empty", bce{});
    check<mask>("bce/empty", "empty", bce{});
    check<mask>("bce/full", "full", bce{});
    check<mask>("bce/extreme", "extreme", bce{});
    check<soft>("bce/extreme_soft", "extreme_soft", bce{});
    check<mask>("bce/pos_weight", "image", bce{.pos_weight = 3.0});
    check<soft>("bce/pos_weight_soft", "image_soft", bce{.pos_weight = 0.3});
    check<mask>("bce/label_smoothing", "image", bce{.label_smoothing = 0.1});
    check<soft>("bce/smoothing_pos_weight", "image_soft", bce{.pos_weight = 2.5, .label_smoothing = 0.2});
    check<mask>("bce/extreme_smoothing", "extreme", bce{.pos_weight = 2.0, .label_smoothing = 0.1});
    check_weighted<mask>("bce/weights", "image", bce{.pos_weight = 2.0});
    check_weighted<mask>("bce/weights_valid", "image", binary(bce{}, {.denominator = denominator::valid}));
    check_weighted<mask>("bce/weights_all", "image", binary(bce{}, {.denominator = denominator::all}));
    check_weighted<mask>("bce/sum", "image", binary(bce{}, {.reduction = reduction::sum}));
    check<mask>("bce/ignore", "image_ignore", binary(bce{}, {.ignore_index = 255}));
    check<mask>("bce/ignore_all_elements", "image_ignore",
                binary(bce{}, {.ignore_index = 255, .denominator = denominator::all}));
    check<mask>("bce/all_ignored", "all_ignored", binary(bce{}, {.ignore_index = 255}));
    check<mask>("bce/chance", "chance", binary(bce{}, {.activation = activation::none}));
    check<soft>("bce/chance_soft", "chance_soft",
                binary(bce{.label_smoothing = 0.1}, {.activation = activation::none}));
    check_weighted<mask>("bce/chance_weights", "chance", binary(bce{}, {.activation = activation::none}));
    check<mask>("bce/certain", "certain", binary(bce{}, {.activation = activation::none}));
    check_weighted<mask>("bce/multilabel", "multilabel", multilabel(bce{}));
    check<mask>("bce/multilabel_pos_weight", "multilabel", multilabel(bce{.pos_weight = {0.5, 2.0, 4.0}}));
    check_weighted<soft>("bce/multilabel_soft", "multilabel_soft", multilabel(bce{.label_smoothing = 0.1}));
    check<mask>("bce/multilabel_ignore", "multilabel_ignore", multilabel(bce{}, {.ignore_index = 255}));
    check<labels>("bce/one_vs_rest", "labels_line", one_vs_rest(bce{}, {.ignore_index = 255}));
}

TEST_CASE("golden weighted bce", "[golden]") {
    check<mask>("weighted_bce/line", "line", weighted_bce{});
    check<soft>("weighted_bce/image_soft", "image_soft", weighted_bce{});
    check<mask>("weighted_bce/some_empty", "some_empty", weighted_bce{});
    check<mask>("weighted_bce/empty", "empty", weighted_bce{});
    check<mask>("weighted_bce/full", "full", weighted_bce{});
    check<mask>("weighted_bce/extreme", "extreme", weighted_bce{});
    check_weighted<mask>("weighted_bce/weights", "image", weighted_bce{});
    check<mask>("weighted_bce/ignore", "image_ignore", binary(weighted_bce{}, {.ignore_index = 255}));
    check<mask>("weighted_bce/all_ignored", "all_ignored", binary(weighted_bce{}, {.ignore_index = 255}));
    check<mask>("weighted_bce/multilabel", "multilabel", multilabel(weighted_bce{}));
}
