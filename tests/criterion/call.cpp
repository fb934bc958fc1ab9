// The public calls: what is wrong is said, with the caller's data untouched, and what looks odd has a
// meaning.

#include "support/catch.hpp"
#include "support/expressions.hpp"
#include "support/own_losses.hpp"

#include <xloss/xloss.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

namespace {

using Catch::Matchers::WithinRel;
using xloss::activation, xloss::masked, xloss::weighted;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

using tensor = xt::xarray<double>;
using labels = xt::xarray<int>;

tensor filled(const std::vector<std::size_t>& shape, double value) {
    auto t = tensor::from_shape(shape);
    t.fill(value);
    return t;
}

/// Checks that a call throws an Error whose message has all the given texts in it, and that it wrote nothing.
template <class Error, class Loss, class X, class Y, class G>
void refuses_into(G& grad, const std::vector<std::string>& texts, const Loss& loss, const X& x, const Y& y,
                  const xloss::call_options& options = {}) {
    static_assert(std::is_base_of_v<xloss::error, Error> && std::is_base_of_v<std::invalid_argument, Error>);
    const G before = grad;
    const X logits_before = x;
    std::string message = "no error";
    try {
        xloss::value_and_grad_into(grad, loss, x, y, options);
    } catch (const Error& e) {
        message = e.what();
    }
    for (const std::string& text : texts) {
        INFO("message: " << message << "\n  should have in it: " << text);
        CHECK(message.find(text) != std::string::npos);
    }
    CHECK(made_up::same_elements(grad, before));
    CHECK(made_up::same_elements(x, logits_before));
}

template <class Error, class Loss, class X, class Y>
void refuses(const std::vector<std::string>& texts, const Loss& loss, const X& x, const Y& y,
             const xloss::call_options& options = {}) {
    X grad = x;
    grad.fill(42.0);
    refuses_into<Error>(grad, texts, loss, x, y, options);
    CHECK_THROWS_AS(xloss::value(loss, x, y, options), Error);
    CHECK_THROWS_AS(xloss::value_and_grad(loss, x, y, options), xloss::error);
}

const tensor x = filled({2, 3, 4, 5}, 0.5), y = filled({2, 3, 4, 5}, 1.0);
const labels map = xt::zeros<int>({2, 4, 5});

template <class Loss>
auto multiclass(const Loss& loss, xloss::mode_options options = {}) {
    return xloss::multiclass(loss, options);
}

} // namespace

TEST_CASE("shapes that do not fit are named both", "[criterion][errors]") {
    refuses<xloss::shape_error>({"bce", "[2, 3, 4]", "[2, 3, 4, 5]"}, xloss::bce{}, x,
                                filled({2, 3, 4}, 1.0));
    refuses<xloss::shape_error>({"dice", "[2, 3, 5, 4]", "[2, 3, 4, 5]"}, xloss::multilabel(xloss::dice{}), x,
                                filled({2, 3, 5, 4}, 1.0));
    refuses<xloss::shape_error>({"cross_entropy", "[2, 4, 6]", "[2, 3, 4, 5]"}, xloss::cross_entropy{}, x,
                                labels(xt::zeros<int>({2, 4, 6})));
    refuses<xloss::shape_error>({"cross_entropy", "[2, 2, 4, 5]", "[2, 3, 4, 5]"}, xloss::cross_entropy{}, x,
                                filled({2, 2, 4, 5}, 0.5));
    refuses<xloss::shape_error>({"cross_entropy", "[2, 4, 5]", "integers"}, xloss::cross_entropy{}, x,
                                filled({2, 4, 5}, 0.0));
    refuses<xloss::shape_error>({"label map", "[2, 3, 4, 5]"}, xloss::one_vs_rest(xloss::bce{}), x, y);
    refuses<xloss::shape_error>({"weights", "[2, 3, 4]", "[2, 3, 4, 5]"}, xloss::multilabel(xloss::bce{}), x,
                                weighted(y, filled({2, 3, 4}, 1.0)));
    refuses<xloss::shape_error>({"valid", "[3]", "[2, 3, 4, 5]"}, xloss::bce{}, x,
                                masked(y, filled({3}, 1.0)));
    refuses<xloss::shape_error>({"weights", "[2, 3, 4, 5]"}, xloss::cross_entropy{}, x, weighted(map, y));
}

