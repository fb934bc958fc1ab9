#ifndef XLOSS_ENGINE_REGION_HPP
#define XLOSS_ENGINE_REGION_HPP

#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <vector>

#include <xloss/engine/per_class.hpp>

namespace xloss {

/// What shares one overlap score.
enum class region {
    sample, ///< every sample for itself (and every class of it)
    batch   ///< all samples of the call together (for every class)
};

/// What a region without a true pixel gives.
enum class empty_region {
    smooth, ///< what the formula says
    zero,   ///< loss 0 without gradient; the region counts in the mean
    skip    ///< the region does not count, nor does its class weight
};

/// How the soft sums of an overlap are formed from probabilities p and targets y.
enum class soft_form {
    product,   ///< tp = sum p y, P = sum p, Y = sum y
    squared,   ///< tp = sum p y, P = sum p^2, Y = sum y^2 (Milletari 2016)
    semimetric ///< P = sum p, Y = sum y, tp = (P + Y - sum |p - y|)/2: least at p = y for soft targets as
               ///< well
};

/// Names of the sums over a region that a regional loss may ask for, to be joined with `|`.
namespace sums {
inline constexpr unsigned tp = 1U << 0;      ///< sum p y
inline constexpr unsigned fp = 1U << 1;      ///< sum p (1 - y)
inline constexpr unsigned fn = 1U << 2;      ///< sum (1 - p) y
inline constexpr unsigned tn = 1U << 3;      ///< sum (1 - p)(1 - y)
inline constexpr unsigned pred = 1U << 4;    ///< sum p
inline constexpr unsigned pred2 = 1U << 5;   ///< sum p^2
inline constexpr unsigned absdiff = 1U << 6; ///< sum |p - y|
inline constexpr unsigned cost = 1U << 7;    ///< sum y W, W what the term's `cost` says of the prediction
inline constexpr unsigned own = 1U << 8;     ///< sum of what the term's own `at` gives for a pixel
inline constexpr unsigned prediction = 1U
                                       << 9;  ///< no sum: what another head of the network says of the region
inline constexpr unsigned target2 = 1U << 10; ///< sum y^2
inline constexpr unsigned hard = 1U << 11;    ///< sum h and sum h y, h = 1 where p > 1/2
} // namespace sums

/// The sums over one region, every pixel multiplied by its weight. Only those asked for are filled.
template <class S = double>
struct region_sums {
    S tp{};            ///< sum p y
    S fp{};            ///< sum p (1 - y)
    S fn{};            ///< sum (1 - p) y
    S tn{};            ///< sum (1 - p)(1 - y)
    S pred{};          ///< sum p
    S pred2{};         ///< sum p^2
    S absdiff{};       ///< sum |p - y|
    S cost{};          ///< sum y W
    S own{};           ///< sum of the losses that the term has for pixels
    S prediction{};    ///< what another head of the network says of the region
    double target{};   ///< sum y, always there
    double target2{};  ///< sum y^2
    double hard{};     ///< sum h, h = 1 where p > 1/2
    double hard_tp{};  ///< sum h y
    double weight{};   ///< sum of the weights, always there
    std::size_t cls{}; ///< class of the region
};

namespace engine {

/// The numbers of `region_sums` that losses have derivatives by, in the order of their flags.
template <class S>
inline constexpr std::array<S region_sums<S>::*, 10> soft_sums{
    &region_sums<S>::tp,   &region_sums<S>::fp,        &region_sums<S>::fn,      &region_sums<S>::tn,
    &region_sums<S>::pred, &region_sums<S>::pred2,     &region_sums<S>::absdiff, &region_sums<S>::cost,
    &region_sums<S>::own,  &region_sums<S>::prediction};

/// The options that every regional loss has, as the engine carries them.
struct region_options {
    region over = region::sample;
    empty_region empty = empty_region::smooth;
    const std::vector<std::size_t>* classes = nullptr;
    bool include_background = true;
    per_class_view class_weights{};

    region_options() = default;

    /// From the members of a loss that go by these names.
    template <class Loss>
    explicit region_options(const Loss& loss) {
        if constexpr (requires { region{loss.over}; })
            over = loss.over;
        if constexpr (requires { empty_region{loss.empty}; })
            empty = loss.empty;
        if constexpr (requires { loss.classes; })
            classes = &loss.classes;
        if constexpr (requires { loss.include_background; })
            include_background = loss.include_background;
        if constexpr (requires { loss.class_weights; })
            class_weights = per_class_view(loss.class_weights);
    }
};

/// Numerator and denominator smoothing: `smooth` unless told otherwise.
struct smoothing {
    double nr = 0.0;
    double dr = 0.0;

    template <class Loss>
    explicit smoothing(const Loss& loss)
        : nr(loss.smooth_nr.value_or(loss.smooth)), dr(loss.smooth_dr.value_or(loss.smooth)) {
        check_number(Loss::name, "smooth", loss.smooth);
        check_number(Loss::name, "smooth_nr", nr);
        check_number(Loss::name, "smooth_dr", dr);
    }
};

/// tp, P and Y of a region in one of the soft forms.
template <class S>
struct overlap {
    S tp, pred;
    double target;

    overlap(const region_sums<S>& r, soft_form form)
        : tp(r.tp), pred(form == soft_form::squared ? r.pred2 : r.pred),
          target(form == soft_form::squared ? r.target2 : r.target) {
        if (form == soft_form::semimetric)
            tp = 0.5 * (r.pred + r.target - r.absdiff);
    }
};

/// A score as a quotient; 0/0, nothing predicted and nothing to find, is 1. So are sums below 1e-290, whose
/// quotients have no finite slopes.
template <class S>
S score(const S& numerator, const S& denominator) {
    using std::abs;
    return abs(denominator) < 1e-290 ? S(1.0) : numerator / denominator;
}

/// 1 - score, or -log of the score (not below 1e-7).
template <class S>
S score_loss(const S& score, bool log_form) {
    return log_form ? -log(max(score, S(1e-7))) : 1.0 - score;
}

/// Runs the term of a regional loss with the sums of every form.
template <unsigned Product, class Loss, class Run>
auto run_any_form(const Loss& loss, Run&& run) {
    return run(loss.template bound<Product | sums::pred | sums::pred2 | sums::absdiff | sums::target2>());
}

/// Runs the term of a regional loss with the sums that its `form` needs: those of the product alone get a
/// kernel of their own, since they are what nearly all runs ask for.
template <unsigned Product, class Loss, class Run>
auto run_form(const Loss& loss, Run&& run) {
    if (loss.form == soft_form::product)
        return run(loss.template bound<Product>());
    return run_any_form<Product>(loss, run);
}

} // namespace engine
} // namespace xloss

#endif
