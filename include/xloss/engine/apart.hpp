#ifndef XLOSS_ENGINE_APART_HPP
#define XLOSS_ENGINE_APART_HPP

#include <xloss/engine/bind.hpp>
#include <xloss/engine/gradient_rows.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/region_stages.hpp>
#include <xloss/engine/select.hpp>
#include <xloss/engine/stages.hpp>
#include <xloss/engine/summary.hpp>
#include <xloss/engine/survey.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/sink.hpp>

#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xloss::engine {

/// Confidence as a term of its own, to be written and not to be summed.
struct confidence_term {
    template <class V>
    point<V> at(const pixel<V>& s) const {
        return {-(s.p * s.y + s.q * (1.0 - s.y)), V(0.0)};
    }

    template <class V>
    point<V> at_class(const pixel<V>& s) const {
        return {-(s.p * s.y), V(0.0)};
    }
};

template <class Selection>
constexpr selection_key key_of() {
    if constexpr (requires { Selection::key; })
        return Selection::key;
    else
        return selection_key::loss;
}

/// A selection: the keys of all elements, then the loss inside on what is kept of the target, as if the rest
/// were masked. The keys wait in the workspace and become the mask in place.
template <kind Kind, class T, class Selection>
class selection_stages {
public:
    selection_stages(const placed_loss<Selection>& one, const sweep_inputs<T>& in, const survey& s,
                     const mode_options& options, const call_options& call)
        : selection_(one.loss), losses_(place_inside(terms_of(one.loss.loss), one.weight, one.entry)),
          unweighted_(place_inside(terms_of(one.loss.loss), 1.0, one.entry)), entry_(one.entry), in_(in),
          survey_(s), options_(options), call_(call) {}

    /// Throws what is wrong with parameters and upstream.
    void check() const {
        if constexpr (requires { selection_.check(); })
            selection_.check();
        with_all(losses_, call_, [](const auto& ready) { ready.check(); });
        keys(); // the one allocation that may be large fails here or never
    }

    /// The number of the loss in its sum.
    [[nodiscard]] std::size_t entry() const { return entry_; }

    [[nodiscard]] tensor::shape unreduced_shape() const {
        return with_all(losses_, call_, [](const auto& ready) { return ready.unreduced_shape(); });
    }

    template <bool Gradient, std::size_t N>
    report<N> run(const sink_ref<T>& out) const {
        return with_kept([&](auto& ready) { return ready.template run<Gradient, N>(out); });
    }

    void write_unreduced(const sink_ref<T>& out) const {
        with_kept([&](auto& ready) { ready.write_unreduced(out); });
    }

private:
    using losses_type =
        decltype(place_inside(terms_of(std::declval<const Selection&>().loss), 1.0, std::size_t{0}));

    /// Calls f(stages) for the loss inside, on all elements.
    template <class F>
    auto with_all(const losses_type& losses, const call_options& call, F&& f) const {
        return with_program<Kind>(losses, survey_, [&]<class Program>(const Program& all) {
            stages<Kind, T, Program> ready(all, in_, survey_, options_, call);
            return f(ready);
        });
    }

    /// Calls f(stages) for the loss inside, on the elements that are kept.
    template <class F>
    auto with_kept(F&& f) const {
        target<T> kept = in_.y;
        if (survey_.valid > 0)
            kept.set_kept(choose());
        mode_options options = options_;
        options.check_targets = false; // they have been
        const survey s =
            surveyor<T>(kept, options, in_.executor, in_.memory).run(want_class_targets(losses_, kept.md()));
        const sweep_inputs<T> in{in_.x, kept, in_.probabilities, in_.executor, in_.memory};
        return with_program<Kind>(losses_, s, [&]<class Program>(const Program& all) {
            if (call_.upstream.tensor())
                kept.set_upstream(&*call_.upstream.tensor());
            stages<Kind, T, Program> ready(all, in, s, options, call_);
            return f(ready);
        });
    }

    /// 1 for every element that is kept, else 0.
    const T* choose() const {
        tensor::shape flat;
        flat.rank = 1;
        flat[0] = survey_.elements;
        const std::span<T> all = keys();
        const tensor::sink<T> to(all.data(), flat);
        const sink_ref<T> out{&to, false, -std::numeric_limits<T>::infinity()};
        if constexpr (key_of<Selection>() == selection_key::loss)
            with_all(unweighted_, {}, [&](auto& ready) { ready.write_unreduced(out); });
        else
            write_confidence(out);
        selection_.keep(
            candidates<T>(all, survey_.valid, in_.y.geometry().samples, in_.executor, in_.memory));
        return all.data();
    }

