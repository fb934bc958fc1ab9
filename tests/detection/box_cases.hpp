#ifndef XLOSS_TESTS_DETECTION_BOX_CASES_HPP
#define XLOSS_TESTS_DETECTION_BOX_CASES_HPP

// Pairs of boxes in every position to each other, for the tests of box losses.

#include "support/catch.hpp"
#include "support/expressions.hpp"

#include <xloss/detection/box_iou.hpp>
#include <xloss/detection/ciou.hpp>
#include <xloss/detection/diou.hpp>
#include <xloss/detection/eiou.hpp>
#include <xloss/detection/giou.hpp>
#include <xloss/detection/siou.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace box_cases {

using four = std::array<double, 4>;

struct pair {
    const char* what;
    four predicted, target;
};

inline const std::vector<pair> pairs{
    {"overlapping", {0.0, 0.0, 2.0, 3.0}, {1.0, 1.0, 4.0, 2.5}},
    {"overlapping, from the other side", {1.25, -1.0, 4.0, 2.5}, {0.0, 0.0, 2.0, 3.0}},
    {"apart", {0.0, 0.0, 1.0, 2.0}, {3.0, 5.0, 7.0, 6.0}},
    {"apart along x alone", {0.0, 0.0, 1.0, 2.0}, {3.0, 1.0, 7.0, 6.0}},
    {"inside", {1.0, 1.0, 2.0, 3.0}, {0.0, 0.0, 5.0, 4.0}},
    {"around", {0.0, 0.0, 5.0, 4.0}, {1.0, 1.0, 2.0, 3.0}},
    {"identical", {1.0, 2.0, 4.0, 6.0}, {1.0, 2.0, 4.0, 6.0}},
    {"of one centre", {1.0, 2.0, 5.0, 4.0}, {2.0, 1.0, 4.0, 5.0}},
    {"touching along an edge", {0.0, 0.0, 2.0, 2.0}, {2.0, 0.5, 4.0, 3.0}},
    {"touching at a corner", {0.0, 0.0, 2.0, 2.0}, {2.0, 2.0, 3.0, 4.0}},
    {"with a common edge", {0.0, 0.0, 2.0, 2.0}, {0.0, 0.5, 3.0, 3.0}},
    {"with three common edges", {0.0, 0.0, 2.0, 2.0}, {0.0, 0.0, 3.0, 2.0}},
    {"without width", {1.0, 0.0, 1.0, 2.0}, {0.0, 0.0, 2.0, 2.0}},
    {"a point in a box", {1.0, 1.5, 1.0, 1.5}, {0.0, 0.0, 2.0, 2.0}},
    {"a box around a point", {0.0, 0.0, 2.0, 2.0}, {1.0, 0.5, 1.0, 0.5}},
    {"two points", {0.0, 0.0, 0.0, 0.0}, {1.0, 2.0, 1.0, 2.0}},
    {"two points at one place", {1.0, 2.0, 1.0, 2.0}, {1.0, 2.0, 1.0, 2.0}},
    {"inverted along x", {2.0, 0.0, 1.0, 3.0}, {0.5, 1.0, 4.0, 2.5}},
    {"inverted", {2.0, 3.0, 0.0, 1.0}, {1.0, 1.0, 4.0, 2.5}},
    {"around an inverted target", {0.0, 0.0, 2.0, 3.0}, {4.0, 2.5, 1.0, 1.0}},
    {"both inverted", {2.0, 3.0, 0.0, 1.0}, {4.0, 2.5, 1.0, 1.0}},
    {"inverted around a point", {2.0, 3.0, 0.0, 1.0}, {1.0, 2.0, 1.0, 2.0}},
    {"inverted, with a union of 0", {2.0, 0.0, 0.0, 1.0}, {0.0, 0.0, 2.0, 1.0}},
    {"inverted, with an enclosing area of 0", {2.0, 0.0, 1.0, 1.0}, {2.0, 0.0, 1.0, 2.0}},
    {"of the size of eps", {0.0, 0.0, 3e-4, 4e-4}, {1e-4, 1e-4, 4e-4, 5e-4}},
    {"tiny", {0.0, 0.0, 3e-9, 4e-9}, {1e-9, 1e-9, 4e-9, 5e-9}},
    {"a million pixels large", {-1e6, -2e6, 1e6, 2e6}, {-0.5e6, -1e6, 3e6, 1.5e6}},
    {"a million pixels away",
     {1e6, 1e6, 1e6 + 64.0, 1e6 + 32.0},
     {1e6 + 16.0, 1e6 + 8.0, 1e6 + 96.0, 1e6 + 32.0}},
};

/// The predicted boxes of all pairs, or their targets, as [N, 4].
template <class T>
xt::xtensor<T, 2> boxes_of(four pair::*which) {
    auto t = xt::xtensor<T, 2>::from_shape({pairs.size(), 4});
    for (std::size_t i = 0; i < pairs.size(); ++i)
        for (std::size_t c = 0; c < 4; ++c)
            t(i, c) = static_cast<T>((pairs[i].*which)[c]);
    return t;
}

/// Boxes without pattern in an image of side 100; about a third of the pairs are apart.
template <class T>
struct many_boxes {
    xt::xtensor<T, 2> predicted, target;

    explicit many_boxes(std::size_t n)
        : predicted(xt::xtensor<T, 2>::from_shape({n, 4})), target(xt::xtensor<T, 2>::from_shape({n, 4})) {
        made_up::sequence numbers(3);
        for (std::size_t i = 0; i < n; ++i)
            for (auto* boxes : {&predicted, &target})
                for (std::size_t axis = 0; axis < 2; ++axis) {
                    // Multiples of 1/8: the same in float and in double.
                    const double low = std::floor(numbers.uniform() * 480.0) / 8.0;
                    const double length = 1.0 + std::floor(numbers.uniform() * 320.0) / 8.0;
                    (*boxes)(i, axis) = static_cast<T>(low);
                    (*boxes)(i, axis + 2) = static_cast<T>(low + length);
                }
    }
};

/// Calls f(loss) with every box loss.
template <class F>
void each_loss(F&& f) {
    f(xloss::box_iou{});
    f(xloss::giou{});
    f(xloss::diou{});
    f(xloss::ciou{});
    f(xloss::eiou{});
    f(xloss::siou{});
}

inline bool close(double found, double expected, double tolerance = 1e-14) {
    return std::abs(found - expected) <= tolerance * std::max(1.0, std::abs(expected));
}

} // namespace box_cases

#endif
