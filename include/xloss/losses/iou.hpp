#ifndef XLOSS_LOSSES_IOU_HPP
#define XLOSS_LOSSES_IOU_HPP

#include <xloss/engine/per_class.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/region.hpp>
#include <xloss/engine/survey.hpp>

#include <cstddef>
#include <optional>
#include <vector>

namespace xloss {

/// IoU (Jaccard) loss: 1 - (tp + s)/(P + Y - tp + s) of every region, then the mean over regions; tp = sum p
/// y, P = sum p, Y = sum y, or as `form` says.
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
/// **Source.** Rahman and Wang 2016, Optimizing Intersection-Over-Union in Deep Neural Networks for Image
/// Segmentation; `semimetric` is Wang et al. 2023, arXiv 2302.05666.
///
/// **Elsewhere.**
/// - Tables that give IoU as 2 intersection/union are wrong: its numerator is the intersection, once.
/// - One score for the whole batch: binary with `over = region::batch`.
/// - SMP's JaccardLoss: `over = region::batch`, `empty = empty_region::zero`, its smooth (0) is ours; soft
///   targets: `semimetric`.
/// - MONAI's DiceLoss with `jaccard=True`, (2 tp + s)/(2 (P + Y - tp) + s): `smooth` half of its own.
/// - It is `tversky{.alpha = 1.0, .beta = 1.0}`; without smooth the score is D/(2 - D) for a Dice score D.
///
/// @throws parameter_error for a smooth that is negative or no number, class weights that are negative, all
/// zero or of the wrong length, a class that is not there.
struct iou {
    static constexpr const char* name = "iou";
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
        static constexpr const char* name = iou::name;
        static constexpr unsigned sums = Sums;
        engine::region_options regions{};
        engine::smoothing smooth;
        soft_form form = soft_form::product;
        bool log = false;

        template <class S>
        S region_loss(const region_sums<S>& r) const {
            const engine::overlap<S> o(r, form);
            const S both = o.pred + o.target - o.tp; // the union
            return engine::score_loss(engine::score(o.tp + smooth.nr, both + smooth.dr), log);
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
