// Values and gradients against an independent implementation: every line names a case of
// tests/golden/cases.py, the input it shares with others, and the loss that the case was computed for.

#include "support/golden.hpp"

#include <cstdint>

#include <xloss/xloss.hpp>

using namespace xloss;
using golden::check;
using golden::check_weighted;

namespace {

using mask = std::uint8_t;
using soft = double;
using labels = std::uint8_t;
using labels_64 = std::int64_t;

const per_class three_weights{0.5, 2.0, 1.0};
const per_class four_weights{0.5, 2.0, 1.0, 3.0};

} // namespace

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

TEST_CASE("golden generalized dice in multiclass", "[golden]") {
    check<labels>("generalized_dice/square", "labels_image",
                  multiclass(generalized_dice{.weighting = volume_weighting::square}));
    check<labels>("generalized_dice/square_smooth_1", "labels_image",
                  multiclass(generalized_dice{
                      .weighting = volume_weighting::square, .weight_smooth = 1.0, .smooth = 1.0}));
    check<labels>("generalized_dice/square_absent", "labels",
                  multiclass(generalized_dice{.weighting = volume_weighting::square}));
    check<labels>("generalized_dice/simple", "labels_image",
                  multiclass(generalized_dice{.weighting = volume_weighting::simple}));
    check<labels>("generalized_dice/simple_smooth_1", "labels_image",
                  multiclass(generalized_dice{
                      .weighting = volume_weighting::simple, .weight_smooth = 1.0, .smooth = 1.0}));
    check<labels>("generalized_dice/simple_absent", "labels",
                  multiclass(generalized_dice{.weighting = volume_weighting::simple}));
    check<labels>("generalized_dice/uniform", "labels_image",
                  multiclass(generalized_dice{.weighting = volume_weighting::uniform}));
    check<labels>("generalized_dice/uniform_smooth_1", "labels_image",
                  multiclass(generalized_dice{
                      .weighting = volume_weighting::uniform, .weight_smooth = 1.0, .smooth = 1.0}));
    check<labels>("generalized_dice/uniform_absent", "labels",
                  multiclass(generalized_dice{.weighting = volume_weighting::uniform}));
    check<labels>("generalized_dice/absent_weight_smooth", "labels",
                  multiclass(generalized_dice{.weight_smooth = 1.0}));
    check<labels>("generalized_dice/absent_smooth", "labels", multiclass(generalized_dice{.smooth = 1.0}));
    check<labels>("generalized_dice/absent_skip", "labels",
                  multiclass(generalized_dice{.empty = empty_region::skip}));
    check<labels>("generalized_dice/log", "labels", multiclass(generalized_dice{.log = true}));
    check<labels>("generalized_dice/batch", "labels", multiclass(generalized_dice{.over = region::batch}));
    check<labels>("generalized_dice/line_batch_simple", "labels_line",
                  multiclass(generalized_dice{.weighting = volume_weighting::simple, .over = region::batch},
                             {.ignore_index = 255}));
    check<labels_64>("generalized_dice/volume", "labels_volume",
                     multiclass(generalized_dice{}, {.ignore_index = -1}));
    check_weighted<labels>("generalized_dice/pixel_weights", "labels", multiclass(generalized_dice{}));
    check<soft>("generalized_dice/soft", "labels_soft",
                multiclass(generalized_dice{.weighting = volume_weighting::simple}));
    check<labels>("generalized_dice/foreground", "labels_image",
                  multiclass(generalized_dice{.include_background = false}));
    check<labels>("generalized_dice/foreground_absent", "labels_background",
                  multiclass(generalized_dice{.include_background = false}));
    check<labels>("generalized_dice/foreground_absent_skip", "labels_background",
                  multiclass(generalized_dice{.empty = empty_region::skip, .include_background = false}));
    check<labels>("generalized_dice/half", "labels_half",
                  multiclass(generalized_dice{}, {.ignore_index = 255}));
    check<labels>("generalized_dice/none_valid", "labels_none",
                  multiclass(generalized_dice{}, {.ignore_index = 255}));
    check<labels>("generalized_dice/extreme", "extreme_classes", multiclass(generalized_dice{}));
}

TEST_CASE("golden generalized dice", "[golden]") {
    check<mask>("generalized_dice/multilabel", "multilabel", multilabel(generalized_dice{}));
    check_weighted<mask>("generalized_dice/multilabel_weights", "multilabel",
                         multilabel(generalized_dice{.weighting = volume_weighting::simple}));
    check<mask>("generalized_dice/binary", "image", generalized_dice{.weight_smooth = 1.0, .smooth = 1.0});
    check<mask>("generalized_dice/binary_empty", "some_empty", generalized_dice{});
}

