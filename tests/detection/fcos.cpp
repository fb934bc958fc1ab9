// detection/fcos.hpp: against its own parts, a plain model, central differences, and nothing read or written
// at locations without an object.

#include "detection/recipes.hpp"
#include "support/executors.hpp"

#include <xloss/criterion/call.hpp>
#include <xloss/criterion/mode.hpp>
#include <xloss/detection/ciou.hpp>
#include <xloss/detection/fcos.hpp>
#include <xloss/detection/giou.hpp>
#include <xloss/losses/bce.hpp>
#include <xloss/losses/focal.hpp>
#include <xloss/losses/l1.hpp>
#include <xloss/losses/smooth_l1.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

using namespace recipes;
using cases::error, cases::largest_error, cases::throws;
using xloss::fcos, xloss::fcos_output, xloss::fcos_target;

namespace {

constexpr std::size_t locations = 9, classes = 3, positives = 4;

/// Heads and targets; four locations are positive.
template <class T>
struct example {
    xt::xtensor<T, 2> logits = as<T>(numbers(-4.0, 4.0, 0.618034, locations, classes));
    xt::xtensor<T, 2> boxes = as<T>(numbers(-1.5, 1.5, 0.754878, locations, 4));
    xt::xtensor<T, 1> centerness = as<T>(numbers(-3.0, 3.0, 0.618034, locations));
    xt::xtensor<int, 1> labels{-1, 2, -1, 0, 1, 3, 3, 2, -1};
    xt::xtensor<std::uint8_t, 2> one_hot = xt::zeros<std::uint8_t>({locations, classes});
    xt::xtensor<T, 2> true_boxes = as<T>(numbers(-1.5, 1.5, 0.569840, locations, 4));
    xt::xtensor<T, 1> true_centerness = as<T>(numbers(0.0, 1.0, 0.819173, locations));

    example() {
        for (std::size_t n = 0; n < locations; ++n) {
            if (is_positive(n))
                one_hot(n, static_cast<std::size_t>(labels(n))) = 1;
            for (const std::size_t side : {0U, 1U}) { // far from each other, and not inverted
                boxes(n, side) += T(10);
                boxes(n, side + 2) += T(15);
                true_boxes(n, side) += T(11);
                true_boxes(n, side + 2) += T(16);
            }
        }
    }

    auto output() { return fcos_output{logits, boxes, centerness}; }
    [[nodiscard]] auto target() const { return fcos_target{one_hot, true_boxes, true_centerness}; }
    [[nodiscard]] auto labelled() const { return fcos_target{labels, true_boxes, true_centerness}; }
    [[nodiscard]] bool is_positive(std::size_t n) const {
        return labels(n) >= 0 && static_cast<std::size_t>(labels(n)) < classes;
    }

