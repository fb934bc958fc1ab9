// Values and gradients of box losses that can be worked out on paper, through the public calls.

#include "detection/box_cases.hpp"

using namespace box_cases;
using matrix = xt::xtensor<double, 2>;

namespace {

const double pi = 3.14159265358979323846;

/// Values without eps, which at areas of 1 and more changes a value by less than this.
constexpr double by_eps = 4e-7;

template <class Loss>
auto at(const Loss& loss, const four& predicted, const four& target) {
    auto x = matrix::from_shape({1, 4}), y = matrix::from_shape({1, 4});
    std::copy(predicted.begin(), predicted.end(), x.begin());
    std::copy(target.begin(), target.end(), y.begin());
    return value_and_grad(loss, x, y);
}

template <class Result>
bool has_grad(const Result& r, const four& expected, double tolerance) {
    bool same = true;
    for (std::size_t c = 0; c < 4; ++c)
        same = same && std::abs(r.grad(0, c) - expected[c]) <= tolerance;
    return same;
}

} // namespace

TEST_CASE("two squares that share a quarter, by every loss") {
    // [0, 2]^2 and [1, 3]^2: I = 1, U = 7, C = 9, centres sqrt 2 apart, diagonal sqrt 18.
    const four x{0.0, 0.0, 2.0, 2.0}, y{1.0, 1.0, 3.0, 3.0};
    const double iou = 1.0 - 1.0 / 7.0;
    CHECK(close(at(xloss::box_iou{}, x, y).value, iou, by_eps));
    CHECK(close(at(xloss::giou{}, x, y).value, iou + 2.0 / 9.0, by_eps));
    CHECK(close(at(xloss::diou{}, x, y).value, iou + 2.0 / 18.0, by_eps));
    CHECK(close(at(xloss::ciou{}, x, y).value, iou + 2.0 / 18.0, by_eps)); // both are squares
    CHECK(close(at(xloss::eiou{}, x, y).value, iou + 2.0 / 18.0, by_eps)); // of one size
    // The line through the centres has 45 degrees: A = 1, D = 2 (1 - exp(-1/9)), O = 0.
    CHECK(close(at(xloss::siou{}, x, y).value, iou + 1.0 - std::exp(-1.0 / 9.0), by_eps));
}

TEST_CASE("box_iou: its gradient by hand") {
    // I = (x2 - 1)(y2 - 1), U = x2 y2 + 4 - I: dI/dx2 = 1, dU/dx2 = 1; dI/dx1 = 0, dU/dx1 = -2.
    const auto r = at(xloss::box_iou{}, {0.0, 0.0, 2.0, 2.0}, {1.0, 1.0, 3.0, 3.0});
    const double up = -(7.0 - 1.0) / 49.0, low = -2.0 / 49.0;
    CHECK(has_grad(r, {low, low, up, up}, by_eps));
}

TEST_CASE("giou of boxes that are apart has a gradient, box_iou has none") {
    // [0, 1]^2 and [2, 3]^2: U = 2, C = 9. dU/dx2 = 1, dC = 0: -1/9; dU/dx1 = -1, dC/dx1 = -3:

    const four x{0.0, 0.0, 1.0, 1.0}, y{2.0, 2.0, 3.0, 3.0};
    CHECK(close(at(xloss::giou{}, x, y).value, 1.0 + 7.0 / 9.0, by_eps));
    const double low = (-2.0 * 9.0 + 7.0 * 3.0) / 81.0, up = -1.0 / 9.0;
    CHECK(has_grad(at(xloss::giou{}, x, y), {low, low, up, up}, by_eps));
    CHECK(at(xloss::box_iou{}, x, y).value == 1.0);
    CHECK(has_grad(at(xloss::box_iou{}, x, y), {0.0, 0.0, 0.0, 0.0}, 0.0));
}

