#ifndef XLOSS_CRITERION_SELECTION_HPP
#define XLOSS_CRITERION_SELECTION_HPP

#include <xloss/criterion/sum.hpp>
#include <xloss/engine/apart.hpp>
#include <xloss/engine/bind.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/select.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace xloss {

/// A loss on the elements where it is largest; made by `top_k`.
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
            throw parameter_error("xloss::top_k: fraction is 0, and keeps nothing");
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
    static constexpr selection_key key = selection_key::confidence;

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

/// DOC top_k
template <class Loss>
auto top_k(Loss&& loss, double fraction = 0.1) {
    using plain = std::remove_cvref_t<Loss>;
    engine::require_selectable<plain>();
    return top_k_loss<plain>{std::forward<Loss>(loss), fraction};
}

/// DOC ohem
template <class Loss>
auto ohem(Loss&& loss, ohem_options options = {}) {
    using plain = std::remove_cvref_t<Loss>;
    engine::require_selectable<plain>();
    return ohem_loss<plain>{std::forward<Loss>(loss), options.threshold, options.min_kept};
}

} // namespace xloss

#endif
