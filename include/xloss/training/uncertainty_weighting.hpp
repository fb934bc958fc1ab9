#ifndef XLOSS_TRAINING_UNCERTAINTY_WEIGHTING_HPP
#define XLOSS_TRAINING_UNCERTAINTY_WEIGHTING_HPP

#include <xloss/engine/per_class.hpp>
#include <xloss/training/loss_values.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace xloss {

/// Uncertainty weighting: several losses weighed by factors that are trained with the network. The total is
/// sum_i exp(-s_i) L_i + s_i, s_i the logarithm of a variance.
///
///     xloss::uncertainty_weighting w(2);
///     // in every step: one fused evaluation
///     auto loss = w.factor(0) * xloss::focal{} + w.factor(1) * xloss::dice{};
///     auto r = xloss::value_and_grad(loss, x, y); // r.grad: of the total, by the logits
///     double total = w.value(r.terms);            // r.value + s_0 + s_1
///     auto slopes = w.gradients(r.terms);         // of the total, by s_0 and s_1
///     for (std::size_t i = 0; i < w.size(); ++i)
///         w.log_vars[i] -= rate * slopes[i];      // or any other optimizer
///
/// **In and out.** `log_vars`, one s_i for each loss, 0 at first, are parameters like those of the network;
/// nothing else is state. Values are unweighted: the `terms` of an evaluation, or numbers. A loss that is
/// evaluated by itself takes `factor(i)` as `call_options::upstream`.
///
/// **Gradient.** 1 - exp(-s_i) L_i by s_i; exp(-s_i) times its own for the gradient of L_i.
///
/// **Range.** Every finite s_i gives finite numbers. The factor is never more than e^80 = 5.5e34, which
/// leaves room for a loss in float: where s_i < -80 the factor is that of -80, in the value and in both
/// gradients, so that the gradient still leads s_i back. Above 745 the factor is 0. A value that is NaN or
/// infinite makes the total and its own slope so.
///
/// **Kinks.** None but at s_i = -80. With L_i < 0 the total has no minimum in s_i: losses that may be
/// negative (`boundary`, `region_boundary`) do not belong here.
///
/// **Source.** Kendall, Gal & Cipolla 2018, arXiv 1705.07115, in the form that most implementations have:
/// there, a regression has exp(-s)/2 L + s/2, which is half of this, and a classification exp(-s) L + s/2.
///
/// @throws parameter_error for an s_i that is not finite, for a loss that is not there; shape_error for
/// another number of values than of losses.
struct uncertainty_weighting {
    std::vector<double> log_vars{}; ///< s_i, to be trained

    /// Of no loss.
    uncertainty_weighting() = default;
    /// Of `losses` losses, every s_i = 0.
    explicit uncertainty_weighting(std::size_t losses) : log_vars(losses, 0.0) {}

    /// How many losses.
    [[nodiscard]] std::size_t size() const { return log_vars.size(); }

    /// exp(-s_i), what multiplies loss i.
    [[nodiscard]] double factor(std::size_t i) const {
        engine::check_loss_index(name, i, size());
        if (!std::isfinite(log_vars[i]))
            engine::check_number(name, ("log_vars[" + std::to_string(i) + "]").c_str(), log_vars[i],
                                 -HUGE_VAL);
        return std::exp(-std::max(log_vars[i], lowest));
    }

    /// The total.
    [[nodiscard]] double value(const loss_values& losses) const {
        engine::check_count(name, losses, size());
        double total = 0.0;
        for (std::size_t i = 0; i < size(); ++i)
            total += factor(i) * losses[i] + log_vars[i];
        return total;
    }

    /// Of the total, by every s_i.
    [[nodiscard]] std::vector<double> gradients(const loss_values& losses) const {
        engine::check_count(name, losses, size());
        std::vector<double> slopes(size());
        for (std::size_t i = 0; i < size(); ++i)
            slopes[i] = 1.0 - factor(i) * losses[i];
        return slopes;
    }

    /// Number by number.
    friend bool operator==(const uncertainty_weighting&, const uncertainty_weighting&) = default;

private:
    static constexpr const char* name = "uncertainty_weighting";
    static constexpr double lowest = -80.0;
};

} // namespace xloss

#endif