    /// Everything that is not to be read becomes NaN.
    void spoil() {
        constexpr T nan = std::numeric_limits<T>::quiet_NaN();
        for (std::size_t n = 0; n < locations; ++n) {
            if (is_positive(n))
                continue;
            centerness(n) = true_centerness(n) = nan;
            for (std::size_t k = 0; k < 4; ++k)
                boxes(n, k) = true_boxes(n, k) = nan;
        }
    }
};

struct components {
    double focal = 0.0, box = 0.0, centerness = 0.0;
};

double sigmoid(double x) {
    return 1.0 / (1.0 + std::exp(-x));
}

double giou_model(const double* a, const double* b) {
    const auto area = [](const double* v) { return (v[2] - v[0]) * (v[3] - v[1]); };
    const double w = std::min(a[2], b[2]) - std::max(a[0], b[0]),
                 h = std::min(a[3], b[3]) - std::max(a[1], b[1]);
    const double both = w > 0.0 && h > 0.0 ? w * h : 0.0, all = area(a) + area(b) - both;
    const double around =
        (std::max(a[2], b[2]) - std::min(a[0], b[0])) * (std::max(a[3], b[3]) - std::min(a[1], b[1]));
    return 1.0 - both / (all + 1e-7) + (around - all) / (around + 1e-7);
}

/// The sentence of the documentation, element by element.
components model(const example<double>& e, double alpha = 0.25, double gamma = 2.0) {
    components sum;
    for (std::size_t n = 0; n < locations; ++n) {
        for (std::size_t c = 0; c < classes; ++c) {
            const bool y = e.one_hot(n, c) != 0;
            const double p = sigmoid(e.logits(n, c)), p_t = y ? p : 1.0 - p;
            sum.focal -= (y ? alpha : 1.0 - alpha) * std::pow(1.0 - p_t, gamma) * std::log(p_t);
        }
        if (!e.is_positive(n))
            continue;
        sum.box += giou_model(&e.boxes(n, 0), &e.true_boxes(n, 0));
        const double p = sigmoid(e.centerness(n)), y = e.true_centerness(n);
        sum.centerness -= y * std::log(p) + (1.0 - y) * std::log(1.0 - p);
    }
    return sum;
}

template <class T>
struct gradients {
    xt::xtensor<T, 2> logits = xt::xtensor<T, 2>({locations, classes}, T(42));
    xt::xtensor<T, 2> boxes = xt::xtensor<T, 2>({locations, 4}, T(42));
    xt::xtensor<T, 1> centerness = xt::xtensor<T, 1>({locations}, T(42));

    auto tensors() { return fcos_output{logits, boxes, centerness}; }

    template <class Other>
    [[nodiscard]] bool same(const Other& other) const {
        return same_bits(logits, other.logits) && same_bits(boxes, other.boxes) &&
               same_bits(centerness, other.centerness);
    }
    [[nodiscard]] bool untouched() const { return same(gradients{}); }
};

/// Half of the gradient has been taken away from what was there, and NaN is what it was.
template <class Tensor>
void check_sums(const Tensor& before, const Tensor& after, const Tensor& gradient) {
    using T = typename Tensor::value_type;
    const double close = std::is_same_v<T, float> ? 2e-6 : 4e-15;
    for (std::size_t i = 0; i < before.size(); ++i) {
        const T old = before.data()[i], now = after.data()[i];
        if (std::isnan(old))
            CHECK(std::memcmp(&old, &now, sizeof(T)) == 0);
        else
            CHECK(std::abs(now - (old - T(0.5) * gradient.data()[i])) <= close);
    }
}

} // namespace

TEST_CASE("fcos: three locations by hand", "[detection]") {
    // Two positives. Boxes: identical, and beside the object with a gap as wide as both. p = 1/2 everywhere.
    const xt::xtensor<double, 2> logits = xt::zeros<double>({3, 2});
    const xt::xtensor<double, 2> boxes{{9, 9, 9, 9}, {0, 0, 1000, 1000}, {0, 0, 1000, 1000}};
    const xt::xtensor<double, 2> true_boxes{{0, 0, 1, 1}, {0, 0, 1000, 1000}, {2000, 0, 3000, 1000}};
    const xt::xtensor<double, 1> centerness{9.0, 0.0, std::log(3.0)}, true_centerness{1.0, 0.5, 1.0};
    const xt::xtensor<std::uint8_t, 2> one_hot{{0, 0}, {1, 0}, {0, 1}};
    const auto r = xloss::value_and_grad(fcos{}, fcos_output{logits, boxes, centerness},
                                         fcos_target{one_hot, true_boxes, true_centerness});
    const double focal = (2 * 0.25 + 4 * 0.75) * 0.25 * std::log(2.0) / 2.0;
    const double center = (std::log(2.0) - std::log(0.75)) / 2.0;
    const double box = (4.0 / 3.0) / 2.0; // 1 - 1 and 1 + 1/3
    CHECK(error(r.focal, focal) <= 1e-15);
    CHECK(error(r.box, box) <= 1e-12); // 1e-7 over an area of 1e6
    CHECK(error(r.centerness, center) <= 1e-15);
    CHECK(error(r.value, focal + box + center) <= 1e-12);
    CHECK(r.positives == 2);
    CHECK(r.normalizer == 2.0);
    CHECK(largest_error(r.grads.centerness, {0.0, 0.0, -0.125}) <= 1e-15);
    // a (1 - p_t)^2 (-log p_t) at p = 1/2, by x: -+a (log 2 + 1/2)/4
    const double slope = (std::log(2.0) + 0.5) / 4.0 / 2.0;
    CHECK(largest_error(r.grads.logits, {0.75 * slope, 0.75 * slope, -0.25 * slope, 0.75 * slope,
                                         0.75 * slope, -0.25 * slope}) <= 1e-15);
    CHECK(largest_error(xt::xtensor<double, 1>(xt::view(r.grads.boxes, 0)), {0, 0, 0, 0}) == 0.0);
    CHECK(cases::largest_entry(xt::xtensor<double, 1>(xt::view(r.grads.boxes, 2))) > 0.0);
}

