// losses/lovasz.hpp.

#include "losses/differences.hpp"

#include <xloss/losses/lovasz.hpp>

using namespace cases;
using namespace differences;
using xloss::activation;
using xloss::empty_region;
using xloss::lovasz_hinge;
using xloss::lovasz_sigmoid;
using xloss::lovasz_softmax;
using xloss::region;

namespace {

using line = xt::xtensor<double, 2>;
using mask_line = xt::xtensor<std::uint8_t, 2>;

/// 1 - IoU of two hard masks, counted.
double jaccard_loss(const line& prediction, const mask_line& y) {
    double both = 0.0, either = 0.0;
    for (std::size_t i = 0; i < y.size(); ++i) {
        const bool a = prediction.data()[i] > 0.0, b = y.data()[i] != 0;
        both += a && b ? 1.0 : 0.0;
        either += a || b ? 1.0 : 0.0;
    }
    return 1.0 - both / either;
}

} // namespace

TEST_CASE("lovasz_hinge of a single pixel") {
    const auto with = [](double x, std::uint8_t y) {
        return value_and_grad(lovasz_hinge{}, line{{x}}, mask_line{{y}});
    };
    // e = 1 - x (2 y - 1), and the one step of J is 1.
    CHECK(with(0.25, 1).value == 0.75);
    CHECK(with(0.25, 1).grad(0, 0) == -1.0);
    CHECK(with(0.25, 0).value == 1.25);
    CHECK(with(0.25, 0).grad(0, 0) == 1.0);
    // Far on the right side: no error. At an error of 0: no gradient.
    CHECK(with(3.0, 1).value == 0.0);
    CHECK(with(3.0, 1).grad(0, 0) == 0.0);
    CHECK(with(1.0, 1).value == 0.0);
    CHECK(with(1.0, 1).grad(0, 0) == 0.0);
}

TEST_CASE("lovasz_hinge of a line by hand") {
    // e = -1, 2, 3/2, -1 and G = 2. In falling order: the second, true: J = 1 - 1/2; the third, false: J = 1
    // - 1/3, a step of 1/6. 2/2 + (3/2)/6.
    const line x{{2.0, -1.0, 0.5, -2.0}};
    const mask_line y{{1, 1, 0, 0}};
    const auto r = value_and_grad(lovasz_hinge{}, x, y);
    CHECK(error(r.value, 1.25) <= 1e-15);
    CHECK(largest_error(r.grad, {0.0, -1.0 / 2.0, 1.0 / 6.0, 0.0}) <= 1e-15);
    CHECK(r.normalizer == 1.0);
    CHECK(r.valid == 4);
    CHECK(lovasz_hinge{}(x, y) == r.value);
}

TEST_CASE("lovasz_hinge: fresh logits are one group, which shares its gradient") {
    // All errors are 1, and all pixels together take J from 0 to 1, whatever their order: 1/5 each.
    const line x{{0.0, 0.0, 0.0, 0.0, 0.0}};
    const auto r = value_and_grad(lovasz_hinge{}, x, mask_line{{1, 0, 0, 1, 0}});
    CHECK(r.value == 1.0);
    CHECK(largest_error(r.grad, {-0.2, 0.2, 0.2, -0.2, 0.2}) <= 1e-15);
}

TEST_CASE("lovasz_hinge: a group of equal errors after others, of both labels") {
    // e = 3, then 2, 2: J = 1/2 after the first (true, G = 2); the group holds one true, one false: J = 1 -
    // 0/3, a step of 1/2, a quarter for each.
    const auto r = value_and_grad(lovasz_hinge{}, line{{-2.0, -1.0, 1.0}}, mask_line{{1, 1, 0}});
    CHECK(error(r.value, 3.0 / 2.0 + 2.0 / 2.0) <= 1e-15);
    CHECK(largest_error(r.grad, {-0.5, -0.25, 0.25}) <= 1e-15);
}