TEST_CASE("golden unified focal", "[golden]") {
    check<mask>("unified_focal/line", "line", unified_focal{});
    check<mask>("unified_focal/image", "image", unified_focal{});
    check<mask>("unified_focal/volume", "volume", unified_focal{});
    check<soft>("unified_focal/image_soft", "image_soft", unified_focal{});
    check<mask>("unified_focal/extreme", "extreme", unified_focal{});
    check<mask>("unified_focal/parameters", "image",
                unified_focal{.weight = 0.3, .delta = 0.7, .gamma = 0.2});
    check<mask>("unified_focal/gamma_0", "image", unified_focal{.gamma = 0.0});
    check_weighted<mask>("unified_focal/weights", "image", unified_focal{});
    check<mask>("unified_focal/ignore", "image_ignore", binary(unified_focal{}, {.ignore_index = 255}));
    check<mask>("unified_focal/all_ignored", "all_ignored", binary(unified_focal{}, {.ignore_index = 255}));
    check<soft>("unified_focal/multilabel_each", "multilabel_soft", multilabel(unified_focal{}));
}

TEST_CASE("golden unified focal in multiclass", "[golden]") {
    check<labels>("unified_focal/multiclass", "labels_image", multiclass(unified_focal{}));
    check<labels>(
        "unified_focal/multiclass_parameters", "labels_line",
        multiclass(unified_focal{.weight = 0.7, .delta = 0.7, .gamma = 0.75}, {.ignore_index = 255}));
    check<labels_64>("unified_focal/multiclass_volume", "labels_volume",
                     multiclass(unified_focal{}, {.ignore_index = -1}));
    check_weighted<labels>("unified_focal/multiclass_weights", "labels", multiclass(unified_focal{}));
    check<labels>("unified_focal/multiclass_extreme", "extreme_classes", multiclass(unified_focal{}));
}

TEST_CASE("golden sums", "[golden]") {
    check<mask>("sums/sam_line", "line", 20.0 * focal{} + dice{});
    check<mask>("sums/sam_image", "image", 20.0 * focal{} + dice{});
    check<mask>("sums/sam_volume", "volume", 20.0 * focal{} + dice{});
    check<soft>("sums/sam_image_soft", "image_soft", 20.0 * focal{} + dice{});
    check<mask>("sums/sam_some_empty", "some_empty", 20.0 * focal{} + dice{});
    check<mask>("sums/sam_extreme", "extreme", 20.0 * focal{} + dice{});
    check_weighted<mask>("sums/sam_weights", "image", 20.0 * focal{} + dice{});
    check<mask>("sums/sam_ignore", "image_ignore", binary(20.0 * focal{} + dice{}, {.ignore_index = 255}));
    check<mask>("sums/sam_all_ignored", "all_ignored",
                binary(20.0 * focal{} + dice{}, {.ignore_index = 255}));
    check<mask>("sums/sam_multilabel", "multilabel", multilabel(20.0 * focal{} + dice{}));
    check<mask>("sums/sam_chance", "chance",
                binary(20.0 * focal{} + dice{}, {.activation = activation::none}));
    check<mask>("sums/bce_dice", "image", 0.5 * bce{} + 0.5 * dice{.over = region::batch});
}

TEST_CASE("golden sums in multiclass", "[golden]") {
    check<labels>("sums/ce_dice", "labels_image", cross_entropy{.label_smoothing = 0.1} + 1.5 * dice{});
    check<labels>("sums/ce_dice_line", "labels_line",
                  multiclass(cross_entropy{.label_smoothing = 0.1} + 1.5 * dice{}, {.ignore_index = 255}));
    check<labels_64>("sums/ce_dice_volume", "labels_volume",
                     multiclass(cross_entropy{.label_smoothing = 0.1} + 1.5 * dice{}, {.ignore_index = -1}));
    check_weighted<labels>("sums/ce_dice_weights", "labels",
                           cross_entropy{.label_smoothing = 0.1} + 1.5 * dice{});
    check<soft>("sums/ce_dice_soft", "labels_soft", cross_entropy{.label_smoothing = 0.1} + 1.5 * dice{});
    check<labels>("sums/ce_dice_extreme", "extreme_classes",
                  cross_entropy{.label_smoothing = 0.1} + 1.5 * dice{});
    check<labels>("sums/ce_generalized", "labels_image", cross_entropy{} + generalized_dice{});
    check<labels_64>("sums/ce_generalized_ignore", "labels_small",
                     multiclass(cross_entropy{} + generalized_dice{}, {.ignore_index = -100}));
    check<labels>("sums/ce_generalized_extreme", "extreme_classes", cross_entropy{} + generalized_dice{});
    check<labels>("sums/ce_generalized_none_valid", "labels_none",
                  multiclass(cross_entropy{} + generalized_dice{}, {.ignore_index = 255}));
}
