// top_k and ohem: what they keep, by hand and against a sort, and that a selected loss is the loss inside on
// the target of which everything else is masked.

#include "support/catch.hpp"
#include "support/expressions.hpp"
#include "support/own_losses.hpp"
#include "support/sorted.hpp"

#include <xloss/testing/gradient_check.hpp>
#include <xloss/xloss.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <vector>

namespace {

using xloss::bce, xloss::cross_entropy, xloss::focal, xloss::ohem, xloss::top_k;
using masks = xt::xtensor<double, 4>; // [B, C, H, W], of logits, weights and everything with channels
using maps = xt::xtensor<double, 3>;  // [B, H, W]

constexpr std::array<std::size_t, 4> shape{2, 3, 7, 5};
constexpr std::array<std::size_t, 3> map_shape{2, 7, 5};
constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

/// Logits of few values, so that many losses are equal.
masks logits() {
    masks x = made_up::logits<double>(shape, 6.0);
    for (double& v : x.storage())
        v = std::round(v);
    return x;
}

/// 1 for the `count` largest keys among the elements with there != 0, the first of equal ones.
template <class Tensor>
Tensor largest(const Tensor& keys, const Tensor& there, std::size_t count) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < keys.size(); ++i)
        if (there.storage()[i] != 0.0)
            order.push_back(i);
    sort_indices(order, [&](std::size_t a, std::size_t b) { return keys.storage()[a] > keys.storage()[b]; });
    Tensor kept = xt::zeros_like(keys);
    for (std::size_t i = 0; i < std::min(count, order.size()); ++i)
        kept.storage()[order[i]] = 1.0;
    return kept;
}

/// mmsegmentation's rule: p_t below the larger of the threshold and, counted from 0, the (min_kept B)-th
/// least.
template <class Tensor>
Tensor uncertain(const Tensor& p, const Tensor& there, double threshold, std::size_t min_kept) {
    std::vector<double> sorted;
    for (std::size_t i = 0; i < p.size(); ++i)
        if (there.storage()[i] != 0.0)
            sorted.push_back(p.storage()[i]);
    std::sort(sorted.begin(), sorted.end());
    const double bound = std::max(threshold, sorted[std::min(min_kept * p.shape(0), sorted.size() - 1)]);
    Tensor kept = xt::zeros_like(p);
    for (std::size_t i = 0; i < p.size(); ++i)
        kept.storage()[i] = there.storage()[i] != 0.0 && p.storage()[i] < bound ? 1.0 : 0.0;
    return kept;
}

template <class Tensor>
std::size_t count(const Tensor& there) {
    return static_cast<std::size_t>(
        std::count_if(there.begin(), there.end(), [](double v) { return v != 0.0; }));
}

/// A selected loss is the one inside on the masked target, to the last bit.
template <class Found, class Expected, class X, class Y, class Masked, class Tensor>
void check_same(const Found& selected, const Expected& inside, const X& x, const Y& y, const Masked& masked,
                const Tensor& there) {
    const auto found = xloss::value_and_grad(selected, x, y);
    const auto expected = xloss::value_and_grad(inside, x, masked);
    CHECK(made_up::same_bits(found.value, expected.value));
    CHECK(made_up::same_bits(found.normalizer, expected.normalizer));
    CHECK(made_up::same_bits(found.terms[0].value, expected.terms[0].value));
    CHECK(made_up::same_elements(found.grad, expected.grad));
    CHECK(found.valid == count(there));
    CHECK(xloss::value(selected, x, y) == found.value);
    CHECK(std::any_of(found.grad.begin(), found.grad.end(), [](double g) { return g != 0.0; }));
}

double sigmoid(double x) {
    return 1.0 / (1.0 + std::exp(-x));
}

masks true_sigmoids(const masks& x, const masks& y) {
    masks p = x;
    for (std::size_t i = 0; i < p.size(); ++i) {
        const double one = sigmoid(x.storage()[i]);
        p.storage()[i] = one * y.storage()[i] + (1.0 - one) * (1.0 - y.storage()[i]);
    }
    return p;
}

/// sum_c y_c p_c of the softmax.
maps true_softmax(const masks& x, const masks& y) {
    maps p = xt::zeros<double>(map_shape);
    for (std::size_t b = 0; b < shape[0]; ++b)
        for (std::size_t i = 0; i < shape[2]; ++i)
            for (std::size_t j = 0; j < shape[3]; ++j) {
                double sum = 0.0;
                for (std::size_t c = 0; c < shape[1]; ++c)
                    sum += std::exp(x(b, c, i, j));
                for (std::size_t c = 0; c < shape[1]; ++c)
                    p(b, i, j) += y(b, c, i, j) * std::exp(x(b, c, i, j)) / sum;
            }
    return p;
}

