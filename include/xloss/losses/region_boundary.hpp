#ifndef XLOSS_LOSSES_REGION_BOUNDARY_HPP
#define XLOSS_LOSSES_REGION_BOUNDARY_HPP

#include <xloss/engine/filter_place.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/region.hpp>
#include <xloss/engine/survey.hpp>
#include <xloss/losses/boundary.hpp>
#include <xloss/losses/boundary_schedule.hpp>
#include <xloss/losses/dice.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace xloss {

/// Dice and boundary loss in one, evaluated together: `dice_weight` Dice + `boundary_weight` boundary, each
/// times what the schedule says of this epoch. The weights are part of the value; the terms of a result are
/// one.
///
/// **Shapes and modes.** As `boundary`; the map rides on the target or is made in every call.
///
/// **Parameters.** `dice_weight`, `boundary_weight`; `epoch`, to be set before every epoch, and `epochs` >=
/// 1, over which the schedule runs. The others are those of `dice` and `boundary`.
///
/// **Schedules.** Dice finds the object, boundary then draws its border: `rebalanced` is Kervadec's, who lets
/// a rise by 0.01 per epoch. `falling` goes the other way.
///
/// **Gradient, empty.** As `dice` and `boundary`; not bounded below by 0.
///
/// **Source.** Kervadec et al. 2019, arXiv 1812.07032.
///
/// @throws what `dice` and `boundary` throw; parameter_error for weights, an epoch or epochs outside their
/// domains.
struct region_boundary {
    static constexpr const char* name = "region_boundary";
    static constexpr unsigned modes = modes::every;

    double dice_weight = 1.0;                                    ///< of Dice
    double boundary_weight = 1.0;                                ///< of the boundary loss
    boundary_schedule schedule = boundary_schedule::falling;     ///< how both change
    double epoch = 0.0;                                          ///< now, counted from 0
    double epochs = 100.0;                                       ///< over which the schedule runs
    distance_convention convention = distance_convention::pixel; ///< of the map, where it is made here
    std::vector<double> spacing{};             ///< between pixels, along every spatial axis; none: 1
    double smooth = 1.0;                       ///< of Dice, in numerator and denominator
    std::optional<double> smooth_nr{};         ///< in the numerator, where they differ
    std::optional<double> smooth_dr{};         ///< in the denominator, where they differ
    region over = region::sample;              ///< what shares one Dice score
    empty_region empty = empty_region::smooth; ///< what a region without a true pixel gives
    std::vector<std::size_t> classes{}; ///< the classes that count, after the activation; none listed: all
    bool include_background = true;     ///< false: not class 0
    per_class class_weights{};          ///< of both means

    /// What the schedule makes of 1 for Dice and for boundary.
    using factors = boundary_factors;
    /// Likewise, in this epoch.
    [[nodiscard]] factors scheduled() const { return engine::scheduled(schedule, epoch, epochs); }

    template <class Run>
    auto bind(const survey& s, Run&& run) const {
        engine::check_number(name, "dice_weight", dice_weight);
        engine::check_number(name, "boundary_weight", boundary_weight);
        engine::check_number(name, "epoch", epoch);
        engine::check_number(name, "epochs", epochs, 1.0);
        const engine::class_subset counted{&classes, include_background};
        counted.check(name, s.classes);
        const factors now = scheduled();
        return run(engine::scaled{now.dice * dice_weight,
                                  dice::term<dice::product_sums>{engine::region_options(*this),
                                                                 engine::smoothing(*this)}},
                   engine::scaled{now.boundary * boundary_weight,
                                  boundary::term{{engine::per_class_view(class_weights), counted}}});
    }

    /// The map of one plane of the target; 0 where the schedule leaves nothing of the boundary loss, so that
    /// its transform costs nothing then.
    template <class T>
    void make_distance(const engine::filter_place& place, const std::uint8_t* mask, T* to) const {
        if (scheduled().boundary * boundary_weight == 0.0)
            std::fill_n(to, place.where.size(), T(0));
        else
            boundary{.convention = convention}.make_distance(place, mask, to);
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

} // namespace xloss

#endif
