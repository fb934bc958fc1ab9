// sam/sam.hpp.

#include "sam/contract.hpp"

#include <xloss/losses/dice.hpp>
#include <xloss/losses/focal.hpp>
#include <xloss/sam/sam.hpp>

using namespace cases;
using masks::array;
using masks::byte_array;
using masks::extents;
using masks::one_mask;
using masks::one_score;
using masks::refuses;
using masks::same;
using xloss::empty_region;
using xloss::iou_loss;
using xloss::iou_target;
using xloss::masked;
using xloss::multimask;
using xloss::region;
using xloss::sam;
using xloss::sam_output;
using xloss::weighted;

namespace {

const extents shape{2, 3, 4, 5};
const array x = masks::logits(shape), iou = masks::scores({2, 3});
const byte_array y = masks::target(shape), shared = masks::target({2, 4, 5});

sam with(iou_loss how, iou_target which, region over = region::sample) {
    sam loss{.over = over};
    loss.iou_loss = how;
    loss.target = which;
    return loss;
}

const auto evaluate = [](const auto& m, const auto& i, const auto& t, const xloss::call_options& options) {
    return value_and_grad(with(iou_loss::mse, iou_target::soft), sam_output{m, i}, t, options);
};

const auto evaluate_into = [](array& gm, array& gi, const auto& m, const auto& i, const auto& t,
                              const xloss::call_options& options) {
    return value_and_grad_into(sam_output{gm, gi}, with(iou_loss::mse, iou_target::soft), sam_output{m, i}, t,
                               options);
};

template <class Y>
void check_differences(const sam& loss, const Y& target) {
    array at = x, predicted = iou;
    const auto value = [&] { return xloss::value(loss, sam_output{at, predicted}, target); };
    const auto r = value_and_grad(loss, sam_output{x, iou}, target);
    CHECK(r.value == value());
    CHECK(masks::difference_error(at, r.grads.masks, value) <= masks::closely);
    CHECK(masks::difference_error(predicted, r.grads.iou, value) <= masks::closely);
}

} // namespace

TEST_CASE("sam: two pixels by hand", "[sam]") {
    // p = 1/2 and 3/4, the first pixel is true; only the second is above 0.
    const array two = one_mask({0.0, std::log(3.0)}), said = one_score(0.5);
    const byte_array truth = one_mask<std::uint8_t>({1, 0});
    const double focal = (0.25 * 0.25 * std::log(2.0) + 0.75 * 0.5625 * std::log(4.0)) / 2.0;
    const double dice = 1.0 - 2.0 / 3.25;
    const auto r = value_and_grad(sam{}, sam_output{two, said}, truth);
    CHECK(error(r.focal, focal) <= 1e-15);
    CHECK(error(r.dice, dice) <= 1e-15);
    CHECK(r.iou == 0.25);
    CHECK(error(r.mask, 20.0 * focal + dice) <= 1e-15);
    CHECK(error(r.value, 20.0 * focal + dice + 0.25) <= 1e-15);
    CHECK(r.valid == 2);
    CHECK(r.grads.iou(0, 0) == 1.0);
    // d Dice/dp = -2 y/3.25 + 2/3.25^2; the focal slope of a true pixel at p = 1/2: a q^2 (2 p log p - q).
    const double at_true =
        10.0 * 0.25 * 0.25 * (2.0 * 0.5 * std::log(0.5) - 0.5) + 0.25 * (-2.0 / 3.25 + 2.0 / (3.25 * 3.25));
    const double at_false =
        10.0 * 0.75 * 0.5625 * (0.75 - 2.0 * 0.25 * std::log(0.25)) + 0.1875 * 2.0 / (3.25 * 3.25);
    CHECK(largest_error(r.grads.masks, {at_true, at_false}) <= 1e-14);

    const sam heavy{.focal_weight = 2.0, .dice_weight = 0.5, .iou_weight = 3.0};
    const auto h = value_and_grad(heavy, sam_output{two, said}, truth);
    CHECK(error(h.value, 2.0 * focal + 0.5 * dice + 0.75) <= 1e-15);
    CHECK(error(h.mask, 2.0 * focal + 0.5 * dice) <= 1e-15);
    CHECK(h.focal == r.focal);
    CHECK(h.iou == 0.25);
    CHECK(h.grads.iou(0, 0) == 3.0);
    CHECK(heavy(sam_output{two, said}, truth) == h.value);
}

