// Several heads: the weighted sum of what each gives alone, and no gradient touched before all is known to be
// right.

#include "losses/cases.hpp"

#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#if __has_include(<xtensor/views/xview.hpp>)
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xview.hpp>
#endif

using namespace cases;
using xloss::cross_entropy;
using xloss::deep_supervision;
using xloss::dice;
using xloss::multiclass;
using xloss::top_k;

namespace {

using scores = xt::xtensor<double, 4>;
using label_map = xt::xtensor<int, 3>;

const scores full = logits(2, 3, 4, 6), half = 0.5 * logits(2, 3, 2, 3);
const label_map full_labels = labels_with_ignored(3, 2, 4, 6), half_labels = labels_with_ignored(3, 2, 2, 3);
const auto criterion = multiclass(cross_entropy{} + 0.5 * dice{}, {.ignore_index = 255});

template <class Tensor>
bool same(const Tensor& a, const Tensor& b) {
    return a == b;
}

/// Checks that a call with the heads throws an Error with all the parts, and leaves both gradients alone.
template <class Error, class Heads, class X, class Y>
void refuses(std::initializer_list<const char*> parts, const Heads& heads, const X& x, const Y& y,
             const xloss::call_options& options = {}) {
    scores g0(full.shape(), 42.0), g1(half.shape(), 42.0);
    const scores before0 = g0, before1 = g1;
    INFO("expected: " << *parts.begin());
    CHECK(throws<Error>([&] { xloss::value_and_grad_into(std::tie(g0, g1), heads, x, y, options); }, parts));
    CHECK(same(g0, before0));
    CHECK(same(g1, before1));
}

} // namespace

TEST_CASE("heads are the weighted sum of what each gives alone", "[criterion][deep_supervision]") {
    const auto heads = deep_supervision(criterion, {1.0, 0.4});
    const auto a = xloss::value_and_grad(criterion, full, full_labels);
    const auto b = xloss::value_and_grad(criterion, half, half_labels, {.upstream = 0.4});
    const auto r = xloss::value_and_grad(heads, std::tie(full, half), std::tie(full_labels, half_labels));
    CHECK(error(r.value, a.value + 0.4 * b.value) <= 1e-15);
    CHECK(xloss::value(heads, std::tie(full, half), std::tie(full_labels, half_labels)) == r.value);
    CHECK(heads(std::tie(full, half), std::tie(full_labels, half_labels)) == r.value);
    CHECK(r.heads[0].value == a.value);
    CHECK(r.heads[1].value == b.value);
    CHECK(r.heads[1].terms[1].value == b.terms[1].value);
    CHECK(r.heads[1].normalizer == b.normalizer);
    CHECK(r.heads[1].valid == b.valid);
    CHECK(same(std::get<0>(r.grads), a.grad));
    CHECK(same(std::get<1>(r.grads), b.grad));
}

TEST_CASE("upstream, accumulation, workspace and executor reach every head",
          "[criterion][deep_supervision]") {
    const auto heads = deep_supervision(criterion, {1.0, -0.5});
    const auto plain = xloss::value_and_grad(heads, std::tie(full, half), std::tie(full_labels, half_labels));
    scores g0(full.shape(), 1.0), g1(half.shape(), 1.0);
    xloss::workspace memory;
    std::size_t runs = 0;
    const auto executor = [&runs](std::size_t n, auto body) {
        ++runs;
        for (std::size_t i = n; i-- > 0;)
            body(i);
    };
    const xt::xtensor<double, 4> large = logits(2, 3, 160, 160); // enough for more than one thread
    const label_map many = labels(3, 2, 160, 160);
    scores g2(large.shape(), 1.0);
    xloss::value_and_grad_into(
        std::tie(g0, g1, g2), deep_supervision(criterion, {1.0, -0.5, 1.0}), std::tie(full, half, large),
        std::tie(full_labels, half_labels, many),
        {.upstream = 2.0, .accumulate = true, .workspace = &memory, .executor = executor});
    CHECK(memory.bytes() > 0);
    CHECK(runs > 0);
    CHECK(largest_error(g0, scores(1.0 + 2.0 * std::get<0>(plain.grads)), 1.0) <= 1e-15);
    CHECK(largest_error(g1, scores(1.0 + 2.0 * std::get<1>(plain.grads)), 1.0) <= 1e-15);
    CHECK(largest_error(g2, scores(1.0 + 2.0 * xloss::value_and_grad(criterion, large, many).grad), 1.0) <=
          1e-15);
    // Two losses on one output add up in one gradient, which is written once unless they accumulate.
    scores sum(full.shape(), 0.0);
    const auto both = deep_supervision(criterion, {1.0, 2.0});
    xloss::value_and_grad_into(std::tie(sum, sum), both, std::tie(full, full), full_labels,
                               {.accumulate = true});
    CHECK(largest_error(sum, scores(3.0 * std::get<0>(plain.grads)), 1.0) <= 1e-15);
    CHECK(throws<xloss::alias_error>(
        [&] { xloss::value_and_grad_into(std::tie(sum, sum), both, std::tie(full, full), full_labels); },
        {"head 0", "head 1", "gradient buffer"}));
}