TEST_CASE("a rank that no mode has is named", "[criterion][errors]") {
    refuses<xloss::shape_error>({"bce", "[]"}, xloss::bce{}, filled({}, 0.5), filled({}, 1.0));
    refuses<xloss::shape_error>({"cross_entropy", "[3]", "[B, C, ...]"}, xloss::cross_entropy{},
                                filled({3}, 0.5), filled({3}, 1.0));
    const std::vector<std::size_t> nine(9, 1);
    refuses<xloss::shape_error>({"9"}, xloss::bce{}, filled(nine, 0.5), filled(nine, 1.0));
    const std::vector<std::size_t> eight(8, 1);
    CHECK_THAT(xloss::value(xloss::bce{}, filled(eight, 0.0), filled(eight, 1.0)),
               WithinRel(std::log(2.0), 1e-15));
    // Samples without an axis of space.
    CHECK_THAT(xloss::value(xloss::bce{}, tensor{0.0, 0.0}, tensor{1.0, 0.0}),
               WithinRel(std::log(2.0), 1e-15));
    refuses<xloss::shape_error>({"focal", "binary"}, multiclass(xloss::focal{}), filled({2, 1, 4}, 0.5),
                                filled({2, 1, 4}, 1.0));
    refuses<xloss::shape_error>({"cross_entropy", "[2, 0, 4]"}, xloss::cross_entropy{},
                                filled({2, 0, 4}, 0.5), filled({2, 0, 4}, 1.0));
}

TEST_CASE("a label that is no class is named, and where it is", "[criterion][errors]") {
    labels bad = map;
    bad(1, 2, 3) = 3;
    refuses<xloss::label_error>({"cross_entropy", "label 3", "[1, 2, 3]", "[0, 3)"}, xloss::cross_entropy{},
                                x, bad);
    refuses<xloss::label_error>({"dice", "label 3", "[1, 2, 3]", "255"},
                                multiclass(xloss::dice{}, {.ignore_index = 255}), x, bad);
    bad(0, 3, 4) = -1;
    refuses<xloss::label_error>({"label -1", "[0, 3, 4]"}, xloss::one_vs_rest(xloss::focal{}), x, bad);
    const xt::xarray<std::uint64_t> wide = xt::cast<std::uint64_t>(map) + 4294967296U;
    refuses<xloss::label_error>({"label 4294967296", "[0, 0, 0]"}, xloss::cross_entropy{}, x, wide);
    CHECK_NOTHROW(xloss::value(multiclass(xloss::cross_entropy{}, {.ignore_index = -1}), x, labels(map - 1)));
    // A label that is masked away is still a label: only the ignored one is not.
    CHECK_THROWS_AS(xloss::value(xloss::cross_entropy{}, x, masked(bad, labels(map))), xloss::label_error);
}