TEST_CASE("sam: components are those of the losses alone, and sum to the value", "[sam]") {
    for (const region over : {region::sample, region::batch})
        for (const empty_region empty : {empty_region::smooth, empty_region::zero, empty_region::skip})
            for (const iou_target which : {iou_target::hard, iou_target::soft}) {
                sam loss{.focal_weight = 3.0, .iou_weight = 0.5, .alpha = 0.75, .smooth = 0.5};
                loss.over = over;
                loss.empty = empty;
                loss.target = which;
                byte_array some = y;
                xt::view(some, 0, 1) = 0;
                const auto r = value_and_grad(loss, sam_output{x, iou}, some);
                CHECK(error(r.focal, multimask(xloss::focal{.alpha = 0.75})(x, some)) <= 1e-15);
                CHECK(error(r.dice, multimask(xloss::dice{.smooth = 0.5, .over = over, .empty = empty})(
                                        x, some)) <= 1e-15);
                CHECK(error(r.iou, xloss::iou_head{.target = which}(sam_output{x, iou}, some)) <= 1e-15);
                CHECK(error(r.mask, 3.0 * r.focal + r.dice) <= 1e-15);
                CHECK(error(r.value, r.mask + 0.5 * r.iou) <= 1e-15);
                CHECK(loss(sam_output{x, iou}, some) == r.value);
            }
}

TEST_CASE("sam: central differences by masks and predicted IoU", "[sam]") {
    for (const iou_loss how : {iou_loss::mse, iou_loss::l1, iou_loss::smooth_l1})
        for (const iou_target which : {iou_target::hard, iou_target::soft})
            check_differences(with(how, which), y);
    check_differences(with(iou_loss::mse, iou_target::soft, region::batch), shared);
    sam loss = with(iou_loss::mse, iou_target::soft);
    loss.gamma = 1.5;
    loss.alpha = -1.0;
    loss.empty = empty_region::skip;
    byte_array some = y;
    xt::view(some, 1, 0) = 0;
    const array w = xt::view(masks::scores({2, 3, 4, 5}) + 0.5, xt::all());
    const byte_array valid = masks::target(shape, false, 5);
    check_differences(loss, weighted(masked(some, valid), w));
}

TEST_CASE("sam: soft_detached has the gradient of the mask loss alone", "[sam]") {
    const auto r = value_and_grad(with(iou_loss::mse, iou_target::soft_detached), sam_output{x, iou}, y);
    const auto alone = value_and_grad(xloss::sam_mask{}, x, y);
    CHECK(largest_error(r.grads.masks, alone.grad, largest_entry(alone.grad)) <= 1e-14);
    const auto hard = value_and_grad(sam{}, sam_output{x, iou}, y);
    CHECK(largest_error(hard.grads.masks, alone.grad, largest_entry(alone.grad)) <= 1e-14);
    const auto soft = value_and_grad(with(iou_loss::mse, iou_target::soft), sam_output{x, iou}, y);
    CHECK(r.value == soft.value);
    CHECK(same(r.grads.iou, soft.grads.iou));
    CHECK(largest_error(soft.grads.masks, alone.grad, largest_entry(alone.grad)) > 1e-4);
}

TEST_CASE("sam: what is ignored is absent from focal, Dice and both IoU", "[sam]") {
    const extents longer{2, 2, 9};
    array wide = masks::logits(longer);
    byte_array truth = masks::target(longer);
    const array narrow = xt::view(wide, xt::all(), xt::all(), xt::range(0, 7)), said = masks::scores({2, 2});
    const byte_array short_truth = xt::view(truth, xt::all(), xt::all(), xt::range(0, 7));
    xt::view(wide, xt::all(), xt::all(), 7) = not_a_number;
    xt::view(wide, xt::all(), xt::all(), 8) = 3.0;
    byte_array valid(longer, std::uint8_t{1});
    xt::view(valid, xt::all(), xt::all(), xt::range(7, 9)) = 0;
    for (const region over : {region::sample, region::batch})
        for (const iou_target which : {iou_target::hard, iou_target::soft}) {
            const sam loss = with(iou_loss::mse, which, over);
            const auto found = value_and_grad(loss, sam_output{wide, said}, masked(truth, valid));
            const auto expected = value_and_grad(loss, sam_output{narrow, said}, short_truth);
            CHECK(error(found.focal, expected.focal) <= 1e-15);
            CHECK(error(found.dice, expected.dice) <= 1e-15);
            CHECK(error(found.iou, expected.iou) <= 1e-15);
            CHECK(error(found.value, expected.value) <= 1e-15);
            CHECK(found.valid == 28);
            CHECK(largest_error(found.grads.iou, expected.grads.iou) <= 1e-14);
            for (std::size_t mask = 0; mask < 4; ++mask)
                for (std::size_t i = 0; i < 9; ++i)
                    CHECK(error(found.grads.masks.data()[9 * mask + i],
                                i < 7 ? expected.grads.masks.data()[7 * mask + i] : 0.0) <= 1e-13);
        }
}

