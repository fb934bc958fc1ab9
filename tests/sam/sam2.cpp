// sam/sam2.hpp: what is chosen, and what it gives.

#include "sam/contract.hpp"

#include <xloss/losses/focal.hpp>
#include <xloss/sam/sam.hpp>
#include <xloss/sam/sam2.hpp>

#include <optional>

using namespace cases;
using masks::array;
using masks::byte_array;
using masks::extents;
using masks::one_mask;
using masks::refuses;
using masks::same;
using xloss::iou_loss;
using xloss::masked;
using xloss::sam2;
using xloss::sam_output;
using xloss::weighted;

namespace {

constexpr std::size_t objects = 4, candidates = 3;
const extents shape{objects, candidates, 4, 5}, iou_shape{objects, candidates};
const array x = masks::logits(shape), iou = masks::scores(iou_shape);
const array scores = masks::tensor({objects}, {0.75, -2.0, 3.5, -0.25});

/// The object 1 is absent.
byte_array absent_second() {
    byte_array y = masks::target({objects, 4, 5});
    xt::view(y, 1) = std::uint8_t{0};
    return y;
}
const byte_array y = absent_second();

sam2 scored(double weight = 1.0) {
    sam2 loss;
    loss.object_scores = true;
    loss.score_weight = weight;
    return loss;
}

/// A candidate [1, 1, ...] of an object, or what is said of it.
array part(const array& of, std::size_t object, std::size_t candidate) {
    return xt::view(of, xt::range(object, object + 1), xt::range(candidate, candidate + 1));
}

byte_array target_of(std::size_t object) {
    return xt::view(y, xt::range(object, object + 1));
}

/// What `sam` gives for every candidate by itself.
auto alone(std::size_t object, std::size_t candidate) {
    const array m = part(x, object, candidate), i = part(iou, object, candidate);
    return xloss::value_and_grad(xloss::sam{}, sam_output{m, i}, target_of(object));
}

template <class Y>
void check_differences(const sam2& loss, const Y& target) {
    array at = x, predicted = iou, said = scores;
    const auto value = [&] { return xloss::value(loss, sam_output{at, predicted, said}, target); };
    const auto r = value_and_grad(loss, sam_output{x, iou, scores}, target);
    CHECK(r.value == value());
    CHECK(masks::difference_error(at, r.grads.masks, value) <= masks::closely);
    CHECK(masks::difference_error(predicted, r.grads.iou, value) <= masks::closely);
    CHECK(masks::difference_error(said, r.grads.scores, value) <= masks::closely);
}

} // namespace

TEST_CASE("sam2: two candidates of two pixels by hand", "[sam][sam2]") {
    // p = (1/2, 3/4) and (3/4, 1/2), the first pixel is true.
    const array two = masks::tensor({1, 2, 2}, {0.0, std::log(3.0), std::log(3.0), 0.0});
    const array said = masks::tensor({1, 2}, {0.25, 0.75});
    const byte_array truth = masks::tensor<std::uint8_t>({1, 2}, {1, 0});
    const double focal =
        (0.25 * 0.0625 * -std::log(0.75) + 0.75 * 0.25 * std::log(2.0)) / 2.0; // of the second, the better
    const double dice = 1.0 - (1.5 + 1.0) / (1.25 + 1.0 + 1.0);
    const auto r = value_and_grad(sam2{}, sam_output{two, said}, truth);
    CHECK(r.chosen == std::vector<std::size_t>{1});
    CHECK(error(r.focal, focal) <= 1e-15);
    CHECK(error(r.dice, dice) <= 1e-15);
    CHECK(r.iou == 0.0625); // actual IoU: 1
    CHECK(r.score == 0.0);
    CHECK(r.num_objects == 1.0);
    CHECK(error(r.value, 20.0 * focal + dice + 0.0625) <= 1e-15);
    CHECK(largest_error(r.grads.iou, {0.0, -0.5}) <= 1e-15);
    CHECK(r.grads.masks(0, 0, 0) == 0.0);
    CHECK(r.grads.masks(0, 0, 1) == 0.0);
    const double at_true = 10.0 * 0.25 * 0.0625 * (2.0 * 0.75 * std::log(0.75) - 0.25) +
                           0.1875 * (-2.0 / 3.25 + 2.5 / (3.25 * 3.25));
    CHECK(error(r.grads.masks(0, 1, 0), at_true) <= 1e-14);

    const auto all = value_and_grad(sam2{.supervise_all_iou = true, .iou_loss = iou_loss::l1},
                                    sam_output{two, said}, truth);
    CHECK(all.iou == 0.25); // of 0.25 - 0 and 0.75 - 1
    CHECK(largest_error(all.grads.iou, {0.5, -0.5}) <= 1e-15);
    CHECK(same(all.grads.masks, r.grads.masks));
}

