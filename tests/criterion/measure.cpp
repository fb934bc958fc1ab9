// A batch cut in any way and put together again is the batch: value, terms, normalizers and gradient.

#include "support/catch.hpp"
#include "support/expressions.hpp"

#include <xloss/xloss.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

namespace {

using made_up::same_bits;
using namespace xloss;

constexpr std::size_t samples = 4, classes = 3, pixels = 37;
const std::array<std::size_t, 3> shape{samples, classes, pixels};
const std::array<std::size_t, 2> pixel_shape{samples, pixels};

/// Cuts between the samples, one bit each: all eight ways to cut four samples.
constexpr unsigned ways = 1U << (samples - 1);

std::vector<std::array<std::size_t, 2>> parts_of(unsigned cuts) {
    std::vector<std::array<std::size_t, 2>> parts{{0, 1}};
    for (std::size_t b = 1; b < samples; ++b) {
        if (cuts & (1U << (b - 1)))
            parts.push_back({b, b});
        ++parts.back()[1];
    }
    return parts;
}

auto samples_of(auto& all, const std::array<std::size_t, 2>& part) {
    return xt::view(all, xt::range(part[0], part[1]));
}

bool close(double a, double b, double scale) {
    return std::abs(a - b) <= 1e-12 * scale;
}

/// Every way of cutting the batch gives what one call over it gives. `target(part)` is the target of a part.
template <class Loss, class X, class Target>
void check_cuts(const Loss& loss, const X& x, const Target& target) {
    const auto whole = value_and_grad(loss, x, target({0, samples}));
    double largest = 0.0;
    for (double g : whole.grad)
        largest = std::max(largest, std::abs(g));
    REQUIRE(largest > 0.0);
    for (unsigned cuts = 0; cuts < ways; ++cuts) {
        INFO("cuts " << cuts);
        const auto parts = parts_of(cuts);
        auto sums = measure(loss, samples_of(x, parts[0]), target(parts[0]));
        for (std::size_t k = 1; k < parts.size(); ++k)
            sums.merge(measure(loss, samples_of(x, parts[k]), target(parts[k])));
        auto grad = X::from_shape(x.shape());
        grad.fill(std::numeric_limits<double>::quiet_NaN());
        const auto joined = finish(sums);
        for (const auto& part : parts) {
            const auto own = finish(samples_of(grad, part), sums, samples_of(x, part), target(part));
            CHECK(same_bits(own.value, joined.value));
        }
        CHECK(close(joined.value, whole.value, std::abs(whole.value)));
        CHECK(close(joined.normalizer, whole.normalizer, whole.normalizer));
        CHECK(joined.valid == whole.valid);
        for (std::size_t i = 0; i < whole.terms.size(); ++i) {
            CHECK(close(joined.terms[i].value, whole.terms[i].value, std::abs(whole.terms[i].value)));
            CHECK(close(joined.terms[i].normalizer, whole.terms[i].normalizer, whole.terms[i].normalizer));
        }
        double worst = 0.0;
        bool numbers = true;
        for (std::size_t i = 0; i < x.size(); ++i) {
            numbers = numbers && std::isfinite(grad.data()[i]);
            worst = std::max(worst, std::abs(grad.data()[i] - whole.grad.data()[i]));
        }
        CHECK(numbers);
        CHECK(worst <= 1e-12 * largest);
    }
}

/// Logits with masks that differ from sample to sample: few positives, and no class 1 in sample 2.
struct problem {
    xt::xtensor<double, 3> x = made_up::logits<double>(shape);
    xt::xtensor<std::uint8_t, 3> y = xt::zeros<std::uint8_t>(shape);
    xt::xtensor<std::int64_t, 2> labels = made_up::labels<std::int64_t>(pixel_shape, classes);
    xt::xtensor<double, 2> w = made_up::weights<double>(pixel_shape);

    problem() {
        made_up::sequence numbers(5);
        for (std::size_t b = 0; b < samples; ++b)
            for (std::size_t c = 0; c < classes; ++c)
                for (std::size_t i = 0; i < pixels; ++i)
                    if (!(b == 2 && c == 1) && numbers.next() % (2 + 3 * b + c) == 0)
                        y(b, c, i) = i % 5 == 4 ? 255 : 1;
        for (std::size_t i = 0; i < pixels; i += 6)
            labels(i % samples, i) = -100;
    }