TEST_CASE("targets, probabilities and weights out of range are named", "[criterion][errors]") {
    tensor bad = y;
    bad(1, 0, 3, 2) = 1.5;
    const xloss::mode_options check{.check_targets = true};
    refuses<xloss::target_error>({"bce", "[1, 0, 3, 2]", "[0, 1]"}, xloss::binary(xloss::bce{}, check), x,
                                 bad);
    bad(1, 0, 3, 2) = -0.25;
    refuses<xloss::target_error>({"dice", "[1, 0, 3, 2]"}, xloss::multilabel(xloss::dice{}, check), x, bad);
    bad(1, 0, 3, 2) = not_a_number;
    refuses<xloss::target_error>({"[1, 0, 3, 2]"}, xloss::multilabel(xloss::dice{}, check), x, bad);
    CHECK_NOTHROW(
        xloss::value(xloss::binary(xloss::bce{}), x, bad)); // without a check it is the caller's affair
    refuses<xloss::target_error>({"cross_entropy", "[0, 0, 0, 0]", "sum to 1"},
                                 multiclass(xloss::cross_entropy{}, check), x, y);
    tensor some = y; // where the target does not count it may be anything
    some(1, 0, 3, 2) = not_a_number;
    tensor valid = y;
    valid(1, 0, 3, 2) = 0.0;
    CHECK_NOTHROW(xloss::value(xloss::binary(xloss::bce{}, check), x, masked(some, valid)));

    tensor p = x;
    p(0, 2, 1, 4) = 1.0 + 1e-9;
    const xloss::mode_options probabilities{.activation = activation::none, .check_targets = true};
    refuses<xloss::target_error>({"bce", "probability", "[0, 2, 1, 4]"},
                                 xloss::binary(xloss::bce{}, probabilities), p, y);

    for (const double w : {-0.5, not_a_number, infinity}) {
        tensor weights = y;
        weights(0, 1, 2, 3) = w;
        refuses<xloss::target_error>({"bce", "weight", "[0, 1, 2, 3]"}, xloss::bce{}, x,
                                     weighted(y, weights));
        CHECK_NOTHROW(xloss::value(
            xloss::bce{}, x,
            weighted(masked(y, tensor(xt::cast<double>(weights > 0.0 && weights < 2.0))), weights)));
    }
}

TEST_CASE("a logit that is not finite is named where the caller asks", "[criterion][errors]") {
    for (const double v : {not_a_number, infinity, -infinity}) {
        tensor bad = x;
        bad(1, 2, 0, 3) = v;
        bad(1, 2, 3, 3) = v;
        refuses<xloss::finite_error>({"bce", "[1, 2, 0, 3]"},
                                     xloss::binary(xloss::bce{}, {.check_finite = true}), bad, y);
        refuses<xloss::finite_error>({"cross_entropy", "[1, 2, 0, 3]"},
                                     multiclass(xloss::cross_entropy{}, {.check_finite = true}), bad, map);
        tensor valid = y;
        valid(1, 2, 0, 3) = valid(1, 2, 3, 3) = 0.0;
        CHECK_NOTHROW(
            xloss::value(xloss::binary(xloss::bce{}, {.check_finite = true}), bad, masked(y, valid)));
    }
}

