#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("golden lovasz_hinge", "[golden]") {
    check<mask>("lovasz_hinge/line", "line", binary(lovasz_hinge{}));
    check<mask>("lovasz_hinge/image", "image", binary(lovasz_hinge{}));
    check_upstream<mask>("lovasz_hinge/image", "image", binary(lovasz_hinge{}), 0.375);
    check<mask>("lovasz_hinge/volume", "volume", binary(lovasz_hinge{}));
    check<mask>("lovasz_hinge/flat", "flat", binary(lovasz_hinge{}));
    check<soft>("lovasz_hinge/image_soft", "image_soft", binary(lovasz_hinge{}));
    check<mask>("lovasz_hinge/some_empty", "some_empty", binary(lovasz_hinge{}));
    check<mask>("lovasz_hinge/full", "full", binary(lovasz_hinge{}));
    check<mask>("lovasz_hinge/extreme", "extreme", binary(lovasz_hinge{}));
    check<mask>("lovasz_hinge/ties", "ties", binary(lovasz_hinge{}));
    check<mask>("lovasz_hinge/batch", "image", binary(lovasz_hinge{.over = region::batch}));
    check_weighted<soft>("lovasz_hinge/soft_weights", "image_soft",
                         binary(lovasz_hinge{.over = region::batch}));
    check<mask>("lovasz_hinge/empty_zero", "some_empty", binary(lovasz_hinge{.empty = empty_region::zero}));
    check<mask>("lovasz_hinge/empty_skip", "some_empty", binary(lovasz_hinge{.empty = empty_region::skip}));
    check<mask>("lovasz_hinge/empty_everywhere", "empty", binary(lovasz_hinge{.empty = empty_region::skip}));
    check_weighted<mask>("lovasz_hinge/weights", "image", binary(lovasz_hinge{}));
    check_weighted<mask>("lovasz_hinge/ties_weights", "ties", binary(lovasz_hinge{}));
    check<mask>("lovasz_hinge/ignore", "image_ignore", binary(lovasz_hinge{}, {.ignore_index = 255}));
    check<mask>("lovasz_hinge/one_ignored", "one_ignored", binary(lovasz_hinge{}, {.ignore_index = 255}));
    check<mask>("lovasz_hinge/all_ignored", "all_ignored", binary(lovasz_hinge{}, {.ignore_index = 255}));
    check<mask>("lovasz_hinge/sum", "image_ignore",
                binary(lovasz_hinge{}, {.ignore_index = 255, .reduction = reduction::sum}));
}

TEST_CASE("golden lovasz_hinge in multilabel", "[golden]") {
    check_weighted<mask>("lovasz_hinge/multilabel", "multilabel",
                         multilabel(lovasz_hinge{.class_weights = three_weights}));
    check<mask>("lovasz_hinge/multilabel_skip", "multilabel",
                multilabel(lovasz_hinge{.empty = empty_region::skip, .class_weights = three_weights}));
    check<mask>("lovasz_hinge/multilabel_classes", "multilabel_ignore",
                multilabel(lovasz_hinge{.over = region::batch, .classes = {0, 2}}, {.ignore_index = 255}));
    check<labels>("lovasz_hinge/one_vs_rest", "labels_line",
                  one_vs_rest(lovasz_hinge{.include_background = false}, {.ignore_index = 255}));
}
