// detection/mask_rcnn.hpp: against its own parts, a plain model, central differences, and nothing read or
// written beyond what the labels select.

#include "detection/recipes.hpp"
#include "support/executors.hpp"

#include <xloss/criterion/call.hpp>
#include <xloss/detection/mask_rcnn.hpp>
#include <xloss/losses/bce.hpp>
#include <xloss/losses/cross_entropy.hpp>
#include <xloss/losses/dice.hpp>
#include <xloss/losses/smooth_l1.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

using namespace recipes;
using cases::error, cases::largest_error, cases::throws;
using xloss::mask_rcnn, xloss::mask_rcnn_output, xloss::mask_rcnn_target;

namespace {

constexpr std::size_t rois = 6, classes = 3, height = 3, width = 5;

/// Heads and targets; the labels are those of four positive rois and two of background.
template <class T>
struct example {
    xt::xtensor<T, 2> scores = as<T>(numbers(-3.0, 3.0, 0.618034, rois, classes));
    xt::xtensor<T, 2> boxes = as<T>(numbers(-1.0, 1.0, 0.754878, rois, 4 * classes));
    xt::xtensor<T, 4> masks = as<T>(numbers(-4.0, 4.0, 0.618034, rois, classes, height, width));
    xt::xtensor<std::int64_t, 1> labels{2, 0, 1, 0, 2, 1};
    xt::xtensor<T, 2> true_boxes = as<T>(numbers(-0.5, 0.5, 0.569840, rois, 4));
    xt::xtensor<std::uint8_t, 3> true_masks = cases::mask(rois, height, width);

    auto output() { return mask_rcnn_output{scores, boxes, masks}; }
    [[nodiscard]] auto target() const { return mask_rcnn_target{labels, true_boxes, true_masks}; }

    [[nodiscard]] bool is_selected(std::size_t r, std::size_t c) const {
        return labels(r) > 0 && static_cast<std::size_t>(labels(r)) == c;
    }

    /// Everything that is not to be read becomes NaN, or a label that is none.
    void spoil() {
        constexpr T nan = std::numeric_limits<T>::quiet_NaN();
        for (std::size_t r = 0; r < rois; ++r) {
            for (std::size_t c = 0; c < classes; ++c) {
                if (is_selected(r, c))
                    continue;
                for (std::size_t k = 0; k < 4; ++k)
                    boxes(r, 4 * c + k) = nan;
                for (std::size_t i = 0; i < height; ++i)
                    for (std::size_t j = 0; j < width; ++j)
                        masks(r, c, i, j) = nan;
            }
            if (labels(r) == 0)
                for (std::size_t k = 0; k < 4; ++k)
                    true_boxes(r, k) = nan;
        }
    }
};

struct components {
    double classification = 0.0, box = 0.0, mask = 0.0;
};

/// The sentence of the documentation, element by element.
components model(const example<double>& e, double beta = 1.0 / 9.0, double smoothing = 0.0) {
    components sum;
    double pixels = 0.0;
    for (std::size_t r = 0; r < rois; ++r) {
        double total = 0.0;
        for (std::size_t c = 0; c < classes; ++c)
            total += std::exp(e.scores(r, c));
        const auto u = static_cast<std::size_t>(e.labels(r));
        sum.classification -= std::log(std::exp(e.scores(r, u)) / total);
        if (u == 0)
            continue;
        for (std::size_t k = 0; k < 4; ++k) {
            const double d = std::abs(e.boxes(r, 4 * u + k) - e.true_boxes(r, k));
            sum.box += d < beta ? d * d / (2.0 * beta) : d - beta / 2.0;
        }
        for (std::size_t i = 0; i < height; ++i)
            for (std::size_t j = 0; j < width; ++j, ++pixels) {
                const double x = e.masks(r, u, i, j), p = 1.0 / (1.0 + std::exp(-x));
                const double y = e.true_masks(r, i, j) * (1.0 - smoothing) + smoothing / 2.0;
                sum.mask -= y * std::log(p) + (1.0 - y) * std::log(1.0 - p);
            }
    }
    return {sum.classification / rois, sum.box / rois, pixels > 0.0 ? sum.mask / pixels : 0.0};
}

/// Document by document, soft Dice of Mask R-CNN's masks: the mean over positive rois.
double soft_dice(const example<double>& e, double eps) {
    double sum = 0.0, n = 0.0;
    for (std::size_t r = 0; r < rois; ++r) {
        if (e.labels(r) == 0)
            continue;
        double overlap = 0.0, both = 0.0;
        for (std::size_t i = 0; i < height; ++i)
            for (std::size_t j = 0; j < width; ++j) {
                const double x = e.masks(r, static_cast<std::size_t>(e.labels(r)), i, j);
                const double p = 1.0 / (1.0 + std::exp(-x));
                overlap += p * e.true_masks(r, i, j);
                both += p + e.true_masks(r, i, j);
            }
        sum += (2.0 * overlap + eps) / (both + eps);
        n += 1.0;
    }
    return 1.0 - sum / n;
}

template <class T>
struct gradients {
    xt::xtensor<T, 2> scores = xt::xtensor<T, 2>({rois, classes}, T(42));
    xt::xtensor<T, 2> boxes = xt::xtensor<T, 2>({rois, 4 * classes}, T(42));
    xt::xtensor<T, 4> masks = xt::xtensor<T, 4>({rois, classes, height, width}, T(42));