TEST_CASE("every head may have its own loss, mode, target and number format",
          "[criterion][deep_supervision]") {
    const auto edges = xloss::bce{} + xloss::focal{};
    const xt::xtensor<float, 3> edge_logits = logits<float>(2, 4, 6);
    const auto edge_mask = mask(2, 4, 6);
    const auto heads = deep_supervision(std::tuple{criterion, edges}, {1.0, 3.0});
    const auto r = xloss::value_and_grad(heads, std::tie(full, edge_logits),
                                         std::tuple{xloss::masked(full_labels, edge_mask), edge_mask});
    const auto a = xloss::value_and_grad(criterion, full, xloss::masked(full_labels, edge_mask));
    const auto b = xloss::value_and_grad(edges, edge_logits, edge_mask, {.upstream = 3.0});
    STATIC_REQUIRE(std::is_same_v<decltype(r.value), double>);
    STATIC_REQUIRE(std::is_same_v<std::remove_cvref_t<decltype(std::get<1>(r.heads).value)>, float>);
    CHECK(error(r.value, a.value + 3.0 * static_cast<double>(b.value)) <= 1e-7);
    CHECK(std::get<1>(r.heads).value == b.value);
    CHECK(same(std::get<0>(r.grads), a.grad));
    CHECK(same(std::get<1>(r.grads), b.grad));
}

TEST_CASE("heads in a vector, an array or a span", "[criterion][deep_supervision]") {
    const auto heads = deep_supervision(criterion, {1.0, 0.4});
    const auto expected =
        xloss::value_and_grad(heads, std::tie(full, half), std::tie(full_labels, half_labels));
    const std::vector<scores> xs{full, half};
    const std::vector<label_map> ys{full_labels, half_labels};
    const auto r = xloss::value_and_grad(heads, xs, ys);
    CHECK(r.value == expected.value);
    REQUIRE(r.heads.size() == 2);
    CHECK(r.heads[1].value == expected.heads[1].value);
    REQUIRE(r.grads.size() == 2);
    CHECK(same(r.grads[0], std::get<0>(expected.grads)));
    CHECK(same(r.grads[1], std::get<1>(expected.grads)));

    std::vector<scores> grads{scores(full.shape(), 1.0), scores(half.shape(), 1.0)};
    const std::vector each{criterion, criterion};
    xloss::value_and_grad_into(std::span(grads), deep_supervision(each, {1.0, 0.4}), std::span(xs),
                               std::pair(full_labels, half_labels));
    CHECK(same(grads[0], std::get<0>(expected.grads)));
    CHECK(same(grads[1], std::get<1>(expected.grads)));

    // One target for all, an ensemble.
    const std::array<scores, 2> members{full, scores(-full)};
    CHECK(error(heads(members, full_labels),
                criterion(full, full_labels) + 0.4 * criterion(scores(-full), full_labels)) <= 1e-15);
    CHECK(xloss::value(deep_supervision(criterion, {}), std::vector<scores>{}, full_labels) == 0.0);
}

