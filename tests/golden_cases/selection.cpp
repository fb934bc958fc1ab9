#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

namespace {

auto top(const bce& loss) {
    return top_k(loss, 0.3);
}

auto hard(const bce& loss) {
    return ohem(loss, {.threshold = 0.4, .min_kept = 5});
}

auto top(const cross_entropy& loss) {
    return top_k(loss, 0.3);
}

auto hard(const cross_entropy& loss) {
    return ohem(loss, {.threshold = 0.1, .min_kept = 5});
}

} // namespace

TEST_CASE("golden top_k of masks", "[golden]") {
    check<mask>("selection/top_k_image", "image", top(bce{}));
    check_weighted<soft>("selection/top_k_soft", "image_soft", top(bce{.label_smoothing = 0.1}));
    check<mask>("selection/top_k_ignore", "image_ignore",
                binary(top(bce{.pos_weight = 2}), {.ignore_index = 255}));
    check<mask>("selection/top_k_all_ignored", "all_ignored", binary(top(bce{}), {.ignore_index = 255}));
    check<mask>("selection/top_k_chance", "chance", binary(top(bce{}), {.activation = activation::none}));
    check<labels>("selection/top_k_one_vs_rest", "labels_line",
                  one_vs_rest(top(bce{}), {.ignore_index = 255}));
    check<mask>("selection/top_k_one", "image", top_k(bce{}, 0.001));
    check<mask>("selection/top_k_everything", "image", top_k(bce{}, 1.0));
}

TEST_CASE("golden top_k of label maps", "[golden]") {
    check<labels>("selection/top_k_labels", "labels_image", top(cross_entropy{}));
    check<labels_64>("selection/top_k_volume", "labels_volume",
                     multiclass(top(cross_entropy{.label_smoothing = 0.1}), {.ignore_index = -1}));
    const auto many = top(cross_entropy{.class_weights = four_weights});
    check_weighted<labels>("selection/top_k_weights", "labels", many);
    check<labels_64>("selection/top_k_valid", "labels_small",
                     multiclass(many, {.ignore_index = -100, .denominator = denominator::valid}));
    check<labels_64>("selection/top_k_all", "labels_small",
                     multiclass(many, {.ignore_index = -100, .denominator = denominator::all}));
    check<labels_64>("selection/top_k_sum", "labels_small",
                     multiclass(many, {.ignore_index = -100, .reduction = reduction::sum}));
    check_weighted<soft>("selection/top_k_labels_soft", "labels_soft", top(cross_entropy{}));
    check<labels>("selection/top_k_labels_chance", "labels_chance",
                  multiclass(top(cross_entropy{}), {.activation = activation::none}));
    check<labels>("selection/top_k_none_valid", "labels_none",
                  multiclass(top(cross_entropy{}), {.ignore_index = 255}));
}

TEST_CASE("golden ohem of masks", "[golden]") {
    check<mask>("selection/ohem_image", "image", hard(bce{}));
    check_weighted<soft>("selection/ohem_soft", "image_soft", hard(bce{.label_smoothing = 0.1}));
    check<mask>("selection/ohem_ignore", "image_ignore",
                binary(hard(bce{.pos_weight = 2}), {.ignore_index = 255}));
    check<mask>("selection/ohem_all_ignored", "all_ignored", binary(hard(bce{}), {.ignore_index = 255}));
    check<mask>("selection/ohem_chance", "chance", binary(hard(bce{}), {.activation = activation::none}));
    check<labels>("selection/ohem_one_vs_rest", "labels_line",
                  one_vs_rest(hard(bce{}), {.ignore_index = 255}));
}

TEST_CASE("golden ohem of label maps", "[golden]") {
    check<labels>("selection/ohem_labels", "labels_image", hard(cross_entropy{}));
    check<labels>("selection/ohem_default", "labels_image", ohem(cross_entropy{}));
    check<labels_64>("selection/ohem_volume", "labels_volume",
                     multiclass(hard(cross_entropy{.label_smoothing = 0.1}), {.ignore_index = -1}));
    const auto many = hard(cross_entropy{.class_weights = four_weights});
    check_weighted<labels>("selection/ohem_weights", "labels", many);
    check<labels_64>("selection/ohem_valid", "labels_small",
                     multiclass(many, {.ignore_index = -100, .denominator = denominator::valid}));
    check<labels_64>("selection/ohem_all", "labels_small",
                     multiclass(many, {.ignore_index = -100, .denominator = denominator::all}));
    check<labels_64>("selection/ohem_sum", "labels_small",
                     multiclass(many, {.ignore_index = -100, .reduction = reduction::sum}));
    check_weighted<soft>("selection/ohem_labels_soft", "labels_soft", hard(cross_entropy{}));
    check<labels>("selection/ohem_labels_chance", "labels_chance",
                  multiclass(hard(cross_entropy{}), {.activation = activation::none}));
    check<labels>("selection/ohem_none_valid", "labels_none",
                  multiclass(hard(cross_entropy{}), {.ignore_index = 255}));
}

TEST_CASE("golden Dice + top_k, as nnU-Net", "[golden]") {
    const dice overlap{.smooth = 1e-5, .over = region::batch, .include_background = false};
    check<labels>("selection/dice_top_k", "labels_image", multiclass(overlap + top_k(cross_entropy{})));
    check<labels>("selection/dice_top_k_ignore", "labels_line",
                  multiclass(overlap + top_k(cross_entropy{}), {.ignore_index = 255}));
}
