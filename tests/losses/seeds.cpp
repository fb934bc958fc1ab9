// The losses that documents on segmentation training spell out, each beside the expression that is the same
// loss here. Every document's function is written down once more as it stands, in plain double loops; value
// and gradient are compared with it.

#include "losses/cases.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

using namespace cases;
using xloss::activation;
using xloss::bce;
using xloss::dice;
using xloss::focal;
using xloss::generalized_dice;
using xloss::iou;
using xloss::reduction;
using xloss::region;
using xloss::soft_form;
using xloss::weighted_bce;
using xloss::testing::gradient_check;

namespace {

using images = xt::xtensor<double, 4>; // [B, 1, H, W], or [B, C, H, W]
using masks = xt::xtensor<double, 3>;  // [B, H, W]

const images x = logits(3, 1, 4, 5);
const auto y_small = mask(3, 1, 4, 5);
const images y = y_small;
const images y_soft = soft(3, 1, 4, 5);
const images chance = probabilities(3, 1, 4, 5);

double sigmoid(double v) {
    return 1.0 / (1.0 + std::exp(-v));
}

/// F.binary_cross_entropy_with_logits of an element.
double bce_with_logits(double v, double target, double pos_weight = 1.0) {
    return -(pos_weight * target * std::log(sigmoid(v)) + (1.0 - target) * std::log(sigmoid(-v)));
}

double mean(const std::vector<double>& all) {
    double sum = 0.0;
    for (double v : all)
        sum += v;
    return sum / static_cast<double>(all.size());
}

/// f(x, y) of every element.
template <class X, class F>
std::vector<double> each(const X& a, const X& b, F f) {
    std::vector<double> all;
    for (std::size_t i = 0; i < a.size(); ++i)
        all.push_back(f(a.data()[i], b.data()[i]));
    return all;
}

struct overlap {
    double intersection = 0.0, pred = 0.0, target = 0.0, pred2 = 0.0, target2 = 0.0;

    void add(double p, double t) {
        intersection += p * t;
        pred += p;
        target += t;
        pred2 += p * p;
        target2 += t * t;
    }
};

/// The sums of part number `part` of as many equal, contiguous ones.
template <class X>
overlap sums_of(const X& p, const X& t, std::size_t part, std::size_t parts, bool logits_given = true) {
    overlap sums;
    const std::size_t n = p.size() / parts;
    for (std::size_t i = part * n; i < (part + 1) * n; ++i)
        sums.add(logits_given ? sigmoid(p.data()[i]) : p.data()[i], t.data()[i]);
    return sums;
}

/// Value against the document's function, gradient against its central differences and against our own.
template <class Loss, class X, class Y, class Document>
void check_same(const Loss& loss, const X& at, const Y& target, Document document) {
    const auto r = xloss::value_and_grad(loss, at, target);
    CHECK(error(r.value, document(at)) <= 1e-13);
    X moved = at;
    double worst = 0.0;
    for (std::size_t i = 0; i < at.size(); ++i) {
        const double step = 1e-5, here = at.data()[i];
        moved.data()[i] = here + step;
        const double up = document(moved);
        moved.data()[i] = here - step;
        worst = std::max(
            worst, error(r.grad.data()[i], (up - document(moved)) / (2.0 * step), largest_entry(r.grad)));
        moved.data()[i] = here;
    }
    CHECK(worst <= 1e-7);
    CHECK(gradient_check(loss, at, target));
}

} // namespace

TEST_CASE("the document's binary_cross_entropy_loss is bce") {
    check_same(bce{}, x, y, [](const images& v) {
        return mean(each(v, y, [](double l, double t) { return bce_with_logits(l, t); }));
    });
}