TEST_CASE("fcos: components are those of a plain model and of the losses alone", "[detection]") {
    example<double> e;
    const components sum = model(e);
    const auto r = xloss::value_and_grad(fcos{}, e.output(), e.target());
    CHECK(error(r.focal, sum.focal / positives) <= 1e-14);
    CHECK(error(r.box, sum.box / positives) <= 1e-14);
    CHECK(error(r.centerness, sum.centerness / positives) <= 1e-14);
    CHECK(error(r.value, (sum.focal + sum.box + sum.centerness) / positives) <= 1e-14);
    CHECK(r.positives == positives);
    CHECK(xloss::value(fcos{}, e.output(), e.target()) == r.value);
    CHECK(fcos{}(e.output(), e.target()) == r.value);

    constexpr double share = 1.0 / positives;
    const xloss::mode_options as_sum{.reduction = xloss::reduction::sum};
    const auto focal = xloss::value_and_grad(xloss::binary(xloss::focal{}, as_sum), e.logits, e.one_hot,
                                             {.upstream = share});
    CHECK(error(r.focal, focal.value * share) <= 1e-15);
    CHECK(same_bits(r.grads.logits, focal.grad));
    // Masked losses of the whole tensors give what the rows that count give.
    xt::xtensor<int, 1> counts = xt::zeros<int>({locations});
    for (std::size_t n = 0; n < locations; ++n)
        counts(n) = e.is_positive(n);
    const auto box = xloss::value_and_grad(xloss::giou{.reduction = xloss::reduction::sum}, e.boxes,
                                           xloss::masked(e.true_boxes, counts), {.upstream = share});
    CHECK(error(r.box, box.value * share) <= 1e-15);
    CHECK(largest_error(r.grads.boxes, box.grad) <= 1e-15);
    const auto center = xloss::value_and_grad(xloss::binary(xloss::bce{}, as_sum), e.centerness,
                                              xloss::masked(e.true_centerness, counts), {.upstream = share});
    CHECK(error(r.centerness, center.value * share) <= 1e-15);
    CHECK(largest_error(r.grads.centerness, center.grad) <= 1e-15);
}

TEST_CASE("fcos: gradients against central differences", "[detection]") {
    example<double> e;
    const auto check = [&](const auto& loss) {
        const auto r = xloss::value_and_grad(loss, e.output(), e.target(), {.upstream = -1.5});
        const auto value = [&] { return xloss::value(loss, e.output(), e.target()); };
        CHECK(gradient_error(value, e.logits, r.grads.logits, -1.5) <= 1e-9);
        CHECK(gradient_error(value, e.boxes, r.grads.boxes, -1.5) <= 1e-8);
        CHECK(gradient_error(value, e.centerness, r.grads.centerness, -1.5) <= 1e-9);
    };
    check(
        fcos{.focal_weight = 0.5, .box_weight = 3.0, .centerness_weight = -2.0, .alpha = 0.4, .gamma = 1.5});
    check(fcos{.positives = 2.5, .box = xloss::ciou{.follow_alpha = true}});
}

