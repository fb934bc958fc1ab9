// The sweep over boxes: weights, sums, upstream, layouts, executors. The losses themselves are in
// formulas.cpp.

#include "detection/box_cases.hpp"
#include "support/executors.hpp"

#include <xloss/losses/l1.hpp>
#include <xloss/losses/smooth_l1.hpp>
#include <xloss/testing/gradient_check.hpp>

#include <string>

using namespace box_cases;
using made_up::same_elements;
using made_up::same_evaluation;
using xloss::giou;
using xloss::l1;
using xloss::reduction;
using xloss::testing::gradient_check;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// More than a piece of 16 tiles, and neither a multiple of a tile nor of any vector.
constexpr std::size_t several_pieces = 9001;

template <class A, class B>
bool same(const A& a, const B& b) {
    return same_evaluation(a, b) && same_elements(a.grad, b.grad);
}

/// Weights in (0, 2), every seventh 0.
xt::xtensor<double, 1> some_weights(std::size_t n) {
    auto w = xt::xtensor<double, 1>::from_shape({n});
    for (std::size_t i = 0; i < n; ++i)
        w(i) = i % 7 == 3 ? 0.0 : 0.25 + static_cast<double>(i % 5) * 0.375;
    return w;
}

/// Whether f() throws an Error whose message has both parts.
template <class Error, class F>
bool throws(F&& f, const std::string& first, const std::string& second) {
    try {
        f();
    } catch (const Error& e) {
        const std::string said = e.what();
        return said.find(first) != std::string::npos && said.find(second) != std::string::npos;
    }
    return false;
}

} // namespace

TEST_CASE("box losses: gradient against central differences") {
    const many_boxes<double> b(23);
    const auto w = some_weights(23);
    // Nothing ties: the coordinates of the prediction are moved off those of the target.
    const xt::xtensor<double, 2> x = b.predicted + 0.03125;
    // And no step, of up to 2e-2 at a coordinate of 100, reaches where they would.
    const xloss::testing::gradient_check_options closely{.step = 1e-4};
    each_loss([&](const auto& loss) {
        INFO(loss.name);
        auto followed = loss;
        if constexpr (requires { followed.follow_alpha; })
            followed.follow_alpha = true;
        CHECK(gradient_check(followed, x, xloss::weighted(b.target, w), closely));
        followed.reduction = reduction::sum;
        CHECK(gradient_check(followed, x, b.target, closely, {.upstream = -2.0}));
        CHECK(gradient_check(followed, x, xloss::weighted(b.target, w), closely, {.upstream = w}));
    });
    CHECK(gradient_check(5.0 * l1{} + 2.0 * giou{}, x, xloss::weighted(b.target, w), closely));
}

TEST_CASE("5 l1 + 2 giou is one evaluation: l1 over four numbers of each box, giou over boxes") {
    const many_boxes<double> b(13);
    const auto w = some_weights(13);
    const auto y = xloss::weighted(b.target, w);
    const auto r = value_and_grad(5.0 * l1{} + 2.0 * giou{}, b.predicted, y);
    const auto of_l1 =
        value_and_grad(l1{}, b.predicted, xloss::weighted(b.target, xt::view(w, xt::all(), xt::newaxis())));
    const auto of_giou = value_and_grad(giou{}, b.predicted, y);
    CHECK(close(r.terms[0].value, of_l1.value));
    CHECK(r.terms[0].normalizer == 4.0 * xt::sum(w)());
    CHECK(r.terms[1].value == of_giou.value);
    CHECK(r.terms[1].normalizer == xt::sum(w)());
    CHECK(r.normalizer == r.terms[0].normalizer);
    CHECK(r.valid == 11);
    CHECK(close(r.value, 5.0 * of_l1.value + 2.0 * of_giou.value));
    for (std::size_t i = 0; i < r.grad.size(); ++i)
        CHECK(close(r.grad.data()[i], 5.0 * of_l1.grad.data()[i] + 2.0 * of_giou.grad.data()[i]));
}

TEST_CASE("in a sum of box losses each term has its own reduction, as DETR divides by the number of boxes") {
    const many_boxes<double> b(5);
    const auto loss = 5.0 * l1{.reduction = reduction::sum} + giou{};
    const auto r = value_and_grad(loss, b.predicted, b.target);
    CHECK(close(r.terms[0].value, 20.0 * l1{}(b.predicted, b.target)));
    CHECK(r.terms[0].normalizer == 1.0);
    CHECK(r.terms[1].value == giou{}(b.predicted, b.target));
    const giou sum{.reduction = reduction::sum};
    CHECK(close(sum(b.predicted, b.target), 5.0 * giou{}(b.predicted, b.target)));
    CHECK(value_and_grad(sum, b.predicted, b.target).normalizer == 1.0);
}

