// Whole training recipes that documents and frameworks spell out, each as one expression. Every one is
// written down once more as it stands there, in plain double loops; value and gradients are compared with it.

#include "losses/cases.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <tuple>
#include <vector>

using namespace cases;
using xloss::cross_entropy;
using xloss::deep_supervision;
using xloss::dice;
using xloss::focal;
using xloss::multiclass;
using xloss::region;
using xloss::tversky;

namespace {

using scores = xt::xtensor<double, 4>; // [B, C, H, W]
using label_map = xt::xtensor<int, 3>; // [B, H, W]
constexpr xloss::mode_options ignore_255{.ignore_index = 255};

const scores x = logits(2, 3, 3, 4), small = 0.5 * logits(2, 3, 2, 2);
const label_map y = labels_with_ignored(3, 2, 3, 4), small_labels = labels_with_ignored(3, 2, 2, 2);

// --- as the documents have it ---

struct sizes {
    std::size_t samples, classes, pixels;
    explicit sizes(const scores& s)
        : samples(s.shape(0)), classes(s.shape(1)), pixels(s.shape(2) * s.shape(3)) {}
};

/// The softmax.
scores softmax(const scores& of) {
    const sizes n(of);
    scores p = of;
    for (std::size_t b = 0; b < n.samples; ++b)
        for (std::size_t i = 0; i < n.pixels; ++i) {
            const auto at = [&](std::size_t c) { return (b * n.classes + c) * n.pixels + i; };
            double sum = 0.0;
            for (std::size_t c = 0; c < n.classes; ++c)
                sum += std::exp(of.data()[at(c)]);
            for (std::size_t c = 0; c < n.classes; ++c)
                p.data()[at(c)] = std::exp(of.data()[at(c)]) / sum;
        }
    return p;
}

/// The mean of f(p of the label, label) over the pixels that are not 255, by the weight of their classes.
template <class F>
double mean_of_pixels(const scores& of, const label_map& at, const std::vector<double>& weights, F f) {
    const sizes n(of);
    const scores p = softmax(of);
    double sum = 0.0, weight = 0.0;
    for (std::size_t b = 0; b < n.samples; ++b)
        for (std::size_t i = 0; i < n.pixels; ++i) {
            const int label = at.data()[b * n.pixels + i];
            if (label == 255)
                continue;
            const auto c = static_cast<std::size_t>(label);
            const double w = weights.empty() ? 1.0 : weights[c];
            sum += w * f(p.data()[(b * n.classes + c) * n.pixels + i]);
            weight += w;
        }
    return sum / weight;
}

double entropy(const scores& of, const label_map& at, const std::vector<double>& weights = {}) {
    return mean_of_pixels(of, at, weights, [](double p) { return -std::log(p); });
}

double focal_loss(const scores& of, const label_map& at, double alpha, double gamma) {
    return mean_of_pixels(of, at, {},
                          [=](double p) { return -alpha * std::pow(1.0 - p, gamma) * std::log(p); });
}

struct confusion {
    double tp = 0.0, fp = 0.0, fn = 0.0;
};

/// The confusion of every class of every sample.
std::vector<confusion> confusions(const scores& of, const label_map& at) {
    const sizes n(of);
    const scores p = softmax(of);
    std::vector<confusion> all(n.samples * n.classes);
    for (std::size_t b = 0; b < n.samples; ++b)
        for (std::size_t c = 0; c < n.classes; ++c)
            for (std::size_t i = 0; i < n.pixels; ++i) {
                const int label = at.data()[b * n.pixels + i];
                const double v = p.data()[(b * n.classes + c) * n.pixels + i];
                const double one = label == static_cast<int>(c) ? 1.0 : 0.0;
                confusion& k = all[b * n.classes + c];
                if (label == 255)
                    continue;
                k.tp += v * one;
                k.fp += v * (1.0 - one);
                k.fn += (1.0 - v) * one;
            }
    return all;
}

/// 1 - (tp + smooth)/(tp + alpha fp + beta fn + smooth), the mean over classes and samples.
double tversky_loss(const scores& of, const label_map& at, double alpha, double beta, double smooth) {
    double sum = 0.0;
    const std::vector<confusion> all = confusions(of, at);
    for (const confusion& k : all)
        sum += 1.0 - (k.tp + smooth) / (k.tp + alpha * k.fp + beta * k.fn + smooth);
    return sum / static_cast<double>(all.size());
}

double dice_loss(const scores& of, const label_map& at, double smooth = 1.0) {
    return tversky_loss(of, at, 0.5, 0.5, 0.5 * smooth);
}

/// Minus the mean over the foreground classes of a Dice over the batch.
double minus_batch_dice(const scores& of, const label_map& at) {
    const sizes n(of);
    const std::vector<confusion> all = confusions(of, at);
    double sum = 0.0;
    for (std::size_t c = 1; c < n.classes; ++c) {
        confusion k;
        for (std::size_t b = 0; b < n.samples; ++b) {
            k.tp += all[b * n.classes + c].tp;
            k.fp += all[b * n.classes + c].fp;
            k.fn += all[b * n.classes + c].fn;
        }
        sum += (2.0 * k.tp + 1e-5) / std::max(2.0 * k.tp + k.fp + k.fn + 1e-5, 1e-8);
    }
    return -sum / static_cast<double>(n.classes - 1);
}

// --- how it is compared ---

/// The largest error of a gradient against central differences of a document's function.
template <class Document>
double gradient_error(const scores& grad, const scores& from, Document document) {
    scores moved = from;
    double worst = 0.0;
    for (std::size_t i = 0; i < from.size(); ++i) {
        const double step = 1e-5, here = from.data()[i];
        moved.data()[i] = here + step;
        const double up = document(moved);
        moved.data()[i] = here - step;
        worst = std::max(worst,
                         error(grad.data()[i], (up - document(moved)) / (2.0 * step), largest_entry(grad)));
        moved.data()[i] = here;
    }
    return worst;
}

template <class Loss, class Document>
void check_same(const Loss& loss, Document document) {
    const auto r = xloss::value_and_grad(loss, x, y);
    CHECK(error(r.value, document(x)) <= 1e-13);
    CHECK(gradient_error(r.grad, x, document) <= 1e-7);
}

/// Of two heads; document(x0, x1).
template <class Heads, class Document>
void check_same_heads(const Heads& heads, Document document) {
    const auto r = xloss::value_and_grad(heads, std::tie(x, small), std::tie(y, small_labels));
    CHECK(error(r.value, document(x, small)) <= 1e-13);
    const auto& [grad, small_grad] = r.grads;
    CHECK(gradient_error(grad, x, [&](const scores& v) { return document(v, small); }) <= 1e-7);
    CHECK(gradient_error(small_grad, small, [&](const scores& v) { return document(x, v); }) <= 1e-7);
}

} // namespace

