// sam: candidates that weights leave out, and buffers that are one.

#include "sam/masks.hpp"

#include <xloss/criterion/target.hpp>
#include <xloss/sam/iou_head.hpp>
#include <xloss/sam/output.hpp>
#include <xloss/sam/sam2.hpp>

using masks::array;
using masks::byte_array;
using masks::same;
using masks::tensor;
using xloss::sam2;
using xloss::sam_output;

namespace {

// The second candidate is right, the third the worst.
const array x = tensor({1, 3, 4}, {1.0, -1.0, 0.5, 0.25, 3.0, -3.0, 3.0, -3.0, -2.0, 2.0, -2.0, 2.0});
const array iou = tensor({1, 3}, {0.5, 0.25, 0.75}), score = tensor({1}, {0.5});
const byte_array y = tensor<std::uint8_t>({1, 4}, {1, 0, 1, 0});

/// Weights under which these candidates have no pixel that counts.
byte_array without(std::initializer_list<std::size_t> left_out) {
    byte_array valid({1, 3, 4}, std::uint8_t{1});
    for (const std::size_t m : left_out)
        xt::view(valid, 0, m) = std::uint8_t{0};
    return valid;
}

} // namespace

TEST_CASE("sam2: a candidate without a pixel that counts is not chosen", "[sam][sam2]") {
    const auto all = value_and_grad(sam2{}, sam_output{x, iou}, y);
    REQUIRE(all.chosen[0] == 1);
    for (const auto& left_out : {without({0}), without({2}), without({0, 2})}) {
        const auto r = value_and_grad(sam2{}, sam_output{x, iou}, xloss::masked(y, left_out));
        CHECK(r.chosen[0] == 1);
        CHECK(r.value == all.value);
        CHECK(same(r.grads.masks, all.grads.masks));
        CHECK(same(r.grads.iou, all.grads.iou));
    }
    const auto second = value_and_grad(sam2{}, sam_output{x, iou}, xloss::masked(y, without({1})));
    CHECK(second.chosen[0] == 0);
    CHECK(second.focal > 0.0);
}

TEST_CASE("sam2: IoU of all candidates, some of them without a pixel that counts", "[sam][sam2]") {
    // Hard IoU of the first candidate is 2/3, of the second 1.
    const auto r =
        value_and_grad(sam2{.supervise_all_iou = true}, sam_output{x, iou}, xloss::masked(y, without({2})));
    CHECK(r.iou == Approx((1.0 / 36.0 + 0.5625) / 3.0).epsilon(1e-14));
    CHECK(r.grads.iou(0, 0) == Approx(-1.0 / 9.0).epsilon(1e-14));
    CHECK(r.grads.iou(0, 1) == Approx(-0.5).epsilon(1e-14));
    CHECK(r.grads.iou(0, 2) == 0.0);
}

TEST_CASE("sam2: an object is there if any candidate has a true pixel of it", "[sam][sam2]") {
    const sam2 loss{.score_weight = 1.0, .object_scores = true};
    const auto all = value_and_grad(loss, sam_output{x, iou, score}, y);
    const auto r = value_and_grad(loss, sam_output{x, iou, score}, xloss::masked(y, without({0})));
    CHECK(all.focal > 0.0);
    CHECK(r.value == all.value);
    CHECK(same(r.grads.scores, all.grads.scores));
}

TEST_CASE("sam: a gradient of the predicted IoU is not the upstream tensor", "[sam][iou_head]") {
    array by_masks(x.shape(), 7.0), upstream(iou.shape(), 0.5);
    const auto call = [&] {
        value_and_grad_into(sam_output{by_masks, upstream}, xloss::iou_head{}, sam_output{x, iou}, y,
                            {.upstream = upstream});
    };
    CHECK_THROWS_AS(call(), xloss::alias_error);
    CHECK_THROWS_WITH(call(), contains_text("xloss::iou_head: the gradient buffer of the predicted IoU "
                                            "shares memory with the upstream tensor"));
    CHECK(same(by_masks, array(x.shape(), 7.0)));
    CHECK(same(upstream, array(iou.shape(), 0.5)));
}

TEST_CASE("sam: a target with an axis of one for the masks is refused with what it should be", "[sam]") {
    const byte_array one({1, 1, 4}, std::uint8_t{1});
    CHECK_THROWS_WITH(xloss::value(xloss::iou_head{}, sam_output{x, iou}, one),
                      contains_text("a target that all masks share has no axis for them: [1, 4]"));
}
