// What a course on dense prediction recommends where foreground is rare, and its exercises, with numbers that
// follow on paper or in plain loops.

#include "losses/cases.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>

using namespace cases;
using xloss::bce;
using xloss::dice;
using xloss::focal;
using xloss::iou;

namespace {

using image = xt::xtensor<double, 3>;            // [B, H, W]
using image_mask = xt::xtensor<std::uint8_t, 3>; // the same

/// The first `percent` of 10000 pixels are true.
image_mask rare(std::size_t percent) {
    image_mask y = xt::zeros<std::uint8_t>({1, 100, 100});
    for (std::size_t i = 0; i < 100 * percent; ++i)
        y.data()[i] = 1;
    return y;
}

const image x = logits(1, 6, 7);
const image_mask y = mask(1, 6, 7);

double sigmoid(double v) {
    return 1.0 / (1.0 + std::exp(-v));
}

/// What the combinations are made of.
struct parts {
    double bce = 0.0, focal = 0.0, dice = 0.0, iou = 0.0;
};

parts parts_of(const image& v) {
    parts all;
    double both = 0.0, sizes = 0.0;
    const double n = static_cast<double>(v.size());
    for (std::size_t i = 0; i < v.size(); ++i) {
        const double p = sigmoid(v.data()[i]), q = y.data()[i] == 1 ? p : 1.0 - p;
        all.bce -= std::log(q) / n;
        all.focal -= (1.0 - q) * (1.0 - q) * std::log(q) / n;
        both += p * y.data()[i];
        sizes += p + y.data()[i];
    }
    all.dice = 1.0 - (2.0 * both + 1.0) / (sizes + 1.0);
    all.iou = 1.0 - (both + 1.0) / (sizes - both + 1.0);
    return all;
}

/// A sum of two, its value and its terms.
template <class Loss>
void check_sum(const Loss& loss, double first, double second) {
    const auto r = xloss::value_and_grad(loss, x, y);
    CHECK(error(r.value, first + second) <= 1e-13);
    CHECK(error(r.terms[0].value, first) <= 1e-13);
    CHECK(error(r.terms[1].value, second) <= 1e-13);
    CHECK(xloss::testing::gradient_check(loss, x, y));
}

} // namespace

TEST_CASE("recipe: BCE + Dice, focal + Dice, focal + IoU", "[criterion][recipes]") {
    const parts all = parts_of(x);
    check_sum(bce{} + dice{}, all.bce, all.dice);
    check_sum(focal{.alpha = -1.0} + dice{}, all.focal, all.dice);
    check_sum(focal{.alpha = -1.0} + iou{}, all.focal, all.iou);
}

TEST_CASE("imbalance: nothing found is 95 % accurate, and no overlap", "[criterion][recipes]") {
    const image_mask truth = rare(5);
    const image nothing(truth.shape(), -10.0);
    xloss::confusion_matrix seen(2);
    seen.add_logits(nothing, truth);
    CHECK(seen.overall_accuracy() == 0.95);
    CHECK(seen.iou()[1] == 0.0);
    CHECK(seen.dice()[1] == 0.0);
    // Of the losses, bce is half of what it is at p = 1/2 everywhere, dice and iou are at their largest.
    CHECK(bce{}(nothing, truth) < 0.75 * std::log(2.0));
    CHECK(dice{.smooth = 0.0}(nothing, truth) > 0.99);
    CHECK(iou{.smooth = 0.0}(nothing, truth) > 0.99);
}

TEST_CASE("imbalance: gradients of BCE and Dice at 1 % of foreground", "[criterion][recipes]") {
    const image_mask truth = rare(1);
    const image flat(truth.shape(), 0.0); // p = 1/2, p (1 - p) = 1/4
    // bce: 1/2 of 1/10000 at every pixel. Dice: by p (T - 2 y S)/S^2, T = 2 tp + 1 = 101, S = 5101.
    const auto by_bce = xloss::value_and_grad(bce{}, flat, truth).grad;
    CHECK(error(by_bce.data()[0], -0.5e-4) <= 1e-13);
    CHECK(error(by_bce.data()[9999], 0.5e-4) <= 1e-13);
    const auto by_dice = xloss::value_and_grad(dice{}, flat, truth).grad;
    const double s = 5101.0, t = 101.0;
    CHECK(error(by_dice.data()[0], 0.25 * (t - 2.0 * s) / (s * s)) <= 1e-13);
    CHECK(error(by_dice.data()[9999], 0.25 * t / (s * s)) <= 1e-13);
    // So Dice pulls a hundred times as hard at a true pixel as at another, BCE as hard.
    const auto r = xloss::gradient_statistics(bce{} + dice{}, flat, truth);
    CHECK(error(r.gradients[0].max, 0.5e-4) <= 1e-13);
    CHECK(error(r.gradients[1].max, 0.25 * (2.0 * s - t) / (s * s)) <= 1e-13);
    CHECK(error(r.gradients[0].norm, 0.5e-2) <= 1e-13);
    CHECK(r.gradients[1].max * 9900.0 > 90.0 * r.gradients[1].norm);
}

TEST_CASE("imbalance: the larger gamma, the less easy pixels count beside those of a border",
          "[criterion][recipes]") {
    // An easy background pixel, and one of the border.
    const xt::xtensor<double, 2> two{{-3.0, 0.0}};
    const xt::xtensor<std::uint8_t, 2> one{{0, 1}};
    double before = infinity;
    for (const double gamma : {0.0, 1.0, 2.0, 3.0}) {
        const focal loss{.alpha = -1.0, .gamma = gamma};
        const auto r = xloss::value_and_grad(loss, two, one);
        // -(1 - q)^g log q has the slope (1 - q)^g (g q log q + q - 1) by the logit of q.
        const auto slope = [gamma](double q) {
            return std::pow(1.0 - q, gamma) * (gamma * q * std::log(q) + q - 1.0) / 2.0;
        };
        CHECK(error(r.grad(0, 0), -slope(sigmoid(3.0))) <= 1e-13);
        CHECK(error(r.grad(0, 1), slope(0.5)) <= 1e-13);
        const double share = std::abs(r.grad(0, 0) / r.grad(0, 1));
        CHECK(share < 0.5 * before);
        before = share;
    }
}
