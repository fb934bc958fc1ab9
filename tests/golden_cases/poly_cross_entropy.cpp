#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("golden poly cross entropy", "[golden]") {
    check<mask>("poly_cross_entropy/binary", "image", poly_cross_entropy{});
    check_weighted<soft>("poly_cross_entropy/binary_soft", "image_soft", poly_cross_entropy{.epsilon = 2.5});
    check<mask>("poly_cross_entropy/binary_least", "image", poly_cross_entropy{.epsilon = -1.0});
    check<mask>("poly_cross_entropy/binary_ignore", "image_ignore",
                binary(poly_cross_entropy{}, {.ignore_index = 255}));
    check<mask>("poly_cross_entropy/binary_extreme", "extreme", poly_cross_entropy{.epsilon = 3.0});
    check<soft>("poly_cross_entropy/binary_extreme_soft", "extreme_soft", poly_cross_entropy{});
    check<mask>("poly_cross_entropy/binary_chance", "chance",
                binary(poly_cross_entropy{.epsilon = 2.0}, {.activation = activation::none}));
    check_weighted<mask>("poly_cross_entropy/multilabel", "multilabel",
                         multilabel(poly_cross_entropy{.class_weights = three_weights}));
    check<soft>("poly_cross_entropy/multilabel_soft", "multilabel_soft", multilabel(poly_cross_entropy{}));
    check<labels_64>("poly_cross_entropy/one_vs_rest", "labels_small",
                     one_vs_rest(poly_cross_entropy{}, {.ignore_index = -100}));
}

TEST_CASE("golden poly cross entropy in multiclass", "[golden]") {
    check<labels>("poly_cross_entropy/labels", "labels", multiclass(poly_cross_entropy{}));
    check<labels>("poly_cross_entropy/line", "labels_line",
                  multiclass(poly_cross_entropy{.epsilon = 2.5}, {.ignore_index = 255}));
    check<labels_64>("poly_cross_entropy/volume", "labels_volume",
                     multiclass(poly_cross_entropy{.epsilon = -1.0}, {.ignore_index = -1}));
    check_weighted<labels>("poly_cross_entropy/class_weights", "labels",
                           multiclass(poly_cross_entropy{.epsilon = 2.0, .class_weights = four_weights}));
    check<labels_64>("poly_cross_entropy/valid", "labels_small",
                     multiclass(poly_cross_entropy{.class_weights = four_weights},
                                {.ignore_index = -100, .denominator = denominator::valid}));
    check<labels_64>("poly_cross_entropy/all", "labels_small",
                     multiclass(poly_cross_entropy{.class_weights = four_weights},
                                {.ignore_index = -100, .denominator = denominator::all}));
    check<labels_64>("poly_cross_entropy/sum", "labels_small",
                     multiclass(poly_cross_entropy{.class_weights = four_weights},
                                {.ignore_index = -100, .reduction = reduction::sum}));
    check_weighted<soft>("poly_cross_entropy/soft", "labels_soft", multiclass(poly_cross_entropy{}));
    check<soft>("poly_cross_entropy/soft_class_weights", "labels_soft",
                multiclass(poly_cross_entropy{.epsilon = 0.5, .class_weights = four_weights}));
    check<labels>("poly_cross_entropy/none_valid", "labels_none",
                  multiclass(poly_cross_entropy{}, {.ignore_index = 255}));
    check<labels>("poly_cross_entropy/extreme", "extreme_classes",
                  multiclass(poly_cross_entropy{.epsilon = 3.0}));
    check<labels>("poly_cross_entropy/chance", "labels_chance",
                  multiclass(poly_cross_entropy{.epsilon = 2.0}, {.activation = activation::none}));
}
