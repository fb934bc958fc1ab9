#include "support/catch.hpp"
#include "support/executors.hpp"
#include "support/expressions.hpp"
#include "support/pool.hpp"

#include <xloss/criterion/mode.hpp>
#include <xloss/criterion/selection.hpp>
#include <xloss/losses/bce.hpp>
#include <xloss/losses/cross_entropy.hpp>
#include <xloss/losses/dice.hpp>
#include <xloss/losses/focal.hpp>
#include <xloss/losses/lovasz.hpp>
#include <xloss/losses/unified_focal.hpp>
#include <xloss/training/gradient_statistics.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace {

const std::array<std::size_t, 4> shape{2, 3, 19, 23};

/// Typed anew: two passes over the elements.
template <class G>
xloss::gradient_summary summary_of(const G& grad) {
    xloss::gradient_summary s;
    const double n = static_cast<double>(grad.size());
    for (double g : grad) {
        s.mean += g / n;
        s.max = std::max(s.max, std::abs(g));
        s.norm += g * g;
    }
    for (double g : grad)
        s.std += (g - s.mean) * (g - s.mean) / (n - 1.0);
    s.std = std::sqrt(s.std);
    s.norm = std::sqrt(s.norm);
    return s;
}

void check_summary(const xloss::gradient_summary& found, const xloss::gradient_summary& expected) {
    CHECK(found.mean == Approx(expected.mean).epsilon(1e-12).margin(1e-15 * expected.max));
    CHECK(found.std == Approx(expected.std).epsilon(1e-12));
    CHECK(found.max == expected.max);
    CHECK(found.norm == Approx(expected.norm).epsilon(1e-12));
}

/// Each loss of a sum of two against that loss alone; the gradient against that of a plain call.
template <class Sum, class First, class Second, class Y>
void check_statistics(const Sum& sum, const First& first, const Second& second, const Y& y,
                      const xloss::call_options& options = {}) {
    const auto x = made_up::logits<double>(shape);
    const auto r = xloss::gradient_statistics(sum, x, y, options);
    const auto plain = xloss::value_and_grad(sum, x, y, options);
    CHECK(r.value == Approx(plain.value).epsilon(1e-14));
    CHECK(r.terms[0].value == Approx(plain.terms[0].value).epsilon(1e-14));
    CHECK(r.terms[1].value == Approx(plain.terms[1].value).epsilon(1e-14));
    CHECK(r.valid == plain.valid);
    check_summary(r.gradients[0], summary_of(xloss::value_and_grad(first, x, y, options).grad));
    check_summary(r.gradients[1], summary_of(xloss::value_and_grad(second, x, y, options).grad));

    auto grad = made_up::logits<double>(shape);
    auto expected = grad;
    xloss::call_options add = options;
    add.accumulate = true;
    const auto into = xloss::gradient_statistics_into(grad, sum, x, y, add);
    xloss::value_and_grad_into(expected, sum, x, y, add);
    CHECK(into.gradients == r.gradients);
    CHECK(std::equal(grad.begin(), grad.end(), expected.begin(),
                     [](double a, double b) { return std::abs(a - b) <= 1e-15; }));
}

} // namespace

TEST_CASE("statistics of a sum with a sigmoid, with weights and an upstream factor") {
    auto y = made_up::labels<double>(shape);
    y(1, 2, 3, 4) = 7.0;
    check_statistics(xloss::multilabel(20.0 * xloss::focal{} + xloss::dice{}, {.ignore_index = 7}),
                     xloss::multilabel(20.0 * xloss::focal{}, {.ignore_index = 7}),
                     xloss::multilabel(1.0 * xloss::dice{}, {.ignore_index = 7}), y, {.upstream = -0.4});
}