TEST_CASE("diou pulls the centre of a box that is apart") {
    // Centres (1, 1)/2 and (5, 5)/2: d^2 = 8, c^2 = 18. By x1: (2 (-2)/2)/18 + 8 (2 * 3)/18^2.
    const auto r = at(xloss::diou{}, {0.0, 0.0, 1.0, 1.0}, {2.0, 2.0, 3.0, 3.0});
    CHECK(close(r.value, 1.0 + 8.0 / 18.0, by_eps));
    const double low = -2.0 / 18.0 + 48.0 / 324.0, up = -2.0 / 18.0;
    CHECK(has_grad(r, {low, low, up, up}, by_eps));
}

TEST_CASE("ciou: a lying box on a standing one") {
    // [0, 4] x [0, 1] and [0, 1] x [0, 4]: I = 1, U = 7, centres (2, 1/2) and (1/2, 2), diagonal^2 32.
    const four x{0.0, 0.0, 4.0, 1.0}, y{0.0, 0.0, 1.0, 4.0};
    const double angle = std::atan2(1.0, 4.0) - std::atan2(4.0, 1.0), v = 4.0 / (pi * pi) * angle * angle;
    const double apart = 1.0 - 1.0 / 7.0, alpha = v / (apart + v);
    CHECK(close(at(xloss::ciou{}, x, y).value, apart + 4.5 / 32.0 + alpha * v, by_eps));
    CHECK(at(xloss::ciou{.follow_alpha = true}, x, y).value == at(xloss::ciou{}, x, y).value);
    CHECK_FALSE(made_up::same_elements(at(xloss::ciou{.follow_alpha = true}, x, y).grad,
                                       at(xloss::ciou{}, x, y).grad));
}

TEST_CASE("eiou: sides by those of the enclosing box") {
    // [0, 1] x [0, 2] in [0, 4]^2: IoU 2/16, centres (1/2, 1) and (2, 2), W = H = 4.
    const double expected = 1.0 - 2.0 / 16.0 + (2.25 + 1.0) / 32.0 + 9.0 / 16.0 + 4.0 / 16.0;
    CHECK(close(at(xloss::eiou{}, {0.0, 0.0, 1.0, 2.0}, {0.0, 0.0, 4.0, 4.0}).value, expected, by_eps));
}

TEST_CASE("siou: its angle, distance and shape") {
    // The same boxes: offsets 3/2 and 1, A = 2 (3/2)/(13/4), ratios (3/8)^2 and (1/4)^2; sides 3/4 and 1/2
    // off.
    const double angle = 12.0 / 13.0, g = 2.0 - angle;
    const double distance = 2.0 - std::exp(-g * 9.0 / 64.0) - std::exp(-g / 16.0);
    const double shape = std::pow(1.0 - std::exp(-0.75), 4.0) + std::pow(1.0 - std::exp(-0.5), 4.0);
    const double expected = 1.0 - 2.0 / 16.0 + 0.5 * (distance + shape);
    CHECK(close(at(xloss::siou{}, {0.0, 0.0, 1.0, 2.0}, {0.0, 0.0, 4.0, 4.0}).value, expected, by_eps));
    // Gevorgyan's own form of A: 1 - 2 sin^2(arcsin(dy/d) - pi/4).
    const double s = std::sin(std::asin(1.0 / std::sqrt(3.25)) - pi / 4.0);
    CHECK(close(1.0 - 2.0 * s * s, angle));
}

TEST_CASE("two points at one place have a GIoU loss of exactly 1, as in torchvision") {
    const auto r = at(xloss::giou{}, {1.0, 2.0, 1.0, 2.0}, {1.0, 2.0, 1.0, 2.0});
    CHECK(r.value == 1.0);
    CHECK(has_grad(r, {0.0, 0.0, 0.0, 0.0}, 0.0));
}

