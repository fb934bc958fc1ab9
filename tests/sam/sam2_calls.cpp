// sam/sam2.hpp: how it is called: storage, threads, upstream, steps that accumulate, what does not fit.

#include "sam/contract.hpp"

#include <xloss/sam/sam2.hpp>

using namespace cases;
using masks::array;
using masks::byte_array;
using masks::extents;
using masks::same;
using xloss::masked;
using xloss::sam2;
using xloss::sam_output;

namespace {

const extents shape{4, 3, 4, 5}, iou_shape{4, 3}, score_shape{4};
const array x = masks::logits(shape), iou = masks::scores(iou_shape);
const array scores = masks::tensor(score_shape, {0.75, -2.0, 3.5, -0.25});
const byte_array y = masks::target({4, 4, 5});

sam2 scored() {
    return {.score_weight = 0.5, .supervise_all_iou = true, .object_scores = true};
}

const auto evaluate = [](const auto& m, const auto& i, const auto& t, const xloss::call_options& options) {
    return value_and_grad(scored(), sam_output{m, i, scores}, t, options);
};

/// The gradient by the scores goes to a buffer of its own.
const auto evaluate_into = [](array& gm, array& gi, const auto& m, const auto& i, const auto& t,
                              const xloss::call_options& options) {
    array gs = masks::untouched(score_shape);
    return value_and_grad_into(sam_output{gm, gi, gs}, scored(), sam_output{m, i, scores}, t, options);
};

/// The call throws an Error with all the parts and leaves the three gradients alone.
template <class Error, class Y>
void refuses(const sam2& loss, const array& m, const array& i, const array& s, const Y& t,
             std::initializer_list<const char*> parts, const xloss::call_options& options = {}) {
    array gs = masks::untouched(score_shape);
    masks::refuses<Error>(
        [&](array& gm, array& gi) {
            value_and_grad_into(sam_output{gm, gi, gs}, loss, sam_output{m, i, s}, t, options);
        },
        shape, iou_shape, parts);
    CHECK(masks::is_untouched(gs));
}

} // namespace

TEST_CASE("sam2: storage, target types, upstream and accumulation", "[sam][sam2]") {
    masks::check_storage(evaluate, x, iou, y);
    masks::check_upstream(evaluate, evaluate_into, x, iou, y);
    const auto plain = evaluate(x, iou, y, {});
    const auto strided = xt::view(masks::repeated(xt::xarray<std::uint8_t>(y), 2), xt::all(), 1);
    masks::check_same(evaluate(x, iou, strided, {}), plain);

    array gm(shape, 0.0), gi(iou_shape, 0.0), gs = masks::scores(score_shape);
    const array before = gs;
    value_and_grad_into(sam_output{gm, gi, gs}, scored(), sam_output{x, iou, scores}, y,
                        {.upstream = -2.5, .accumulate = true});
    CHECK(largest_error(gs, array(before - 2.5 * plain.grads.scores)) <= 1e-14);
    value_and_grad_into(sam_output{gm, gi, gs}, scored(), sam_output{x, iou, scores}, y);
    CHECK(same(gs, plain.grads.scores));
    // Without scores.
    value_and_grad_into(sam_output{gm, gi}, sam2{}, sam_output{x, iou}, y);
    const auto unscored = value_and_grad(sam2{}, sam_output{x, iou}, y);
    CHECK(same(gm, unscored.grads.masks));
    CHECK(same(gi, unscored.grads.iou));
    // Strided scores.
    array spread({8}, not_a_number);
    auto every_second = xt::view(spread, xt::range(0, 8, 2));
    every_second = scores;
    const auto r = value_and_grad(scored(), sam_output{x, iou, every_second}, y);
    masks::check_same(r, plain);
    CHECK(made_up::same_elements(r.grads.scores, plain.grads.scores));
}

TEST_CASE("sam2: threads alike", "[sam][sam2]") {
    const extents large{4, 3, 89, 131};
    masks::check_executors(evaluate, masks::logits(large), iou, masks::target({4, 89, 131}));
}

