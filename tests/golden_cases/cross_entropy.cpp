#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("golden cross entropy", "[golden]") {
    check<labels>("cross_entropy/labels", "labels", cross_entropy{});
    check<labels>("cross_entropy/image", "labels_image", cross_entropy{});
    check<labels>("cross_entropy/line", "labels_line", multiclass(cross_entropy{}, {.ignore_index = 255}));
    check<labels_64>("cross_entropy/volume", "labels_volume",
                     multiclass(cross_entropy{}, {.ignore_index = -1}));
    check<labels>("cross_entropy/class_weights", "labels", cross_entropy{.class_weights = four_weights});
    check<labels>("cross_entropy/smoothing", "labels", cross_entropy{.label_smoothing = 0.1});
    check<labels_64>("cross_entropy/weights_smoothing_ignore", "labels_small",
                     multiclass(cross_entropy{.label_smoothing = 0.2, .class_weights = four_weights},
                                {.ignore_index = -100}));
    check<soft>("cross_entropy/soft", "labels_soft", cross_entropy{});
    check<soft>("cross_entropy/soft_weights", "labels_soft", cross_entropy{.class_weights = four_weights});
    check<soft>("cross_entropy/soft_weights_valid", "labels_soft",
                multiclass(cross_entropy{.label_smoothing = 0.1, .class_weights = four_weights},
                           {.denominator = denominator::valid}));
    check_weighted<soft>("cross_entropy/soft_pixel_weights", "labels_soft",
                         cross_entropy{.label_smoothing = 0.1});
    check<labels_64>("cross_entropy/valid", "labels_small",
                     multiclass(cross_entropy{.class_weights = four_weights},
                                {.ignore_index = -100, .denominator = denominator::valid}));
    check<labels_64>("cross_entropy/all", "labels_small",
                     multiclass(cross_entropy{.class_weights = four_weights},
                                {.ignore_index = -100, .denominator = denominator::all}));
    check<labels_64>("cross_entropy/sum", "labels_small",
                     multiclass(cross_entropy{.class_weights = four_weights},
                                {.ignore_index = -100, .reduction = reduction::sum}));
    check_weighted<labels>("cross_entropy/pixel_weights", "labels",
                           cross_entropy{.class_weights = four_weights});
    check<labels>("cross_entropy/none_valid", "labels_none",
                  multiclass(cross_entropy{}, {.ignore_index = 255}));
    check<labels>("cross_entropy/extreme", "extreme_classes", cross_entropy{});
    check<labels>("cross_entropy/extreme_smoothing", "extreme_classes",
                  cross_entropy{.label_smoothing = 0.1});
    check<labels>("cross_entropy/chance", "labels_chance",
                  multiclass(cross_entropy{.label_smoothing = 0.1, .class_weights = four_weights},
                             {.activation = activation::none}));
}
