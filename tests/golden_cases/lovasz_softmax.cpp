#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("golden lovasz_softmax in multiclass", "[golden]") {
    check<labels>("lovasz_softmax/labels", "labels", multiclass(lovasz_softmax{}));
    check_upstream<labels>("lovasz_softmax/labels", "labels", multiclass(lovasz_softmax{}), 0.375);
    check<labels>("lovasz_softmax/image", "labels_image", multiclass(lovasz_softmax{}));
    check<labels>("lovasz_softmax/line", "labels_line", multiclass(lovasz_softmax{}, {.ignore_index = 255}));
    check<labels>("lovasz_softmax/volume", "shape_labels_volume", multiclass(lovasz_softmax{}));
    check<labels>("lovasz_softmax/per_image_all", "labels",
                  multiclass(lovasz_softmax{.over = region::sample, .empty = empty_region::smooth}));
    check<labels>("lovasz_softmax/per_image_present", "labels",
                  multiclass(lovasz_softmax{.over = region::sample, .class_weights = four_weights}));
    check<labels>("lovasz_softmax/per_image_zero", "labels",
                  multiclass(lovasz_softmax{
                      .over = region::sample, .empty = empty_region::zero, .class_weights = four_weights}));
    check_weighted<labels>("lovasz_softmax/weights", "labels",
                           multiclass(lovasz_softmax{.class_weights = four_weights}));
    check<labels>("lovasz_softmax/classes", "labels",
                  multiclass(lovasz_softmax{.classes = {1, 3}, .class_weights = four_weights}));
    check<labels>("lovasz_softmax/foreground", "labels_background",
                  multiclass(lovasz_softmax{.over = region::sample, .include_background = false}));
    check<labels>("lovasz_softmax/half", "labels_half",
                  multiclass(lovasz_softmax{.over = region::sample, .empty = empty_region::smooth},
                             {.ignore_index = 255}));
    check<labels>("lovasz_softmax/none_valid", "labels_none",
                  multiclass(lovasz_softmax{}, {.ignore_index = 255}));
    check<labels>("lovasz_softmax/sum", "labels_line",
                  multiclass(lovasz_softmax{.over = region::sample, .empty = empty_region::smooth},
                             {.ignore_index = 255, .reduction = reduction::sum}));
    check<labels>("lovasz_softmax/ties", "ties_classes", multiclass(lovasz_softmax{}));
    check<labels>("lovasz_softmax/far", "far_classes", multiclass(lovasz_softmax{}));
    check_weighted<soft>("lovasz_softmax/soft", "labels_soft", multiclass(lovasz_softmax{}));
    check<labels>("lovasz_softmax/chance", "labels_chance",
                  multiclass(lovasz_softmax{}, {.activation = activation::none}));
}
