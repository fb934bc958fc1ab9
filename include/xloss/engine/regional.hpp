#ifndef XLOSS_ENGINE_REGIONAL_HPP
#define XLOSS_ENGINE_REGIONAL_HPP

#include <xloss/config.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/region.hpp>
#include <xloss/engine/region_set.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/simd/dual.hpp>

#include <array>
#include <cstddef>
#include <limits>
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

/// What a regional term says, as pointers: all that is done with the sums of regions is compiled once for all
/// terms. Per region and not per pixel, a call costs nothing that could be measured.
struct region_formulas {
    dual<1> (*region_loss)(const void* term, const region_sums<dual<1>>& r);
    dual<1> (*classes_loss)(const void* term, std::span<const region_sums<dual<1>>> all);
    region_sums<double> (*region_slopes)(const void* term, const region_sums<double>& r);
    region_sums<double> (*classes_slopes)(const void* term, std::span<const region_sums<dual<1>>> all,
                                          std::size_t i);
    unsigned sums;
    const char* name;
};

/// Those of a term; null what it does not give.
template <class Term>
constexpr region_formulas formulas_of() {
    region_formulas f{nullptr, nullptr, nullptr, nullptr, Term::sums, name_of<Term>()};
    if constexpr (has_region_loss<Term>)
        f.region_loss = [](const void* term, const region_sums<dual<1>>& r) {
            return dual<1>(static_cast<const Term*>(term)->region_loss(r));
        };
    if constexpr (has_classes_loss<Term>)
        f.classes_loss = [](const void* term, std::span<const region_sums<dual<1>>> all) {
            return dual<1>(static_cast<const Term*>(term)->classes_loss(all));
        };
    if constexpr (requires(const Term& t, const region_sums<double>& r) { t.region_slopes(r); })
        f.region_slopes = [](const void* term, const region_sums<double>& r) -> region_sums<double> {
            return static_cast<const Term*>(term)->region_slopes(r);
        };
    if constexpr (requires(const Term& t, std::span<const region_sums<dual<1>>> all) {
                      t.classes_slopes(all, std::size_t{});
                  })
        f.classes_slopes = [](const void* term, std::span<const region_sums<dual<1>>> all,
                              std::size_t i) -> region_sums<double> {
            return static_cast<const Term*>(term)->classes_slopes(all, i);
        };
    return f;
}

template <class Term>
inline constexpr region_formulas region_formulas_of = formulas_of<Term>();

/// Where a program keeps the sums of a region.
struct sums_layout {
    std::size_t width, target_at, weight_at, target2_at, hard_at;
    std::array<std::size_t, soft_sums<double>.size()> soft_at;
    unsigned soft;
};

template <class Program>
inline constexpr sums_layout sums_layout_of = [] {
    sums_layout l{Program::width,      Program::target_at, Program::weight_at,
                  Program::target2_at, Program::hard_at,   {},
                  Program::soft};
    for (unsigned k = 0; k < l.soft_at.size(); ++k)
        if (Program::needs(1U << k))
            l.soft_at[k] = Program::soft_at(1U << k);
    return l;
}();

/// Where sums stand, once they are known.
struct known_sums {
    double* rows = nullptr;       // those of every sample and class
    const double* call = nullptr; // those of every class in the call, and the tallies of the regional terms
};

/// The second stage of a regional term: from the sums of its regions to its mean, and to the derivative by
/// every sum.
class region_means {
    [[nodiscard]] auto outcomes() const {
        return [this](std::size_t group, std::size_t i) { return outcome_of(group, i); };
    }

public:
    region_means(const void* term, const region_formulas& say, const sums_layout& layout,
                 const region_set& regions, const geometry& g, const known_sums& sums, workspace& memory)
        : term_(term), say_(say), layout_(layout), regions_(regions), g_(g), sums_(sums), memory_(memory) {}

    /// Whether the classes that are to count are there. Once, before anything else is asked.
    void check() const { regions_.check(say_.name); }

    [[nodiscard]] const region_set& regions() const { return regions_; }