TEST_CASE("statistics of a softmax sum, in which a loss is split into terms") {
    const auto labels = made_up::labels<std::uint8_t>(std::array<std::size_t, 3>{2, 19, 23}, 3);
    check_statistics(xloss::multiclass(xloss::cross_entropy{} + 0.5 * xloss::unified_focal{}),
                     xloss::multiclass(1.0 * xloss::cross_entropy{}),
                     xloss::multiclass(0.5 * xloss::unified_focal{}), labels);
}

TEST_CASE("statistics of losses that run apart") {
    const auto labels = made_up::labels<std::uint8_t>(std::array<std::size_t, 3>{2, 19, 23}, 3);
    check_statistics(
        xloss::multiclass(xloss::top_k(xloss::cross_entropy{}, 0.25) + 0.3 * xloss::lovasz_softmax{}),
        xloss::multiclass(1.0 * xloss::top_k(xloss::cross_entropy{}, 0.25)),
        xloss::multiclass(0.3 * xloss::lovasz_softmax{}), labels);
}

TEST_CASE("statistics: the largest magnitude may be that of a slope below 0; nothing is there of nothing") {
    const xt::xtensor<double, 2> x{{0.0, 0.0}};
    const xt::xtensor<double, 2> y{{1.0, 0.5}};
    const auto r = xloss::gradient_statistics(xloss::bce{}, x, y); // slopes -1/4 and 0
    CHECK(r.gradients[0].mean == -0.125);
    CHECK(r.gradients[0].max == 0.25);
    CHECK(r.gradients[0].norm == 0.25);
    CHECK(r.gradients[0].std == Approx(0.25 / std::sqrt(2.0)));

    const auto none = xt::xtensor<double, 2>::from_shape({0, 2});
    CHECK(xloss::gradient_statistics(xloss::bce{}, none, none).gradients[0] == xloss::gradient_summary{});
}

TEST_CASE("statistics: the gradient is left as it was on an error") {
    const auto x = made_up::logits<double>(shape);
    auto y = made_up::labels<double>(shape);
    xt::xtensor<double, 4> grad = x;
    CHECK_THROWS_AS(xloss::gradient_statistics_into(grad, xloss::dice{.smooth = -1.0}, x, y),
                    xloss::parameter_error);
    CHECK(made_up::same_elements(grad, x));
}

TEST_CASE("statistics of a sum in which one loss runs apart: no zeros of the others count") {
    auto y = made_up::labels<double>(shape);
    y(1, 2, 3, 4) = 7.0;
    check_statistics(
        xloss::multilabel(20.0 * xloss::focal{} + 0.3 * xloss::lovasz_hinge{}, {.ignore_index = 7}),
        xloss::multilabel(20.0 * xloss::focal{}, {.ignore_index = 7}),
        xloss::multilabel(0.3 * xloss::lovasz_hinge{}, {.ignore_index = 7}), y);
}

TEST_CASE("statistics with any number of threads", "[training][gradient_statistics]") {
    const std::array<std::size_t, 4> large{2, 3, 61, 97};
    const auto x = made_up::logits<double>(large);
    const auto check = [&](const auto& loss, const auto& y) {
        const auto alone = xloss::gradient_statistics(loss, x, y);
        const auto agrees = [&](const xloss::executor_ref& executor) {
            const auto found = xloss::gradient_statistics(loss, x, y, {.executor = executor});
            CHECK(found.value == alone.value);
            CHECK(found.gradients == alone.gradients);
        };
        executors::backwards backwards;
        agrees(backwards);
        CHECK(backwards.pieces >= 4); // two of each sweep
        executors::pool three(3);
        agrees(three);
    };
    // A loss of regions runs apart, and its gradient comes from several threads as well.
    check(xloss::bce{} + 0.5 * xloss::lovasz_hinge{}, made_up::labels<unsigned char>(large));
    check(xloss::multiclass(xloss::cross_entropy{} + xloss::dice{}),
          made_up::labels<int>(std::array<std::size_t, 3>{2, 61, 97}, 3));
}
