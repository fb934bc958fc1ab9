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

/// Surveys, binds, and calls f(stages) for the terms that the losses are bound to. Everything that can be
/// wrong with inputs and parameters is thrown before f.
template <mode Mode, class T, class... Losses, class F>
auto with_stages(const std::tuple<weighted_loss<Losses>...>& losses, const tensor::source<T>& x, target<T>& y,
                 const mode_options& options, const call_options& call, workspace& memory, F&& f) {
    const bool probabilities = options.activation == activation::none;
    std::apply([&](const auto&... one) { (check_loss(one, y.geometry().classes), ...); }, losses);
    check_activation(y, options.activation);
    if (options.check_finite)
        check_finite(x, y, call.executor);
    if (options.check_targets && probabilities)
        check_probabilities(x, y, call.executor);
    const bool targets =
        std::apply([&](const auto&... one) { return (wants_class_targets(one.loss, Mode) || ...); }, losses);
    const survey s = surveyor<T>(y, options, call.executor, memory).run(targets);
    const sweep_inputs<T> in{x, y, probabilities, call.executor, memory};
    constexpr bool general = (variants_of<Losses>() * ...) > most_variants;
    return bind_all<general>(losses, s, [&]<class... Terms>(const part<Terms>&... parts) {
        using program_type = program<kind_of(Mode), Terms...>;
        const program_type all{{parts...}};
        // An upstream of regions multiplies their losses, not the pixels.
        if (!program_type::has_regions && call.upstream.tensor())
            y.set_upstream(&*call.upstream.tensor());
        stages<Mode, T, Terms...> ready(all, in, s, options, call);
        return f(ready);
    });
}

} // namespace xloss::engine

#endif