    /// Whether the classes of a sample have one loss together.
    [[nodiscard]] bool joint() const { return regions_.joint(); }

    /// w_c l_c of one region; 0 where it does not count.
    [[nodiscard]] XLOSS_PER_CALL double unreduced(std::size_t group, std::size_t i) const {
        const region_outcome one = outcome_of(group, i);
        return one.counts ? one.weight * one.loss : 0.0;
    }

    [[nodiscard]] XLOSS_PER_CALL tally over_groups(reduction how) const {
        return regions_.over_groups(how, outcomes());
    }

    /// The sums of class c in a group.
    [[nodiscard]] XLOSS_PER_CALL region_sums<double> collect(std::size_t group, std::size_t c) const {
        const double* row = row_of(group, c);
        region_sums<double> r;
        r.cls = c;
        // What a term has not asked for is no number, even where another term has it: a formula that reads it
        // all the same shows.
        const auto asked = [&](unsigned flag, std::size_t at) {
            return say_.sums & flag ? row[at] : std::numeric_limits<double>::quiet_NaN();
        };
        for (unsigned k = 0; k < soft_sums<double>.size(); ++k)
            r.*soft_sums<double>[k] = asked(1U << k, layout_.soft_at[k]);
        r.target = row[layout_.target_at];
        r.weight = row[layout_.weight_at];
        r.target2 = asked(sums::target2, layout_.target2_at);
        r.hard = asked(sums::hard, layout_.hard_at);
        r.hard_tp = asked(sums::hard, layout_.hard_at + 1);
        return r;
    }

    /// Those of all classes that count.
    [[nodiscard]] XLOSS_PER_CALL std::span<region_sums<dual<1>>> collect_all(std::size_t group) const {
        auto* all = memory_.get<region_sums<dual<1>>>(scratch::losses_classes, regions_.kept());
        for (std::size_t k = 0; k < regions_.kept(); ++k)
            all[k] = lift(collect(group, regions_.class_at(k)));
        return {all, regions_.kept()};
    }

    /// Adds the derivative of factor * mean, which divides by `normalizer`, to the pull-back of every region.
    XLOSS_PER_CALL void pull(reduction how, double normalizer, double factor, pull_back* pulls) const {
        regions_.each_share(
            how, normalizer, factor, [this](std::size_t group, std::size_t i) { return judged(group, i); },
            [&](std::size_t group, std::size_t i, double share) { pull_one(group, i, share, pulls); });
    }

    /// The same for one group, whose share is known.
    XLOSS_PER_CALL void pull_group(std::size_t group, double share, pull_back* pulls) const {
        for (std::size_t i = 0; i < regions_.losses_per_group(); ++i)
            pull_one(group, i, share, pulls);
    }

    /// Adds the derivative of factor * unreduced(group, i).
    XLOSS_PER_CALL void pull_one(std::size_t group, std::size_t i, double factor, pull_back* pulls) const {
        const region_outcome one = judged(group, i);
        if (!one.counts || !one.follows_formula || one.weight == 0.0)
            return;
        if (joint())
            pull_joint(group, factor, pulls);
        else
            pull_region(group, regions_.class_at(i), factor * one.weight, pulls);
    }

private:
    /// What a region is to the mean, its loss aside: slopes need no more.
    [[nodiscard]] XLOSS_PER_CALL region_outcome judged(std::size_t group, std::size_t i) const {
        double weight = 0.0, target = 0.0;
        for (std::size_t k = joint() ? 0 : i; k < (joint() ? regions_.kept() : i + 1); ++k) {
            const double* row = row_of(group, regions_.class_at(k));
            weight += row[layout_.weight_at];
            target += row[layout_.target_at];
        }
        return regions_.judge(weight, target, i);
    }

    [[nodiscard]] XLOSS_PER_CALL region_outcome outcome_of(std::size_t group, std::size_t i) const {
        region_outcome one = judged(group, i);
        if (one.counts && one.follows_formula)
            one.loss = loss_of(group, i);
        return one;
    }

