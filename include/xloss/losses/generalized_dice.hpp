#ifndef XLOSS_LOSSES_GENERALIZED_DICE_HPP
#define XLOSS_LOSSES_GENERALIZED_DICE_HPP

#include <xloss/engine/per_class.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/region.hpp>
#include <xloss/engine/survey.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace xloss {

/// How generalized Dice weights a class by its volume V = sum y.
enum class volume_weighting {
    square, ///< 1/(V^2 + weight_smooth)
    simple, ///< 1/(V + weight_smooth)
    uniform ///< 1
};

/// Generalized Dice loss: 1 - (2 sum_c w_c tp_c + s)/(sum_c w_c (P_c + Y_c) + s), one score for all classes
/// of a region. A ratio of sums: a mean of ratios would cancel the weights.
///
/// **Shapes and modes.** All modes; with one class the weights cancel. A region is a sample with all its
/// classes; with `region::batch` all samples together.
///
/// **Parameters.** `weighting` of a class by its volume V; `weight_smooth`, `smooth`, `smooth_nr`,
/// `smooth_dr` >= 0. `log`: -log max(score, 1e-7).
///
/// **Gradient.** No kinks, but `log` below 1e-7, where it is 0. The weights carry no gradient.
///
/// **Empty.** An absent class would have an infinite weight: at weight_smooth = 0 it takes the largest weight
/// present in its region, so that it neither dominates nor divides by zero; with `empty_region::skip` 0. No
/// class present: loss 0. (Uniform weights have none of this: the formula.)
///
/// **Source.** Sudre et al. 2017, arXiv 1707.03237.
///
/// **Elsewhere.** With weights next to 1/V^2 even a smooth of 1 outweighs every sum, and the loss is nearly 0
/// for any prediction; code that does so is `weight_smooth = 1, smooth = 1`. MONAI: `smooth = 1e-5`, in
/// multilabel or multiclass.
/// @throws parameter_error for a smooth that is negative or no number, a class that is not there.
struct generalized_dice {
    static constexpr const char* name = "generalized_dice";
    static constexpr unsigned modes = modes::every;

    volume_weighting weighting = volume_weighting::square; ///< of a class by its volume
    double weight_smooth = 0.0;                            ///< in the weights
    double smooth = 0.0;                                   ///< s, in numerator and denominator
    std::optional<double> smooth_nr{};                     ///< in the numerator, where they differ
    std::optional<double> smooth_dr{};                     ///< in the denominator, where they differ
    region over = region::sample;                          ///< what shares one score
    empty_region empty = empty_region::smooth;             ///< what an absent class gives
    std::vector<std::size_t> classes{}; ///< the classes that count, after the activation; none listed: all
    bool include_background = true;     ///< false: not class 0
    bool log = false;                   ///< -log of the score instead of 1 - score

    struct term {
        static constexpr const char* name = generalized_dice::name;
        static constexpr unsigned sums = sums::tp | sums::pred;
        engine::region_options regions{};
        engine::smoothing smooth;
        volume_weighting weighting = volume_weighting::square;
        double weight_smooth = 0.0;
        bool log = false;

        template <class S>
        S classes_loss(std::span<const region_sums<S>> all) const {
            double largest = 0.0; // weight of a class that is present
            for (const auto& r : all)
                if (r.target > 0.0)
                    largest = std::max(largest, weight(r.target));
            S numerator = smooth.nr, denominator = smooth.dr;
            for (const auto& r : all) {
                const double w = r.target > 0.0 ? weight(r.target) : weight_of_absent(largest);
                numerator = numerator + 2.0 * w * r.tp;
                denominator = denominator + w * (r.pred + r.target);
            }
            return engine::score_loss(engine::score(numerator, denominator), log);
        }

        [[nodiscard]] double weight(double volume) const {
            if (weighting == volume_weighting::uniform)
                return 1.0;
            return 1.0 / ((weighting == volume_weighting::square ? volume * volume : volume) + weight_smooth);
        }

        [[nodiscard]] double weight_of_absent(double largest) const {
            if (regions.empty == empty_region::skip)
                return 0.0;
            return weight_smooth > 0.0 || weighting == volume_weighting::uniform ? weight(0.0) : largest;
        }
    };

    template <class Run>
    auto bind(const survey&, Run&& run) const {
        engine::check_number(name, "weight_smooth", weight_smooth);
        return run(
            term{engine::region_options(*this), engine::smoothing(*this), weighting, weight_smooth, log});
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

} // namespace xloss

#endif
