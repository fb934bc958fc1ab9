// Selected losses in sums and calls: composition, upstream, accumulation, kinds of tensors, executors,
// memory, errors, and a selection of one's own.

#include "engine/orders.hpp"
#include "support/catch.hpp"
#include "support/counting.hpp"
#include "support/executors.hpp"
#include "support/expressions.hpp"

#include <xloss/testing/gradient_check.hpp>
#include <xloss/xloss.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

namespace {

using xloss::bce, xloss::cross_entropy, xloss::dice, xloss::focal, xloss::ohem, xloss::top_k;
using masks = xt::xtensor<double, 4>;

constexpr std::array<std::size_t, 4> shape{2, 3, 7, 5};

/// A selection of one's own: every element whose loss is above the mean of the losses.
template <class Loss>
struct above_mean {
    Loss loss;

    template <class T>
    void keep(const xloss::candidates<T>& all) const {
        double sum = 0.0;
        for (const T key : all.keys())
            sum += std::isinf(key) ? 0.0 : static_cast<double>(key);
        all.keep_above(static_cast<T>(sum / static_cast<double>(all.valid())));
    }
};

const auto mixed = dice{} + 2.0 * top_k(bce{}, 0.2);

struct mask_data {
    masks x = made_up::logits<double>(shape);
    xt::xtensor<std::uint8_t, 4> y = made_up::labels<std::uint8_t>(shape);
    masks w = made_up::weights<double>(shape);
};

template <class Error, class F>
std::string message_of(F&& f) {
    try {
        f();
    } catch (const Error& e) {
        return e.what();
    }
    return "nothing was thrown";
}

} // namespace

TEST_CASE("a selected loss adds to what is fused", "[criterion][selection]") {
    const mask_data d;
    const auto target = xloss::weighted(d.y, d.w);
    masks grad = xt::zeros<double>(shape);
    const auto first = xloss::value_and_grad_into(grad, dice{}, d.x, target);
    const auto second = xloss::value_and_grad_into(grad, top_k(bce{}, 0.2), d.x, target,
                                                   {.upstream = 2.0, .accumulate = true});
    const auto check = [&](const auto& found, std::size_t a, std::size_t b) {
        CHECK(found.terms[a].value == first.value);
        CHECK(found.terms[b].value == second.value);
        CHECK(found.terms[a].normalizer == first.normalizer);
        CHECK(found.terms[b].normalizer == second.normalizer);
        CHECK(std::abs(found.value - (first.value + 2.0 * second.value)) <= 1e-15);
        CHECK(found.normalizer == found.terms[0].normalizer);
        CHECK(found.valid == first.valid);
        CHECK(made_up::same_elements(found.grad, grad));
    };
    check(xloss::value_and_grad(mixed, d.x, target), 0, 1);
    // The terms keep the order that the sum is written in.
    check(xloss::value_and_grad(2.0 * top_k(bce{}, 0.2) + dice{}, d.x, target), 1, 0);
    CHECK(xloss::value(mixed, d.x, target) == xloss::value_and_grad(mixed, d.x, target).value);
}

TEST_CASE("several selected losses do not see each other", "[criterion][selection]") {
    const mask_data d;
    const auto loss = ohem(bce{}, {.threshold = 0.3, .min_kept = 5}) + 0.5 * top_k(bce{}, 0.2);
    masks grad = xt::zeros<double>(shape);
    const auto first =
        xloss::value_and_grad_into(grad, ohem(bce{}, {.threshold = 0.3, .min_kept = 5}), d.x, d.y);
    const auto second =
        xloss::value_and_grad_into(grad, top_k(bce{}, 0.2), d.x, d.y, {.upstream = 0.5, .accumulate = true});
    const auto found = xloss::value_and_grad(loss, d.x, d.y);
    CHECK(found.value == first.value + 0.5 * second.value);
    CHECK(made_up::same_elements(found.grad, grad));
}

TEST_CASE("the factor of a selected loss chooses nothing", "[criterion][selection]") {
    const mask_data d;
    const auto alone = xloss::value_and_grad(top_k(bce{}, 0.2), d.x, d.y);
    for (const double factor : {-1.0, 0.0, 1e-320}) { // turns the order round, makes all equal, nearly so
        const auto found = xloss::value_and_grad(factor * top_k(bce{}, 0.2), d.x, d.y);
        CHECK(found.terms[0].value == alone.value);
        CHECK(found.normalizer == alone.normalizer);
        CHECK(found.value == factor * alone.value);
    }
    const auto negative = xloss::value_and_grad(-1.0 * top_k(bce{}, 0.2), d.x, d.y);
    CHECK(made_up::same_elements(
        negative.grad, xloss::value_and_grad(top_k(bce{}, 0.2), d.x, d.y, {.upstream = -1.0}).grad));
}

