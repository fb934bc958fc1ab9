#ifndef XLOSS_DETECTION_EIOU_HPP
#define XLOSS_DETECTION_EIOU_HPP

#include <xloss/config.hpp>
#include <xloss/criterion/box_call.hpp>
#include <xloss/detection/overlap_loss.hpp>
#include <xloss/engine/box.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/survey.hpp>

namespace xloss {

/// Efficient IoU loss: `diou` + (w - w_t)^2/(W^2 + eps) + (h - h_t)^2/(H^2 + eps), w and h the sides of the
/// box, w_t and h_t of its target, W and H of the smallest box around both; mean over boxes.
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
/// **Source.** Zhang et al. 2021, arXiv 2101.08158, without its focal weight.
/// @throws parameter_error for an eps outside [1e-12, 1].
struct eiou {
    static constexpr const char* name = "eiou";
    static constexpr unsigned modes = modes::boxes;

    double eps = 1e-7;                                   ///< added to denominators
    xloss::reduction reduction = xloss::reduction::mean; ///< mean or sum over boxes

    struct term {
        double eps = 1e-7;

        template <class V>
        XLOSS_INLINE box_point<V> at_box(const box_pair<V>& b) const {
            engine::overlap_loss<V> loss(b, eps);
            loss.add_distance_of_centres();
            loss.value = loss.value + length_penalty(loss.x, loss.by_x) + length_penalty(loss.y, loss.by_y);
            return loss.result();
        }

    private:
        template <class V>
        XLOSS_INLINE V length_penalty(const engine::box_side<V>& s, engine::side_slopes<V>& by) const {
            const V difference = s.own - s.target, square = s.enclosing * s.enclosing + eps;
            const V penalty = difference * difference / square;
            by.own = by.own + 2.0 * difference / square;
            by.enclosing = by.enclosing - penalty * (2.0 * s.enclosing / square);
            return penalty;
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
