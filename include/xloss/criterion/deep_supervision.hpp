#ifndef XLOSS_CRITERION_DEEP_SUPERVISION_HPP
#define XLOSS_CRITERION_DEEP_SUPERVISION_HPP

#include <xloss/criterion/call.hpp>
#include <xloss/criterion/components.hpp>
#include <xloss/criterion/head_list.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/zeros.hpp>
#include <xloss/tensor/alias.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/like.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/sink.hpp>
#include <xloss/tensor/source.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace xloss {

/// The loss of a network with several heads, made by `deep_supervision`.
template <class Losses>
struct supervised_heads {
    Losses losses;               ///< one for all heads, or a tuple, vector or array with one for each
    std::vector<double> weights; ///< one for each head; a head of weight 0 is skipped

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

/// What an evaluation of several heads gives. `Heads`: a std::array of `evaluation`, a std::tuple where their
/// types differ, a std::vector where their number is known at run time.
template <class T, class Heads>
struct heads_evaluation {
    T value;     ///< the sum of weight times value over the heads
    Heads heads; ///< each head by itself, before its weight; all 0 for a skipped one
};

/// An evaluation with the gradients by the logits of every head.
template <class T, class Heads, class Gradients>
struct heads_evaluation_and_grads : heads_evaluation<T, Heads> {
    Gradients grads; ///< a std::tuple, or a std::vector where the number of heads is known at run time
};

namespace engine {

/// Several heads in words of the engine. `Fixed`: their number, if the compiler knows it, or 0.
template <std::size_t Fixed, class Losses, class X, class Y>
class heads_call {
    static_assert(is_list<X>,
                  "xloss: the logits of deep_supervision are a list with one tensor for each head: "
                  "std::tie(x0, x1), or a std::vector, std::array or std::span of tensors");

    template <class List>
    static constexpr bool fits = fixed_length<List> == 0 || fixed_length<List> == Fixed;
    static_assert(fits<Losses> && fits<X> && fits<Y>,
                  "xloss: the losses, logits and targets of deep_supervision are as many as its heads");

    template <class Index>
    using request_at = request<type_at_head<Losses, Index>, type_at_head<X, Index>>;
    template <class Index>
    using number_at = typename request_at<Index>::T;
    template <class Index>
    using evaluation_at = evaluation<number_at<Index>, request_at<Index>::size>;

    template <std::size_t I>
    using constant = std::integral_constant<std::size_t, I>;
    using every_head = std::make_index_sequence<Fixed>;

    // Types by example: a number of the whole, and what the heads give.

    static auto a_number(std::index_sequence<>) { return number_at<std::size_t>{}; }

    template <std::size_t... I>
    requires(sizeof...(I) > 0) static auto a_number(std::index_sequence<I...>) {
        return std::common_type_t<number_at<constant<I>>...>{};
    }

    static auto no_results(std::index_sequence<>) { return std::vector<evaluation_at<std::size_t>>{}; }

    template <std::size_t... I>
    requires(sizeof...(I) > 0) static auto no_results(std::index_sequence<I...>) {
        using first = evaluation_at<constant<0>>;
        if constexpr ((std::is_same_v<first, evaluation_at<constant<I>>> && ...))
            return std::array<first, Fixed>{};
        else
            return std::tuple<evaluation_at<constant<I>>...>{};
    }

public:
    using T = decltype(a_number(every_head{}));
    using results = decltype(no_results(every_head{}));

    heads_call(const supervised_heads<Losses>& heads, const X& x, const Y& y, const call_options& options)
        : heads_(heads), x_(x), y_(y), options_(options) {
        require_one_each("weights", heads.weights);
        require_one_each("losses", heads.losses);
        require_one_each("logits", x);
        require_one_each("targets", y);
        check_recipe_upstream([] { return std::string("xloss::deep_supervision"); }, options);
        for (std::size_t i = 0; i < size(); ++i)
            if (!std::isfinite(heads.weights[i]) ||
                !std::isfinite(heads.weights[i] * options.upstream.factor()))
                tensor::raise<parameter_error>(
                    {"xloss::deep_supervision: the weight of head ", i, " is ", heads.weights[i],
                     ", which is not a finite number, or not with the upstream one"});
    }

    T value() const {
        double sum = 0.0;
        each([&](auto i) {
            if (is_skipped(i))
                return;
            const call_options own = options_of(i);
            named(i, [&] {
                sum += heads_.weights[i] * request_of(i, own).run(forward_of<decltype(i)>{}).value;
            });
        });
        return static_cast<T>(sum);
    }