TEST_CASE("the mean is sum m l / sum m, and an absent box is selected away") {
    many_boxes<double> b(13);
    const auto w = some_weights(13);
    const auto losses = unreduced(giou{}, b.predicted, b.target);
    double expected = 0.0, total = 0.0;
    for (std::size_t i = 0; i < 13; ++i) {
        expected += w(i) * losses(i);
        total += w(i);
    }
    const auto clean = value_and_grad(giou{}, b.predicted, xloss::weighted(b.target, w));
    CHECK(close(clean.value, expected / total));
    CHECK(close(clean.normalizer, total));
    auto column = xt::xtensor<double, 2>::from_shape({13, 1});
    std::copy(w.begin(), w.end(), column.begin());
    CHECK(same(clean, value_and_grad(giou{}, b.predicted, xloss::weighted(b.target, column))));

    for (std::size_t i : {3U, 10U})
        for (std::size_t c = 0; c < 4; ++c) {
            b.predicted(i, c) = not_a_number;
            b.target(i, c) = HUGE_VAL;
        }
    const auto dirty = value_and_grad(giou{}, b.predicted, xloss::weighted(b.target, w));
    CHECK(same(clean, dirty));
    CHECK(dirty.grad(3, 0) == 0.0);
    auto valid = xt::xtensor<bool, 1>::from_shape({13});
    for (std::size_t i = 0; i < 13; ++i)
        valid(i) = w(i) != 0.0;
    auto riddled = w; // a weight may be NaN where its box is not valid
    riddled(3) = not_a_number;
    CHECK(same(clean, value_and_grad(giou{}, b.predicted,
                                     xloss::weighted(xloss::masked(b.target, valid), riddled))));
    // Accumulated to a buffer, the rows of absent boxes keep their bits.
    xt::xtensor<double, 2> grad = xt::ones<double>({13, 4});
    grad(3, 1) = not_a_number;
    value_and_grad_into(grad, giou{}, b.predicted, xloss::weighted(b.target, w), {.accumulate = true});
    CHECK(std::isnan(grad(3, 1)));
    CHECK(grad(3, 0) == 1.0);
    CHECK(grad(2, 0) == 1.0 + clean.grad(2, 0));
}

TEST_CASE("nothing valid, and no box at all: 0") {
    const many_boxes<double> b(6), none(0);
    const auto loss = l1{} + giou{};
    const xt::xtensor<double, 1> w = xt::zeros<double>({6});
    const auto masked = value_and_grad(loss, b.predicted, xloss::masked(b.target, w));
    CHECK(masked.value == 0.0);
    CHECK(masked.valid == 0);
    CHECK(masked.normalizer == 0.0);
    CHECK(xt::all(xt::equal(masked.grad, 0.0)));
    const auto empty = value_and_grad(loss, none.predicted, none.target);
    CHECK(empty.value == 0.0);
    CHECK(empty.valid == 0);
    CHECK(empty.grad.size() == 0);
    CHECK(unreduced(giou{}, none.predicted, none.target).size() == 0);
}

TEST_CASE("unreduced gives a loss for every box, and an upstream tensor weighs them") {
    const many_boxes<double> b(13);
    const auto w = some_weights(13);
    const auto y = xloss::weighted(b.target, w);
    const auto losses = unreduced(2.0 * giou{} + xloss::diou{}, b.predicted, y);
    REQUIRE(losses.dimension() == 1);
    REQUIRE(losses.size() == 13);
    CHECK(losses(3) == 0.0);
    xt::xtensor<double, 1> u = xt::arange<double>(13.0) - 4.0;
    const auto r = value_and_grad(2.0 * giou{} + xloss::diou{}, b.predicted, y, {.upstream = u});
    double expected = 0.0;
    for (std::size_t i = 0; i < 13; ++i)
        expected += u(i) * losses(i);
    CHECK(close(r.value, expected));
    const auto plain = value_and_grad(giou{.reduction = reduction::sum}, b.predicted, b.target);
    const auto by_u = value_and_grad(giou{}, b.predicted, b.target, {.upstream = u});
    for (std::size_t i = 0; i < 13; ++i)
        CHECK(close(by_u.grad(i, 2), u(i) * plain.grad(i, 2)));
    const auto thrice =
        value_and_grad(giou{.reduction = reduction::sum}, b.predicted, b.target, {.upstream = 3.0});
    CHECK(thrice.value == plain.value);
    CHECK(close(thrice.grad(5, 1), 3.0 * plain.grad(5, 1)));
}