TEST_CASE("the document's weighted_bce_loss: pos_weight given, or n_neg/(n_pos + 1e-8) of the batch") {
    const auto document = [](double pos_weight) {
        return [pos_weight](const images& v) {
            return mean(each(v, y, [&](double l, double t) { return bce_with_logits(l, t, pos_weight); }));
        };
    };
    check_same(bce{.pos_weight = 3.0}, x, y, document(3.0));
    double positive = 0.0;
    for (double t : y)
        positive += t;
    const double negative = static_cast<double>(y.size()) - positive;
    check_same(weighted_bce{}, x, y, document(negative / (positive + 1e-8)));
    // An empty target is plain BCE, a full one 0.
    const images empty{{{{0.0, 0.0}}}}, full{{{{1.0, 1.0}}}}, some{{{{0.5, -1.0}}}};
    CHECK(error(weighted_bce{}(some, empty), bce{}(some, empty)) <= 1e-15);
    CHECK(weighted_bce{}(some, full) == 0.0);
}

TEST_CASE("the document's dice_loss: one score over the batch") {
    const auto document = [](double smooth) {
        return [smooth](const images& v) {
            const overlap s = sums_of(v, y, 0, 1);
            return 1.0 - (2.0 * s.intersection + smooth) / (s.pred + s.target + smooth);
        };
    };
    check_same(dice{.over = region::batch}, x, y, document(1.0));
    check_same(dice{.smooth = 0.25, .over = region::batch}, x, y, document(0.25));
}

TEST_CASE("the document's soft_dice_loss: per sample, with and without squares") {
    const auto document = [](bool square_denominator) {
        return [square_denominator](const images& v) {
            double scores = 0.0;
            for (std::size_t b = 0; b < 3; ++b) {
                const overlap s = sums_of(v, y, b, 3);
                const double size = square_denominator ? s.pred2 + s.target2 : s.pred + s.target;
                scores += (2.0 * s.intersection + 1.0) / (size + 1.0);
            }
            return 1.0 - scores / 3.0;
        };
    };
    check_same(dice{}, x, y, document(false));
    check_same(dice{.form = soft_form::squared}, x, y, document(true));
}

TEST_CASE("the document's generalized_dice_loss: both smooths 1, nearly 0 for any prediction") {
    const auto wide = logits(2, 3, 4, 5);
    const auto one_hot = [] {
        images t = images::from_shape({2, 3, 4, 5});
        const auto l = labels(3, 2, 4, 5);
        for (std::size_t b = 0; b < 2; ++b)
            for (std::size_t c = 0; c < 3; ++c)
                for (std::size_t i = 0; i < 20; ++i)
                    t.data()[(b * 3 + c) * 20 + i] = l.data()[b * 20 + i] == static_cast<int>(c) ? 1.0 : 0.0;
        return t;
    }();
    const generalized_dice same{.weight_smooth = 1.0, .smooth = 1.0};
    check_same(multiclass(same), wide, one_hot, [&](const images& v) {
        double scores = 0.0;
        for (std::size_t b = 0; b < 2; ++b) {
            double hits = 0.0, sizes = 0.0;
            for (std::size_t c = 0; c < 3; ++c) {
                overlap s;
                for (std::size_t i = 0; i < 20; ++i) {
                    const auto e = [&](std::size_t k) { return std::exp(v.data()[(b * 3 + k) * 20 + i]); };
                    s.add(e(c) / (e(0) + e(1) + e(2)), one_hot.data()[(b * 3 + c) * 20 + i]);
                }
                const double weight = 1.0 / (s.target * s.target + 1.0);
                hits += weight * s.intersection;
                sizes += weight * (s.pred + s.target);
            }
            scores += (2.0 * hits + 1.0) / (sizes + 1.0);
        }
        return 1.0 - scores / 2.0;
    });
    // The smooth of 1 outweighs sums that the weights have made small: 64 x 64 pixels, all wrong.
    const auto flat = images::from_shape({1, 2, 64, 64});
    images wrong(flat.shape(), -20.0), target(flat.shape(), 0.0);
    for (std::size_t i = 0; i < 4096; ++i) {
        target.data()[i < 2048 ? i : 4096 + i] = 1.0;
        wrong.data()[i < 2048 ? 4096 + i : i] = 20.0;
    }
    CHECK(multiclass(same)(wrong, target) < 0.01);
    CHECK(multiclass(generalized_dice{})(wrong, target) > 0.99);
}