TEST_CASE("fcos: weights and parameters", "[detection]") {
    example<double> e;
    const auto plain = xloss::value_and_grad(fcos{}, e.output(), e.target());
    const fcos weighted{.focal_weight = 0.5, .box_weight = 3.0, .centerness_weight = 0.0};
    const auto r = xloss::value_and_grad(weighted, e.output(), e.target());
    CHECK(r.focal == plain.focal);
    CHECK(r.box == plain.box);
    CHECK(r.centerness == plain.centerness);
    CHECK(error(r.value, 0.5 * plain.focal + 3.0 * plain.box) <= 1e-15);
    CHECK(largest_error(r.grads.logits, xt::xtensor<double, 2>(0.5 * plain.grads.logits)) <= 1e-15);
    CHECK(largest_error(r.grads.boxes, xt::xtensor<double, 2>(3.0 * plain.grads.boxes)) <= 1e-14);
    CHECK(cases::largest_entry(r.grads.centerness) == 0.0);
    for (const double gamma : {0.0, 1.5, 2.0}) {
        const auto found = xloss::value_and_grad(fcos{.alpha = 0.6, .gamma = gamma}, e.output(), e.target());
        CHECK(error(found.focal, model(e, 0.6, gamma).focal / positives) <= 1e-14);
    }
    // Of several processes: what they count together, and never less than 1.
    const auto shared = xloss::value_and_grad(fcos{.positives = 2.5}, e.output(), e.target());
    CHECK(shared.normalizer == 2.5);
    CHECK(shared.positives == positives);
    CHECK(error(shared.value, plain.value * positives / 2.5) <= 1e-15);
    CHECK(largest_error(shared.grads.logits,
                        xt::xtensor<double, 2>(plain.grads.logits * (positives / 2.5))) <= 1e-15);
    CHECK(largest_error(shared.grads.centerness,
                        xt::xtensor<double, 1>(plain.grads.centerness * (positives / 2.5))) <= 1e-15);
    CHECK(xloss::value_and_grad(fcos{.positives = 0.25}, e.output(), e.target()).normalizer == 1.0);

    // Any loss of boxes or of elements.
    const auto with_l1 = xloss::value_and_grad(
        fcos{.box = xloss::smooth_l1{.reduction = xloss::reduction::mean}}, e.output(), e.target());
    double l1 = 0.0;
    for (std::size_t n = 0; n < locations; ++n)
        for (std::size_t k = 0; k < 4 && e.is_positive(n); ++k) {
            const double d = std::abs(e.boxes(n, k) - e.true_boxes(n, k));
            l1 += d < 1.0 ? 0.5 * d * d : d - 0.5;
        }
    CHECK(error(with_l1.box, l1 / positives) <= 1e-14);
    CHECK(with_l1.focal == plain.focal);
    const auto both =
        xloss::value_and_grad(fcos{.box = 0.5 * xloss::l1{} + 2.0 * xloss::giou{}}, e.output(), e.target());
    double distance = 0.0;
    for (std::size_t n = 0; n < locations; ++n)
        for (std::size_t k = 0; k < 4 && e.is_positive(n); ++k)
            distance += std::abs(e.boxes(n, k) - e.true_boxes(n, k));
    CHECK(error(both.box, 2.0 * plain.box + 0.5 * distance / positives) <= 1e-14);
}

