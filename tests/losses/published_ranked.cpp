// The numbers that public tests expect of the Lovász losses, for the expressions that are the same losses
// here. Berman's own repository has none; these are of implementations that follow it:
// - kozistr/pytorch_optimizer, tests of LovaszHingeLoss in test_losses.py (as of 2022 and 2026),
// - kornia/kornia, tests/losses/test_lovaz_hinge.py and test_lovaz_softmax.py (as of 2026).
// Their tolerances are kept. kornia is Berman's per image and all classes: region::sample,
// empty_region::smooth. Its class weights are no weights of a mean: mean_of_w * lovasz_softmax{.class_weights
// = w}. mmsegmentation's and SMP's tests state no numbers.

#include "support/catch.hpp"

#include <cmath>
#include <cstddef>

#include <xloss/tensor/xtensor.hpp>
#include <xloss/xloss.hpp>

using xloss::binary;
using xloss::empty_region;
using xloss::lovasz_hinge;
using xloss::lovasz_softmax;
using xloss::multiclass;
using xloss::region;

namespace {

using rows = xt::xtensor<double, 2>;   // [B, N]
using scores = xt::xtensor<double, 3>; // [B, C, N]
using map = xt::xtensor<int, 2>;       // [B, N]

bool close(double found, double expected, double absolute = 1e-6) {
    return std::abs(found - expected) <= absolute;
}

/// kornia's assert_close in double.
constexpr double kornia = 1e-7;

/// The probabilities of kornia's worked example, and their logits.
const scores probabilities{{{0.6, 0.21, 0.12}, {0.29, 0.68, 0.19}, {0.11, 0.11, 0.69}}};

scores log_of(const scores& p) {
    scores x(p.shape());
    for (std::size_t i = 0; i < p.size(); ++i)
        x.data()[i] = std::log(p.data()[i]);
    return x;
}

/// Per image and over all classes.
lovasz_softmax as_kornia(const xloss::per_class& weights = 1.0) {
    return {.over = region::sample, .empty = empty_region::smooth, .class_weights = weights};
}

} // namespace

TEST_CASE("pytorch_optimizer's published cases of LovaszHingeLoss", "[losses][published]") {
    const auto per_image = binary(lovasz_hinge{}), per_batch = binary(lovasz_hinge{.over = region::batch});
    const rows noise{{1.9269, 1.4873, 0.9007, -2.1055, 0.6784, -1.2345, -0.0431, -1.6047, -0.7521, 1.6487,
                      -0.3925, -1.4036, -0.7279, -0.5594, -0.7688, 0.7624},
                     {1.6423, -0.1596, -0.4974, 0.4396, -0.7581, 1.0783, 0.8008, 1.6806, 1.2791, 1.2964,
                      0.6105, 1.3347, -0.2316, 0.0418, -0.2516, 0.8599}};
    map second(noise.shape(), 0); // the first image is empty, the second full
    for (std::size_t i = 0; i < 16; ++i)
        second(1, i) = 1;
    CHECK(close(per_image(noise, second), 1.74925303));
    CHECK(close(per_batch(noise, second), 1.08580458));

    const rows few{{2.0, -1.0}, {0.5, 1.5}};
    const map of_few{{0, 0}, {1, 1}};
    CHECK(close(per_image(few, of_few), 1.625));
    CHECK(close(per_batch(few, of_few), 7.0 / 6.0));
}

TEST_CASE("kornia's published cases of LovaszHingeLoss", "[losses][published]") {
    const auto loss = binary(lovasz_hinge{});
    const map y{{1, 0, 0, 1}};
    CHECK(close(loss(rows{{2, -1, 0, 3}}, y), 1.0 / 3.0, kornia));
    CHECK(close(loss(rows{{1, 0, 0, 1}}, y), 0.5, kornia)); // two errors of 1, one of each class
    CHECK(close(loss(rows{{1, 1}, {1, 1}}, map{{1, 1}, {1, 1}}), 0.0, kornia));
    const std::size_t many = 257 * 257; // more true pixels than half precision counts
    CHECK(close(loss(rows({1, many}, 0.0), map({1, many}, 1)), 1.0, kornia));
}

TEST_CASE("kornia's published cases of LovaszSoftmaxLoss", "[losses][published]") {
    const scores x = log_of(probabilities);
    struct published {
        map y;
        double first, second, third; // by class
    };
    for (const auto& r :
         {published{{{0, 1, 2}}, 0.4, 0.32, 0.31}, published{{{0, 0, 0}}, 0.69, 0.68, 0.69}}) {
        CAPTURE(r.y);
        CHECK(close(multiclass(as_kornia())(x, r.y), (r.first + r.second + r.third) / 3.0, kornia));
        CHECK(close(2.0 * multiclass(as_kornia({1.0, 2.0, 3.0}))(x, r.y),
                    (r.first + 2.0 * r.second + 3.0 * r.third) / 3.0, kornia));
    }
    const scores one = log_of(scores{{{0.6}, {0.29}, {0.11}}});
    CHECK(close(multiclass(as_kornia())(one, map{{0}}), (0.4 + 0.29 + 0.11) / 3.0, kornia));

    // All pixels of a class err by the same: 2/3, 1/3 and 1/3.
    const std::size_t many = 257 * 257;
    CHECK(close(multiclass(as_kornia())(scores({1, 3, many}, 0.0), map({1, many}, 0)), 4.0 / 9.0, kornia));

    const map second{{1, 1}, {1, 1}};
    CHECK(close(multiclass(as_kornia())(scores{{{0, 0}, {100, 100}}, {{0, 0}, {100, 100}}}, second), 0.0,
                1e-3));
    const scores first{{{100, 100}, {0, 0}}, {{100, 100}, {0, 0}}}; // of a class that is not there
    CHECK(close(0.5 * multiclass(as_kornia({1.0, 0.0}))(first, second), 0.5, 1e-3));
}

TEST_CASE("kornia's published gradient of LovaszSoftmaxLoss", "[losses][published]") {
    const scores expected{
        {{-0.08, 0.0476, 0.0276}, {0.058, -0.0725333333, 0.0437}, {0.022, 0.0249333333, -0.0713}}};
    const auto found = xloss::value_and_grad(multiclass(as_kornia()), log_of(probabilities), map{{0, 1, 2}});
    CHECK(close(found.value, 1.03 / 3.0, kornia));
    for (std::size_t i = 0; i < expected.size(); ++i) {
        CAPTURE(i);
        CHECK(close(found.grad.data()[i], expected.data()[i], kornia));
    }
}
