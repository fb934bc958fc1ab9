#ifndef XLOSS_CRITERION_SUM_HPP
#define XLOSS_CRITERION_SUM_HPP

#include <xloss/config.hpp>
#include <xloss/engine/bind.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/regional.hpp>
#include <xloss/engine/survey.hpp>
#include <xloss/engine/target.hpp>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xloss {

/// A weighted sum of losses: `20.0 * focal{} + dice{}`. Evaluated together, however many losses it has.
template <class... Losses>
struct loss_sum {
    std::tuple<engine::weighted_loss<Losses>...> terms; ///< the losses with their factors

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

template <mode Mode, class Loss>
struct criterion;

namespace engine {

template <class... Losses>
inline constexpr bool is_sum<loss_sum<Losses...>> = true;

template <class Loss>
inline constexpr bool is_criterion = false;
template <mode Mode, class Loss>
inline constexpr bool is_criterion<criterion<Mode, Loss>> = true;

/// Whether a loss, or one of a sum, looks at what another head of the network says of the regions.
template <class Loss>
inline constexpr bool sees_predictions = requires {
    requires Loss::sees_predictions;
};
template <class... Losses>
inline constexpr bool sees_predictions<loss_sum<Losses...>> = (sees_predictions<Losses> || ...);
template <mode Mode, class Loss>
inline constexpr bool sees_predictions<criterion<Mode, Loss>> = sees_predictions<Loss>;

/// Whether a target [B, ...] is meant for all of axis 1.
template <class Loss>
inline constexpr bool shares_target = requires {
    requires Loss::shares_target;
};
template <mode Mode, class Loss>
inline constexpr bool shares_target<criterion<Mode, Loss>> = shares_target<Loss>;

template <class Term>
inline constexpr bool is_pointwise_term = pointwise<Term> && !regional<Term>;
template <class Term>
inline constexpr bool is_pointwise_term<scaled<Term>> = is_pointwise_term<Term>;

/// Refuses terms whose losses are not those of elements.
struct selectable_run {
    template <class... Terms>
    int operator()(const Terms&...) const {
        static_assert(
            (is_pointwise_term<Terms> && ...),
            "xloss: a selection keeps some elements of a pointwise loss, such as bce, cross_entropy "
            "or focal; the loss of a region has no elements of its own");
        return 0;
    }
};

/// A readable end for what no selection can be made of.
template <class Loss>
constexpr void require_selectable() {
    static_assert(!is_criterion<Loss>,
                  "xloss: a mode wraps last: write multiclass(top_k(loss)), not top_k(multiclass(loss))");
    static_assert(!selects<Loss>, "xloss: a selection is made of all elements, not of what another one kept");
    if constexpr (is_sum<Loss>)
        []<class... Losses>(std::type_identity<loss_sum<Losses...>>) {
            (require_selectable<Losses>(), ...);
        }(std::type_identity<Loss>{});
    else if constexpr (binds<Loss>)
        static_cast<void>(sizeof(decltype(std::declval<const Loss&>().bind(survey{}, selectable_run{}))));
    else if constexpr (!is_criterion<Loss> && !selects<Loss>)
        static_cast<void>(sizeof(decltype(selectable_run{}(std::declval<const Loss&>()))));
}

/// What `+` and `*` take.
template <class Loss>
concept composable = is_sum<std::remove_cvref_t<Loss>> || is_criterion<std::remove_cvref_t<Loss>> ||
    loss_or_term<std::remove_cvref_t<Loss>>;

/// Any loss as a sum.
template <class Loss>
auto as_sum(Loss&& loss) {
    using plain = std::remove_cvref_t<Loss>;
    static_assert(!is_criterion<plain>,
                  "xloss: a mode wraps last: write multiclass(a + b), not multiclass(a) + b");
    if constexpr (is_sum<plain>)
        return plain(std::forward<Loss>(loss));
    else
        return loss_sum<plain>{{weighted_loss<plain>{1.0, std::forward<Loss>(loss)}}};
}

/// The names of the losses of a sum, with plus signs.
XLOSS_COLD inline std::string joined_names(std::initializer_list<loss_name> losses) {
    std::string names;
    for (const loss_name name : losses)
        names.append(names.empty() ? "" : " + ").append(name());
    return names;
}

/// "xloss::focal + xloss::dice", "xloss::top_k(xloss::bce)", for messages.
template <class Loss>
XLOSS_COLD std::string names_of() {
    if constexpr (is_sum<Loss>) {
        return []<class... Losses>(std::type_identity<loss_sum<Losses...>>) {
            return joined_names({&names_of<Losses>...});
        }(std::type_identity<Loss>{});
    } else if constexpr (is_criterion<Loss>) {
        return names_of<decltype(Loss::loss)>();
    } else {
        std::string name = requires {
            Loss::name;
        }
        ? public_name(name_of<Loss>()) : std::string(name_of<Loss>());
        if constexpr (selects<Loss>)
            name.append("(").append(names_of<selected_loss<Loss>>()).append(")");
        return name;
    }
}

} // namespace engine

/// `+` and `*` on losses. Found without a using-directive where one of the losses is the library's.
inline namespace operators {

/// The sum of two losses, sums or terms; its `terms` are those of both, in this order.
template <engine::composable A, engine::composable B>
auto operator+(A&& a, B&& b) {
    return std::apply(
        [](auto... terms) { return loss_sum<decltype(terms.loss)...>{{std::move(terms)...}}; },
        std::tuple_cat(engine::as_sum(std::forward<A>(a)).terms, engine::as_sum(std::forward<B>(b)).terms));
}

/// Says what is wrong where one side is no loss.
template <class A, class B>
requires(engine::composable<A> != engine::composable<B>) void operator+(const A&, const B&) {
    static_assert(
        engine::composable<A> && engine::composable<B>,
        "xloss: + takes losses, sums of losses and terms on both sides; recipes and numbers are none");
}

/// A loss or sum with a factor.
template <engine::composable Loss>
auto operator*(double weight, Loss&& loss) {
    auto sum = engine::as_sum(std::forward<Loss>(loss));
    std::apply([weight](auto&... terms) { ((terms.weight *= weight), ...); }, sum.terms);
    return sum;
}

/// A loss or sum with a factor.
template <engine::composable Loss>
auto operator*(Loss&& loss, double weight) {
    return weight * std::forward<Loss>(loss);
}

} // namespace operators
} // namespace xloss

#endif