TEST_CASE("sam2: an object gives what sam gives for its best candidate", "[sam][sam2]") {
    const auto r = value_and_grad(sam2{}, sam_output{x, iou}, y);
    double value = 0.0, focal = 0.0, dice = 0.0, iou_value = 0.0;
    REQUIRE(r.chosen.size() == objects);
    for (std::size_t object = 0; object < objects; ++object) {
        std::size_t best = 0;
        for (std::size_t m = 1; m < candidates; ++m)
            if (alone(object, m).mask < alone(object, best).mask)
                best = m;
        CHECK(r.chosen[object] == best);
        const auto one = alone(object, best);
        value += one.value / objects;
        focal += one.focal / objects;
        dice += one.dice / objects;
        iou_value += one.iou / objects;
        for (std::size_t m = 0; m < candidates; ++m) {
            const array found = part(r.grads.masks, object, m), said = part(r.grads.iou, object, m);
            const double scale = m == best ? 1.0 / objects : 0.0;
            CHECK(largest_error(found, array(scale * one.grads.masks)) <= 1e-13);
            CHECK(largest_error(said, array(scale * one.grads.iou)) <= 1e-13);
        }
    }
    CHECK(error(r.value, value) <= 1e-15);
    CHECK(error(r.focal, focal) <= 1e-15);
    CHECK(error(r.dice, dice) <= 1e-15);
    CHECK(error(r.iou, iou_value) <= 1e-15);
    CHECK(r.num_objects == objects);
    CHECK(r.valid == x.size());
    CHECK(sam2{}(sam_output{x, iou}, y) == r.value);
    CHECK(xloss::value(sam2{}, sam_output{x, iou, scores}, y) == r.value); // nobody asks for the scores
}

TEST_CASE("sam2: the weights of focal and Dice choose", "[sam][sam2]") {
    for (const double focal_weight : {0.0, 0.5, 100.0}) {
        const sam2 loss{.focal_weight = focal_weight, .dice_weight = 1.0};
        const auto r = value_and_grad(loss, sam_output{x, iou}, y);
        for (std::size_t object = 0; object < objects; ++object) {
            const auto cost = [&](std::size_t m) {
                const auto one = alone(object, m);
                return focal_weight * one.focal + one.dice;
            };
            for (std::size_t m = 0; m < candidates; ++m)
                CHECK(cost(r.chosen[object]) <= cost(m));
        }
    }
    // Different candidates: the first has the lesser focal loss, the second the lesser Dice.
    const array two = masks::tensor({1, 2, 4}, {-1.0, -1.0, -1.0, -1.0, 3.0, 1.5, 1.5, 1.5});
    const byte_array truth = masks::tensor<std::uint8_t>({1, 4}, {1, 0, 0, 0});
    const array said = masks::tensor({1, 2}, {0.5, 0.5});
    CHECK(value_and_grad(sam2{.dice_weight = 0.0}, sam_output{two, said}, truth).chosen[0] == 0);
    CHECK(value_and_grad(sam2{.focal_weight = 0.0}, sam_output{two, said}, truth).chosen[0] == 1);
}

