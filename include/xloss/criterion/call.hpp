#ifndef XLOSS_CRITERION_CALL_HPP
#define XLOSS_CRITERION_CALL_HPP

#include <xloss/criterion/mode.hpp>
#include <xloss/criterion/sum.hpp>
#include <xloss/criterion/target.hpp>
#include <xloss/engine/evaluate.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/tensor/alias.hpp>
#include <xloss/tensor/like.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/sink.hpp>
#include <xloss/tensor/source.hpp>
#include <xloss/tensor/xtensor.hpp>

#include <array>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace xloss {

/// Value of one loss of a sum, before its factor, and what its mean divided by.
template <class T>
struct term_value {
    T value;           ///< of the loss by itself
    double normalizer; ///< what its mean divided by
};

/// What an evaluation gives. `N` losses; `T` is the logits' type.
template <class T, std::size_t N>
struct evaluation {
    T value;                            ///< the weighted sum of the terms
    std::array<term_value<T>, N> terms; ///< each loss of the sum by itself, unweighted
    double normalizer;                  ///< what the mean of the first term divided by; 0 if nothing counted
    std::size_t valid;                  ///< elements that counted: not ignored, weight > 0
};

/// An evaluation with the gradient by the logits, in a container of their rank and kind.
template <class T, std::size_t N, class Gradient>
struct evaluation_and_grad : evaluation<T, N> {
    Gradient grad; ///< of the shape of the logits
};

namespace engine {

/// What a loss, sum of losses or criterion says of itself.
template <class Loss>
struct given {
    static constexpr mode md = [] {
        if constexpr (is_criterion<Loss>)
            return Loss::md;
        else
            return natural_mode<Loss>();
    }();

    static mode_options options(const Loss& loss) {
        if constexpr (is_criterion<Loss>)
            return loss.options;
        else if constexpr (requires { mode_options{.reduction = loss.reduction}; })
            return {.reduction = loss.reduction}; // of a regression, which needs no mode
        else
            return {};
    }

    static decltype(auto) terms(const Loss& loss) {
        if constexpr (is_criterion<Loss>)
            return terms_of(loss.loss);
        else
            return terms_of(loss);
    }

    using terms_type = std::remove_cvref_t<decltype(terms(std::declval<const Loss&>()))>;
    static constexpr std::size_t size = std::tuple_size_v<terms_type>;
};

/// A call in words of the engine: everything checked that depends on shapes alone. `Predicts`: beside the
/// logits there is what another head of the network says of the regions.
template <class Loss, class X, bool Predicts = false>
struct request : given<Loss> {
    using T = tensor::value_type_of<X>;

    static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>,
                  "xloss: logits are float or double; convert other formats first");
    static_assert(Predicts || !sees_predictions<Loss>,
                  "xloss: this loss also looks at what a network predicts of its masks, their IoU: pass "
                  "xloss::sam_output{masks, iou} in place of the logits");
    static_assert(!Predicts || sees_predictions<Loss>,
                  "xloss: no loss of this sum looks at the predicted IoU: add iou_head, or pass the logits "
                  "alone");

    template <class Y>
    request(const Loss& asked, const X& logits, const Y& y, const call_options& how)
        : loss(asked), x(logits),
          targets(&names_of<Loss>, x.shape(), request::md, given<Loss>::options(asked).ignore_index),
          call(how) {
        if constexpr (!is_criterion<Loss>)
            require_mode<request::md, Loss>();
        if constexpr (shares_target<Loss>)
            targets.share();
        attach(targets, y);
    }

    /// Calls f(stages). `whole`: the sums of a call of which this one is a part.
    template <class F>
    auto run(F&& f, const double* whole = nullptr) {
        workspace own;
        workspace& memory = call.workspace ? *call.workspace : own;
        return with_stages<kind_of(request::md)>(given<Loss>::terms(loss), x, targets,
                                                 given<Loss>::options(loss), call, memory, whole, predicted,
                                                 f);
    }

    const Loss& loss;
    tensor::source<T> x;
    target<T> targets;
    const call_options& call;
    region_predictions<T> predicted{};
};

template <class T, std::size_t N>
evaluation<T, N> as_evaluation(const report<N>& r) {
    evaluation<T, N> e{};
    e.value = static_cast<T>(r.value);
    for (std::size_t i = 0; i < N; ++i)
        e.terms[i] = {static_cast<T>(r.terms[i].value), r.terms[i].normalizer};
    e.normalizer = r.normalizer;
    e.valid = r.valid;
    return e;
}

