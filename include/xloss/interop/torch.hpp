#ifndef XLOSS_INTEROP_TORCH_HPP
#define XLOSS_INTEROP_TORCH_HPP

/// \file
/// Optional: any loss, sum of losses or criterion on tensors of libtorch, as part of torch's graph. Needs
/// libtorch 1.13 or later and is not part of xloss.hpp.
///
///     namespace interop = xloss::interop;
///     const auto loss = 20.0 * xloss::focal{} + xloss::dice{};
///     torch::Tensor value = interop::torch_loss(loss, model->forward(images), masks);
///     value.backward();

#include <xloss/criterion/call.hpp>
#include <xloss/criterion/sum.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/sink.hpp>
#include <xloss/tensor/xtensor.hpp>

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace xloss::interop {

/// What a call on torch's tensors may have beside logits and target.
struct torch_options {
    torch::Tensor weights{};               ///< as in `xloss::weighted`; undefined: all pixels count alike
    torch::Tensor valid{};                 ///< as in `xloss::masked`; undefined: all pixels count
    xloss::workspace* workspace = nullptr; ///< kept by the caller; used in the call, not in backward
    executor_ref executor{}; ///< for example `torch_threads`; `torch_unreduced` uses it in backward too
};

/// What an evaluation of N losses gives. Only `value` is part of the graph.
template <std::size_t N>
struct torch_evaluation {
    torch::Tensor value;                     ///< the weighted sum of the terms, a scalar of the logits' type
    std::array<term_value<double>, N> terms; ///< each loss of the sum by itself, unweighted
    double normalizer;                       ///< what the mean of the first term divided by
    std::size_t valid;                       ///< elements that counted: not ignored, weight > 0
};

/// Runs pieces of work on torch's own threads, as many as at::set_num_threads says. Serial where the program
/// is compiled without what torch's parallel_for needs: OpenMP, in most builds (-fopenmp).
struct torch_executor {
    /// Calls body(i) for every i below n.
    void operator()(std::size_t n, const piece_body& body) const {
        at::parallel_for(0, static_cast<std::int64_t>(n), 1, [&](std::int64_t first, std::int64_t last) {
            for (std::int64_t i = first; i < last; ++i)
                body(static_cast<std::size_t>(i));
        });
    }
};

/// `{.executor = torch_threads}`.
inline constexpr torch_executor torch_threads{};

namespace torch_detail {

// --- tensors of torch as tensors of xtensor ---

/// The memory of a torch tensor, whatever its strides.
template <class T>
using view = decltype(xt::adapt(std::declval<T*>(), std::size_t{}, xt::no_ownership(),
                                std::declval<std::vector<std::size_t>>(),
                                std::declval<std::vector<std::ptrdiff_t>>()));

template <class T>
view<T> view_of(const torch::Tensor& t) {
    return xt::adapt(t.data_ptr<T>(), static_cast<std::size_t>(t.numel()), xt::no_ownership(),
                     std::vector<std::size_t>(t.sizes().begin(), t.sizes().end()),
                     std::vector<std::ptrdiff_t>(t.strides().begin(), t.strides().end()));
}

/// A target, or what rides on it, of any type that torch stores numbers in.
using any_view = std::variant<view<bool>, view<std::uint8_t>, view<std::int8_t>, view<std::int16_t>,
                              view<std::int32_t>, view<std::int64_t>, view<float>, view<double>>;

/// What every tensor of a call has to be.
inline void check_tensor(const torch::Tensor& t, engine::loss_name loss, const char* what) {
    if (!t.defined())
        tensor::raise<parameter_error>({loss(), ": ", what, ": the tensor is undefined"});
    if (!t.device().is_cpu())
        tensor::raise<parameter_error>({loss(), ": ", what, ": the tensor is on ", t.device().str(),
                                        ", and xloss computes on the CPU; move it there with .cpu()"});
    if (t.layout() != torch::kStrided)
        tensor::raise<parameter_error>(
            {loss(), ": ", what, ": the tensor is sparse or in a layout of its own; use .to_dense()"});
}

/// A target, weights or validity, which get no gradient.
inline any_view any_view_of(const torch::Tensor& t, engine::loss_name loss, const char* what) {
    switch (t.scalar_type()) {
    case torch::kBool:
        return view_of<bool>(t);
    case torch::kUInt8:
        return view_of<std::uint8_t>(t);
    case torch::kInt8:
        return view_of<std::int8_t>(t);
    case torch::kInt16:
        return view_of<std::int16_t>(t);
    case torch::kInt32:
        return view_of<std::int32_t>(t);
    case torch::kInt64:
        return view_of<std::int64_t>(t);
    case torch::kFloat32:
        return view_of<float>(t);
    case torch::kFloat64:
        return view_of<double>(t);
    default:
        tensor::raise<parameter_error>({loss(), ": ", what, ": of type ", c10::toString(t.scalar_type()),
                                        "; bool, integers, float and double are read, convert others with "
                                        ".to(torch::kFloat)"});
    }
}

/// Checks a tensor that gets no gradient. Torch may keep the negative of a tensor as a note only; here it
/// becomes numbers.
inline torch::Tensor constant(const torch::Tensor& t, engine::loss_name loss, const char* what) {
    check_tensor(t, loss, what);
    if (torch::GradMode::is_enabled() && t.requires_grad())
        tensor::raise<parameter_error>(
            {loss(), ": ", what,
             ": the tensor requires a gradient, and xloss has one by the logits alone; use "
             ".detach()"});
    return t.resolve_neg();
}

/// The tensors of a call, which the views refer to.
struct tensors {
    torch::Tensor logits, target, weights, valid; // the last two may be undefined

    tensors(const torch::Tensor& x, const torch::Tensor& y, const torch_options& options,
            engine::loss_name loss)
        : tensors({x, y, options.weights, options.valid}) {
        check_tensor(logits, loss, "logits");
        logits = logits.resolve_neg();
        target = constant(target, loss, "target");
        if (weights.defined())
            weights = constant(weights, loss, "weights");
        if (valid.defined())
            valid = constant(valid, loss, "valid pixels");
    }

    explicit tensors(const std::vector<torch::Tensor>& all)
        : logits(all[0]), target(all[1]), weights(all[2]), valid(all[3]) {}

    [[nodiscard]] std::vector<torch::Tensor> all() const { return {logits, target, weights, valid}; }

    /// Whether torch is to hear of the gradient.
    [[nodiscard]] bool want_gradient() const {
        return torch::GradMode::is_enabled() && logits.requires_grad();
    }
};

/// A target of any type with what rides on it: one type, so that the engine is not compiled for each.
struct any_target {
    any_view target;
    std::optional<any_view> weights{}, valid{};

    any_target(const tensors& in, engine::loss_name loss) : target(any_view_of(in.target, loss, "target")) {
        if (in.weights.defined())
            weights = any_view_of(in.weights, loss, "weights");
        if (in.valid.defined())
            valid = any_view_of(in.valid, loss, "valid pixels");
    }
};

/// Found by the engine through its argument.
template <class T>
void attach(engine::target<T>& to, const any_target& y) {
    std::visit([&](const auto& v) { to.set(v); }, y.target);
    if (y.weights)
        std::visit([&](const auto& v) { to.add_weights(v); }, *y.weights);
    if (y.valid)
        std::visit([&](const auto& v) { to.add_validity(v); }, *y.valid);
}

/// Calls f with the type of the logits.
template <class F>
auto with_type(const torch::Tensor& logits, engine::loss_name loss, F&& f) {
    switch (logits.scalar_type()) {
    case torch::kFloat32:
        return f(std::type_identity<float>{});
    case torch::kFloat64:
        return f(std::type_identity<double>{});
    default:
        tensor::raise<parameter_error>(
            {loss(), ": logits: of type ", c10::toString(logits.scalar_type()),
             "; float and double are computed in, convert others with .to(torch::kFloat)"});
    }
}

// --- the graph of torch ---

/// How the gradient by the logits follows from the tensors that were kept and the gradient that arrives.
using pull_back =
    std::function<torch::Tensor(const std::vector<torch::Tensor>& kept, const torch::Tensor& upstream)>;

/// What the backward pass needs beside tensors; torch keeps it with the node.
struct backward_plan : torch::CustomClassHolder {
    engine::loss_name loss;
    pull_back run;
    torch::autograd::Edge logits; // where their gradient goes: keeps the graph, not the data

    backward_plan(engine::loss_name name, pull_back f, const torch::Tensor& x)
        : loss(name), run(std::move(f)), logits(torch::autograd::impl::gradient_edge(x)) {}
};

/// Stands behind a gradient that was asked for with create_graph. Without it torch would take the gradient
/// for a constant, and second derivatives would be wrong without a word.
class no_second_derivative final : public torch::autograd::Node {
public:
    no_second_derivative(engine::loss_name loss, torch::autograd::edge_list&& next)
        : Node(std::move(next)), loss_(loss) {}

    torch::autograd::variable_list apply(torch::autograd::variable_list&&) override {
        tensor::raise<error>({loss_(), ": there is no second derivative; the gradient can be taken once"});
    }

private:
    engine::loss_name loss_;
};

/// A value, and what is kept for its gradient.
struct outcome {
    torch::Tensor value;
    std::vector<torch::Tensor> kept;
    c10::intrusive_ptr<backward_plan> plan;
};

/// The one node for all losses: when torch's graph sees it, the loss has been computed.
struct fused : torch::autograd::Function<fused> {
    static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor&,
                                 const outcome& result) {
        context->save_for_backward(result.kept);
        context->saved_data["plan"] = c10::IValue::make_capsule(result.plan);
        return result.value;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& upstream) {
        const auto plan =
            c10::static_intrusive_pointer_cast<backward_plan>(context->saved_data["plan"].toCapsule());
        const auto kept = context->get_saved_variables();
        torch::Tensor gradient;
        {
            const torch::NoGradGuard constants;
            gradient = plan->run(kept, upstream.front());
        }
        if (torch::GradMode::is_enabled())
            gradient = once_only(gradient, *plan);
        return {gradient, torch::Tensor()};
    }

private:
    static torch::Tensor once_only(const torch::Tensor& gradient, const backward_plan& plan) {
        torch::Tensor marked = gradient.detach(); // a tensor of its own: the kept one stays without history
        torch::autograd::set_history(marked, std::make_shared<no_second_derivative>(
                                                 plan.loss, torch::autograd::edge_list{plan.logits}));
        return marked;
    }
};

/// The gradient of a scalar is known since the forward pass. With the usual upstream of 1 it goes on as it
/// is: torch writes into no gradient that something else still holds.
inline torch::Tensor scaled(const std::vector<torch::Tensor>& kept, const torch::Tensor& upstream) {
    const torch::Tensor& gradient = kept.front();
    return upstream.item<double>() == 1.0 ? gradient : gradient * upstream;
}

// --- calls ---

template <class Loss, class T>
using request_of = engine::request<Loss, view<T>>;

template <class Loss>
inline constexpr std::size_t size_of = request_of<Loss, float>::size;

/// Value alone.
template <class T, class Loss>
auto forward(const Loss& loss, const tensors& in, const any_target& y, const call_options& call) {
    using request = request_of<Loss, T>;
    const auto x = view_of<T>(in.logits);
    request r(loss, x, y, call);
    return engine::as_evaluation<T>(r.run(engine::forward_run<request::size>{}));
}

/// Value and gradient; the gradient is stored in the order of the logits (channels last, for example).
template <class T, class Loss>
auto forward_backward(torch::Tensor& gradient, const Loss& loss, const tensors& in, const any_target& y,
                      const call_options& call) {
    gradient = torch::empty_like(in.logits);
    return value_and_grad_into(view_of<T>(gradient), loss, view_of<T>(in.logits), y, call);
}

template <class T, class Loss>
torch_evaluation<size_of<Loss>> evaluate(const Loss& loss, const tensors& in, const torch_options& options) {
    constexpr engine::loss_name name = &engine::names_of<Loss>;
    const any_target y(in, name);
    call_options call;
    call.workspace = options.workspace;
    call.executor = options.executor;

    torch::Tensor gradient;
    const auto e =
        in.want_gradient() ? forward_backward<T>(gradient, loss, in, y, call) : forward<T>(loss, in, y, call);
    torch_evaluation<size_of<Loss>> result{};
    result.value = torch::full({}, static_cast<double>(e.value), in.logits.options());
    for (std::size_t i = 0; i < e.terms.size(); ++i)
        result.terms[i] = {static_cast<double>(e.terms[i].value), e.terms[i].normalizer};
    result.normalizer = e.normalizer;
    result.valid = e.valid;
    if (gradient.defined())
        result.value = fused::apply(
            in.logits,
            outcome{result.value, {gradient}, c10::make_intrusive<backward_plan>(name, &scaled, in.logits)});
    return result;
}

/// Unreduced losses, written into a tensor of torch.
template <class T>
struct unreduced_run {
    torch::TensorOptions options;

    template <class Stages>
    torch::Tensor operator()(Stages& stages) const {
        const tensor::shape shape = stages.unreduced_shape();
        const torch::Tensor losses = torch::empty(
            std::vector<std::int64_t>(shape.extent.begin(),
                                      shape.extent.begin() + static_cast<std::ptrdiff_t>(shape.rank)),
            options);
        auto memory = view_of<T>(losses);
        const tensor::sink<T> to(memory);
        stages.write_unreduced(engine::sink_ref<T>{&to, false});
        return losses;
    }
};

template <class T, class Loss>
torch::Tensor unreduced(const Loss& loss, const tensors& in, const torch_options& options) {
    constexpr engine::loss_name name = &engine::names_of<Loss>;
    const any_target y(in, name);
    const auto x = view_of<T>(in.logits);
    call_options call;
    call.workspace = options.workspace;
    call.executor = options.executor;
    const torch::Tensor losses =
        request_of<Loss, T>(loss, x, y, call).run(unreduced_run<T>{in.logits.options()});
    if (!in.want_gradient())
        return losses;

    const auto gradient_of = [loss, executor = options.executor](const std::vector<torch::Tensor>& kept,
                                                                 const torch::Tensor& upstream) {
        const tensors again(kept);
        const auto u = view_of<T>(upstream);
        call_options from_above;
        from_above.upstream = u;
        from_above.executor = executor;
        torch::Tensor gradient;
        forward_backward<T>(gradient, loss, again, any_target(again, name), from_above);
        return gradient;
    };
    return fused::apply(in.logits, outcome{losses, in.all(),
                                           c10::make_intrusive<backward_plan>(name, gradient_of, in.logits)});
}

} // namespace torch_detail

