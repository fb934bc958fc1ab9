// As pixels.cpp, the losses of errors in sorted order.

#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("lovasz_hinge has its golden values", "[core]") {
    check<mask>("lovasz_hinge/image", "image", binary(lovasz_hinge{}));
    check_weighted<mask>("lovasz_hinge/ties_weights", "ties", binary(lovasz_hinge{}));
}

TEST_CASE("lovasz_softmax has its golden values", "[core]") {
    check<labels>("lovasz_softmax/image", "labels_image", multiclass(lovasz_softmax{}));
}