/// The gradient has the logits' shape and shares no memory with anything that is read.
template <class T, class Target>
void check_sink(const tensor::sink<T>& to, const tensor::source<T>& x, const Target& y,
                const call_options& call) {
    if (to.shape() != x.shape())
        tensor::raise<shape_error>(
            {y.loss(), ": gradient buffer ", to.shape(), " does not fit ", Target::inputs, " ", x.shape()});
    if (tensor::overlap(to.memory(), x.memory()))
        tensor::raise<alias_error>({y.loss(), ": the gradient buffer shares memory with the ", Target::inputs,
                                    ", which are read again after it is written"});
    if (y.overlaps(to.memory()))
        tensor::raise<alias_error>(
            {y.loss(), ": the gradient buffer shares memory with the target or its weights"});
    if (call.upstream.tensor() && tensor::overlap(to.memory(), call.upstream.tensor()->memory()))
        tensor::raise<alias_error>(
            {y.loss(), ": the gradient buffer shares memory with the upstream tensor"});
}

// What is done with the stages, as types of their own: a lambda would be another type for every kind of
// tensor, and survey, binding and stages would be compiled anew for each.

template <std::size_t N>
struct forward_run {
    template <class Stages>
    auto operator()(Stages& stages) const {
        return stages.template run<false, N>({});
    }
};

template <class T, std::size_t N>
struct gradient_run {
    sink_ref<T> out;

    template <class Stages>
    auto operator()(Stages& stages) const {
        return stages.template run<true, N>(out);
    }
};

template <class T>
struct unreduced_run {
    template <class Stages>
    auto operator()(Stages& stages) const {
        const tensor::shape shape = stages.unreduced_shape();
        auto losses = xt::xarray<T, xt::layout_type::row_major>::from_shape(std::vector<std::size_t>(
            shape.extent.begin(), shape.extent.begin() + static_cast<std::ptrdiff_t>(shape.rank)));
        const tensor::sink<T> to(losses);
        stages.write_unreduced(sink_ref<T>{&to, false});
        return losses;
    }
};

template <class Loss, class X, class Y, class G>
auto evaluate_into(G& grad, const Loss& loss, const X& x, const Y& y, const call_options& options) {
    using call_request = request<Loss, X>;
    using T = typename call_request::T;
    call_request r(loss, x, y, options);
    const tensor::sink<T> to(grad);
    check_sink(to, r.x, r.targets, options);
    const sink_ref<T> out{&to, options.accumulate};
    return as_evaluation<T>(r.run(gradient_run<T, call_request::size>{out}));
}

} // namespace engine

/// The forward pass: the value of a loss, sum of losses or criterion on logits (or probabilities) x and
/// targets y.
template <class Loss, class X, class Y>
auto value(const Loss& loss, const X& x, const Y& y, const call_options& options = {}) {
    using request = engine::request<Loss, X>;
    request r(loss, x, y, options);
    const auto report = r.run(engine::forward_run<request::size>{});
    return static_cast<typename request::T>(report.value);
}

/// The fused forward and backward pass: value, gradient by x, and what the means divided by.
template <class Loss, class X, class Y>
auto value_and_grad(const Loss& loss, const X& x, const Y& y, const call_options& options = {}) {
    using request = engine::request<Loss, X>;
    using T = typename request::T;
    call_options overwrite = options;
    overwrite.accumulate = false; // there is nothing yet to add to
    auto grad = tensor::make_like<T>(x);
    const auto e = engine::evaluate_into(grad, loss, x, y, overwrite);
    return evaluation_and_grad<T, request::size, decltype(grad)>{e, std::move(grad)};
}

/// As `value_and_grad`, into the caller's gradient: any tensor of the logits' shape that can be written. On
/// an error it is left as it was.
template <class G, class Loss, class X, class Y>
auto value_and_grad_into(G&& grad, const Loss& loss, const X& x, const Y& y,
                         const call_options& options = {}) {
    return engine::evaluate_into(grad, loss, x, y, options);
}

/// Reduction "none": the losses one by one. For pointwise terms m w l of every element, [B, ...] (in
/// multilabel and one_vs_rest [B, C, ...]), 0 where ignored; for regional terms w_c l_c of every region, [B,
/// classes kept] ([B] in binary and for losses over all classes at once; without B under `region::batch`), 0
/// where skipped. A sum of terms of both kinds has no such form, nor has a loss that is itself one. The
/// gradient of a weighted sum of them: `value_and_grad` with a tensor of this shape as `upstream`.
template <class Loss, class X, class Y>
auto unreduced(const Loss& loss, const X& x, const Y& y, const call_options& options = {}) {
    using request = engine::request<Loss, X>;
    using T = typename request::T;
    request r(loss, x, y, options);
    return r.run(engine::unreduced_run<T>{});
}

} // namespace xloss

#endif
