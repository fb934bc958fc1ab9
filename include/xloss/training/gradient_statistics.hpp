#ifndef XLOSS_TRAINING_GRADIENT_STATISTICS_HPP
#define XLOSS_TRAINING_GRADIENT_STATISTICS_HPP

#include <xloss/criterion/call.hpp>
#include <xloss/engine/gradient_rows.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/tensor/sink.hpp>

#include <array>
#include <cstddef>

namespace xloss {

/// An evaluation with a summary of what each loss of a sum gives to the gradient, its factor included.
template <class T, std::size_t N>
struct evaluation_and_statistics : evaluation<T, N> {
    std::array<gradient_summary, N> gradients; ///< in the order of `terms`
};

namespace engine {

template <class T, std::size_t N>
struct rows_run {
    sink_ref<T> out;
    std::array<gradient_rows, N>& rows;

    template <class Stages>
    report<N> operator()(Stages& stages) const {
        constexpr bool has_rows = requires {
            stages.template run_with_rows<N>(out, rows);
        };
        static_assert(has_rows, "xloss: gradient_statistics is of losses by logits; box losses have none");
        if constexpr (has_rows)
            return stages.template run_with_rows<N>(out, rows);
        else
            return {};
    }
};

template <class Loss, class X>
auto evaluate_rows(request<Loss, X>& r, const tensor::sink<typename request<Loss, X>::T>* to) {
    using T = typename request<Loss, X>::T;
    constexpr std::size_t n = request<Loss, X>::size;
    std::array<gradient_rows, n> rows;
    const auto report = r.run(rows_run<T, n>{sink_ref<T>{to, r.call.accumulate}, rows});
    evaluation_and_statistics<T, n> result{as_evaluation<T>(report), {}};
    for (std::size_t i = 0; i < n; ++i)
        result.gradients[i] = rows[i].summary();
    return result;
}

} // namespace engine

/// How large the gradients by the logits are that the losses of a sum give: mean, standard deviation, largest
/// magnitude and norm for each of them, with its factor and the upstream one.
///
///     const auto r = xloss::gradient_statistics(20.0 * xloss::focal{} + xloss::dice{}, x, y);
///     // r.value, r.terms as in every evaluation; r.gradients[0].norm against r.gradients[1].norm
///
/// **In.** Any loss, sum or criterion, x and y as for `value_and_grad`. No gradient is stored.
///
/// **Cost.** Beside the sweep for the sums one pass over logits and targets, in which the gradient of every
/// loss is made by itself, tile by tile in the cache. Losses that run apart (selected, ranked, of neighbours)
/// run by themselves. 32 bytes are kept for every row of up to 1024 elements, whose sums are added up in
/// their order: the numbers do not depend on the executor.
///
/// **Empty.** Ignored pixels have slope 0 and count in the mean. Without elements all is 0.
///
/// @throws what `value_and_grad` throws.
template <class Loss, class X, class Y>
auto gradient_statistics(const Loss& loss, const X& x, const Y& y, const call_options& options = {}) {
    engine::request<Loss, X> r(loss, x, y, options);
    return engine::evaluate_rows(r, nullptr);
}

/// The same, with the gradient of the sum written in the same pass. On an error it is left as it was.
template <class G, class Loss, class X, class Y>
auto gradient_statistics_into(G&& grad, const Loss& loss, const X& x, const Y& y,
                              const call_options& options = {}) {
    engine::request<Loss, X> r(loss, x, y, options);
    const tensor::sink<typename engine::request<Loss, X>::T> to(grad);
    engine::check_sink(to, r.x, r.targets, options);
    return engine::evaluate_rows(r, &to);
}

} // namespace xloss

#endif