TEST_CASE("sam2: components sum to the value", "[sam][sam2]") {
    sam2 loss = scored(0.75);
    loss.focal_weight = 3.0;
    loss.dice_weight = 2.0;
    loss.iou_weight = 0.25;
    for (const bool all : {false, true})
        for (const auto num_objects : {std::optional<double>{}, std::optional{2.5}}) {
            loss.supervise_all_iou = all;
            loss.num_objects = num_objects;
            const auto r = value_and_grad(loss, sam_output{x, iou, scores}, y);
            CHECK(error(r.value, 3.0 * r.focal + 2.0 * r.dice + 0.25 * r.iou + 0.75 * r.score) <= 1e-15);
            CHECK(xloss::value(loss, sam_output{x, iou, scores}, y) == r.value);
            CHECK(r.num_objects == num_objects.value_or(4.0));
        }
}

TEST_CASE("sam2: absent objects", "[sam][sam2]") {
    const auto counted = value_and_grad(sam2{}, sam_output{x, iou}, y);
    CHECK(largest_entry(array(xt::view(counted.grads.masks, 1))) > 0.0); // as any other
    CHECK(largest_entry(array(xt::view(counted.grads.iou, 1))) > 0.0);

    const auto r = value_and_grad(scored(), sam_output{x, iou, scores}, y);
    CHECK(largest_entry(array(xt::view(r.grads.masks, 1))) == 0.0);
    CHECK(largest_entry(array(xt::view(r.grads.iou, 1))) == 0.0);
    const auto without = alone(1, counted.chosen[1]);
    CHECK(error(r.focal, counted.focal - without.focal / objects) <= 1e-14);
    CHECK(error(r.dice, counted.dice - without.dice / objects) <= 1e-14);
    CHECK(error(r.iou, counted.iou - without.iou / objects) <= 1e-14);
    for (const std::size_t object : {0U, 2U, 3U})
        CHECK(same(part(r.grads.masks, object, 1), part(counted.grads.masks, object, 1)));
    // Binary cross entropy of the scores with (1, 0, 1, 1).
    const auto softplus = [](double v) { return std::log1p(std::exp(v)); };
    const auto p = [](double v) { return 1.0 / (1.0 + std::exp(-v)); };
    const double score = softplus(-0.75) + softplus(-2.0) + softplus(-3.5) + softplus(0.25);
    CHECK(error(r.score, score / objects) <= 1e-14);
    CHECK(largest_error(r.grads.scores, {(p(0.75) - 1.0) / 4.0, p(-2.0) / 4.0, (p(3.5) - 1.0) / 4.0,
                                         (p(-0.25) - 1.0) / 4.0}) <= 1e-14);
    CHECK(error(r.value, 20.0 * r.focal + r.dice + r.iou + r.score) <= 1e-15);

    sam2 loss = scored(2.0);
    loss.score_alpha = 0.25;
    loss.score_gamma = 2.0;
    const auto focal = value_and_grad(loss, sam_output{x, iou, scores}, y);
    const array present = masks::tensor({objects}, {1.0, 0.0, 1.0, 1.0});
    const auto expected = value_and_grad(xloss::focal{}, scores, present);
    CHECK(error(focal.score, expected.value) <= 1e-15);
    CHECK(largest_error(focal.grads.scores, array(2.0 * expected.grad)) <= 1e-14);

    // Nobody is there: the scores alone.
    const byte_array nobody({objects, 4, 5}, std::uint8_t{0});
    const auto empty = value_and_grad(scored(), sam_output{x, iou, scores}, nobody);
    CHECK(empty.value == empty.score);
    CHECK(same(empty.grads.masks, array(shape, 0.0)));
    CHECK(same(empty.grads.iou, array(iou_shape, 0.0)));
}

TEST_CASE("sam2: scores that nobody asks for have gradient 0, or none is added", "[sam][sam2]") {
    const auto r = value_and_grad(sam2{.score_weight = 5.0}, sam_output{x, iou, scores}, y);
    CHECK(r.score == 0.0);
    CHECK(same(r.grads.scores, array({objects}, 0.0)));
    array gm = x, gi = iou, gs = scores;
    value_and_grad_into(sam_output{gm, gi, gs}, sam2{}, sam_output{x, iou, scores}, y, {.accumulate = true});
    CHECK(same(gs, scores));
    value_and_grad_into(sam_output{gm, gi, gs}, sam2{}, sam_output{x, iou, scores}, y);
    CHECK(same(gs, array({objects}, 0.0)));
    CHECK(same(gm, r.grads.masks));
}

