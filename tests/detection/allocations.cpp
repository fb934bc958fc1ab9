// With a workspace, a call on boxes allocates nothing, nor does one of a whole detector.

#include "support/counting.hpp"

#include "detection/box_cases.hpp"

#include <xloss/detection/fcos.hpp>
#include <xloss/detection/mask_rcnn.hpp>
#include <xloss/losses/l1.hpp>

TEST_CASE("box losses: none with a workspace, and without one a number that does not depend on boxes") {
    using namespace box_cases;
    const many_boxes<float> b(9001), few(3);
    xt::xtensor<float, 1> w = xt::ones<float>({9001});
    auto grad = b.predicted, few_grads = few.predicted;
    const auto loss = 5.0 * xloss::l1{} + 2.0 * xloss::giou{};
    xloss::workspace memory;
    const auto call = [&](xloss::workspace* kept) {
        const counting::since begin;
        value_and_grad_into(grad, loss, b.predicted, xloss::weighted(b.target, w), {.workspace = kept});
        return begin.allocations();
    };
    CHECK(call(&memory) <= 1);
    CHECK(call(&memory) == 0);
    const std::size_t many = call(nullptr);
    const counting::since begin;
    value_and_grad_into(few_grads, loss, few.predicted, few.target);
    CHECK(begin.allocations() == many);
}

TEST_CASE("fcos and mask_rcnn: no allocation with a workspace") {
    using xloss::fcos, xloss::fcos_output, xloss::fcos_target;
    using xloss::mask_rcnn, xloss::mask_rcnn_output, xloss::mask_rcnn_target;
    constexpr std::size_t n = 300, classes = 5;
    const xt::xtensor<float, 2> scores = xt::zeros<float>({n, classes}),
                                boxes = xt::ones<float>({n, 4 * classes});
    const xt::xtensor<float, 2> corners = xt::ones<float>({n, std::size_t{4}});
    const xt::xtensor<float, 1> centerness = xt::zeros<float>({n});
    const xt::xtensor<float, 4> masks = xt::zeros<float>({n, classes, std::size_t{7}, std::size_t{7}});
    const xt::xtensor<bool, 3> true_masks = xt::ones<bool>({n, std::size_t{7}, std::size_t{7}});
    auto labels = xt::xtensor<int, 1>::from_shape({n});
    for (std::size_t i = 0; i < n; ++i)
        labels(i) = static_cast<int>(i % classes);
    auto g_scores = scores, g_boxes = boxes, g_corners = corners;
    auto g_centerness = centerness;
    auto g_masks = masks;
    xloss::workspace memory;
    const auto of_fcos = [&] {
        const counting::since begin;
        value_and_grad_into(fcos_output{g_scores, g_corners, g_centerness}, fcos{},
                            fcos_output{scores, corners, centerness},
                            fcos_target{labels, corners, centerness}, {.workspace = &memory});
        return begin.allocations();
    };
    const auto of_rois = [&] {
        const counting::since begin;
        value_and_grad_into(mask_rcnn_output{g_scores, g_boxes, g_masks}, mask_rcnn{},
                            mask_rcnn_output{scores, boxes, masks},
                            mask_rcnn_target{labels, corners, true_masks}, {.workspace = &memory});
        return begin.allocations();
    };
    CHECK(of_fcos() > 0);
    CHECK(of_fcos() == 0);
    of_rois();
    CHECK(of_rois() == 0);
}
