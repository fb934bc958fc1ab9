#ifndef XLOSS_LOSSES_WASSERSTEIN_DICE_HPP
#define XLOSS_LOSSES_WASSERSTEIN_DICE_HPP

#include <xloss/engine/options.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/region.hpp>
#include <xloss/engine/survey.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace xloss {

/// How the pixels of the classes weigh in `wasserstein_dice`.
enum class wasserstein_weighting {
    foreground, ///< true positives are those of classes other than 0
    volume      ///< every class counts by 1/(its pixels + 1)
};

/// Generalized Wasserstein Dice: mistaking one class for another costs what the two are apart.
///
/// **Formula.** W_i = sum_c M[y_i, c] p_c, M the `distances` over their largest; for soft targets the mean of
/// that by y_i. The loss is 1 - (2 T + s)/(N + s) with, in `foreground`, T = sum over y_i != 0 of (1 - W_i)
/// and N = 2 T + sum W_i; in `volume`, a_i = 1/(V + 1), V the pixels of class y_i, T = sum a_i (1 - W_i) and
/// N = sum a_i (2 - W_i). One score per sample over all its classes.
///
/// **Shapes.** Multiclass: scores [B, C, ...], label maps, one-hot or soft targets. With two classes and the
/// plain distances, `foreground` is the Dice loss of class 1.
///
/// **Range.** [0, 1]; 0 where nothing is mistaken for anything.
///
/// **Gradient.** Smooth everywhere. The volumes are constants.
///
/// **Empty.** A sample of background alone, in `foreground`: N = sum W, so that the loss is 1 but for the
/// smoothing as soon as anything costs. All ignored, or 0/0 with smooth 0: 0.
///
/// **Source.** Fidon et al. 2017, arXiv 1707.00478; `volume` is the generalized Dice of it.
///
/// **Elsewhere.** MONAI's GeneralizedWassersteinDiceLoss, weighting_mode "default" (`foreground`) and "GDL"
/// (`volume`), divides by the distances' largest as well; over a batch of more than one it mixes the labels
/// of the samples.
/// @throws parameter_error for distances that are not C x C, negative, not finite, not 0 from a class to
/// itself, or 0 everywhere; a negative smooth; label_error for a label that is neither a class nor ignored.
struct wasserstein_dice {
    static constexpr const char* name = "wasserstein_dice";
    static constexpr unsigned modes = modes::channelwise;

    std::vector<std::vector<double>> distances{}; ///< from the true class to the predicted one; none: all 1
    wasserstein_weighting weighting = wasserstein_weighting::foreground; ///< how classes weigh
    double smooth = 1e-5;                                                ///< in numerator and denominator
    region over = region::sample;                                        ///< what shares one score

    struct term {
        static constexpr const char* name = wasserstein_dice::name;
        static constexpr unsigned sums = sums::cost;
        engine::region_options regions{};
        const std::vector<std::vector<double>>* distances = nullptr;
        double largest = 1.0;
        wasserstein_weighting weighting = wasserstein_weighting::foreground;
        double smooth = 1e-5;

        /// M of a true and a predicted class.
        [[nodiscard]] double cost(std::size_t target, std::size_t predicted) const {
            if (distances->empty())
                return target == predicted ? 0.0 : 1.0;
            return (*distances)[target][predicted] / largest;
        }

        // N - 2 T is the sum of the costs alone. The smaller of it and 2 T + s keeps its relative accuracy as
        // a share of N + s, and so do the slopes.
        template <class S>
        S classes_loss(std::span<const region_sums<S>> classes) const {
            S missed = 0.0, hit = smooth;
            for (const auto& r : classes) {
                const bool volume = weighting == wasserstein_weighting::volume;
                const double a = volume ? 1.0 / (r.target + 1.0) : 1.0;
                missed = missed + a * r.cost;
                if (volume || r.cls != 0)
                    hit = hit + 2.0 * a * (r.target - r.cost);
            }
            const S whole = hit + missed;
            if (whole < 1e-290)
                return 0.0;
            return missed < hit ? missed / whole : 1.0 - hit / whole;
        }
    };

    template <class Run>
    auto bind(const survey& s, Run&& run) const {
        engine::check_number(name, "smooth", smooth);
        return run(term{engine::region_options(*this), &distances, largest(s.classes), weighting, smooth});
    }

    /// The largest distance; throws for what is no matrix of distances.
    [[nodiscard]] double largest(std::size_t classes) const {
        if (distances.empty())
            return 1.0;
        bool fits = distances.size() == classes;
        for (const auto& row : distances)
            fits = fits && row.size() == classes;
        if (!fits)
            fail("are not " + std::to_string(classes) + " x " + std::to_string(classes));
        double most = 0.0;
        for (std::size_t i = 0; i < classes; ++i)
            for (std::size_t c = 0; c < classes; ++c) {
                const double d = distances[i][c];
                if (!std::isfinite(d) || d < 0.0 || (i == c && d != 0.0))
                    fail("from class " + std::to_string(i) + " to " + std::to_string(c) + " are " +
                         std::to_string(d) +
                         (i == c ? ", and not 0" : ", which is not a finite number >= 0"));
                most = std::max(most, d);
            }
        if (most == 0.0)
            fail("are all 0");
        return most;
    }

    /// Throws what is wrong with the distances.
    [[noreturn]] XLOSS_COLD static void fail(const std::string& what) {
        tensor::raise<parameter_error>({"xloss::", name, ": distances ", what});
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

} // namespace xloss

#endif
