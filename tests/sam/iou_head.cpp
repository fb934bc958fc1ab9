// sam/iou_head.hpp, alone and in sums.

#include "sam/masks.hpp"

#include <xloss/sam/iou_head.hpp>
#include <xloss/sam/output.hpp>
#include <xloss/sam/sam_mask.hpp>

using namespace cases;
using masks::array;
using masks::byte_array;
using masks::extents;
using masks::one_mask;
using masks::one_score;
using masks::same;
using xloss::dice;
using xloss::focal;
using xloss::iou_head;
using xloss::iou_loss;
using xloss::iou_target;
using xloss::multimask;
using xloss::sam_output;

namespace {

const extents shape{2, 3, 4, 5};
const array x = masks::logits(shape), iou = masks::scores({2, 3});
const byte_array y = masks::target(shape);
constexpr xloss::mode_options ignoring{.ignore_index = 255};

/// Four pixels: p = 1/2, 3/4, 1/4, 3/4; the first, the second and the third are true.
const array four = one_mask({0.0, std::log(3.0), -std::log(3.0), std::log(3.0)});
const byte_array truth = one_mask<std::uint8_t>({1, 1, 1, 0});
constexpr double hard = 1.0 / 4.0; // the logit of 0 is not above 0
constexpr double tp = 1.5, either = 2.25 + 3.0 - 1.5 + 1e-8, soft_iou = tp / either;

/// d(soft IoU)/dp of a pixel, times p (1 - p).
double soft_slope(double p, bool is_true) {
    return (is_true ? 1.0 / either : -tp / (either * either)) * p * (1.0 - p);
}

double compare(iou_loss how, double d) {
    const double size = std::abs(d);
    if (how == iou_loss::mse)
        return d * d;
    if (how == iou_loss::l1)
        return size;
    return size < 1.0 ? 0.5 * d * d : size - 0.5;
}

double slope(iou_loss how, double d) {
    const double sign = d > 0.0 ? 1.0 : d < 0.0 ? -1.0 : 0.0;
    if (how == iou_loss::mse)
        return 2.0 * d;
    return how == iou_loss::l1 || std::abs(d) >= 1.0 ? sign : d;
}

constexpr iou_loss every_loss[] = {iou_loss::mse, iou_loss::l1, iou_loss::smooth_l1};
constexpr iou_target every_target[] = {iou_target::hard, iou_target::soft, iou_target::soft_detached};

/// Gradients by masks and predicted IoU against central differences.
template <class Loss, class Y>
void check_differences(const Loss& loss, const Y& target) {
    array at = x, predicted = iou;
    const auto value = [&] { return xloss::value(loss, sam_output{at, predicted}, target); };
    const auto r = value_and_grad(loss, sam_output{x, iou}, target);
    CHECK(r.value == value());
    CHECK(masks::difference_error(at, r.grads.masks, value) <= masks::closely);
    CHECK(masks::difference_error(predicted, r.grads.iou, value) <= masks::closely);
}

} // namespace

TEST_CASE("iou_head: four pixels by hand", "[sam][iou_head]") {
    for (const iou_loss how : every_loss)
        for (const iou_target with : every_target)
            for (const double predicted : {0.9, -0.3, 2.5, -1.75}) {
                INFO("loss " << static_cast<int>(how) << ", target " << static_cast<int>(with)
                             << ", predicted " << predicted);
                const array said = one_score(predicted);
                const double d = predicted - (with == iou_target::hard ? hard : soft_iou);
                const auto r = value_and_grad(iou_head{how, with}, sam_output{four, said}, truth);
                CHECK(error(r.value, compare(how, d)) <= 1e-14);
                CHECK(error(r.grads.iou(0, 0), slope(how, d)) <= 1e-14);
                const double by = with == iou_target::soft ? -slope(how, d) : 0.0;
                CHECK(largest_error(r.grads.masks,
                                    {by * soft_slope(0.5, true), by * soft_slope(0.75, true),
                                     by * soft_slope(0.25, true), by * soft_slope(0.75, false)}) <= 1e-14);
                CHECK(iou_head{how, with}(sam_output{four, said}, truth) == r.value);
            }
}

