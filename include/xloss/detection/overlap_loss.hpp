#ifndef XLOSS_DETECTION_OVERLAP_LOSS_HPP
#define XLOSS_DETECTION_OVERLAP_LOSS_HPP

#include <xloss/config.hpp>
#include <xloss/engine/box.hpp>
#include <xloss/engine/per_class.hpp>

/// \file
/// What the losses of box overlap share: a loss is 1 - IoU and penalties; slopes are collected by lengths
/// along each axis and become those by coordinates at the end.

namespace xloss::engine {

/// Predicted and target interval along one axis.
template <class V>
struct box_side {
    V own, target;       // their lengths, below 0 where inverted
    V inter;             // of the intersection, below 0 where they are apart
    V enclosing;         // of the smallest interval around both
    V offset;            // of the centres
    V low_less, up_less; // how much of its minimum with the target's the lower and the upper end are: a half
                         // each where they tie
};

/// How much of min(a, b) a is.
template <class V>
XLOSS_INLINE V share_of_lesser(const V& a, const V& b) {
    return select(a < b, V(1.0), select(a == b, V(0.5)));
}

template <class V>
XLOSS_INLINE box_side<V> side_of(const V& low, const V& up, const V& target_low, const V& target_up) {
    // Differences first: halves of coordinates far from 0 would lose what their offset is made of.
    return {up - low,
            target_up - target_low,
            min(up, target_up) - max(low, target_low),
            max(up, target_up) - min(low, target_low),
            0.5 * ((low - target_low) + (up - target_up)),
            share_of_lesser(low, target_low),
            share_of_lesser(up, target_up)};
}

/// Slopes by the lengths along one axis.
template <class V>
struct side_slopes {
    V own{0.0}, inter{0.0}, enclosing{0.0}, offset{0.0};

    [[nodiscard]] XLOSS_INLINE V low(const box_side<V>& s) const {
        return 0.5 * offset - own - (1.0 - s.low_less) * inter - s.low_less * enclosing;
    }
    [[nodiscard]] XLOSS_INLINE V up(const box_side<V>& s) const {
        return 0.5 * offset + own + s.up_less * inter + (1.0 - s.up_less) * enclosing;
    }
};

/// A denominator that formulas with inverted boxes bring next to 0 is `eps`. That of proper boxes is never
/// less.
template <class V>
XLOSS_INLINE V away_from_zero(const V& v, double eps) {
    return select(abs(v) < V(eps), V(eps), v);
}

/// 1 - IoU, to which penalties are added.
template <class V>
struct overlap_loss {
    box_side<V> x, y;
    V eps;
    V inter, joint; // areas of intersection and union
    V below;        // of the IoU: joint + eps
    V iou;
    V value;
    V by_iou{-1.0};  // slope by the IoU
    V by_joint{0.0}; // slope by the union, beside that of the IoU
    side_slopes<V> by_x, by_y;

    XLOSS_INLINE overlap_loss(const box_pair<V>& b, double epsilon)
        : x(side_of(b.predicted.x1, b.predicted.x2, b.target.x1, b.target.x2)),
          y(side_of(b.predicted.y1, b.predicted.y2, b.target.y1, b.target.y2)), eps(epsilon) {
        // Both or none: boxes that touch do not intersect.
        x.inter = select(x.inter > V(0.0), select(y.inter > V(0.0), x.inter));
        y.inter = select(x.inter > V(0.0), y.inter);
        inter = x.inter * y.inter;
        joint = x.own * y.own + x.target * y.target - inter;
        below = away_from_zero(joint + eps, epsilon);
        iou = inter / below;
        value = 1.0 - iou;
    }

    /// The squared distance of the centres over the squared diagonal of the enclosing box.
    XLOSS_INLINE void add_distance_of_centres() {
        const V diagonal = x.enclosing * x.enclosing + y.enclosing * y.enclosing + eps;
        const V part = (x.offset * x.offset + y.offset * y.offset) / diagonal;
        value = value + part;
        add_distance_along(x, by_x, part, diagonal);
        add_distance_along(y, by_y, part, diagonal);
    }

    /// Value and slopes by the coordinates.
    [[nodiscard]] XLOSS_INLINE box_point<V> result() {
        // d iou = (d inter - iou d joint)/below, d joint = d(w h) - d inter.
        const V of_joint = by_joint - by_iou * iou / below;
        const V of_inter = by_iou / below - of_joint;
        add_areas(y, by_x, of_joint, of_inter);
        add_areas(x, by_y, of_joint, of_inter);
        return {value, {by_x.low(x), by_y.low(y), by_x.up(x), by_y.up(y)}};
    }

private:
    static XLOSS_INLINE void add_distance_along(const box_side<V>& s, side_slopes<V>& by, const V& part,
                                                const V& diagonal) {
        by.offset = by.offset + 2.0 * s.offset / diagonal;
        by.enclosing = by.enclosing - part * (2.0 * s.enclosing / diagonal);
    }

    /// Areas by the lengths along an axis are the lengths along the other one.
    static XLOSS_INLINE void add_areas(const box_side<V>& other, side_slopes<V>& by, const V& of_joint,
                                       const V& of_inter) {
        by.own = by.own + of_joint * other.own;
        by.inter = by.inter + of_inter * other.inter; // 0 where the boxes do not meet
    }
};

/// The least eps: with one of 0 boxes without an area would be 0/0.
inline constexpr double least_eps = 1e-12;

inline void check_eps(const char* loss, double eps) {
    check_number(loss, "eps", eps, least_eps, 1.0);
}

} // namespace xloss::engine

#endif