TEST_CASE("fcos: labels are what their one-hot rows are", "[detection]") {
    example<float> e;
    const auto expected = xloss::value_and_grad(fcos{}, e.output(), e.target());
    const auto found = xloss::value_and_grad(fcos{}, e.output(), e.labelled());
    CHECK(found.value == expected.value);
    CHECK(found.positives == positives);
    CHECK(same_bits(found.grads.logits, expected.grads.logits));
    CHECK(same_bits(found.grads.boxes, expected.grads.boxes));
    CHECK(xloss::value(fcos{}, e.output(), e.labelled()) == expected.value);
    // Rows that begin and end anywhere in a tile, and more labels than are read at once.
    for (const std::size_t wide : {1U, 7U, 1500U}) {
        constexpr std::size_t n = 300;
        const auto logits = as<float>(numbers(-4.0, 4.0, 0.618034, n, wide));
        xt::xtensor<std::int64_t, 1> labels = xt::zeros<std::int64_t>({n});
        xt::xtensor<bool, 2> one_hot = xt::zeros<bool>({n, wide});
        for (std::size_t i = 0; i < n; ++i) {
            labels(i) = static_cast<std::int64_t>(i * 17 % (wide + 2)) - 1;
            if (labels(i) >= 0 && labels(i) < static_cast<std::int64_t>(wide))
                one_hot(i, static_cast<std::size_t>(labels(i))) = true;
        }
        const auto boxes = as<float>(numbers(0.0, 1.0, 0.754878, n, 4));
        const auto centers = as<float>(numbers(0.0, 1.0, 0.754878, n));
        const fcos_output output{logits, boxes, centers};
        const auto a = xloss::value_and_grad(fcos{}, output, fcos_target{one_hot, boxes, centers});
        const auto b = xloss::value_and_grad(fcos{}, output, fcos_target{labels, boxes, centers});
        CHECK(a.positives == b.positives);
        CHECK(a.value == b.value);
        CHECK(same_bits(a.grads.logits, b.grads.logits));
        CHECK(same_bits(a.grads.centerness, b.grads.centerness));
    }
}

TEMPLATE_TEST_CASE("fcos: locations without an object are neither read nor have a gradient", "[detection]",
                   float, double) {
    using T = TestType;
    example<T> clean, spoilt;
    spoilt.spoil();
    const fcos loss{.box_weight = 2.0};
    const auto expected = xloss::value_and_grad(loss, clean.output(), clean.target());
    const auto found = xloss::value_and_grad(loss, spoilt.output(), spoilt.target());
    CHECK(found.value == expected.value);
    CHECK(same_bits(found.grads.logits, expected.grads.logits));
    CHECK(same_bits(found.grads.boxes, expected.grads.boxes));
    CHECK(same_bits(found.grads.centerness, expected.grads.centerness));
    for (std::size_t n = 0; n < locations; ++n) {
        CHECK((found.grads.centerness(n) == T(0)) == !clean.is_positive(n));
        for (std::size_t k = 0; k < 4 && !clean.is_positive(n); ++k)
            CHECK(found.grads.boxes(n, k) == T(0));
    }

    // Added to what is there: NaN stays where there is no object.
    gradients<T> g;
    g.boxes = spoilt.boxes;
    g.centerness = spoilt.centerness;
    const auto added = xloss::value_and_grad_into(g.tensors(), loss, spoilt.output(), spoilt.target(),
                                                  {.upstream = -0.5, .accumulate = true});
    CHECK(added.value == found.value);
    check_sums(spoilt.boxes, g.boxes, found.grads.boxes);
    check_sums(spoilt.centerness, g.centerness, found.grads.centerness);
    check_sums(gradients<T>{}.logits, g.logits, found.grads.logits);
}