    auto tensors() { return mask_rcnn_output{scores, boxes, masks}; }

    template <class Other>
    [[nodiscard]] bool same(const Other& other) const {
        return same_bits(scores, other.scores) && same_bits(boxes, other.boxes) &&
               same_bits(masks, other.masks);
    }
    [[nodiscard]] bool untouched() const { return same(gradients{}); }
};

} // namespace

TEST_CASE("mask_rcnn: two rois by hand", "[detection]") {
    const xt::xtensor<double, 2> scores{{0.0, 0.0}, {0.0, 0.0}},
        true_boxes{{0.0, 0.0, 0.0, 0.0}, {1, 1, 1, 1}};
    const xt::xtensor<double, 2> boxes{{9.0, 9.0, 9.0, 9.0, 1.0 / 18.0, 1.0, 0.0, -2.0},
                                       {1, 2, 3, 4, 5, 6, 7, 8}};
    const xt::xtensor<double, 4> masks{{{{9.0, 9.0}}, {{0.0, std::log(3.0)}}}, {{{5.0, 6.0}}, {{7.0, 8.0}}}};
    const xt::xtensor<int, 1> labels{1, 0};
    const xt::xtensor<bool, 3> true_masks{{{true, false}}, {{true, true}}};
    const auto r = xloss::value_and_grad(mask_rcnn{}, mask_rcnn_output{scores, boxes, masks},
                                         mask_rcnn_target{labels, true_boxes, true_masks});
    // 1/18 is half of beta: (1/18)^2 / (2/9) = 1/72. Beyond it |d| - 1/18. Then the mean over both rois.
    const double box = (1.0 / 72.0 + 17.0 / 18.0 + 35.0 / 18.0) / 2.0;
    const double mask = (std::log(2.0) + std::log(4.0)) / 2.0;
    CHECK(error(r.classification, std::log(2.0)) <= 1e-15);
    CHECK(error(r.box, box) <= 1e-15);
    CHECK(error(r.mask, mask) <= 1e-15);
    CHECK(error(r.value, std::log(2.0) + box + mask) <= 1e-15);
    CHECK(r.positives == 1);
    CHECK(largest_error(r.grads.scores, {0.25, -0.25, -0.25, 0.25}) <= 1e-15);
    CHECK(largest_error(r.grads.boxes, {0, 0, 0, 0, 0.25, 0.5, 0, -0.5, 0, 0, 0, 0, 0, 0, 0, 0}) <= 1e-15);
    CHECK(largest_error(r.grads.masks, {0, 0, -0.25, 0.375, 0, 0, 0, 0}) <= 1e-15);
}

