// The numbers that MONAI's own tests expect of its losses (as of 2025), for the expressions that are the same
// losses here. Its tolerances are kept: its numbers are printed with five or six digits.
//
// Where the two differ in meaning the expression says how. MONAI's losses take "no activation" by default:
// activation::none, whatever the numbers are; another activation is applied to the logits by hand. Its
// jaccard counts its smoothing once where numerator and denominator are doubled. Its class weights are no
// weights of a mean: mean_of_w * dice{.class_weights = w}. Its cross entropy is a softmax always, beside a
// Dice of what is given: two heads on one output, each with its own activation. Left out is what ours have
// not: soft_label of the generalized Dice.

#include "losses/cases.hpp"

#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <tuple>
#include <vector>

#if __has_include(<xtensor/views/xview.hpp>)
#include <xtensor/core/xmath.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>
#endif

using namespace cases;
using xloss::activation;
using xloss::cross_entropy;
using xloss::deep_supervision;
using xloss::dice;
using xloss::focal;
using xloss::generalized_dice;
using xloss::iou;
using xloss::mode_options;
using xloss::multiclass;
using xloss::multilabel;
using xloss::one_vs_rest;
using xloss::reduction;
using xloss::region;
using xloss::soft_form;
using xloss::tversky;
using xloss::unified_focal;
using xloss::volume_weighting;
using xloss::wasserstein_dice;
using xloss::wasserstein_weighting;

namespace {

using array = xt::xarray<double>;
using label_array = xt::xarray<int>;

/// numpy.testing.assert_allclose.
bool close(double found, double expected, double relative, double absolute = 0.0) {
    return std::abs(found - expected) <= absolute + relative * std::abs(expected);
}

template <class Found>
bool all_close(const Found& found, const array& expected, double relative, double absolute = 0.0) {
    bool same = found.shape() == expected.shape();
    for (std::size_t i = 0; same && i < found.size(); ++i)
        same = close(found.data()[i], expected.data()[i], relative, absolute);
    return same;
}

template <class Loss, class Y>
struct row {
    const char* theirs;
    Loss ours;
    array x;
    Y y;
    double expected;
};

template <class Loss, class Y>
void check(double relative, double absolute, std::initializer_list<row<Loss, Y>> rows) {
    for (const auto& r : rows) {
        INFO(r.theirs);
        CAPTURE(r.expected, r.ours(r.x, r.y));
        CHECK(close(r.ours(r.x, r.y), r.expected, relative, absolute));
    }
}

template <class Loss>
using mask_rows = std::initializer_list<row<Loss, array>>;
template <class Loss>
using label_rows = std::initializer_list<row<Loss, label_array>>;

constexpr mode_options none{.activation = activation::none};
constexpr mode_options sum{.reduction = reduction::sum};

// [B, 1, 2, 2]
const array one{{{{1, -1}, {-1, 1}}}}, one_mask{{{{1, 0}, {1, 1}}}};
const array two{{{{1, -1}, {-1, 1}}}, {{{1, -1}, {-1, 1}}}},
    two_masks{{{{1, 1}, {1, 1}}}, {{{1, 0}, {1, 0}}}};
const array other_two{{{{1, 0}, {-1, 1}}}, {{{1, -1}, {-1, 1}}}};
const array soft_masks{{{{0.3, 0.4}, {0.7, 0.9}}}, {{{1, 0.1}, {0.5, 0.3}}}};

// [2, 2, 3], labels [2, 3]
const array hard{{{1, 1, 0}, {0, 0, 1}}, {{1, 0, 1}, {0, 1, 0}}};
const label_array hard_labels{{0, 0, 1}, {0, 1, 0}};
const array scores{{{-1, 0, 1}, {1, 0, -1}}, {{0, 0, 0}, {0, 0, 0}}};
const label_array score_labels{{1, 0, 0}, {1, 1, 0}};

/// Log of the softmax over two classes.
array log_softmax(const array& x) {
    array to = x;
    for (std::size_t b = 0; b < x.shape(0); ++b)
        for (std::size_t i = 0; i < x.shape(2); ++i)
            for (std::size_t c = 0; c < 2; ++c)
                to(b, c, i) = x(b, c, i) - std::log(std::exp(x(b, 0, i)) + std::exp(x(b, 1, i)));
    return to;
}

} // namespace

