#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("golden mcc", "[golden]") {
    check<mask>("mcc/line", "line", mcc{});
    check<mask>("mcc/volume", "volume", mcc{});
    check<mask>("mcc/some_empty", "some_empty", mcc{});
    check<mask>("mcc/empty", "empty", mcc{});
    check<mask>("mcc/full", "full", mcc{});
    check<mask>("mcc/extreme", "extreme", mcc{});
    check<mask>("mcc/own", "image", mcc{.eps = 0.25});
    check<mask>("mcc/batch", "image", mcc{.eps = 0.25, .over = region::batch});
    check<mask>("mcc/empty_zero", "some_empty", mcc{.eps = 0.25, .empty = empty_region::zero});
    check<mask>("mcc/empty_skip", "some_empty", mcc{.eps = 0.25, .empty = empty_region::skip});
    check_weighted<soft>("mcc/soft", "image_soft", mcc{.eps = 0.25});
    check<soft>("mcc/extreme_soft", "extreme_soft", mcc{.eps = 0.25});
    check<mask>("mcc/ignore", "image_ignore", binary(mcc{}, {.ignore_index = 255}));
    check<mask>("mcc/one_ignored", "one_ignored", binary(mcc{.eps = 0.25}, {.ignore_index = 255}));
    check<mask>("mcc/all_ignored", "all_ignored", binary(mcc{}, {.ignore_index = 255}));
    check_weighted<mask>("mcc/sum", "image", binary(mcc{.eps = 0.25}, {.reduction = reduction::sum}));
    check<mask>("mcc/chance", "chance", binary(mcc{}, {.activation = activation::none}));
    check_weighted<mask>("mcc/multilabel", "multilabel",
                         multilabel(mcc{.eps = 0.25, .class_weights = three_weights}));
    check<mask>("mcc/multilabel_skip", "multilabel",
                multilabel(mcc{.over = region::batch, .empty = empty_region::skip}));
    check<mask>("mcc/multilabel_ignore", "multilabel_ignore", multilabel(mcc{}, {.ignore_index = 255}));
    check<labels_64>("mcc/one_vs_rest", "labels_small", one_vs_rest(mcc{}, {.ignore_index = -100}));
    check<mask>("mcc/image", "image", mcc{});
    check<soft>("mcc/eps_0", "image_soft", mcc{.eps = 0.0});
}

TEST_CASE("golden mcc in multiclass", "[golden]") {
    check<labels>("mcc/multiclass", "labels", multiclass(mcc{.eps = 0.25}));
    check<labels_64>("mcc/multiclass_volume", "labels_volume", multiclass(mcc{}, {.ignore_index = -1}));
    check_weighted<labels>("mcc/multiclass_weights", "labels",
                           multiclass(mcc{.eps = 0.25, .class_weights = four_weights}));
    check<labels>("mcc/multiclass_classes", "labels",
                  multiclass(mcc{.classes = {1, 3}, .class_weights = four_weights}));
    check<labels>("mcc/multiclass_foreground", "labels",
                  multiclass(mcc{.empty = empty_region::zero, .include_background = false}));
    check<soft>("mcc/multiclass_soft", "labels_soft", multiclass(mcc{.eps = 0.25, .over = region::batch}));
    check<labels>("mcc/multiclass_half", "labels_half", multiclass(mcc{}, {.ignore_index = 255}));
    check<labels>("mcc/multiclass_extreme", "extreme_classes", multiclass(mcc{.eps = 0.25}));
    check<labels>("mcc/multiclass_chance", "labels_chance",
                  multiclass(mcc{}, {.activation = activation::none}));
    check<labels>("mcc/multiclass_eps_0", "labels_image", multiclass(mcc{.eps = 0.0}));
}
