#ifndef XLOSS_BENCHMARKS_DETECTION_PROBLEM_HPP
#define XLOSS_BENCHMARKS_DETECTION_PROBLEM_HPP

// What the contenders of the detection rows are given. Plain types only, as in problem.hpp.

#include "problem.hpp"

#include <cstdint>

namespace bench {

/// The losses of detectors, each with its defaults.
enum class detection_formula { smooth_l1, giou, ciou, fcos, mask_rcnn };

/// The tensors of one call, float but where another type is named; null where a loss has none. All gradients
/// lie one after the other in `gradient`: of classes, boxes, centerness and masks.
struct detection_problem {
    detection_formula loss;
    std::int64_t rows = 0, classes = 0, side = 0; ///< boxes, locations or rois; masks are side x side
    std::int64_t positives = 0;                   ///< rows with an object
    const float* scores = nullptr;                ///< [rows, classes]
    const float* boxes = nullptr;                 ///< [rows, 4]; mask_rcnn: [rows, 4 classes]
    const float* centerness = nullptr;            ///< [rows]
    const float* masks = nullptr;                 ///< [rows, classes, side, side]
    const std::int64_t* labels = nullptr;         ///< [rows]; background is -1, of mask_rcnn 0
    const float* one_hot = nullptr;               ///< [rows, classes]
    const float* true_boxes = nullptr;            ///< [rows, 4]
    const float* true_centerness = nullptr;       ///< [rows]
    const float* true_masks = nullptr;            ///< [rows, side, side]
    float* gradient = nullptr;

    [[nodiscard]] bool has_classes() const {
        return loss == detection_formula::fcos || loss == detection_formula::mask_rcnn;
    }
    [[nodiscard]] std::int64_t score_elements() const { return has_classes() ? rows * classes : 0; }
    [[nodiscard]] std::int64_t box_elements() const {
        return loss == detection_formula::mask_rcnn ? rows * 4 * classes : rows * 4;
    }
    [[nodiscard]] std::int64_t centerness_elements() const {
        return loss == detection_formula::fcos ? rows : 0;
    }
    [[nodiscard]] std::int64_t mask_elements() const { return rows * classes * side * side; }

    /// What the network gives, and what has a gradient.
    [[nodiscard]] std::int64_t elements() const {
        return score_elements() + box_elements() + centerness_elements() + mask_elements();
    }
};

} // namespace bench

#endif
