// Modes: how logits become probabilities, and how targets are read.

#include "support/catch.hpp"
#include "support/expressions.hpp"
#include "support/own_losses.hpp"

#include <xloss/xloss.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace {

using made_up::same_elements, made_up::same_evaluation;
using xloss::bce, xloss::cross_entropy, xloss::dice, xloss::focal, xloss::mode;

const std::array<std::size_t, 4> shape{2, 3, 13, 11};
const std::array<std::size_t, 3> map_shape{2, 13, 11};

/// The labels of a map as one-hot targets.
template <class T>
xt::xtensor<T, 4> one_hot(const xt::xtensor<int, 3>& labels) {
    auto y = xt::xtensor<T, 4>::from_shape(shape);
    for (std::size_t b = 0; b < shape[0]; ++b)
        for (std::size_t c = 0; c < shape[1]; ++c)
            for (std::size_t i = 0; i < shape[2]; ++i)
                for (std::size_t j = 0; j < shape[3]; ++j)
                    y(b, c, i, j) = labels(b, i, j) == static_cast<int>(c) ? T(1) : T(0);
    return y;
}

template <class Loss>
constexpr mode natural = xloss::engine::natural_mode<Loss>();

} // namespace

TEST_CASE("the natural mode is the first of binary and multiclass that all terms have", "[criterion][mode]") {
    STATIC_REQUIRE(natural<bce> == mode::binary);
    STATIC_REQUIRE(natural<focal> == mode::binary);
    STATIC_REQUIRE(natural<dice> == mode::binary);
    STATIC_REQUIRE(natural<user::brier> == mode::binary);
    STATIC_REQUIRE(natural<cross_entropy> == mode::multiclass);
    STATIC_REQUIRE(natural<user::poly_cross_entropy> == mode::multiclass);
    STATIC_REQUIRE(natural<decltype(cross_entropy{} + dice{})> == mode::multiclass);
    STATIC_REQUIRE(natural<decltype(dice{} + focal{})> == mode::binary);
    STATIC_REQUIRE(decltype(xloss::one_vs_rest(bce{}))::md == mode::one_vs_rest);
}

TEST_CASE("a mode keeps a loss and its options", "[criterion][mode]") {
    const auto criterion = xloss::multiclass(
        focal{.gamma = 3.0},
        {.ignore_index = 7, .reduction = xloss::reduction::sum, .denominator = xloss::denominator::all});
    CHECK(criterion.loss.gamma == 3.0);
    CHECK(criterion.options.ignore_index == 7);
    CHECK(criterion.options.reduction == xloss::reduction::sum);
    CHECK(criterion.options.denominator == xloss::denominator::all);
    CHECK(criterion.options.activation == xloss::activation::natural);
    const auto x = made_up::logits<float>(shape);
    const auto y = made_up::labels<int>(map_shape, 3);
    CHECK(criterion(x, y) == xloss::value(criterion, x, y));
    CHECK(criterion(x, y) == xloss::value_and_grad(criterion, x, y).value);
}

TEST_CASE("one_vs_rest is multilabel on the masks of a label map", "[criterion][mode]") {
    const auto x = made_up::logits<float>(shape);
    const auto labels = made_up::labels<int>(map_shape, 3);
    const auto loss = 2.0 * bce{.pos_weight = {1.0, 2.0, 3.0}} + user::tversky{};
    const auto a = xloss::value_and_grad(xloss::one_vs_rest(loss), x, labels);
    const auto b = xloss::value_and_grad(xloss::multilabel(loss), x, one_hot<float>(labels));
    CHECK(same_evaluation(a, b));
    CHECK(same_elements(a.grad, b.grad));
}

TEST_CASE("binary sees a channel axis as space, multilabel as classes", "[criterion][mode]") {
    const auto x = made_up::logits<double>(shape);
    const auto y = made_up::labels<int>(shape);
    const auto a = xloss::value_and_grad(bce{}, x, y),
               b = xloss::value_and_grad(xloss::multilabel(bce{}), x, y);
    CHECK(std::abs(a.value - b.value) <= 1e-15); // a mean over pixels is the same
    CHECK(same_elements(a.grad, b.grad));
    CHECK(a.valid == b.valid);
    CHECK(xloss::value_and_grad(user::tversky{}, x, y).normalizer == 2.0);
    CHECK(xloss::unreduced(user::tversky{}, x, y).size() == 2); // a mean over regions is another
    CHECK(xloss::unreduced(xloss::multilabel(user::tversky{}), x, y).size() == 6);
}

TEST_CASE("a label map is its one-hot targets, never made", "[criterion][mode]") {
    const auto x = made_up::logits<double>(shape);
    const auto labels = made_up::labels<int>(map_shape, 3);
    const auto hot = one_hot<double>(labels);
    const auto check = [&](const char* name, const auto& criterion) {
        INFO(name);
        const auto a = xloss::value_and_grad(criterion, x, labels);
        const auto b = xloss::value_and_grad(criterion, x, hot);
        CHECK(std::abs(a.value - b.value) <= 1e-13 * std::abs(b.value));
        CHECK(std::abs(a.normalizer - b.normalizer) <= 1e-13 * b.normalizer);
        CHECK(a.valid == b.valid);
        double worst = 0.0, largest = 0.0;
        for (std::size_t i = 0; i < x.size(); ++i) {
            worst = std::max(worst, std::abs(a.grad.data()[i] - b.grad.data()[i]));
            largest = std::max(largest, std::abs(b.grad.data()[i]));
        }
        CHECK(worst <= 1e-14 * largest);
    };
    check("cross_entropy",
          xloss::multiclass(cross_entropy{.label_smoothing = 0.2, .class_weights = {1.0, 2.0, 0.5}}));
    check("focal", xloss::multiclass(focal{.gamma = 0.5, .normalized = true}));
    check("a user's", xloss::multiclass(user::tversky{}));
}

TEST_CASE("probabilities give what their logits give", "[criterion][mode]") {
    const auto x = made_up::logits<double>(shape);
    const auto y = made_up::labels<int>(shape);
    const xt::xtensor<double, 4> p = 1.0 / (1.0 + xt::exp(-x));
    const auto loss = bce{} + user::tversky{} + user::brier{};
    const xloss::mode_options probabilities{.activation = xloss::activation::none};
    const auto a = xloss::value_and_grad(xloss::multilabel(loss), x, y);
    const auto b = xloss::value_and_grad(xloss::multilabel(loss, probabilities), p, y);
    CHECK(std::abs(a.value - b.value) <= 1e-13);
    double worst = 0.0; // the chain rule
    for (std::size_t i = 0; i < x.size(); ++i)
        worst = std::max(worst,
                         std::abs(a.grad.data()[i] - b.grad.data()[i] * p.data()[i] * (1.0 - p.data()[i])));
    CHECK(worst <= 1e-15);
}
