#ifndef XLOSS_ENGINE_BIND_HPP
#define XLOSS_ENGINE_BIND_HPP

#include <xloss/engine/box.hpp>
#include <xloss/engine/filter_place.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/select.hpp>
#include <xloss/engine/survey.hpp>

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xloss::engine {

/// A loss in a sum, with its factor.
template <class Loss>
struct weighted_loss {
    double weight;
    Loss loss;
};

/// Takes the terms that a loss is bound to, whatever they are.
struct any_run {
    template <class... Terms>
    int operator()(Terms&&...) const {
        return 0;
    }
};

/// A loss that makes its terms from the survey: it calls run(term...), each term perhaps `scaled`.
template <class Loss>
concept binds = requires(const Loss& loss, const survey& s, any_run run) {
    loss.bind(s, run);
};

/// A selection: a loss on the elements that `keep` chooses by their keys.
template <class Loss>
concept selects = requires(const Loss& s, const candidates<float>& all) {
    s.loss;
    s.keep(all);
};

/// The loss inside a selection.
template <class Loss>
using selected_loss = std::remove_cvref_t<decltype(std::declval<const Loss&>().loss)>;

/// A loss of the errors of a region in falling order.
template <class Loss>
concept ranks = requires(const Loss& loss, const pixel<probe>& s) {
    loss.error(s);
};

/// A loss of what a filter makes of prediction and target.
template <class Loss>
concept filters = requires(const Loss& loss, const filter_place& place, const pixel<probe>& s,
                           const probe& map) {
    loss.template filter<float>(place);
    loss.at(s, map, map);
};

/// The sums over a region that such a loss is made of.
template <filters Loss>
inline constexpr std::size_t filtered_sums =
    std::tuple_size_v<std::remove_cvref_t<decltype(std::declval<const Loss&>().at(
        std::declval<pixel<probe>>(), std::declval<probe>(), std::declval<probe>()))>>;

/// Losses that are not fused with the others of a sum: they run by themselves, afterwards.
template <class Loss>
concept runs_apart = selects<Loss> || ranks<Loss> || filters<Loss>;

template <class Loss>
concept loss_or_term = binds<Loss> || runnable<Loss> || runs_apart<Loss> || boxwise<Loss>;

/// Whether this is a sum of losses: which types are, the room above knows.
template <class Loss>
inline constexpr bool is_sum = false;

/// The losses of a single loss without copying it, or those of a sum.
template <class Loss>
decltype(auto) terms_of(const Loss& loss) {
    if constexpr (is_sum<Loss>)
        return (loss.terms);
    else
        return std::tuple<weighted_loss<const Loss&>>{{1.0, loss}};
}

template <class Loss>
constexpr unsigned modes_of();

template <class... Losses>
constexpr unsigned modes_of_all(const std::type_identity<std::tuple<weighted_loss<Losses>...>>&) {
    return ((modes::every | modes::boxes) & ... & modes_of<std::remove_cvref_t<Losses>>());
}

/// The ways that all losses of a sum can run.
template <class Loss>
constexpr unsigned modes_of_sum() {
    return modes_of_all(
        std::type_identity<std::remove_cvref_t<decltype(terms_of(std::declval<const Loss&>()))>>{});
}

/// The ways a loss can run.
template <class Loss>
constexpr unsigned modes_of() {
    if constexpr (requires { Loss::modes; })
        return Loss::modes;
    else if constexpr (selects<Loss>)
        return modes_of_sum<selected_loss<Loss>>();
    else if constexpr (boxwise<Loss>)
        return modes::boxes;
    else
        return (runs_in<Loss, kind::elementwise> ? modes::elementwise : 0U) |
               (runs_in<Loss, kind::channelwise> ? modes::channelwise : 0U);
}

/// Kernels that a loss may be compiled to: more than one where its `bind` turns a parameter into a type.
template <class Loss>
constexpr std::size_t variants_of() {
    if constexpr (requires { Loss::variants; })
        return Loss::variants;
    else
        return 1;
}

/// A sum of more variants than this runs in the general form of its terms: compile time multiplies, run time
/// does not.
inline constexpr std::size_t most_variants = 8;

/// A loss of a call, wherever it stands: in the sum itself, or in a selection that is one of its entries.
template <class Loss>
struct placed_loss {
    const Loss& loss;
    double share;      // its factor inside the entry
    double weight;     // the factor of the entry in the sum
    std::size_t entry; // the number of the entry
};

/// The losses of a sum with their places.
template <class... Losses>
auto place(const std::tuple<weighted_loss<Losses>...>& losses) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return std::tuple<placed_loss<std::remove_cvref_t<Losses>>...>{
            {std::get<I>(losses).loss, 1.0, std::get<I>(losses).weight, I}...};
    }
    (std::index_sequence_for<Losses...>{});
}

