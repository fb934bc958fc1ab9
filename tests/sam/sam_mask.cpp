// sam/sam_mask.hpp, and the mode multimask it runs in.

#include "sam/masks.hpp"

#include <xloss/sam/sam_mask.hpp>

using namespace cases;
using masks::array;
using masks::byte_array;
using masks::extents;
using masks::one_mask;
using masks::same;
using xloss::binary;
using xloss::dice;
using xloss::empty_region;
using xloss::focal;
using xloss::multimask;
using xloss::region;
using xloss::sam_mask;
using xloss::testing::gradient_check;

namespace {

const extents shape{2, 3, 4, 5}, image{2, 4, 5}, flat{6, 4, 5};

template <class Tensor>
Tensor reshaped(Tensor t, const extents& to) {
    t.reshape(to);
    return t;
}

const array x = masks::logits(shape);
const byte_array y = masks::target(shape, true), shared = masks::target(image, true);
const array w = reshaped(array(made_up::weights<double>(std::array<std::size_t, 4>{2, 3, 4, 5})), shape);
constexpr xloss::mode_options ignoring{.ignore_index = 255};

} // namespace

TEST_CASE("sam_mask: two pixels by hand", "[sam]") {
    // p = 1/2 and 3/4, the first pixel is true.
    const array two = one_mask({0.0, std::log(3.0)});
    const byte_array truth = one_mask<std::uint8_t>({1, 0});
    const double focal_value = (0.25 * 0.25 * std::log(2.0) + 0.75 * 0.5625 * std::log(4.0)) / 2.0;
    const double dice_value = 1.0 - (2.0 * 0.5 + 1.0) / (1.25 + 1.0 + 1.0);
    CHECK(error(sam_mask{}(two, truth), 20.0 * focal_value + dice_value) <= 1e-15);
    CHECK(error(sam_mask{.focal_weight = 0.5, .dice_weight = 3.0}(two, truth),
                0.5 * focal_value + 3.0 * dice_value) <= 1e-15);
    CHECK(error(sam_mask{.focal_weight = 0.0, .smooth = 2.0}(two, truth), 1.0 - 3.0 / 4.25) <= 1e-15);
    CHECK(error(sam_mask{.dice_weight = 0.0, .alpha = -1.0, .gamma = 0.0}(two, truth),
                20.0 * (std::log(2.0) + std::log(4.0)) / 2.0) <= 1e-15);
}

TEST_CASE("sam_mask is 20 focal + Dice of every mask, and one term", "[sam]") {
    const auto found = value_and_grad(sam_mask{}, x, xloss::masked(y, xt::not_equal(y, std::uint8_t{255})));
    const auto expected = value_and_grad(multimask(20.0 * focal{} + dice{}, ignoring), x, y);
    CHECK(error(found.value, expected.value) <= 1e-15);
    CHECK(largest_error(found.grad, expected.grad, largest_entry(expected.grad)) <= 1e-15);
    STATIC_REQUIRE(std::tuple_size_v<decltype(found.terms)> == 1);
    CHECK(found.terms[0].value == found.value);
    CHECK(found.valid == expected.valid);
    const auto next = value_and_grad(multimask(dice{} + 0.5 * sam_mask{}, ignoring), x, y);
    CHECK(error(next.value, expected.terms[1].value + 0.5 * expected.value) <= 1e-15);
    CHECK(error(next.terms[1].value, expected.value) <= 1e-15);
}

TEST_CASE("multimask is binary with every mask as a sample", "[sam][multimask]") {
    for (const region over : {region::sample, region::batch})
        for (const empty_region empty : {empty_region::smooth, empty_region::zero, empty_region::skip})
            for (const bool weighs : {false, true}) {
                const sam_mask loss{.over = over, .empty = empty};
                byte_array some = y;
                xt::view(some, 1, 0) = 0; // a mask without a true pixel
                const auto ones = array(shape, 1.0);
                const array& weights = weighs ? w : ones;
                const auto found =
                    value_and_grad(multimask(loss, ignoring), x, xloss::weighted(some, weights));
                const auto expected =
                    value_and_grad(binary(loss, ignoring), reshaped(x, flat),
                                   xloss::weighted(reshaped(some, flat), reshaped(weights, flat)));
                CHECK(made_up::same_evaluation(found, expected));
                CHECK(made_up::same_elements(found.grad, expected.grad));
                CHECK(found.grad.shape() == x.shape());
            }
}

