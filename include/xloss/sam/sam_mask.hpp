#ifndef XLOSS_SAM_SAM_MASK_HPP
#define XLOSS_SAM_SAM_MASK_HPP

#include <xloss/engine/options.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/region.hpp>
#include <xloss/engine/survey.hpp>
#include <xloss/losses/dice.hpp>
#include <xloss/losses/focal.hpp>

namespace xloss {

/// The mask loss of Segment Anything: focal_weight focal + dice_weight Dice, in one evaluation.
///
/// **Shapes and modes.** By itself multimask: logits `[B, N, ...]`, N masks of each of B images, every mask a
/// region; targets of the same shape, or `[B, ...]` where they are the same for all N. Also binary,
/// multilabel and one_vs_rest. An entry of its own in `terms`.
///
/// **Parameters.** `focal_weight`, `dice_weight` >= 0; `alpha` and `gamma` as in `focal`, `smooth`, `empty`
/// as in `dice`. `over`: `region::sample` scores every mask by itself, as SAM and SAM 2 do; `region::batch`
/// makes one region of all masks of the call.
///
/// **Gradient.** Without kinks, as those of its parts.
///
/// **Empty.** Of a mask without a true pixel `empty` decides. All pixels ignored: 0, with gradient 0.
///
/// **Source.** Kirillov et al. 2023, arXiv 2304.02643, 20 : 1; SAM 2: Ravi et al. 2024, arXiv 2408.00714.
///
/// @throws what `focal` and `dice` throw; parameter_error for a weight that is negative or no number.
struct sam_mask {
    static constexpr const char* name = "sam_mask";
    static constexpr std::size_t variants = 2;
    static constexpr unsigned modes = modes::elementwise;
    static constexpr mode natural_mode = mode::multimask;

    double focal_weight = 20.0;                ///< of the focal loss
    double dice_weight = 1.0;                  ///< of Dice
    double alpha = 0.25;                       ///< weight of true pixels in focal; negative: none
    double gamma = 2.0;                        ///< how much focal turns away from easy pixels
    double smooth = 1.0;                       ///< of Dice, in numerator and denominator
    region over = region::sample;              ///< what shares one Dice score
    empty_region empty = empty_region::smooth; ///< what a mask without a true pixel gives to Dice

    /// What Dice runs as.
    using dice_term = dice::term<dice::product_sums>;

    /// Dice alone, as a term.
    [[nodiscard]] dice_term dice_part() const {
        engine::check_number(name, "smooth", smooth);
        return {region_part(), engine::smoothing(dice{.smooth = smooth})};
    }

    /// Focal alone.
    [[nodiscard]] focal focal_part() const { return {.alpha = alpha, .gamma = gamma}; }

    template <class Run>
    auto bind(const survey& s, Run&& run) const {
        check();
        return focal_part().bind(s, with_dice(run));
    }

    template <class Run>
    auto bind_general(const survey& s, Run&& run) const {
        check();
        return focal_part().bind_general(s, with_dice(run));
    }

    /// Throws for weights outside their domain.
    void check() const {
        engine::check_number(name, "focal_weight", focal_weight);
        engine::check_number(name, "dice_weight", dice_weight);
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }

private:
    [[nodiscard]] engine::region_options region_part() const {
        engine::region_options regions;
        regions.over = over;
        regions.empty = empty;
        return regions;
    }

    template <class Run>
    auto with_dice(Run& run) const {
        return [this, &run](const auto& focal_term) {
            return run(engine::scaled{focal_weight, focal_term}, engine::scaled{dice_weight, dice_part()});
        };
    }
};

} // namespace xloss

#endif