    std::span<T> keys() const {
        return {in_.memory.template get<T>(scratch::keys, survey_.elements), survey_.elements};
    }

    void write_confidence(const sink_ref<T>& out) const {
        target<T> y = in_.y;
        y.drop_weights();
        const sweep_inputs<T> in{in_.x, y, in_.probabilities, in_.executor, in_.memory};
        const program<Kind, confidence_term> term{{part<confidence_term>{{}, 1.0, 1.0, 0}}};
        const call_options call;
        stages<Kind, T, program<Kind, confidence_term>> ready(term, in, survey_, options_, call);
        ready.write_unreduced(out);
    }

    const Selection& selection_;
    losses_type losses_;
    losses_type unweighted_; // without the factor of the selection in its sum, which is no part of the keys
    std::size_t entry_;
    const sweep_inputs<T>& in_;
    const survey& survey_;
    const mode_options& options_;
    const call_options& call_;
};

template <kind Kind, class T, class Loss>
struct stages_apart_of : std::type_identity<region_stages<Kind, T, Loss>> {};
template <kind Kind, class T, selects Loss>
struct stages_apart_of<Kind, T, Loss> : std::type_identity<selection_stages<Kind, T, Loss>> {};

/// The stages of a loss that runs apart.
template <kind Kind, class T, class Loss>
using stages_apart = typename stages_apart_of<Kind, T, Loss>::type;

/// Those of the losses that are evaluated together, or those that run apart.
template <bool Apart, class... Losses>
auto part_of(const std::tuple<placed_loss<Losses>...>& losses) {
    return std::apply(
        [](const auto&... one) {
            return std::tuple_cat([&]<class Loss>(const placed_loss<Loss>& at) {
                if constexpr (runs_apart<Loss> == Apart)
                    return std::tuple<placed_loss<Loss>>{at};
                else
                    return std::tuple<>{};
            }(one)...);
        },
        losses);
}

/// The stages of a sum in which some losses run apart: those that can be are evaluated together, then each of
/// the others adds what it gives to value and gradient. Every check of all of them comes first.
template <kind Kind, class T, class... Losses>
class split_stages {
public:
    split_stages(const std::tuple<placed_loss<Losses>...>& losses, const sweep_inputs<T>& in, const survey& s,
                 const mode_options& options, const call_options& call)
        : fused_(part_of<false>(losses)), apart_(part_of<true>(losses)), in_(in), survey_(kept(s, in.memory)),
          options_(options), call_(call) {}

    /// Throws what is wrong with parameters and upstream of any of the losses; nothing is written.
    void check() const {
        check_kinds();
        with_fused([](const auto& ready) { ready.check(); });
        each_apart([](auto& one) { one.check(); });
    }

    /// Value, and with Gradient the gradient into `out`.
    template <bool Gradient, std::size_t N>
    report<N> run(sink_ref<T> out) {
        check_kinds();
        each_apart([](auto& one) { one.check(); });
        report<N> whole;
        const auto add = [&](const report<N>& r) {
            whole += r;
            out.accumulate = true;
        };
        with_fused([&](auto& ready) { add(ready.template run<Gradient, N>(out)); });
        each_apart([&](auto& one) { add(one.template run<Gradient, N>(out)); });
        return finished(whole);
    }

    /// As `run`, with the rows of what each loss gives to the gradient. A loss that runs apart runs twice
    /// where the gradient itself is asked for too.
    template <std::size_t N>
    report<N> run_with_rows(sink_ref<T> out, std::array<gradient_rows, N>& rows) {
        check_kinds();
        each_apart([](auto& one) { one.check(); });
        report<N> whole;
        const auto add = [&](const report<N>& r) {
            whole += r;
            out.accumulate = true;
        };
        with_fused([&](auto& ready) { add(ready.template run_with_rows<N>(out, rows)); });
        each_apart([&](auto& one) {
            const tensor::sink<T> to = rows[one.entry()].template sink<T>(in_.x.shape());
            const report<N> r = one.template run<true, N>(sink_ref<T>{&to, false});
            if (out.to)
                one.template run<true, N>(out);
            add(r);
        });
        return finished(whole);
    }

