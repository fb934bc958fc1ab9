#ifndef XLOSS_LOSSES_TVERSKY_HPP
#define XLOSS_LOSSES_TVERSKY_HPP

#include <xloss/engine/per_class.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/region.hpp>
#include <xloss/engine/survey.hpp>

#include <cmath>
#include <cstddef>
#include <optional>
#include <vector>

namespace xloss {

/// Tversky loss, with `gamma` focal Tversky: (1 - T)^gamma of every region, then the mean over regions; T =
/// (tp + s)/(tp + alpha fp + beta fn + s), tp = sum p y, fp = sum p (1 - y), fn = sum (1 - p) y.
///
/// **Shapes and modes.** All modes. A region is a sample (and a class of it, where logits have a class axis);
/// with `region::batch` all samples together.
///
/// **Parameters.** `alpha`, `beta`, `gamma`, `smooth` >= 0; `smooth_nr` in the numerator and `smooth_dr` in
/// the denominator, where they differ. Other forms of the sums: fp = P - tp, fn = Y - tp, which may be
/// negative in `squared` for one of them alone; it is made for alpha = beta. `class_weights` >= 0, not all
/// zero, weigh the mean over the classes of a sample. `log`: (-log max(T, 1e-7))^gamma.
///
/// **Gradient.** 1 - T comes from the misses alone, exact next to a perfect score. For gamma < 1 the power
/// has an infinite slope at T = 1: there the gradient is 0. gamma = 0: the constant 1. A T above 1 (by
/// `smooth_nr` > `smooth_dr`) counts as 1 where gamma is not 1. `semimetric` and `log` as in dice.
///
/// **Empty.** Of a region without a true pixel `empty` decides; by the formula T is s/(alpha P + s). 0/0
/// (sums below 1e-290) is a perfect score. All pixels ignored: 0, with gradient 0.
///
/// **Source.** Salehi et al. 2017, arXiv 1706.05721; gamma: Abraham and Khan 2018, arXiv 1810.07842; gamma
/// with `log`: Wong et al. 2018, arXiv 1809.00076.
///
/// **Elsewhere.**
/// - alpha = beta = 0.5 is dice with `smooth` twice as large; alpha = beta = 1 is iou.
/// - Abraham and Khan write the exponent 1/gamma: their 4/3 is `gamma = 0.75`. Their alpha (0.7) weighs false
///   negatives: it is our `beta`.
/// - SMP: `over = region::batch`, `empty = empty_region::zero`, and gamma is a power of the mean over
///   classes: for several classes raise the value yourself. Its gradient is NaN at loss 0 with gamma < 1.
/// - MONAI: `smooth = 1e-5`, alpha and beta as here; `batch=True` is `over = region::batch`.
///
/// @throws parameter_error for an alpha, beta, gamma or smooth that is negative or no number, class weights
/// that are negative, all zero or of the wrong length, a class that is not there.
struct tversky {
    static constexpr const char* name = "tversky";
    static constexpr std::size_t variants = 2;
    static constexpr unsigned modes = modes::every;

    double alpha = 0.5;                        ///< weight of false positives
    double beta = 0.5;                         ///< weight of false negatives
    double gamma = 1.0;                        ///< exponent of the loss of a region
    double smooth = 1.0;                       ///< s, in numerator and denominator
    std::optional<double> smooth_nr{};         ///< in the numerator, where they differ
    std::optional<double> smooth_dr{};         ///< in the denominator, where they differ
    soft_form form = soft_form::product;       ///< how tp, P and Y are formed
    region over = region::sample;              ///< what shares one score
    empty_region empty = empty_region::smooth; ///< what a region without a true pixel gives
    std::vector<std::size_t> classes{}; ///< the classes that count, after the activation; none listed: all
    bool include_background = true;     ///< false: not class 0
    per_class class_weights{};          ///< of the mean over the classes of a sample
    bool log = false;                   ///< -log of the score instead of 1 - score

    template <unsigned Sums>
    struct term {
        static constexpr const char* name = tversky::name;
        static constexpr unsigned sums = Sums;
        engine::region_options regions{};
        engine::smoothing smooth;
        double alpha = 0.5, beta = 0.5, gamma = 1.0;
        soft_form form = soft_form::product;
        bool log = false;

        template <class S>
        S region_loss(const region_sums<S>& r) const {
            const bool product = form == soft_form::product;
            const engine::overlap<S> o(r, form);
            const S fp = product ? r.fp : o.pred - o.tp;
            const S fn = product ? r.fn : o.target - o.tp;
            return focused(overlap_loss(o.tp + smooth.nr, alpha * fp + beta * fn + (smooth.dr - smooth.nr)));
        }

        /// 1 - hit/(hit + missed) from the misses, or -log of that score: both keep their digits next to a
        /// perfect score.
        template <class S>
        S overlap_loss(const S& hit, const S& missed) const {
            using std::abs;
            const S size = hit + missed;
            if (abs(size) < 1e-290) // slopes by sums as small as this have no number
                return S(0.0);      // nothing predicted and nothing to find
            if (!log)
                return missed / size;
            return hit > abs(missed) ? log1p(missed / hit) : engine::score_loss(hit / size, true);
        }

        /// The power's slope at 0 is 0 by the convention of dual numbers, and so is that of gamma = 0.
        template <class S>
        S focused(const S& loss) const {
            if (gamma == 1.0)
                return loss;
            return gamma == 0.0 ? S(1.0) : pow(max(loss, S(0.0)), S(gamma));
        }
    };

    static constexpr unsigned product_sums = sums::tp | sums::fp | sums::fn;

    template <class Run>
    auto bind(const survey&, Run&& run) const {
        return engine::run_form<product_sums>(*this, run);
    }

    template <class Run>
    auto bind_general(const survey&, Run&& run) const {
        return engine::run_any_form<product_sums>(*this, run);
    }

    template <unsigned Sums>
    term<Sums> bound() const {
        engine::check_number(name, "alpha", alpha);
        engine::check_number(name, "beta", beta);
        engine::check_number(name, "gamma", gamma);
        return {engine::region_options(*this), engine::smoothing(*this), alpha, beta, gamma, form, log};
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

} // namespace xloss

#endif
