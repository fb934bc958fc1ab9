#ifndef XLOSS_DETECTION_CIOU_HPP
#define XLOSS_DETECTION_CIOU_HPP

#include <xloss/config.hpp>
#include <xloss/criterion/box_call.hpp>
#include <xloss/detection/overlap_loss.hpp>
#include <xloss/engine/box.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/survey.hpp>
#include <xloss/simd/angle.hpp>

namespace xloss {

/// Complete IoU loss: `diou` + a v, v = (2/pi (angle of the target - angle of the box))^2 with the angle
/// atan2(width, height), a = v/(1 - IoU + v + eps); mean over boxes.
///
/// **Shapes.** Boxes and targets `[N, 4]`, x1 y1 x2 y2 in any unit; a loss for every row. `weighted` and
/// `masked` take one number for each box, [N] or [N, 1]; a box of weight 0 is absent. Adds up with other box
/// losses and with `l1`, `mse` and `smooth_l1` of the same coordinates. No mode.
///
/// **Parameters.** `follow_alpha`: whether the gradient follows the trade-off a as well; if not (default), it
/// is a constant there, as its authors have it, and differences of the value are not the gradient. `eps`
/// (1e-7). `reduction`: the mean over boxes, sum m l / sum m, or their sum.
///
/// **Gradient.** Where coordinates tie, minimum and maximum pass half to each. Boxes that touch do not
/// intersect. Finite for all finite boxes; a coordinate beyond 2^30 (2^300 in double) counts as that. The
/// angle of a box without width and height is 0, with gradient 0.
///
/// **Empty.** A box without area has IoU 0 with every other. Inverted boxes (x2 < x1) are what the formula
/// makes of them: IoU 0. No box, or none that counts: 0.
///
/// **Source.** Zheng et al. 2020, arXiv 1911.08287.
///
/// **Elsewhere.** torchvision's `complete_box_iou_loss`, which divides width by height and gives NaN at 0/0.
/// @throws parameter_error for an eps outside [1e-12, 1].
struct ciou {
    static constexpr const char* name = "ciou";
    static constexpr unsigned modes = modes::boxes;

    bool follow_alpha = false;                           ///< whether a has a gradient
    double eps = 1e-7;                                   ///< added to denominators
    xloss::reduction reduction = xloss::reduction::mean; ///< mean or sum over boxes

    struct term {
        bool follow_alpha = false;
        double eps = 1e-7;

        template <class V>
        XLOSS_INLINE box_point<V> at_box(const box_pair<V>& b) const {
            constexpr double squared_two_over_pi = 0.40528473456935108578;
            engine::overlap_loss<V> loss(b, eps);
            const V w = loss.x.own, h = loss.y.own;
            const V angle = atan2(loss.x.target, loss.y.target) - atan2(w, h);
            const V v = squared_two_over_pi * angle * angle;
            const V apart = 1.0 - loss.iou; // rounding may bring it below 0
            const V alpha = v / (max(apart, V(0.0)) + v + eps);
            loss.add_distance_of_centres();
            loss.value = loss.value + alpha * v;
            // d(a v) = a (2 - a) dv + a^2 d IoU where a is followed.
            const V by_v = follow_alpha ? alpha * (2.0 - alpha) : alpha;
            if (follow_alpha)
                loss.by_iou = loss.by_iou + alpha * alpha;
            const V square = w * w + h * h;
            const V by_turn =
                2.0 * squared_two_over_pi * by_v * angle / select(square == V(0.0), V(1.0), square);
            loss.by_x.own = -by_turn * h;
            loss.by_y.own = by_turn * w;
            return loss.result();
        }
    };

    template <class Run>
    auto bind(const survey&, Run&& run) const {
        engine::check_eps(name, eps);
        return run(term{follow_alpha, eps});
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& boxes, const Y& target) const {
        return value(*this, boxes, target);
    }
};

} // namespace xloss

#endif