TEST_CASE("sam: everything ignored", "[sam]") {
    const array nothing(shape, not_a_number);
    array gm = masks::logits(shape, 3), gi = masks::scores({2, 3}, 5);
    const array before_masks = gm, before_iou = gi;
    const byte_array none(shape, std::uint8_t{0});
    for (const iou_target which : {iou_target::hard, iou_target::soft, iou_target::soft_detached}) {
        const sam loss = with(iou_loss::mse, which);
        const auto r = value_and_grad(loss, sam_output{nothing, iou}, masked(y, none));
        CHECK(r.value == 0.0);
        CHECK(r.mask == 0.0);
        CHECK(r.iou == 0.0);
        CHECK(r.valid == 0);
        CHECK(same(r.grads.masks, array(shape, 0.0)));
        CHECK(same(r.grads.iou, array(iou.shape(), 0.0)));
        value_and_grad_into(sam_output{gm, gi}, loss, sam_output{nothing, iou}, masked(y, none),
                            {.accumulate = true});
        CHECK(same(gm, before_masks));
        CHECK(same(gi, before_iou));
    }
}

TEST_CASE("sam: a NaN reaches the value and what depends on it", "[sam]") {
    array holed = x;
    holed(0, 1, 2, 3) = not_a_number;
    const auto r = value_and_grad(sam{}, sam_output{holed, iou}, y);
    const auto whole = value_and_grad(sam{}, sam_output{x, iou}, y);
    CHECK(std::isnan(r.value));
    CHECK(std::isnan(r.focal));
    CHECK(std::isnan(r.dice));
    CHECK(std::isnan(r.grads.masks(0, 1, 2, 3)));
    CHECK(std::isnan(r.grads.masks(0, 1, 0, 0))); // shares its Dice
    CHECK(r.grads.masks(0, 0, 0, 0) == whole.grads.masks(0, 0, 0, 0));
    array said = iou;
    said(1, 2) = not_a_number;
    const auto s = value_and_grad(with(iou_loss::mse, iou_target::soft), sam_output{x, said}, y);
    CHECK(std::isnan(s.value));
    CHECK(!std::isnan(s.mask));
    CHECK(std::isnan(s.grads.iou(1, 2)));
    CHECK(std::isnan(s.grads.masks(1, 2, 0, 0))); // soft: the gradient flows on
    CHECK(!std::isnan(s.grads.masks(1, 1, 0, 0)));
    CHECK(!std::isnan(s.grads.iou(1, 1)));
}

TEST_CASE("sam: a target shared by all masks is the same bits as the repeated one", "[sam]") {
    masks::check_same(evaluate(x, iou, shared, {}), evaluate(x, iou, masks::repeated(shared, 3), {}));
    const byte_array valid = masks::target({2, 4, 5}, false, 5);
    masks::check_same(evaluate(x, iou, masked(shared, valid), {}),
                      evaluate(x, iou, masked(masks::repeated(shared, 3), masks::repeated(valid, 3)), {}));
}

TEST_CASE("sam: storage, target types, upstream and accumulation", "[sam]") {
    masks::check_storage(evaluate, x, iou, y);
    masks::check_upstream(evaluate, evaluate_into, x, iou, y);
    CHECK(throws<xloss::parameter_error>([] { evaluate(x, iou, y, {.upstream = infinity}); }, {"upstream"}));
}

TEST_CASE("sam: threads alike", "[sam]") {
    const extents large{2, 3, 65, 263};
    masks::check_executors(evaluate, masks::logits(large), iou, masks::target(large));
}

TEST_CASE("sam: float and double, extreme logits", "[sam]") {
    for (const iou_target which : {iou_target::hard, iou_target::soft}) {
        const sam loss = with(iou_loss::mse, which);
        const auto single_x = masks::logits<float>(shape), single_iou = masks::scores<float>({2, 3});
        const auto single = value_and_grad(loss, sam_output{single_x, single_iou}, y);
        const auto exact = value_and_grad(loss, sam_output{x, iou}, y);
        STATIC_REQUIRE(std::is_same_v<decltype(single.value), float>);
        CHECK(error(static_cast<double>(single.value), exact.value) <= 2e-6);
        CHECK(error(static_cast<double>(single.iou), exact.iou) <= 2e-6);
        CHECK(largest_error(single.grads.masks, exact.grads.masks, largest_entry(exact.grads.masks)) <= 2e-6);
        CHECK(largest_error(single.grads.iou, exact.grads.iou, 1.0) <= 2e-6);
        const extents ends{1, 2, extremes.size()};
        auto far = array::from_shape(ends);
        for (std::size_t i = 0; i < far.size(); ++i)
            far.data()[i] = (i % 2 == 0 ? 1.0 : -1.0) * extremes[i % extremes.size()];
        const array said = masks::scores({1, 2});
        const auto r = value_and_grad(loss, sam_output{far, said}, masks::target(ends));
        CHECK(std::isfinite(r.value));
        CHECK(std::isfinite(largest_entry(r.grads.masks)));
    }
}