TEST_CASE("lovasz_hinge of hard predictions is the Jaccard loss times the hinge") {
    const line signs{{1.0, 1.0, -1.0, -1.0, 1.0, -1.0, 1.0}};
    const mask_line y{{1, 0, 1, 0, 1, 0, 0}};
    const double jaccard = jaccard_loss(signs, y); // 1 - 2/5
    CHECK(jaccard == 0.6);
    // Of margin 1: e is 0 or 2.
    CHECK(error(lovasz_hinge{}(signs, y), 2.0 * jaccard) <= 1e-15);
    // Right ones beyond the margin, wrong ones on the decision border: e is 1 there.
    line border = signs;
    for (std::size_t i = 0; i < y.size(); ++i)
        border.data()[i] = (signs.data()[i] > 0.0) == (y.data()[i] != 0) ? 5.0 * signs.data()[i] : 0.0;
    CHECK(error(lovasz_hinge{}(border, y), jaccard) <= 1e-15);
    // Of hard probabilities the errors are 0 and 1.
    const line p = 0.5 + 0.5 * signs;
    CHECK(error(binary(lovasz_sigmoid{}, {.activation = activation::none})(p, y), jaccard) <= 1e-15);
}

TEST_CASE("lovasz_hinge of an empty region: the largest error, 0, or nothing") {
    const line x{{0.5, -3.0, 1.5}};
    const mask_line y{{0, 0, 0}};
    const auto formula = value_and_grad(lovasz_hinge{}, x, y);
    CHECK(formula.value == 2.5); // 1 + 3/2
    CHECK(largest_error(formula.grad, {0.0, 0.0, 1.0}) == 0.0);
    const auto two = value_and_grad(lovasz_hinge{}, line{{1.5, -3.0, 1.5}}, y);
    CHECK(two.value == 2.5);
    CHECK(largest_error(two.grad, {0.5, 0.0, 0.5}) == 0.0); // they share it
    const auto zero = value_and_grad(lovasz_hinge{.empty = empty_region::zero}, x, y);
    CHECK(zero.value == 0.0);
    CHECK(zero.normalizer == 1.0);
    CHECK(largest_entry(zero.grad) == 0.0);
    const auto skip = value_and_grad(lovasz_hinge{.empty = empty_region::skip}, x, y);
    CHECK(skip.value == 0.0);
    CHECK(skip.normalizer == 0.0);
    CHECK(skip.valid == 3);
    CHECK(largest_entry(skip.grad) == 0.0);
}

TEST_CASE("lovasz_hinge of a full region") {
    // e = 1 and 2, G = 2: J = 1/2 after the second, 1 after the first.
    const auto r = value_and_grad(lovasz_hinge{}, line{{0.0, -1.0}}, mask_line{{1, 1}});
    CHECK(r.value == 1.5);
    CHECK(largest_error(r.grad, {-0.5, -0.5}) == 0.0);
}

TEST_CASE("lovasz losses: regions that are all ignored are 0 and count, unless skipped") {
    const line x{{2.0, -1.0, 0.5, -2.0}, {1.0, 1.0, 1.0, 1.0}};
    const mask_line y{{1, 1, 0, 0}, {255, 255, 255, 255}};
    const auto counted = value_and_grad(binary(lovasz_hinge{}, {.ignore_index = 255}), x, y);
    CHECK(error(counted.value, 1.25 / 2.0) <= 1e-15);
    CHECK(counted.normalizer == 2.0);
    CHECK(counted.valid == 4);
    for (std::size_t i = 0; i < 4; ++i)
        CHECK(counted.grad(1, i) == 0.0);
    const auto skipped =
        value_and_grad(binary(lovasz_hinge{.empty = empty_region::skip}, {.ignore_index = 255}), x, y);
    CHECK(error(skipped.value, 1.25) <= 1e-15);
    CHECK(skipped.normalizer == 1.0);
    const mask_line nothing{{255, 255, 255, 255}, {255, 255, 255, 255}};
    const auto none = value_and_grad(binary(lovasz_hinge{}, {.ignore_index = 255}), x, nothing);
    CHECK(none.value == 0.0);
    CHECK(none.valid == 0);
    CHECK(largest_entry(none.grad) == 0.0);
}

TEST_CASE("lovasz_hinge: what is ranked together") {
    // Alone: 1 (one group of a true and a false pixel) and e = 2, then 0: G = 2, J = 1/2: 2/2.
    const line x{{0.0, 0.0}, {-1.0, 1.0}};
    const mask_line y{{1, 0}, {1, 1}};
    CHECK(lovasz_hinge{}(x, y) == 1.0);
    // Together: G = 3; e = 2, true: J = 1/3; then a true and a false of e = 1: J = 1 - 1/4, a step of 5/12.
    const auto batch = value_and_grad(lovasz_hinge{.over = region::batch}, x, y);
    CHECK(error(batch.value, 2.0 / 3.0 + 5.0 / 12.0) <= 1e-15);
    CHECK(largest_error(batch.grad, {-5.0 / 24.0, 5.0 / 24.0, -1.0 / 3.0, 0.0}) <= 1e-15);
    CHECK(batch.normalizer == 1.0);
}

