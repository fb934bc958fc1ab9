#ifndef XLOSS_ENGINE_BOX_HPP
#define XLOSS_ENGINE_BOX_HPP

#include <xloss/engine/program.hpp>

namespace xloss {

/// A box by two of its corners; or one number for each of these coordinates.
template <class V>
struct box {
    V x1{0.0}; ///< left
    V y1{0.0}; ///< top
    V x2{0.0}; ///< right
    V y2{0.0}; ///< bottom
};

/// What a box loss sees: a predicted box and its target. `V` is a number, as in `pixel`.
template <class V>
struct box_pair {
    box<V> predicted; ///< the slopes are by its coordinates
    box<V> target;    ///< what it should be
};

/// Value of a box loss for one box and its slopes.
template <class V>
struct box_point {
    V value;      ///< the loss, without the weight of the box
    box<V> slope; ///< by the predicted coordinates
};

namespace engine {

/// A term that gives the loss of a box.
template <class Term>
concept boxwise = requires(const Term& t, const box_pair<probe>& b) {
    t.at_box(b);
};

} // namespace engine
} // namespace xloss

#endif
