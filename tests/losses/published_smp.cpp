// The numbers that the tests of segmentation_models_pytorch (SMP) expect of its losses (as of 2026), for the
// expressions that are the same losses here. Its tolerances are kept.
//
// SMP scores every class over the whole batch (region::batch), a class without true pixels costs nothing and
// counts (empty_region::zero), its smooth is half of ours. Means divide by all pixels, ignored ones too
// (denominator::all), and its multiclass focal loss is one_vs_rest.

#include "losses/cases.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

using namespace cases;
using xloss::activation;
using xloss::binary;
using xloss::denominator;
using xloss::dice;
using xloss::empty_region;
using xloss::focal;
using xloss::iou;
using xloss::mcc;
using xloss::mode_options;
using xloss::multiclass;
using xloss::multilabel;
using xloss::one_vs_rest;
using xloss::region;
using xloss::tversky;

namespace {

using row = xt::xtensor<double, 2>;  // one image
using rows = xt::xtensor<double, 3>; // [B, C, N]
using map = xt::xtensor<int, 2>;     // [B, N]

constexpr mode_options none{.activation = activation::none};
constexpr double eps = 1e-5;

bool close(double found, double expected, double absolute = eps) {
    return std::abs(found - expected) <= absolute;
}

/// Calls f(name, loss) for the three overlap losses as SMP has them.
template <class F>
void every_overlap(F&& f, const xloss::per_class& weights = 1.0) {
    f("DiceLoss",
      dice{.smooth = 0.0, .over = region::batch, .empty = empty_region::zero, .class_weights = weights});
    f("JaccardLoss",
      iou{.smooth = 0.0, .over = region::batch, .empty = empty_region::zero, .class_weights = weights});
    f("TverskyLoss",
      tversky{.smooth = 0.0, .over = region::batch, .empty = empty_region::zero, .class_weights = weights});
}

} // namespace

TEST_CASE("SMP's published cases of its focal losses", "[losses][published]") {
    const row good{{10, -10, 10}}, bad{{-1, 2, 0}}, y{{1, 0, 1}};
    CHECK(focal{}(good, y) < focal{}(bad, y));

    const row good_scores{{0, 10, 0}, {10, 0, 0}, {0, 0, 10}},
        bad_scores{{0, -10, 0}, {0, 10, 0}, {0, 0, 10}};
    const xt::xtensor<int, 1> labels{1, 0, 2};
    const auto softmax = multiclass(focal{.alpha = -1.0});
    CHECK(softmax(good_scores, labels) < softmax(bad_scores, labels));
    // from_logits=False takes log p of a softmax for the logits of its sigmoids.
    const row log_p = good_scores - std::log(std::exp(10.0) + 2.0);
    const auto rest = one_vs_rest(focal{.alpha = -1.0});
    CHECK(std::isfinite(rest(log_p, labels)));
    CHECK(close(rest(log_p, labels), rest(good_scores, labels), 0.2));
}

TEST_CASE("SMP's published scores of one region, and of two", "[losses][published]") {
    struct published {
        row y, p;
        double jaccard, dice_score;
    };
    for (const auto& r : {published{{{1, 1, 1, 1}}, {{1, 1, 1, 1}}, 1.0, 1.0},
                          published{{{0, 1, 1, 0}}, {{0, 1, 1, 0}}, 1.0, 1.0},
                          published{{{1, 1, 1, 1}}, {{1, 1, 0, 0}}, 0.5, 2.0 / 3.0},
                          published{{{1, 1, 0, 0}, {0, 0, 1, 1}}, {{1, 1, 0, 0}, {0, 0, 1, 1}}, 1.0, 1.0},
                          published{{{1, 1, 0, 0}, {0, 0, 1, 1}}, {{0, 0, 1, 0}, {0, 1, 0, 0}}, 0.0, 0.0},
                          published{{{1, 1, 0, 0}, {0, 0, 0, 1}}, {{1, 1, 0, 0}, {0, 0, 0, 0}}, 0.5, 0.5}}) {
        CAPTURE(r.y, r.p);
        CHECK(close(1.0 - binary(iou{.smooth = 0.0}, none)(r.p, r.y), r.jaccard));
        CHECK(close(1.0 - binary(dice{.smooth = 0.0}, none)(r.p, r.y), r.dice_score));
        CHECK(close(1.0 - binary(tversky{.smooth = 0.0}, none)(r.p, r.y), r.dice_score));
    }
}