TEST_CASE("a parameter out of its domain is named with its loss", "[criterion][errors]") {
    using xloss::parameter_error;
    for (const double bad : {-1.0, not_a_number, infinity, -infinity}) {
        refuses<parameter_error>({"focal", "gamma"}, xloss::focal{.gamma = bad}, x, y);
        refuses<parameter_error>({"dice", "smooth"}, xloss::dice{.smooth = bad}, x, y);
        refuses<parameter_error>({"dice", "smooth_nr"}, xloss::dice{.smooth_nr = bad}, x, y);
        refuses<parameter_error>({"dice", "smooth_dr"}, xloss::dice{.smooth_dr = bad}, x, y);
        refuses<parameter_error>({"generalized_dice", "weight_smooth"},
                                 xloss::generalized_dice{.weight_smooth = bad}, x, y);
        refuses<parameter_error>({"generalized_dice", "smooth"}, xloss::generalized_dice{.smooth = bad}, x,
                                 y);
        refuses<parameter_error>({"bce", "pos_weight"}, xloss::bce{.pos_weight = bad}, x, y);
        refuses<parameter_error>({"bce", "label_smoothing"}, xloss::bce{.label_smoothing = bad}, x, y);
        refuses<parameter_error>({"cross_entropy", "label_smoothing"},
                                 xloss::cross_entropy{.label_smoothing = bad}, x, map);
        refuses<parameter_error>({"cross_entropy", "class_weights"},
                                 xloss::cross_entropy{.class_weights = {1.0, bad, 1.0}}, x, map);
        refuses<parameter_error>({"unified_focal", "weight"}, xloss::unified_focal{.weight = bad}, x, y);
        refuses<parameter_error>({"unified_focal", "delta"}, xloss::unified_focal{.delta = bad}, x, y);
        refuses<parameter_error>({"unified_focal", "gamma"}, xloss::unified_focal{.gamma = bad}, x, y);
    }
    for (const double bad : {not_a_number, infinity}) {
        refuses<parameter_error>({"focal", "alpha"}, xloss::focal{.alpha = bad}, x, y);
        refuses<parameter_error>({"dice", "factor"}, bad * xloss::dice{} + xloss::bce{}, x, y);
        refuses<parameter_error>({"upstream"}, xloss::bce{}, x, y, {.upstream = bad});
    }
    refuses<parameter_error>({"cross_entropy", "label_smoothing"},
                             xloss::cross_entropy{.label_smoothing = 1.5}, x, map);
    refuses<parameter_error>({"unified_focal", "gamma"}, xloss::unified_focal{.gamma = 1.5}, x, y);
    refuses<parameter_error>({"cross_entropy", "class_weights", "2", "3"},
                             xloss::cross_entropy{.class_weights = {1.0, 2.0}}, x, map);
    refuses<parameter_error>({"cross_entropy", "zero"},
                             xloss::cross_entropy{.class_weights = {0.0, 0.0, 0.0}}, x, map);
    refuses<parameter_error>({"dice", "class_weights", "2", "3"},
                             multiclass(xloss::dice{.class_weights = {1.0, 2.0}}), x, map);
    refuses<parameter_error>({"dice", "class 3"}, multiclass(xloss::dice{.classes = {1, 3}}), x, map);
    refuses<parameter_error>({"dice", "include_background"}, xloss::dice{.include_background = false}, x, y);
    refuses<parameter_error>({"generalized_dice", "class 7"},
                             multiclass(xloss::generalized_dice{.classes = {7}}), x, map);
    // A user's loss is looked after as the library's own are.
    refuses<parameter_error>({"class_weights", "2", "3"},
                             multiclass(user::tversky{.class_weights = {1.0, 2.0}}), x, map);
    refuses<parameter_error>({"class_weights", "4", "3"},
                             multiclass(user::poly_cross_entropy{.class_weights = {1.0, 2.0, 1.0, 1.0}}), x,
                             map);
}

TEST_CASE("an activation that the mode has not is an error", "[criterion][errors]") {
    refuses<xloss::parameter_error>({"cross_entropy", "softmax"},
                                    multiclass(xloss::cross_entropy{}, {.activation = activation::sigmoid}),
                                    x, map);
    refuses<xloss::parameter_error>({"bce", "softmax"},
                                    xloss::binary(xloss::bce{}, {.activation = activation::softmax}), x, y);
    CHECK(xloss::value(xloss::binary(xloss::bce{}, {.activation = activation::sigmoid}), x, y) ==
          xloss::value(xloss::bce{}, x, y));
    CHECK(xloss::value(multiclass(xloss::cross_entropy{}, {.activation = activation::softmax}), x, map) ==
          xloss::value(xloss::cross_entropy{}, x, map));
}

TEST_CASE("a gradient that cannot be written to is refused", "[criterion][errors]") {
    tensor wrong = filled({2, 3, 5, 4}, 42.0);
    refuses_into<xloss::shape_error>(wrong, {"dice", "gradient", "[2, 3, 5, 4]", "[2, 3, 4, 5]"},
                                     xloss::dice{}, x, y);
    tensor logits = x;
    CHECK_THROWS_AS(xloss::value_and_grad_into(logits, xloss::bce{}, logits, y), xloss::alias_error);
    CHECK(made_up::same_elements(logits, x));
    tensor target = y;
    CHECK_THROWS_AS(xloss::value_and_grad_into(target, xloss::bce{}, x, target), xloss::alias_error);
    CHECK_THROWS_AS(xloss::value_and_grad_into(target, xloss::bce{}, x, weighted(y, target)),
                    xloss::alias_error);
    CHECK_THROWS_AS(xloss::value_and_grad_into(target, xloss::bce{}, x, masked(y, target)),
                    xloss::alias_error);
    CHECK_THROWS_AS(xloss::value_and_grad_into(target, xloss::bce{}, x, y, {.upstream = target}),
                    xloss::alias_error);
    CHECK(made_up::same_elements(target, y));
    tensor half = filled({4, 3, 4, 5}, 0.5); // neighbours in one buffer share nothing
    auto upper = xt::view(half, xt::range(0, 2)), lower = xt::view(half, xt::range(2, 4));
    CHECK_NOTHROW(xloss::value_and_grad_into(lower, xloss::bce{}, upper, y));
    auto crossing = xt::view(half, xt::range(1, 3));
    CHECK_THROWS_AS(xloss::value_and_grad_into(crossing, xloss::bce{}, upper, y), xloss::alias_error);
}