TEMPLATE_TEST_CASE("box losses do not depend on how boxes are stored", "", float, double) {
    using T = TestType;
    using matrix = xt::xtensor<T, 2>;
    const many_boxes<T> b(301);
    const auto loss = l1{} + xloss::ciou{};
    const auto expected = value_and_grad(loss, b.predicted, b.target);
    const xt::xtensor<T, 2, xt::layout_type::column_major> by_column = b.predicted,
                                                           target_by_column = b.target;
    CHECK(same(expected, value_and_grad(loss, by_column, target_by_column)));
    CHECK(same(expected, value_and_grad(loss, b.predicted * T(1), b.target + T(0))));
    auto wide = matrix::from_shape({602, 6});
    auto inner = xt::view(wide, xt::range(0, 602, 2), xt::range(1, 5));
    inner = b.predicted;
    CHECK(same(expected, value_and_grad(loss, inner, b.target)));
    // Targets of another type, and a gradient that is a view of something larger.
    const xt::xtensor<double, 2> in_double = b.target;
    CHECK(same(expected, value_and_grad(loss, b.predicted, in_double)));
    auto wide_grad = matrix::from_shape({602, 6});
    auto grad = xt::view(wide_grad, xt::range(0, 602, 2), xt::range(1, 5));
    value_and_grad_into(grad, loss, b.predicted, b.target);
    CHECK(same_elements(matrix(grad), expected.grad));
}

TEST_CASE("a box has the same loss and gradient wherever it stands") {
    const many_boxes<float> b(37);
    const auto all = value_and_grad(xloss::siou{.reduction = reduction::sum}, b.predicted, b.target);
    const auto losses = unreduced(xloss::siou{}, b.predicted, b.target);
    for (std::size_t i = 0; i < 37; ++i) {
        const xt::xtensor<float, 2> x = xt::view(b.predicted, xt::range(i, i + 1));
        const xt::xtensor<float, 2> y = xt::view(b.target, xt::range(i, i + 1));
        const auto one = value_and_grad(xloss::siou{}, x, y);
        CHECK(one.value == losses(i));
        CHECK(same_elements(one.grad, xt::xtensor<float, 2>(xt::view(all.grad, xt::range(i, i + 1)))));
    }
}

TEST_CASE("box losses: float against double") {
    const many_boxes<float> single(several_pieces);
    const many_boxes<double> exact(several_pieces);
    each_loss([&](const auto& loss) {
        INFO(loss.name);
        const auto found = value_and_grad(loss, single.predicted, single.target);
        const auto expected = value_and_grad(loss, exact.predicted, exact.target);
        CHECK(close(static_cast<double>(found.value), expected.value, 1e-6));
        double worst = 0.0, largest = 0.0;
        for (std::size_t i = 0; i < found.grad.size(); ++i) {
            worst = std::max(worst,
                             std::abs(static_cast<double>(found.grad.data()[i]) - expected.grad.data()[i]));
            largest = std::max(largest, std::abs(expected.grad.data()[i]));
        }
        CHECK(worst <= 2e-6 * largest);
    });
}

TEST_CASE("no executor changes a bit") {
    const many_boxes<float> b(several_pieces);
    const xt::xtensor<float, 1> w = some_weights(several_pieces);
    const auto loss = xloss::smooth_l1{.beta = 0.1} + xloss::eiou{};
    const auto y = xloss::weighted(b.target, w);
    const auto expected = value_and_grad(loss, b.predicted, y);
    executors::backwards backwards;
    executors::shuffled shuffled;
    executors::threads threads;
    CHECK(same(expected, value_and_grad(loss, b.predicted, y, {.executor = backwards})));
    CHECK(same(expected, value_and_grad(loss, b.predicted, y, {.executor = shuffled})));
    CHECK(same(expected, value_and_grad(loss, b.predicted, y, {.executor = threads})));
    CHECK(backwards.pieces > 2);
    xloss::workspace memory;
    CHECK(same(expected, value_and_grad(loss, b.predicted, y, {.workspace = &memory, .executor = threads})));
    CHECK(value(loss, b.predicted, y) == expected.value);
}

TEST_CASE("NaN reaches the gradient of its own box, and the value") {
    many_boxes<double> b(9);
    b.predicted(4, 1) = not_a_number;
    each_loss([&](const auto& loss) {
        const auto r = value_and_grad(loss, b.predicted, b.target);
        INFO(loss.name);
        CHECK(std::isnan(r.value));
        CHECK(std::isnan(r.grad(4, 1)));
        CHECK(std::isfinite(r.grad(3, 1)));
        CHECK(std::isfinite(r.grad(5, 1)));
    });
}