TEST_CASE("lovasz losses: a pixel of weight 2 is two pixels") {
    const line x{{0.3, -1.2, 0.9, -0.4, 1.3}};
    const mask_line y{{1, 0, 0, 1, 1}};
    const line w{{2.0, 1.0, 3.0, 1.0, 0.0}};
    const line x_copies{{0.3, 0.3, -1.2, 0.9, 0.9, 0.9, -0.4}};
    const mask_line y_copies{{1, 1, 0, 0, 0, 0, 1}};
    const auto check = [&](const auto& loss) {
        const auto by_weight = value_and_grad(loss, x, xloss::weighted(y, w));
        const auto by_copies = value_and_grad(loss, x_copies, y_copies);
        CHECK(error(by_weight.value, by_copies.value) <= 1e-15);
        const auto& g = by_copies.grad;
        CHECK(largest_error(by_weight.grad,
                            {2.0 * g(0, 0), g(0, 2), g(0, 3) + g(0, 4) + g(0, 5), g(0, 6), 0.0}) <= 1e-14);
        CHECK(by_weight.valid == 4);
    };
    check(lovasz_hinge{});
    check(lovasz_sigmoid{});
}

TEST_CASE("lovasz_sigmoid by hand") {
    // p = 1/4, 1/2, 3/4 and y = 0, 1, 0: e = 1/4, 1/2, 3/4, G = 1. Falling: the third, false: J = 1 - 1/2;
    // the second, true: J = 1 - 0/2; the first: nothing more. 3/8 + 1/4.
    const double ln3 = std::log(3.0);
    const line x{{-ln3, 0.0, ln3}};
    const mask_line y{{0, 1, 0}};
    const auto r = value_and_grad(lovasz_sigmoid{}, x, y);
    CHECK(error(r.value, 5.0 / 8.0) <= 1e-15);
    // J' = 1/2 of both, times p (1 - p).
    CHECK(largest_error(r.grad, {0.0, -1.0 / 8.0, 3.0 / 32.0}) <= 1e-15);
    const auto p = value_and_grad(binary(lovasz_sigmoid{}, {.activation = activation::none}),
                                  line{{0.25, 0.5, 0.75}}, y);
    CHECK(p.value == 5.0 / 8.0);
    CHECK(largest_error(p.grad, {0.0, -0.5, 0.5}) == 0.0);
    // Without a true pixel the region does not count; by the formula it is its largest error.
    CHECK(lovasz_sigmoid{}(x, mask_line{{0, 0, 0}}) == 0.0);
    CHECK(error(lovasz_sigmoid{.empty = empty_region::smooth}(x, mask_line{{0, 0, 0}}), 0.75) <= 1e-15);
}

TEST_CASE("lovasz_sigmoid of soft targets") {
    // At p = y there is no error, and no gradient.
    const line p{{0.25, 0.75}};
    const auto same = value_and_grad(binary(lovasz_sigmoid{}, {.activation = activation::none}), p, p);
    CHECK(same.value == 0.0);
    CHECK(largest_entry(same.grad) == 0.0);
    // y = 1/2, 1/2, e = 1/2, 1/4, G = 1. I = 1/2, U = 3/2 after the first: J = 2/3; 0 and 2 after both: a
    // step of 1/3.
    const auto r = value_and_grad(binary(lovasz_sigmoid{}, {.activation = activation::none}),
                                  line{{1.0, 0.25}}, line{{0.5, 0.5}});
    CHECK(error(r.value, 1.0 / 3.0 + 1.0 / 12.0) <= 1e-15);
    CHECK(largest_error(r.grad, {2.0 / 3.0, -1.0 / 3.0}) <= 1e-15);
}

