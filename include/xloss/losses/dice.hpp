#ifndef XLOSS_LOSSES_DICE_HPP
#define XLOSS_LOSSES_DICE_HPP

#include <xloss/engine/per_class.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/region.hpp>
#include <xloss/engine/survey.hpp>

#include <cstddef>
#include <optional>
#include <vector>

namespace xloss {

/// Dice loss: 1 - (2 tp + s)/(P + Y + s) of every region, then the mean over regions; tp = sum p y, P = sum
/// p, Y = sum y, or as `form` says.
///
/// **Shapes and modes.** All modes. A region is a sample (and a class of it, where logits have a class axis);
/// with `region::batch` all samples together.
///
/// **Parameters.** `smooth` >= 0, or `smooth_nr` in the numerator and `smooth_dr` in the denominator;
/// `class_weights` >= 0, not all zero, weigh the mean over the classes of a sample. `log`: -log max(score,
/// 1e-7).
///
/// **Gradient.** No kinks, but `soft_form::semimetric` at p = y, where it is the mean of both sides, and
/// `log` below 1e-7, where it is 0.
///
/// **Empty.** Of a region without a true pixel `empty` decides; by the formula it is 1 - s/(P + s). With s =
/// 0 and nothing predicted (0/0) the score is 1. All pixels ignored: 0, with gradient 0.
///
/// **Source.** Milletari et al. 2016, arXiv 1606.04797, is `form = soft_form::squared`; `semimetric` is Wang
/// et al. 2023, arXiv 2303.16296.
///
/// **Elsewhere.**
/// - One score for the whole batch: binary with `over = region::batch`. MONAI's `batch=True`, nnU-Net's
///   `batch_dice`: multilabel or multiclass with `over = region::batch`.
/// - MONAI: `smooth = 1e-5`; `squared_pred` is `form = soft_form::squared`, `soft_label` is `semimetric`. Its
///   weighted mean does not divide by the weights: mean(w) times ours.
/// - SMP: `smooth` twice its own, `over = region::batch`, `empty = empty_region::zero`; soft targets:
///   `semimetric`.
/// - nnU-Net's loss is -score: ours minus 1; `do_bg=False` is `include_background = false`.
/// - SAM 2: binary on masks `[N, ...]` with `reduction::sum`, over the number of objects.
/// - Mask R-CNN with soft Dice: `smooth = 1e-6`.
///
/// @throws parameter_error for a smooth that is negative or no number, class weights that are negative, all
/// zero or of the wrong length, a class that is not there.
struct dice {
    static constexpr const char* name = "dice";
    static constexpr std::size_t variants = 2;
    static constexpr unsigned modes = modes::every;

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
        static constexpr const char* name = dice::name;
        static constexpr unsigned sums = Sums;
        engine::region_options regions{};
        engine::smoothing smooth;
        soft_form form = soft_form::product;
        bool log = false;

        template <class S>
        S region_loss(const region_sums<S>& r) const {
            const engine::overlap<S> o(r, form);
            return engine::score_loss(engine::score(2.0 * o.tp + smooth.nr, o.pred + o.target + smooth.dr),
                                      log);
        }
    };

    static constexpr unsigned product_sums = sums::tp | sums::pred;

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
        return {engine::region_options(*this), engine::smoothing(*this), form, log};
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

} // namespace xloss

#endif
