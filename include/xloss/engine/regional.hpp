#ifndef XLOSS_ENGINE_REGIONAL_HPP
#define XLOSS_ENGINE_REGIONAL_HPP

#include <xloss/engine/options.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/region.hpp>
#include <xloss/engine/region_set.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/simd/dual.hpp>

#include <bit>
#include <cstddef>
#include <span>

namespace xloss::engine {

/// The options of a regional term: the member `regions`, or the members that go by the options' names.
template <class Term>
region_options region_options_of(const Term& term) {
    if constexpr (requires { region_options(term.regions); })
        return term.regions;
    else
        return region_options(term);
}

template <class Loss>
constexpr const char* name_of() {
    if constexpr (requires { Loss::name; })
        return Loss::name;
    else
        return "a loss of your own";
}

/// The second stage of a regional term: from the sums of its regions to its mean, and to the derivative by
/// every sum. `rows` has the sums of every sample and class, `class_rows` those of every class in the call.
template <class Program, class Term>
class regional_mean {
public:
    regional_mean(const Term& term, const geometry& g, const double* rows, const double* class_rows,
                  workspace& memory)
        : term_(term), regions_(region_options_of(term), g, joint()), g_(g), rows_(rows),
          class_rows_(class_rows), memory_(memory) {}

    /// Whether the classes that are to count are there. Once, before anything else is asked.
    void check() const { regions_.check(name_of<Term>()); }

    [[nodiscard]] const region_set& regions() const { return regions_; }

    /// Whether the classes of a sample have one loss together.
    static constexpr bool joint() {
        if constexpr (Program::mode_kind == kind::channelwise)
            return has_classes_loss<Term>;
        return !has_region_loss<Term>;
    }

    /// w_c l_c of one region; 0 where it does not count.
    [[nodiscard]] double unreduced(std::size_t group, std::size_t i) const {
        const region_outcome one = outcome_of(group, i);
        return one.counts ? one.weight * one.loss : 0.0;
    }

    [[nodiscard]] tally over_groups(reduction how) const { return regions_.over_groups(how, outcomes()); }

    /// The sums of class c in a group.
    [[nodiscard]] region_sums<double> collect(std::size_t group, std::size_t c) const {
        const double* row = regions_.per_sample() ? rows_ + (group * g_.classes + c) * Program::width
                                                  : class_rows_ + c * Program::width;
        region_sums<double> r;
        r.cls = c;
        for (unsigned k = 0; k < soft_sums<double>.size(); ++k)
            if (Program::needs(1U << k))
                r.*soft_sums<double>[k] = row[Program::soft_at(1U << k)];
        r.target = row[Program::target_at];
        r.weight = row[Program::weight_at];
        if constexpr (Program::has_target2)
            r.target2 = row[Program::target2_at];
        if constexpr (Program::has_hard) {
            r.hard = row[Program::hard_at];
            r.hard_tp = row[Program::hard_at + 1];
        }
        return r;
    }

    /// Those of all classes that count.
    [[nodiscard]] std::span<region_sums<dual<1>>> collect_all(std::size_t group) const {
        auto* all = memory_.get<region_sums<dual<1>>>(scratch::losses_classes, regions_.kept());
        for (std::size_t k = 0; k < regions_.kept(); ++k)
            all[k] = lift<1>(collect(group, regions_.class_at(k)));
        return {all, regions_.kept()};
    }

    /// Adds the derivative of factor * mean, which divides by `normalizer`, to the pull-back of every region.
    void pull(reduction how, double normalizer, double factor, pull_back* pulls) const {
        regions_.each_share(
            how, normalizer, factor, outcomes(),
            [&](std::size_t group, std::size_t i, double share) { pull_one(group, i, share, pulls); });
    }

    /// The same for one group, whose share is known.
    void pull_group(std::size_t group, double share, pull_back* pulls) const {
        for (std::size_t i = 0; i < regions_.losses_per_group(); ++i)
            pull_one(group, i, share, pulls);
    }

    /// Adds the derivative of factor * unreduced(group, i).
    void pull_one(std::size_t group, std::size_t i, double factor, pull_back* pulls) const {
        const region_outcome one = outcome_of(group, i);
        if (!one.counts || !one.follows_formula || one.weight == 0.0)
            return;
        if constexpr (has_classes_loss<Term>)
            if (joint())
                return pull_joint(group, factor, pulls);
        if constexpr (has_region_loss<Term>)
            pull_region(group, regions_.class_at(i), factor * one.weight, pulls);
    }

private:
    [[nodiscard]] auto outcomes() const {
        return [this](std::size_t group, std::size_t i) { return outcome_of(group, i); };
    }