TEST_CASE("iou_head: equal predicted and actual IoU, no union, nothing wrong", "[sam][iou_head]") {
    for (const iou_loss how : every_loss) {
        const array right = one_score(hard);
        const auto r = value_and_grad(iou_head{how}, sam_output{four, right}, truth);
        CHECK(r.value == 0.0);
        CHECK(r.grads.iou(0, 0) == 0.0);
        CHECK(same(r.grads.masks, array(four.shape(), 0.0)));
    }
    const array off = one_mask({-1.0, -2.0, -0.0, 0.0}), said = one_score(0.5); // neither zero is above 0
    CHECK(iou_head{}(sam_output{off, said}, byte_array(off.shape(), std::uint8_t{0})) == 0.25);
    CHECK(iou_head{}(sam_output{off, said}, truth) == 0.25); // nothing is right
    const array on(off.shape(), 1e-30);
    CHECK(iou_head{}(sam_output{on, said}, byte_array(off.shape(), std::uint8_t{1})) == 0.25); // IoU 1
    CHECK(error(iou_head{}(sam_output{on, said}, truth), 0.0625) <= 1e-15);
    // In float a probability next to 1/2 is 1/2, and the pixel is still true.
    const xt::xarray<float> single = on, half = one_score<float>(0.5);
    CHECK(iou_head{}(sam_output{single, half}, byte_array(off.shape(), std::uint8_t{1})) == 0.25F);
}

TEST_CASE("iou_head: soft IoU of nothing", "[sam][iou_head]") {
    const array far(extents{1, 1, 3}, -800.0), said = one_score(0.5);
    const byte_array none(extents{1, 1, 3}, std::uint8_t{0});
    const auto r = value_and_grad(iou_head{.target = iou_target::soft}, sam_output{far, said}, none);
    CHECK(r.value == 0.25);
    CHECK(r.grads.iou(0, 0) == 1.0);
    CHECK(same(r.grads.masks, array(far.shape(), 0.0)));
}

TEST_CASE("iou_head: central differences, and the mean over masks", "[sam][iou_head]") {
    for (const iou_loss how : every_loss)
        for (const iou_target with : {iou_target::hard, iou_target::soft})
            check_differences(multimask(iou_head{how, with}, ignoring), y);
    check_differences(multimask(iou_head{.target = iou_target::soft}, {.reduction = xloss::reduction::sum}),
                      y);
    const auto mean = value_and_grad(iou_head{}, sam_output{x, iou}, y);
    const auto sum =
        value_and_grad(multimask(iou_head{}, {.reduction = xloss::reduction::sum}), sam_output{x, iou}, y);
    CHECK(error(sum.value, 6.0 * mean.value) <= 1e-15);
    CHECK(mean.normalizer == 6.0);
    CHECK(error(sum.grads.iou(1, 2), 6.0 * mean.grads.iou(1, 2)) <= 1e-15);
}

TEST_CASE("iou_head: of soft_detached the gradient by the predicted IoU is that of soft", "[sam][iou_head]") {
    const auto open = value_and_grad(iou_head{.target = iou_target::soft}, sam_output{x, iou}, y);
    const auto shut = value_and_grad(iou_head{.target = iou_target::soft_detached}, sam_output{x, iou}, y);
    CHECK(shut.value == open.value);
    CHECK(same(shut.grads.iou, open.grads.iou));
    CHECK(same(shut.grads.masks, array(shape, 0.0)));
    CHECK(largest_entry(open.grads.masks) > 1e-4);
}

TEST_CASE("iou_head in a sum: every term, and the gradients of both", "[sam][iou_head]") {
    const auto loss = 20.0 * focal{} + dice{} + 0.5 * iou_head{.target = iou_target::soft};
    const auto r = value_and_grad(loss, sam_output{x, iou}, y);
    const auto mask = value_and_grad(multimask(20.0 * focal{} + dice{}), x, y);
    const auto head = value_and_grad(iou_head{.target = iou_target::soft}, sam_output{x, iou}, y);
    REQUIRE(r.terms.size() == 3);
    CHECK(error(r.terms[0].value, mask.terms[0].value) <= 1e-15);
    CHECK(error(r.terms[1].value, mask.terms[1].value) <= 1e-15);
    CHECK(error(r.terms[2].value, head.value) <= 1e-15);
    CHECK(error(r.value, mask.value + 0.5 * head.value) <= 1e-15);
    CHECK(r.valid == y.size());
    CHECK(largest_error(r.grads.masks, array(mask.grad + 0.5 * head.grads.masks), largest_entry(mask.grad)) <=
          1e-14);
    CHECK(largest_error(r.grads.iou, array(0.5 * head.grads.iou)) <= 1e-15);
    check_differences(loss, y);
    const auto own = value_and_grad(xloss::sam_mask{} + iou_head{}, sam_output{x, iou}, y);
    CHECK(error(own.terms[0].value, mask.value) <= 1e-15);
    CHECK(error(own.value, mask.value + iou_head{}(sam_output{x, iou}, y)) <= 1e-15);
}