TEST_CASE("mask_rcnn: components are those of a plain model and of the losses alone", "[detection]") {
    example<double> e;
    const components expected = model(e);
    const auto r = xloss::value_and_grad(mask_rcnn{}, e.output(), e.target());
    CHECK(error(r.classification, expected.classification) <= 1e-14);
    CHECK(error(r.box, expected.box) <= 1e-14);
    CHECK(error(r.mask, expected.mask) <= 1e-14);
    CHECK(error(r.value, expected.classification + expected.box + expected.mask) <= 1e-14);
    CHECK(r.positives == 4);
    CHECK(xloss::value(mask_rcnn{}, e.output(), e.target()) == r.value);
    CHECK(mask_rcnn{}(e.output(), e.target()) == r.value);

    const auto alone = xloss::value_and_grad(xloss::cross_entropy{}, e.scores, e.labels);
    CHECK(error(r.classification, alone.value) <= 1e-15); // added up in another order
    CHECK(largest_error(r.grads.scores, alone.grad) <= 1e-15);
    // The selected ones as tensors of their own.
    auto boxes = xt::xtensor<double, 2>::from_shape({4, 4});
    auto true_boxes = boxes;
    auto masks = xt::xtensor<double, 3>::from_shape({4, height, width});
    auto true_masks = masks;
    const auto each_selected = [&](auto&& f) {
        for (std::size_t r_ = 0, k = 0; r_ < rois; ++r_)
            if (e.labels(r_) > 0)
                f(r_, static_cast<std::size_t>(e.labels(r_)), k++);
    };
    each_selected([&](std::size_t roi, std::size_t u, std::size_t k) {
        for (std::size_t i = 0; i < 4; ++i) {
            boxes(k, i) = e.boxes(roi, 4 * u + i);
            true_boxes(k, i) = e.true_boxes(roi, i);
        }
        for (std::size_t i = 0; i < height; ++i)
            for (std::size_t j = 0; j < width; ++j) {
                masks(k, i, j) = e.masks(roi, u, i, j);
                true_masks(k, i, j) = e.true_masks(roi, i, j);
            }
    });
    const auto box =
        xloss::value_and_grad(xloss::smooth_l1{.beta = 1.0 / 9.0, .reduction = xloss::reduction::sum}, boxes,
                              true_boxes, {.upstream = 1.0 / rois});
    const auto mask = xloss::value_and_grad(xloss::bce{}, masks, true_masks);
    CHECK(error(r.box, box.value / rois) <= 1e-15);
    CHECK(r.mask == mask.value);
    gradients<double> g;
    g.scores = r.grads.scores;
    g.boxes.fill(0.0);
    g.masks.fill(0.0);
    each_selected([&](std::size_t roi, std::size_t u, std::size_t k) {
        for (std::size_t i = 0; i < 4; ++i)
            g.boxes(roi, 4 * u + i) = box.grad(k, i);
        for (std::size_t i = 0; i < height; ++i)
            for (std::size_t j = 0; j < width; ++j)
                g.masks(roi, u, i, j) = mask.grad(k, i, j);
    });
    CHECK(g.same(r.grads));
}

