#ifndef XLOSS_ENGINE_BIND_HPP
#define XLOSS_ENGINE_BIND_HPP

#include <xloss/engine/program.hpp>
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

template <class Loss>
concept loss_or_term = binds<Loss> || runnable<Loss>;

/// The ways a loss can run.
template <class Loss>
constexpr unsigned modes_of() {
    if constexpr (requires { Loss::modes; })
        return Loss::modes;
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

template <class Term>
auto as_part(Term&& term, double weight, std::size_t entry) {
    return part<std::remove_cvref_t<Term>>{std::forward<Term>(term), 1.0, weight, entry};
}

template <class Term>
auto as_part(scaled<Term> term, double weight, std::size_t entry) {
    return part<Term>{std::move(term.term), term.factor, weight, entry};
}

/// Calls run(part...) with the parts of one loss.
template <bool General, class Loss, class Run>
auto bind_one(const weighted_loss<Loss>& one, std::size_t entry, const survey& s, Run&& run) {
    if constexpr (binds<Loss>) {
        const auto with_parts = [&](auto&&... terms) {
            return run(as_part(std::forward<decltype(terms)>(terms), one.weight, entry)...);
        };
        if constexpr (General && requires { one.loss.bind_general(s, with_parts); })
            return one.loss.bind_general(s, with_parts);
        else
            return one.loss.bind(s, with_parts);
    } else {
        return run(part<const Loss&>{one.loss, 1.0, one.weight, entry});
    }
}

/// Binds the losses of a sum one after the other, then calls run(part...) with the parts of all.
template <bool General, std::size_t I = 0, class... Losses, class Run, class... Parts>
auto bind_all(const std::tuple<weighted_loss<Losses>...>& losses, const survey& s, Run&& run,
              const Parts&... bound) {
    if constexpr (I == sizeof...(Losses)) {
        return run(bound...);
    } else {
        return bind_one<General>(std::get<I>(losses), I, s, [&](const auto&... parts) {
            return bind_all<General, I + 1>(losses, s, run, bound..., parts...);
        });
    }
}

} // namespace xloss::engine

#endif
