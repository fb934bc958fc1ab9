#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("golden sobel_boundary", "[golden]") {
    check<mask>("sobel_boundary/shape", "shape", binary(sobel_boundary{}));
    check_upstream<mask>("sobel_boundary/shape", "shape", binary(sobel_boundary{}), 0.375);
    check<mask>("sobel_boundary/shape_line", "shape_line", binary(sobel_boundary{}));
    check<mask>("sobel_boundary/shape_volume", "shape_volume", binary(sobel_boundary{}));
    check<mask>("sobel_boundary/shape_empty", "shape_empty", binary(sobel_boundary{}));
    check<mask>("sobel_boundary/shape_flat", "shape_flat", binary(sobel_boundary{}));
    check_weighted<mask>("sobel_boundary/weights", "shape", binary(sobel_boundary{}));
    check<mask>("sobel_boundary/ignore", "shape_ignore", binary(sobel_boundary{}, {.ignore_index = 255}));
    check<mask>("sobel_boundary/all_ignored", "all_ignored", binary(sobel_boundary{}, {.ignore_index = 255}));
    check<mask>("sobel_boundary/sum", "shape_ignore",
                binary(sobel_boundary{}, {.ignore_index = 255, .reduction = reduction::sum}));
    check<mask>("sobel_boundary/chance", "shape_chance",
                binary(sobel_boundary{}, {.activation = activation::none}));
}

TEST_CASE("golden sobel_boundary in multilabel", "[golden]") {
    check<mask>("sobel_boundary/multilabel", "shape_channels", multilabel(sobel_boundary{}));
    check<mask>("sobel_boundary/multilabel_ignore", "shape_channels_ignore",
                multilabel(sobel_boundary{.classes = {0, 1}}, {.ignore_index = 255}));
}

TEST_CASE("golden sobel_boundary in multiclass", "[golden]") {
    check<labels>("sobel_boundary/multiclass", "shape_labels", multiclass(sobel_boundary{}));
    check<labels>("sobel_boundary/multiclass_foreground", "shape_labels",
                  multiclass(sobel_boundary{.include_background = false}));
    check<labels>("sobel_boundary/multiclass_ignore", "shape_labels_ignore",
                  multiclass(sobel_boundary{}, {.ignore_index = 255}));
    check<labels>("sobel_boundary/multiclass_volume", "shape_labels_volume",
                  multiclass(sobel_boundary{.classes = {1, 2}}));
}