TEST_CASE("mask_rcnn: gradients against central differences", "[detection]") {
    example<double> e;
    const auto check = [&](const auto& loss) {
        const auto r = xloss::value_and_grad(loss, e.output(), e.target(), {.upstream = -1.5});
        const auto value = [&] { return xloss::value(loss, e.output(), e.target()); };
        CHECK(gradient_error(value, e.scores, r.grads.scores, -1.5) <= 1e-9);
        CHECK(gradient_error(value, e.boxes, r.grads.boxes, -1.5) <= 1e-9);
        CHECK(gradient_error(value, e.masks, r.grads.masks, -1.5) <= 1e-9);
    };
    check(mask_rcnn{.class_weight = 0.5,
                    .box_weight = 3.0,
                    .mask_weight = -2.0,
                    .beta = 0.7,
                    .classification = {.label_smoothing = 0.1, .class_weights = {0.5, 1.0, 2.0}},
                    .mask = xloss::bce{.pos_weight = 2.0, .label_smoothing = 0.05}});
    check(mask_rcnn{.mask = xloss::bce{} + 0.5 * xloss::dice{.smooth = 1e-6}});
}

TEST_CASE("mask_rcnn: weights and parameters", "[detection]") {
    example<double> e;
    const auto plain = xloss::value_and_grad(mask_rcnn{}, e.output(), e.target());
    const mask_rcnn weighted{.class_weight = 0.5, .box_weight = 3.0, .mask_weight = 0.0};
    const auto r = xloss::value_and_grad(weighted, e.output(), e.target());
    CHECK(r.classification == plain.classification);
    CHECK(r.box == plain.box);
    CHECK(r.mask == plain.mask);
    CHECK(error(r.value, 0.5 * plain.classification + 3.0 * plain.box) <= 1e-15);
    CHECK(largest_error(r.grads.scores, xt::xtensor<double, 2>(0.5 * plain.grads.scores)) <= 1e-15);
    CHECK(largest_error(r.grads.boxes, xt::xtensor<double, 2>(3.0 * plain.grads.boxes)) <= 1e-15);
    CHECK(cases::largest_entry(r.grads.masks) == 0.0);
    for (const double beta : {0.0, 0.25, 2.0})
        CHECK(error(xloss::value_and_grad(mask_rcnn{.beta = beta}, e.output(), e.target()).box,
                    model(e, beta == 0.0 ? 1e-300 : beta).box) <= 1e-14);
    // The experiments with masks that are noisy.
    const auto smoothed = mask_rcnn{.mask = xloss::bce{.label_smoothing = 0.05}};
    CHECK(error(xloss::value_and_grad(smoothed, e.output(), e.target()).mask, model(e, 1.0, 0.05).mask) <=
          1e-14);
    const auto with_dice = mask_rcnn{.mask = xloss::dice{.smooth = 1e-6}};
    CHECK(error(xloss::value_and_grad(with_dice, e.output(), e.target()).mask, soft_dice(e, 1e-6)) <= 1e-14);
}

