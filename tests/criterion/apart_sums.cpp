// Losses that see a region as a whole in sums, among heads, with tensors from above, and their errors.

#include "criterion/apart.hpp"

#include <xloss/testing/gradient_check.hpp>

using namespace apart;
using xloss::bce;
using xloss::boundary;
using xloss::cl_dice;
using xloss::cross_entropy;
using xloss::dice;
using xloss::empty_region;
using xloss::hausdorff_dt;
using xloss::lovasz_hinge;
using xloss::lovasz_sigmoid;
using xloss::lovasz_softmax;
using xloss::multiclass;
using xloss::multilabel;
using xloss::region;
using xloss::testing::gradient_check;

namespace {

constexpr xloss::testing::gradient_check_options closely{.step = 1e-6, .tolerance = 1e-6};

const array x = logits_of(shape);
const auto mask = labels_of<std::uint8_t>(shape, 2);
const auto labels = labels_of<std::uint8_t>(plane, 4); // of which 3 is no class
constexpr xloss::mode_options ignoring_3{.ignore_index = 3};

/// Pointwise, of distances, and of a whole region.
auto three_with(const boundary& b, const lovasz_hinge& l, xloss::mode_options options = {}) {
    return multilabel(bce{} + 0.1 * b + 0.5 * l, options);
}
const auto three = three_with({}, {});

/// A sum against its parts, one after the other into one gradient: parts are pairs of factor and loss.
template <class Sum, class Y, class... Parts>
void check_sum(const Sum& sum, const Y& y, const Parts&... part) {
    const auto found = xloss::value_and_grad(sum, x, y);
    array grad = array::from_shape(shape);
    std::size_t i = 0;
    double value = 0.0;
    const auto add = [&](double factor, const auto& loss) {
        const auto alone =
            xloss::value_and_grad_into(grad, loss, x, y, {.upstream = factor, .accumulate = i > 0});
        CHECK(made_up::same_bits(found.terms[i].value, alone.value));
        CHECK(made_up::same_bits(found.terms[i].normalizer, alone.normalizer));
        CHECK(found.valid == alone.valid);
        value += factor * alone.value;
        ++i;
    };
    (add(part.first, part.second), ...);
    CHECK(std::abs(found.value - value) <= 1e-15 * std::abs(value));
    CHECK(found.normalizer == found.terms[0].normalizer);
    CHECK(xt::amax(xt::abs(found.grad - grad))() <= 1e-16);
    CHECK(made_up::same_bits(xloss::value(sum, x, y), found.value));
}

template <class F>
std::string message_of(F&& f) {
    try {
        f();
    } catch (const xloss::error& e) {
        return e.what();
    }
    return "nothing was thrown";
}

/// A pointwise loss of one's own, which makes no distances.
struct distance_weighted {
    static constexpr bool sees_distance = true;

    template <class V>
    xloss::point<V> at_probability(const xloss::pixel<V>& s) const {
        return {s.p * s.distance * s.distance, s.distance * s.distance};
    }
};

} // namespace

TEST_CASE("a loss of whole regions adds to what is fused", "[criterion][apart]") {
    const auto with = [](const auto& loss) { return multiclass(loss, ignoring_3); };
    check_sum(with(cross_entropy{} + 0.3 * lovasz_softmax{}), labels, std::pair{1.0, with(cross_entropy{})},
              std::pair{0.3, with(lovasz_softmax{})});
    // The terms keep the order that the sum is written in.
    const auto turned = xloss::value_and_grad(with(0.3 * lovasz_softmax{} + cross_entropy{}), x, labels);
    const auto sum = xloss::value_and_grad(with(cross_entropy{} + 0.3 * lovasz_softmax{}), x, labels);
    CHECK(turned.terms[0].value == sum.terms[1].value);
    CHECK(turned.terms[1].value == sum.terms[0].value);
    CHECK(made_up::same_elements(turned.grad, sum.grad));
}

