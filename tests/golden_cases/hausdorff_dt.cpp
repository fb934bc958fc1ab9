#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("golden hausdorff_dt", "[golden]") {
    check<mask>("hausdorff_dt/shape", "shape", binary(hausdorff_dt{}));
    check_upstream<mask>("hausdorff_dt/shape", "shape", binary(hausdorff_dt{}), 0.375);
    check<mask>("hausdorff_dt/shape_line", "shape_line", binary(hausdorff_dt{}));
    check<mask>("hausdorff_dt/shape_volume", "shape_volume", binary(hausdorff_dt{}));
    check<mask>("hausdorff_dt/shape_empty", "shape_empty", binary(hausdorff_dt{}));
    check<mask>("hausdorff_dt/shape_far", "shape_far", binary(hausdorff_dt{}));
    check<mask>("hausdorff_dt/alpha_1", "shape", binary(hausdorff_dt{.alpha = 1.0}));
    check<mask>("hausdorff_dt/alpha_1_5", "shape", binary(hausdorff_dt{.alpha = 1.5, .over = region::batch}));
    check<mask>("hausdorff_dt/log1p", "shape", binary(hausdorff_dt{.log1p = true}));
    check<mask>("hausdorff_dt/log1p_sum", "shape_ignore",
                binary(hausdorff_dt{.log1p = true}, {.ignore_index = 255, .reduction = reduction::sum}));
    check<mask>("hausdorff_dt/spacing", "shape_plane", binary(hausdorff_dt{.spacing = {1.5, 0.75}}));
    check<mask>("hausdorff_dt/empty_zero", "shape_empty", binary(hausdorff_dt{.empty = empty_region::zero}));
    check<mask>("hausdorff_dt/empty_skip", "shape_empty", binary(hausdorff_dt{.empty = empty_region::skip}));
    check_weighted<mask>("hausdorff_dt/weights", "shape", binary(hausdorff_dt{.over = region::batch}));
    check<mask>("hausdorff_dt/ignore", "shape_ignore", binary(hausdorff_dt{}, {.ignore_index = 255}));
    check<mask>("hausdorff_dt/all_ignored", "all_ignored", binary(hausdorff_dt{}, {.ignore_index = 255}));
    check_weighted<soft>("hausdorff_dt/soft", "image_soft", binary(hausdorff_dt{}));
    check<mask>("hausdorff_dt/chance", "shape_chance",
                binary(hausdorff_dt{}, {.activation = activation::none}));
}

TEST_CASE("golden hausdorff_dt in multilabel", "[golden]") {
    check_weighted<mask>("hausdorff_dt/multilabel", "shape_channels",
                         multilabel(hausdorff_dt{.spacing = {1.0, 2.0},
                                                 .empty = empty_region::skip,
                                                 .class_weights = three_weights}));
    check<mask>("hausdorff_dt/multilabel_ignore", "shape_channels_ignore",
                multilabel(hausdorff_dt{.over = region::batch, .classes = {0, 1}}, {.ignore_index = 255}));
}

TEST_CASE("golden hausdorff_dt in multiclass", "[golden]") {
    check<labels>("hausdorff_dt/multiclass", "shape_labels", multiclass(hausdorff_dt{}));
    check_weighted<labels>("hausdorff_dt/multiclass_foreground", "shape_labels",
                           multiclass(hausdorff_dt{.empty = empty_region::skip,
                                                   .include_background = false,
                                                   .class_weights = three_weights}));
    check<labels>("hausdorff_dt/multiclass_ignore", "shape_labels_ignore",
                  multiclass(hausdorff_dt{.log1p = true}, {.ignore_index = 255}));
    check<labels>("hausdorff_dt/multiclass_volume", "shape_labels_volume",
                  multiclass(hausdorff_dt{.alpha = 1.0, .spacing = {3.0, 1.0, 1.0}}));
}
