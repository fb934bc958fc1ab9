#ifndef XLOSS_CRITERION_MODE_HPP
#define XLOSS_CRITERION_MODE_HPP

#include <xloss/criterion/sum.hpp>
#include <xloss/engine/bind.hpp>
#include <xloss/engine/options.hpp>

#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xloss {

/// A loss or sum of losses with the mode it runs in and the options that belong to the data.
template <mode Mode, class Loss>
struct criterion {
    static constexpr mode md = Mode; ///< the mode

    Loss loss;              ///< a loss or a sum of losses
    mode_options options{}; ///< what belongs to the data

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

namespace engine {

template <class Loss>
constexpr bool is_loss_type() {
    if constexpr (is_sum<Loss>)
        return true;
    else
        return loss_or_term<Loss>;
}

/// The losses inside all selections of a sum can be selected from.
template <class Loss>
constexpr void require_selections() {
    if constexpr (is_sum<Loss>)
        []<class... Losses>(std::type_identity<loss_sum<Losses...>>) {
            (require_selections<Losses>(), ...);
        }(std::type_identity<Loss>{});
    else if constexpr (selects<Loss>)
        require_selectable<selected_loss<Loss>>();
}

template <class Loss>
constexpr bool holds_box_loss();

template <class... Losses>
constexpr bool any_box_loss(const std::type_identity<std::tuple<weighted_loss<Losses>...>>&) {
    return (holds_box_loss<std::remove_cvref_t<Losses>>() || ...);
}

/// Whether a loss of boxes stands in a sum, or is the loss.
template <class Loss>
constexpr bool holds_box_loss() {
    if constexpr (is_sum<Loss>)
        return any_box_loss(std::type_identity<std::remove_cvref_t<decltype(std::declval<Loss&>().terms)>>{});
    else
        return modes_of<Loss>() == modes::boxes;
}

/// A readable end for what is no loss, or has not this mode.
template <mode Mode, class Loss>
constexpr void require_mode() {
    static_assert(
        is_loss_type<Loss>(),
        "xloss: this is not a loss. A loss has at(pixel), at_class(pixel) or at_probability(pixel), "
        "returning a "
        "point{value, slope}; or region_loss(region_sums) or classes_loss(span of region_sums) with a "
        "'static constexpr unsigned sums'; or bind(survey, run). Each is a const template over the number "
        "type");
    if constexpr (is_loss_type<Loss>()) {
        static_assert(!holds_box_loss<Loss>(),
                      "xloss: a box loss has no mode, and adds up only with box losses and with mse, l1 and "
                      "smooth_l1 of the same boxes; evaluate a loss of pixels or classes by itself");
        require_selections<Loss>();
        if constexpr (kind_of(Mode) == kind::channelwise)
            static_assert(
                (modes_of_sum<Loss>() & modes::channelwise) != 0,
                "xloss: a term of this loss has no multiclass form, which needs at_class, "
                "at_probability or a "
                "regional loss. For bce and weighted_bce use cross_entropy, or one_vs_rest(bce{}); for "
                "lovasz_hinge and lovasz_sigmoid use lovasz_softmax");
        else
            static_assert(
                (modes_of_sum<Loss>() & modes::elementwise) != 0,
                "xloss: a term of this loss has no form with one sigmoid per element, which needs at, "
                "at_probability or a regional loss. For cross_entropy use bce, for lovasz_softmax use "
                "lovasz_sigmoid, or wrap the sum in multiclass");
    }
}

template <mode Mode, class Loss>
auto with_mode(Loss&& loss, mode_options options) {
    using plain = std::remove_cvref_t<Loss>;
    static_assert(!is_criterion<plain>, "xloss: this loss has its mode already");
    require_mode<Mode, plain>();
    return criterion<Mode, plain>{std::forward<Loss>(loss), options};
}

/// The mode that a loss names as its own, or the first that a loss of a sum does.
template <class Loss>
constexpr std::optional<mode> stated_mode() {
    if constexpr (is_sum<Loss>) {
        std::optional<mode> found;
        [&]<class... Losses>(std::type_identity<loss_sum<Losses...>>) {
            ((found = found ? found : stated_mode<Losses>()), ...);
        }(std::type_identity<Loss>{});
        return found;
    } else if constexpr (requires { Loss::natural_mode; }) {
        return Loss::natural_mode;
    } else {
        return std::nullopt;
    }
}

/// The mode that a loss of the sum names, or the first of binary and multiclass that all terms have.
template <class Loss>
constexpr mode natural_mode() {
    if constexpr (stated_mode<Loss>())
        return *stated_mode<Loss>();
    else if constexpr (is_loss_type<Loss>())
        return (modes_of_sum<Loss>() & modes::elementwise) != 0 ? mode::binary : mode::multiclass;
    else
        return mode::binary;
}

} // namespace engine

/// One sigmoid per pixel: logits `[B, ...]`, targets of the same shape.
template <class Loss>
auto binary(Loss&& loss, mode_options options = {}) {
    return engine::with_mode<mode::binary>(std::forward<Loss>(loss), options);
}

/// One sigmoid per pixel and class: logits `[B, C, ...]`, targets of the same shape.
template <class Loss>
auto multilabel(Loss&& loss, mode_options options = {}) {
    return engine::with_mode<mode::multilabel>(std::forward<Loss>(loss), options);
}

/// Softmax over axis 1: logits `[B, C, ...]`; a label map `[B, ...]` of any integer type, or one-hot or soft
/// targets `[B, C, ...]`. A label map is never expanded.
template <class Loss>
auto multiclass(Loss&& loss, mode_options options = {}) {
    return engine::with_mode<mode::multiclass>(std::forward<Loss>(loss), options);
}

/// `multilabel` on a label map `[B, ...]`: the mask of class c is label == c.
template <class Loss>
auto one_vs_rest(Loss&& loss, mode_options options = {}) {
    return engine::with_mode<mode::one_vs_rest>(std::forward<Loss>(loss), options);
}

/// One sigmoid per pixel, every mask a sample by itself: logits `[B, N, ...]`, N masks of each of B images or
/// objects; targets of the same shape, or `[B, ...]` where they are the same for all N. What `binary` is to
/// samples `[B, ...]` this is to `[B, N, ...]`: a region is a mask, with `region::batch` all masks together.
template <class Loss>
auto multimask(Loss&& loss, mode_options options = {}) {
    return engine::with_mode<mode::multimask>(std::forward<Loss>(loss), options);
}

} // namespace xloss

#endif