TEST_CASE("sam2: num_objects from outside", "[sam][sam2]") {
    const auto plain = value_and_grad(scored(), sam_output{x, iou, scores}, y);
    sam2 loss = scored();
    loss.num_objects = 6.5;
    const auto r = value_and_grad(loss, sam_output{x, iou, scores}, y);
    CHECK(error(r.value, plain.value * 4.0 / 6.5) <= 1e-15);
    CHECK(error(r.score, plain.score * 4.0 / 6.5) <= 1e-15);
    CHECK(error(r.focal, plain.focal * 4.0 / 6.5) <= 1e-15);
    CHECK(r.num_objects == 6.5);
    CHECK(largest_error(r.grads.masks, array(4.0 / 6.5 * plain.grads.masks)) <= 1e-14);
    CHECK(largest_error(r.grads.iou, array(4.0 / 6.5 * plain.grads.iou)) <= 1e-14);
    CHECK(largest_error(r.grads.scores, array(4.0 / 6.5 * plain.grads.scores)) <= 1e-14);
    // Two processes of two objects each, of which every one has the mean over both: the sum over both is the
    // whole call's.
    double sum = 0.0;
    for (const std::size_t first : {0U, 2U}) {
        const auto rows = [&](const auto& of) { return xt::view(of, xt::range(first, first + 2)); };
        const array m = rows(x), i = rows(iou), s = rows(scores);
        const byte_array t = rows(y);
        loss.num_objects = 4.0;
        const auto half = value_and_grad(loss, sam_output{m, i, s}, t);
        sum += half.value;
        CHECK(same(half.grads.masks, array(rows(plain.grads.masks))));
    }
    CHECK(error(sum, plain.value) <= 1e-15);
}

TEST_CASE("sam2: zero objects are legal", "[sam][sam2]") {
    const array none(extents{0, 3, 4, 5}), no_iou(extents{0, 3}), nobody(extents{0});
    const byte_array nothing(extents{0, 4, 5});
    for (const bool scores_too : {false, true}) {
        sam2 loss = scores_too ? scored() : sam2{};
        const auto r = value_and_grad(loss, sam_output{none, no_iou, nobody}, nothing);
        CHECK(r.value == 0.0);
        CHECK(r.focal == 0.0);
        CHECK(r.score == 0.0);
        CHECK(r.valid == 0);
        CHECK(r.num_objects == 1.0);
        CHECK(r.chosen.empty());
        CHECK(same(r.grads.masks, none));
        CHECK(same(r.grads.scores, nobody));
        loss.num_objects = 2.5;
        CHECK(loss(sam_output{none, no_iou, nobody}, nothing) == 0.0);
    }
    CHECK(sam2{}(sam_output{none, no_iou}, nothing) == 0.0);
}

TEST_CASE("sam2: of equal candidates the first", "[sam][sam2]") {
    array twins = x;
    xt::view(twins, xt::all(), 2) = xt::view(x, xt::all(), 0);
    xt::view(twins, xt::all(), 1) = xt::view(x, xt::all(), 0);
    const auto r = value_and_grad(sam2{}, sam_output{twins, iou}, y);
    CHECK(r.chosen == std::vector<std::size_t>(objects, 0));
    for (std::size_t object = 0; object < objects; ++object) {
        CHECK(largest_entry(part(r.grads.masks, object, 0)) > 0.0);
        CHECK(largest_entry(part(r.grads.masks, object, 1)) == 0.0);
        CHECK(largest_entry(part(r.grads.masks, object, 2)) == 0.0);
    }
    // The two best of three are equal.
    const auto once = value_and_grad(sam2{}, sam_output{x, iou}, y);
    array late = x;
    const std::size_t best = once.chosen[0], other = best == 2 ? 1 : 2;
    xt::view(late, 0, other) = xt::view(x, 0, best);
    CHECK(value_and_grad(sam2{}, sam_output{late, iou}, y).chosen[0] == std::min(best, other));
}