TEST_CASE("multimask: a target, weights and validity shared by the masks of a sample", "[sam][multimask]") {
    const auto criterion = multimask(sam_mask{}, ignoring);
    const byte_array all = masks::repeated(shared, 3);
    const array plane = xt::view(w, xt::all(), 1), planes = xt::stack(xt::xtuple(plane, plane, plane), 1);
    const byte_array open = masks::target(image, false, 5), opens = masks::repeated(open, 3);
    const auto agree = [](const auto& found, const auto& expected) {
        CHECK(made_up::same_evaluation(found, expected));
        CHECK(same(found.grad, expected.grad));
    };
    agree(value_and_grad(criterion, x, shared), value_and_grad(criterion, x, all));
    agree(value_and_grad(criterion, x, xloss::weighted(shared, plane)),
          value_and_grad(criterion, x, xloss::weighted(all, planes)));
    agree(value_and_grad(criterion, x, xloss::masked(shared, open)),
          value_and_grad(criterion, x, xloss::masked(all, opens)));
    // Every mask has weights of its own, the target is one for all.
    agree(value_and_grad(criterion, x, xloss::weighted(shared, w)),
          value_and_grad(criterion, x, xloss::weighted(all, w)));
    // [B, 1, ...] too: one channel that counts for all.
    CHECK(criterion(x, xloss::weighted(shared, xt::view(plane, xt::all(), xt::newaxis()))) ==
          criterion(x, xloss::weighted(shared, plane)));
}

TEST_CASE("multimask: unreduced masks and pixels", "[sam][multimask]") {
    const auto regions = xloss::unreduced(multimask(dice{}, ignoring), x, y);
    const auto alone = xloss::unreduced(binary(dice{}, ignoring), reshaped(x, flat), reshaped(y, flat));
    REQUIRE(extents(regions.shape().begin(), regions.shape().end()) == extents{2, 3});
    CHECK(made_up::same_elements(regions, alone));
    const auto pixels = xloss::unreduced(multimask(focal{}, ignoring), x, y);
    REQUIRE(extents(pixels.shape().begin(), pixels.shape().end()) == shape);
    CHECK(made_up::same_elements(
        pixels, xloss::unreduced(binary(focal{}, ignoring), reshaped(x, flat), reshaped(y, flat))));
    // A factor for every mask.
    const array u = masks::tensor({2, 3}, {1.0, 0.0, 2.0, -0.5, 0.25, 3.0});
    const auto r = value_and_grad(multimask(dice{}, ignoring), x, y, {.upstream = u});
    double sum = 0.0;
    for (std::size_t i = 0; i < u.size(); ++i)
        sum += u.data()[i] * regions.data()[i];
    CHECK(error(r.value, sum) <= 1e-15);
    CHECK(gradient_check(multimask(dice{}, ignoring), x, y, {}, {.upstream = u}));
    for (std::size_t i = 0; i < 20; ++i)
        CHECK(r.grad.data()[20 + i] == 0.0);
}

TEST_CASE("sam_mask: gradient against central differences", "[sam]") {
    sam_mask general{.focal_weight = 3.0, .dice_weight = 0.5, .alpha = -1.0, .gamma = 1.5, .smooth = 0.25};
    for (const region over : {region::sample, region::batch})
        for (const empty_region empty : {empty_region::smooth, empty_region::zero, empty_region::skip})
            for (sam_mask loss : {sam_mask{}, general}) {
                loss.over = over;
                loss.empty = empty;
                INFO("over " << static_cast<int>(over) << ", empty " << static_cast<int>(empty) << ", gamma "
                             << loss.gamma);
                byte_array some = y;
                xt::view(some, 0, 2) = 0;
                CHECK(gradient_check(multimask(loss, ignoring), x, xloss::weighted(some, w)));
            }
    CHECK(gradient_check(multimask(sam_mask{}, ignoring), x, shared, {}, {.upstream = -2.5}));
    CHECK(gradient_check(multilabel(sam_mask{}, ignoring), x, y));
}

TEST_CASE("sam_mask: a mask without a true pixel", "[sam]") {
    const array three(extents{1, 2, 2}, 0.0); // p = 1/2 everywhere, the second mask empty
    const byte_array truth = masks::tensor<std::uint8_t>({1, 2, 2}, {1, 1, 0, 0});
    const auto with = [&](empty_region empty) {
        return sam_mask{.focal_weight = 0.0, .empty = empty}(three, truth);
    };
    CHECK(error(with(empty_region::smooth), (1.0 - 3.0 / 4.0 + 1.0 - 1.0 / 2.0) / 2.0) <= 1e-15);
    CHECK(error(with(empty_region::zero), 0.25 / 2.0) <= 1e-15);
    CHECK(error(with(empty_region::skip), 0.25) <= 1e-15);
    CHECK(error(sam_mask{.focal_weight = 0.0, .over = region::batch}(three, truth), 1.0 - 3.0 / 5.0) <=
          1e-15);
}