TEST_CASE("MONAI's published cases of DiceLoss", "[losses][published]") {
    using masks = decltype(multilabel(dice{}));
    check(1e-5, 0.0,
          mask_rows<masks>{
              {"sigmoid, 1e-6", multilabel(dice{.smooth = 1e-6}), one, one_mask, 0.307576},
              {"sigmoid, 1e-4", multilabel(dice{.smooth = 1e-4}), two, two_masks, 0.416657},
              {"soft_label", multilabel(dice{.smooth = 1e-4, .form = soft_form::semimetric}, none),
               soft_masks, soft_masks, 0.0},
              {"soft_label=False", multilabel(dice{.smooth = 1e-4}, none), soft_masks, soft_masks, 0.307773},
              {"squared_pred", multilabel(dice{.smooth = 1e-5, .form = soft_form::squared}), one, one_mask,
               0.178337},
              {"other_act=tanh", multilabel(dice{.smooth = 1e-4}, none), xt::tanh(two), two_masks, 0.999963},
              {"tanh, batch", multilabel(dice{.smooth = 1e-4, .over = region::batch}, none),
               xt::tanh(other_two), two_masks, 0.774718},
              {"tanh, batch, smooth_nr=0",
               multilabel(dice{.smooth_nr = 0.0, .smooth_dr = 1e-4, .over = region::batch}, none),
               xt::tanh(other_two), two_masks, 0.774733},
              {"tanh, smooth_nr=0", multilabel(dice{.smooth_nr = 0.0, .smooth_dr = 1e-4}, none),
               xt::tanh(other_two), two_masks, 0.840058}});
    using jaccard = decltype(multilabel(iou{}));
    check(1e-5, 0.0,
          mask_rows<jaccard>{{"jaccard", multilabel(iou{.smooth = 0.5e-5}), one, one_mask, 0.470451}});
    using labels = decltype(multiclass(dice{}));
    check(1e-5, 0.0,
          label_rows<labels>{
              {"no background", multiclass(dice{.smooth = 0.0, .include_background = false}, none), hard,
               hard_labels, 0.0},
              {"softmax", multiclass(dice{.smooth = 1e-4}), scores, score_labels, 0.383713},
              {"softmax, sum", multiclass(dice{.smooth = 1e-4}, sum), scores, score_labels, 1.534853},
              {"log_softmax", multiclass(dice{.smooth = 1e-4}, none), log_softmax(scores), score_labels,
               -8.522593}});
    using weighted = decltype(multiclass(0.5 * dice{}));
    check(1e-5, 0.0,
          label_rows<weighted>{{"log_softmax, weight=(0, 1)",
                                multiclass(0.5 * dice{.smooth = 1e-4, .class_weights = {0.0, 1.0}}, none),
                                log_softmax(scores), score_labels, -8.268515}});
    const auto rest = one_vs_rest(dice{.smooth = 1e-4});
    CHECK(close(rest(scores, score_labels), 0.435050, 1e-5));
    CHECK(all_close(xloss::unreduced(rest, scores, score_labels),
                    array{{0.296529, 0.415136}, {0.599976, 0.428559}}, 1e-5));
}