    [[nodiscard]] region_outcome outcome_of(std::size_t group, std::size_t i) const {
        double weight = 0.0, target = 0.0;
        for (std::size_t k = joint() ? 0 : i; k < (joint() ? regions_.kept() : i + 1); ++k) {
            const region_sums<double> r = collect(group, regions_.class_at(k));
            weight += r.weight;
            target += r.target;
        }
        region_outcome one = regions_.judge(weight, target, i);
        if (one.counts && one.follows_formula)
            one.loss = loss_of(group, i);
        return one;
    }

    [[nodiscard]] double loss_of(std::size_t group, std::size_t i) const {
        if constexpr (has_classes_loss<Term>) {
            if (joint())
                return term_.classes_loss(std::span<const region_sums<dual<1>>>(collect_all(group))).value;
        }
        if constexpr (has_region_loss<Term>)
            return dual<1>(term_.region_loss(lift<1>(collect(group, regions_.class_at(i))))).value;
        return 0.0;
    }

    template <std::size_t N>
    static region_sums<dual<N>> lift(const region_sums<double>& from) {
        region_sums<dual<N>> to;
        for (std::size_t k = 0; k < soft_sums<double>.size(); ++k)
            to.*soft_sums<dual<N>>[k] = dual<N>(from.*soft_sums<double>[k]);
        to.target = from.target;
        to.target2 = from.target2;
        to.hard = from.hard;
        to.hard_tp = from.hard_tp;
        to.weight = from.weight;
        to.cls = from.cls;
        return to;
    }

    /// The derivative by every sum of one region: the term's own, or that of its formula in dual numbers.
    void pull_region(std::size_t group, std::size_t c, double factor, pull_back* pulls) const {
        const region_sums<double> r = collect(group, c);
        region_sums<double> d;
        if constexpr (requires { term_.region_slopes(r); }) {
            d = term_.region_slopes(r);
        } else {
            constexpr unsigned asked = Term::sums & (sums::target2 - 1);
            constexpr auto n = static_cast<std::size_t>(std::popcount(asked));
            auto lifted = lift<n>(r);
            for (std::size_t k = 0, at = 0; k < soft_sums<double>.size(); ++k)
                if (asked & (1U << k))
                    (lifted.*soft_sums<dual<n>>[k]).slope[at++] = 1.0;
            const dual<n> loss = term_.region_loss(lifted);
            for (std::size_t k = 0, at = 0; k < soft_sums<double>.size(); ++k)
                if (asked & (1U << k))
                    d.*soft_sums<double>[k] = loss.slope[at++];
        }
        add(group, c, d, factor, pulls);
    }

    /// As pull_region, for a loss over all classes: in dual numbers one direction at a time, nothing
    /// allocated.
    void pull_joint(std::size_t group, double factor, pull_back* pulls) const {
        const std::span<region_sums<dual<1>>> all = collect_all(group);
        const std::span<const region_sums<dual<1>>> given = all;
        for (std::size_t i = 0; i < all.size(); ++i) {
            region_sums<double> d;
            if constexpr (requires { term_.classes_slopes(given, i); }) {
                d = term_.classes_slopes(given, i);
            } else {
                for (std::size_t k = 0; k < soft_sums<double>.size(); ++k) {
                    if (!(Term::sums & (1U << k)))
                        continue;
                    (all[i].*soft_sums<dual<1>>[k]).slope[0] = 1.0;
                    d.*soft_sums<double>[k] = term_.classes_loss(given).slope[0];
                    (all[i].*soft_sums<dual<1>>[k]).slope[0] = 0.0;
                }
            }
            add(group, all[i].cls, d, factor, pulls);
        }
    }

    /// The sums of a region are those of its samples added up: each has the derivative of the whole.
    void add(std::size_t group, std::size_t c, const region_sums<double>& d, double factor,
             pull_back* pulls) const {
        const std::size_t first = regions_.first_sample(group);
        for (std::size_t b = first; b < first + regions_.samples_per_group(); ++b)
            pulls[b * g_.classes + c].add(d, factor);
    }

    const Term& term_;
    region_set regions_;
    const geometry& g_;
    const double* rows_;
    const double* class_rows_;
    workspace& memory_;
};

} // namespace xloss::engine

#endif