TEST_CASE("lovasz_softmax of fresh logits: classes that no pixel has do not count") {
    const xt::xtensor<double, 3> x = xt::zeros<double>({1, 2, 2});
    const xt::xtensor<int, 2> y{{0, 1}};
    // Errors of 1/2, one group in each class, with J' = 1/2 each: L = 1/2. By p: -1/4 for the own class of a
    // pixel, 1/4 for the other; times p = 1/2, their mean being 0.
    const auto r = value_and_grad(lovasz_softmax{}, x, y);
    CHECK(r.value == 0.5);
    CHECK(largest_error(r.grad, {-0.125, 0.125, 0.125, -0.125}) <= 1e-15);
    CHECK(r.normalizer == 1.0);
    CHECK(r.valid == 2);

    // A third class, p = 1/3: 2/3 where they are, in groups of errors 2/3, 1/3: J is 1 after the first.
    const xt::xtensor<double, 3> three = xt::zeros<double>({1, 3, 2});
    CHECK(error(lovasz_softmax{}(three, y), 2.0 / 3.0) <= 1e-15);
    // All: the third class has its largest error, 1/3.
    CHECK(error(lovasz_softmax{.empty = empty_region::smooth}(three, y), (4.0 / 3.0 + 1.0 / 3.0) / 3.0) <=
          1e-15);
    CHECK(error(lovasz_softmax{.empty = empty_region::zero}(three, y), 4.0 / 9.0) <= 1e-15);
    // Of a class that no pixel has alone nothing is left.
    const auto none = value_and_grad(lovasz_softmax{.classes = {2}}, three, y);
    CHECK(none.value == 0.0);
    CHECK(none.normalizer == 0.0);
    CHECK(largest_entry(none.grad) == 0.0);
}

TEST_CASE("lovasz_softmax: classes one at a time, and their weighted mean") {
    const auto x = logits(2, 3, 11);
    const auto y = labels(3, 2, 11);
    const auto one = [&](std::size_t c) { return lovasz_softmax{.classes = {c}}(x, y); };
    CHECK(error(lovasz_softmax{}(x, y), (one(0) + one(1) + one(2)) / 3.0) <= 1e-15);
    CHECK(error(lovasz_softmax{.include_background = false}(x, y), (one(1) + one(2)) / 2.0) <= 1e-15);
    CHECK(error(lovasz_softmax{.include_background = false, .class_weights = {100.0, 2.0, 6.0}}(x, y),
                (2.0 * one(1) + 6.0 * one(2)) / 8.0) <= 1e-15);
    CHECK(error(multiclass(lovasz_softmax{.class_weights = {1.0, 2.0, 6.0}},
                           {.reduction = xloss::reduction::sum})(x, y),
                one(0) + 2.0 * one(1) + 6.0 * one(2)) <= 1e-15);
    // Class 0 is out of the loss; its logit is not, through the softmax.
    CHECK(value_and_grad(lovasz_softmax{.include_background = false}, x, y).grad(0, 0, 0) != 0.0);
    // Two classes are the sigmoid of their difference, in each of both.
    const auto difference = logits(2, 11);
    const auto two = labels(2, 2, 11);
    auto pair = xt::xtensor<double, 3>::from_shape({2, 2, 11});
    for (std::size_t b = 0; b < 2; ++b)
        for (std::size_t i = 0; i < 11; ++i) {
            pair(b, 0, i) = 0.25;
            pair(b, 1, i) = 0.25 + difference(b, i);
        }
    CHECK(error(lovasz_softmax{.include_background = false}(pair, two), lovasz_sigmoid{}(difference, two)) <=
          1e-14);
}

TEST_CASE("lovasz losses: unreduced are the losses of the regions") {
    const auto x = logits(2, 3, 11);
    const auto y = labels(3, 2, 11);
    const auto each =
        xloss::unreduced(lovasz_softmax{.over = region::sample, .class_weights = {1.0, 2.0, 3.0}}, x, y);
    CHECK(each.shape()[0] == 2);
    CHECK(each.shape()[1] == 3);
    xt::xtensor<int, 2> second = xt::ones<int>({2, 11});
    for (std::size_t i = 0; i < 11; ++i)
        second(0, i) = 0;
    CHECK(error(each(1, 2), 3.0 * lovasz_softmax{.classes = {2}}(x, xloss::masked(y, second))) <= 1e-15);
    CHECK(xloss::unreduced(lovasz_softmax{.classes = {2, 0}}, x, y).size() == 2); // of the batch
}

