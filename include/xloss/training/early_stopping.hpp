#ifndef XLOSS_TRAINING_EARLY_STOPPING_HPP
#define XLOSS_TRAINING_EARLY_STOPPING_HPP

#include <xloss/engine/per_class.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>

namespace xloss {

/// Which values of a monitored metric are better.
enum class stopping_rule {
    greater, ///< a score
    less     ///< a loss
};

/// Why a training run should stop.
enum class stopping_reason {
    none,           ///< it should not
    no_improvement, ///< `patience` values in a row were no improvement
    threshold,      ///< a value went beyond `stopping_threshold`
    not_finite      ///< a value was NaN or infinite
};

/// Says when to stop a training run: when a metric of the validation no longer improves.
///
///     xloss::early_stopping stop{.min_delta = 0.001};
///     // after every validation
///     if (stop.update(seen.mean_iou()))
///         break; // the best was stop.best, in validation stop.best_step
///
/// **Rule.** A value is an improvement if it is at least `min_delta` beyond the best one so far, and is the
/// best one then; the first is one. After `patience` values in a row that were none, `update` says true, and
/// from then on always.
///
/// **Parameters.** `rule`; `patience`, 0 is as 1; `min_delta` >= 0; `check_finite`: the first NaN or infinite
/// value stops the run; without it a NaN is a value that is no improvement. `stopping_threshold`: a value
/// beyond it stops the run, and is the best if better than the best one so far. `strict`: an update without a
/// value (the metric was not measured) is an error; without it, it counts as a validation and changes nothing
/// else.
///
/// **State.** Everything is in the members; `best`, `best_step`, `bad_count`, `steps` and `reason` change.
///
/// **Source.** MMEngine's EarlyStoppingHook, whose options and defaults these are; its `strict` is an error
/// where the metric has no value. There a NaN without `check_finite` becomes the best value, which nothing
/// improves on and nothing falls short of.
///
/// @throws parameter_error for a min_delta that is negative or no number, a threshold that is none, an update
/// without a value if `strict`. Nothing has changed then.
struct early_stopping {
    stopping_rule rule = stopping_rule::greater; ///< which values are better
    std::size_t patience = 5;                    ///< values in a row without improvement
    double min_delta = 0.1;                      ///< the least improvement
    bool strict = false;                         ///< an update without a value is an error
    bool check_finite = true;                    ///< a NaN or infinite value stops the run
    std::optional<double> stopping_threshold{};  ///< a value beyond it stops the run

    std::optional<double> best{};                   ///< the best value, once there is one
    std::size_t best_step = 0;                      ///< the update that brought it, counted from 0
    std::size_t bad_count = 0;                      ///< updates since, with a value that was no improvement
    std::size_t steps = 0;                          ///< updates so far
    stopping_reason reason = stopping_reason::none; ///< why the run should stop

    /// Takes the value of a validation, and says whether to stop.
    bool update(std::optional<double> value) {
        check(value);
        if (value)
            take(*value);
        ++steps;
        return stopped();
    }

    /// Whether any update has said so.
    [[nodiscard]] bool stopped() const { return reason != stopping_reason::none; }

    /// Options and state.
    friend bool operator==(const early_stopping&, const early_stopping&) = default;

private:
    static constexpr const char* name = "early_stopping";

    void check(const std::optional<double>& value) const {
        engine::check_number(name, "min_delta", min_delta);
        if (stopping_threshold && std::isnan(*stopping_threshold))
            tensor::raise<parameter_error>(
                {engine::public_name(name), ": stopping_threshold is not a number"});
        if (strict && !value)
            tensor::raise<parameter_error>(
                {engine::public_name(name), ": no value in update ", steps, ", and strict"});
    }

    [[nodiscard]] bool better(double a, double b) const {
        return rule == stopping_rule::greater ? a > b : a < b;
    }

    /// The least value that improves on the best; itself enough.
    [[nodiscard]] double wanted() const {
        return rule == stopping_rule::greater ? *best + min_delta : *best - min_delta;
    }

    [[nodiscard]] bool improves(double value) const {
        return !std::isnan(value) && (!best || !better(wanted(), value));
    }

    void take(double value) {
        if (check_finite && !std::isfinite(value))
            return stop(stopping_reason::not_finite);
        const bool beyond = stopping_threshold && better(value, *stopping_threshold);
        if (improves(value) || (beyond && (!best || better(value, *best)))) {
            best = value;
            best_step = steps;
            bad_count = 0;
        } else if (!beyond && ++bad_count >= std::max<std::size_t>(patience, 1)) {
            stop(stopping_reason::no_improvement);
        }
        if (beyond)
            stop(stopping_reason::threshold);
    }

    /// The first reason stays.
    void stop(stopping_reason why) {
        if (!stopped())
            reason = why;
    }
};

} // namespace xloss

#endif
