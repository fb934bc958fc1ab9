#include "support/golden.hpp"

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

TEST_CASE("golden lovasz_sigmoid", "[golden]") {
    check<mask>("lovasz_sigmoid/line", "line", binary(lovasz_sigmoid{}));
    check<mask>("lovasz_sigmoid/image", "image", binary(lovasz_sigmoid{}));
    check_upstream<mask>("lovasz_sigmoid/image", "image", binary(lovasz_sigmoid{}), 0.375);
    check<mask>("lovasz_sigmoid/volume", "volume", binary(lovasz_sigmoid{}));
    check<soft>("lovasz_sigmoid/image_soft", "image_soft", binary(lovasz_sigmoid{}));
    check<mask>("lovasz_sigmoid/some_empty", "some_empty", binary(lovasz_sigmoid{}));
    check<mask>("lovasz_sigmoid/full", "full", binary(lovasz_sigmoid{}));
    check<mask>("lovasz_sigmoid/ties", "ties", binary(lovasz_sigmoid{}));
    check<mask>("lovasz_sigmoid/empty", "empty", binary(lovasz_sigmoid{}));
    check<mask>("lovasz_sigmoid/far", "far", binary(lovasz_sigmoid{.over = region::sample}));
    check<mask>("lovasz_sigmoid/sample_smooth", "some_empty",
                binary(lovasz_sigmoid{.over = region::sample, .empty = empty_region::smooth}));
    check<mask>("lovasz_sigmoid/sample_zero", "some_empty",
                binary(lovasz_sigmoid{.over = region::sample, .empty = empty_region::zero}));
    check<mask>("lovasz_sigmoid/sample_skip", "some_empty",
                binary(lovasz_sigmoid{.over = region::sample, .empty = empty_region::skip}));
    check_weighted<soft>("lovasz_sigmoid/soft_weights", "image_soft",
                         binary(lovasz_sigmoid{.over = region::sample}));
    check_weighted<mask>("lovasz_sigmoid/ties_weights", "ties",
                         binary(lovasz_sigmoid{.over = region::sample}));
    check<mask>("lovasz_sigmoid/ignore", "image_ignore", binary(lovasz_sigmoid{}, {.ignore_index = 255}));
    check<mask>("lovasz_sigmoid/all_ignored", "all_ignored",
                binary(lovasz_sigmoid{.empty = empty_region::smooth}, {.ignore_index = 255}));
    check<mask>(
        "lovasz_sigmoid/sum", "image_ignore",
        binary(lovasz_sigmoid{.over = region::sample}, {.ignore_index = 255, .reduction = reduction::sum}));
    check_weighted<mask>("lovasz_sigmoid/chance", "chance",
                         binary(lovasz_sigmoid{}, {.activation = activation::none}));
    check<mask>("lovasz_sigmoid/certain", "certain",
                binary(lovasz_sigmoid{}, {.activation = activation::none}));
}

TEST_CASE("golden lovasz_sigmoid in multilabel", "[golden]") {
    check_weighted<mask>("lovasz_sigmoid/multilabel", "multilabel",
                         multilabel(lovasz_sigmoid{.class_weights = three_weights}));
    check<mask>("lovasz_sigmoid/multilabel_all", "multilabel",
                multilabel(lovasz_sigmoid{.over = region::sample, .empty = empty_region::smooth}));
    check<labels>("lovasz_sigmoid/one_vs_rest", "labels_line",
                  one_vs_rest(lovasz_sigmoid{.classes = {1, 3}}, {.ignore_index = 255}));
}
