// As pixels.cpp, the losses of a softmax over the classes.

#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("cross_entropy has its golden values", "[core]") {
    check<labels>("cross_entropy/image", "labels_image", cross_entropy{});
}

TEST_CASE("poly_cross_entropy has its golden values", "[core]") {
    check<labels>("poly_cross_entropy/labels", "labels", multiclass(poly_cross_entropy{}));
}

TEST_CASE("generalized_dice has its golden values", "[core]") {
    check<labels>("generalized_dice/square", "labels_image",
                  multiclass(generalized_dice{.weighting = volume_weighting::square}));
}

TEST_CASE("ohem has its golden values", "[core]") {
    check<labels>("selection/ohem_labels", "labels_image",
                  ohem(cross_entropy{}, {.threshold = 0.1, .min_kept = 5}));
}