TEST_CASE("MONAI's published cases of GeneralizedDiceLoss", "[losses][published]") {
    using masks = decltype(multilabel(generalized_dice{}));
    check(1e-5, 0.0,
          mask_rows<masks>{
              {"sigmoid, 1e-6", multilabel(generalized_dice{.smooth = 1e-6}), one, one_mask, 0.307576},
              {"sigmoid, 1e-4", multilabel(generalized_dice{.smooth = 1e-4}), two, two_masks, 0.416597},
              {"soft_label=False", multilabel(generalized_dice{.smooth = 1e-4}, none), soft_masks, soft_masks,
               0.307748},
              {"other_act=tanh", multilabel(generalized_dice{.smooth = 1e-4}, none), xt::tanh(two), two_masks,
               0.99970}});
    using labels = decltype(multiclass(generalized_dice{}));
    const array steep{{{0, 10, 10, 10}, {10, 0, 0, 0}}};
    check(
        1e-5, 0.0,
        label_rows<labels>{
            {"no background", multiclass(generalized_dice{.smooth = 0.0, .include_background = false}, none),
             hard, hard_labels, 0.0},
            {"softmax", multiclass(generalized_dice{.smooth = 1e-4}), scores, score_labels, 0.414507},
            {"softmax, sum", multiclass(generalized_dice{.smooth = 1e-4}, sum), scores, score_labels,
             0.829015},
            {"no background, no foreground",
             multiclass(generalized_dice{.smooth = 1e-8, .include_background = false}, none), hard,
             label_array{{0, 0, 0}, {0, 0, 0}}, 0.0},
            {"simple weights", multiclass(generalized_dice{.weighting = volume_weighting::simple}), steep,
             label_array{{1, 1, 0, 0}}, 0.250023},
            {"log_softmax", multiclass(generalized_dice{.smooth = 1e-4}, none), log_softmax(scores),
             score_labels, -0.097833}});
    CHECK(close(one_vs_rest(generalized_dice{.smooth = 1e-4})(scores, score_labels), 0.469964, 1e-5));
    CHECK(all_close(xloss::unreduced(multiclass(generalized_dice{.smooth = 1e-4}), scores, score_labels),
                    array{0.273476, 0.555539}, 1e-5));
}

TEST_CASE("MONAI's published cases of TverskyLoss", "[losses][published]") {
    using masks = decltype(multilabel(tversky{}));
    check(
        1e-4, 0.0,
        mask_rows<masks>{
            {"sigmoid, 1e-6", multilabel(tversky{.smooth = 1e-6}), one, one_mask, 0.307576},
            {"sigmoid, 1e-4", multilabel(tversky{.smooth = 1e-4}), two, two_masks, 0.416657},
            {"soft_label", multilabel(tversky{.smooth = 1e-4, .form = soft_form::semimetric}, none),
             soft_masks, soft_masks, 0.0},
            {"soft_label=False", multilabel(tversky{.smooth = 1e-4}, none), soft_masks, soft_masks, 0.307773},
            {"alpha=0.3, beta=0.7", multilabel(tversky{.alpha = 0.3, .beta = 0.7, .smooth = 1e-6}), one,
             one_mask, 0.3589},
            {"alpha=0.7, beta=0.3", multilabel(tversky{.alpha = 0.7, .beta = 0.3, .smooth = 1e-6}), one,
             one_mask, 0.247366},
            {"other_act=tanh", multilabel(tversky{.smooth = 1e-4}, none), xt::tanh(two), two_masks, 0.999963},
            {"tanh, batch",
             multilabel(tversky{.smooth_nr = 0.0, .smooth_dr = 1e-3, .over = region::batch}, none),
             xt::tanh(two), two_masks, 0.999963}});
    using rest = decltype(one_vs_rest(tversky{}));
    check(1e-4, 0.0,
          label_rows<rest>{
              {"sigmoid", one_vs_rest(tversky{.smooth = 1e-4}), scores, score_labels, 0.435050},
              {"sigmoid, batch", one_vs_rest(tversky{.smooth = 1e-5, .over = region::batch}), scores,
               score_labels, 0.422979},
              {"sigmoid, sum", one_vs_rest(tversky{.smooth = 1e-4}, sum), scores, score_labels, 1.74013}});
    using labels = decltype(multiclass(tversky{}));
    check(1e-4, 0.0,
          label_rows<labels>{
              {"no background", multiclass(tversky{.smooth = 0.0, .include_background = false}, none), hard,
               hard_labels, 0.0},
              {"no background, smooth_dr",
               multiclass(tversky{.smooth_nr = 0.0, .smooth_dr = 1e-3, .include_background = false}, none),
               hard, hard_labels, 0.000999},
              {"softmax", multiclass(tversky{.smooth = 1e-4}), scores, score_labels, 0.383713},
              {"log_softmax", multiclass(tversky{.smooth = 1e-4}, none), log_softmax(scores), score_labels,
               -8.533317}});
    CHECK(all_close(xloss::unreduced(multiclass(tversky{.smooth = 1e-4}), scores, score_labels),
                    array{{0.210961, 0.295339}, {0.599952, 0.428547}}, 1e-4));
}