/// The losses of a sum that is itself inside an entry.
template <class... Losses>
auto place_inside(const std::tuple<weighted_loss<Losses>...>& losses, double weight, std::size_t entry) {
    return std::apply(
        [&](const auto&... one) {
            return std::tuple<placed_loss<std::remove_cvref_t<Losses>>...>{
                {one.loss, one.weight, weight, entry}...};
        },
        losses);
}

template <class Loss, class Term>
auto as_part(Term&& term, const placed_loss<Loss>& at) {
    return part<std::remove_cvref_t<Term>>{std::forward<Term>(term), at.share, at.weight, at.entry};
}

template <class Loss, class Term>
auto as_part(scaled<Term> term, const placed_loss<Loss>& at) {
    return part<Term>{std::move(term.term), term.factor * at.share, at.weight, at.entry};
}

/// Calls run(part...) with the parts of one loss.
template <bool General, class Loss, class Run>
auto bind_one(const placed_loss<Loss>& one, const survey& s, Run&& run) {
    if constexpr (binds<Loss>) {
        const auto with_parts = [&](auto&&... terms) {
            return run(as_part(std::forward<decltype(terms)>(terms), one)...);
        };
        if constexpr (General && requires { one.loss.bind_general(s, with_parts); })
            return one.loss.bind_general(s, with_parts);
        else
            return one.loss.bind(s, with_parts);
    } else {
        return run(part<const Loss&>{one.loss, one.share, one.weight, one.entry});
    }
}

/// Binds the losses of a sum one after the other, then calls run(part...) with the parts of all.
template <bool General, std::size_t I = 0, class... Losses, class Run, class... Parts>
auto bind_all(const std::tuple<placed_loss<Losses>...>& losses, const survey& s, Run&& run,
              const Parts&... bound) {
    if constexpr (I == sizeof...(Losses)) {
        return run(bound...);
    } else {
        return bind_one<General>(std::get<I>(losses), s, [&](const auto&... parts) {
            return bind_all<General, I + 1>(losses, s, run, bound..., parts...);
        });
    }
}

/// Binds, and calls f(program) for the terms that the losses are bound to.
template <kind Kind, class... Losses, class F>
auto with_program(const std::tuple<placed_loss<Losses>...>& losses, const survey& s, F&& f) {
    constexpr bool general = (variants_of<Losses>() * ...) > most_variants;
    return bind_all<general>(losses, s, [&]<class... Terms>(const part<Terms>&... parts) {
        return f(program<Kind, Terms...>{{parts...}});
    });
}

template <class... Losses>
bool want_class_targets(const std::tuple<placed_loss<Losses>...>& losses, mode md);

/// Whether the class sums of the target are asked for by a loss.
template <class Loss>
bool wants_class_targets(const Loss& loss, mode md) {
    if constexpr (requires { Loss::surveys_targets; })
        return true;
    else if constexpr (selects<Loss>)
        return want_class_targets(place(terms_of(loss.loss)), md);
    else if constexpr (requires { per_class(loss.class_weights); })
        return md == mode::multiclass && loss.class_weights.is_list();
    else
        return false;
}

template <class... Losses>
bool want_class_targets(const std::tuple<placed_loss<Losses>...>& losses, mode md) {
    return std::apply([&](const auto&... one) { return (wants_class_targets(one.loss, md) || ...); }, losses);
}

} // namespace xloss::engine

#endif
