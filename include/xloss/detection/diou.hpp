#ifndef XLOSS_DETECTION_DIOU_HPP
#define XLOSS_DETECTION_DIOU_HPP

#include <xloss/config.hpp>
#include <xloss/criterion/box_call.hpp>
#include <xloss/detection/overlap_loss.hpp>
#include <xloss/engine/box.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/survey.hpp>

namespace xloss {

/// Distance IoU loss: 1 - IoU + d^2/(c^2 + eps), IoU = I/(U + eps), d the distance of the centres and c the
/// diagonal of the smallest box around both; mean over boxes.
///
/// **Shapes.** Boxes and targets `[N, 4]`, x1 y1 x2 y2 in any unit; a loss for every row. `weighted` and
/// `masked` take one number for each box, [N] or [N, 1]; a box of weight 0 is absent. Adds up with other box
/// losses and with `l1`, `mse` and `smooth_l1` of the same coordinates. No mode.
///
/// **Parameters.** `eps` (1e-7). `reduction`: the mean over boxes, sum m l / sum m, or their sum.
///
/// **Gradient.** Where coordinates tie, minimum and maximum pass half to each. Boxes that touch do not
/// intersect. Finite for all finite boxes; a coordinate beyond 2^30 (2^300 in double) counts as that.
///
/// **Empty.** A box without area has IoU 0 with every other. Inverted boxes (x2 < x1) are what the formula
/// makes of them: IoU 0. No box, or none that counts: 0.
///
/// **Source.** Zheng et al. 2020, arXiv 1911.08287.
///
/// **Elsewhere.** torchvision's `distance_box_iou_loss`.
/// @throws parameter_error for an eps outside [1e-12, 1].
struct diou {
    static constexpr const char* name = "diou";
    static constexpr unsigned modes = modes::boxes;

    double eps = 1e-7;                                   ///< added to denominators
    xloss::reduction reduction = xloss::reduction::mean; ///< mean or sum over boxes

    struct term {
        double eps = 1e-7;

        template <class V>
        XLOSS_INLINE box_point<V> at_box(const box_pair<V>& b) const {
            engine::overlap_loss<V> loss(b, eps);
            loss.add_distance_of_centres();
            return loss.result();
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