TEST_CASE("MONAI's published cases of FocalLoss", "[losses][published]") {
    const array x{{{{1, 1}, {0.5, 0}}, {{1, 1}, {0.5, 0}}, {{1, 1}, {0.5, 0}}}}; // [1, 3, 2, 2]
    const label_array y{{{0, 1}, {2, 0}}};
    const array one_hot{{{{1, 0}, {0, 1}}, {{0, 1}, {0, 0}}, {{0, 0}, {1, 0}}}};
    const focal plain{.alpha = -1.0};
    const auto is = [](double found, double expected) { return close(found, expected, 1e-4, 1e-4); };
    CHECK(is(one_vs_rest(plain)(x, y), 0.34959));
    CHECK(is(multilabel(plain)(x, one_hot), 0.34959));
    // Without background: channel 0 is left out of the logits.
    const auto foreground = [](const array& t) { return xt::view(t, xt::all(), xt::range(1, 3)); };
    CHECK(is(multilabel(plain)(foreground(x), foreground(one_hot)), 0.36498));
    CHECK(is(one_vs_rest(focal{.alpha = 0.8})(x, y), 0.08423));
    CHECK(all_close(xloss::unreduced(one_vs_rest(plain), x, y),
                    array{{{{0.02266, 0.70187}, {0.37741, 0.17329}},
                           {{0.70187, 0.02266}, {0.37741, 0.17329}},
                           {{0.70187, 0.70187}, {0.06757, 0.17329}}}},
                    1e-4, 1e-4));
    const focal weighted{.alpha = -1.0, .class_weights = {0.5, 0.1, 0.2}};
    CHECK(all_close(xloss::unreduced(one_vs_rest(weighted), x, y),
                    array{{{{0.01133, 0.35093}, {0.18871, 0.08664}},
                           {{0.07019, 0.00227}, {0.03774, 0.01733}},
                           {{0.14037, 0.14037}, {0.01352, 0.03466}}}},
                    1e-4, 1e-4));
    // With a softmax the mean is over the classes too, and alpha is that of every class but the first.
    CHECK(is(multiclass(1.0 / 3.0 * plain)(x, y), 0.16276));
    CHECK(is(multiclass(1.0 / 3.0 * focal{.alpha = {0.2, 0.8, 0.8}})(x, y), 0.08138));

    array corner = xt::zeros<double>({1, 2, 5, 5}), corner_mask;
    xt::view(corner, 0, 0) = 1.0;
    corner_mask = corner;
    corner_mask(0, 0, 2, 2) = 0.0;
    corner_mask(0, 1, 2, 2) = 1.0;
    CHECK(close(multilabel(plain)(corner, corner_mask), 0.1116, 0.0, 5e-4));
    CHECK(close(multilabel(plain)(foreground(corner), foreground(corner_mask)), 0.1733, 0.0, 5e-4));

    // Certain and right: 0, in 2-D and 3-D, with a class that is not there, with alpha.
    const auto certain = [&](const label_array& map, std::size_t classes, double height) {
        std::vector<std::size_t> shape(map.shape().begin(), map.shape().end());
        shape.insert(shape.begin() + 1, classes);
        array good(shape, -height / 2.0);
        const std::size_t pixels = map.size();
        for (std::size_t i = 0; i < pixels; ++i)
            good.data()[static_cast<std::size_t>(map.data()[i]) * pixels + i] = height / 2.0;
        for (double alpha : {-1.0, 0.5}) {
            CHECK(close(one_vs_rest(focal{.alpha = alpha})(good, map), 0.0, 0.0, 5e-4));
            CHECK(close(multiclass(focal{.alpha = alpha})(good, map), 0.0, 0.0, 5e-4));
        }
    };
    const label_array square{{{0, 0, 0, 0}, {0, 1, 1, 0}, {0, 1, 1, 0}, {0, 0, 0, 0}}};
    certain(square, 2, 100.0);
    certain(label_array(xt::zeros<int>({1, 4, 4})), 2, 1000.0);
    certain(label_array{{{0, 0, 0, 0}, {0, 1, 2, 0}, {0, 3, 4, 0}, {0, 0, 0, 0}}}, 6, 1000.0);
    label_array cube = xt::zeros<int>({1, 3, 4, 4});
    for (std::size_t k = 0; k < 3; ++k)
        xt::view(cube, xt::all(), k) = square;
    certain(cube, 2, 1000.0);
}

