#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("golden mse", "[golden]") {
    check<mask>("mse/line", "line", mse{});
    check<soft>("mse/image_soft", "image_soft", mse{});
    check<mask>("mse/volume", "volume", mse{});
    check<soft>("mse/extreme_soft", "extreme_soft", mse{});
    check_weighted<soft>("mse/weights", "image_soft", mse{});
    check_weighted<soft>("mse/weights_valid", "image_soft",
                         binary(mse{}, {.denominator = denominator::valid}));
    check_weighted<soft>("mse/sum", "image_soft", mse{.reduction = reduction::sum});
    check<mask>("mse/ignore", "image_ignore", binary(mse{}, {.ignore_index = 255}));
    check<mask>("mse/all_ignored", "all_ignored", binary(mse{}, {.ignore_index = 255}));
    check<soft>("mse/chance", "chance_soft", binary(mse{}, {.activation = activation::none}));
    check_weighted<soft>("mse/multilabel", "multilabel_soft", multilabel(mse{}));
}

TEST_CASE("golden l1", "[golden]") {
    check<mask>("l1/line", "line", l1{});
    check<soft>("l1/image_soft", "image_soft", l1{});
    check<mask>("l1/volume", "volume", l1{});
    check<soft>("l1/extreme_soft", "extreme_soft", l1{});
    check_weighted<soft>("l1/weights", "image_soft", l1{});
    check_weighted<soft>("l1/weights_valid", "image_soft", binary(l1{}, {.denominator = denominator::valid}));
    check_weighted<soft>("l1/sum", "image_soft", l1{.reduction = reduction::sum});
    check<mask>("l1/ignore", "image_ignore", binary(l1{}, {.ignore_index = 255}));
    check<mask>("l1/all_ignored", "all_ignored", binary(l1{}, {.ignore_index = 255}));
    check<soft>("l1/chance", "chance_soft", binary(l1{}, {.activation = activation::none}));
    check_weighted<soft>("l1/multilabel", "multilabel_soft", multilabel(l1{}));
    check_weighted<soft>("l1/and_mse", "image_soft", 5.0 * l1{} + 0.5 * mse{});
}

TEST_CASE("golden smooth_l1", "[golden]") {
    check<mask>("smooth_l1/line", "line", smooth_l1{});
    check<soft>("smooth_l1/image_soft", "image_soft", smooth_l1{});
    check<mask>("smooth_l1/volume", "volume", smooth_l1{});
    check<soft>("smooth_l1/extreme_soft", "extreme_soft", smooth_l1{});
    check_weighted<soft>("smooth_l1/weights", "image_soft", smooth_l1{});
    check_weighted<soft>("smooth_l1/weights_valid", "image_soft",
                         binary(smooth_l1{}, {.denominator = denominator::valid}));
    check_weighted<soft>("smooth_l1/sum", "image_soft", smooth_l1{.reduction = reduction::sum});
    check<mask>("smooth_l1/ignore", "image_ignore", binary(smooth_l1{}, {.ignore_index = 255}));
    check<mask>("smooth_l1/all_ignored", "all_ignored", binary(smooth_l1{}, {.ignore_index = 255}));
    check<soft>("smooth_l1/chance", "chance_soft", binary(smooth_l1{}, {.activation = activation::none}));
    check_weighted<soft>("smooth_l1/multilabel", "multilabel_soft", multilabel(smooth_l1{}));
    check<soft>("smooth_l1/beta_0_11", "image_soft", smooth_l1{.beta = 0.11});
    check<soft>("smooth_l1/beta_2_5", "image_soft", smooth_l1{.beta = 2.5});
}