TEMPLATE_TEST_CASE("mask_rcnn: what the labels do not select is neither read nor has a gradient",
                   "[detection]", float, double) {
    using T = TestType;
    example<T> clean, spoilt;
    spoilt.spoil();
    const mask_rcnn loss{.mask_weight = 2.0};
    const auto expected = xloss::value_and_grad(loss, clean.output(), clean.target());
    const auto found = xloss::value_and_grad(loss, spoilt.output(), spoilt.target());
    CHECK(found.value == expected.value);
    CHECK(same_bits(found.grads.boxes, expected.grads.boxes));
    CHECK(same_bits(found.grads.masks, expected.grads.masks));
    CHECK(same_bits(found.grads.scores, expected.grads.scores));
    std::size_t wrong = 0;
    for (std::size_t r = 0; r < rois; ++r)
        for (std::size_t c = 0; c < classes; ++c) {
            const bool zero = !clean.is_selected(r, c);
            for (std::size_t k = 0; k < 4; ++k)
                wrong += (found.grads.boxes(r, 4 * c + k) == T(0)) != zero;
            for (std::size_t i = 0; i < height * width; ++i)
                wrong += (found.grads.masks(r, c, i / width, i % width) == T(0)) != zero;
        }
    CHECK(wrong == 0);

    // Added to what is there: NaN stays where nothing is selected.
    gradients<T> g;
    g.boxes = spoilt.boxes;
    g.masks = spoilt.masks;
    const auto added = xloss::value_and_grad_into(g.tensors(), loss, spoilt.output(), spoilt.target(),
                                                  {.upstream = -0.5, .accumulate = true});
    CHECK(added.value == found.value);
    const double close = std::is_same_v<T, float> ? 1e-6 : 1e-15;
    const auto sum_of = [](T before, T gradient) { return before - T(0.5) * gradient; };
    for (std::size_t i = 0; i < g.boxes.size(); ++i) {
        const T before = spoilt.boxes.data()[i], after = g.boxes.data()[i];
        if (std::isnan(before))
            CHECK(std::memcmp(&before, &after, sizeof(T)) == 0);
        else
            CHECK(std::abs(after - sum_of(before, found.grads.boxes.data()[i])) <= close);
    }
    for (std::size_t i = 0; i < g.masks.size(); ++i) {
        const T before = spoilt.masks.data()[i], after = g.masks.data()[i];
        if (std::isnan(before))
            wrong += std::memcmp(&before, &after, sizeof(T)) != 0;
        else
            wrong += !(std::abs(after - sum_of(before, found.grads.masks.data()[i])) <= 4 * close);
    }
    CHECK(wrong == 0);
    CHECK(largest_error(g.scores, xt::xtensor<T, 2>(T(42) - T(0.5) * found.grads.scores), 42.0) <= close);
}

TEST_CASE("mask_rcnn: float agrees with double, each tensor in its own format", "[detection]") {
    example<double> exact;
    example<float> single;
    const auto e = xloss::value_and_grad(mask_rcnn{}, exact.output(), exact.target());
    const auto f = xloss::value_and_grad(mask_rcnn{}, single.output(), single.target());
    STATIC_REQUIRE(std::is_same_v<std::remove_cvref_t<decltype(f.value)>, float>);
    CHECK(error(static_cast<double>(f.value), e.value) <= 2e-6);
    CHECK(largest_error(f.grads.scores, e.grads.scores, cases::largest_entry(e.grads.scores)) <= 2e-6);
    CHECK(largest_error(f.grads.boxes, e.grads.boxes, cases::largest_entry(e.grads.boxes)) <= 2e-6);
    CHECK(largest_error(f.grads.masks, e.grads.masks, cases::largest_entry(e.grads.masks)) <= 2e-6);
    const auto mixed = xloss::value_and_grad(
        mask_rcnn{}, mask_rcnn_output{exact.scores, single.boxes, exact.masks}, exact.target());
    STATIC_REQUIRE(std::is_same_v<std::remove_cvref_t<decltype(mixed.value)>, double>);
    STATIC_REQUIRE(std::is_same_v<decltype(mixed.grads.boxes), decltype(f.grads.boxes)>);
    CHECK(same_bits(mixed.grads.boxes, f.grads.boxes));
    CHECK(same_bits(mixed.grads.masks, e.grads.masks));
}