TEST_CASE("SMP's published cases of DiceLoss, JaccardLoss and TverskyLoss", "[losses][published]") {
    struct published {
        row p, y;
        double expected;
    };
    every_overlap([](const char* name, const auto& loss) {
        INFO(name);
        for (const auto& r :
             {published{{{1, 1, 1}}, {{1, 1, 1}}, 0.0}, published{{{1, 0, 1}}, {{1, 0, 1}}, 0.0},
              published{{{0, 0, 0}}, {{0, 0, 0}}, 0.0}, published{{{1, 1, 1}}, {{0, 0, 0}}, 0.0},
              published{{{1, 0, 1}}, {{0, 1, 0}}, 1.0}, published{{{0, 0, 0}}, {{1, 1, 1}}, 1.0}}) {
            CAPTURE(r.p, r.y);
            CHECK(close(binary(loss, none)(r.p, r.y), r.expected));
        }
    });
    const iou jaccard{.smooth = 0.0, .over = region::batch, .empty = empty_region::zero};
    const auto by_class = multiclass(jaccard, none);
    const rows halves{{{1, 1, 0, 0}, {0, 0, 1, 1}}}, stripes{{{1, 0, 1, 0}, {0, 1, 0, 1}}};
    CHECK(close(by_class(halves, map{{0, 0, 1, 1}}), 0.0));
    CHECK(close(by_class(halves, map{{1, 1, 0, 0}}), 1.0));
    CHECK(close(by_class(stripes, map{{1, 1, 0, 0}}), 1.0 - 1.0 / 3.0));
    const auto by_label = multilabel(jaccard, none);
    CHECK(close(by_label(halves, halves), 0.0));
    CHECK(close(by_label(halves, rows(1.0 - halves)), 1.0));
    CHECK(close(by_label(rows{{{0, 1, 1, 0}, {0, 1, 1, 0}}}, rows{{{1, 1, 0, 0}, {1, 1, 0, 0}}}),
                1.0 - 1.0 / 3.0));
}

TEST_CASE("SMP's published cases of SoftCrossEntropyLoss and SoftBCEWithLogitsLoss", "[losses][published]") {
    const mode_options ignored{.ignore_index = -100, .denominator = denominator::all};
    const row scores{{9, -9, -9, -9}, {-9, 9, -9, -9}, {-9, -9, 9, -9}, {-9, -9, -9, 9}};
    const xt::xtensor<int, 1> labels{0, 1, -100, 3};
    CHECK(close(multiclass(xloss::cross_entropy{.label_smoothing = 0.1}, ignored)(scores, labels), 1.0125,
                1e-4));
    const row x{{-9, 9, 1, 9, -9}};
    const map y{{0, 1, -100, 1, 0}};
    CHECK(close(binary(xloss::bce{.label_smoothing = 0.2}, ignored)(x, y), 0.7201, 1e-4));
}

TEST_CASE("SMP's published cases of MCCLoss", "[losses][published]") {
    const row halves{{1, 1, 0, 0, 0, 0, 1, 1}}, middle{{0, 1, 1, 0, 0, 1, 1, 0}},
        left{{1, 1, 0, 0, 1, 1, 0, 0}}, zeros(halves.shape(), 0.0), ones(halves.shape(), 1.0);
    const auto same = binary(mcc{.eps = eps, .over = region::batch}, none);
    CHECK(close(same(halves, halves), 0.0));
    CHECK(close(same(halves, row(1.0 - halves)), 2.0));
    CHECK(close(same(middle, left), 1.0));
    CHECK(close(same(zeros, left), 1.0));
    CHECK(close(same(zeros, ones), 1.5));
    CHECK(close(same(ones, ones), 0.5));
}

TEST_CASE("SMP's published properties of class_weights", "[losses][published]") {
    const auto x = logits(2, 3, 4, 4);
    const auto y = labels(3, 2, 4, 4);
    const auto masks = mask(2, 3, 4, 4);
    const auto values = [&](const xloss::per_class& weights) {
        std::vector<double> all;
        every_overlap(
            [&](const char*, const auto& loss) {
                all.push_back(multiclass(loss)(x, y));
                all.push_back(multilabel(loss)(x, masks));
            },
            weights);
        all.push_back(one_vs_rest(focal{.alpha = -1.0, .class_weights = weights})(x, y));
        return all;
    };
    const std::vector<double> plain = values(1.0), uniform = values({1.0, 1.0, 1.0}),
                              uneven = values({1.0, 2.0, 0.5}), scaled = values({10.0, 20.0, 5.0});
    for (std::size_t i = 0; i < plain.size(); ++i) {
        CHECK(close(uniform[i], plain[i]));
        CHECK_FALSE(close(uneven[i], plain[i], 1e-6));
        CHECK(close(scaled[i], uneven[i]));
    }
    every_overlap(
        [&](const char*, const auto& loss) {
            CHECK(throws<xloss::parameter_error>([&] { binary(loss)(x, masks); },
                                                 {"class_weights", "2 entries for 1 classes"}));
        },
        {1.0, 2.0});
}
