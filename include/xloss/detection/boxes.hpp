#ifndef XLOSS_DETECTION_BOXES_HPP
#define XLOSS_DETECTION_BOXES_HPP

#include <xloss/engine/box_map.hpp>

#include <type_traits>

/// \file
/// Boxes `[N, 4]` in other parametrizations than the x1 y1 x2 y2 of the losses, and their gradients:
///
///     const auto boxes = xloss::cxcywh_to_xyxy(predicted);
///     const auto r = xloss::value_and_grad(xloss::giou{}, boxes, target);
///     const auto grad = xloss::cxcywh_to_xyxy_backward(r.grad); // by `predicted`
///
/// Any tensor or expression in, a container out: of double for double, else of float. They throw shape_error
/// for what is not `[N, 4]`.

namespace xloss {

/// Boxes by centre, width and height as boxes by corners: (cx - w/2, cy - h/2, cx + w/2, cy + h/2).
template <class E>
auto cxcywh_to_xyxy(const E& boxes) {
    return engine::map_rows_of_four("cxcywh_to_xyxy", boxes, [](const auto& b) {
        return std::remove_cvref_t<decltype(b)>{b[0] - b[2] / 2, b[1] - b[3] / 2, b[0] + b[2] / 2,
                                                b[1] + b[3] / 2};
    });
}

/// The pull-back of `cxcywh_to_xyxy`: the gradient by centre, width and height from that by corners.
template <class E>
auto cxcywh_to_xyxy_backward(const E& grad) {
    return engine::map_rows_of_four("cxcywh_to_xyxy_backward", grad, [](const auto& g) {
        return std::remove_cvref_t<decltype(g)>{g[0] + g[2], g[1] + g[3], (g[2] - g[0]) / 2,
                                                (g[3] - g[1]) / 2};
    });
}

/// Boxes by corners as boxes by centre, width and height.
template <class E>
auto xyxy_to_cxcywh(const E& boxes) {
    return engine::map_rows_of_four("xyxy_to_cxcywh", boxes, [](const auto& b) {
        return std::remove_cvref_t<decltype(b)>{b[0] + (b[2] - b[0]) / 2, b[1] + (b[3] - b[1]) / 2,
                                                b[2] - b[0], b[3] - b[1]};
    });
}

/// The pull-back of `xyxy_to_cxcywh`: the gradient by corners from that by centre, width and height.
template <class E>
auto xyxy_to_cxcywh_backward(const E& grad) {
    return engine::map_rows_of_four("xyxy_to_cxcywh_backward", grad, [](const auto& g) {
        return std::remove_cvref_t<decltype(g)>{g[0] / 2 - g[2], g[1] / 2 - g[3], g[0] / 2 + g[2],
                                                g[1] / 2 + g[3]};
    });
}

/// Boxes by their upper left corner, width and height (COCO) as boxes by corners.
template <class E>
auto xywh_to_xyxy(const E& boxes) {
    return engine::map_rows_of_four("xywh_to_xyxy", boxes, [](const auto& b) {
        return std::remove_cvref_t<decltype(b)>{b[0], b[1], b[0] + b[2], b[1] + b[3]};
    });
}

/// The pull-back of `xywh_to_xyxy`: the gradient by corner, width and height from that by corners.
template <class E>
auto xywh_to_xyxy_backward(const E& grad) {
    return engine::map_rows_of_four("xywh_to_xyxy_backward", grad, [](const auto& g) {
        return std::remove_cvref_t<decltype(g)>{g[0] + g[2], g[1] + g[3], g[2], g[3]};
    });
}

/// Boxes by corners as boxes by their upper left corner, width and height (COCO).
template <class E>
auto xyxy_to_xywh(const E& boxes) {
    return engine::map_rows_of_four("xyxy_to_xywh", boxes, [](const auto& b) {
        return std::remove_cvref_t<decltype(b)>{b[0], b[1], b[2] - b[0], b[3] - b[1]};
    });
}

/// The pull-back of `xyxy_to_xywh`: the gradient by corners from that by corner, width and height.
template <class E>
auto xyxy_to_xywh_backward(const E& grad) {
    return engine::map_rows_of_four("xyxy_to_xywh_backward", grad, [](const auto& g) {
        return std::remove_cvref_t<decltype(g)>{g[0] - g[2], g[1] - g[3], g[2], g[3]};
    });
}

} // namespace xloss

#endif