TEST_CASE("sam2: steps of a click on the same masks accumulate", "[sam][sam2]") {
    const array more = masks::logits(shape, 23);
    const byte_array other = masks::target({4, 4, 5}, false, 29);
    array gm(shape, 0.0), gi(iou_shape, 0.0), gs(score_shape, 0.0);
    double value = 0.0;
    for (const byte_array& frame : {y, other})
        value += value_and_grad_into(sam_output{gm, gi, gs}, scored(), sam_output{x, iou, scores}, frame,
                                     {.accumulate = true})
                     .value;
    const auto a = evaluate(x, iou, y, {}), b = evaluate(x, iou, other, {});
    CHECK(error(value, a.value + b.value) <= 1e-15);
    CHECK(largest_error(gm, array(a.grads.masks + b.grads.masks), 1e-3) <= 1e-13);
    CHECK(largest_error(gi, array(a.grads.iou + b.grads.iou), 1e-3) <= 1e-13);
    CHECK(largest_error(gs, array(a.grads.scores + b.grads.scores), 1e-3) <= 1e-13);
}

TEST_CASE("sam2: shapes that do not fit are named, and no gradient is touched", "[sam][sam2]") {
    using error = xloss::shape_error;
    for (const extents& bad : {extents{3, 4}, extents{4}, extents{12}, extents{4, 3, 1}})
        refuses<error>(scored(), x, masks::scores(bad), scores, y,
                       {"xloss::sam2", "predicted IoU", "[4, 3, 4, 5]", "[4, 3]"});
    for (const extents& bad : {extents{3}, extents{4, 1}, extents{12}})
        refuses<error>(scored(), x, iou, masks::scores(bad), y,
                       {"xloss::sam2", "scores", "[4, 3, 4, 5]", "[4]"});
    for (const extents& bad : {extents{4, 5, 4}, extents{3, 4, 5}, extents{4, 2, 4, 5}, extents{4}})
        refuses<error>(scored(), x, iou, scores, masks::target(bad), {"xloss::sam2", "[4, 3, 4, 5]"});
    const array flat = masks::logits({4});
    refuses<error>(scored(), flat, iou, scores, y, {"xloss::sam2", "[4]"});
    const byte_array narrow = masks::target({4, 4, 4});
    refuses<error>(scored(), x, iou, scores, masked(y, narrow), {"[4, 4, 4]"});

    // Gradient buffers: each by itself of another shape.
    const auto into = [](const extents& m, const extents& i, const extents& s) {
        return [=] {
            array gm = masks::untouched(m), gi = masks::untouched(i), gs = masks::untouched(s);
            value_and_grad_into(sam_output{gm, gi, gs}, scored(), sam_output{x, iou, scores}, y);
        };
    };
    CHECK(throws<error>(into({4, 3, 5, 4}, iou_shape, score_shape), {"gradient buffer [4, 3, 5, 4]"}));
    CHECK(
        throws<error>(into(shape, {3, 4}, score_shape), {"gradient buffer [3, 4]", "predicted IoU [4, 3]"}));
    CHECK(throws<error>(into(shape, iou_shape, {3}), {"gradient buffer [3]", "scores [4]"}));
    array gm = masks::untouched(shape), gi = masks::untouched(iou_shape), gs = masks::untouched({3});
    CHECK(throws<error>(
        [&] {
            value_and_grad_into(sam_output{gm, gi, gs}, scored(), sam_output{x, iou, scores}, y);
        },
        {}));
    CHECK(masks::is_untouched(gm));
    CHECK(masks::is_untouched(gi));
}

