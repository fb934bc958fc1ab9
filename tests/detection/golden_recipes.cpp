// fcos and mask_rcnn against torchvision's heads.

#include "detection/recipes.hpp"
#include "support/golden.hpp"

#include <xloss/detection/fcos.hpp>
#include <xloss/detection/mask_rcnn.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

namespace {

using recipes::as;

template <class T>
constexpr double close = std::is_same_v<T, float> ? 2e-6 : 1e-11;

/// A stored tensor of a case, with N axes.
template <class T, std::size_t N, class Stored = double>
xt::xtensor<T, N> tensor(const std::string& name, const std::string& part) {
    return golden::load_as<T, Stored>("detection/" + name + "." + part);
}

/// The values one after the other.
template <class T>
void compare_values(const std::string& name, std::initializer_list<T> found) {
    const auto expected = tensor<double, 1>(name, "values");
    REQUIRE(expected.size() == found.size());
    for (std::size_t i = 0; i < found.size(); ++i)
        CHECK(cases::error(static_cast<double>(found.begin()[i]), expected(i)) <= close<T>);
}

template <std::size_t N, class T>
void compare_gradient(const std::string& name, const std::string& part, const xt::xtensor<T, N>& found) {
    const auto expected = tensor<double, N>(name, part);
    INFO(part);
    CHECK(cases::largest_error(found, expected, cases::largest_entry(expected)) <= close<T>);
}

template <class T>
void compare_mask_rcnn(const std::string& name) {
    INFO(name);
    const auto scores = tensor<T, 2>(name, "scores"), boxes = tensor<T, 2>(name, "boxes"),
               true_boxes = tensor<T, 2>(name, "true_boxes");
    const auto masks = tensor<T, 4>(name, "masks");
    const auto labels = tensor<std::int64_t, 1, std::int64_t>(name, "labels");
    const auto true_masks = tensor<std::uint8_t, 3, std::uint8_t>(name, "true_masks");
    const auto r = xloss::value_and_grad(xloss::mask_rcnn{}, xloss::mask_rcnn_output{scores, boxes, masks},
                                         xloss::mask_rcnn_target{labels, true_boxes, true_masks});
    compare_values<T>(name, {r.value, r.classification, r.box, r.mask});
    compare_gradient(name, "grad_scores", r.grads.scores);
    compare_gradient(name, "grad_boxes", r.grads.boxes);
    compare_gradient(name, "grad_masks", r.grads.masks);
}

template <class T>
void compare_fcos(const std::string& name) {
    INFO(name);
    const auto logits = tensor<T, 2>(name, "logits"), boxes = tensor<T, 2>(name, "boxes"),
               true_boxes = tensor<T, 2>(name, "true_boxes");
    const auto centerness = tensor<T, 1>(name, "centerness"),
               true_centerness = tensor<T, 1>(name, "true_centerness");
    const auto labels = tensor<std::int64_t, 1, std::int64_t>(name, "labels");
    const auto r = xloss::value_and_grad(xloss::fcos{}, xloss::fcos_output{logits, boxes, centerness},
                                         xloss::fcos_target{labels, true_boxes, true_centerness});
    compare_values<T>(name, {r.value, r.focal, r.box, r.centerness});
    compare_gradient(name, "grad_logits", r.grads.logits);
    compare_gradient(name, "grad_boxes", r.grads.boxes);
    compare_gradient(name, "grad_centerness", r.grads.centerness);
}

} // namespace

TEMPLATE_TEST_CASE("golden mask_rcnn", "[detection][golden]", float, double) {
    compare_mask_rcnn<TestType>("mask_rcnn");
    compare_mask_rcnn<TestType>("mask_rcnn_background");
}

TEMPLATE_TEST_CASE("golden fcos", "[detection][golden]", float, double) {
    compare_fcos<TestType>("fcos");
    compare_fcos<TestType>("fcos_background");
}