TEST_CASE("fcos: float agrees with double, each tensor in its own format", "[detection]") {
    example<double> exact;
    example<float> single;
    const auto e = xloss::value_and_grad(fcos{}, exact.output(), exact.target());
    const auto f = xloss::value_and_grad(fcos{}, single.output(), single.target());
    STATIC_REQUIRE(std::is_same_v<std::remove_cvref_t<decltype(f.value)>, float>);
    CHECK(error(static_cast<double>(f.value), e.value) <= 2e-6);
    CHECK(largest_error(f.grads.logits, e.grads.logits, cases::largest_entry(e.grads.logits)) <= 2e-6);
    CHECK(largest_error(f.grads.boxes, e.grads.boxes, cases::largest_entry(e.grads.boxes)) <= 2e-6);
    CHECK(largest_error(f.grads.centerness, e.grads.centerness, cases::largest_entry(e.grads.centerness)) <=
          2e-6);
    const auto mixed = xloss::value_and_grad(
        fcos{}, fcos_output{single.logits, exact.boxes, single.centerness}, exact.target());
    STATIC_REQUIRE(std::is_same_v<std::remove_cvref_t<decltype(mixed.value)>, double>);
    CHECK(same_bits(mixed.grads.logits, f.grads.logits));
    CHECK(same_bits(mixed.grads.boxes, e.grads.boxes));
}

TEST_CASE("fcos: any layout, the same bits", "[detection]") {
    example<float> e;
    const auto expected = xloss::value_and_grad(fcos{}, e.output(), e.target());
    // Columns first, coordinates apart, centerness as a column of something, lazy targets.
    const xt::xtensor<float, 2, xt::layout_type::column_major> logits = e.logits;
    const xt::xtensor<float, 2> apart = xt::transpose(e.boxes);
    const auto boxes = xt::transpose(apart);
    auto wide = xt::xtensor<float, 2>({locations, 3}, 42.0f);
    xt::view(wide, xt::all(), 1) = e.centerness;
    const auto centerness = xt::view(wide, xt::all(), xt::range(1, 2));    // [N, 1]
    auto grad_logits = xt::xtensor<double, 2>({locations, classes}, 42.0); // wider than the logits
    auto grad_apart = xt::xtensor<float, 2>({4, locations}, 42.0f);
    auto grad_boxes = xt::transpose(grad_apart);
    auto grad_wide = xt::xtensor<float, 2>({locations, 3}, 42.0f);
    auto grad_centerness = xt::view(grad_wide, xt::all(), xt::range(1, 2));
    const auto r = xloss::value_and_grad_into(
        fcos_output{grad_logits, grad_boxes, grad_centerness}, fcos{}, fcos_output{logits, boxes, centerness},
        fcos_target{e.one_hot + 0, e.true_boxes + 0.0f, e.true_centerness});
    CHECK(r.value == expected.value);
    CHECK(largest_error(grad_logits, expected.grads.logits) == 0.0);
    CHECK(same_bits(xt::xtensor<float, 2>(grad_boxes), expected.grads.boxes));
    CHECK(same_bits(xt::xtensor<float, 1>(xt::view(grad_wide, xt::all(), 1)), expected.grads.centerness));
    CHECK(xt::all(xt::equal(xt::view(grad_wide, xt::all(), 0), 42.0f)));
}

TEST_CASE("fcos: no positive location, no location", "[detection]") {
    example<double> e;
    e.labels.fill(-1);
    e.one_hot.fill(0);
    e.spoil();
    const auto r = xloss::value_and_grad(fcos{}, e.output(), e.target());
    CHECK(r.positives == 0);
    CHECK(r.normalizer == 1.0);
    CHECK(error(r.value, model(e).focal) <= 1e-14);
    CHECK(r.value == r.focal);
    CHECK(r.box == 0.0);
    CHECK(r.centerness == 0.0);
    CHECK(cases::largest_entry(r.grads.boxes) == 0.0);
    CHECK(cases::largest_entry(r.grads.centerness) == 0.0);
    CHECK(cases::largest_entry(r.grads.logits) > 0.0);

    const xt::xtensor<double, 2> logits = xt::zeros<double>({0, 3}), boxes = xt::zeros<double>({0, 4});
    const xt::xtensor<double, 1> centerness = xt::zeros<double>({0});
    const xt::xtensor<int, 1> labels = xt::zeros<int>({0});
    const xt::xtensor<std::uint8_t, 2> one_hot = xt::zeros<std::uint8_t>({0, 3});
    const auto none = xloss::value_and_grad(fcos{}, fcos_output{logits, boxes, centerness},
                                            fcos_target{one_hot, boxes, centerness});
    CHECK(none.value == 0.0);
    CHECK(none.positives == 0);
    CHECK(xloss::value(fcos{}, fcos_output{logits, boxes, centerness},
                       fcos_target{labels, boxes, centerness}) == 0.0);
}

