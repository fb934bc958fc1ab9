#ifndef XLOSS_ENGINE_REGION_SET_HPP
#define XLOSS_ENGINE_REGION_SET_HPP

#include <xloss/engine/options.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/region.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/tensor/shape.hpp>

#include <cstddef>
#include <optional>

namespace xloss::engine {

/// Value of one loss of a sum, and what its mean divided by.
struct mean_value {
    double value = 0.0;
    double normalizer = 0.0;
};

/// The losses of regions added up over the groups of regions that a mean goes over: samples, or one for the
/// whole call.
struct tally {
    double losses = 0.0; // of every group that counts its mean over classes
    double groups = 0.0; // that count

    [[nodiscard]] mean_value mean(reduction how) const {
        if (how == reduction::sum)
            return {losses, 1.0};
        return {groups > 0.0 ? losses / groups : 0.0, groups};
    }
};

/// What a loss that is not fused finds of a region.
struct region_found {
    double loss = 0.0;
    double weight = 0.0; // sum of m
    double target = 0.0; // sum of m y
    double valid = 0.0;  // elements of weight > 0
};

/// What one region is to the mean.
struct region_outcome {
    bool counts = true;
    bool follows_formula = true; // else its loss is 0, and constant
    double weight = 1.0;         // of its class
    double loss = 0.0;
    double elements = 0.0; // in a mean over the elements of all regions
};

/// Which regions a loss has, and how their losses become one number: a region is a class, of those that are
/// kept, of a group, which is a sample or the whole call; in a joint loss it is all classes of a group.
class region_set {
public:
    region_set(const region_options& options, const geometry& g, bool joint)
        : options_(options), classes_{options.classes, options.include_background}, g_(g), joint_(joint) {}

    /// Whether the classes that are to count are there.
    void check(const char* loss) const { classes_.check(loss, g_.classes); }

    /// Whether the classes of a group have one loss together.
    [[nodiscard]] bool joint() const { return joint_; }
    [[nodiscard]] bool per_sample() const { return options_.over == region::sample; }
    [[nodiscard]] std::size_t groups() const { return per_sample() ? g_.samples : 1; }
    [[nodiscard]] std::size_t losses_per_group() const { return joint_ ? 1 : kept(); }
    [[nodiscard]] std::size_t first_sample(std::size_t group) const { return per_sample() ? group : 0; }
    [[nodiscard]] std::size_t samples_per_group() const { return per_sample() ? 1 : g_.samples; }

    /// Classes that count, and the number of the i-th of them.
    [[nodiscard]] std::size_t kept() const { return classes_.count(g_.classes); }
    [[nodiscard]] std::size_t class_at(std::size_t i) const { return classes_.at(i, g_.classes); }

    /// The shape of the unreduced losses: [B, classes kept], in multimask [B, N], without what is one by
    /// nature.
    [[nodiscard]] tensor::shape unreduced_shape(mode md) const {
        tensor::shape s;
        if (per_sample())
            s = g_.sample_axes;
        if (!joint_ && md != mode::binary && md != mode::multimask)
            s[s.rank++] = kept();
        return s;
    }

    /// What a region of this weight and of this many true pixels is, its loss not yet known.
    [[nodiscard]] region_outcome judge(double weight, double target, std::size_t i) const {
        region_outcome one;
        const bool ignored = weight == 0.0;
        const bool without_pixel = target == 0.0;
        one.follows_formula = !ignored && !(without_pixel && options_.empty != empty_region::smooth);
        one.counts = !((ignored || without_pixel) && options_.empty == empty_region::skip);
        if (!joint_)
            one.weight = options_.class_weights.of(class_at(i));
        return one;
    }

    /// The share of every group in factor * mean, if all of them count whatever is found of them.
    [[nodiscard]] std::optional<double> certain_share(reduction how, double factor) const {
        if (!per_sample())
            return std::nullopt;
        if (how == reduction::sum)
            return factor;
        double weights = 0.0;
        for (std::size_t i = 0; i < losses_per_group(); ++i)
            weights += joint_ ? 1.0 : options_.class_weights.of(class_at(i));
        if (options_.empty == empty_region::skip || !(weights > 0.0))
            return std::nullopt;
        return factor / (static_cast<double>(groups()) * weights);
    }

    /// The losses of all groups, by `outcome_of(group, i)`.
    template <class OutcomeOf>
    [[nodiscard]] tally over_groups(reduction how, const OutcomeOf& outcome_of) const {
        tally all;
        for (std::size_t group = 0; group < groups(); ++group) {
            const group_sums sums = sums_of_group(group, outcome_of);
            if (how == reduction::sum) {
                all.losses += sums.losses;
            } else if (sums.weights > 0.0) {
                all.losses += sums.losses / sums.weights;
                all.groups += 1.0;
            }
        }
        return all;
    }

    /// Calls f(group, i, derivative of factor * mean by w_c l_c of this region); the mean divides by
    /// `normalizer`.
    template <class OutcomeOf, class F>
    void each_share(reduction how, double normalizer, double factor, const OutcomeOf& outcome_of,
                    F&& f) const {
        if (normalizer == 0.0)
            return;
        for (std::size_t group = 0; group < groups(); ++group) {
            const double weights = how == reduction::sum ? 1.0 : sums_of_group(group, outcome_of).weights;
            if (weights > 0.0)
                for (std::size_t i = 0; i < losses_per_group(); ++i)
                    f(group, i, factor / (normalizer * weights));
        }
    }

private:
    struct group_sums {
        double losses = 0.0, weights = 0.0;
    };

    template <class OutcomeOf>
    [[nodiscard]] group_sums sums_of_group(std::size_t group, const OutcomeOf& outcome_of) const {
        group_sums sums;
        for (std::size_t i = 0; i < losses_per_group(); ++i) {
            const region_outcome one = outcome_of(group, i);
            if (!one.counts)
                continue;
            sums.losses += one.weight * one.loss;
            sums.weights += one.weight;
        }
        return sums;
    }

    region_options options_;
    class_subset classes_;
    const geometry& g_;
    bool joint_;
};

} // namespace xloss::engine

#endif