TEST_CASE("mask_rcnn: any layout, the same bits", "[detection]") {
    example<float> e;
    const mask_rcnn loss{.mask = xloss::dice{}};
    const auto expected = xloss::value_and_grad(loss, e.output(), e.target());
    // Four coordinates as an axis, masks with the classes last, target masks lazy and labels strided.
    const auto boxes = xt::reshape_view(e.boxes, {rois, classes, std::size_t{4}});
    const xt::xtensor<float, 4> last = xt::transpose(e.masks, {0, 2, 3, 1});
    const auto masks = xt::transpose(last, {0, 3, 1, 2});
    auto labels = xt::xtensor<int, 2>::from_shape({rois, 2});
    for (std::size_t r = 0; r < rois; ++r)
        labels(r, 0) = static_cast<int>(e.labels(r));
    auto grad_boxes = xt::xtensor<float, 3>({rois, classes, 4}, 42.0f);
    auto grad_last = xt::xtensor<float, 4>(last.shape(), 42.0f);
    auto grad_masks = xt::transpose(grad_last, {0, 3, 1, 2});
    auto grad_scores = xt::xtensor<double, 2>({rois, classes}, 42.0); // wider than the scores
    const auto r = xloss::value_and_grad_into(
        mask_rcnn_output{grad_scores, grad_boxes, grad_masks}, loss, mask_rcnn_output{e.scores, boxes, masks},
        mask_rcnn_target{xt::view(labels, xt::all(), 0), e.true_boxes, e.true_masks + 0});
    CHECK(r.value == expected.value);
    CHECK(largest_error(grad_boxes, expected.grads.boxes) == 0.0);
    CHECK(same_bits(xt::xtensor<float, 4>(grad_masks), expected.grads.masks));
    CHECK(largest_error(grad_scores, expected.grads.scores) == 0.0);
}

TEST_CASE("mask_rcnn: no positive roi, no roi", "[detection]") {
    example<double> e;
    e.labels.fill(0);
    e.spoil();
    const auto r = xloss::value_and_grad(mask_rcnn{}, e.output(), e.target());
    CHECK(r.positives == 0);
    CHECK(r.box == 0.0);
    CHECK(r.mask == 0.0);
    CHECK(error(r.value, model(example<double>(e)).classification) <= 1e-14);
    CHECK(cases::largest_entry(r.grads.boxes) == 0.0);
    CHECK(cases::largest_entry(r.grads.masks) == 0.0);
    CHECK(cases::largest_entry(r.grads.scores) > 0.0);

    const xt::xtensor<double, 2> scores = xt::zeros<double>({0, 3}), boxes = xt::zeros<double>({0, 12}),
                                 true_boxes = xt::zeros<double>({0, 4});
    const xt::xtensor<double, 4> masks = xt::zeros<double>({0, 3, 2, 2});
    const xt::xtensor<std::int64_t, 1> labels = xt::zeros<std::int64_t>({0});
    const xt::xtensor<std::uint8_t, 3> true_masks = xt::zeros<std::uint8_t>({0, 2, 2});
    for (const double weight : {1.0, 0.0}) {
        const auto none =
            xloss::value_and_grad(mask_rcnn{.mask_weight = weight}, mask_rcnn_output{scores, boxes, masks},
                                  mask_rcnn_target{labels, true_boxes, true_masks});
        CHECK(none.value == 0.0);
        CHECK(none.classification == 0.0);
        CHECK(none.positives == 0);
        CHECK(none.grads.masks.size() == 0);
    }
}

TEST_CASE("mask_rcnn: without masks it is Faster R-CNN", "[detection]") {
    example<double> e;
    const auto expected = xloss::value_and_grad(mask_rcnn{}, e.output(), e.target());
    const xt::xtensor<double, 4> masks = xt::zeros<double>({rois, classes, std::size_t{0}, std::size_t{0}});
    const xt::xtensor<std::uint8_t, 3> true_masks =
        xt::zeros<std::uint8_t>({rois, std::size_t{0}, std::size_t{0}});
    const auto r = xloss::value_and_grad(mask_rcnn{}, mask_rcnn_output{e.scores, e.boxes, masks},
                                         mask_rcnn_target{e.labels, e.true_boxes, true_masks});
    CHECK(error(r.value, expected.classification + expected.box) <= 1e-15);
    CHECK(r.mask == 0.0);
    CHECK(same_bits(r.grads.boxes, expected.grads.boxes));
}