TEST_CASE("sam: what does not fit is named, and no gradient is touched", "[sam]") {
    const auto call = [](const sam& loss, const array& m, const array& i, const auto& t) {
        return [&, loss](array& gm, array& gi) {
            value_and_grad_into(sam_output{gm, gi}, loss, sam_output{m, i}, t);
        };
    };
    using xloss::shape_error;
    const extents good{2, 3};
    for (const extents& bad : {extents{3, 2}, extents{2}, extents{2, 3, 1}, extents{6}}) {
        const array wrong = masks::scores(bad);
        refuses<shape_error>(call({}, x, wrong, y), shape, good, {"predicted IoU", "[2, 3, 4, 5]", "[2, 3]"});
    }
    for (const extents& bad : {extents{2, 3, 5, 4}, extents{3, 4, 5}, extents{2, 2, 4, 5}, extents{2, 4}})
        refuses<shape_error>(call({}, x, iou, masks::target(bad)), shape, good, {"[2, 3, 4, 5]"});
    const byte_array narrow = masks::target({2, 3, 4, 4});
    refuses<shape_error>(call({}, x, iou, masked(y, narrow)), shape, good, {"[2, 3, 4, 4]"});
    // Gradient buffers of another shape.
    refuses<shape_error>(call({}, x, iou, y), {2, 3, 5, 4}, good, {"gradient buffer", "[2, 3, 5, 4]"});
    refuses<shape_error>(call({}, x, iou, y), shape, {3, 2},
                         {"gradient buffer [3, 2]", "predicted IoU [2, 3]"});

    using wrong = xloss::parameter_error;
    refuses<wrong>(call({.focal_weight = -1.0}, x, iou, y), shape, good, {"focal_weight is -1"});
    refuses<wrong>(call({.dice_weight = infinity}, x, iou, y), shape, good, {"dice_weight is"});
    refuses<wrong>(call({.iou_weight = -0.5}, x, iou, y), shape, good, {"xloss::sam", "iou_weight is -0.5"});
    refuses<wrong>(call({.gamma = -1.0}, x, iou, y), shape, good, {"gamma is -1"});
    refuses<wrong>(call({.alpha = not_a_number}, x, iou, y), shape, good, {"alpha is"});
    refuses<wrong>(call({.smooth = -1.0}, x, iou, y), shape, good, {"smooth is -1"});
}

TEST_CASE("sam: gradients that share memory with what is read, or with each other", "[sam]") {
    array m = x, i = iou, gm = masks::untouched(shape), gi = masks::untouched({2, 3});
    array t = y;
    using shared_memory = xloss::alias_error;
    const auto into = [&](array& to_masks, array& to_iou, const auto& target) {
        return [&] { value_and_grad_into(sam_output{to_masks, to_iou}, sam{}, sam_output{m, i}, target); };
    };
    CHECK(throws<shared_memory>(into(t, gi, t), {"target"}));
    CHECK(throws<shared_memory>(into(gm, i, y), {"predicted IoU"}));
    // One buffer with both gradients, or with one inside the other.
    std::vector<double> both(126, 42.0);
    const auto at = [&](std::size_t first, const extents& extent) {
        std::size_t n = 1;
        for (const std::size_t e : extent)
            n *= e;
        return xt::adapt(both.data() + first, n, xt::no_ownership(), extent);
    };
    auto front = at(0, shape), inside = at(114, {2, 3}), behind = at(120, {2, 3});
    CHECK(throws<shared_memory>(
        [&] {
            value_and_grad_into(sam_output{front, inside}, sam{}, sam_output{m, i}, y);
        },
        {"predicted IoU", "masks"}));
    CHECK(std::all_of(both.begin(), both.end(), [](double v) { return v == 42.0; }));
    value_and_grad_into(sam_output{front, behind}, sam{}, sam_output{m, i}, y);
    const auto expected = value_and_grad(sam{}, sam_output{m, i}, y);
    CHECK(same(front, expected.grads.masks));
    CHECK(same(behind, expected.grads.iou));
    CHECK(masks::is_untouched(gm));
    CHECK(masks::is_untouched(gi));
    CHECK(same(i, iou));
    CHECK(same(t, array(y)));
}