/// A loss, sum of losses or criterion on tensors of torch, with all it reports. As `torch_loss`.
template <class Loss>
auto torch_evaluate(const Loss& loss, const torch::Tensor& logits, const torch::Tensor& target,
                    const torch_options& options = {}) {
    constexpr engine::loss_name name = &engine::names_of<Loss>;
    const torch_detail::tensors in(logits, target, options, name);
    return torch_detail::with_type(in.logits, name, [&]<class T>(std::type_identity<T>) {
        return torch_detail::evaluate<T>(loss, in, options);
    });
}

/// A loss, sum of losses or criterion on tensors of torch: a scalar of the logits' type, part of the graph.
///
/// Logits are float or double on the CPU; targets and weights are bool, of any integer type, float or double.
/// All are read where they are, at any strides. Where the logits require a gradient (and no
/// torch::NoGradGuard is there) value and gradient are computed in one, now, and the backward pass multiplies
/// by what arrives from above; else the value alone. Between the two lives one tensor of the logits' size,
/// the gradient. Logits and target may be changed in between.
/// @throws error (and its kin) for whatever xloss refuses; parameter_error for tensors on other devices, of
/// half precision, sparse ones, and targets that require a gradient; from the backward pass for second
/// derivatives.
template <class Loss>
torch::Tensor torch_loss(const Loss& loss, const torch::Tensor& logits, const torch::Tensor& target,
                         const torch_options& options = {}) {
    return torch_evaluate(loss, logits, target, options).value;
}

/// `xloss::unreduced` on tensors of torch: the loss of every pixel or region, part of the graph, for losses
/// of one kind. The backward pass computes the gradient, for the tensor that arrives; until then logits,
/// target and weights are kept and, as in torch's own functions, may not be changed. The executor has to live
/// as long.
template <class Loss>
torch::Tensor torch_unreduced(const Loss& loss, const torch::Tensor& logits, const torch::Tensor& target,
                              const torch_options& options = {}) {
    constexpr engine::loss_name name = &engine::names_of<Loss>;
    const torch_detail::tensors in(logits, target, options, name);
    return torch_detail::with_type(in.logits, name, [&]<class T>(std::type_identity<T>) {
        return torch_detail::unreduced<T>(loss, in, options);
    });
}

} // namespace xloss::interop

#endif