TEST_CASE("identical boxes: loss eps/(U + eps), and half of each coordinate's slopes") {
    const four x{1.0, 2.0, 4.0, 6.0};
    CHECK(close(at(xloss::box_iou{}, x, x).value, 1e-7 / (12.0 + 1e-7), 1e-15));
    // I = w h, half of it by each tie; U = w h + 12 - I: dI = h/2, dU = h - h/2, both over 12.
    const auto r = at(xloss::box_iou{}, x, x);
    CHECK(has_grad(r, {0.0, 0.0, 0.0, 0.0}, 1e-8));
    // A tie at the right edge alone: half of dI/dx2 = 3 and of dU/dx2 = 4 - 3 (1/2); I = 9, U = 16 - 0.
    const auto tie = at(xloss::box_iou{}, {0.0, 0.0, 4.0, 4.0}, {1.0, 1.0, 4.0, 4.0});
    const double by_inter = 1.5, by_union = 4.0 - 1.5;
    CHECK(std::abs(tie.grad(0, 2) + (by_inter * 16.0 - 9.0 * by_union) / 256.0) <= by_eps);
}

TEST_CASE("boxes that touch do not intersect and have no slope of an intersection") {
    const auto r = at(xloss::box_iou{}, {0.0, 0.0, 2.0, 2.0}, {2.0, 0.5, 4.0, 3.0});
    CHECK(r.value == 1.0);
    CHECK(has_grad(r, {0.0, 0.0, 0.0, 0.0}, 0.0));
}

TEST_CASE("inverted boxes have IoU 0, and giou what the formula gives") {
    // Width -1, height 3, area -3; the target [0.5, 4] x [1, 2.5] has area 5.25, C = 3.5 * 3.
    const four x{2.0, 0.0, 1.0, 3.0}, y{0.5, 1.0, 4.0, 2.5};
    CHECK(at(xloss::box_iou{}, x, y).value == 1.0);
    CHECK(close(at(xloss::giou{}, x, y).value, 1.0 + (10.5 - 2.25) / 10.5, by_eps));
}

TEST_CASE("every pair of boxes has a finite loss and gradient, in float and double, of any finite size") {
    for (const double size : {1.0, 1e-20, 1e6, 1e15, 1e30}) {
        each_loss([&](const auto& loss) {
            const auto check = [&](const auto& x, const auto& y) {
                const auto r = value_and_grad(loss, x, y);
                bool finite = std::isfinite(r.value);
                for (const auto v : r.grad)
                    finite = finite && std::isfinite(v);
                INFO(loss.name << " of boxes times " << size);
                CHECK(finite);
            };
            const auto x = boxes_of<double>(&pair::predicted), y = boxes_of<double>(&pair::target);
            check(matrix(x * size), matrix(y * size));
            check(xt::xtensor<float, 2>(xt::cast<float>(x * size)),
                  xt::xtensor<float, 2>(xt::cast<float>(y * size)));
        });
    }
}

TEST_CASE("the largest numbers of either format, and denormal ones, have a finite loss and gradient") {
    each_loss([](const auto& loss) {
        const auto check = [&](auto most, auto least) {
            using T = decltype(most);
            const xt::xtensor<T, 2> x{{-most, -most, most, most}, {most, most, -most, -most},
                                      {0, 0, least, least},       {-most, 0, most, 0},
                                      {most, 0, most, 1},         {most, most, -most, -most}};
            const xt::xtensor<T, 2> y{{-most, 0, 0, most}, {most, most, -most, -most}, {0, 0, least, 0},
                                      {0, 0, 0, 0},        {-most, 0, -most, 1},       {1, 1, 1, 1}};
            const auto r = value_and_grad(loss, x, y);
            bool finite = std::isfinite(r.value);
            for (const auto v : r.grad)
                finite = finite && std::isfinite(v);
            INFO(loss.name);
            CHECK(finite);
        };
        check(std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min());
        check(std::numeric_limits<double>::max(), std::numeric_limits<double>::denorm_min());
    });
}