TEST_CASE("fcos: threads and a kept workspace, the same bits", "[detection]") {
    constexpr std::size_t many = 3000, wide = 20; // several pieces of everything
    const auto logits = as<float>(numbers(-4.0, 4.0, 0.618034, many, wide));
    const auto boxes = as<float>(numbers(0.0, 1.0, 0.754878, many, 4));
    const auto true_boxes = as<float>(numbers(0.0, 1.0, 0.569840, many, 4));
    const auto centerness = as<float>(numbers(0.0, 1.0, 0.819173, many));
    xt::xtensor<bool, 2> one_hot = xt::zeros<bool>({many, wide});
    for (std::size_t n = 7; n < many - 9; n += 5)
        one_hot(n, n % wide) = true;
    const fcos_output output{logits, boxes, centerness};
    const fcos_target target{one_hot, true_boxes, centerness};
    const auto expected = xloss::value_and_grad(fcos{}, output, target);
    CHECK(expected.positives == 597);
    xloss::workspace memory;
    executors::threads threads;
    executors::backwards backwards;
    for (int i = 0; i < 3; ++i) {
        auto grad_logits = xt::xtensor<float, 2>(logits.shape(), 42.0f);
        auto grad_boxes = xt::xtensor<float, 2>(boxes.shape(), 42.0f);
        auto grad_centerness = xt::xtensor<float, 1>(centerness.shape(), 42.0f);
        const xloss::executor_ref executor = i == 0   ? xloss::executor_ref(threads)
                                             : i == 1 ? xloss::executor_ref(backwards)
                                                      : xloss::executor_ref();
        const auto r =
            xloss::value_and_grad_into(fcos_output{grad_logits, grad_boxes, grad_centerness}, fcos{}, output,
                                       target, {.workspace = &memory, .executor = executor});
        CHECK(r.value == expected.value);
        CHECK(same_bits(grad_logits, expected.grads.logits));
        CHECK(same_bits(grad_boxes, expected.grads.boxes));
        CHECK(same_bits(grad_centerness, expected.grads.centerness));
    }
    CHECK(backwards.pieces > 0);
    CHECK(memory.bytes() > 0);
}