TEST_CASE("iou_head: weighted pixels count by their weight, those of weight 0 not at all",
          "[sam][iou_head]") {
    const array w = one_mask({2.0, 0.5, 0.0, 3.0}), said = one_score(0.9);
    const auto of = [&](iou_target with) {
        return value_and_grad(iou_head{.target = with}, sam_output{four, said}, xloss::weighted(truth, w));
    };
    const double hard_iou = 0.5 / (3.5 + 2.5 - 0.5), tp_w = 1.375,
                 weighted_iou = tp_w / (1.0 + 0.375 + 2.25 + 2.5 - tp_w + 1e-8);
    CHECK(error(of(iou_target::hard).value, (0.9 - hard_iou) * (0.9 - hard_iou)) <= 1e-14);
    CHECK(error(of(iou_target::soft).value, (0.9 - weighted_iou) * (0.9 - weighted_iou)) <= 1e-14);
    CHECK(of(iou_target::soft).grads.masks(0, 0, 2) == 0.0);

    array holed = four;
    holed(0, 0, 2) = not_a_number;
    for (const iou_target with : every_target) {
        const iou_head loss{.target = with};
        byte_array some = truth;
        some(0, 0, 2) = 255;
        const auto r = value_and_grad(multimask(loss, ignoring), sam_output{holed, said}, some);
        const array less = one_mask({four(0, 0, 0), four(0, 0, 1), four(0, 0, 3)});
        const byte_array short_truth = one_mask<std::uint8_t>({1, 1, 0});
        const auto expected = value_and_grad(loss, sam_output{less, said}, short_truth);
        CHECK(error(r.value, expected.value) <= 1e-15);
        CHECK(r.grads.iou == expected.grads.iou);
        CHECK(r.grads.masks(0, 0, 2) == 0.0);
        CHECK(error(r.grads.masks(0, 0, 3), expected.grads.masks(0, 0, 2)) <= 1e-15);
    }
}

TEST_CASE("iou_head: a mask of ignored pixels gives 0 without gradient, and counts", "[sam][iou_head]") {
    byte_array some = y;
    xt::view(some, 1, 1) = std::uint8_t{255};
    for (const iou_target with : every_target) {
        const iou_head loss{.target = with};
        const auto sum = multimask(loss, {.ignore_index = 255, .reduction = xloss::reduction::sum});
        const auto r = value_and_grad(sum, sam_output{x, iou}, some);
        const auto whole =
            value_and_grad(multimask(loss, {.reduction = xloss::reduction::sum}), sam_output{x, iou}, y);
        CHECK(r.grads.iou(1, 1) == 0.0);
        CHECK(whole.grads.iou(1, 1) != 0.0);
        CHECK(r.grads.iou(1, 2) == whole.grads.iou(1, 2));
        CHECK(r.value < whole.value);
        CHECK(largest_entry(array(xt::view(r.grads.masks, 1, 1))) == 0.0);
        CHECK(error(multimask(loss, ignoring)(sam_output{x, iou}, some), r.value / 6.0) <= 1e-15);
        const byte_array none(shape, std::uint8_t{255});
        const auto nothing = value_and_grad(multimask(loss, ignoring), sam_output{x, iou}, none);
        CHECK(nothing.value == 0.0);
        CHECK(nothing.valid == 0);
        CHECK(same(nothing.grads.iou, array(iou.shape(), 0.0)));
    }
}

TEST_CASE("iou_head in other modes: the predicted IoU has an entry for every region", "[sam][iou_head]") {
    const extents flat{6, 4, 5};
    array samples = x, row = iou;
    byte_array targets = y;
    samples.reshape(flat);
    targets.reshape(flat);
    row.reshape(extents{6});
    const auto expected = value_and_grad(iou_head{.target = iou_target::soft}, sam_output{x, iou}, y);
    const auto found =
        value_and_grad(binary(iou_head{.target = iou_target::soft}), sam_output{samples, row}, targets);
    CHECK(found.value == expected.value);
    CHECK(made_up::same_elements(found.grads.masks, expected.grads.masks));
    CHECK(made_up::same_elements(found.grads.iou, expected.grads.iou));
    CHECK(extents(found.grads.iou.shape().begin(), found.grads.iou.shape().end()) == extents{6});
    const auto channels =
        value_and_grad(multilabel(iou_head{.target = iou_target::soft}), sam_output{x, iou}, y);
    CHECK(error(channels.value, expected.value) <= 1e-15);
    CHECK(largest_error(channels.grads.iou, expected.grads.iou) <= 1e-15);
}