TEST_CASE("MONAI's published case of AsymmetricUnifiedFocalLoss", "[losses][published]") {
    const array p{{{{1, 0}, {0, 1}}}, {{{1, 0}, {0, 1}}}};
    const double k = 0.75; // 1 - w + w / C at w = 0.5, C = 2
    const auto same = xloss::binary(k * unified_focal{.weight = 0.5 / k, .delta = 0.7}, none);
    CHECK(close(same(p, p), 0.0, 1e-4, 1e-4));
}

TEST_CASE("MONAI's published cases of DiceCELoss", "[losses][published]") {
    struct published {
        const char* theirs;
        const dice* overlap;
        const cross_entropy* entropy;
        double entropy_weight;
        const array* x;
        double expected;
    };
    const dice all{.smooth = 1e-5}, foreground{.smooth = 1e-5, .include_background = false};
    const cross_entropy plain{}, weighted{.class_weights = {0.0, 1.0}};
    array confident = hard;
    confident(0, 0, 0) = confident(0, 0, 1) = 100.0;
    for (const auto& r :
         {published{"to_onehot_y", &all, &plain, 1.0, &hard, 0.3133},
          published{"no background", &foreground, &plain, 1.0, &confident, 0.2088},
          published{"no background, lambda_ce=2", &foreground, &plain, 2.0, &confident, 0.4176},
          published{"weight=(0, 1)", &foreground, &weighted, 1.0, &confident, 0.3133}}) {
        INFO(r.theirs);
        const auto same = deep_supervision(std::tuple{multiclass(*r.overlap, none), multiclass(*r.entropy)},
                                           {1.0, r.entropy_weight});
        CHECK(close(same(std::tie(*r.x, *r.x), hard_labels), r.expected, 1e-4, 1e-4));
        if (r.overlap->include_background) // one-hot is the same; here it is what it predicts, too
            CHECK(close(same(std::tie(*r.x, *r.x), hard), r.expected, 1e-4, 1e-4));
    }
    // Of one channel the cross entropy is binary, and its weight is pos_weight.
    const array x{{{0.8, 0.6, 0}}, {{0, 0, 0.9}}}, y{{{0, 0, 1}}, {{0, 1, 0}}};
    CHECK(close(xloss::binary(dice{.smooth = 1e-5} + xloss::bce{.pos_weight = 0.5})(x, y), 1.445239, 1e-4,
                1e-4));
}

