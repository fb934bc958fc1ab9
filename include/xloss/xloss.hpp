#ifndef XLOSS_XLOSS_HPP
#define XLOSS_XLOSS_HPP

/// \file
/// All of xloss.

#include <xloss/criterion/call.hpp>
#include <xloss/criterion/deep_supervision.hpp>
#include <xloss/criterion/measure.hpp>
#include <xloss/criterion/mode.hpp>
#include <xloss/criterion/selection.hpp>
#include <xloss/criterion/sum.hpp>
#include <xloss/criterion/target.hpp>
#include <xloss/detection/box_iou.hpp>
#include <xloss/detection/boxes.hpp>
#include <xloss/detection/centerness.hpp>
#include <xloss/detection/ciou.hpp>
#include <xloss/detection/diou.hpp>
#include <xloss/detection/eiou.hpp>
#include <xloss/detection/giou.hpp>
#include <xloss/detection/siou.hpp>
#include <xloss/distance/boundary_weights.hpp>
#include <xloss/distance/distance_transform.hpp>
#include <xloss/distance/soft_skeleton.hpp>
#include <xloss/losses/bce.hpp>
#include <xloss/losses/boundary.hpp>
#include <xloss/losses/cl_dice.hpp>
#include <xloss/losses/cross_entropy.hpp>
#include <xloss/losses/dice.hpp>
#include <xloss/losses/focal.hpp>
#include <xloss/losses/generalized_dice.hpp>
#include <xloss/losses/hausdorff_dt.hpp>
#include <xloss/losses/iou.hpp>
#include <xloss/losses/l1.hpp>
#include <xloss/losses/lovasz.hpp>
#include <xloss/losses/mcc.hpp>
#include <xloss/losses/mse.hpp>
#include <xloss/losses/poly_cross_entropy.hpp>
#include <xloss/losses/region_boundary.hpp>
#include <xloss/losses/smooth_l1.hpp>
#include <xloss/losses/sobel_boundary.hpp>
#include <xloss/losses/tversky.hpp>
#include <xloss/losses/unified_focal.hpp>
#include <xloss/losses/wasserstein_dice.hpp>
#include <xloss/training/class_weights.hpp>
#include <xloss/training/confusion_matrix.hpp>
#include <xloss/training/surface_quality.hpp>

#endif