TEST_CASE("sam_mask: what is ignored is absent", "[sam]") {
    // The same masks without their last two columns of pixels.
    const extents longer{2, 2, 9}, shorter{2, 2, 7};
    array wide = masks::logits(longer);
    byte_array truth = masks::target(longer);
    const array narrow = xt::view(wide, xt::all(), xt::all(), xt::range(0, 7));
    const byte_array short_truth = xt::view(truth, xt::all(), xt::all(), xt::range(0, 7));
    xt::view(wide, xt::all(), xt::all(), xt::range(7, 9)) = not_a_number;
    xt::view(truth, xt::all(), xt::all(), xt::range(7, 9)) = std::uint8_t{255};
    for (const region over : {region::sample, region::batch}) {
        const sam_mask loss{.over = over};
        const auto found = value_and_grad(multimask(loss, ignoring), wide, truth);
        const auto expected = value_and_grad(loss, narrow, short_truth);
        CHECK(error(found.value, expected.value) <= 1e-15);
        CHECK(found.valid == expected.valid);
        for (std::size_t mask = 0; mask < 4; ++mask)
            for (std::size_t i = 0; i < 9; ++i) {
                const double g = found.grad.data()[9 * mask + i];
                CHECK(error(g, i < 7 ? expected.grad.data()[7 * mask + i] : 0.0) <= 1e-14);
            }
    }
    const array nothing(longer, not_a_number);
    const auto r =
        value_and_grad(multimask(sam_mask{}, ignoring), nothing, byte_array(longer, std::uint8_t{255}));
    CHECK(r.value == 0.0);
    CHECK(r.valid == 0);
    CHECK(same(r.grad, array(longer, 0.0)));
}

TEST_CASE("sam_mask: finite at extreme logits, float against double", "[sam]") {
    const extents ends{1, 2, 2 * extremes.size()};
    auto far = array::from_shape(ends);
    for (std::size_t i = 0; i < far.size(); ++i)
        far.data()[i] = (i % 2 == 0 ? 1.0 : -1.0) * extremes[i / 2 % extremes.size()];
    const byte_array truth = masks::target(ends);
    for (const double gamma : {0.0, 0.5, 2.0}) {
        const sam_mask loss{.gamma = gamma};
        CHECK(is_finite(value_and_grad(loss, far, truth)));
        CHECK(is_finite(value_and_grad(loss, xt::xarray<float>(far), truth)));
        const auto single = value_and_grad(multimask(loss, ignoring), masks::logits<float>(shape), y);
        const auto exact = value_and_grad(multimask(loss, ignoring), x, y);
        CHECK(error(static_cast<double>(single.value), exact.value) <= 2e-6);
        CHECK(largest_error(single.grad, exact.grad, largest_entry(exact.grad)) <= 2e-6);
    }
}

TEST_CASE("sam_mask: what is out of range is named", "[sam]") {
    const auto with = [](const sam_mask& loss) { return [loss] { return loss(x, shared); }; };
    using wrong = xloss::parameter_error;
    CHECK(throws<wrong>(with({.focal_weight = -1.0}), {"xloss::sam_mask", "focal_weight is -1"}));
    CHECK(throws<wrong>(with({.dice_weight = not_a_number}), {"xloss::sam_mask", "dice_weight is"}));
    CHECK(throws<wrong>(with({.alpha = not_a_number}), {"alpha is"}));
    CHECK(throws<wrong>(with({.gamma = -0.5}), {"gamma is -0.5"}));
    CHECK(throws<wrong>(with({.smooth = -1.0}), {"smooth is -1"}));
    for (const extents& bad : {extents{2, 3, 5, 4}, extents{3, 4, 5}, extents{2, 2, 4, 5}, extents{2}})
        CHECK(throws<xloss::shape_error>([&] { return sam_mask{}(x, masks::target(bad)); },
                                         {"xloss::sam_mask", "[2, 3, 4, 5]"}));
    CHECK(
        throws<xloss::shape_error>([] { return sam_mask{}(array(extents{3}, 0.0), byte_array(extents{3})); },
                                   {"xloss::sam_mask", "[3]"}));
}
