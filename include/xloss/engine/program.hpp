#ifndef XLOSS_ENGINE_PROGRAM_HPP
#define XLOSS_ENGINE_PROGRAM_HPP

#include <xloss/config.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/region.hpp>
#include <xloss/simd/dual.hpp>
#include <xloss/simd/number.hpp>

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xloss {

/// The ways a loss can run, for losses that say so themselves because `bind` hides their terms.
namespace modes {
inline constexpr unsigned elementwise = 1; ///< binary, multilabel, multimask, one_vs_rest
inline constexpr unsigned channelwise = 2; ///< multiclass
inline constexpr unsigned every = 3;       ///< all five
inline constexpr unsigned boxes = 4;       ///< no mode: box by box, beside losses of boxes
} // namespace modes

/// What a loss over the whole call knows beside its own sums.
struct call_sums {
    double denominator = 1.0;                            ///< what a mean over pixels divides by (1 for sums)
    xloss::reduction reduction = xloss::reduction::mean; ///< mean or sum
};

namespace engine {

/// numerator/denominator, and 0 where nothing counted.
template <class S>
S quotient(const S& numerator, double denominator) {
    return denominator == 0.0 ? S(0.0) : numerator / denominator;
}

// --- what a term can do ---

using probe = simd::number<float>;

template <class Term>
concept has_at = requires(const Term& t, const pixel<probe>& s) {
    as_points(t.at(s));
};

template <class Term>
concept has_at_class = requires(const Term& t, const pixel<probe>& s) {
    as_points(t.at_class(s));
};

template <class Term>
concept has_at_probability = requires(const Term& t, const pixel<probe>& s) {
    as_points(t.at_probability(s));
};

template <class Term>
concept has_region_loss = requires(const Term& t, const region_sums<dual<1>>& r) {
    { t.region_loss(r) } -> std::convertible_to<dual<1>>;
    Term::sums;
};

template <class Term>
concept has_classes_loss = requires(const Term& t, std::span<const region_sums<dual<1>>> r) {
    { t.classes_loss(r) } -> std::convertible_to<dual<1>>;
    Term::sums;
};

template <class Term>
concept pointwise = has_at<Term> || has_at_class<Term> || has_at_probability<Term>;

template <class Term>
concept regional = has_region_loss<Term> || has_classes_loss<Term>;

/// A term that can run: it gives the value at a pixel, or the loss of a region.
template <class Term>
concept runnable = pointwise<Term> || regional<Term>;

/// Modes whose pixels have a sigmoid each (or a probability), against those with a softmax.
enum class kind { elementwise, channelwise };

constexpr kind kind_of(mode md) {
    return md == mode::multiclass ? kind::channelwise : kind::elementwise;
}

template <class Term, kind Kind>
inline constexpr bool pointwise_in = has_at_probability<Term> ||
                                     (Kind == kind::elementwise ? has_at<Term> : has_at_class<Term>);

template <class Term, kind Kind>
inline constexpr bool runs_in = regional<Term> || pointwise_in<Term, Kind>;

// --- a sum of terms, ready to run ---

/// A term with its factor inside the loss that it is a part of.
template <class Term>
struct scaled {
    double factor;
    Term term;
};

template <class Term>
scaled(double, Term) -> scaled<Term>;

/// A term as a part of a sum of losses.
template <class Term>
struct part {
    using term_type = std::remove_cvref_t<Term>;
    Term term;         // a reference where the loss itself is the term: nothing is copied
    double share;      // its factor inside its loss
    double weight;     // the factor of that loss in the sum
    std::size_t entry; // the number of that loss

    [[nodiscard]] constexpr double coefficient() const { return share * weight; }
};

/// Whether a term looks at `pixel::distance`.
template <class Term>
inline constexpr bool term_sees_distance = requires {
    requires Term::sees_distance;
};

/// Whether a pointwise term is about the sigmoid of x and not about x as a number.
template <class Term>
inline constexpr bool term_sees_sigmoid = !requires {
    requires Term::without_activation;
};

/// Whether p and q = 1 - p give the slopes of a pointwise term, log p only as a factor of what vanishes where
/// p leaves the format. Then the pull-back of a sum with regional terms needs the probabilities alone, and a
/// term by p no logits of all classes.
template <class Term>
inline constexpr bool has_slopes_by_p = requires {
    requires Term::slopes_by_p;
};

template <class Term>
constexpr std::size_t points_of() {
    using V = probe;
    using S = pixel<V>;
    if constexpr (has_at<Term>)
        return std::tuple_size_v<
            std::remove_cvref_t<decltype(as_points(std::declval<const Term&>().at(std::declval<S>())))>>;
    else if constexpr (has_at_class<Term>)
        return std::tuple_size_v<std::remove_cvref_t<decltype(as_points(
            std::declval<const Term&>().at_class(std::declval<S>())))>>;
    else if constexpr (has_at_probability<Term>)
        return std::tuple_size_v<std::remove_cvref_t<decltype(as_points(
            std::declval<const Term&>().at_probability(std::declval<S>())))>>;
    else
        return 0;
}

template <class Term>
constexpr unsigned sums_of() {
    if constexpr (regional<Term>)
        return Term::sums;
    else
        return 0;
}

/// Whether a regional term has points of its own that each region adds up.
template <class Term>
inline constexpr bool sums_own_points = (sums_of<Term>() & sums::own) != 0;

/// All terms of an evaluation in one mode, with the layout of the sums that one sweep collects for them:
/// first every point of every pointwise term, then every soft sum that a regional term asks for, then the
/// constants of a region.
template <kind Kind, class... Terms>
struct program {
    static constexpr kind mode_kind = Kind;
    static constexpr std::size_t size = sizeof...(Terms);

    std::tuple<part<Terms>...> parts;

    template <std::size_t I>
    using term = typename std::tuple_element_t<I, decltype(parts)>::term_type;

    template <std::size_t I>
    static constexpr bool is_pointwise = pointwise_in<term<I>, Kind>;
    template <std::size_t I>
    static constexpr bool is_regional = regional<term<I>>;

    static constexpr std::array<std::size_t, size + 1> point_offsets = [] {
        std::array<std::size_t, size + 1> offsets{};
        const std::array<std::size_t, size + 1> counts{
            (pointwise_in<std::remove_cvref_t<Terms>, Kind> ? points_of<std::remove_cvref_t<Terms>>() : 0)...,
            0};
        for (std::size_t i = 0; i < size; ++i)
            offsets[i + 1] = offsets[i] + counts[i];
        return offsets;
    }();
    static constexpr std::size_t points = point_offsets[size];
    static constexpr unsigned soft = (0U | ... | sums_of<std::remove_cvref_t<Terms>>());
    static constexpr bool has_points = points > 0;
    static constexpr std::size_t pointwise_terms =
        ((pointwise_in<std::remove_cvref_t<Terms>, Kind> ? 1 : 0) + ... + 0);
    static constexpr bool sees_distance = (term_sees_distance<std::remove_cvref_t<Terms>> || ...);
    static constexpr bool sees_sigmoid = (term_sees_sigmoid<std::remove_cvref_t<Terms>> || ...);
    /// Whether a term may ask for logarithms of p and q; one that looks at p alone seldom does.
    static constexpr bool sees_softplus =
        ((has_at<std::remove_cvref_t<Terms>> && term_sees_sigmoid<std::remove_cvref_t<Terms>>) || ...);
    static constexpr bool slopes_by_p = ((!pointwise_in<std::remove_cvref_t<Terms>, Kind> ||
                                          has_slopes_by_p<std::remove_cvref_t<Terms>>)&&...);
    static constexpr bool has_regions = soft != 0;
    static constexpr bool has_target2 = (soft & sums::target2) != 0;
    static constexpr bool has_hard = (soft & sums::hard) != 0;
    static constexpr bool has_own = (soft & sums::own) != 0;
    /// Whether p (1 - p) and y are all that the derivative by a logit needs of an element, once the sums are
    /// known.
    static constexpr bool pulls_by_variance =
        Kind == kind::elementwise && has_regions && (soft & (sums::pred2 | sums::absdiff | sums::own)) == 0;
    static constexpr unsigned soft_only = soft & (sums::target2 - 1) & ~sums::own; // which has its place
    static constexpr std::size_t soft_count = static_cast<std::size_t>(std::popcount(soft_only));

    static constexpr std::size_t soft_begin = points;
    static constexpr std::size_t target_at = soft_begin + soft_count;
    static constexpr std::size_t weight_at = target_at + 1;
    static constexpr std::size_t target2_at = weight_at + 1;
    static constexpr std::size_t hard_at = target2_at + (has_target2 ? 1 : 0);
    /// Sums per region.
    static constexpr std::size_t width = has_regions ? hard_at + (has_hard ? 2 : 0) : points;

    /// Where the points stand that a regional term sums for itself.
    static constexpr std::size_t own_at = [] {
        std::size_t at = 0, i = 0;
        ((sums_own_points<std::remove_cvref_t<Terms>> ? at = point_offsets[i++] : i++), ...);
        return at;
    }();

    /// Where the soft sum of this flag stands.
    static constexpr std::size_t soft_at(unsigned flag) {
        return flag == sums::own
                   ? own_at
                   : soft_begin + static_cast<std::size_t>(std::popcount(soft_only & (flag - 1)));
    }

    static constexpr bool needs(unsigned flag) { return (soft & flag) != 0; }

    static_assert(((sums_of<std::remove_cvref_t<Terms>>() & sums::cost ? 1 : 0) + ... + 0) <= 1,
                  "xloss: of the losses of a sum one may ask for sums::cost: there is one W");
    static_assert(Kind == kind::channelwise || (soft & sums::cost) == 0,
                  "xloss: sums::cost is about pairs of classes: such a loss is multiclass");
    static_assert(Kind == kind::elementwise || (soft & (sums::own | sums::prediction | sums::hard)) == 0,
                  "xloss: sums::own, sums::prediction and sums::hard are about masks: such a loss has the "
                  "modes with one sigmoid per element");
    static_assert(((sums_own_points<std::remove_cvref_t<Terms>> ? 1 : 0) + ... + 0) <= 1,
                  "xloss: of the losses of a sum one may ask for sums::own");
    static_assert(((!sums_own_points<std::remove_cvref_t<Terms>> ||
                    points_of<std::remove_cvref_t<Terms>>() == 1) &&
                   ...),
                  "xloss: a loss that asks for sums::own has one point of its own, from `at`");

    /// Calls f.template operator()<I>(part) for every part.
    template <class F>
    XLOSS_INLINE constexpr void each(F&& f) const {
        [&]<std::size_t... I>(std::index_sequence<I...>) XLOSS_INLINE_LAMBDA {
            (f.template operator()<I>(std::get<I>(parts)), ...);
        }
        (std::make_index_sequence<size>{});
    }

    template <class F>
    XLOSS_INLINE constexpr void each_pointwise(F&& f) const {
        each([&]<std::size_t I>(const auto& one) XLOSS_INLINE_LAMBDA {
            if constexpr (is_pointwise<I>)
                f.template operator()<I>(one);
        });
    }

    template <class F>
    constexpr void each_regional(F&& f) const {
        each([&]<std::size_t I>(const auto& one) {
            if constexpr (is_regional<I>)
                f.template operator()<I>(one);
        });
    }
};

/// Whether `is.operator()<Term>()` says yes of a pointwise term of a program.
template <class Program, class Is>
constexpr bool any_pointwise(Is is) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return ((Program::template is_pointwise<I> &&
                 is.template operator()<typename Program::template term<I>>()) ||
                ...);
    }
    (std::make_index_sequence<Program::size>{});
}

