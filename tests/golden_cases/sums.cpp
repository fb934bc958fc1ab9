#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

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