TEST_CASE("several losses of whole regions do not see each other", "[criterion][apart]") {
    check_sum(multilabel(lovasz_hinge{} + 0.5 * cl_dice{} + 2.0 * hausdorff_dt{}), mask,
              std::pair{1.0, multilabel(lovasz_hinge{})}, std::pair{0.5, multilabel(cl_dice{})},
              std::pair{2.0, multilabel(hausdorff_dt{})});
    const auto with = [](const auto& loss) { return multiclass(loss, ignoring_3); };
    check_sum(with(dice{} + -0.1 * hausdorff_dt{} + xloss::top_k(cross_entropy{}, 0.2)), labels,
              std::pair{1.0, with(dice{})}, std::pair{-0.1, with(hausdorff_dt{})},
              std::pair{1.0, with(xloss::top_k(cross_entropy{}, 0.2))});
}

TEST_CASE("the gradient of a sum with losses of whole regions is that of its value", "[criterion][apart]") {
    array w = array::from_shape(plane);
    for (std::size_t i = 0; i < w.size(); ++i)
        w.data()[i] = static_cast<double>(i % 5) / 2.0;
    const auto target = xloss::weighted(labels, w);
    CHECK(
        gradient_check(multiclass(cross_entropy{} + 0.3 * lovasz_softmax{}, ignoring_3), x, target, closely));
    CHECK(gradient_check(three, x, mask, closely, {.upstream = -3.0}));
}

TEST_CASE("losses of whole regions under heads", "[criterion][apart]") {
    const array small = logits_of({2, 3, 4, 3});
    const auto small_mask = labels_of<std::uint8_t>({2, 3, 4, 3}, 2);
    xloss::workspace memory;
    const auto heads =
        xloss::value_and_grad(xloss::deep_supervision(three, {1.0, 0.4, 0.5}), std::tie(x, small, x),
                              std::tie(mask, small_mask, mask), {.workspace = &memory});
    const auto first = xloss::value_and_grad(three, x, mask);
    const auto second = xloss::value_and_grad(three, small, small_mask, {.upstream = 0.4});
    CHECK(heads.heads[0].value == first.value);
    CHECK(heads.heads[1].value == second.value);
    CHECK(heads.heads[1].terms[2].value == second.terms[2].value);
    CHECK(heads.heads[2].value == first.value);
    CHECK(made_up::same_elements(std::get<0>(heads.grads), first.grad));
    CHECK(made_up::same_elements(std::get<1>(heads.grads), second.grad));
}

TEST_CASE("distances are made once for all losses of a sum, by the first that can", "[criterion][apart]") {
    // The second boundary's own convention does not enter.
    const boundary pixel{}, kervadec{.convention = xloss::distance_convention::kervadec};
    const auto both = xloss::value_and_grad(multilabel(pixel + kervadec), x, mask);
    CHECK(both.terms[1].value == both.terms[0].value);
    CHECK(both.terms[0].value == xloss::value(multilabel(pixel), x, mask));
    CHECK(xloss::value(multilabel(kervadec), x, mask) != both.terms[0].value);
    // Losses that make none look at these, wherever they stand, also inside a selection.
    const double alone =
        xloss::value_and_grad(multilabel(distance_weighted{} + pixel), x, mask).terms[0].value;
    const auto all =
        xloss::value_and_grad(multilabel(xloss::top_k(distance_weighted{}, 1.0) + pixel), x, mask);
    CHECK(std::abs(all.terms[0].value - alone) <= 1e-15 * alone);
    // Where none does, and none are given, that is said.
    const std::string lacking = ": looks at distances, and none are given: with_distance(target, map)";
    CHECK(message_of([&] {
              xloss::value(multilabel(dice{} + xloss::top_k(distance_weighted{}, 1.0)), x, mask);
          }).find(lacking) != std::string::npos);
}

