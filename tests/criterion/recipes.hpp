#ifndef XLOSS_TESTS_CRITERION_RECIPES_HPP
#define XLOSS_TESTS_CRITERION_RECIPES_HPP

// Losses of label maps as documents and frameworks have them, in plain double loops, and how ours are
// compared with them.

#include "losses/cases.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace recipes {

using cases::error;
using cases::largest_entry;

using scores = xt::xtensor<double, 4>; // [B, C, H, W]
using label_map = xt::xtensor<int, 3>; // [B, H, W]
inline constexpr xloss::mode_options ignore_255{.ignore_index = 255};

struct sizes {
    std::size_t samples, classes, pixels;
    explicit sizes(const scores& s)
        : samples(s.shape(0)), classes(s.shape(1)), pixels(s.shape(2) * s.shape(3)) {}
};

/// The softmax.
inline scores softmax(const scores& of) {
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

inline double entropy(const scores& of, const label_map& at, const std::vector<double>& weights = {}) {
    return mean_of_pixels(of, at, weights, [](double p) { return -std::log(p); });
}

inline double focal_loss(const scores& of, const label_map& at, double alpha, double gamma) {
    return mean_of_pixels(of, at, {},
                          [=](double p) { return -alpha * std::pow(1.0 - p, gamma) * std::log(p); });
}

struct confusion {
    double tp = 0.0, fp = 0.0, fn = 0.0;
};

/// The confusion of every class of every sample.
inline std::vector<confusion> confusions(const scores& of, const label_map& at) {
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
inline double tversky_loss(const scores& of, const label_map& at, double alpha, double beta, double smooth) {
    double sum = 0.0;
    const std::vector<confusion> all = confusions(of, at);
    for (const confusion& k : all)
        sum += 1.0 - (k.tp + smooth) / (k.tp + alpha * k.fp + beta * k.fn + smooth);
    return sum / static_cast<double>(all.size());
}

inline double dice_loss(const scores& of, const label_map& at, double smooth = 1.0) {
    return tversky_loss(of, at, 0.5, 0.5, 0.5 * smooth);
}

/// Minus the mean over the foreground classes of a Dice over the batch.
inline double minus_batch_dice(const scores& of, const label_map& at) {
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

} // namespace recipes

#endif
