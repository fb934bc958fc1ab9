#include "support/golden.hpp"

#include <xloss/xloss.hpp>

#include <vector>

using namespace xloss;
using namespace golden;

TEST_CASE("golden generalized Wasserstein Dice", "[golden]") {
    const std::vector<std::vector<double>> tree{
        {0.0, 1.0, 2.0, 0.5}, {0.25, 0.0, 1.0, 3.0}, {1.0, 1.0, 0.0, 1.0}, {0.0, 0.5, 2.0, 0.0}};
    check<labels>(
        "wasserstein_dice/foreground", "labels",
        multiclass(wasserstein_dice{.distances = tree, .weighting = wasserstein_weighting::foreground}));
    check<labels>("wasserstein_dice/foreground_plain", "labels_image",
                  multiclass(wasserstein_dice{.weighting = wasserstein_weighting::foreground}));
    check_weighted<labels>(
        "wasserstein_dice/foreground_weights", "labels",
        multiclass(wasserstein_dice{.distances = tree, .weighting = wasserstein_weighting::foreground}));
    check<labels>("wasserstein_dice/foreground_batch", "labels",
                  multiclass(wasserstein_dice{.distances = tree,
                                              .weighting = wasserstein_weighting::foreground,
                                              .smooth = 1.0,
                                              .over = region::batch}));
    check<labels>(
        "wasserstein_dice/foreground_line", "labels_line",
        multiclass(wasserstein_dice{.weighting = wasserstein_weighting::foreground}, {.ignore_index = 255}));
    check<labels_64>(
        "wasserstein_dice/foreground_volume", "labels_volume",
        multiclass(wasserstein_dice{.weighting = wasserstein_weighting::foreground}, {.ignore_index = -1}));
    check<soft>(
        "wasserstein_dice/foreground_soft", "labels_soft",
        multiclass(wasserstein_dice{.distances = tree, .weighting = wasserstein_weighting::foreground}));
    check<labels>("wasserstein_dice/foreground_background", "labels_background",
                  multiclass(wasserstein_dice{.weighting = wasserstein_weighting::foreground}));
    check<labels>(
        "wasserstein_dice/foreground_half", "labels_half",
        multiclass(wasserstein_dice{.weighting = wasserstein_weighting::foreground}, {.ignore_index = 255}));
    check<labels>(
        "wasserstein_dice/foreground_none_valid", "labels_none",
        multiclass(wasserstein_dice{.weighting = wasserstein_weighting::foreground}, {.ignore_index = 255}));
    check<labels>("wasserstein_dice/foreground_extreme", "extreme_classes",
                  multiclass(wasserstein_dice{.weighting = wasserstein_weighting::foreground}));
    check<labels>("wasserstein_dice/foreground_chance", "labels_chance",
                  multiclass(wasserstein_dice{.weighting = wasserstein_weighting::foreground},
                             {.activation = activation::none}));
    check<labels>(
        "wasserstein_dice/volume", "labels",
        multiclass(wasserstein_dice{.distances = tree, .weighting = wasserstein_weighting::volume}));
    check<labels>("wasserstein_dice/volume_plain", "labels_image",
                  multiclass(wasserstein_dice{.weighting = wasserstein_weighting::volume}));
    check_weighted<labels>(
        "wasserstein_dice/volume_weights", "labels",
        multiclass(wasserstein_dice{.distances = tree, .weighting = wasserstein_weighting::volume}));
    check<labels>("wasserstein_dice/volume_batch", "labels",
                  multiclass(wasserstein_dice{.distances = tree,
                                              .weighting = wasserstein_weighting::volume,
                                              .smooth = 1.0,
                                              .over = region::batch}));
    check<labels>(
        "wasserstein_dice/volume_line", "labels_line",
        multiclass(wasserstein_dice{.weighting = wasserstein_weighting::volume}, {.ignore_index = 255}));
    check<labels_64>(
        "wasserstein_dice/volume_volume", "labels_volume",
        multiclass(wasserstein_dice{.weighting = wasserstein_weighting::volume}, {.ignore_index = -1}));
    check<soft>("wasserstein_dice/volume_soft", "labels_soft",
                multiclass(wasserstein_dice{.distances = tree, .weighting = wasserstein_weighting::volume}));
    check<labels>("wasserstein_dice/volume_background", "labels_background",
                  multiclass(wasserstein_dice{.weighting = wasserstein_weighting::volume}));
    check<labels>(
        "wasserstein_dice/volume_half", "labels_half",
        multiclass(wasserstein_dice{.weighting = wasserstein_weighting::volume}, {.ignore_index = 255}));
    check<labels>(
        "wasserstein_dice/volume_none_valid", "labels_none",
        multiclass(wasserstein_dice{.weighting = wasserstein_weighting::volume}, {.ignore_index = 255}));
    check<labels>("wasserstein_dice/volume_extreme", "extreme_classes",
                  multiclass(wasserstein_dice{.weighting = wasserstein_weighting::volume}));
    check<labels>("wasserstein_dice/volume_chance", "labels_chance",
                  multiclass(wasserstein_dice{.weighting = wasserstein_weighting::volume},
                             {.activation = activation::none}));
    check<labels>("wasserstein_dice/ce", "labels",
                  multiclass(cross_entropy{} + 2.0 * wasserstein_dice{.distances = tree}));
}