    [[nodiscard]] const double* row_of(std::size_t group, std::size_t c) const {
        return regions_.per_sample() ? sums_.rows + (group * g_.classes + c) * layout_.width
                                     : sums_.call + c * layout_.width;
    }

    [[nodiscard]] XLOSS_PER_CALL double loss_of(std::size_t group, std::size_t i) const {
        if (joint())
            return say_.classes_loss(term_, collect_all(group)).value;
        return say_.region_loss(term_, lift(collect(group, regions_.class_at(i)))).value;
    }

    XLOSS_PER_CALL static region_sums<dual<1>> lift(const region_sums<double>& from) {
        region_sums<dual<1>> to;
        for (std::size_t k = 0; k < soft_sums<double>.size(); ++k)
            to.*soft_sums<dual<1>>[k] = dual<1>(from.*soft_sums<double>[k]);
        to.target = from.target;
        to.target2 = from.target2;
        to.hard = from.hard;
        to.hard_tp = from.hard_tp;
        to.weight = from.weight;
        to.cls = from.cls;
        return to;
    }

    /// The derivative by every sum of one region: the term's own, or that of its formula in dual numbers, one
    /// direction at a time.
    XLOSS_PER_CALL void pull_region(std::size_t group, std::size_t c, double factor, pull_back* pulls) const {
        const region_sums<double> r = collect(group, c);
        region_sums<dual<1>> lifted = lift(r);
        add(group, c,
            say_.region_slopes ? say_.region_slopes(term_, r)
                               : slopes_by(lifted, [&] { return say_.region_loss(term_, lifted); }),
            factor, pulls);
    }

    /// As pull_region, for a loss over all classes; nothing is allocated.
    XLOSS_PER_CALL void pull_joint(std::size_t group, double factor, pull_back* pulls) const {
        const std::span<region_sums<dual<1>>> all = collect_all(group);
        const std::span<const region_sums<dual<1>>> given = all;
        for (std::size_t i = 0; i < all.size(); ++i)
            add(group, all[i].cls,
                say_.classes_slopes ? say_.classes_slopes(term_, given, i)
                                    : slopes_by(all[i], [&] { return say_.classes_loss(term_, given); }),
                factor, pulls);
    }

    /// The derivative of what `loss` gives by every sum of a region that it sees.
    template <class LossOf>
    [[nodiscard]] region_sums<double> slopes_by(region_sums<dual<1>>& r, const LossOf& loss) const {
        region_sums<double> d;
        for (std::size_t k = 0; k < soft_sums<double>.size(); ++k) {
            if (!(say_.sums & (1U << k)))
                continue;
            (r.*soft_sums<dual<1>>[k]).slope[0] = 1.0;
            d.*soft_sums<double>[k] = loss().slope[0];
            (r.*soft_sums<dual<1>>[k]).slope[0] = 0.0;
        }
        return d;
    }

    /// The sums of a region are those of its samples added up: each has the derivative of the whole.
    XLOSS_PER_CALL void add(std::size_t group, std::size_t c, const region_sums<double>& d, double factor,
                            pull_back* pulls) const {
        const std::size_t first = regions_.first_sample(group);
        for (std::size_t b = first; b < first + regions_.samples_per_group(); ++b)
            pulls[b * g_.classes + c].add(d, factor);
    }

    const void* term_;
    const region_formulas& say_;
    const sums_layout& layout_;
    region_set regions_;
    const geometry& g_;
    const known_sums& sums_;
    workspace& memory_;
};

/// The second stage of a term of a program.
template <class Program, class Term>
region_means region_means_of(const Term& term, const geometry& g, const known_sums& sums, workspace& memory) {
    constexpr bool joint =
        Program::mode_kind == kind::channelwise ? has_classes_loss<Term> : !has_region_loss<Term>;
    return {&term,
            region_formulas_of<Term>,
            sums_layout_of<Program>,
            region_set(region_options_of(term), g, joint),
            g,
            sums,
            memory};
}

} // namespace xloss::engine

#endif
