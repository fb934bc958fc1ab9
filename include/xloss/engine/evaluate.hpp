#ifndef XLOSS_ENGINE_EVALUATE_HPP
#define XLOSS_ENGINE_EVALUATE_HPP

#include <xloss/engine/bind.hpp>
#include <xloss/engine/check.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/stages.hpp>
#include <xloss/engine/survey.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/tensor/source.hpp>

#include <tuple>

namespace xloss::engine {

/// Whether the class sums of the target are asked for by a loss of the sum.
template <class Loss>
bool wants_class_targets(const Loss& loss, mode md) {
    if constexpr (requires { Loss::surveys_targets; })
        return true;
    else if constexpr (requires { per_class(loss.class_weights); })
        return md == mode::multiclass && loss.class_weights.is_list();
    else
        return false;
}

/// What must hold of any loss of a sum, also of one that checks nothing itself.
template <class Loss>
void check_loss(const weighted_loss<Loss>& one, std::size_t classes) {
    using plain = std::remove_cvref_t<Loss>;
    check_number(name_of<plain>(), "factor in a sum", one.weight, -HUGE_VAL);
    if constexpr (requires { per_class(one.loss.class_weights); }) {
        const per_class& weights = one.loss.class_weights;
        check_class_weights(name_of<plain>(), weights, classes);
    }
}

/// Binds, and calls f(program) for the terms that the losses are bound to.
template <mode Mode, class... Losses, class F>
auto with_program(const std::tuple<weighted_loss<Losses>...>& losses, const survey& s, F&& f) {
    constexpr bool general = (variants_of<Losses>() * ...) > most_variants;
    return bind_all<general>(losses, s, [&]<class... Terms>(const part<Terms>&... parts) {
        return f(program<kind_of(Mode), Terms...>{{parts...}});
    });
}

/// Surveys, binds, and calls f(stages) for the terms that the losses are bound to. Everything that can be
/// wrong with inputs and parameters is thrown before f. `whole`: the sums of a call of which this one is a
/// part; its survey takes the place of this call's own.
template <mode Mode, class T, class... Losses, class F>
auto with_stages(const std::tuple<weighted_loss<Losses>...>& losses, const tensor::source<T>& x, target<T>& y,
                 const mode_options& options, const call_options& call, workspace& memory,
                 const double* whole, F&& f) {
    const bool probabilities = options.activation == activation::none;
    const std::size_t classes = y.geometry().classes;
    std::apply([&](const auto&... one) { (check_loss(one, classes), ...); }, losses);
    check_activation(y, options.activation);
    if (options.check_finite)
        check_finite(x, y, call.executor, probabilities);
    if (options.check_targets && probabilities)
        check_probabilities(x, y, call.executor);
    const bool targets =
        std::apply([&](const auto&... one) { return (wants_class_targets(one.loss, Mode) || ...); }, losses);
    survey s = surveyor<T>(y, options, call.executor, memory).run(targets);
    if (whole)
        s = read_survey(whole, classes, Mode, options.reduction);
    const sweep_inputs<T> in{x, y, probabilities, call.executor, memory};
    return with_program<Mode>(losses, s, [&]<class Program>(const Program& all) {
        // An upstream of regions multiplies their losses, not the pixels.
        if (!Program::has_regions && call.upstream.tensor())
            y.set_upstream(&*call.upstream.tensor());
        stages<Mode, T, Program> ready(all, in, s, options, call);
        return f(ready);
    });
}

} // namespace xloss::engine

#endif