TEST_CASE("mask_rcnn: threads and a kept workspace, the same bits", "[detection]") {
    // Enough for several pieces, with runs of background at both ends.
    constexpr std::size_t many = 70, side = 64;
    auto scores = as<float>(numbers(-3.0, 3.0, 0.618034, many, classes));
    auto boxes = as<float>(numbers(-1.0, 1.0, 0.754878, many, 4 * classes));
    auto masks = as<float>(numbers(-4.0, 4.0, 0.618034, many, classes, side, side));
    xt::xtensor<std::uint8_t, 1> labels = xt::zeros<std::uint8_t>({many});
    for (std::size_t r = 5; r < many - 9; r += 2)
        labels(r) = static_cast<std::uint8_t>(1 + r % (classes - 1));
    const auto true_boxes = as<float>(numbers(-0.5, 0.5, 0.569840, many, 4));
    const auto true_masks = cases::mask(many, side, side);
    const mask_rcnn_output output{scores, boxes, masks};
    const mask_rcnn_target target{labels, true_boxes, true_masks};
    const mask_rcnn loss{};
    const auto expected = xloss::value_and_grad(loss, output, target);
    CHECK(expected.positives == 28);
    xloss::workspace memory;
    executors::threads threads;
    executors::backwards backwards;
    for (int i = 0; i < 3; ++i) {
        auto grad_scores = xt::xtensor<float, 2>(scores.shape(), 42.0f);
        auto grad_boxes = xt::xtensor<float, 2>(boxes.shape(), 42.0f);
        auto grad_masks = xt::xtensor<float, 4>(masks.shape(), 42.0f);
        const xloss::executor_ref executor = i == 0   ? xloss::executor_ref(threads)
                                             : i == 1 ? xloss::executor_ref(backwards)
                                                      : xloss::executor_ref();
        const auto r =
            xloss::value_and_grad_into(mask_rcnn_output{grad_scores, grad_boxes, grad_masks}, loss, output,
                                       target, {.workspace = &memory, .executor = executor});
        CHECK(r.value == expected.value);
        CHECK(same_bits(grad_scores, expected.grads.scores));
        CHECK(same_bits(grad_boxes, expected.grads.boxes));
        CHECK(same_bits(grad_masks, expected.grads.masks));
    }
    CHECK(memory.bytes() > 0);
}

TEST_CASE("mask_rcnn: on an error no gradient has been touched", "[detection]") {
    example<double> e;
    gradients<double> g;
    const auto refuses = recipes::refusals(g);
    constexpr std::type_identity<xloss::shape_error> shape;
    constexpr std::type_identity<xloss::parameter_error> parameter;
    const mask_rcnn loss;
    const xt::xtensor<double, 2> wide = xt::zeros<double>({6, 13});
    const xt::xtensor<int, 1> five = xt::zeros<int>({5});
    const xt::xtensor<double, 2> few = xt::zeros<double>({5, 4});
    const xt::xtensor<int, 3> small = xt::zeros<int>({6, 3, 4});
    refuses(shape, {"xloss::mask_rcnn", "boxes [6, 13]", "scores [6, 3]"}, loss,
            mask_rcnn_output{e.scores, wide, e.masks}, e.target());
    refuses(shape, {"xloss::mask_rcnn", "masks [6, 13]", "scores [6, 3]", "[R, C, h, w]"}, loss,
            mask_rcnn_output{e.scores, e.boxes, wide}, e.target());
    refuses(shape, {"xloss::mask_rcnn", "boxes [6, 12]", "scores [5, 4]"}, loss,
            mask_rcnn_output{few, e.boxes, e.masks}, e.target());
    refuses(shape, {"xloss::mask_rcnn", "labels [5]", "scores [6, 3]"}, loss, e.output(),
            mask_rcnn_target{five, e.true_boxes, e.true_masks});
    refuses(shape, {"xloss::mask_rcnn", "target boxes [5, 4]", "scores [6, 3]"}, loss, e.output(),
            mask_rcnn_target{e.labels, few, e.true_masks});
    refuses(shape, {"xloss::mask_rcnn", "target masks [6, 3, 4]", "masks [6, 3, 3, 5]"}, loss, e.output(),
            mask_rcnn_target{e.labels, e.true_boxes, small});
    refuses(parameter, {"xloss::mask_rcnn", "box_weight"}, mask_rcnn{.box_weight = not_a_number}, e.output(),
            e.target());
    refuses(parameter, {"xloss::mask_rcnn", "class_weight"}, mask_rcnn{.class_weight = HUGE_VAL}, e.output(),
            e.target());
    refuses(parameter, {"xloss::mask_rcnn", "mask_weight"}, mask_rcnn{.mask_weight = not_a_number},
            e.output(), e.target());
    refuses(parameter, {"xloss::mask_rcnn", "beta is -1"}, mask_rcnn{.beta = -1.0}, e.output(), e.target());
    refuses(parameter, {"xloss::mask_rcnn: scores", "xloss::cross_entropy", "label_smoothing is 2"},
            mask_rcnn{.classification = {.label_smoothing = 2.0}}, e.output(), e.target());
    refuses(parameter, {"xloss::mask_rcnn: masks", "xloss::bce", "label_smoothing is -1"},
            mask_rcnn{.mask = xloss::bce{.label_smoothing = -1.0}}, e.output(), e.target());
    refuses(parameter, {"xloss::mask_rcnn", "upstream"}, loss, e.output(), e.target(),
            {.upstream = e.true_boxes});
    refuses(parameter, {"upstream is nan"}, loss, e.output(), e.target(), {.upstream = not_a_number});
    for (const int label : {-1, 3}) {
        xt::xtensor<std::int64_t, 1> labels = e.labels;
        labels(4) = label;
        refuses(std::type_identity<xloss::label_error>{},
                {"xloss::mask_rcnn", label == 3 ? "label 3 at [4]" : "label -1 at [4]", "[0, 3)"}, loss,
                e.output(), mask_rcnn_target{labels, e.true_boxes, e.true_masks});
    }
}