TEST_CASE("upstream and accumulation of selected losses", "[criterion][selection]") {
    const mask_data d;
    const auto target = xloss::weighted(d.y, d.w);
    const auto once = xloss::value_and_grad(mixed, d.x, target);

    masks grad = xt::ones<double>(shape);
    xloss::value_and_grad_into(grad, mixed, d.x, target, {.upstream = 0.5, .accumulate = true});
    CHECK(xt::allclose(grad, 1.0 + 0.5 * once.grad, 1e-14, 1e-15));
    for (std::size_t i = 0; i < grad.size(); ++i)
        if (d.w.storage()[i] == 0.0)
            CHECK(grad.storage()[i] == 1.0);

    // Unreduced: the losses of the kept elements; a tensor from above does not change what is kept.
    const auto each = xloss::unreduced(top_k(bce{}, 0.2), d.x, target);
    const auto all = xloss::unreduced(bce{}, d.x, target);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (each.storage()[i] != 0.0) {
            CHECK(each.storage()[i] == all.storage()[i]);
            ++kept;
        }
    const auto selected = xloss::value_and_grad(top_k(bce{}, 0.2), d.x, target);
    CHECK(kept == static_cast<std::size_t>(0.2 * static_cast<double>(selected.valid)));
    masks u = made_up::weights<double>(shape) - 0.7;
    const auto found = xloss::value_and_grad(bce{} + top_k(bce{}, 0.2), d.x, target, {.upstream = u});
    double sum = 0.0;
    for (std::size_t i = 0; i < u.size(); ++i)
        sum += u.storage()[i] * (all.storage()[i] + each.storage()[i]);
    CHECK(std::abs(found.value - sum) <= 1e-13 * std::abs(sum));
    CHECK(xloss::testing::gradient_check(bce{} + top_k(bce{}, 0.2), d.x, target, {.step = 1e-4},
                                         {.upstream = u}));
    const auto together = xloss::unreduced(bce{} + top_k(bce{}, 0.2), d.x, target);
    CHECK(xt::allclose(together, all + each, 1e-14, 0.0));
}

TEST_CASE("the gradient of a selected loss is that of its value", "[criterion][selection]") {
    const mask_data d;
    const auto target = xloss::weighted(d.y, d.w);
    CHECK(xloss::testing::gradient_check(mixed, d.x, target, {.step = 1e-4}));
    const auto labels = made_up::labels<int>(std::array<std::size_t, 3>{2, 7, 5}, 3);
    CHECK(
        xloss::testing::gradient_check(xloss::multiclass(dice{} + ohem(cross_entropy{.label_smoothing = 0.1},
                                                                       {.threshold = 0.2, .min_kept = 9})),
                                       d.x, labels, {.step = 1e-4}));
}

TEST_CASE("how tensors are stored does not change what is selected", "[criterion][selection]") {
    const mask_data d;
    const auto expected = xloss::value_and_grad(mixed, d.x, d.y);
    const auto check = [&](const auto& x, const auto& y) {
        xt::xtensor<double, 4, xt::layout_type::column_major> grad(shape);
        const auto found = xloss::value_and_grad_into(grad, mixed, x, y);
        CHECK(made_up::same_evaluation(found, expected));
        CHECK(made_up::same_elements(grad, expected.grad));
    };
    const xt::xtensor<double, 4, xt::layout_type::column_major> column = d.x;
    check(column, d.y);
    check(d.x * 1.0, xt::cast<double>(d.y));
    check(xt::view(d.x, xt::all()), xt::equal(d.y, 1));
}

TEST_CASE("no executor changes what is selected", "[criterion][selection]") {
    const orders::label_data d;
    orders::check("label map",
                  xloss::multiclass(dice{} + top_k(cross_entropy{}, 0.1) +
                                        ohem(cross_entropy{}, {.threshold = 0.2, .min_kept = 1000}),
                                    {.ignore_index = 3}),
                  d.x, d.y);
}

TEST_CASE("a workspace keeps the keys", "[criterion][selection]") {
    const mask_data d;
    xloss::workspace memory;
    masks grad = xt::zeros<double>(shape);
    const auto call = [&] {
        const counting::since start;
        xloss::value_and_grad_into(grad, mixed, d.x, d.y, {.workspace = &memory});
        return start.allocations();
    };
    CHECK(call() > 0);
    CHECK(memory.bytes() >= d.x.size() * sizeof(double));
    CHECK(call() == 0);
}