TEST_CASE("a smaller head takes a view of the target", "[criterion][deep_supervision]") {
    const auto every_second = xt::view(full_labels, xt::all(), xt::range(1, 4, 2), xt::range(1, 6, 2));
    const label_map copy = every_second;
    const auto heads = deep_supervision(criterion, {1.0, 0.5});
    CHECK(heads(std::tie(full, half), std::tie(full_labels, every_second)) ==
          heads(std::tie(full, half), std::tie(full_labels, copy)));
}

TEST_CASE("a head of weight 0 is not looked at", "[criterion][deep_supervision]") {
    const scores broken(half.shape(), not_a_number);
    const label_map wrong(half_labels.shape(), -7);
    const auto heads = deep_supervision(criterion, {0.5, 0.0});
    const auto r = xloss::value_and_grad(heads, std::tie(full, broken), std::tie(full_labels, wrong));
    CHECK(r.value == 0.5 * criterion(full, full_labels));
    CHECK(r.value == heads(std::tie(full, broken), std::tie(full_labels, wrong)));
    CHECK(r.heads[1].value == 0.0);
    CHECK(r.heads[1].valid == 0);
    CHECK(same(std::get<1>(r.grads), scores(half.shape(), 0.0)));

    scores g0(full.shape(), 0.0), g1(half.shape(), 42.0);
    xloss::value_and_grad_into(std::tie(g0, g1), heads, std::tie(full, broken), std::tie(full_labels, wrong),
                               {.accumulate = true});
    CHECK(same(g0, std::get<0>(r.grads)));
    CHECK(same(g1, scores(half.shape(), 42.0)));
    xloss::value_and_grad_into(std::tie(g0, g1), heads, std::tie(full, broken), std::tie(full_labels, wrong));
    CHECK(same(g1, scores(half.shape(), 0.0)));

    // Nobody counts: nothing.
    const auto none = deep_supervision(criterion, {0.0, 0.0});
    CHECK(none(std::tie(broken, broken), std::tie(wrong, wrong)) == 0.0);
}

TEST_CASE("an error in any head is named, and no gradient is touched", "[criterion][deep_supervision]") {
    const auto heads = deep_supervision(criterion, {1.0, 0.4});
    label_map bad = half_labels;
    bad(1, 0, 2) = 3;
    refuses<xloss::label_error>({"head 1", "cross_entropy", "label 3 at [1, 0, 2]", "[0, 3)"}, heads,
                                std::tie(full, half), std::tie(full_labels, bad));
    refuses<xloss::shape_error>({"head 1", "[2, 4, 6]", "[2, 3, 2, 3]"}, heads, std::tie(full, half),
                                full_labels);
    refuses<xloss::shape_error>({"head 0", "gradient buffer", "[2, 3, 4, 6]", "[2, 3, 2, 3]"}, heads,
                                std::tie(half, half), half_labels);
    refuses<xloss::shape_error>({"head 0", "gradient buffer"}, deep_supervision(criterion, {0.0, 1.0}),
                                std::tie(half, half), half_labels);
    bad = full_labels;
    bad(0, 0, 0) = -1;
    refuses<xloss::label_error>({"head 0", "label -1 at [0, 0, 0]"}, heads, std::tie(full, half),
                                std::tie(bad, half_labels));
    scores holed = half;
    holed(1, 2, 1, 2) = not_a_number;
    refuses<xloss::finite_error>(
        {"head 1", "[1, 2, 1, 2]"},
        deep_supervision(multiclass(cross_entropy{}, {.ignore_index = 255, .check_finite = true}),
                         {1.0, 0.4}),
        std::tie(full, holed), std::tuple{full_labels, label_map(xt::zeros<int>({2, 2, 3}))});
    refuses<xloss::parameter_error>(
        {"head 1", "dice", "smooth"},
        deep_supervision(std::tuple{criterion, multiclass(dice{.smooth = -1.0}, {.ignore_index = 255})},
                         {1.0, 0.4}),
        std::tie(full, half), std::tie(full_labels, half_labels));
    // What runs apart from the rest, and the rest beside it.
    for (const auto& [fraction, smooth, part] :
         {std::tuple{2.0, 1.0, "top_k: fraction"}, std::tuple{0.1, -1.0, "dice: smooth"}})
        refuses<xloss::parameter_error>(
            {"head 1", part},
            deep_supervision(
                std::tuple{criterion, multiclass(dice{.smooth = smooth} + top_k(cross_entropy{}, fraction),
                                                 {.ignore_index = 255})},
                {1.0, 0.4}),
            std::tie(full, half), std::tie(full_labels, half_labels));
    for (const double w : {not_a_number, infinity})
        refuses<xloss::parameter_error>({"weight of head 1"}, deep_supervision(criterion, {1.0, w}),
                                        std::tie(full, half), std::tie(full_labels, half_labels));
    refuses<xloss::parameter_error>({"weight of head 1", "upstream"},
                                    deep_supervision(criterion, {1.0, 1e300}), std::tie(full, half),
                                    std::tie(full_labels, half_labels), {.upstream = 1e300});
    refuses<xloss::parameter_error>({"deep_supervision", "upstream tensor"}, heads, std::tie(full, half),
                                    std::tie(full_labels, half_labels), {.upstream = full});
    refuses<xloss::parameter_error>({"upstream"}, heads, std::tie(full, half),
                                    std::tie(full_labels, half_labels), {.upstream = infinity});
    refuses<xloss::shape_error>({"3 weights", "2 heads"}, deep_supervision(criterion, {1.0, 0.4, 0.2}),
                                std::tie(full, half), std::tie(full_labels, half_labels));
    refuses<xloss::shape_error>({"1 targets", "2 heads"}, heads, std::tie(full, half),
                                std::vector<label_map>{full_labels});
    std::vector<scores> one{scores(full.shape(), 0.0)};
    CHECK(throws<xloss::shape_error>( // a list of losses tells the compiler how many heads there are
        [&] {
            xloss::value(deep_supervision(std::tuple{criterion, criterion}, {1.0, 0.4}), one, full_labels);
        },
        {"1 logits", "2 heads"}));
    CHECK(throws<xloss::shape_error>(
        [&] {
            xloss::value_and_grad_into(one, heads, std::vector<scores>{full, full}, full_labels);
        },
        {"1 gradients", "2 heads"}));
}

