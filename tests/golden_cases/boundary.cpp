#include "support/golden.hpp"

#include <string>

#include <xloss/xloss.hpp>

using namespace xloss;
using namespace golden;

namespace {

/// As `check`, with the distance map of the input.
template <class Y, class Loss>
void check_given(const std::string& name, const std::string& input, const Loss& loss) {
    const std::string from = "inputs/" + input;
    const auto y = load_target<Y, double>(from + ".y");
    compare(name, loss, load<double>(from + ".x"), with_distance(y, load<double>(from + ".d")));
    compare(name, loss, load_as<float, double>(from + ".x"),
            with_distance(y, load_as<float, double>(from + ".d")));
}

/// The same with the pixel weights of the input; the order of the two does not matter.
template <class Y, class Loss>
void check_given_weighted(const std::string& name, const std::string& input, const Loss& loss) {
    const std::string from = "inputs/" + input;
    const auto y = load_target<Y, double>(from + ".y");
    const auto w = load<double>(from + ".w");
    const auto d = load<double>(from + ".d");
    compare(name, loss, load<double>(from + ".x"), with_distance(weighted(y, w), d));
    compare(name, loss, load<double>(from + ".x"), weighted(with_distance(y, d), w));
    const auto w_single = load_as<float, double>(from + ".w");
    const auto d_single = load_as<float, double>(from + ".d");
    compare(name, loss, load_as<float, double>(from + ".x"), with_distance(weighted(y, w_single), d_single));
}

} // namespace

TEST_CASE("golden boundary", "[golden]") {
    check<mask>("boundary/shape", "shape", binary(boundary{}));
    check_upstream<mask>("boundary/shape", "shape", binary(boundary{}), 0.375);
    check<mask>("boundary/shape_line", "shape_line", binary(boundary{}));
    check<mask>("boundary/shape_volume", "shape_volume", binary(boundary{}));
    check<mask>("boundary/shape_empty", "shape_empty", binary(boundary{}));
    check<mask>("boundary/extreme", "extreme", binary(boundary{}));
    check<mask>("boundary/kervadec", "shape", binary(boundary{.convention = distance_convention::kervadec}));
    check<mask>("boundary/spacing", "shape_plane", binary(boundary{.spacing = {1.5, 0.75}}));
    check<mask>("boundary/kervadec_spacing", "shape_plane",
                binary(boundary{.convention = distance_convention::kervadec, .spacing = {2.0, 3.0}}));
    check_weighted<mask>("boundary/weights", "shape", binary(boundary{}));
    check<mask>("boundary/ignore", "shape_ignore", binary(boundary{}, {.ignore_index = 255}));
    check<mask>("boundary/all_ignored", "all_ignored", binary(boundary{}, {.ignore_index = 255}));
    check<mask>("boundary/sum", "shape_ignore",
                binary(boundary{.convention = distance_convention::kervadec},
                       {.ignore_index = 255, .reduction = reduction::sum}));
    check_weighted<soft>("boundary/soft", "image_soft", binary(boundary{}));
    check<mask>("boundary/chance", "shape_chance", binary(boundary{}, {.activation = activation::none}));
    check_given<mask>("boundary/given", "shape", binary(boundary{}));
    check_given_weighted<mask>("boundary/given_weights", "shape", binary(boundary{}));
}

TEST_CASE("golden boundary in multilabel", "[golden]") {
    check_weighted<mask>("boundary/multilabel", "shape_channels",
                         multilabel(boundary{.spacing = {1.0, 2.0}}));
    check<mask>("boundary/multilabel_ignore", "shape_channels_ignore",
                multilabel(boundary{.convention = distance_convention::kervadec, .classes = {0, 1}},
                           {.ignore_index = 255}));
    check<labels>("boundary/one_vs_rest", "shape_labels_ignore",
                  one_vs_rest(boundary{}, {.ignore_index = 255}));
    check<mask>("boundary/multilabel_class_weights", "shape_channels_ignore",
                multilabel(boundary{.class_weights = three_weights}, {.ignore_index = 255}));
}

TEST_CASE("golden boundary in multiclass", "[golden]") {
    check<labels>("boundary/multiclass", "shape_labels", multiclass(boundary{}));
    check_weighted<labels>("boundary/multiclass_foreground", "shape_labels",
                           multiclass(boundary{.convention = distance_convention::kervadec,
                                               .spacing = {0.5, 1.0},
                                               .include_background = false}));
    check<labels>("boundary/multiclass_ignore", "shape_labels_ignore",
                  multiclass(boundary{}, {.ignore_index = 255}));
    check<labels>("boundary/multiclass_volume", "shape_labels_volume",
                  multiclass(boundary{.spacing = {3.0, 1.0, 1.0}}));
    check_given<labels>("boundary/multiclass_given", "shape_labels", multiclass(boundary{.classes = {1, 2}}));
    check_weighted<labels>("boundary/multiclass_class_weights", "shape_labels",
                           multiclass(boundary{.classes = {0, 2}, .class_weights = three_weights}));
    check<labels>("boundary/multiclass_chance", "shape_labels_chance",
                  multiclass(boundary{}, {.activation = activation::none}));
}