TEST_CASE("lovasz losses: gradient against central differences") {
    for (const auto& shape : shapes) {
        INFO("spatial axes: " << shape.size() - 2);
        const data d(shape);
        const bool plane = shape.size() == 4;
        CHECK(gradient_check(binary(lovasz_hinge{}, ignoring), d.x, xloss::weighted(d.hard, d.w), closely));
        CHECK(gradient_check(multiclass(lovasz_softmax{}, ignoring), d.x,
                             xloss::weighted(d.labels, d.plane_w), closely));
        if (!plane)
            continue;
        each_choice_of_regions(lovasz_hinge{}, [&](const auto& loss) { check_classes(loss, d); });
        each_choice_of_regions(lovasz_sigmoid{}, [&](const auto& loss) { check_classes(loss, d); });
        each_choice_of_regions(lovasz_softmax{}, [&](const auto& loss) { check_multiclass(loss, d); });
        check_binary(lovasz_sigmoid{.over = region::sample}, d);
        check_upstream(multilabel(lovasz_hinge{.class_weights = {1.0, 2.0, 0.5}}, ignoring), d.x, d.hard);
        check_upstream(one_vs_rest(lovasz_sigmoid{.over = region::sample}, ignoring), d.x, d.labels);
        check_upstream(multiclass(lovasz_softmax{.empty = empty_region::smooth}, ignoring), d.x, d.labels);
    }
}

TEST_CASE("lovasz losses: float against double") {
    check_single(lovasz_hinge{}, {3, 7, 5}, mask(3, 7, 5));
    check_single(lovasz_sigmoid{}, {3, 7, 5}, mask(3, 7, 5));
    check_single(lovasz_softmax{}, {3, 4, 7}, labels(4, 3, 7));
}

TEMPLATE_TEST_CASE("lovasz losses: extreme logits are finite, for every target", "", float, double) {
    using soft_line = xt::xtensor<TestType, 2>;
    for (const double size : extremes) {
        INFO("logits of size " << size);
        const auto big = static_cast<TestType>(size);
        for (const auto& x : {soft_line{{big, big}}, soft_line{{-big, -big}}, soft_line{{big, -big}}})
            for (const auto& y : {soft_line{{0, 0}}, soft_line{{1, 1}}, soft_line{{1, 0}},
                                  soft_line{{TestType(0.3), TestType(0.7)}}}) {
                CHECK(is_finite(value_and_grad(lovasz_hinge{}, x, y)));
                CHECK(is_finite(value_and_grad(lovasz_sigmoid{.empty = empty_region::smooth}, x, y)));
            }
    }
}

TEST_CASE("lovasz losses: NaN stays in its own region") {
    const line x{{not_a_number, 0.0}, {0.0, 1.0}};
    const mask_line y{{1, 0}, {1, 0}};
    const auto r = value_and_grad(lovasz_hinge{}, x, y);
    CHECK(std::isnan(r.value));
    CHECK(std::isnan(r.grad(0, 0)));
    CHECK(std::isnan(r.grad(0, 1))); // its place depends on it
    CHECK(std::isfinite(r.grad(1, 0)));
    CHECK(std::isfinite(r.grad(1, 1)));
}

TEST_CASE("lovasz losses: what is out of range is named") {
    const auto x = logits(2, 3, 4);
    const auto y = labels(3, 2, 4);
    using wrong = xloss::parameter_error;
    CHECK(throws<wrong>(
        [&] {
            lovasz_softmax{.classes = {0, 3}}(x, y);
        },
        {"xloss::lovasz_softmax", "classes", "class 3 of 3"}));
    CHECK(throws<wrong>(
        [&] {
            lovasz_softmax{.classes = {1, 1}}(x, y);
        },
        {"xloss::lovasz_softmax", "class 1 twice"}));
    CHECK(throws<wrong>(
        [&] {
            lovasz_softmax{.class_weights = {1.0, -2.0, 1.0}}(x, y);
        },
        {"xloss::lovasz_softmax", "class_weights of class 1", "-2"}));
    CHECK(throws<wrong>([&] { one_vs_rest(lovasz_hinge{.class_weights = 0.0})(x, y); },
                        {"xloss::lovasz_hinge", "class_weights are all zero"}));
    CHECK(throws<wrong>([&] { one_vs_rest(lovasz_hinge{}, {.activation = activation::none})(x, y); },
                        {"xloss::lovasz_hinge", "logits", "lovasz_sigmoid"}));
    CHECK(throws<xloss::shape_error>([&] { lovasz_hinge{}(x, y); },
                                     {"xloss::lovasz_hinge", "[2, 4]", "[2, 3, 4]"}));
}

TEST_CASE("lovasz losses: members in the order that all losses have") {
    const lovasz_hinge loss{.over = region::batch,
                            .empty = empty_region::skip,
                            .classes = {1},
                            .include_background = false,
                            .class_weights = 2.0};
    CHECK(std::isfinite(multilabel(loss)(four_regions, some_empty)));
}