    /// The shape of the unreduced losses.
    [[nodiscard]] tensor::shape unreduced_shape() const {
        std::optional<tensor::shape> shape;
        const auto agree = [&](auto& one) {
            const tensor::shape own = one.unreduced_shape();
            if (shape && *shape != own)
                tensor::raise<shape_error>(
                    {in_.y.loss(), ": unreduced regions of the terms differ, ", *shape, " and ", own});
            shape = own;
        };
        with_fused(agree);
        each_apart(agree);
        return *shape;
    }

    /// Writes the unreduced losses.
    void write_unreduced(sink_ref<T> out) const {
        static_assert(!(elements_apart && regions_apart),
                      "xloss: unreduced needs terms of one kind: a sum of pointwise and regional terms is no "
                      "sum over pixels, nor over regions");
        with_fused([&]<class Stages>(Stages& ready) {
            static_assert(
                fits<typename Stages::program_type>,
                "xloss: unreduced needs terms of one kind: a sum of pointwise and regional terms is no "
                "sum over pixels, nor over regions");
            ready.write_unreduced(out);
            out.accumulate = true;
        });
        each_apart([&](auto& one) {
            one.write_unreduced(out);
            out.accumulate = true;
        });
    }

private:
    // What the losses that run apart are sums of.
    static constexpr bool elements_apart = (selects<Losses> || ...);
    static constexpr bool regions_apart = ((runs_apart<Losses> && !selects<Losses>) || ...);

    /// Whether what is evaluated together is a sum of the same.
    template <class Program>
    static constexpr bool fits = Program::has_regions ? !elements_apart : !regions_apart;

    template <std::size_t N>
    report<N> finished(report<N> whole) const {
        whole.normalizer = whole.terms[0].normalizer;
        whole.valid = survey_.valid;
        return whole;
    }

    /// Throws for a tensor from above where the terms have none of one shape.
    void check_kinds() const {
        if (!call_.upstream.tensor())
            return;
        if (elements_apart && regions_apart)
            refuse_upstream();
        with_fused([](const auto&) {});
    }

    [[noreturn]] void refuse_upstream() const {
        tensor::raise<parameter_error>(
            {in_.y.loss(), ": an upstream tensor needs terms of one kind, pointwise or regional"});
    }

    /// The survey where no other one takes its memory.
    static survey kept(const survey& s, workspace& memory) {
        double* numbers = memory.get<double>(scratch::whole_survey, survey_size(s.classes));
        write_survey(s, numbers);
        return read_survey(numbers, s.classes, s.md, s.reduction);
    }

    template <class F>
    void with_fused(F&& f) const {
        if constexpr (std::tuple_size_v<decltype(fused_)> != 0)
            with_program<Kind>(fused_, survey_, [&]<class Program>(const Program& all) {
                target<T> y = in_.y;
                if (call_.upstream.tensor()) {
                    if (!fits<Program>)
                        refuse_upstream();
                    if (!Program::has_regions) // that of regions multiplies their losses, not the pixels
                        y.set_upstream(&*call_.upstream.tensor());
                }
                const sweep_inputs<T> in{in_.x,        y,          in_.probabilities,
                                         in_.executor, in_.memory, in_.predicted};
                stages<Kind, T, Program> ready(all, in, survey_, options_, call_);
                f(ready);
            });
    }

    /// Calls f(stages) for every loss that runs apart.
    template <class F>
    void each_apart(F&& f) const {
        std::apply(
            [&]<class... Loss>(const placed_loss<Loss>&... one) {
                const auto with = [&]<class Stages>(Stages&& stages) { f(stages); };
                (with(stages_apart<Kind, T, Loss>(one, in_, survey_, options_, call_)), ...);
            },
            apart_);
    }

    using all_losses = std::tuple<placed_loss<Losses>...>;

    decltype(part_of<false>(std::declval<const all_losses&>())) fused_;
    decltype(part_of<true>(std::declval<const all_losses&>())) apart_;
    const sweep_inputs<T>& in_;
    survey survey_;
    const mode_options& options_;
    const call_options& call_;
};

} // namespace xloss::engine

#endif