TEST_CASE("what is wrong with a call on boxes is said before anything is written") {
    const many_boxes<double> b(5), fewer(4);
    xt::xtensor<double, 2> grad = xt::ones<double>({5, 4}), short_grad = xt::ones<double>({4, 4});
    const auto call = [&](const auto& loss, const auto& x, const auto& y,
                          const xloss::call_options& how = {}) {
        return [&, how] { value_and_grad_into(grad, loss, x, y, how); };
    };
    using xloss::shape_error;
    const xt::xtensor<double, 2> thin = xt::ones<double>({5, 3});
    const xt::xtensor<double, 1> flat = xt::ones<double>({20});
    CHECK(throws<shape_error>(call(giou{}, thin, thin), "xloss::giou", "[5, 3] are not [N, 4]"));
    CHECK(throws<shape_error>(call(giou{}, flat, flat), "xloss::giou", "[20] are not [N, 4]"));
    CHECK(throws<shape_error>(call(giou{}, b.predicted, fewer.target), "target [4, 4]", "boxes [5, 4]"));
    CHECK(throws<shape_error>(call(l1{} + giou{}, b.predicted, fewer.target), "xloss::l1 + xloss::giou",
                              "[4, 4]"));
    CHECK(throws<shape_error>([&] { value_and_grad_into(short_grad, giou{}, b.predicted, b.target); },
                              "gradient buffer [4, 4]", "boxes [5, 4]"));
    const xt::xtensor<double, 1> four_weights = xt::ones<double>({4}), bad_weights{1.0, 0.0, -1.0, 1.0, 1.0};
    const auto y4 = xloss::weighted(b.target, four_weights), bad = xloss::weighted(b.target, bad_weights);
    const auto v4 = xloss::masked(b.target, thin);
    CHECK(throws<shape_error>(call(giou{}, b.predicted, y4), "weights [4]", "boxes [5, 4]"));
    CHECK(throws<shape_error>(call(giou{}, b.predicted, v4), "valid boxes [5, 3]", "boxes [5, 4]"));
    CHECK(throws<xloss::target_error>(call(giou{}, b.predicted, bad), "xloss::giou", "weight at [2]"));
    CHECK(throws<shape_error>(call(giou{}, b.predicted, b.target, {.upstream = four_weights}), "upstream [4]",
                              "[5]"));
    using xloss::parameter_error;
    const xt::xtensor<double, 1> five = xt::ones<double>({5});
    CHECK(throws<parameter_error>(call(l1{} + giou{}, b.predicted, b.target, {.upstream = five}),
                                  "xloss::l1 + xloss::giou", "upstream"));
    CHECK(throws<parameter_error>(call(giou{}, b.predicted, b.target, {.upstream = not_a_number}), "upstream",
                                  "nan"));
    CHECK(throws<parameter_error>(call(HUGE_VAL * giou{}, b.predicted, b.target), "xloss::giou",
                                  "factor in a sum"));
    CHECK(throws<parameter_error>(call(giou{.eps = 0.0}, b.predicted, b.target), "xloss::giou", "eps"));
    CHECK(throws<parameter_error>(call(xloss::siou{.eps = not_a_number}, b.predicted, b.target),
                                  "xloss::siou", "eps is nan"));
    CHECK(throws<parameter_error>(call(giou{} + xloss::smooth_l1{.beta = -1.0}, b.predicted, b.target),
                                  "xloss::smooth_l1", "beta"));
    CHECK(xt::all(xt::equal(grad, 1.0)));

    many_boxes<double> own(5);
    const auto kept = own.predicted;
    using xloss::alias_error;
    CHECK(throws<alias_error>([&] { value_and_grad_into(own.predicted, giou{}, own.predicted, own.target); },
                              "xloss::giou", "boxes"));
    CHECK(throws<alias_error>([&] { value_and_grad_into(own.target, giou{}, own.predicted, own.target); },
                              "xloss::giou", "target"));
    auto column = xt::view(own.target, xt::all(), 0);
    CHECK(throws<alias_error>(
        [&] { value_and_grad_into(own.target, giou{}, own.predicted, xloss::weighted(b.target, column)); },
        "xloss::giou", "weights"));
    CHECK(same_elements(own.predicted, kept));
}

namespace {

/// A loss of one's own: the squared distance of the left edges.
struct left_edge {
    template <class V>
    xloss::box_point<V> at_box(const xloss::box_pair<V>& b) const {
        const V d = b.predicted.x1 - b.target.x1;
        return {d * d, {2.0 * d, V(0.0), V(0.0), V(0.0)}};
    }
};

} // namespace

TEST_CASE("a box loss of one's own needs at_box alone") {
    const many_boxes<double> b(7);
    CHECK(gradient_check(left_edge{}, b.predicted, b.target));
    const auto r = value_and_grad(left_edge{} + giou{}, b.predicted, b.target);
    CHECK(r.terms[0].value == xloss::value(left_edge{}, b.predicted, b.target));
}
