// One test per loss, cheap enough for every compiler and every width of vectors: value and gradient, in float
// and double, of one golden case; tests/golden_cases has the others. Here the losses of a pixel, and a sum.

#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("bce has its golden values", "[core]") {
    check<mask>("bce/image", "image", bce{});
}

TEST_CASE("weighted_bce has its golden values", "[core]") {
    check<mask>("weighted_bce/line", "line", weighted_bce{});
}

TEST_CASE("focal has its golden values", "[core]") {
    check<mask>("focal/gamma_1_5", "image", focal{.gamma = 1.5});
}

TEST_CASE("mse, l1 and smooth_l1 have their golden values", "[core]") {
    check<soft>("mse/image_soft", "image_soft", mse{});
    check<soft>("l1/image_soft", "image_soft", l1{});
    check<soft>("smooth_l1/beta_0_11", "image_soft", smooth_l1{.beta = 0.11});
}

TEST_CASE("a sum of losses has its golden values", "[core]") {
    check<mask>("sums/sam_image", "image", 20.0 * focal{} + dice{});
}

TEST_CASE("top_k has its golden values", "[core]") {
    check<mask>("selection/top_k_image", "image", top_k(bce{}, 0.3));
}
