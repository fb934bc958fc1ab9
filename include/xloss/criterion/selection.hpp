#ifndef XLOSS_CRITERION_SELECTION_HPP
#define XLOSS_CRITERION_SELECTION_HPP

#include <xloss/criterion/sum.hpp>
#include <xloss/engine/apart.hpp>
#include <xloss/engine/bind.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/select.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace xloss {

/// A loss on the elements where it is largest; made by `top_k`.
///
/// A selection of one's own is such an aggregate: a member `loss` and `keep(candidates)`; `static constexpr
/// selection_key key` where elements are not compared by their losses; and `check()`, if there is something
/// to throw.
template <class Loss>
struct top_k_loss {
    static constexpr const char* name = "top_k";

    Loss loss;             ///< a pointwise loss, or a sum of such
    double fraction = 0.1; ///< of the valid elements, in (0, 1]

    /// Keeps the largest.
    template <class T>
    void keep(const candidates<T>& all) const {
        const double count = std::floor(fraction * static_cast<double>(all.valid()));
        all.keep_largest(std::max<std::size_t>(1, static_cast<std::size_t>(count)));
    }

    /// Throws for a fraction outside its domain.
    void check() const {
        engine::check_number(name, "fraction", fraction, 0.0, 1.0);
        if (fraction == 0.0)
            tensor::raise<parameter_error>({"xloss::top_k: fraction is 0, and keeps nothing"});
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

/// The options of `ohem`.
struct ohem_options {
    double threshold = 0.7;         ///< elements less certain than this are kept
    std::size_t min_kept = 100'000; ///< and at least so many per sample
};

/// A loss on the elements whose target has little probability; made by `ohem`.
template <class Loss>
struct ohem_loss {
    static constexpr const char* name = "ohem";
    static constexpr selection_key key = selection_key::confidence; ///< p_t, without weights

    Loss loss;                      ///< a pointwise loss, or a sum of such
    double threshold = 0.7;         ///< elements less certain than this are kept
    std::size_t min_kept = 100'000; ///< and at least so many per sample

    /// Keeps the least certain.
    template <class T>
    void keep(const candidates<T>& all) const {
        const std::size_t last = all.valid() - 1;
        const std::size_t least = min_kept < last ? std::min(min_kept * all.samples(), last) : last;
        all.keep_above(std::min(static_cast<T>(-threshold), all.nth_largest(least)));
    }

    /// Throws for a threshold outside its domain.
    void check() const { engine::check_number(name, "threshold", threshold, 0.0, 1.0); }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

/// A pointwise loss on the elements where it is largest: the max(1, floor(fraction * valid)) largest m w l.
/// The rest is as if `masked`, in every denominator too: the mean is over what is kept.
///
/// **Shapes and modes.** Those of the loss inside, which is pointwise or a sum of such. An element is a pixel
/// in binary and multiclass, a pixel of one class in multilabel and one_vs_rest; all elements of a call
/// compete, absent ones (ignored, weight 0) never do. Composes as any loss: `dice{} + top_k(cross_entropy{},
/// 0.1)`; a mode wraps last. `valid` counts what competed. Cannot be `measure`d.
///
/// **Parameters.** `fraction` in (0, 1].
///
/// **Gradient.** That of the loss on the elements that are kept; the choice has none. What a loss learns from
/// the targets of a call (`weighted_bce`, `normalized`) it learns from the kept ones; they are chosen by the
/// loss as it is on all. Of equal losses the first in row-major order are kept.
///
/// **Empty.** All pixels ignored: 0, with gradient 0.
///
/// **Memory.** One number of the logits' type per element, in the workspace.
///
/// **Source.** nnU-Net's TopKLoss (Isensee et al. 2021).
///
/// **Elsewhere.** nnU-Net's percentage k is 100 times ours, of all pixels, ignored ones too, which compete
/// with loss 0 (none kept: NaN); without ignored pixels and class weights both agree.
/// @throws parameter_error for a fraction outside (0, 1]; what the loss inside throws.
template <class Loss>
auto top_k(Loss&& loss, double fraction = 0.1) {
    using plain = std::remove_cvref_t<Loss>;
    engine::require_selectable<plain>();
    return top_k_loss<plain>{std::forward<Loss>(loss), fraction};
}

/// Online hard example mining: a pointwise loss on the elements whose target has little probability, p_t <
/// max(threshold, the least p_t of rank min_kept B), ranks counted from 0, so that about min_kept per sample
/// are kept where few are below the threshold. The rest is as if `masked`, in every denominator too.
///
/// **Shapes and modes.** As `top_k`. p_t is p y + (1 - p)(1 - y) with one sigmoid per element, and sum_c y_c
/// p_c in multiclass; neither pixel nor class weights are in it.
///
/// **Parameters.** `threshold` in [0, 1]; `min_kept` per sample. The rank is at most the last: without
/// `min_kept` elements the largest p_t, if it is not below the threshold, is not kept, nor are its equals.
///
/// **Gradient.** As `top_k`.
///
/// **Empty.** All pixels ignored, or none kept: 0, with gradient 0.
///
/// **Memory.** As `top_k`.
///
/// **Source.** Shrivastava et al. 2016, arXiv 1604.03540; in this form mmsegmentation's OHEMPixelSampler.
///
/// **Elsewhere.** mmsegmentation divides by all pixels: `denominator::all`. Its sampler without a threshold
/// keeps a number of largest losses, as `top_k` does a fraction.
/// @throws parameter_error for a threshold outside [0, 1]; what the loss inside throws.
template <class Loss>
auto ohem(Loss&& loss, ohem_options options = {}) {
    using plain = std::remove_cvref_t<Loss>;
    engine::require_selectable<plain>();
    return ohem_loss<plain>{std::forward<Loss>(loss), options.threshold, options.min_kept};
}

} // namespace xloss

#endif