TEST_CASE("sam2: one candidate, no choice", "[sam][sam2]") {
    const array m = xt::view(x, xt::all(), xt::range(1, 2)), i = xt::view(iou, xt::all(), xt::range(1, 2));
    const auto found = value_and_grad(sam2{}, sam_output{m, i}, y);
    const auto expected = value_and_grad(xloss::sam{}, sam_output{m, i}, y);
    CHECK(error(found.value, expected.value) <= 1e-15);
    CHECK(largest_error(found.grads.masks, expected.grads.masks) <= 1e-13);
    CHECK(largest_error(found.grads.iou, expected.grads.iou) <= 1e-14);
    CHECK(found.chosen == std::vector<std::size_t>(objects, 0));
    const auto all = value_and_grad(sam2{.supervise_all_iou = true}, sam_output{m, i}, y);
    CHECK(all.value == found.value);
}

TEST_CASE("sam2: a candidate with a NaN is chosen, and nothing else is touched by it", "[sam][sam2]") {
    for (std::size_t m = 0; m < candidates; ++m) {
        array holed = x;
        holed(2, m, 1, 3) = not_a_number;
        const auto r = value_and_grad(sam2{}, sam_output{holed, iou}, y);
        const auto whole = value_and_grad(sam2{}, sam_output{x, iou}, y);
        CHECK(r.chosen[2] == m);
        CHECK(std::isnan(r.value));
        CHECK(std::isnan(r.focal));
        CHECK(std::isnan(r.grads.masks(2, m, 1, 3)));
        for (std::size_t other = 0; other < candidates; ++other)
            if (other != m)
                CHECK(largest_entry(part(r.grads.masks, 2, other)) == 0.0);
        for (const std::size_t object : {0U, 1U, 3U})
            CHECK(same(array(xt::view(r.grads.masks, object)), array(xt::view(whole.grads.masks, object))));
    }
    // A NaN that is predicted of a mask: of the chosen one, or of any if all are supervised.
    const auto chosen = value_and_grad(sam2{}, sam_output{x, iou}, y).chosen[0];
    array said = iou;
    said(0, (chosen + 1) % 3) = not_a_number;
    const auto r = value_and_grad(sam2{}, sam_output{x, said}, y);
    CHECK(!std::isnan(r.value));
    CHECK(r.grads.iou(0, (chosen + 1) % 3) == 0.0);
    CHECK(std::isnan(sam2{.supervise_all_iou = true}(sam_output{x, said}, y)));
}

TEST_CASE("sam2: central differences by masks, predicted IoU and scores", "[sam][sam2]") {
    for (const bool all : {false, true})
        for (const iou_loss how : {iou_loss::mse, iou_loss::l1, iou_loss::smooth_l1}) {
            sam2 loss = scored(0.5);
            loss.supervise_all_iou = all;
            loss.iou_loss = how;
            check_differences(loss, y);
            loss.object_scores = false;
            check_differences(loss, y);
        }
    sam2 loss = scored(2.0);
    loss.alpha = -1.0;
    loss.gamma = 1.5;
    loss.score_alpha = 0.75;
    loss.score_gamma = 0.5;
    loss.num_objects = 3.0;
    const array w = masks::scores({objects, 4, 5}) + 0.5;
    const byte_array valid = masks::target({objects, 4, 5}, false, 5);
    check_differences(loss, weighted(masked(y, valid), w));
}