TEST_CASE("recipe: decode 1.0 and auxiliary 0.4, cross entropy", "[criterion][recipes]") {
    check_same_heads(deep_supervision(multiclass(cross_entropy{}, ignore_255), {1.0, 0.4}),
                     [](const scores& decode, const scores& auxiliary) {
                         return entropy(decode, y) + 0.4 * entropy(auxiliary, small_labels);
                     });
}

TEST_CASE("recipe: decode and auxiliary head, each with an auxiliary loss of 0.3", "[criterion][recipes]") {
    const auto head = [](double weight) {
        return multiclass(weight * cross_entropy{} + 0.3 * focal{.alpha = 0.5}, ignore_255);
    };
    check_same_heads(deep_supervision(std::array{head(1.0), head(0.4)}, {1.0, 1.0}),
                     [](const scores& decode, const scores& auxiliary) {
                         return entropy(decode, y) + 0.3 * focal_loss(decode, y, 0.5, 2.0) +
                                0.4 * entropy(auxiliary, small_labels) +
                                0.3 * focal_loss(auxiliary, small_labels, 0.5, 2.0);
                     });
}

TEST_CASE("recipe: CombinedSegmentationLoss", "[criterion][recipes]") {
    const std::vector<double> weights{0.5, 1.0, 2.0};
    check_same(multiclass(0.5 * cross_entropy{.class_weights = weights} + 1.5 * dice{}, ignore_255),
               [&](const scores& v) { return 0.5 * entropy(v, y, weights) + 1.5 * dice_loss(v, y); });
    check_same(multiclass(cross_entropy{} + dice{}, ignore_255),
               [](const scores& v) { return entropy(v, y) + dice_loss(v, y); });
}

