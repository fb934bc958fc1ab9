// The numbers that public tests expect of losses that look at distances and skeletons, for the expressions
// that are the same losses here:
// - Project-MONAI/MONAI, tests/losses/test_hausdorff_loss.py and test_cldice_loss.py (as of 2025 and 2026),
// - LIVIAETS/boundary-loss (Kervadec's), test.py (as of 2023): the distance map under its surface loss.
// Their tolerances are kept.
//
// MONAI's clDice joins the channels of a sample: binary with region::batch, on the channels as samples. Its
// harmonic mean adds 1e-4 below, which is within its tolerance. A log of each region is not ours: log1p is of
// the reduced value, so its log cases without reduction are left out, and so is its case of 2 x 3 x 8 x 8 x 8
// ones, which says what that of 2 x 3 x 8 x 8 does.

#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>

#include <xloss/tensor/xtensor.hpp>
#include <xloss/xloss.hpp>

using xloss::activation;
using xloss::binary;
using xloss::boundary;
using xloss::cl_dice;
using xloss::dice;
using xloss::hausdorff_dt;
using xloss::mode_options;
using xloss::multiclass;
using xloss::multilabel;
using xloss::one_vs_rest;
using xloss::reduction;
using xloss::region;

namespace {

using array = xt::xarray<double>;
using label_array = xt::xarray<int>;

constexpr mode_options none{.activation = activation::none};
constexpr mode_options sum{.reduction = reduction::sum};

/// numpy.testing.assert_allclose.
bool close(double found, double expected, double relative, double absolute = 0.0) {
    return std::abs(found - expected) <= absolute + relative * std::abs(expected);
}

/// One sample of one channel.
array volume(std::size_t depth, std::initializer_list<double> values) {
    array v({1, 1, depth, 2, 2}, 0.0);
    std::copy(values.begin(), values.end(), v.begin());
    return v;
}

template <class F>
array each(array x, F f) {
    for (std::size_t i = 0; i < x.size(); ++i)
        x.data()[i] = f(x.data()[i]);
    return x;
}

array tanh_of(const array& x) {
    return each(x, [](double v) { return std::tanh(v); });
}

/// MONAI's value and that of its LogHausdorffDTLoss on the same input.
template <class Mode, class Y>
void check_hausdorff(Mode mode, hausdorff_dt loss, const array& x, const Y& y, double expected,
                     mode_options options = {}) {
    CAPTURE(expected);
    CHECK(close(mode(loss, options)(x, y), expected, 1e-5));
    loss.log1p = true;
    CHECK(close(mode(loss, options)(x, y), std::log(expected + 1.0), 1e-5));
}

constexpr auto in_channels = [](const hausdorff_dt& loss, mode_options o) { return multilabel(loss, o); };
constexpr auto in_classes = [](const hausdorff_dt& loss, mode_options o) { return multiclass(loss, o); };
constexpr auto of_labels = [](const hausdorff_dt& loss, mode_options o) { return one_vs_rest(loss, o); };

} // namespace

TEST_CASE("MONAI's published cases of HausdorffDTLoss", "[losses][published]") {
    const auto check = [](const array& x, const array& y, double expected, const hausdorff_dt& loss = {},
                          mode_options options = {}) {
        check_hausdorff(in_channels, loss, x, y, expected, options);
    };
    check({{{{1, -1}, {-1, 1}}}}, {{{{1, 0}, {1, 1}}}}, 0.509329);
    check(volume(1, {1, -1, -1, 1}), volume(1, {1, 0, 1, 1}), 0.509329);
    check(volume(2, {1, -1, 1, -1, -1, 1, -1, 1}), volume(2, {1, 0, 1, 0, 0, 0, 1, 1}), 0.375718);
    const array twins{{{{1, -1}, {-1, 1}}, {{1, -1}, {-1, 1}}}};
    const array of_twins{{{{1, 0}, {1, 1}}, {{1, 0}, {0, 1}}}};
    check(twins, of_twins, 0.326994);
    check(twins, of_twins, 0.144659, {.include_background = false});
    const array pair{{{{1, -1}, {-1, 1}}}, {{{1, -1}, {-1, 1}}}},
        zero{{{{1, 0}, {-1, 1}}}, {{{1, -1}, {-1, 1}}}};
    const array of_pair{{{{1, 1}, {1, 1}}}, {{{1, 0}, {1, 0}}}};
    check(pair, of_pair, 0.455082);
    check(tanh_of(pair), of_pair, 1.870039, {}, none);
    check(tanh_of(zero), of_pair, 1.607137, {}, none);
    check(tanh_of(zero), of_pair, 1.607137, {.over = region::batch}, none);
}