    auto masks() const {
        return [this](const std::array<std::size_t, 2>& part) {
            return weighted(samples_of(y, part), samples_of(w, part));
        };
    }
    auto label_maps() const {
        return [this](const std::array<std::size_t, 2>& part) {
            return weighted(samples_of(labels, part), samples_of(w, part));
        };
    }
};

} // namespace

TEST_CASE("parts of a batch: weighted BCE, Dice and generalized Dice over the batch",
          "[criterion][measure]") {
    const problem p;
    const auto loss = weighted_bce{} + 0.5 * dice{.over = region::batch, .empty = empty_region::skip} +
                      2.0 * generalized_dice{.over = region::batch};
    check_cuts(multilabel(loss, {.ignore_index = 255}), p.x, p.masks());
    check_cuts(multilabel(loss, {.ignore_index = 255, .reduction = reduction::sum}), p.x, p.masks());
    check_cuts(multilabel(loss, {.ignore_index = 255, .denominator = denominator::all}), p.x, p.masks());
}

TEST_CASE("parts of a batch: regions of a sample and of the batch in one sum", "[criterion][measure]") {
    const problem p;
    const auto loss = dice{.empty = empty_region::skip, .class_weights = {0.5, 2.0, 1.0}} +
                      3.0 * dice{.over = region::batch} + unified_focal{};
    check_cuts(multilabel(loss, {.ignore_index = 255}), p.x, p.masks());
}

TEST_CASE("parts of a batch: focal with a denominator of its own", "[criterion][measure]") {
    const problem p;
    check_cuts(multilabel(focal{.gamma = 1.5, .normalized = true}, {.ignore_index = 255}), p.x, p.masks());
}

TEST_CASE("parts of a batch: softmax losses with class weights on label maps", "[criterion][measure]") {
    const problem p;
    const auto loss = cross_entropy{.label_smoothing = 0.1, .class_weights = {0.5, 2.0, 1.0}} +
                      generalized_dice{.over = region::batch} + dice{};
    check_cuts(multiclass(loss, {.ignore_index = -100}), p.x, p.label_maps());
}

TEST_CASE("parts of a batch: soft targets with weights of every class", "[criterion][measure]") {
    const problem p;
    xt::xtensor<double, 3> soft = 0.125 * xt::cast<double>(made_up::labels<int>(shape, 9));
    const xt::xtensor<double, 3> each = made_up::weights<double>(shape);
    const auto loss = iou{.over = region::batch, .empty = empty_region::skip} +
                      tversky{.alpha = 0.3, .beta = 0.7, .gamma = 0.75} + mcc{.over = region::batch} +
                      poly_cross_entropy{.class_weights = {1.0, 0.0, 2.0}};
    check_cuts(multilabel(loss), p.x, [&](const std::array<std::size_t, 2>& part) {
        return weighted(samples_of(soft, part), samples_of(each, part));
    });
}

TEST_CASE("parts of a batch: batch statistics on label maps", "[criterion][measure]") {
    const problem p;
    check_cuts(one_vs_rest(weighted_bce{}, {.ignore_index = -100}), p.x, p.label_maps());
}

TEST_CASE("a part that holds nothing changes nothing", "[criterion][measure]") {
    const problem p;
    const auto loss = multilabel(weighted_bce{} + dice{}, {.ignore_index = 255});
    auto sums = measure(loss, p.x, p.y);
    const double before = finish(sums).value;
    const xt::xtensor<double, 3> no_logits = xt::zeros<double>({std::size_t{0}, classes, pixels});
    const xt::xtensor<std::uint8_t, 3> no_mask = xt::zeros<std::uint8_t>({std::size_t{0}, classes, pixels});
    sums.merge(measure(loss, no_logits, no_mask));
    CHECK(same_bits(finish(sums).value, before));
    xt::xtensor<double, 3> no_grad = no_logits;
    CHECK(same_bits(finish(no_grad, sums, no_logits, no_mask).value, before));

    auto nothing = measure(loss, no_logits, no_mask);
    CHECK(finish(nothing).value == 0.0);
    CHECK(finish(nothing).valid == 0);
}

