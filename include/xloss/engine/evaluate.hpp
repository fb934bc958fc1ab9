#ifndef XLOSS_ENGINE_EVALUATE_HPP
#define XLOSS_ENGINE_EVALUATE_HPP

#include <xloss/config.hpp>
#include <xloss/engine/apart.hpp>
#include <xloss/engine/bind.hpp>
#include <xloss/engine/check.hpp>
#include <xloss/engine/distance_maps.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/regional.hpp>
#include <xloss/engine/stages.hpp>
#include <xloss/engine/survey.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/tensor/source.hpp>

#include <cmath>
#include <cstddef>
#include <tuple>
#include <type_traits>

namespace xloss::engine {

/// What must hold of any loss of a sum, also of one that checks nothing itself.
template <class Loss>
void check_loss(const weighted_loss<Loss>& one, std::size_t classes) {
    using plain = std::remove_cvref_t<Loss>;
    check_number(name_of<plain>(), "factor in a sum", one.weight, -HUGE_VAL);
    if constexpr (selects<plain>) {
        std::apply([&](const auto&... inner) { (check_loss(inner, classes), ...); }, terms_of(one.loss.loss));
    } else if constexpr (requires { per_class(one.loss.class_weights); }) {
        const per_class& weights = one.loss.class_weights;
        check_class_weights(name_of<plain>(), weights, classes);
    }
}

/// What is wrong with inputs is thrown here, whatever the loss.
template <class T>
XLOSS_NOINLINE survey check_and_survey(const tensor::source<T>& x, const target<T>& y,
                                       const mode_options& options, const call_options& call,
                                       workspace& memory, const double* whole, bool targets) {
    const bool probabilities = options.activation == activation::none;
    check_activation(y, options.activation);
    if (options.check_finite)
        check_finite(x, y, call.executor, probabilities);
    if (options.check_targets && probabilities)
        check_probabilities(x, y, call.executor);
    const survey own = surveyor<T>(y, options, call.executor, memory).run(targets);
    return whole ? read_survey(whole, y.geometry().classes, y.md(), options.reduction) : own;
}

/// Surveys, binds, and calls f(stages) for the terms that the losses are bound to. Everything that can be
/// wrong with inputs and parameters is thrown before f, or by `stages` before they write. `whole`: the sums
/// of a call of which this one is a part; its survey takes the place of this call's own. `predicted`: what
/// another head says of the regions.
template <kind Kind, class T, class... Losses, class F>
auto with_stages(const std::tuple<weighted_loss<Losses>...>& losses, const tensor::source<T>& x, target<T>& y,
                 const mode_options& options, const call_options& call, workspace& memory,
                 const double* whole, const region_predictions<T>& predicted, F&& f) {
    const bool probabilities = options.activation == activation::none;
    const std::size_t classes = y.geometry().classes;
    std::apply([&](const auto&... one) { (check_loss(one, classes), ...); }, losses);
    const auto placed = place(losses);
    const survey s = check_and_survey(x, y, options, call, memory, whole, want_class_targets(placed, y.md()));
    find_distances(losses, y, call.executor, memory);
    const sweep_inputs<T> in{x, y, probabilities, call.executor, memory, predicted};
    if constexpr ((runs_apart<std::remove_cvref_t<Losses>> || ...)) {
        split_stages<Kind, T, std::remove_cvref_t<Losses>...> ready(placed, in, s, options, call);
        return f(ready);
    } else {
        return with_program<Kind>(placed, s, [&]<class Program>(const Program& all) {
            // An upstream of regions multiplies their losses, not the pixels.
            if (!Program::has_regions && call.upstream.tensor())
                y.set_upstream(&*call.upstream.tensor());
            stages<Kind, T, Program> ready(all, in, s, options, call);
            return f(ready);
        });
    }
}

} // namespace xloss::engine

#endif