TEST_CASE("a gradient that another head reads is refused", "[criterion][deep_supervision]") {
    const auto heads = deep_supervision(criterion, {1.0, 0.4});
    scores a = full, b = full, g(full.shape(), 0.0);
    CHECK(throws<xloss::alias_error>(
        [&] { xloss::value_and_grad_into(std::tie(b, g), heads, std::tie(a, b), full_labels); },
        {"head 0", "logits of head 1"}));
    CHECK(same(b, full));
    CHECK(throws<xloss::alias_error>(
        [&] {
            const auto binary_heads = deep_supervision(xloss::binary(dice{}), {1.0, 1.0});
            scores first(full.shape(), 0.5);
            xloss::value_and_grad_into(std::tie(g, a), binary_heads, std::tie(full, full),
                                       std::tuple{first, xloss::weighted(first, g)});
        },
        {"head 0", "target of head 1"}));
    // What a skipped head has is not read, so it may be written.
    CHECK_NOTHROW(xloss::value_and_grad_into(std::tie(b, g), deep_supervision(criterion, {1.0, 0.0}),
                                             std::tie(a, b), full_labels));
    // The gradient of a skipped head is set to 0, so nobody else may read it.
    CHECK(throws<xloss::alias_error>(
        [&] {
            xloss::value_and_grad_into(std::tie(g, a), deep_supervision(criterion, {1.0, 0.0}),
                                       std::tie(a, b), full_labels);
        },
        {"head 1", "logits of head 0"}));
}

TEST_CASE("nnU-Net's weights", "[criterion][deep_supervision]") {
    const auto w = xloss::deep_supervision_weights(4);
    REQUIRE(w.size() == 4);
    CHECK(error(w[0], 4.0 / 7.0) <= 1e-15);
    CHECK(error(w[1], 2.0 / 7.0) <= 1e-15);
    CHECK(error(w[2], 1.0 / 7.0) <= 1e-15);
    CHECK(w[3] == 0.0);
    CHECK(xloss::deep_supervision_weights(2) == std::vector{1.0, 0.0});
    CHECK(xloss::deep_supervision_weights(1) == std::vector{1.0});
    CHECK(xloss::deep_supervision_weights(0).empty());
}