TEST_CASE("finish adds to a gradient, times the upstream gradient", "[criterion][measure]") {
    const problem p;
    const auto loss = multilabel(weighted_bce{} + dice{.over = region::batch}, {.ignore_index = 255});
    const auto sums = measure(loss, p.x, p.y);
    xt::xtensor<double, 3> grad = xt::zeros<double>(shape), twice = xt::ones<double>(shape);
    workspace kept;
    finish(grad, sums, p.x, p.y);
    finish(twice, sums, p.x, p.y, {.upstream = -2.0, .accumulate = true, .workspace = &kept});
    double worst = 0.0;
    for (std::size_t i = 0; i < grad.size(); ++i)
        worst = std::max(worst, std::abs(twice.data()[i] - (1.0 - 2.0 * grad.data()[i])));
    CHECK(worst < 1e-15);
    CHECK(kept.bytes() > 0);
}

TEST_CASE("sums are plain numbers that another process may add up", "[criterion][measure]") {
    const problem p;
    const auto loss = multilabel(weighted_bce{}, {.ignore_index = 255});
    auto first = measure(loss, samples_of(p.x, {0, 1}), samples_of(p.y, {0, 1}));
    const auto rest = measure(loss, samples_of(p.x, {1, samples}), samples_of(p.y, {1, samples}));
    for (std::size_t i = 0; i < first.numbers().size(); ++i)
        first.numbers()[i] += rest.numbers()[i];
    const double whole = value(loss, p.x, p.y);
    CHECK(close(finish(first).value, whole, whole));
}

TEST_CASE("logits in float, sums in double", "[criterion][measure]") {
    const problem p;
    const auto loss = multilabel(weighted_bce{} + dice{.over = region::batch}, {.ignore_index = 255});
    const xt::xtensor<float, 3> x = p.x;
    auto sums = measure(loss, samples_of(x, {0, 3}), samples_of(p.y, {0, 3}));
    sums.merge(measure(loss, samples_of(x, {3, samples}), samples_of(p.y, {3, samples})));
    const auto joined = finish(sums);
    STATIC_REQUIRE(std::is_same_v<decltype(joined.value), float>);
    const auto whole = value_and_grad(loss, x, p.y);
    CHECK(std::abs(joined.value - whole.value) <= 1e-6F * whole.value);
}

TEST_CASE("what does not fit is refused, and the gradient is as it was", "[criterion][measure]") {
    const problem p;
    const auto loss = multilabel(dice{}, {.ignore_index = 255});
    auto sums = measure(loss, p.x, p.y);
    const auto two = xt::view(p.x, xt::all(), xt::range(0, 2));
    const auto two_masks = xt::view(p.y, xt::all(), xt::range(0, 2));
    CHECK_THROWS_AS(sums.merge(measure(loss, two, two_masks)), shape_error);
    xt::xtensor<double, 3> grad = xt::ones<double>({samples, std::size_t{2}, pixels});
    CHECK_THROWS_WITH(finish(grad, sums, two, two_masks),
                      "xloss::dice: logits [4, 2, 37] do not fit sums over 3 classes");
    CHECK_THROWS_AS(finish(grad, sums, p.x, p.y), shape_error);

    const xt::xtensor<double, 2> each = xt::ones<double>({samples, classes});
    CHECK_THROWS_AS(measure(loss, p.x, p.y, {.upstream = each}), parameter_error);
    xt::xtensor<double, 3> own = xt::ones<double>(shape);
    CHECK_THROWS_AS(finish(own, sums, p.x, p.y, {.upstream = each}), parameter_error);
    const auto labelled = multiclass(cross_entropy{});
    const auto labels = measure(labelled, p.x, xt::xtensor<int, 2>(xt::zeros<int>(pixel_shape)));
    const xt::xtensor<int, 2> wrong = 7 * xt::ones<int>(pixel_shape);
    CHECK_THROWS_AS(finish(own, labels, p.x, wrong), label_error);
    CHECK(xt::all(xt::equal(own, 1.0)));
    CHECK(xt::all(xt::equal(grad, 1.0)));

    // Numbers from elsewhere have the length that the loss asks for.
    CHECK_THROWS_WITH(sums.merge({loss, classes, std::vector<double>(sums.numbers().size() + 1)}),
                      "xloss::dice: sums of a loss with other parameters do not fit");
    using of_dice = measurement<std::remove_cvref_t<decltype(loss)>, double>;
    CHECK_THROWS_AS(of_dice(loss, classes, std::vector<double>(2)), shape_error);
    const of_dice long_one(loss, classes, std::vector<double>(sums.numbers().size() + 1));
    CHECK_THROWS_AS(finish(long_one), shape_error);
    CHECK_THROWS_AS(finish(own, long_one, p.x, p.y), shape_error);
}