TEST_CASE("the document's focal_loss: hard masks, where it tests y == 1") {
    const auto document = [](double alpha, double gamma, const images& target) {
        return [alpha, gamma, &target](const images& v) {
            return mean(each(v, target, [=](double l, double t) {
                const double pt = t == 1.0 ? sigmoid(l) : 1.0 - sigmoid(l);
                const double alpha_t = t == 1.0 ? alpha : 1.0 - alpha;
                return alpha_t * std::pow(1.0 - pt, gamma) * bce_with_logits(l, t);
            }));
        };
    };
    check_same(focal{}, x, y, document(0.25, 2.0, y));
    check_same(focal{.alpha = 0.75, .gamma = 1.5}, x, y, document(0.75, 1.5, y));
    // Soft targets are all "not 1" to it; ours interpolate, as sigmoid_focal_loss does.
    CHECK(error(focal{}(x, y_soft), document(0.25, 2.0, y_soft)(x)) > 0.01);
}

TEST_CASE("the document's sigmoid_focal_loss and its three reductions") {
    const auto elements = [](double alpha, double gamma, const images& target) {
        return [alpha, gamma, &target](const images& v) {
            return each(v, target, [=](double l, double t) {
                const double p = sigmoid(l), p_t = p * t + (1.0 - p) * (1.0 - t);
                const double loss = bce_with_logits(l, t) * std::pow(1.0 - p_t, gamma);
                return alpha >= 0.0 ? (alpha * t + (1.0 - alpha) * (1.0 - t)) * loss : loss;
            });
        };
    };
    const auto document = elements(0.25, 2.0, y_soft);
    check_same(focal{}, x, y_soft, [&](const images& v) { return mean(document(v)); });
    check_same(binary(focal{}, {.reduction = reduction::sum}), x, y_soft,
               [&](const images& v) { return mean(document(v)) * static_cast<double>(v.size()); });
    CHECK(largest_error(xloss::unreduced(focal{}, x, y_soft), document(x)) <= 1e-13);
    // A negative alpha switches the weighting off.
    const auto plain = elements(-1.0, 0.5, y);
    check_same(focal{.alpha = -1.0, .gamma = 0.5}, x, y, [&](const images& v) { return mean(plain(v)); });
}

TEST_CASE("the document's iou_loss: one score over the batch, the intersection once") {
    // The text beside it has 2 * intersection/union, which no perfect mask could bring to 1; its code has
    // not.
    check_same(iou{.over = region::batch}, x, y, [](const images& v) {
        const overlap s = sums_of(v, y, 0, 1);
        return 1.0 - (s.intersection + 1.0) / (s.pred + s.target - s.intersection + 1.0);
    });
}

TEST_CASE("the document's lovasz_hinge_loss: one image at a time") {
    // Its `googles` is gt_sorted.
    check_same(xloss::lovasz_hinge{}, x, y, [](const images& v) {
        double sum = 0.0;
        for (std::size_t b = 0; b < 3; ++b) {
            std::vector<std::pair<double, double>> errors; // and whether the pixel is true
            for (std::size_t i = b * 20; i < (b + 1) * 20; ++i)
                errors.emplace_back(1.0 - v.data()[i] * (2.0 * y.data()[i] - 1.0), y.data()[i]);
            std::sort(errors.begin(), errors.end(), std::greater<>{});
            double truth = 0.0, seen = 0.0, not_seen = 0.0, before = 0.0;
            for (const auto& [e, one] : errors)
                truth += one;
            for (const auto& [e, one] : errors) {
                seen += one;
                not_seen += 1.0 - one;
                const double jaccard = 1.0 - (truth - seen) / (truth + not_seen);
                sum += std::max(e, 0.0) * (jaccard - before);
                before = jaccard;
            }
        }
        return sum / 3.0;
    });
}

TEST_CASE("the document's MaskLoss: BCE of masks [N, H, W] with pos_weight") {
    const masks rois = logits(2, 3, 4), truth = mask(2, 3, 4);
    const auto elements = [&](const masks& v) {
        return each(v, truth, [](double l, double t) { return bce_with_logits(l, t, 2.0); });
    };
    const bce same{.pos_weight = 2.0};
    check_same(same, rois, truth, [&](const masks& v) { return mean(elements(v)); });
    check_same(binary(same, {.reduction = reduction::sum}), rois, truth,
               [&](const masks& v) { return mean(elements(v)) * 24.0; });
    CHECK(largest_error(xloss::unreduced(same, rois, truth), elements(rois)) <= 1e-13);
}