TEST_CASE("an upstream tensor has the shape of the unreduced losses", "[criterion][errors]") {
    refuses<xloss::shape_error>({"bce", "upstream", "[2, 3]", "[2, 3, 4, 5]"}, xloss::bce{}, x, y,
                                {.upstream = filled({2, 3}, 1.0)});
    refuses<xloss::shape_error>({"upstream", "[2, 3, 4, 5]", "[2, 4, 5]"}, xloss::cross_entropy{}, x, map,
                                {.upstream = y});
    refuses<xloss::shape_error>({"upstream", "[2]", "[2, 3]"}, multiclass(xloss::dice{}), x, map,
                                {.upstream = filled({2}, 1.0)});
    refuses<xloss::parameter_error>({"normalized"}, xloss::focal{.normalized = true}, x, y, {.upstream = y});
    refuses<xloss::parameter_error>({"one kind"}, xloss::bce{} + xloss::dice{}, x, y, {.upstream = y});
    CHECK_THROWS_AS(xloss::unreduced(xloss::focal{.normalized = true}, x, y), xloss::parameter_error);
    CHECK_THROWS_AS(xloss::unreduced(multiclass(xloss::dice{} + xloss::dice{.classes = {1}}), x, map),
                    xloss::shape_error);
}

TEST_CASE("unreduced losses have a shape for every mode", "[criterion][unreduced]") {
    const auto shape_of = [](const auto& loss, const auto& target) {
        const auto all = xloss::unreduced(loss, x, target);
        return std::vector<std::size_t>(all.shape().begin(), all.shape().end());
    };
    using shape = std::vector<std::size_t>;
    CHECK(shape_of(xloss::bce{}, y) == shape{2, 3, 4, 5});
    CHECK(shape_of(xloss::multilabel(xloss::bce{}), y) == shape{2, 3, 4, 5});
    CHECK(shape_of(xloss::one_vs_rest(xloss::bce{}), map) == shape{2, 3, 4, 5});
    CHECK(shape_of(xloss::cross_entropy{}, map) == shape{2, 4, 5});
    CHECK(shape_of(xloss::dice{}, y) == shape{2});
    CHECK(shape_of(xloss::dice{.over = xloss::region::batch}, y) == shape{});
    CHECK(shape_of(multiclass(xloss::dice{}), map) == shape{2, 3});
    CHECK(shape_of(multiclass(xloss::dice{.over = xloss::region::batch, .classes = {2, 0}}), map) ==
          shape{2});
    CHECK(shape_of(multiclass(xloss::dice{.include_background = false}), map) == shape{2, 2});
    CHECK(shape_of(multiclass(xloss::generalized_dice{}), map) == shape{2});
}