TEST_CASE("unreduced losses of whole regions", "[criterion][apart]") {
    // Of one kind and shape they add up, those that are fused too.
    const auto sum = xloss::unreduced(multilabel(dice{} + 2.0 * lovasz_hinge{} + cl_dice{}), x, mask);
    const auto a = xloss::unreduced(multilabel(dice{}), x, mask);
    const auto b = xloss::unreduced(multilabel(lovasz_hinge{}), x, mask);
    const auto c = xloss::unreduced(multilabel(cl_dice{}), x, mask);
    REQUIRE(sum.size() == 6);
    CHECK(xt::amax(xt::abs(sum - (a + 2.0 * b + c)))() <= 1e-15);
    array u = filled({2, 3}, 1.0);
    u(0, 1) = -2.0;
    u(1, 2) = 0.0;
    const auto loss = multilabel(dice{} + 2.0 * lovasz_hinge{} + cl_dice{});
    const auto found = xloss::value_and_grad(loss, x, mask, {.upstream = u});
    CHECK(std::abs(found.value - xt::sum(u * sum)()) <= 1e-14);
    CHECK(gradient_check(loss, x, mask, closely, {.upstream = u}));
    // Skipped regions are 0, and get no gradient.
    auto some = mask;
    xt::view(some, 0, 1) = std::uint8_t{0};
    const auto skipping = multilabel(lovasz_hinge{.empty = empty_region::skip});
    CHECK(xloss::unreduced(skipping, x, some)(0, 1) == 0.0);
    const array nothing = xt::view(xloss::value_and_grad(skipping, x, some, {.upstream = u}).grad, 0, 1);
    CHECK(xt::amax(xt::abs(nothing))() == 0.0);
}

TEST_CASE("errors of losses of whole regions leave the gradient as it was", "[criterion][apart]") {
    const auto check = [&](const std::string& expected, const auto& loss, const auto& y,
                           const xloss::call_options& options = {}) {
        array grad = filled(shape, 1.0);
        INFO(expected);
        CHECK(message_of([&] { xloss::value_and_grad_into(grad, loss, x, y, options); }) == expected);
        CHECK(made_up::same_elements(grad, filled(shape, 1.0)));
    };
    const array regions = filled({2, 3}, 1.0), pixels = filled(shape, 1.0);
    const std::string one_kind = ": an upstream tensor needs terms of one kind, pointwise or regional";
    // In a sum what stands before the one that is wrong has not yet been written.
    const std::string three_names = "xloss::bce + xloss::boundary + xloss::lovasz_hinge";
    check("xloss::lovasz_hinge: classes names class 3 of 3", three_with({}, {.classes = {3}}), mask);
    check("xloss::boundary: spacing is -1.000000, and is a positive number",
          three_with({.spacing = {1.0, -1.0}}, {}), mask);
    check("xloss::lovasz_hinge: is a loss of logits; of probabilities take lovasz_sigmoid",
          three_with({}, {}, {.activation = xloss::activation::none}), mask);
    check(three_names + ": distances [2, 7, 5] do not fit logits [2, 3, 7, 5]", three,
          xloss::with_distance(mask, filled(plane, 1.0)));
    check(three_names + one_kind, three, mask, {.upstream = pixels});
    check(three_names + one_kind, three, mask, {.upstream = regions});
    const auto two_with = [](const hausdorff_dt& loss) { return multilabel(bce{} + loss); };
    check("xloss::hausdorff_dt: classes names class 1 twice", two_with({.classes = {1, 1}}), mask);
    check("xloss::hausdorff_dt: 1 spacings for the 2 spatial axes of [2, 3, 7, 5]",
          two_with({.spacing = {2.0}}), mask);
    check("xloss::hausdorff_dt: class_weights of class 1 is -1.000000, which is not a finite number >= "
          "0.000000",
          two_with({.class_weights = {1.0, -1.0, 1.0}}), mask);
    check("xloss::lovasz_hinge + xloss::top_k(xloss::bce)" + one_kind,
          multilabel(lovasz_hinge{} + xloss::top_k(bce{}, 0.5)), mask, {.upstream = regions});
    // Regions of another number are not added up.
    CHECK(
        message_of([&] { xloss::unreduced(multilabel(lovasz_hinge{} + lovasz_sigmoid{}), x, mask); }) ==
        "xloss::lovasz_hinge + xloss::lovasz_sigmoid: unreduced regions of the terms differ, [2, 3] and [3]");
    const auto of_batch = multilabel(dice{.over = region::batch} + lovasz_hinge{} + cl_dice{});
    const std::string names = "xloss::dice + xloss::lovasz_hinge + xloss::cl_dice";
    CHECK(message_of([&] { xloss::unreduced(of_batch, x, mask); }) ==
          names + ": unreduced regions of the terms differ, [3] and [2, 3]");
    check(names + ": upstream [2, 3] does not fit unreduced losses [3]", of_batch, mask,
          {.upstream = regions});
}
