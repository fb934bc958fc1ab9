#ifndef XLOSS_DETECTION_BOX_IOU_HPP
#define XLOSS_DETECTION_BOX_IOU_HPP

#include <xloss/config.hpp>
#include <xloss/criterion/box_call.hpp>
#include <xloss/detection/overlap_loss.hpp>
#include <xloss/engine/box.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/survey.hpp>

namespace xloss {

/// Box IoU loss: 1 - I/(U + eps), I and U the areas of intersection and union of a box and its target; mean
/// over boxes.
///
/// **Shapes.** Boxes and targets `[N, 4]`, x1 y1 x2 y2 in any unit; a loss for every row. `weighted` and
/// `masked` take one number for each box, [N] or [N, 1]; a box of weight 0 is absent. Adds up with other box
/// losses and with `l1`, `mse` and `smooth_l1` of the same coordinates. No mode.
///
/// **Parameters.** `eps` (1e-7). `reduction`: the mean over boxes, sum m l / sum m, or their sum.
///
/// **Gradient.** Where coordinates tie, minimum and maximum pass half to each. Boxes that touch do not
/// intersect. Finite for all finite boxes; a coordinate beyond 2^30 (2^300 in double) counts as that. Boxes
/// that are apart have gradient 0.
///
/// **Empty.** A box without area has IoU 0 with every other. Inverted boxes (x2 < x1) are what the formula
/// makes of them: IoU 0. No box, or none that counts: 0.
///
/// **Source.** Yu et al. 2016, arXiv 1608.01471 (UnitBox), with 1 - IoU for its -log IoU.
///
/// **Elsewhere.** For masks see `iou`.
/// @throws parameter_error for an eps outside [1e-12, 1].
struct box_iou {
    static constexpr const char* name = "box_iou";
    static constexpr unsigned modes = modes::boxes;

    double eps = 1e-7;                                   ///< added to denominators
    xloss::reduction reduction = xloss::reduction::mean; ///< mean or sum over boxes

    struct term {
        double eps = 1e-7;

        template <class V>
        XLOSS_INLINE box_point<V> at_box(const box_pair<V>& b) const {
            return engine::overlap_loss<V>(b, eps).result();
        }
    };

    template <class Run>
    auto bind(const survey&, Run&& run) const {
        engine::check_eps(name, eps);
        return run(term{eps});
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& boxes, const Y& target) const {
        return value(*this, boxes, target);
    }
};

} // namespace xloss

#endif
