#ifndef XLOSS_TESTS_SAM_CONTRACT_HPP
#define XLOSS_TESTS_SAM_CONTRACT_HPP

// What every recipe on masks and predicted IoU keeps to, whatever it computes. `of(masks, iou, target,
// options)` is its value_and_grad; `into(grad_masks, grad_iou, masks, iou, target, options)` writes into
// given buffers.

#include "sam/masks.hpp"

#include <xloss/engine/options.hpp>
#include <xloss/engine/workspace.hpp>

namespace masks {

/// Value, components and gradients have the same bits.
template <class A, class B>
void check_same(const A& found, const B& expected) {
    CHECK(made_up::same_bits(found.value, expected.value));
    CHECK(made_up::same_bits(found.focal, expected.focal));
    CHECK(made_up::same_bits(found.dice, expected.dice));
    CHECK(made_up::same_bits(found.iou, expected.iou));
    CHECK(found.valid == expected.valid);
    CHECK(made_up::same_elements(found.grads.masks, expected.grads.masks));
    CHECK(made_up::same_elements(found.grads.iou, expected.grads.iou));
}

/// How target and numbers are stored changes no bit.
template <class Of>
void check_storage(const Of& of, const array& x, const array& iou, const byte_array& y) {
    const auto expected = of(x, iou, y, xloss::call_options{});
    check_same(of(x, iou, xt::xarray<bool>(xt::cast<bool>(y)), xloss::call_options{}), expected);
    check_same(of(x, iou, xt::xarray<int>(y), xloss::call_options{}), expected);
    check_same(of(x, iou, xt::xarray<float>(y), xloss::call_options{}), expected);
    check_same(of(x, iou, array(y), xloss::call_options{}), expected);
    check_same(of(x, iou, 1.0 * y, xloss::call_options{}), expected);
    // Every second of more pixels, in the order of columns, and a lazy expression.
    extents wide(x.shape().begin(), x.shape().end());
    wide.back() *= 2;
    array spread(wide, cases::not_a_number);
    auto strided = xt::strided_view(spread, {xt::ellipsis(), xt::range(0, wide.back(), 2)});
    strided = x;
    check_same(of(strided, iou, y, xloss::call_options{}), expected);
    const xt::xarray<double, xt::layout_type::column_major> columns = x, iou_columns = iou;
    check_same(of(columns, iou_columns, y, xloss::call_options{}), expected);
    check_same(of(-(-x), 1.0 * iou, y, xloss::call_options{}), expected);
}

/// Who runs the pieces changes no bit, nor does a workspace that was used before.
template <class Of>
void check_executors(const Of& of, const array& x, const array& iou, const byte_array& y) {
    const auto expected = of(x, iou, y, xloss::call_options{});
    xloss::workspace memory;
    for (const std::size_t n : {1U, 2U, 3U, 7U}) {
        INFO(n << " threads");
        of_threads executor{n};
        check_same(of(x, iou, y, xloss::call_options{.workspace = &memory, .executor = executor}), expected);
        CHECK(executor.pieces > 8);
    }
}

/// The gradient is multiplied by the upstream gradient, and added to what is there where asked for.
template <class Of, class Into>
void check_upstream(const Of& of, const Into& into, const array& x, const array& iou, const byte_array& y) {
    const auto plain = of(x, iou, y, xloss::call_options{});
    const auto scaled = of(x, iou, y, xloss::call_options{.upstream = -2.5});
    CHECK(scaled.value == plain.value);
    CHECK(cases::largest_error(scaled.grads.masks, array(-2.5 * plain.grads.masks)) <= 1e-14);
    CHECK(cases::largest_error(scaled.grads.iou, array(-2.5 * plain.grads.iou)) <= 1e-14);

    array gm = logits({x.shape().begin(), x.shape().end()}, 3),
          gi = scores({iou.shape().begin(), iou.shape().end()}, 5);
    const array before_masks = gm, before_iou = gi;
    const auto r = into(gm, gi, x, iou, y, xloss::call_options{.upstream = -2.5, .accumulate = true});
    CHECK(r.value == plain.value);
    CHECK(cases::largest_error(gm, array(before_masks + scaled.grads.masks)) <= 1e-14);
    CHECK(cases::largest_error(gi, array(before_iou + scaled.grads.iou)) <= 1e-14);
    for (std::size_t i = 0; i < x.size(); ++i)
        if (plain.grads.masks.data()[i] == 0.0)
            CHECK(made_up::same_bits(gm.data()[i], before_masks.data()[i]));
    into(gm, gi, x, iou, y, xloss::call_options{});
    CHECK(same(gm, plain.grads.masks));
    CHECK(same(gi, plain.grads.iou));
    // There is nothing yet to add to.
    CHECK(same(of(x, iou, y, xloss::call_options{.accumulate = true}).grads.masks, plain.grads.masks));
}

/// `call(grad_masks, grad_iou)` throws an Error with all the parts and leaves both alone.
template <class Error, class Call>
void refuses(const Call& call, const extents& shape, const extents& iou_shape,
             std::initializer_list<const char*> parts) {
    array gm = untouched(shape), gi = untouched(iou_shape);
    INFO("expected: " << *parts.begin());
    CHECK(cases::throws<Error>([&] { call(gm, gi); }, parts));
    CHECK(is_untouched(gm));
    CHECK(is_untouched(gi));
}

} // namespace masks

#endif