TEST_CASE("nothing to select from", "[criterion][selection]") {
    const mask_data d;
    const auto none = xloss::masked(d.y, xt::zeros<bool>(shape));
    for (const auto& loss : {0.0 * dice{} + top_k(bce{}, 0.5)}) {
        const auto found = xloss::value_and_grad(loss, d.x, none);
        CHECK(found.value == 0.0);
        CHECK(found.terms[1].normalizer == 0.0);
        CHECK(found.valid == 0);
        CHECK(std::all_of(found.grad.begin(), found.grad.end(), [](double g) { return g == 0.0; }));
    }
    const masks empty = xt::zeros<double>({0, 3, 7, 5});
    const auto found = xloss::value_and_grad(ohem(bce{}, {.threshold = 0.3, .min_kept = 5}), empty, empty);
    CHECK(found.value == 0.0);
    CHECK(found.valid == 0);
    // As in mmsegmentation: of equal certainties above the threshold none is less than another.
    const masks certain = xt::ones<double>(shape) * 5.0;
    const auto kept = xloss::value_and_grad(ohem(bce{}, {.threshold = 0.3, .min_kept = 5}), certain,
                                            xt::eval(xt::ones<int>(shape)));
    CHECK(kept.value == 0.0);
    CHECK(kept.normalizer == 0.0);
    CHECK(kept.valid == certain.size());
}

TEST_CASE("a NaN is selected first and comes through", "[criterion][selection]") {
    mask_data d;
    d.x(1, 2, 3, 4) = std::numeric_limits<double>::quiet_NaN();
    const auto check = [&](const auto& loss) {
        const auto found = xloss::value_and_grad(loss, d.x, d.y);
        CHECK(std::isnan(found.value));
        CHECK(std::isnan(found.grad(1, 2, 3, 4)));
        CHECK(std::count_if(found.grad.begin(), found.grad.end(), [](double g) { return std::isnan(g); }) ==
              1);
    };
    check(top_k(bce{}, 0.2));
    check(ohem(bce{}, {.threshold = 0.3, .min_kept = 5}));
}

TEST_CASE("errors of selected losses leave the gradient as it was", "[criterion][selection]") {
    const mask_data d;
    const auto check = [&](const std::string& expected, const auto& loss, const auto& y,
                           const xloss::call_options& options = {}) {
        masks grad = xt::ones<double>(shape);
        INFO(expected);
        CHECK(message_of<xloss::error>([&] { xloss::value_and_grad_into(grad, loss, d.x, y, options); }) ==
              expected);
        CHECK(std::all_of(grad.begin(), grad.end(), [](double g) { return g == 1.0; }));
    };
    const std::string range = ", which is not a finite number in [0.000000, 1.000000]";
    check("xloss::top_k: fraction is 1.500000" + range, dice{} + 2.0 * top_k(bce{}, 1.5), d.y);
    check("xloss::top_k: fraction is -0.100000" + range, dice{} + 2.0 * top_k(bce{}, -0.1), d.y);
    check("xloss::top_k: fraction is 0, and keeps nothing", dice{} + 2.0 * top_k(bce{}, 0.0), d.y);
    check("xloss::ohem: threshold is 1.200000" + range, ohem(bce{}, {.threshold = 1.2}), d.y);
    check("xloss::bce: label_smoothing is 2.000000" + range,
          dice{} + 2.0 * top_k(bce{.label_smoothing = 2.0}, 0.2), d.y);
    check("xloss::dice + xloss::top_k(xloss::bce): target [2, 3, 7] does not fit logits [2, 3, 7, 5]", mixed,
          xt::eval(xt::zeros<int>({2, 3, 7})));
    check("xloss::dice + xloss::top_k(xloss::bce): an upstream tensor needs terms of one kind, pointwise or "
          "regional",
          mixed, d.y, {.upstream = d.w});
    check("xloss::top_k(xloss::bce): upstream [2, 3, 7] does not fit unreduced losses [2, 3, 7, 5]",
          top_k(bce{}, 0.2), d.y, {.upstream = xt::xtensor<double, 3>(xt::zeros<double>({2, 3, 7}))});
}

TEST_CASE("a selection of one's own", "[criterion][selection]") {
    const mask_data d;
    const auto target = xloss::weighted(d.y, d.w);
    const auto all = xloss::unreduced(bce{}, d.x, target);
    const auto inside = xloss::value_and_grad(bce{}, d.x, target);
    const double mean = xt::sum(all)() / static_cast<double>(inside.valid);
    const masks kept = xt::cast<double>(all > mean);
    const auto expected = xloss::value_and_grad(bce{}, d.x, xloss::masked(target, kept));
    const auto found = xloss::value_and_grad(dice{} + above_mean<bce>{}, d.x, target);
    CHECK(found.terms[1].value == expected.value);
    CHECK(found.terms[1].normalizer == expected.normalizer);
    CHECK(expected.normalizer > 0.0);
}