TEST_CASE("MONAI's published cases of HausdorffDTLoss with labels", "[losses][published]") {
    // The second sample is p = 1/2 everywhere, which is no mask. MONAI's last axis of one pixel is left out.
    const array x{{{-1, 0, 1}, {1, 0, -1}}, {{0, 0, 0}, {0, 0, 0}}};
    const label_array y{{1, 0, 0}, {1, 1, 0}};
    check_hausdorff(in_classes, {}, x, y, 0.357016);
    check_hausdorff(in_classes, {}, x, y, 1.428062, sum);
    check_hausdorff(of_labels, {}, x, y, (0.407765 + 0.5) / 2.0);
    check_hausdorff(of_labels, {}, x, y, 2.0 * (0.407765 + 0.5), sum);
    array log_p = x; // of the softmax over two classes: -log(1 + exp(other - own))
    for (std::size_t b = 0; b < 2; ++b)
        for (std::size_t c = 0; c < 2; ++c)
            for (std::size_t i = 0; i < 3; ++i)
                log_p(b, c, i) = -std::log1p(std::exp(x(b, 1 - c, i) - x(b, c, i)));
    check_hausdorff(of_labels, {}, log_p, y, 4.366613, none);
}

TEST_CASE("MONAI's published cases of SoftclDiceLoss", "[losses][published]") {
    const cl_dice loss{.smooth = 1e-5, .over = region::batch};
    const array ones({6, 1, 8, 8}, 1.0);
    CHECK(close(binary(cl_dice{.over = region::batch}, none)(ones, ones), 0.0, 1e-4, 1e-4));

    const array diagonals{{{{1, 0}, {0, 1}}}, {{{0, 1}, {1, 0}}}};
    const array logits{{{{1, -1}, {-1, 1}}}, {{{0.5, 0.5}, {0.5, 0.5}}}};
    CHECK(close(binary(loss)(logits, diagonals), 0.192777, 1e-4, 1e-4));
    // The softmax of (2, -2) and (0, 0), as probabilities: the channels are samples here.
    const double p = 1.0 / (1.0 + std::exp(-4.0)), q = 1.0 - p;
    const array softmax{{{{p, 0.5}, {0.5, p}}}, {{{q, 0.5}, {0.5, q}}}};
    CHECK(close(binary(loss, none)(softmax, diagonals), 0.148760, 1e-4, 1e-4));
    const array sure{{{{0.9, 0.1}, {0.1, 0.9}}}, {{{0.1, 0.9}, {0.9, 0.1}}}};
    CHECK(close(binary(loss, none)(sure, diagonals), 0.052631, 1e-4, 1e-4));
}

TEST_CASE("MONAI's published cases of SoftDiceclDiceLoss", "[losses][published]") {
    // Two squares, one pixel apart, and an empty channel.
    const array x{{{{1, 1, 0}, {1, 1, 0}, {0, 0, 0}}}, {{{0, 0, 0}, {0, 0, 0}, {0, 0, 0}}}};
    const array y{{{{0, 1, 1}, {0, 1, 1}, {0, 0, 0}}}, {{{0, 0, 0}, {0, 0, 0}, {0, 0, 0}}}};
    const dice overlap{.smooth = 1e-5}; // each channel by itself, clDice joins them
    const cl_dice lines{.smooth = 1e-5, .over = region::batch};
    const auto is = [&](double alpha, double expected) {
        const auto both = (1.0 - alpha) * overlap + alpha * lines;
        return close(binary(both, none)(x, y), expected, 1e-4, 1e-4);
    };
    CHECK(is(0.5, 0.624995));
    CHECK(is(0.0, 0.25));
    CHECK(is(1.0, 0.99999));
}

TEST_CASE("Kervadec's published distance maps", "[losses][published]") {
    // What multiplies a class at a pixel: the loss of a prediction that is 1 there and 0 elsewhere.
    const auto at = [](const label_array& y, std::size_t c, std::size_t row, std::size_t column) {
        array p({1, 2, y.shape(1), y.shape(2)}, 0.0);
        p(0, c, row, column) = 1.0;
        const boundary loss{.convention = xloss::distance_convention::kervadec};
        return multiclass(loss, {.activation = activation::none, .reduction = reduction::sum})(p, y);
    };
    label_array box({1, 256, 256}, 0);
    for (std::size_t i = 1; i < 254; ++i)
        for (std::size_t j = 1; j < 254; ++j)
            box(0, i, j) = 1;
    CHECK(at(box, 0, 127, 127) == 127.0);
    CHECK(at(box, 1, 127, 127) == -126.0);
    CHECK(at(label_array({1, 256, 256}, 0), 1, 127, 127) == 0.0);
    CHECK(at(label_array({1, 256, 256}, 0), 0, 127, 127) <= 0.0);

    for (std::size_t side : {3U, 4U}) { // the border inside a square is 0
        label_array square({1, 25, 25}, 0);
        for (std::size_t i = 0; i < side * side; ++i)
            square(0, 3 + i / side, 3 + i % side) = 1;
        std::size_t border = 0;
        for (std::size_t i = 0; i < 25 * 25; ++i)
            border += at(square, 1, i / 25, i % 25) == 0.0 ? 1U : 0U;
        CHECK(border == 4 * (side - 1));
    }
}
