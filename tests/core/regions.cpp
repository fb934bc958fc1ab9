// As pixels.cpp, the losses of a region.

#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("dice has its golden values", "[core]") {
    check<mask>("dice/image", "image", dice{});
}

TEST_CASE("iou has its golden values", "[core]") {
    check<mask>("iou/own", "image", iou{.smooth = 0.5});
}

TEST_CASE("tversky has its golden values", "[core]") {
    check<mask>("tversky/own", "image", tversky{.alpha = 0.3, .beta = 0.7, .gamma = 0.75});
}

TEST_CASE("mcc has its golden values", "[core]") {
    check<mask>("mcc/own", "image", mcc{.eps = 0.25});
}

TEST_CASE("unified_focal has its golden values", "[core]") {
    check<mask>("unified_focal/image", "image", unified_focal{});
}
