// The auxiliary losses that PROVE puts beside the cross entropy of every head, as in recipes.cpp: written
// down once more in plain loops. Focal is in recipes.cpp, its boundary loss in recipes_boundary.cpp.

#include "criterion/recipes.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <tuple>
#include <utility>
#include <vector>

using namespace cases;
using namespace recipes;
using xloss::cross_entropy;
using xloss::deep_supervision;
using xloss::lovasz_softmax;
using xloss::multiclass;

namespace {

// Not in even steps, as `logits` are: errors that nearly tie would change places within a step of a
// difference.
template <class... N>
scores uneven(N... n) {
    return fill<double>(
        0.6180339887498949, [](double u) { return 2.0 * std::sin(40.0 * u * u); }, n...);
}

const scores x = uneven(2, 3, 3, 4), small = uneven(2, 3, 2, 2);
const label_map y = labels_with_ignored(3, 2, 3, 4), small_labels = labels_with_ignored(3, 2, 2, 2);

/// classes='all', per_image=True.
const lovasz_softmax all_per_image{.over = xloss::region::sample, .empty = xloss::empty_region::smooth};

/// The Lovász extension of the Jaccard loss: pairs of error and whether the pixel is of the class.
double lovasz(std::vector<std::pair<double, double>> errors) {
    std::sort(errors.begin(), errors.end(), std::greater<>{});
    double truth = 0.0, seen = 0.0, not_seen = 0.0, before = 0.0, sum = 0.0;
    for (const auto& [e, one] : errors)
        truth += one;
    for (const auto& [e, one] : errors) {
        seen += one;
        not_seen += 1.0 - one;
        const double jaccard = 1.0 - (truth - seen) / (truth + not_seen);
        sum += e * (jaccard - before);
        before = jaccard;
    }
    return sum;
}

/// LovaszLoss of type multi_class: the mean over all classes of an image, then over images.
double lovasz_loss(const scores& of, const label_map& at) {
    const sizes n(of);
    const scores p = softmax(of);
    double sum = 0.0;
    for (std::size_t b = 0; b < n.samples; ++b)
        for (std::size_t c = 0; c < n.classes; ++c) {
            std::vector<std::pair<double, double>> errors;
            for (std::size_t i = 0; i < n.pixels; ++i) {
                const int label = at.data()[b * n.pixels + i];
                const double one = label == static_cast<int>(c) ? 1.0 : 0.0;
                if (label != 255)
                    errors.emplace_back(std::abs(one - p.data()[(b * n.classes + c) * n.pixels + i]), one);
            }
            sum += lovasz(std::move(errors));
        }
    return sum / static_cast<double>(n.samples * n.classes);
}

} // namespace

TEST_CASE("recipe: two heads of cross entropy and Lovasz-softmax, all classes, per image",
          "[criterion][recipes]") {
    const auto head = [](double weight) {
        return multiclass(weight * cross_entropy{} + 0.3 * all_per_image, ignore_255);
    };
    const auto heads = deep_supervision(std::array{head(1.0), head(0.4)}, {1.0, 1.0});
    const auto document = [](const scores& decode, const scores& auxiliary) {
        return entropy(decode, y) + 0.3 * lovasz_loss(decode, y) + 0.4 * entropy(auxiliary, small_labels) +
               0.3 * lovasz_loss(auxiliary, small_labels);
    };
    const auto r = xloss::value_and_grad(heads, std::tie(x, small), std::tie(y, small_labels));
    CHECK(error(r.value, document(x, small)) <= 1e-13);
    const auto& [grad, small_grad] = r.grads;
    CHECK(gradient_error(grad, x, [&](const scores& v) { return document(v, small); }) <= 1e-7);
    CHECK(gradient_error(small_grad, small, [&](const scores& v) { return document(x, v); }) <= 1e-7);
}

TEST_CASE("recipe: the weight of an auxiliary loss decays from 0.5 to 0.1", "[criterion][recipes]") {
    const xloss::ramp weight{.from = 0.5, .to = 0.1, .total = 80000};
    for (const auto& [step, expected] :
         {std::pair{0.0, 0.5}, {20000.0, 0.4}, {80000.0, 0.1}, {90000.0, 0.1}}) {
        const auto loss = multiclass(cross_entropy{} + weight.at(step) * all_per_image, ignore_255);
        CHECK(error(xloss::value(loss, x, y), entropy(x, y) + expected * lovasz_loss(x, y)) <= 1e-13);
    }
}

TEST_CASE("recipe: cross entropy, 0.3 focal and 0.2 Lovasz-softmax", "[criterion][recipes]") {
    const auto loss =
        multiclass(cross_entropy{} + 0.3 * xloss::focal{.alpha = 0.5} + 0.2 * all_per_image, ignore_255);
    CHECK(error(xloss::value(loss, x, y),
                entropy(x, y) + 0.3 * focal_loss(x, y, 0.5, 2.0) + 0.2 * lovasz_loss(x, y)) <= 1e-13);
}

TEST_CASE("recipe: cross entropy with label smoothing of 0.1", "[criterion][recipes]") {
    const auto document = [](const scores& v) {
        const sizes n(v);
        const scores p = softmax(v);
        double sum = 0.0, count = 0.0;
        for (std::size_t b = 0; b < n.samples; ++b)
            for (std::size_t i = 0; i < n.pixels; ++i) {
                const int label = y.data()[b * n.pixels + i];
                if (label == 255)
                    continue;
                count += 1.0;
                for (std::size_t c = 0; c < n.classes; ++c)
                    sum -= (label == static_cast<int>(c) ? 0.9 + 0.1 / 3.0 : 0.1 / 3.0) *
                           std::log(p.data()[(b * n.classes + c) * n.pixels + i]);
            }
        return sum / count;
    };
    const auto r = xloss::value_and_grad(multiclass(cross_entropy{.label_smoothing = 0.1}, ignore_255), x, y);
    CHECK(error(r.value, document(x)) <= 1e-13);
    CHECK(gradient_error(r.grad, x, document) <= 1e-7);
}