    /// Heads run one after the other, so all that can be wrong with any of them is looked for before the
    /// first one is written.
    template <class Gradients>
    heads_evaluation<T, results> gradients_into(Gradients& grads) const {
        require_one_each("gradients", grads);
        each([&](auto i) { named(i, [&] { check_gradient(i, grads); }); });
        each([&](auto i) { named(i, [&] { check_apart(i, grads); }); });
        bool first = true; // which is checked in its own run
        each([&](auto i) {
            if (is_skipped(i) || std::exchange(first, false))
                return;
            const call_options own = options_of(i);
            named(i, [&] { request_of(i, own).run(check_run{}); });
        });
        heads_evaluation<T, results> e{T(0), no_results(every_head{})};
        if constexpr (Fixed == 0)
            e.heads.resize(size());
        double sum = 0.0;
        each([&](auto i) {
            if (!is_skipped(i))
                named(i, [&] { sum += heads_.weights[i] * run(i, grads, at_head(e.heads, i)); });
        });
        each([&](auto i) {
            if (is_skipped(i) && !options_.accumulate)
                write_zeros(tensor::sink<number_at<decltype(i)>>(at_head(grads, i)));
        });
        e.value = static_cast<T>(sum);
        return e;
    }

    /// Room for the gradients of all heads.
    auto new_gradients() const { return new_gradients(every_head{}); }

private:
    template <class Index>
    using forward_of = forward_run<request_at<Index>::size>;

    [[nodiscard]] std::size_t size() const {
        if constexpr (Fixed > 0)
            return Fixed;
        else
            return x_.size();
    }

    [[nodiscard]] bool is_skipped(std::size_t i) const { return heads_.weights[i] == 0.0; }

    auto new_gradients(std::index_sequence<>) const {
        std::vector<tensor::container_like<T, type_at_head<X, std::size_t>>> grads;
        grads.reserve(size());
        each([&](auto i) { grads.push_back(tensor::make_like<T>(at_head(x_, i))); });
        return grads;
    }

    template <std::size_t... I>
    requires(sizeof...(I) > 0) auto new_gradients(std::index_sequence<I...>) const {
        return std::tuple{tensor::make_like<number_at<constant<I>>>(at_head(x_, constant<I>{}))...};
    }

    template <class F>
    void each(F&& f) const {
        if constexpr (Fixed > 0)
            each(f, every_head{});
        else
            for (std::size_t i = 0; i < size(); ++i)
                f(i);
    }

    template <class F, std::size_t... I>
    static void each(F& f, std::index_sequence<I...>) {
        (f(constant<I>{}), ...);
    }

    template <class F>
    static void named(std::size_t i, F&& f) {
        try {
            f();
        } catch (const error&) {
            tensor::rethrow_from("xloss::deep_supervision: head " + std::to_string(i));
        }
    }

    template <class List>
    void require_one_each(const char* what, const List& list) const {
        if constexpr (fixed_length<List> != 0) {
            static_assert(fits<List>, "xloss: the gradients of deep_supervision are as many as its heads");
        } else if constexpr (is_range<List>) {
            if (list.size() != size())
                tensor::raise<shape_error>(
                    {"xloss::deep_supervision: ", list.size(), " ", what, " for ", size(), " heads"});
        }
    }

    [[nodiscard]] call_options options_of(std::size_t i) const {
        call_options own = options_;
        own.upstream = options_.upstream.factor() * heads_.weights[i];
        return own;
    }

    template <class Index>
    auto request_of(Index i, const call_options& own) const {
        return request_at<Index>(at_head(heads_.losses, i), at_head(x_, i), at_head(y_, i), own);
    }

    template <class Index, class Gradients>
    double run(Index i, Gradients& grads, evaluation_at<Index>& e) const {
        using number = number_at<Index>;
        const call_options own = options_of(i);
        const tensor::sink<number> to(at_head(grads, i));
        const auto report = request_of(i, own).run(
            gradient_run<number, request_at<Index>::size>{sink_ref<number>{&to, own.accumulate}});
        e = as_evaluation<number>(report);
        return report.value;
    }

    /// The gradient of head i fits.
    template <class Index, class Gradients>
    void check_gradient(Index i, Gradients& grads) const {
        using number = number_at<Index>;
        const tensor::sink<number> to(at_head(grads, i));
        if (!is_skipped(i)) {
            const call_options own = options_of(i);
            const auto r = request_of(i, own);
            check_sink(to, r.x, r.targets, own);
            return;
        }
        const tensor::source<number> x(at_head(x_, i));
        if (to.shape() != x.shape())
            tensor::raise<shape_error>({"gradient buffer ", to.shape(), " does not fit logits ", x.shape()});
    }

    /// The gradient of head i shares nothing with what other heads read or write.
    template <class Index, class Gradients>
    void check_apart(Index i, Gradients& grads) const {
        const tensor::memory_range written = tensor::sink<number_at<Index>>(at_head(grads, i)).memory();
        each([&](auto j) {
            if (j == i)
                return;
            const auto fail = [&](const char* what) {
                tensor::raise<alias_error>({"the gradient buffer shares memory with ", what, " of head ",
                                            static_cast<std::size_t>(j)});
            };
            const tensor::sink<number_at<decltype(j)>> other(at_head(grads, j));
            if (!options_.accumulate && tensor::overlap(written, other.memory()))
                fail("that");
            if (is_skipped(j))
                return;
            const call_options own = options_of(j);
            const auto r = request_of(j, own);
            if (tensor::overlap(written, r.x.memory()))
                fail("the logits");
            if (r.targets.overlaps(written))
                fail("the target");
        });
    }

