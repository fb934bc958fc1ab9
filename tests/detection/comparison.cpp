// What guides say of losses of boxes beside each other, and the reductions that AutoTimm's have.

#include "detection/box_cases.hpp"

#include <xloss/losses/bce.hpp>
#include <xloss/losses/l1.hpp>
#include <xloss/losses/mse.hpp>

#include <algorithm>
#include <cmath>

using box_cases::close;
using box_cases::four;
using xloss::reduction;

namespace {

using boxes = xt::xtensor<double, 2>;

boxes one(const four& box) {
    boxes all = boxes::from_shape({1, 4});
    std::copy(box.begin(), box.end(), all.begin());
    return all;
}

template <class Loss>
double largest_slope(const Loss& loss, const boxes& x, const boxes& y) {
    double largest = 0.0;
    for (double g : value_and_grad(loss, x, y).grad)
        largest = std::max(largest, std::abs(g));
    return largest;
}

/// 1 - IoU + (C - U)/C, eps where the document has it.
double giou_of(const boxes& x, const boxes& y, std::size_t i, double eps) {
    const double w = std::max(0.0, std::min(x(i, 2), y(i, 2)) - std::max(x(i, 0), y(i, 0)));
    const double h = std::max(0.0, std::min(x(i, 3), y(i, 3)) - std::max(x(i, 1), y(i, 1)));
    const double both = w * h;
    const double either =
        (x(i, 2) - x(i, 0)) * (x(i, 3) - x(i, 1)) + (y(i, 2) - y(i, 0)) * (y(i, 3) - y(i, 1)) - both;
    const double hull = (std::max(x(i, 2), y(i, 2)) - std::min(x(i, 0), y(i, 0))) *
                        (std::max(x(i, 3), y(i, 3)) - std::min(x(i, 1), y(i, 1)));
    return 1.0 - both / (either + eps) + (hull - either) / (hull + eps);
}

} // namespace

TEST_CASE("AutoTimm's GIoULoss: eps, and the reductions none, mean and sum") {
    const box_cases::many_boxes<double> b(9);
    for (const double eps : {1e-7, 1e-3}) {
        double sum = 0.0;
        const auto none = unreduced(xloss::giou{.eps = eps}, b.predicted, b.target);
        for (std::size_t i = 0; i < 9; ++i) {
            const double expected = giou_of(b.predicted, b.target, i, eps);
            CHECK(close(none(i), expected, 1e-13));
            sum += expected;
        }
        CHECK(close(value(xloss::giou{.eps = eps}, b.predicted, b.target), sum / 9.0, 1e-13));
        CHECK(close(value(xloss::giou{.eps = eps, .reduction = reduction::sum}, b.predicted, b.target), sum,
                    1e-13));
    }
}

TEST_CASE("AutoTimm's CenternessLoss: BCE on targets in [0, 1], and its reductions") {
    const xt::xtensor<double, 1> x{0.5, -2.0, 3.0, 0.0}, y{0.25, 0.0, 1.0, 0.625};
    double sum = 0.0;
    const auto none = unreduced(xloss::bce{}, x, y);
    for (std::size_t i = 0; i < 4; ++i) {
        const double p = 1.0 / (1.0 + std::exp(-x(i)));
        const double expected = -(y(i) * std::log(p) + (1.0 - y(i)) * std::log(1.0 - p));
        CHECK(close(none(i), expected, 1e-13));
        sum += expected;
    }
    CHECK(close(xloss::bce{}(x, y), sum / 4.0, 1e-13));
    CHECK(close(xloss::binary(xloss::bce{}, {.reduction = reduction::sum})(x, y), sum, 1e-13));
}

TEST_CASE("losses of boxes: which pull at a box that is apart") {
    const boxes x = one({0.0, 0.0, 1.0, 1.0}), y = one({5.0, 3.0, 7.0, 6.0});
    CHECK(largest_slope(xloss::box_iou{}, x, y) == 0.0);
    CHECK(largest_slope(xloss::giou{}, x, y) > 0.01);
    CHECK(largest_slope(xloss::diou{}, x, y) > 0.01);
    CHECK(largest_slope(xloss::ciou{}, x, y) > 0.01);
    CHECK(largest_slope(xloss::l1{}, x, y) == 0.25);
    CHECK(largest_slope(xloss::mse{}, x, y) == 0.25 * 2.0 * 6.0);
}

TEST_CASE("losses of boxes: which do not depend on their size") {
    const boxes x = one({1.0, 2.0, 4.0, 7.0}), y = one({2.0, 1.0, 6.0, 5.0});
    const boxes large_x = 64.0 * x, large_y = 64.0 * y;
    const auto ratio = [&](const auto& loss) { return value(loss, large_x, large_y) / value(loss, x, y); };
    CHECK(close(ratio(xloss::box_iou{}), 1.0, 1e-7));
    CHECK(close(ratio(xloss::giou{}), 1.0, 1e-7));
    CHECK(close(ratio(xloss::diou{}), 1.0, 1e-7));
    CHECK(close(ratio(xloss::ciou{}), 1.0, 1e-7));
    CHECK(ratio(xloss::l1{}) == 64.0);
    CHECK(ratio(xloss::mse{}) == 64.0 * 64.0);
}

TEST_CASE("losses of boxes: which see centres, and which the ratio of sides") {
    const boxes target = one({0.0, 0.0, 4.0, 4.0});
    // Of one area and inside: the same IoU and GIoU.
    const boxes middle = one({1.0, 1.0, 3.0, 3.0}), corner = one({0.0, 0.0, 2.0, 2.0}),
                flat = one({0.0, 1.5, 4.0, 2.5});
    const auto differ = [&](const auto& loss, const boxes& a, const boxes& b) {
        return value(loss, a, target) - value(loss, b, target);
    };
    CHECK(differ(xloss::box_iou{}, corner, middle) == 0.0);
    CHECK(differ(xloss::giou{}, corner, middle) == 0.0);
    CHECK(close(differ(xloss::diou{}, corner, middle), 2.0 / 32.0, 1e-7));
    CHECK(differ(xloss::diou{}, flat, middle) == 0.0);
    CHECK(differ(xloss::ciou{}, flat, middle) > 0.01);
}
