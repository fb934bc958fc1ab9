// The losses of signed distances that a document on segmentation training spells out, as in seeds.cpp.

#include "losses/cases.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

using namespace cases;
using xloss::boundary;
using xloss::boundary_schedule;
using xloss::region;
using xloss::region_boundary;

namespace {

using images = xt::xtensor<double, 4>; // [B, 1, H, W]

constexpr std::size_t samples = 2, height = 5, width = 6;

const images x = logits(samples, 1, height, width), chance = probabilities(samples, 1, height, width);
const auto y = mask(samples, 1, height, width);

/// distance_transform_edt at (i, j): to the nearest pixel of sample b that is not `of`.
double edt(std::size_t b, std::size_t i, std::size_t j, int of) {
    double nearest = infinity;
    for (std::size_t k = 0; k < height; ++k)
        for (std::size_t l = 0; l < width; ++l)
            if (y(b, 0, k, l) != of)
                nearest = std::min(nearest, std::hypot(static_cast<double>(i) - static_cast<double>(k),
                                                       static_cast<double>(j) - static_cast<double>(l)));
    return y(b, 0, i, j) == of ? nearest : 0.0;
}

/// compute_distance_map: dist_outside - dist_inside.
images distance_map() {
    auto map = images::from_shape({samples, 1, height, width});
    for (std::size_t b = 0; b < samples; ++b)
        for (std::size_t i = 0; i < height; ++i)
            for (std::size_t j = 0; j < width; ++j)
                map(b, 0, i, j) = edt(b, i, j, 0) - edt(b, i, j, 1);
    return map;
}

const images map = distance_map();

double sigmoid(double v) {
    return 1.0 / (1.0 + std::exp(-v));
}

/// (pred * dist_map).mean()
double boundary_loss(const images& p) {
    double sum = 0.0;
    for (std::size_t i = 0; i < p.size(); ++i)
        sum += p.data()[i] * map.data()[i];
    return sum / static_cast<double>(p.size());
}

/// dice_weight * dice + boundary_w * boundary, the Dice over the batch.
double combined(const images& v, double dice_weight, double boundary_w) {
    images p = v;
    double both = 0.0, sizes = 0.0;
    for (std::size_t i = 0; i < v.size(); ++i) {
        p.data()[i] = sigmoid(v.data()[i]);
        both += p.data()[i] * y.data()[i];
        sizes += p.data()[i] + y.data()[i];
    }
    return dice_weight * (1.0 - (2.0 * both + 1.0) / (sizes + 1.0)) + boundary_w * boundary_loss(p);
}

} // namespace

TEST_CASE("the document's compute_distance_map: negative inside, whatever its comment says") {
    auto one = xt::xtensor<std::uint8_t, 2>::from_shape({height, width});
    auto ours = xt::xtensor<double, 2>::from_shape({height, width});
    std::copy_n(y.data() + one.size(), one.size(), one.data()); // the second sample
    xloss::signed_distance_into(ours, one);
    for (std::size_t i = 0; i < ours.size(); ++i)
        CHECK(error(ours.data()[i], map.data()[ours.size() + i]) <= 1e-15);
    for (std::size_t i = 0; i < map.size(); ++i)
        CHECK((map.data()[i] < 0.0) == (y.data()[i] == 1));
}

TEST_CASE("the document's BoundaryLoss: probabilities times the map") {
    const auto loss = binary(boundary{}, {.activation = xloss::activation::none});
    const auto r = xloss::value_and_grad(loss, chance, xloss::with_distance(y, map));
    CHECK(error(r.value, boundary_loss(chance)) <= 1e-13);
    const images expected = map / static_cast<double>(map.size());
    CHECK(largest_error(r.grad, expected) <= 1e-13);
    CHECK(error(loss(chance, y), boundary_loss(chance)) <= 1e-13); // the map made by the call
}

TEST_CASE("the document's CombinedRegionBoundaryLoss: the boundary's weight falls over 100 epochs") {
    region_boundary loss{.dice_weight = 0.75, .boundary_weight = 2.0, .over = region::batch};
    for (const double epoch : {0.0, 30.0, 99.0, 100.0, 250.0}) {
        loss.epoch = epoch;
        const double expected = combined(x, 0.75, std::max(0.0, 2.0 * (1.0 - epoch / 100.0)));
        CHECK(error(xloss::value(loss, x, xloss::with_distance(y, map)), expected) <= 1e-13);
    }
    loss.schedule = boundary_schedule::constant; // schedule_boundary=False
    const auto r = xloss::value_and_grad(loss, x, xloss::with_distance(y, map));
    CHECK(error(r.value, combined(x, 0.75, 2.0)) <= 1e-13);
    double worst = 0.0;
    images moved = x;
    for (std::size_t i = 0; i < x.size(); ++i) {
        moved.data()[i] = x.data()[i] + 1e-5;
        const double up = combined(moved, 0.75, 2.0);
        moved.data()[i] = x.data()[i] - 1e-5;
        const double slope = (up - combined(moved, 0.75, 2.0)) / 2e-5;
        worst = std::max(worst, error(r.grad.data()[i], slope, largest_entry(r.grad)));
        moved.data()[i] = x.data()[i];
    }
    CHECK(worst <= 1e-7);
}
