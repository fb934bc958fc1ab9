#ifndef XLOSS_TRAINING_GRADIENT_NORM_WEIGHTING_HPP
#define XLOSS_TRAINING_GRADIENT_NORM_WEIGHTING_HPP

#include <xloss/engine/per_class.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/training/loss_values.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace xloss {

/// Weights that follow how far each loss has come: one that has fallen less than the others gets more.
///
///     xloss::gradient_norm_weighting w(2);
///     // in every step, or now and then
///     auto loss = w.factor(0) * xloss::focal{} + w.factor(1) * xloss::dice{};
///     auto r = xloss::value_and_grad(loss, x, y);
///     w.update(r.terms);
///
/// **Formula.** r_i = L_i/(L_i0 + 1e-8), with L_i0 from the first update; w_i = (r_i/mean(r))^alpha, scaled
/// to sum to the number of losses. The first update records the L_i0 and leaves every weight 1.
///
/// **Parameters.** `alpha` >= 0; 0: all weights 1.
///
/// **Edges.** Weights are finite and not negative. A value below 0 counts as 0, now and in the first update;
/// a loss of 0 has weight 0 until it rises again (unless `alpha` is 0). Where all are 0, so that there is no
/// ratio to their mean, every weight is 1. A ratio beyond the largest double is that.
///
/// **Source.** The name is one it goes by; what it follows is ratios of losses. GradNorm itself (Chen et al.
/// 2018, arXiv 1711.02257) follows norms of gradients.
///
/// @throws finite_error for a value that is NaN or infinite; shape_error for another number of values than of
/// losses; parameter_error for an alpha that is negative or no number, for a loss that is not there. Nothing
/// has changed then.
struct gradient_norm_weighting {
    double alpha = 0.16;           ///< how much weights differ
    std::vector<double> weights{}; ///< of every loss
    std::vector<double> initial{}; ///< L_i0; none before the first update

    /// Of no loss.
    gradient_norm_weighting() = default;
    /// Of `losses` losses, every weight 1.
    explicit gradient_norm_weighting(std::size_t losses, double exponent = 0.16)
        : alpha(exponent), weights(losses, 1.0) {}

    /// How many losses.
    [[nodiscard]] std::size_t size() const { return weights.size(); }

    /// What multiplies loss i.
    [[nodiscard]] double factor(std::size_t i) const {
        engine::check_loss_index(name, i, size());
        return weights[i];
    }

    /// Takes the values of a step, unweighted.
    void update(const loss_values& losses) {
        check(losses);
        if (initial.empty())
            initial = losses.numbers();
        else
            weights = weights_of(ratios(losses));
    }

    /// Number by number.
    friend bool operator==(const gradient_norm_weighting&, const gradient_norm_weighting&) = default;

private:
    static constexpr const char* name = "gradient_norm_weighting";

    void check(const loss_values& losses) const {
        engine::check_number(name, "alpha", alpha);
        engine::check_count(name, losses, size());
        if (!initial.empty() && initial.size() != size())
            tensor::raise<shape_error>(
                {engine::public_name(name), ": ", initial.size(), " first values for ", size(), " losses"});
        for (std::size_t i = 0; i < size(); ++i)
            if (!std::isfinite(losses[i]))
                tensor::raise<finite_error>(
                    {engine::public_name(name), ": the value of loss ", i, " is ", losses[i]});
    }

    [[nodiscard]] std::vector<double> ratios(const loss_values& losses) const {
        std::vector<double> r(size());
        for (std::size_t i = 0; i < size(); ++i)
            r[i] = std::min(std::max(losses[i], 0.0) / (std::max(initial[i], 0.0) + 1e-8),
                            std::numeric_limits<double>::max());
        return r;
    }

    /// Scaling makes no difference between ratios to the mean and ratios to the largest, which cannot
    /// overflow.
    [[nodiscard]] std::vector<double> weights_of(std::vector<double> r) const {
        const double largest = r.empty() ? 0.0 : *std::max_element(r.begin(), r.end());
        if (largest == 0.0)
            return std::vector<double>(r.size(), 1.0);
        double sum = 0.0;
        for (double& w : r)
            sum += w = std::pow(w / largest, alpha);
        for (double& w : r)
            w *= static_cast<double>(size()) / sum;
        return r;
    }
};

} // namespace xloss

#endif