TEST_CASE("sam2: what is ignored is absent", "[sam][sam2]") {
    // The last column of all masks; and all of an object, which then gives nothing, not even its score.
    array wide = x;
    byte_array valid({objects, 4, 5}, std::uint8_t{1});
    xt::view(wide, xt::all(), xt::all(), xt::all(), 4) = not_a_number;
    xt::view(valid, xt::all(), xt::all(), 4) = 0;
    const array narrow = xt::view(x, xt::all(), xt::all(), xt::all(), xt::range(0, 4));
    const byte_array less = xt::view(y, xt::all(), xt::all(), xt::range(0, 4));
    const auto r = value_and_grad(scored(), sam_output{wide, iou, scores}, masked(y, valid));
    const auto expected = value_and_grad(scored(), sam_output{narrow, iou, scores}, less);
    CHECK(r.chosen == expected.chosen);
    CHECK(error(r.focal, expected.focal) <= 1e-15);
    CHECK(error(r.dice, expected.dice) <= 1e-15);
    CHECK(error(r.iou, expected.iou) <= 1e-15);
    CHECK(r.score == expected.score);
    CHECK(r.valid == objects * candidates * 16);
    CHECK(largest_error(array(xt::view(r.grads.masks, xt::all(), xt::all(), xt::all(), xt::range(0, 4))),
                        expected.grads.masks) <= 1e-13);
    CHECK(largest_entry(array(xt::view(r.grads.masks, xt::all(), xt::all(), xt::all(), 4))) == 0.0);

    array holed = x;
    xt::view(holed, 2) = not_a_number;
    byte_array open({objects, 4, 5}, std::uint8_t{1});
    xt::view(open, 2) = 0;
    for (const bool all : {false, true}) {
        sam2 loss = scored();
        loss.supervise_all_iou = all;
        const auto found = value_and_grad(loss, sam_output{holed, iou, scores}, masked(y, open));
        const auto whole = value_and_grad(loss, sam_output{x, iou, scores}, y);
        CHECK(std::isfinite(found.value));
        CHECK(largest_entry(array(xt::view(found.grads.masks, 2))) == 0.0);
        CHECK(largest_entry(array(xt::view(found.grads.iou, 2))) == 0.0);
        CHECK(found.grads.scores(2) == 0.0);
        CHECK(found.grads.scores(1) == whole.grads.scores(1));
        CHECK(same(array(xt::view(found.grads.masks, 3)), array(xt::view(whole.grads.masks, 3))));
        CHECK(found.num_objects == objects);
    }
    const byte_array nothing({objects, 4, 5}, std::uint8_t{0});
    const array holes(shape, not_a_number);
    const auto none = value_and_grad(scored(), sam_output{holes, iou, scores}, masked(y, nothing));
    CHECK(none.value == 0.0);
    CHECK(none.valid == 0);
    CHECK(same(none.grads.masks, array(shape, 0.0)));
    CHECK(same(none.grads.scores, array({objects}, 0.0)));
}

TEST_CASE("sam2: float and double, extreme logits", "[sam][sam2]") {
    const auto single_x = masks::logits<float>(shape), single_iou = masks::scores<float>(iou_shape),
               single_scores = xt::xarray<float>(scores);
    const auto single = value_and_grad(scored(), sam_output{single_x, single_iou, single_scores}, y);
    const auto exact = value_and_grad(scored(), sam_output{x, iou, scores}, y);
    CHECK(single.chosen == exact.chosen);
    CHECK(error(static_cast<double>(single.value), exact.value) <= 2e-6);
    CHECK(largest_error(single.grads.masks, exact.grads.masks, largest_entry(exact.grads.masks)) <= 2e-6);
    CHECK(largest_error(single.grads.iou, exact.grads.iou, 1.0) <= 2e-6);
    CHECK(largest_error(single.grads.scores, exact.grads.scores, 1.0) <= 2e-6);
    const extents ends{2, 3, extremes.size()};
    auto far = array::from_shape(ends);
    for (std::size_t i = 0; i < far.size(); ++i)
        far.data()[i] = (i % 2 == 0 ? 1.0 : -1.0) * extremes[i % extremes.size()];
    const array said = masks::scores({2, 3}), there = masks::tensor({2}, {-1e30, 745.0});
    const auto r =
        value_and_grad(scored(), sam_output{far, said, there}, masks::target({2, extremes.size()}));
    CHECK(std::isfinite(r.value));
    CHECK(std::isfinite(largest_entry(r.grads.masks)));
    CHECK(std::isfinite(largest_entry(r.grads.scores)));
}