TEST_CASE("the document's mask loss of Mask R-CNN is bce; its formula lacks log(1 - p)") {
    const masks rois = logits(2, 3, 4), truth = mask(2, 3, 4);
    const auto document = [&](const masks& v) { // -1/N sum [y log p + (1 - y) log(1 - p)]
        return -mean(each(v, truth, [](double l, double t) {
            return t * std::log(sigmoid(l)) + (1.0 - t) * std::log(1.0 - sigmoid(l));
        }));
    };
    check_same(bce{}, rois, truth, document);
    const double as_printed =
        -mean(each(rois, truth, [](double l, double t) { return t * std::log(sigmoid(l)) + (1.0 - t); }));
    CHECK(error(bce{}(rois, truth), as_printed) > 0.01);
}

TEST_CASE("the document's soft_dice_loss with eps 1e-6: per mask [B, H, W]") {
    const masks rois = logits(2, 3, 4), truth = mask(2, 3, 4);
    check_same(dice{.smooth = 1e-6}, rois, truth, [&](const masks& v) {
        double scores = 0.0;
        for (std::size_t b = 0; b < 2; ++b) {
            const overlap s = sums_of(v, truth, b, 2);
            scores += (2.0 * s.intersection + 1e-6) / (s.pred + s.target + 1e-6);
        }
        return 1.0 - scores / 2.0;
    });
}

TEST_CASE("the document's label_smoothing_bce_loss: 1 becomes 1 - s/2, 0 becomes s/2") {
    const masks rois = logits(2, 3, 4), truth = mask(2, 3, 4);
    for (double smoothing : {0.05, 0.2})
        check_same(bce{.label_smoothing = smoothing}, rois, truth, [&](const masks& v) {
            return mean(each(v, truth, [=](double l, double t) {
                return bce_with_logits(l, t * (1.0 - smoothing) + 0.5 * smoothing);
            }));
        });
}

TEST_CASE("the document's losses on probabilities: binary_cross_entropy, dice_loss, iou_loss, focal_loss") {
    // -[y log p + (1 - y) log(1 - p)]
    check_same(binary(bce{}, {.activation = activation::none}), chance, y, [](const images& p) {
        return mean(each(
            p, y, [](double v, double t) { return -(t * std::log(v) + (1.0 - t) * std::log(1.0 - v)); }));
    });
    // 1 - 2|A and B|/(|A| + |B|) and 1 - |A and B|/|A or B|
    check_same(binary(dice{.smooth = 0.0, .over = region::batch}, {.activation = activation::none}), chance,
               y, [](const images& p) {
                   const overlap s = sums_of(p, y, 0, 1, false);
                   return 1.0 - 2.0 * s.intersection / (s.pred + s.target);
               });
    check_same(binary(iou{.smooth = 0.0, .over = region::batch}, {.activation = activation::none}), chance, y,
               [](const images& p) {
                   const overlap s = sums_of(p, y, 0, 1, false);
                   return 1.0 - s.intersection / (s.pred + s.target - s.intersection);
               });
    // The numbers it prints for one batch belong together so: iou = dice/(2 - dice) as scores.
    const double printed = 1.0 - 0.8606790900230408;
    CHECK(error(1.0 - printed / (2.0 - printed), 0.9251236319541931) <= 1e-7);
    // -(1 - p)^gamma log p of the true class, without alpha
    check_same(binary(focal{.alpha = -1.0}, {.activation = activation::none}), chance, y,
               [](const images& p) {
                   return mean(each(p, y, [](double v, double t) {
                       const double pt = t == 1.0 ? v : 1.0 - v;
                       return -std::pow(1.0 - pt, 2.0) * std::log(pt);
                   }));
               });
    // "BCE + Dice" of the two.
    const auto both =
        binary(bce{} + dice{.smooth = 0.0, .over = region::batch}, {.activation = activation::none});
    const auto r = xloss::value_and_grad(both, chance, y);
    CHECK(error(r.value, r.terms[0].value + r.terms[1].value) <= 1e-15);
}
