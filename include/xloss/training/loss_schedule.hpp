#ifndef XLOSS_TRAINING_LOSS_SCHEDULE_HPP
#define XLOSS_TRAINING_LOSS_SCHEDULE_HPP

#include <xloss/engine/per_class.hpp>
#include <xloss/losses/boundary_schedule.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>

namespace xloss {

/// How a number gets from one value to another.
enum class ramp_shape {
    constant, ///< it does not
    linear,   ///< in proportion to the progress
    cosine,   ///< (1 - cos(pi progress))/2: slowly at both ends
    step      ///< in `stairs` equal jumps, the last at the end
};

namespace engine {

/// min(1, step/warmup), 1 without a warm-up.
inline double warmed_up(double step, double warmup) {
    return step < warmup ? step / warmup : 1.0;
}

/// clamp((step - warmup)/(total - warmup), 0, 1). Where total <= warmup: 0 before the end of the warm-up, and
/// 1 from there on.
inline double ramp_progress(double step, double warmup, double total) {
    if (step < warmup)
        return 0.0;
    return step < total ? (step - warmup) / (total - warmup) : 1.0;
}

/// How far along its way a number is.
inline double ramp_height(ramp_shape shape, double progress, std::size_t stairs) {
    const auto n = static_cast<double>(stairs);
    switch (shape) {
    case ramp_shape::constant:
        return 0.0;
    case ramp_shape::cosine:
        return 0.5 - 0.5 * std::cos(std::numbers::pi * progress);
    case ramp_shape::step:
        // k/n times n may be less than k by a rounding, and would miss its step by one.
        return std::floor(n * progress * (1.0 + 4.0 * std::numeric_limits<double>::epsilon())) / n;
    default:
        return progress;
    }
}

/// What must hold of a schedule and of the step it is asked for.
inline void check_schedule(const char* name, double warmup, double total, std::size_t stairs, double step) {
    if (stairs == 0)
        tensor::raise<parameter_error>({public_name(name), ": stairs is 0; a ramp has at least one jump"});
    check_number(name, "warmup", warmup);
    check_number(name, "total", total, std::numeric_limits<double>::min());
    check_number(name, "step", step);
}

} // namespace engine

/// A number that changes over a training run: `from` until `warmup`, `to` from `total` on.
///
///     const xloss::ramp weight{.shape = xloss::ramp_shape::cosine, .from = 1.0, .to = 0.1, .total = 5000};
///     auto loss = xloss::focal{} + weight.at(step) * xloss::dice{};
///
/// **Formula.** from + h (to - from), h by `shape` from the progress clamp((step - warmup)/(total - warmup),
/// 0, 1). Steps are counted from 0 and need not be whole; epochs are as good.
///
/// **Edges.** Beyond `total` it stays at `to`. Where total <= warmup it jumps at `warmup`.
///
/// @throws parameter_error for a step or warmup that is negative or no number, a total that is not positive,
/// no stairs, ends that are not finite.
struct ramp {
    ramp_shape shape = ramp_shape::linear; ///< the way from one end to the other
    double from = 0.0;                     ///< at first
    double to = 1.0;                       ///< in the end
    double warmup = 0.0;                   ///< the last step of `from`
    double total = 0.0;                    ///< the first step of `to`; has to be given
    std::size_t stairs = 1;                ///< how many jumps `ramp_shape::step` has

    /// At a step.
    [[nodiscard]] double at(double step) const {
        engine::check_schedule("ramp", warmup, total, stairs, step);
        engine::check_number("ramp", "from", from, -HUGE_VAL);
        engine::check_number("ramp", "to", to, -HUGE_VAL);
        return std::lerp(from, to,
                         engine::ramp_height(shape, engine::ramp_progress(step, warmup, total), stairs));
    }

    /// Number by number.
    friend bool operator==(const ramp&, const ramp&) = default;
};

/// The weights of a region loss and of the boundary loss beside it over the epochs, for sums of one's own;
/// `region_boundary` has the same schedules built in.
///
///     const auto now = xloss::boundary_ramp{.schedule = xloss::boundary_schedule::rebalanced}.at(epoch);
///     auto loss = now.dice * xloss::generalized_dice{} + now.boundary * xloss::boundary{};
///
/// **Source.** Kervadec et al. 2019, arXiv 1812.07032.
/// @throws parameter_error for a negative epoch, for epochs < 1.
struct boundary_ramp {
    boundary_schedule schedule = boundary_schedule::falling; ///< how both change
    double epochs = 100.0;                                   ///< over how many epochs