TEST_CASE("mask_rcnn: gradient buffers of another shape, or that share memory", "[detection]") {
    example<double> e;
    const example<double> before;
    gradients<double> g;
    const auto into = [&](const auto& grads) {
        return [&] { xloss::value_and_grad_into(grads, mask_rcnn{}, e.output(), e.target()); };
    };
    CHECK(throws<xloss::shape_error>(into(mask_rcnn_output{g.scores, g.scores, g.masks}),
                                     {"xloss::mask_rcnn", "boxes", "[6, 3]", "[6, 12]"}));
    CHECK(throws<xloss::alias_error>(into(mask_rcnn_output{g.scores, g.boxes, e.masks}),
                                     {"xloss::mask_rcnn", "gradient buffer of the masks", "the masks"}));
    CHECK(throws<xloss::alias_error>(into(mask_rcnn_output{e.scores, g.boxes, g.masks}),
                                     {"gradient buffer of the scores", "the scores"}));
    auto both = xt::xtensor<double, 1>({100}, 42.0);
    auto scores = xt::adapt(both.data(), std::array<std::size_t, 2>{rois, classes});
    auto boxes = xt::adapt(both.data() + 10, std::array<std::size_t, 2>{rois, 4 * classes});
    CHECK(throws<xloss::alias_error>(into(mask_rcnn_output{scores, boxes, g.masks}),
                                     {"gradient buffer of the scores", "that of the boxes"}));
    auto on_target = xt::adapt(e.true_boxes.data(), std::array<std::size_t, 2>{rois, classes});
    CHECK(throws<xloss::alias_error>(into(mask_rcnn_output{on_target, g.boxes, g.masks}),
                                     {"gradient buffer of the scores", "the target boxes"}));
    CHECK(g.untouched());
    CHECK(same_bits(e.true_boxes, before.true_boxes));
    CHECK(same_bits(e.masks, before.masks));
    CHECK(same_bits(e.scores, before.scores));
    CHECK(same_bits(both, xt::xtensor<double, 1>({100}, 42.0)));
}
