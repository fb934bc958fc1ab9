// Whole training recipes that documents and frameworks spell out, each as one expression. Every one is
// written down once more as it stands there, in plain double loops; value and gradients are compared with it.

#include "criterion/recipes.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <tuple>
#include <vector>

using namespace cases;
using namespace recipes;
using xloss::cross_entropy;
using xloss::deep_supervision;
using xloss::dice;
using xloss::focal;
using xloss::multiclass;
using xloss::reduction;
using xloss::region;
using xloss::tversky;

namespace {

const scores x = logits(2, 3, 3, 4), small = 0.5 * logits(2, 3, 2, 2);
const label_map y = labels_with_ignored(3, 2, 3, 4), small_labels = labels_with_ignored(3, 2, 2, 2);

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
    // 0.3 of Dice beside cross entropy.
    const auto r = xloss::value_and_grad(multiclass(cross_entropy{} + 0.3 * dice{}, ignore_255), x, y);
    CHECK(error(r.value, entropy(x, y) + 0.3 * dice_loss(x, y)) <= 1e-13);
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

TEST_CASE("recipe: reductions none and sum of AutoTimm's losses of labels", "[criterion][recipes]") {
    const auto same_regions = [](const auto& loss, double alpha, double beta, double smooth) {
        std::vector<double> regions;
        double sum = 0.0;
        for (const confusion& k : confusions(x, y)) {
            regions.push_back(1.0 - (k.tp + smooth) / (k.tp + alpha * k.fp + beta * k.fn + smooth));
            sum += regions.back();
        }
        const auto none = xloss::unreduced(multiclass(loss, ignore_255), x, y);
        CHECK(largest_error(none, regions) <= 1e-13);
        CHECK(none.shape(0) == 2);
        CHECK(none.shape(1) == 3);
        const auto total = multiclass(loss, {.ignore_index = 255, .reduction = reduction::sum});
        CHECK(error(total(x, y), sum) <= 1e-13);
    };
    same_regions(dice{}, 0.5, 0.5, 0.5);
    same_regions(tversky{.alpha = 0.3, .beta = 0.7}, 0.3, 0.7, 1.0);

    // Of a pixel; theirs lists the valid ones alone, here ignored ones are 0.
    const scores p = softmax(x);
    const auto none = xloss::unreduced(multiclass(focal{}, ignore_255), x, y);
    double sum = 0.0, worst = 0.0;
    for (std::size_t b = 0; b < 2; ++b)
        for (std::size_t i = 0; i < 12; ++i) {
            const int label = y.data()[b * 12 + i];
            const double q =
                label == 255 ? 1.0 : p.data()[(b * 3 + static_cast<std::size_t>(label)) * 12 + i];
            const double loss = label == 255 ? 0.0 : -0.25 * (1.0 - q) * (1.0 - q) * std::log(q);
            worst = std::max(worst, error(none.data()[b * 12 + i], loss));
            sum += loss;
        }
    CHECK(worst <= 1e-13);
    const auto total = multiclass(focal{}, {.ignore_index = 255, .reduction = reduction::sum});
    CHECK(error(total(x, y), sum) <= 1e-13);
}

TEST_CASE("recipe: image classification, one label for each image", "[criterion][recipes]") {
    const xt::xtensor<double, 2> of = logits(5, 10); // [B, C]
    const xt::xtensor<int, 1> classes{3, 0, 9, 3, 7};
    double sum = 0.0;
    std::vector<double> grad;
    grad.reserve(of.size());
    for (std::size_t b = 0; b < 5; ++b) {
        double all = 0.0;
        for (std::size_t c = 0; c < 10; ++c)
            all += std::exp(of(b, c));
        for (std::size_t c = 0; c < 10; ++c) {
            const double one = classes(b) == static_cast<int>(c) ? 1.0 : 0.0, p = std::exp(of(b, c)) / all;
            sum -= one * std::log(p);
            grad.push_back((p - one) / 5.0);
        }
    }
    const auto r = xloss::value_and_grad(cross_entropy{}, of, classes);
    CHECK(error(r.value, sum / 5.0) <= 1e-13);
    CHECK(largest_error(r.grad, grad) <= 1e-12);
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