TEST_CASE("sam2: parameters out of range are named, and no gradient is touched", "[sam][sam2]") {
    const auto refused = [](auto set, std::initializer_list<const char*> parts,
                            const xloss::call_options& options = {}) {
        sam2 loss = scored();
        set(loss);
        refuses<xloss::parameter_error>(loss, x, iou, scores, y, parts, options);
    };
    refused([](sam2& l) { l.focal_weight = -1.0; }, {"xloss::sam2", "focal_weight is -1"});
    refused([](sam2& l) { l.dice_weight = not_a_number; }, {"xloss::sam2", "dice_weight is"});
    refused([](sam2& l) { l.iou_weight = -2.0; }, {"xloss::sam2", "iou_weight is -2"});
    refused([](sam2& l) { l.score_weight = infinity; }, {"xloss::sam2", "score_weight is"});
    refused([](sam2& l) { l.alpha = not_a_number; }, {"alpha is"});
    refused([](sam2& l) { l.gamma = -0.5; }, {"gamma is -0.5"});
    refused([](sam2& l) { l.score_alpha = not_a_number; }, {"alpha is"});
    refused([](sam2& l) { l.score_gamma = -0.5; }, {"gamma is -0.5"});
    for (const double n : {0.0, -1.0, not_a_number, infinity})
        refused([n](sam2& l) { l.num_objects = n; }, {"xloss::sam2", "num_objects is"});
    refused([](sam2&) {}, {"upstream"}, {.upstream = infinity});
    refused([](sam2&) {}, {"xloss::sam2", "upstream"}, {.upstream = iou});
    refused([](sam2& l) { l.num_objects = 1e-300; }, {"upstream"}, {.upstream = 1e300});
    refused([](sam2& l) { l.score_weight = 1e300; }, {"upstream"}, {.upstream = 1e300});
    // Scores are asked for, and not given.
    array gm = masks::untouched(shape), gi = masks::untouched(iou_shape);
    CHECK(throws<xloss::parameter_error>(
        [&] {
            value_and_grad_into(sam_output{gm, gi}, scored(), sam_output{x, iou}, y);
        },
        {"xloss::sam2", "object_scores", "sam_output{masks, iou, scores}"}));
    CHECK(throws<xloss::parameter_error>([&] { return scored()(sam_output{x, iou}, y); }, {"object_scores"}));
    CHECK(masks::is_untouched(gm));
    CHECK(masks::is_untouched(gi));
}

TEST_CASE("sam2: gradients that share memory with what is read, or with each other", "[sam][sam2]") {
    array m = x, i = iou, s = scores, t = y;
    array gm = masks::untouched(shape), gi = masks::untouched(iou_shape), gs = masks::untouched(score_shape);
    const auto into = [&](array& to_masks, array& to_iou, array& to_scores) {
        return [&] {
            value_and_grad_into(sam_output{to_masks, to_iou, to_scores}, scored(), sam_output{m, i, s}, t);
        };
    };
    using shared = xloss::alias_error;
    CHECK(throws<shared>(into(m, gi, gs), {"logits"}));
    CHECK(throws<shared>(into(gm, i, gs), {"predicted IoU"}));
    CHECK(throws<shared>(into(gm, gi, s), {"scores"}));
    // Parts of one buffer.
    std::vector<double> all(256, 42.0);
    const auto at = [&](std::size_t first, const extents& extent) {
        std::size_t n = 1;
        for (const std::size_t e : extent)
            n *= e;
        return xt::adapt(all.data() + first, n, xt::no_ownership(), extent);
    };
    const auto write = [&](std::size_t first, std::size_t second, std::size_t third) {
        return [at, first, second, third] {
            auto to_masks = at(first, shape), to_iou = at(second, iou_shape),
                 to_scores = at(third, score_shape);
            value_and_grad_into(sam_output{to_masks, to_iou, to_scores}, scored(), sam_output{x, iou, scores},
                                y);
        };
    };
    CHECK(throws<shared>(write(0, 239, 252), {"predicted IoU", "masks"}));
    CHECK(throws<shared>(write(0, 240, 239), {"scores", "masks"}));
    CHECK(throws<shared>(write(0, 240, 251), {"scores", "predicted IoU"}));
    CHECK(std::all_of(all.begin(), all.end(), [](double v) { return v == 42.0; }));
    CHECK_NOTHROW(write(0, 240, 252)());
    const auto expected = evaluate(x, iou, y, {});
    CHECK(same(at(0, shape), expected.grads.masks));
    CHECK(same(at(240, iou_shape), expected.grads.iou));
    CHECK(same(at(252, score_shape), expected.grads.scores));
    CHECK(masks::is_untouched(gm));
    CHECK(masks::is_untouched(gi));
    CHECK(masks::is_untouched(gs));
    CHECK(same(m, x));
    CHECK(same(s, scores));
}
