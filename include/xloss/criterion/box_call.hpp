#ifndef XLOSS_CRITERION_BOX_CALL_HPP
#define XLOSS_CRITERION_BOX_CALL_HPP

#include <xloss/criterion/call.hpp>
#include <xloss/criterion/sum.hpp>
#include <xloss/criterion/target.hpp>
#include <xloss/engine/bind.hpp>
#include <xloss/engine/box_target.hpp>
#include <xloss/engine/boxwise.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/survey.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/tensor/source.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <tuple>
#include <type_traits>

/// \file
/// `value`, `value_and_grad`, `value_and_grad_into` and `unreduced` of box losses.

namespace xloss::engine {

/// Whether this is a box loss, or a sum that holds one.
template <class Loss>
constexpr bool runs_on_boxes() {
    if constexpr (is_loss_type<Loss>())
        return modes_of_sum<Loss>() == modes::boxes;
    else
        return false;
}

/// The reduction of a loss that stands in no mode: its own.
template <class Loss>
reduction own_reduction(const Loss& loss) {
    if constexpr (requires { loss.reduction; })
        return loss.reduction;
    else
        return reduction::mean;
}

/// A call whose inputs are boxes.
template <class Loss, class X>
requires(runs_on_boxes<Loss>()) struct request<Loss, X> : given<Loss> {
    using T = tensor::value_type_of<X>;

    static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>,
                  "xloss: boxes are float or double; convert other formats first");

    template <class Y>
    request(const Loss& asked, const X& boxes, const Y& y, const call_options& how)
        : loss(asked), x(boxes), targets(&names_of<Loss>, x.shape()), call(how) {
        attach(targets, y);
    }

    /// Calls f(stages).
    template <class F>
    auto run(F&& f) {
        const auto& terms = given<Loss>::terms(loss);
        std::apply([](const auto&... one) { (check_factor(one), ...); }, terms);
        const auto reductions =
            std::apply([](const auto&... one) { return std::array{own_reduction(one.loss)...}; }, terms);
        workspace own;
        workspace& memory = call.workspace ? *call.workspace : own;
        const survey s = targets.count(call.executor);
        if (call.upstream.tensor())
            targets.set_upstream(&*call.upstream.tensor());
        return bind_all<false>(place(terms), s, [&]<class... Terms>(const part<Terms>&... parts) {
            const box_program<Terms...> all{{parts...}};
            box_stages<T, box_program<Terms...>> ready(all, x, targets, s, {reductions[parts.entry]...}, call,
                                                       memory);
            return f(ready);
        });
    }

    const Loss& loss;
    tensor::source<T> x;
    box_target<T> targets;
    const call_options& call;

private:
    template <class Inner>
    static void check_factor(const weighted_loss<Inner>& one) {
        check_number(name_of<std::remove_cvref_t<Inner>>(), "factor in a sum", one.weight, -HUGE_VAL);
    }
};

} // namespace xloss::engine

#endif