TEST_CASE("an empty tensor has the loss 0 of nothing", "[criterion][empty]") {
    const auto is_nothing = [](const auto& loss, const std::vector<std::size_t>& shape, double regions) {
        const auto found = xloss::value_and_grad(loss, tensor::from_shape(shape), tensor::from_shape(shape));
        CHECK(found.value == 0.0);
        CHECK(found.valid == 0);
        CHECK(found.normalizer == regions);
        CHECK(std::vector<std::size_t>(found.grad.shape().begin(), found.grad.shape().end()) == shape);
    };
    is_nothing(xloss::bce{}, {0, 3, 4}, 0.0);
    is_nothing(xloss::bce{}, {2, 0, 4}, 0.0);
    is_nothing(xloss::focal{.normalized = true}, {2, 0}, 0.0);
    is_nothing(xloss::dice{}, {0, 3, 4}, 0.0);
    is_nothing(xloss::dice{}, {2, 3, 0}, 2.0); // two regions without a pixel
    is_nothing(xloss::cross_entropy{}, {0, 3, 4}, 0.0);
    is_nothing(multiclass(xloss::dice{}), {2, 3, 0}, 2.0);
    is_nothing(xloss::multilabel(xloss::generalized_dice{}), {2, 3, 0, 4}, 2.0);
    CHECK(xloss::unreduced(xloss::bce{}, tensor::from_shape({0, 3}), tensor::from_shape({0, 3})).size() == 0);
}

TEST_CASE("a result has the types of its logits", "[criterion][call]") {
    const xt::xtensor<float, 3> single = xt::zeros<float>({1, 2, 3});
    const auto found = xloss::value_and_grad(xloss::bce{}, single, single);
    STATIC_REQUIRE(std::is_same_v<decltype(found.value), float>);
    STATIC_REQUIRE(std::is_same_v<decltype(found.terms), std::array<xloss::term_value<float>, 1>>);
    STATIC_REQUIRE(std::is_same_v<decltype(found.normalizer), double>);
    STATIC_REQUIRE(std::is_same_v<decltype(found.valid), std::size_t>);
    STATIC_REQUIRE(std::is_same_v<std::remove_const_t<decltype(found.grad)>, xt::xtensor<float, 3>>);
    STATIC_REQUIRE(
        std::is_same_v<decltype(xloss::value_and_grad(xloss::bce{}, x, y).grad), xt::xarray<double>>);
    STATIC_REQUIRE(std::is_same_v<decltype(xloss::bce{}(single, single)), float>);
    CHECK(xloss::bce{}(single, single) == found.value);
    CHECK(xloss::value(xloss::bce{}, single, single) == found.value);
    CHECK(found.valid == 6);
    CHECK(found.normalizer == 6.0);
}

TEST_CASE("upstream multiplies the gradient and not the value", "[criterion][call]") {
    const auto plain = xloss::value_and_grad(xloss::bce{}, x, y),
               scaled = xloss::value_and_grad(xloss::bce{}, x, y, {.upstream = -0.5});
    CHECK(scaled.value == plain.value);
    CHECK(made_up::same_elements(scaled.grad, tensor(-0.5 * plain.grad)));
    const auto none = xloss::value_and_grad(xloss::bce{}, x, y, {.upstream = 0.0});
    CHECK(none.value == plain.value);
    for (const double g : none.grad)
        CHECK(g == 0.0);
    // Nothing is there to be added to: accumulate has no effect on a gradient that the call makes itself.
    CHECK(made_up::same_elements(xloss::value_and_grad(xloss::bce{}, x, y, {.accumulate = true}).grad,
                                 plain.grad));
}

TEST_CASE("classes that are not there, or there twice, are found before anything is written",
          "[criterion][call]") {
    const xt::xtensor<float, 2> logits{{0.5F, -1.0F}}, target{{1.0F, 0.0F}};
    for (const auto& dice : {xloss::dice{.classes = {1}}, xloss::dice{.classes = {0, 0}},
                             xloss::dice{.include_background = false}}) {
        xt::xtensor<float, 2> grad{{42.0F, -42.0F}};
        CHECK_THROWS_AS(xloss::value_and_grad_into(grad, xloss::binary(xloss::bce{} + dice), logits, target),
                        xloss::parameter_error);
        CHECK((grad(0, 0) == 42.0F && grad(0, 1) == -42.0F));
        CHECK_THROWS_AS(xloss::unreduced(xloss::binary(dice), logits, target), xloss::parameter_error);
    }
    CHECK_THROWS_WITH(xloss::value(xloss::binary(xloss::dice{.classes = {0, 0}}), logits, target),
                      "xloss::dice: classes names class 0 twice");
}
