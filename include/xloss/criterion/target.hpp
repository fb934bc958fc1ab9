#ifndef XLOSS_CRITERION_TARGET_HPP
#define XLOSS_CRITERION_TARGET_HPP

#include <type_traits>
#include <utility>

#include <xloss/engine/target.hpp>
#include <xloss/tensor/shape.hpp>

namespace xloss {

namespace engine {

/// Lvalues are referred to, temporaries kept.
template <class E>
using held = std::conditional_t<std::is_lvalue_reference_v<E>, const std::remove_reference_t<E>&,
                                std::remove_cvref_t<E>>;

} // namespace engine

/// A target with a weight for every pixel; made by `weighted`.
template <class Target, class Weights>
struct weighted_target {
    Target target;   ///< labels, masks or soft targets; perhaps weighted or masked itself
    Weights weights; ///< of every pixel
};

/// A target of which only some pixels are valid; made by `masked`.
template <class Target, class Valid>
struct masked_target {
    Target target; ///< labels, masks or soft targets; perhaps weighted or masked itself
    Valid valid;   ///< 0 where a pixel does not count
};

/// Targets y in which every pixel counts by its weight, in every loss: w has the shape of the target, or one
/// channel ([B, 1, ...] or [B, ...]) that counts for all. Weights are finite and not negative; a pixel of
/// weight 0 is absent. Nests with `masked`. Lvalues are referred to and must outlive the call.
template <class Y, class W>
auto weighted(Y&& y, W&& w) {
    return weighted_target<engine::held<Y&&>, engine::held<W&&>>{std::forward<Y>(y), std::forward<W>(w)};
}

/// Targets y of which only the pixels with valid != 0 count, in every loss; shapes as in `weighted`.
template <class Y, class Valid>
auto masked(Y&& y, Valid&& valid) {
    return masked_target<engine::held<Y&&>, engine::held<Valid&&>>{std::forward<Y>(y),
                                                                   std::forward<Valid>(valid)};
}

/// A target with the distance of every pixel to a border; made by `with_distance`.
template <class Target, class Distances>
struct distance_target {
    Target target;       ///< labels, masks or soft targets; perhaps weighted or masked itself
    Distances distances; ///< of the logits' shape
};

/// Targets y with a distance map D, of the shape of the logits, for losses that look at one: `boundary`, and
/// losses of one's own that say `static constexpr bool sees_distance = true` and read `pixel::distance`. Made
/// once per data set by `signed_distance`, it saves the transform in every step. D may be anything where a
/// pixel is absent. Nests with `weighted` and `masked`. Lvalues are referred to and must outlive the call.
template <class Y, class D>
auto with_distance(Y&& y, D&& d) {
    return distance_target<engine::held<Y&&>, engine::held<D&&>>{std::forward<Y>(y), std::forward<D>(d)};
}

namespace engine {

template <class To, class Y>
void attach(To& to, const Y& y) {
    to.set(y);
}

template <class To, class Target, class Weights>
void attach(To& to, const weighted_target<Target, Weights>& y) {
    attach(to, y.target);
    to.add_weights(y.weights);
}

template <class To, class Target, class Valid>
void attach(To& to, const masked_target<Target, Valid>& y) {
    attach(to, y.target);
    to.add_validity(y.valid);
}

template <class To, class Target, class Distances>
void attach(To& to, const distance_target<Target, Distances>& y) {
    attach(to, y.target);
    to.set_distance(y.distances);
}

/// The shape of the target proper, whatever rides on it.
template <class Y>
tensor::shape target_shape(const Y& y) {
    if constexpr (requires { y.target; })
        return target_shape(y.target);
    else
        return tensor::shape_of(y);
}

} // namespace engine
} // namespace xloss

#endif
