// As pixels.cpp, the losses that look at the neighbours of a pixel.

#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("boundary has its golden values", "[core]") {
    check<mask>("boundary/shape", "shape", binary(boundary{}));
}

TEST_CASE("hausdorff_dt has its golden values", "[core]") {
    check<mask>("hausdorff_dt/alpha_1_5", "shape", binary(hausdorff_dt{.alpha = 1.5, .over = region::batch}));
}

TEST_CASE("sobel_boundary has its golden values", "[core]") {
    check<mask>("sobel_boundary/ignore", "shape_ignore", binary(sobel_boundary{}, {.ignore_index = 255}));
}

TEST_CASE("cl_dice has its golden values", "[core]") {
    check<mask>("cl_dice/shape", "shape", binary(cl_dice{}));
}