TEST_CASE("recipe: DiceLoss of labels, with 255 ignored", "[criterion][recipes]") {
    check_same(multiclass(dice{.smooth = 0.01}, ignore_255),
               [](const scores& v) { return dice_loss(v, y, 0.01); });
}

TEST_CASE("recipe: TverskyLoss of labels, with 255 ignored", "[criterion][recipes]") {
    for (const double alpha : {0.5, 0.3, 0.7})
        check_same(multiclass(tversky{.alpha = alpha, .beta = 1.0 - alpha}, ignore_255),
                   [=](const scores& v) { return tversky_loss(v, y, alpha, 1.0 - alpha, 1.0); });
}

TEST_CASE("recipe: FocalLossPixelwise", "[criterion][recipes]") {
    check_same(multiclass(focal{}, ignore_255), [](const scores& v) { return focal_loss(v, y, 0.25, 2.0); });
}

TEST_CASE("recipe: nnU-Net's Dice and cross entropy, with its deep supervision", "[criterion][recipes]") {
    const auto criterion =
        multiclass(cross_entropy{} + dice{.smooth = 1e-5, .over = region::batch, .include_background = false},
                   ignore_255);
    check_same(criterion, [](const scores& v) { return entropy(v, y) + minus_batch_dice(v, y) + 1.0; });
    // Three heads: weights 2/3, 1/3 and 0, which sum to 1, as do the ones that its Dice leaves out.
    const auto heads = deep_supervision(criterion, xloss::deep_supervision_weights(3));
    const auto r =
        xloss::value_and_grad(heads, std::tie(x, small, small), std::tie(y, small_labels, small_labels));
    const auto document = [](const scores& of, const label_map& at) {
        return entropy(of, at) + minus_batch_dice(of, at);
    };
    CHECK(error(r.value - 1.0, 2.0 / 3.0 * document(x, y) + 1.0 / 3.0 * document(small, small_labels)) <=
          1e-13);
    CHECK(largest_entry(std::get<2>(r.grads)) == 0.0);
}

TEST_CASE("recipe: nnU-Net's Dice and top-k cross entropy", "[criterion][recipes]") {
    // The document's k of all pixels counts ignored ones too, as zeros; here none is ignored.
    const label_map all = labels(3, 2, 3, 4);
    const auto document = [&](const scores& v) {
        const scores p = softmax(v);
        std::vector<double> losses;
        for (std::size_t b = 0; b < 2; ++b)
            for (std::size_t i = 0; i < 12; ++i) {
                const auto c = static_cast<std::size_t>(all.data()[b * 12 + i]);
                losses.push_back(-std::log(p.data()[(b * 3 + c) * 12 + i]));
            }
        std::sort(losses.rbegin(), losses.rend());
        double sum = 0.0;
        for (std::size_t i = 0; i < 5; ++i) // 0.21 of 24, down; the sixth is another value
            sum += losses[i];
        return minus_batch_dice(v, all) + sum / 5.0;
    };
    const auto r = xloss::value_and_grad(
        multiclass(dice{.smooth = 1e-5, .over = region::batch, .include_background = false} +
                   xloss::top_k(cross_entropy{}, 0.21)),
        x, all);
    CHECK(error(r.value - 1.0, document(x)) <= 1e-13);
    CHECK(gradient_error(r.grad, x, document) <= 1e-7);
}
