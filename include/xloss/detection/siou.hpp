#ifndef XLOSS_DETECTION_SIOU_HPP
#define XLOSS_DETECTION_SIOU_HPP

#include <xloss/config.hpp>
#include <xloss/criterion/box_call.hpp>
#include <xloss/detection/overlap_loss.hpp>
#include <xloss/engine/box.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/residual.hpp>
#include <xloss/engine/survey.hpp>
#include <xloss/simd/math.hpp>

namespace xloss {

/// SCYLLA IoU loss: 1 - IoU + (D + O)/2. D = sum over both axes of 1 - exp(-(2 - A) d^2/(E^2 + eps)), d the
/// distance of the centres along the axis, E the side of the smallest box around both; A = sin(2 angle of the
/// line through the centres) = 2 abs(d_x d_y)/(d_x^2 + d_y^2 + eps). O = sum over the sides w of (1 -
/// exp(-abs(w - w_t)/(max(w, w_t) + eps)))^4. Mean over boxes.
///
/// **Shapes.** Boxes and targets `[N, 4]`, x1 y1 x2 y2 in any unit; a loss for every row. `weighted` and
/// `masked` take one number for each box, [N] or [N, 1]; a box of weight 0 is absent. Adds up with other box
/// losses and with `l1`, `mse` and `smooth_l1` of the same coordinates. No mode.
///
/// **Parameters.** `eps` (1e-7). `reduction`: the mean over boxes, sum m l / sum m, or their sum.
///
/// **Gradient.** Where coordinates tie, minimum and maximum pass half to each. Boxes that touch do not
/// intersect. Finite for all finite boxes; a coordinate beyond 2^30 (2^300 in double) counts as that. abs has
/// gradient 0 at 0.
///
/// **Empty.** A box without area has IoU 0 with every other. Inverted boxes (x2 < x1) are what the formula
/// makes of them: IoU 0; the larger side counts as 0 where it is below that. No box, or none that counts: 0.
///
/// **Source.** Gevorgyan 2022, arXiv 2205.12740, with theta = 4; A is its 1 - 2 sin^2(arcsin(d_y/d) - pi/4).
/// @throws parameter_error for an eps outside [1e-12, 1].
struct siou {
    static constexpr const char* name = "siou";
    static constexpr unsigned modes = modes::boxes;

    double eps = 1e-7;                                   ///< added to denominators
    xloss::reduction reduction = xloss::reduction::mean; ///< mean or sum over boxes

    struct term {
        double eps = 1e-7;

        template <class V>
        XLOSS_INLINE box_point<V> at_box(const box_pair<V>& b) const {
            engine::overlap_loss<V> loss(b, eps);
            const V dx = loss.x.offset, dy = loss.y.offset;
            const V square = dx * dx + dy * dy + eps;
            const V angle = 2.0 * abs(dx) * abs(dy) / square;
            const V by_angle = add_distance(loss.x, loss.by_x, loss.value, angle) +
                               add_distance(loss.y, loss.by_y, loss.value, angle);
            add_angle(dx, dy, by_angle, angle, square, loss.by_x);
            add_angle(dy, dx, by_angle, angle, square, loss.by_y);
            loss.value = loss.value + shape_cost(loss.x, loss.by_x) + shape_cost(loss.y, loss.by_y);
            return loss.result();
        }

    private:
        /// Adds the half of 1 - exp(-(2 - A) ratio); returns its slope by A.
        template <class V>
        XLOSS_INLINE V add_distance(const engine::box_side<V>& s, engine::side_slopes<V>& by, V& value,
                                    const V& angle) const {
            const V below = s.enclosing * s.enclosing + eps, ratio = s.offset * s.offset / below;
            const V kept = exp(-(2.0 - angle) * ratio);
            const V by_ratio = 0.5 * kept * (2.0 - angle);
            value = value + 0.5 * (1.0 - kept);
            by.offset = by.offset + by_ratio * (2.0 * s.offset / below);
            by.enclosing = by.enclosing - by_ratio * ratio * (2.0 * s.enclosing / below);
            return -0.5 * kept * ratio;
        }

        /// A = 2 abs(d) abs(other)/square, by d.
        template <class V>
        static XLOSS_INLINE void add_angle(const V& d, const V& other, const V& by_angle, const V& angle,
                                           const V& square, engine::side_slopes<V>& by) {
            by.offset = by.offset + by_angle * (2.0 * (engine::sign_of(d) * abs(other) - angle * d) / square);
        }

        /// The half of (1 - exp(-abs(w - w_t)/(max(w, w_t) + eps)))^4.
        template <class V>
        XLOSS_INLINE V shape_cost(const engine::box_side<V>& s, engine::side_slopes<V>& by) const {
            const V difference = s.own - s.target, larger = max(s.own, s.target);
            const V below = max(larger, V(0.0)) + eps, ratio = abs(difference) / below;
            const V kept = exp(-ratio), missing = 1.0 - kept, cubed = missing * missing * missing;
            const V own_is_larger = select(larger > V(0.0), select(s.own == larger, V(1.0)));
            by.own =
                by.own + 2.0 * cubed * kept * (engine::sign_of(difference) - ratio * own_is_larger) / below;
            return 0.5 * cubed * missing;
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
