#ifndef XLOSS_CRITERION_SUM_HPP
#define XLOSS_CRITERION_SUM_HPP

#include <xloss/engine/bind.hpp>
#include <xloss/engine/regional.hpp>

#include <cstddef>
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

template <class Loss>
inline constexpr bool is_sum = false;
template <class... Losses>
inline constexpr bool is_sum<loss_sum<Losses...>> = true;

template <class Loss>
inline constexpr bool is_criterion = false;
template <mode Mode, class Loss>
inline constexpr bool is_criterion<criterion<Mode, Loss>> = true;

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

/// The losses of a single loss without copying it, or those of a sum.
template <class Loss>
decltype(auto) terms_of(const Loss& loss) {
    if constexpr (is_sum<Loss>)
        return (loss.terms);
    else
        return std::tuple<weighted_loss<const Loss&>>{{1.0, loss}};
}

/// "xloss::focal + xloss::dice", for messages.
template <class Loss>
std::string names_of() {
    if constexpr (is_sum<Loss>) {
        return []<class... Losses>(std::type_identity<loss_sum<Losses...>>) {
            std::string names;
            ((names += (names.empty() ? "" : " + ") + names_of<Losses>()), ...);
            return names;
        }(std::type_identity<Loss>{});
    } else if constexpr (is_criterion<Loss>) {
        return names_of<decltype(Loss::loss)>();
    } else {
        return requires {
            Loss::name;
        }
        ? public_name(name_of<Loss>()) : std::string(name_of<Loss>());
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
