// Training recipes about borders, each as one expression, as in recipes.cpp: written down once more in plain
// loops.

#include "losses/cases.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

using namespace cases;
using xloss::multiclass;

namespace {

using scores = xt::xtensor<double, 4>; // [B, C, H, W]
using label_map = xt::xtensor<int, 3>; // [B, H, W]

constexpr std::size_t samples = 2, classes = 3, height = 5, width = 6;

/// Ignored only in a corner: an ignored pixel takes those around it with it.
label_map labels() {
    label_map y = fill<int>(
        0.7548776662466927, [](double u) { return std::floor(3.0 * u); }, samples, height, width);
    y(0, 0, 0) = y(1, 4, 5) = 255;
    return y;
}

// Not in even steps, as `logits` are: their Sobel would be next to nothing here and there, and its logarithm
// all rounding.
const scores x = fill<double>(
    0.6180339887498949, [](double u) { return 2.0 * std::sin(40.0 * u * u); }, samples, classes, height,
    width);
const label_map y = labels();

/// The softmax of class c, 0 where ignored.
double probability(std::size_t b, std::size_t c, std::size_t i, std::size_t j) {
    if (y(b, i, j) == 255)
        return 0.0;
    double sum = 0.0;
    for (std::size_t k = 0; k < classes; ++k)
        sum += std::exp(x(b, k, i, j));
    return std::exp(x(b, c, i, j)) / sum;
}

/// Calls f(row, column) for the window of a pixel, the border repeated.
template <class F>
void each_neighbour(std::size_t i, std::size_t j, F f) {
    for (int di = -1; di <= 1; ++di)
        for (int dj = -1; dj <= 1; ++dj) {
            const auto clamped = [](std::size_t at, int step, std::size_t n) {
                const auto moved = static_cast<std::ptrdiff_t>(at) + step;
                return moved < 0 ? 0U : std::min(static_cast<std::size_t>(moved), n - 1);
            };
            f(clamped(i, di, height), clamped(j, dj, width), di, dj);
        }
}

/// min(1, |Sobel of v|/4).
template <class V>
double edge(std::size_t i, std::size_t j, V v) {
    double down = 0.0, right = 0.0;
    each_neighbour(i, j, [&](std::size_t row, std::size_t column, int di, int dj) {
        down += v(row, column) * di * (dj == 0 ? 2.0 : 1.0);
        right += v(row, column) * dj * (di == 0 ? 2.0 : 1.0);
    });
    return std::min(1.0, std::hypot(down, right) / 4.0);
}

template <class F>
bool any_neighbour(std::size_t i, std::size_t j, F f) {
    bool found = false;
    each_neighbour(i, j,
                   [&](std::size_t row, std::size_t column, int, int) { found = found || f(row, column); });
    return found;
}

template <class F>
void each_pixel(F f) {
    for (std::size_t b = 0; b < samples; ++b)
        for (std::size_t i = 0; i < height; ++i)
            for (std::size_t j = 0; j < width; ++j)
                f(b, i, j);
}

/// SegBoundaryLoss of x and y, and the number of its elements.
std::pair<double, double> seg_boundary_loss() {
    double sum = 0.0, count = 0.0;
    each_pixel([&](std::size_t b, std::size_t i, std::size_t j) {
        if (any_neighbour(i, j, [&](std::size_t r, std::size_t c) { return y(b, r, c) == 255; }))
            return;
        for (std::size_t k = 0; k < classes; ++k) {
            const double e =
                edge(i, j, [&](std::size_t r, std::size_t c) { return probability(b, k, r, c); });
            const double truth = edge(i, j, [&](std::size_t r, std::size_t c) {
                return y(b, r, c) == static_cast<int>(k) ? 1.0 : 0.0;
            });
            sum -= truth > 0.0 ? std::log(e) : std::log1p(-e);
            count += 1.0;
        }
    });
    return {sum / count, count};
}

} // namespace

TEST_CASE("recipe: SegBoundaryLoss", "[criterion][recipes]") {
    const auto [value, count] = seg_boundary_loss();
    const auto r = xloss::value_and_grad(multiclass(xloss::sobel_boundary{}, {.ignore_index = 255}), x, y);
    CHECK(error(r.value, value) <= 1e-13);
    CHECK(r.normalizer == count);
}

TEST_CASE("recipe: cross entropy and 0.3 SegBoundaryLoss", "[criterion][recipes]") {
    double entropy = 0.0, count = 0.0;
    each_pixel([&](std::size_t b, std::size_t i, std::size_t j) {
        if (y(b, i, j) == 255)
            return;
        entropy -= std::log(probability(b, static_cast<std::size_t>(y(b, i, j)), i, j));
        count += 1.0;
    });
    const auto loss =
        multiclass(0.4 * xloss::cross_entropy{} + 0.3 * xloss::sobel_boundary{}, {.ignore_index = 255});
    CHECK(error(loss(x, y), 0.4 * entropy / count + 0.3 * seg_boundary_loss().first) <= 1e-13);
}

TEST_CASE("recipe: boundary-aware focal loss", "[criterion][recipes]") {
    double sum = 0.0, count = 0.0;
    each_pixel([&](std::size_t b, std::size_t i, std::size_t j) {
        if (y(b, i, j) == 255)
            return;
        const bool border = any_neighbour(i, j, [&](std::size_t r, std::size_t c) {
            return y(b, r, c) != 255 && y(b, r, c) != y(b, i, j);
        });
        const double p = probability(b, static_cast<std::size_t>(y(b, i, j)), i, j);
        sum += -0.25 * (1.0 - p) * (1.0 - p) * std::log(p) * (border ? 2.0 : 1.0);
        count += 1.0;
    });
    const auto loss =
        multiclass(xloss::focal{}, {.ignore_index = 255, .denominator = xloss::denominator::valid});
    const auto weights = xloss::boundary_weights(y, {.ignore_index = 255});
    CHECK(error(loss(x, xloss::weighted(y, weights)), sum / count) <= 1e-13);
}