masks one_hot(const xt::xtensor<int, 3>& labels) {
    masks y = xt::zeros<double>(shape);
    for (std::size_t b = 0; b < shape[0]; ++b)
        for (std::size_t c = 0; c < shape[1]; ++c)
            for (std::size_t i = 0; i < shape[2]; ++i)
                for (std::size_t j = 0; j < shape[3]; ++j)
                    y(b, c, i, j) = labels(b, i, j) == static_cast<int>(c) ? 1.0 : 0.0;
    return y;
}

} // namespace

TEST_CASE("top_k keeps the largest losses", "[criterion][selection]") {
    // log(1 + exp(-x)) of a true pixel falls with x.
    const xt::xtensor<double, 2> x{{3.0, -1.0, 0.0, 2.0, -2.0}, {1.0, 9.0, 0.5, -1.0, 9.0}};
    const xt::xtensor<int, 2> y{{1, 1, 1, 1, 1}, {1, 1, 1, 1, 255}};
    const auto soft_plus = [](double v) { return std::log1p(std::exp(v)); };
    const auto found = xloss::value_and_grad(xloss::binary(top_k(bce{}, 0.3), {.ignore_index = 255}), x, y);
    // floor(0.3 * 9) = 2 of nine: -2 and the first of the two at -1.
    CHECK(std::abs(found.value - (soft_plus(2.0) + soft_plus(1.0)) / 2.0) <= 1e-15);
    CHECK(found.normalizer == 2.0);
    CHECK(found.valid == 9);
    const double a = -sigmoid(1.0) / 2.0, b = -sigmoid(2.0) / 2.0;
    const xt::xtensor<double, 2> expected{{0.0, a, 0.0, 0.0, b}, {0.0, 0.0, 0.0, 0.0, 0.0}};
    for (std::size_t i = 0; i < x.size(); ++i)
        CHECK(std::abs(found.grad.storage()[i] - expected.storage()[i]) <= 1e-16);

    // At least one, and at most all.
    CHECK(xloss::value_and_grad(top_k(bce{}, 0.01), x, xt::eval(xt::minimum(y, 1))).normalizer == 1.0);
    CHECK(xloss::value_and_grad(top_k(bce{}, 1.0), x, xt::eval(xt::minimum(y, 1))).normalizer == 10.0);
    CHECK(top_k(bce{}).fraction == 0.1);
}