    /// In an epoch, counted from 0.
    [[nodiscard]] boundary_factors at(double epoch) const {
        engine::check_number("boundary_ramp", "epoch", epoch);
        engine::check_number("boundary_ramp", "epochs", epochs, 1.0);
        return engine::scheduled(schedule, epoch, epochs);
    }

    /// Number by number.
    friend bool operator==(const boundary_ramp&, const boundary_ramp&) = default;
};

/// Where a weight of `loss_schedule` starts and ends.
struct weight_range {
    double from = 1.0; ///< until the end of the warm-up
    double to = 1.0;   ///< at the end of the training

    /// Number by number.
    friend bool operator==(const weight_range&, const weight_range&) = default;
};

/// The weights of focal, Dice and predicted IoU that `loss_schedule` gives.
struct scheduled_weights {
    double focal = 1.0; ///< of the focal loss
    double dice = 1.0;  ///< of the Dice loss
    double iou = 1.0;   ///< of the loss of the predicted IoU

    /// Number by number.
    friend bool operator==(const scheduled_weights&, const scheduled_weights&) = default;
};

/// The weights of focal, Dice and predicted IoU over a training run: the IoU is warmed up, then all go from
/// where they start to where they end.
///
///     const xloss::loss_schedule schedule{.total = 50000};
///     const auto w = schedule.at(step);
///     auto loss = w.focal * xloss::focal{} + w.dice * xloss::dice{}; // and w.iou times the IoU head's
///
/// **Formula.** h by `shape` from progress = clamp((step - warmup)/(total - warmup), 0, 1). focal and dice:
/// from + h (to - from); iou: min(1, step/warmup) times the same.
///
/// **Parameters.** `total` steps, which have to be given; `warmup` 1000; `focal` 10 to 20, `dice` 1 to 1,
/// `iou` 0 to 1; `shape` and `stairs` as in `ramp`.
///
/// **Edges.** Without a warm-up its factor is 1. Beyond `total` all stay at their ends. Where total <=
/// warmup, h jumps from 0 to 1 at `warmup`.
///
/// @throws parameter_error for a step or warmup that is negative or no number, a total that is not positive,
/// no stairs, ends that are not finite.
struct loss_schedule {
    double total = 0.0;                    ///< steps of the training; has to be given
    weight_range focal{10.0, 20.0};        ///< of the focal loss
    weight_range dice{1.0, 1.0};           ///< of the Dice loss
    weight_range iou{0.0, 1.0};            ///< of the loss of the predicted IoU
    double warmup = 1000.0;                ///< steps before weights change
    ramp_shape shape = ramp_shape::linear; ///< the way from one end to the other
    std::size_t stairs = 1;                ///< how many jumps `ramp_shape::step` has

    /// At a step.
    [[nodiscard]] scheduled_weights at(double step) const {
        check(step);
        const double h = engine::ramp_height(shape, engine::ramp_progress(step, warmup, total), stairs);
        return {std::lerp(focal.from, focal.to, h), std::lerp(dice.from, dice.to, h),
                engine::warmed_up(step, warmup) * std::lerp(iou.from, iou.to, h)};
    }

    /// Number by number.
    friend bool operator==(const loss_schedule&, const loss_schedule&) = default;

private:
    void check(double step) const {
        engine::check_schedule(name, warmup, total, stairs, step);
        for (const double end : {focal.from, focal.to})
            engine::check_number(name, "focal", end, -HUGE_VAL);
        for (const double end : {dice.from, dice.to})
            engine::check_number(name, "dice", end, -HUGE_VAL);
        for (const double end : {iou.from, iou.to})
            engine::check_number(name, "iou", end, -HUGE_VAL);
    }

    static constexpr const char* name = "loss_schedule";
};

} // namespace xloss

#endif
