#ifndef XLOSS_DETECTION_CENTERNESS_HPP
#define XLOSS_DETECTION_CENTERNESS_HPP

#include <xloss/engine/box_map.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/xtensor.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace xloss {

/// Target of the centerness of a location in its box, in [0, 1]: sqrt(min(l, r)/max(l, r) min(t, b)/max(t,
/// b)), l t r b the distances to the left, upper, right and lower edge. Its loss is `bce`.
///
/// **Shapes.** `[N, 4]` in the order l t r b; the result is `[N]`, of double for double, else of float.
///
/// **Empty.** A location on an edge, or outside of the box (a distance below 0), has centerness 0.
///
/// **Source.** Tian et al. 2019, arXiv 1904.01355 (FCOS).
/// @throws shape_error for what is not `[N, 4]`.
template <class E>
auto centerness_target(const E& distances) {
    using T = engine::box_number<E>;
    auto result = xt::xtensor<T, 1>::from_shape({tensor::shape_of(distances)[0]});
    const auto ratio = [](T a, T b) {
        const T lesser = std::min(a, b), larger = std::max(a, b);
        return lesser <= T(0) ? T(0) : std::sqrt(lesser / larger); // the product of both might underflow
    };
    engine::each_row_of_four("centerness_target", distances, [&](std::size_t i, const std::array<T, 4>& d) {
        result(i) = ratio(d[0], d[2]) * ratio(d[1], d[3]);
    });
    return result;
}

} // namespace xloss

#endif