TEST_CASE("ohem keeps the least certain pixels", "[criterion][selection]") {
    // Two classes and label 0: p_t is the sigmoid of the first logit.
    const xt::xtensor<double, 3> x{{{2.0, -1.0, 0.5, 3.0, 0.0, 4.0}, {0.0, 0.0, 0.0, 0.0, 0.0, 0.0}}};
    const xt::xtensor<int, 2> y{{0, 0, 0, 0, 255, 0}}; // sorted: -1, 0.5, 2, 3, 4
    const auto kept = [&](xloss::ohem_options how, xloss::denominator d = xloss::denominator::weights) {
        return xloss::value_and_grad(
            xloss::multiclass(ohem(cross_entropy{}, how), {.ignore_index = 255, .denominator = d}), x, y);
    };
    const auto loss = [](double v) { return std::log1p(std::exp(-v)); };
    // Below 0.7: -1 and 0.5, sigmoid(0.5) = 0.62.
    const auto below = kept({.threshold = 0.7, .min_kept = 1});
    CHECK(std::abs(below.value - (loss(-1.0) + loss(0.5)) / 2.0) <= 1e-15);
    CHECK(below.normalizer == 2.0);
    CHECK(below.valid == 5);
    CHECK(below.grad(0, 0, 0) == 0.0);
    CHECK(std::abs(below.grad(0, 0, 2) + sigmoid(-0.5) / 2.0) <= 1e-16);
    CHECK(std::abs(below.grad(0, 1, 2) - sigmoid(-0.5) / 2.0) <= 1e-16);
    // mmsegmentation divides by all pixels.
    CHECK(std::abs(kept({.min_kept = 1}, xloss::denominator::all).value - (loss(-1.0) + loss(0.5)) / 6.0) <=
          1e-15);
    // min_kept decides where it keeps more: three are below the one of rank 3, counted from 0.
    CHECK(kept({.threshold = 0.7, .min_kept = 3}).normalizer == 3.0);
    CHECK(kept({.threshold = 0.0, .min_kept = 1}).normalizer == 1.0);
    CHECK(kept({.threshold = 0.0, .min_kept = 0}).normalizer == 0.0);
    // As in mmsegmentation the bound is never above the largest p_t, which itself is not below it.
    CHECK(kept({.threshold = 0.7, .min_kept = 4}).normalizer == 4.0);
    CHECK(kept({.threshold = 0.7}).normalizer == 4.0);
    CHECK(kept({.threshold = 1.0}).normalizer == 5.0);
    CHECK(ohem(cross_entropy{}).threshold == 0.7);
    CHECK(ohem(cross_entropy{}).min_kept == 100'000);
}

TEST_CASE("selected masks are masked masks", "[criterion][selection]") {
    masks x = logits(), w = made_up::weights<double>(shape);
    masks y = made_up::labels<double>(shape, 9) / 8.0; // soft
    const masks ones = xt::ones<double>(shape);
    masks there = w;
    for (std::size_t i = 0; i < x.size(); ++i) {
        if (i % 7 == 3)
            there.storage()[i] = 0.0;
        if (there.storage()[i] == 0.0)
            x.storage()[i] = y.storage()[i] = no_number;
    }
    masks valid = xt::cast<double>(xt::not_equal(there, 0.0));
    const auto target = xloss::weighted(xloss::masked(y, valid), w);
    const auto some = static_cast<std::size_t>(0.3 * static_cast<double>(count(there)));

    SECTION("binary") {
        const masks kept = largest<masks>(xloss::unreduced(bce{}, x, target), there, some);
        check_same(top_k(bce{}, 0.3), bce{}, x, target, xloss::masked(target, kept), there);
        const masks unsure = uncertain(true_sigmoids(x, y), there, 0.4, 31);
        check_same(ohem(bce{}, {.threshold = 0.4, .min_kept = 31}), bce{}, x, target,
                   xloss::masked(target, unsure), there);
    }
    SECTION("multilabel, with class weights") {
        const focal loss{.gamma = 1.5, .class_weights = {1.0, 0.0, 3.0}};
        for (const auto d :
             {xloss::denominator::weights, xloss::denominator::valid, xloss::denominator::all}) {
            const xloss::mode_options options{.denominator = d};
            const masks kept =
                largest<masks>(xloss::unreduced(xloss::multilabel(loss), x, target), there, some);
            check_same(xloss::multilabel(top_k(loss, 0.3), options), xloss::multilabel(loss, options), x,
                       target, xloss::masked(target, kept), there);
        }
    }
    SECTION("probabilities") {
        const masks p = 1.0 / (1.0 + xt::exp(-x));
        const auto as_they_are = [](const auto& loss) {
            return xloss::binary(loss, {.activation = xloss::activation::none});
        };
        const masks kept = largest<masks>(xloss::unreduced(as_they_are(bce{}), p, target), there, some);
        check_same(as_they_are(top_k(bce{}, 0.3)), as_they_are(bce{}), p, target, xloss::masked(target, kept),
                   there);
        const masks unsure = uncertain(true_sigmoids(x, y), there, 0.4, 31);
        check_same(as_they_are(ohem(bce{}, {.threshold = 0.4, .min_kept = 31})), as_they_are(bce{}), p,
                   target, xloss::masked(target, unsure), there);
    }
    SECTION("what a loss learns from the targets it learns from the kept") {
        const xloss::weighted_bce loss;
        const masks kept = largest<masks>(xloss::unreduced(loss, x, target), there, some);
        check_same(top_k(loss, 0.3), loss, x, target, xloss::masked(target, kept), there);
        const focal normalized{.normalized = true};
        const masks kept_focal =
            largest<masks>(xloss::unreduced(focal{.gamma = 2.0}, x, target), there, some);
        const auto found = xloss::value_and_grad(top_k(normalized, 0.3), x, target);
        const auto expected = xloss::value_and_grad(normalized, x, xloss::masked(target, kept_focal));
        CHECK(std::abs(found.value - expected.value) <= 1e-14 * expected.value);
        CHECK(std::abs(found.normalizer - expected.normalizer) <= 1e-14 * expected.normalizer);
    }
    SECTION("a sum of pointwise losses") {
        const auto loss = 0.5 * bce{} + user::brier{};
        const masks kept = largest<masks>(xloss::unreduced(loss, x, target), there, some);
        const auto found = xloss::value_and_grad(2.0 * top_k(loss, 0.3), x, target);
        const auto expected = xloss::value_and_grad(loss, x, xloss::masked(target, kept), {.upstream = 2.0});
        CHECK(found.terms.size() == 1);
        CHECK(std::abs(found.value - 2.0 * expected.value) <= 1e-14);
        CHECK(std::abs(found.terms[0].value - expected.value) <= 1e-14);
        CHECK(found.normalizer == expected.normalizer);
        CHECK(made_up::same_elements(found.grad, expected.grad));
    }
}

TEST_CASE("selected label maps are masked label maps", "[criterion][selection]") {
    masks x = logits();
    auto y = made_up::labels<int>(map_shape, 4); // of which 3 is ignored
    maps w = made_up::weights<double>(map_shape);
    const masks hot = one_hot(y);
    maps there = w;
    for (std::size_t b = 0; b < shape[0]; ++b)
        for (std::size_t i = 0; i < shape[2]; ++i)
            for (std::size_t j = 0; j < shape[3]; ++j) {
                if (y(b, i, j) == 3)
                    there(b, i, j) = 0.0;
                if (there(b, i, j) == 0.0)
                    x(b, 1, i, j) = no_number;
            }
    const auto target = xloss::weighted(y, w);
    const auto some = static_cast<std::size_t>(0.3 * static_cast<double>(count(there)));

    SECTION("multiclass") {
        const auto with = [](const auto& loss, xloss::denominator d = xloss::denominator::weights) {
            return xloss::multiclass(loss, {.ignore_index = 3, .denominator = d});
        };
        const cross_entropy loss{.class_weights = {1.0, 0.5, 3.0}};
        const maps kept = largest<maps>(xloss::unreduced(with(loss), x, target), there, some);
        for (const auto d : {xloss::denominator::weights, xloss::denominator::valid, xloss::denominator::all})
            check_same(with(top_k(loss, 0.3), d), with(loss, d), x, target, xloss::masked(target, kept),
                       there);
        x *= made_up::weights<double>(shape) + 0.1; // no ties, which the model's rounding would tell apart
        const maps unsure = uncertain(true_softmax(x, hot), there, 0.05, 10);
        check_same(with(ohem(loss, {.threshold = 0.05, .min_kept = 10})), with(loss), x, target,
                   xloss::masked(target, unsure), there);
    }
    SECTION("multiclass with soft targets") {
        for (double& v : x.storage())
            v = std::isnan(v) ? 0.5 : v;
        masks soft = made_up::logits<double>(shape);
        for (double& v : soft.storage())
            v = std::abs(v);
        soft /= xt::view(xt::eval(xt::sum(soft, {1})), xt::all(), xt::newaxis());
        const auto weighted = xloss::weighted(soft, w);
        const maps valid = xt::cast<double>(xt::not_equal(w, 0.0));
        const auto enough = static_cast<std::size_t>(0.3 * static_cast<double>(count(w)));
        const auto criterion = xloss::multiclass(cross_entropy{});
        const maps kept = largest<maps>(xloss::unreduced(criterion, x, weighted), valid, enough);
        check_same(xloss::multiclass(top_k(cross_entropy{}, 0.3)), criterion, x, weighted,
                   xloss::masked(weighted, kept), w);
        const maps unsure = uncertain(true_softmax(x, soft), valid, 0.2, 10);
        check_same(xloss::multiclass(ohem(cross_entropy{}, {.threshold = 0.2, .min_kept = 10})), criterion, x,
                   weighted, xloss::masked(weighted, unsure), w);
    }
    SECTION("one_vs_rest: a pixel may be kept in some classes only") {
        masks all_there = xt::zeros<double>(shape), weights = xt::zeros<double>(shape);
        for (std::size_t c = 0; c < shape[1]; ++c) {
            xt::view(all_there, xt::all(), c) = there;
            xt::view(weights, xt::all(), c) = w;
        }
        const auto masked_hot =
            xloss::weighted(xloss::masked(hot, xt::eval(xt::not_equal(all_there, 0.0))), w);
        const auto one_vs_rest = [](const auto& loss) {
            return xloss::one_vs_rest(loss, {.ignore_index = 3});
        };
        const auto enough = static_cast<std::size_t>(0.3 * static_cast<double>(count(all_there)));
        const auto check = [&](const auto& loss) {
            const masks kept =
                largest<masks>(xloss::unreduced(one_vs_rest(loss), x, target), all_there, enough);
            check_same(one_vs_rest(top_k(loss, 0.3)), xloss::multilabel(loss), x, target,
                       xloss::masked(masked_hot, kept), all_there);
        };
        check(xloss::weighted_bce{});
        const focal loss{.gamma = 1.5, .class_weights = {1.0, 0.5, 3.0}};
        check(loss);
        const masks unsure = uncertain(true_sigmoids(x, hot), all_there, 0.05, 30);
        check_same(one_vs_rest(ohem(loss, {.threshold = 0.05, .min_kept = 30})), xloss::multilabel(loss), x,
                   target, xloss::masked(masked_hot, unsure), all_there);
    }
}
