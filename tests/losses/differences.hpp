#ifndef XLOSS_TESTS_LOSSES_DIFFERENCES_HPP
#define XLOSS_TESTS_LOSSES_DIFFERENCES_HPP

// Central differences for losses that run apart, in every mode and with everything that can ride on a call.
// Tensors of any rank, so that a mode is compiled once.

#include "losses/cases.hpp"
#include "support/expressions.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace differences {

using array = xt::xarray<double>;
using label_array = xt::xarray<int>;

/// These losses have kinks, at which nothing may lie within a step.
inline constexpr xloss::testing::gradient_check_options closely{.step = 1e-6, .tolerance = 1e-6};

/// Samples, three classes and one to three spatial axes.
inline const std::vector<std::vector<std::size_t>> shapes{{2, 3, 9}, {2, 3, 4, 5}, {2, 3, 3, 2, 3}};

template <class T = double, class Tensor>
xt::xarray<T> reshaped(const Tensor& numbers, const std::vector<std::size_t>& shape) {
    auto t = xt::xarray<T>::from_shape(shape);
    for (std::size_t i = 0; i < t.size(); ++i)
        t.data()[i] = static_cast<T>(numbers.data()[i]);
    return t;
}

/// Logits in (-4, 4), the same in float and in double. Those of `cases` lie so evenly that the softmax of one
/// pixel is nearly that of another, and their errors are next to equal.
template <class T>
xt::xarray<T> irregular_logits(const std::vector<std::size_t>& shape) {
    auto t = xt::xarray<T>::from_shape(shape);
    made_up::sequence numbers(7);
    for (std::size_t i = 0; i < t.size(); ++i)
        t.data()[i] = static_cast<T>(static_cast<float>(8.0 * numbers.uniform() - 4.0));
    return t;
}

/// What losses are given: of the logits' shape, and of the shape of a label map.
struct data {
    array x, p, hard, soft, w;
    label_array labels;
    array plane_w;

    explicit data(const std::vector<std::size_t>& shape) {
        std::size_t n = 1;
        for (const std::size_t extent : shape)
            n *= extent;
        x = irregular_logits<double>(shape);
        p = reshaped(cases::probabilities(n), shape);
        hard = reshaped(cases::mask_with_ignored(n), shape);
        soft = reshaped(cases::soft(n), shape);
        w = reshaped(cases::weights(n), shape);
        std::vector<std::size_t> plane = shape;
        plane.erase(plane.begin() + 1);
        labels = reshaped<int>(cases::labels_with_ignored(3, n / shape[1]), plane);
        plane_w = reshaped(cases::weights(n / shape[1]), plane);
    }

    /// Over the classes of a pixel the soft targets sum to 1.
    [[nodiscard]] array distributions() const {
        array d = soft;
        const std::size_t classes = x.shape()[1], pixels = x.size() / x.shape()[0] / classes;
        for (std::size_t b = 0; b < x.shape()[0]; ++b)
            for (std::size_t i = 0; i < pixels; ++i) {
                double sum = 0.0;
                for (std::size_t c = 0; c < classes; ++c)
                    sum += soft.data()[(b * classes + c) * pixels + i];
                for (std::size_t c = 0; c < classes; ++c)
                    d.data()[(b * classes + c) * pixels + i] /= sum;
            }
        return d;
    }
};

inline constexpr xloss::mode_options ignoring{.ignore_index = 255};

/// By a factor from above, and where a loss has unreduced regions, by a tensor.
template <class Criterion, class X, class Y>
void check_upstream(const Criterion& loss, const X& x, const Y& y) {
    CHECK(gradient_check(loss, x, y, closely, {.upstream = -2.5}));
    array u = xloss::unreduced(loss, x, y);
    for (std::size_t i = 0; i < u.size(); ++i)
        u.data()[i] = 0.25 + 0.5 * static_cast<double>(i % 4);
    CHECK(gradient_check(loss, x, y, closely, {.upstream = u}));
}

/// Where every element has a sigmoid of its own, or none.
template <class Loss>
void check_binary(const Loss& loss, const data& d) {
    CHECK(gradient_check(binary(loss, ignoring), d.x, xloss::weighted(d.hard, d.w), closely));
    CHECK(gradient_check(binary(loss, {.reduction = xloss::reduction::sum}), d.x, d.soft, closely));
    CHECK(gradient_check(binary(loss, {.activation = xloss::activation::none, .ignore_index = 255}), d.p,
                         xloss::weighted(d.hard, d.w), closely));
}

template <class Loss>
void check_classes(const Loss& loss, const data& d) {
    CHECK(gradient_check(multilabel(loss, ignoring), d.x, xloss::weighted(d.hard, d.w), closely));
    CHECK(gradient_check(one_vs_rest(loss, ignoring), d.x, xloss::weighted(d.labels, d.plane_w), closely));
}

/// Where the classes of a pixel share a softmax.
template <class Loss>
void check_multiclass(const Loss& loss, const data& d) {
    CHECK(gradient_check(multiclass(loss, ignoring), d.x, xloss::weighted(d.labels, d.plane_w), closely));
    CHECK(gradient_check(multiclass(loss), d.x, xloss::weighted(d.distributions(), d.w), closely));
    CHECK(gradient_check(
        multiclass(loss, {.activation = xloss::activation::none, .reduction = xloss::reduction::sum}), d.p,
        d.distributions(), closely));
}

/// Calls f(loss) for what all losses of regions have: regions, what empty ones give, classes and weights.
template <class Loss, class F>
void each_choice_of_regions(Loss loss, F&& f) {
    using xloss::empty_region, xloss::region;
    for (const auto over : {region::sample, region::batch})
        for (const auto empty : {empty_region::smooth, empty_region::zero, empty_region::skip}) {
            INFO("over " << static_cast<int>(over) << ", empty " << static_cast<int>(empty));
            loss.over = over;
            loss.empty = empty;
            f(loss);
        }
    INFO("some classes, weights");
    loss.classes = {2, 0};
    loss.class_weights = {1.0, 2.0, 0.5};
    f(loss);
}

/// Float against double: the value, and every entry of the gradient relative to the largest.
template <class Loss, class Y>
void check_single(const Loss& loss, const std::vector<std::size_t>& shape, const Y& y) {
    const auto single = xloss::value_and_grad(loss, irregular_logits<float>(shape), y);
    const auto exact = xloss::value_and_grad(loss, irregular_logits<double>(shape), y);
    CHECK(cases::error(static_cast<double>(single.value), exact.value) <= 2e-6);
    CHECK(cases::largest_error(single.grad, exact.grad, cases::largest_entry(exact.grad)) <= 2e-6);
    CHECK(single.valid == exact.valid);
}

} // namespace differences

#endif