/// Whether a term needs every class of a pixel, not only those with y > 0.
template <class Term>
XLOSS_INLINE bool wants_every_class(const Term& term) {
    if constexpr (term_sees_distance<Term>)
        return true; // of every class: what it is at the label is not at hand
    else if constexpr (requires { term.every_class(); })
        return term.every_class();
    else
        return !has_at_class<Term>; // a slope by p alone says nothing about which classes matter
}

/// Whether the mean of a pointwise term is over the elements of some classes, in multiclass too.
template <class Term>
concept means_over_classes = requires(const Term& term) {
    { term.class_weights } -> std::same_as<const subset_weights&>;
};

/// The class weights of a pointwise term; 1 where it has none.
template <class Term>
auto class_weights_of(const Term& term) {
    if constexpr (means_over_classes<Term>)
        return term.class_weights;
    else if constexpr (pointwise<Term> && requires { per_class_view(term.class_weights); })
        return per_class_view(term.class_weights);
    else
        return per_class_view();
}

/// The class weight of every point of a program.
template <class Program>
std::array<double, Program::points> class_weights_of_points(const Program& program, std::size_t c) {
    std::array<double, Program::points> weights{};
    program.each_pointwise([&]<std::size_t I>(const auto& one) {
        const double w = class_weights_of(one.term).of(c);
        for (std::size_t k = Program::point_offsets[I]; k < Program::point_offsets[I + 1]; ++k)
            weights[k] = w;
    });
    return weights;
}

} // namespace engine
} // namespace xloss

#endif