    const supervised_heads<Losses>& heads_;
    const X& x_;
    const Y& y_;
    const call_options& options_;
};

} // namespace engine

/// Deep supervision: the loss of a network with several heads or scales, sum_i w_i L_i(x_i, y_i).
///
///     const auto heads = xloss::deep_supervision(xloss::cross_entropy{}, {1.0, 0.4});
///     heads(std::tie(x0, x1), std::tie(y0, y1)); // the value
///     auto r = xloss::value_and_grad(heads, std::tie(x0, x1), std::tie(y0, y1));
///     auto& [g0, g1] = r.grads; // r.value, r.heads[1].value
///     xloss::value_and_grad_into(std::tie(g0, g1), heads, std::tie(x0, x1), std::tie(y0, y1));
///
/// Shapes and modes: `losses` is one loss, sum or criterion for all heads, or a list with one for each, of
/// any modes: `std::tuple{multiclass(cross_entropy{} + dice{}), cross_entropy{}}`. Logits and gradients are
/// lists, targets are a list, or one target for all heads of the same size. A list is a std::tuple (std::tie)
/// or std::pair, in which the tensors may have any types, or a std::vector, std::array or std::span. Heads
/// may differ in size; a smaller target may be a view of the full one, which is read as it is:
///
///     using xt::placeholders::_;
///     const auto y1 = xt::view(y0, xt::all(), xt::range(0, _, 2), xt::range(0, _, 2));
///
/// Parameters: `weights`, one finite number for each head. A head of weight 0 is skipped wholly: its logits
/// and target are never read, and may hold NaN and wrong labels. Its gradient is set to 0, or with
/// `accumulate` left alone, its evaluation is all 0.
///
/// Gradient: of head i, w_i times that of its loss, and times `call_options::upstream`, which is a number.
/// With `accumulate`, two heads may share one gradient. A workspace and an executor serve one head after the
/// other.
///
/// Empty region, kinks: as the losses have them.
///
/// Source: Lee 2015, https://arxiv.org/abs/1409.5185. Elsewhere: MONAI's DeepSupervisionLoss brings the
/// target to the size of every head by itself, for half the size by the view above from 1 instead of 0; its
/// weight_mode "exp" is {1, 1/2, 1/4, ...}, "two" {1, 1/2, 1/2, ...}. nnU-Net: `deep_supervision_weights`.
///
/// @throws what the losses throw, with the number of the head; shape_error for lists of different length,
/// alias_error for a gradient that shares memory with what another head reads or writes. On an error no
/// gradient of any head has been touched.
template <class Losses>
auto deep_supervision(Losses&& losses, std::vector<double> weights) {
    return supervised_heads<std::remove_cvref_t<Losses>>{std::forward<Losses>(losses), std::move(weights)};
}

/// nnU-Net's weights of n heads, from the largest to the smallest: 1/2^i, the last one 0 (unless it is the
/// only one), divided by their sum.
inline std::vector<double> deep_supervision_weights(std::size_t n) {
    std::vector<double> weights(n, 0.0);
    double sum = 0.0;
    for (std::size_t i = 0; i < n && (i + 1 < n || n == 1); ++i)
        sum += weights[i] = std::exp2(-static_cast<double>(i));
    for (double& w : weights)
        w /= sum;
    return weights;
}

/// The value of several heads.
template <class Losses, class X, class Y>
auto value(const supervised_heads<Losses>& heads, const X& x, const Y& y, const call_options& options = {}) {
    return engine::heads_call<engine::fixed_heads<Losses, X, Y>(), Losses, X, Y>(heads, x, y, options)
        .value();
}

/// Value, evaluations and gradients of several heads.
template <class Losses, class X, class Y>
auto value_and_grad(const supervised_heads<Losses>& heads, const X& x, const Y& y,
                    const call_options& options = {}) {
    using call = engine::heads_call<engine::fixed_heads<Losses, X, Y>(), Losses, X, Y>;
    call_options overwrite = options;
    overwrite.accumulate = false; // there is nothing yet to add to
    const call all(heads, x, y, overwrite);
    auto grads = all.new_gradients();
    auto e = all.gradients_into(grads);
    return heads_evaluation_and_grads<typename call::T, typename call::results, decltype(grads)>{
        std::move(e), std::move(grads)};
}

/// As `value_and_grad`, into the caller's gradients: a list with a tensor for each head. On an error all are
/// left as they were.
template <class Gradients, class Losses, class X, class Y>
auto value_and_grad_into(Gradients&& grads, const supervised_heads<Losses>& heads, const X& x, const Y& y,
                         const call_options& options = {}) {
    static_assert(engine::is_list<std::remove_cvref_t<Gradients>>,
                  "xloss: the gradients of deep_supervision are a list with one tensor for each head: "
                  "std::tie(g0, g1), or a std::vector, std::array or std::span of tensors");
    return engine::heads_call<engine::fixed_heads<Losses, X, Y, Gradients>(), Losses, X, Y>(heads, x, y,
                                                                                            options)
        .gradients_into(grads);
}

} // namespace xloss

#endif