TEST_CASE("fcos: on an error no gradient has been touched", "[detection]") {
    example<double> e;
    gradients<double> g;
    const auto refuses = recipes::refusals(g);
    constexpr std::type_identity<xloss::shape_error> shape;
    constexpr std::type_identity<xloss::parameter_error> parameter;
    const fcos loss;
    const xt::xtensor<double, 2> wide = xt::zeros<double>({9, 5});
    const xt::xtensor<double, 1> few = xt::zeros<double>({8});
    const xt::xtensor<std::uint8_t, 2> other = xt::zeros<std::uint8_t>({9, 4});
    refuses(shape, {"xloss::fcos", "boxes [9, 5]", "logits [9, 3]", "[N, 4]"}, loss,
            fcos_output{e.logits, wide, e.centerness}, e.target());
    refuses(shape, {"xloss::fcos", "centerness [8]", "logits [9, 3]"}, loss,
            fcos_output{e.logits, e.boxes, few}, e.target());
    refuses(shape, {"xloss::fcos", "target classes [9, 4]", "logits [9, 3]"}, loss, e.output(),
            fcos_target{other, e.true_boxes, e.true_centerness});
    refuses(shape, {"xloss::fcos", "target classes [9]", "logits [9, 3]"}, loss, e.output(),
            fcos_target{e.true_centerness, e.true_boxes, e.true_centerness}); // labels are integers
    refuses(shape, {"xloss::fcos", "target boxes [9, 5]", "logits [9, 3]"}, loss, e.output(),
            fcos_target{e.one_hot, wide, e.true_centerness});
    refuses(shape, {"xloss::fcos", "target centerness [8]", "logits [9, 3]"}, loss, e.output(),
            fcos_target{e.one_hot, e.true_boxes, few});
    refuses(parameter, {"xloss::fcos", "focal_weight"}, fcos{.focal_weight = not_a_number}, e.output(),
            e.target());
    refuses(parameter, {"xloss::fcos", "box_weight"}, fcos{.box_weight = HUGE_VAL}, e.output(), e.target());
    refuses(parameter, {"xloss::fcos", "centerness_weight"}, fcos{.centerness_weight = not_a_number},
            e.output(), e.target());
    refuses(parameter, {"xloss::fcos", "positives is -1"}, fcos{.positives = -1.0}, e.output(), e.target());
    refuses(parameter, {"xloss::fcos", "positives is nan"}, fcos{.positives = not_a_number}, e.output(),
            e.target());
    refuses(parameter, {"xloss::fcos: logits", "xloss::focal", "gamma is -1"}, fcos{.gamma = -1.0},
            e.output(), e.target());
    refuses(parameter, {"xloss::fcos: boxes of the positives", "xloss::giou", "eps is -1"},
            fcos{.box = xloss::giou{.eps = -1.0}}, e.output(), e.target());
    refuses(parameter, {"xloss::fcos", "upstream"}, loss, e.output(), e.target(),
            {.upstream = e.true_centerness});
    refuses(parameter, {"upstream is nan"}, loss, e.output(), e.target(), {.upstream = not_a_number});
    for (const int label : {-2, 4}) {
        auto labels = e.labels;
        labels(6) = label;
        refuses(std::type_identity<xloss::label_error>{},
                {"xloss::fcos", label == 4 ? "label 4 at [6]" : "label -2 at [6]", "[0, 3)", "background"},
                loss, e.output(), fcos_target{labels, e.true_boxes, e.true_centerness});
    }
}

TEST_CASE("fcos: gradient buffers of another shape, or that share memory", "[detection]") {
    example<double> e;
    const example<double> before;
    gradients<double> g;
    const auto into = [&](const auto& grads) {
        return [&] { xloss::value_and_grad_into(grads, fcos{}, e.output(), e.target()); };
    };
    CHECK(throws<xloss::shape_error>(into(fcos_output{g.logits, g.logits, g.centerness}),
                                     {"xloss::fcos", "boxes", "[9, 3]", "[9, 4]"}));
    CHECK(throws<xloss::alias_error>(into(fcos_output{g.logits, e.boxes, g.centerness}),
                                     {"xloss::fcos", "gradient buffer of the boxes", "the boxes"}));
    CHECK(throws<xloss::alias_error>(into(fcos_output{g.logits, e.true_boxes, g.centerness}),
                                     {"gradient buffer of the boxes", "the target boxes"}));
    auto both = xt::xtensor<double, 1>({100}, 42.0);
    auto logits = xt::adapt(both.data(), std::array<std::size_t, 2>{locations, classes});
    auto boxes = xt::adapt(both.data() + 20, std::array<std::size_t, 2>{locations, 4});
    CHECK(throws<xloss::alias_error>(into(fcos_output{logits, boxes, g.centerness}),
                                     {"gradient buffer of the logits", "that of the boxes"}));
    CHECK(g.untouched());
    CHECK(same_bits(e.true_boxes, before.true_boxes));
    CHECK(same_bits(e.boxes, before.boxes));
    CHECK(same_bits(both, xt::xtensor<double, 1>({100}, 42.0)));
}