TEST_CASE("MONAI's published cases of DeepSupervisionLoss", "[losses][published]") {
    const array full{{{{1, 1, 0}, {0, 0, 1}}, {{1, 0, 1}, {0, 1, 0}}}};
    const std::vector<array> xs{full, xt::view(full, xt::all(), xt::all(), xt::all(), xt::range(0, 2)),
                                xt::view(full, xt::all(), xt::all(), xt::all(), xt::range(0, 1))};
    const label_array y{{{1, 0, 1}, {0, 1, 0}}};
    // The target nearest to the middle of every pixel.
    const std::vector<label_array> ys{y, xt::view(y, xt::all(), xt::all(), xt::range(0, 3, 2)),
                                      xt::view(y, xt::all(), xt::all(), xt::range(1, 2))};
    const std::vector<array> first_x{xs[0]};
    const std::vector<label_array> first_y{ys[0]};
    const auto overlap = multiclass(dice{.smooth = 1e-5}, none);
    const auto entropy = multiclass(cross_entropy{});
    const auto rest = one_vs_rest(focal{.alpha = -1.0});
    const auto is = [](double found, double expected) { return close(found, expected, 1e-4, 1e-4); };

    CHECK(is(overlap(xs[0], y) + entropy(xs[0], y), 0.606557));
    struct published {
        const char* theirs;
        std::vector<double> weights;
        double expected;
    };
    for (const auto& r :
         {published{"exp", {1.0, 0.5, 0.25}, 1.78144}, published{"same", {1, 1, 1}, 3.5529},
          published{"two", {1.0, 0.5, 0.5}, 2.07973}, published{"weights", {0.1, 0.2, 0.3}, 0.76924}}) {
        INFO(r.theirs);
        CHECK(is(deep_supervision(overlap, r.weights)(xs, ys) + deep_supervision(entropy, r.weights)(xs, ys),
                 r.expected));
    }
    const std::vector<double> halves{1.0, 0.5, 0.25};
    CHECK(is(deep_supervision(overlap, {1.0})(first_x, first_y), 0.166666));
    CHECK(is(deep_supervision(overlap, halves)(xs, ys), 0.666665));
    CHECK(is(deep_supervision(overlap, {1.0})(first_x, first_y) +
                 deep_supervision(rest, {1.0})(first_x, first_y),
             0.32124));
    CHECK(is(deep_supervision(overlap, halves)(xs, ys) + deep_supervision(rest, halves)(xs, ys), 1.06452));
}

TEST_CASE("MONAI's published cases of GeneralizedWassersteinDiceLoss", "[losses][published]") {
    const label_array square{{0, 0, 0, 0}, {0, 1, 1, 0}, {0, 1, 1, 0}, {0, 0, 0, 0}};
    auto volume = xt::xtensor<int, 4>::from_shape({1, 3, 4, 4});
    for (std::size_t i = 0; i < volume.size(); ++i)
        volume.data()[i] = square.data()[i % square.size()];
    const xt::xtensor<int, 3> image = xt::view(volume, xt::all(), 0);
    const xt::xtensor<int, 3> empty = xt::zeros<int>({1, 4, 4});
    const std::vector<std::vector<double>> distances{{0.0, 1.0}, {1.0, 0.0}};
    // 1000 at the class of the label, or at the other one.
    const auto sure = [](const auto& labels, int of_label) {
        const std::size_t pixels = labels.size();
        auto x = xt::xtensor<double, 3>::from_shape({1, 2, pixels});
        for (std::size_t i = 0; i < pixels; ++i)
            for (int c : {0, 1})
                x(0, static_cast<std::size_t>(c), i) =
                    (labels.data()[i] == c) == (of_label == 1) ? 1000.0 : 0.0;
        return x;
    };
    const auto of = [](const auto& labels) {
        auto flat = xt::xtensor<std::int8_t, 2>::from_shape({1, labels.size()});
        for (std::size_t i = 0; i < labels.size(); ++i)
            flat.data()[i] = static_cast<std::int8_t>(labels.data()[i]);
        return flat;
    };
    for (const auto weighting : {wasserstein_weighting::foreground, wasserstein_weighting::volume}) {
        const auto loss = multiclass(wasserstein_dice{.distances = distances, .weighting = weighting});
        const auto check = [&](const auto& labels) {
            CHECK(close(loss(sure(labels, 1), of(labels)), 0.0, 1e-3, 0.0));
            CHECK(close(loss(sure(labels, 0), of(labels)), 1.0, 1e-3, 0.0));
        };
        check(image);
        check(volume);
        check(empty);
    }
}
