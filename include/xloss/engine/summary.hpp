#ifndef XLOSS_ENGINE_SUMMARY_HPP
#define XLOSS_ENGINE_SUMMARY_HPP

#include <xloss/config.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/regional_terms.hpp>
#include <xloss/engine/survey.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/simd/dual.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <span>

namespace xloss::engine {

/// What an evaluation of N losses gives, beside the gradient.
template <std::size_t N>
struct report {
    double value = 0.0;
    std::array<mean_value, N> terms{};
    double normalizer = 0.0;
    std::size_t valid = 0;

    /// Adds what other losses of the same sum give.
    report& operator+=(const report& other) {
        value += other.value;
        for (std::size_t i = 0; i < N; ++i) {
            terms[i].value += other.terms[i].value;
            terms[i].normalizer += other.terms[i].normalizer;
        }
        return *this;
    }
};

/// What a term by itself comes to, and its part in the sum.
struct part_value {
    mean_value mean{};
    double share = 1.0, coefficient = 1.0;
    std::size_t entry = 0;
};

/// The parts of a program, their values not yet known.
template <class Program>
auto part_values(const Program& program) {
    return std::apply(
        [](const auto&... one) {
            return std::array<part_value, sizeof...(one)>{
                part_value{{}, one.share, one.coefficient(), one.entry}...};
        },
        program.parts);
}

/// The report of these values of the terms of a program.
template <std::size_t N>
XLOSS_PER_CALL report<N> report_of(std::span<const part_value> values, std::size_t valid) {
    report<N> r;
    r.valid = valid;
    std::array<bool, N> seen{};
    for (const part_value& one : values) {
        r.terms[one.entry].value += one.share * one.mean.value;
        if (!seen[one.entry])
            r.terms[one.entry].normalizer = one.mean.normalizer;
        seen[one.entry] = true;
        r.value += one.coefficient * one.mean.value;
    }
    r.normalizer = r.terms[0].normalizer;
    return r;
}

/// A term whose loss over the call is more than its sum over the denominator.
template <class Term>
concept has_call_loss = requires(const Term& t,
                                 const std::array<dual<points_of<Term>()>, points_of<Term>()>& own,
                                 const call_sums& call) {
    { t.call_loss(own, call) } -> std::convertible_to<dual<points_of<Term>()>>;
};

/// Whether a slope of this term can be written before the sums of the call are known.
template <class Term>
bool is_linear(const Term& term) {
    if constexpr (sums_own_points<Term>)
        return false;
    else if constexpr (!has_call_loss<Term>)
        return true;
    else if constexpr (requires { term.is_linear(); })
        return term.is_linear();
    else
        return false;
}

/// Adds the sums of every sample and class, `rows` of them, to those of the classes.
XLOSS_PER_CALL inline void add_rows(const double* rows, std::size_t count, std::size_t width,
                                    std::size_t classes, double* numbers) {
    for (std::size_t row = 0; row < count; ++row)
        for (std::size_t k = 0; k < width; ++k)
            numbers[row % classes * width + k] += rows[row * width + k];
}

/// From the sums of a whole call to the values of its terms and to the slope of the loss by every sum.
///
/// The sums are plain numbers: for every class the row of its sums over all samples, then for every regional
/// term with a region per sample its tally. Those of two calls, added up, are those of both as one call.
template <class Program>
class summary {
public:
    static constexpr std::size_t points = Program::points;
    using factors = std::array<double, points>;

    /// How many numbers the sums of a call are.
    static constexpr std::size_t size(std::size_t classes) { return tallies_at(classes) + 2 * Program::size; }

    /// `unreduced`: every loss counts for itself, and nothing is divided by.
    summary(const Program& program, const survey& s, const mode_options& options, bool unreduced)
        : program_(program), survey_(s), how_(unreduced ? reduction::sum : options.reduction),
          denominator_(options.denominator) {}

    /// Adds the sums of every sample and class, `rows` of them, to those of the call.
    void gather(const double* rows, std::size_t count, double* numbers,
                const regional_terms& regional) const {
        add_rows(rows, count, Program::width, survey_.classes, numbers);
        regional.add_tallies(numbers + tallies_at(survey_.classes));
    }

    /// d(loss)/d(point sum) of every point, where it does not depend on the sums.
    [[nodiscard]] factors linear_factors(double upstream) const { return factors_at(nullptr, upstream); }

    /// d(loss)/d(point sum) of every point. A slope may leave the computation type: `bounded`.
    [[nodiscard]] factors call_factors(const double* numbers, double upstream) const {
        return factors_at(numbers, upstream);
    }

    /// The same for the parts of one loss of the sum alone.
    [[nodiscard]] factors entry_factors(std::size_t entry, const double* numbers, double upstream) const {
        return factors_at(numbers, upstream, entry);
    }

    /// The tallies of regional terms, among the sums of a call.
    [[nodiscard]] const double* tallies(const double* numbers) const {
        return numbers + tallies_at(survey_.classes);
    }

    /// Value and normalizer of every loss and of their sum.
    template <std::size_t N>
    [[nodiscard]] XLOSS_PER_CALL report<N> values(const double* numbers,
                                                  const regional_terms& regional) const {
        auto values = part_values(program_);
        program_.each([&]<std::size_t I>(const auto&) {
            if constexpr (!Program::template is_regional<I>)
                values[I].mean = point_value<I>(numbers);
        });
        for (const regional_part& one : regional.parts())
            values[one.index].mean = regional.mean_of(one, tallies(numbers));
        return report_of<N>(values, survey_.valid);
    }

    /// The same for unreduced losses of regions, by what comes from above.
    template <std::size_t N>
    [[nodiscard]] XLOSS_PER_CALL report<N> values_by_upstream(const regional_terms& regional) const {
        auto values = part_values(program_);
        for (const regional_part& one : regional.parts())
            values[one.index].mean = {regional.sum_by_upstream(one), 1.0};
        return report_of<N>(values, survey_.valid);
    }

    [[nodiscard]] reduction how() const { return how_; }

private:
    static constexpr std::size_t tallies_at(std::size_t classes) { return classes * Program::width; }

    template <std::size_t I>
    using term_type = typename Program::template term<I>;

    /// What the mean over pixels of this term divides by.
    template <class Term>
    [[nodiscard]] double denominator_of(const Term& term) const {
        if (how_ == reduction::sum)
            return 1.0;
        if constexpr (means_over_classes<Term>)
            return elements_of(class_weights_of(term));
        if (denominator_ == denominator::valid)
            return static_cast<double>(survey_.valid);
        if (denominator_ == denominator::all)
            return static_cast<double>(survey_.elements);
        if constexpr (!means_over_classes<Term>) {
            const per_class_view w = class_weights_of(term);
            if (!w.is_list())
                return w.number * survey_.weight;
            return weighted_sum_of(
                Program::mode_kind == kind::elementwise ? survey_.class_weight : survey_.class_target, w);
        }
    }

    /// Likewise where the mean is over the elements of the classes that count.
    [[nodiscard]] double elements_of(const subset_weights& w) const {
        if (denominator_ == denominator::weights)
            return weighted_sum_of(survey_.class_weight, w);
        const subset_weights each{{}, w.classes};
        if (denominator_ == denominator::valid)
            return weighted_sum_of(survey_.class_valid, each);
        const std::size_t of_pixel = Program::mode_kind == kind::channelwise ? 1 : survey_.classes;
        const std::size_t pixels = survey_.elements / of_pixel;
        return static_cast<double>(pixels * w.classes.count(survey_.classes));
    }

    [[nodiscard]] double weighted_sum_of(std::span<const double> of_class, const auto& w) const {
        double total = 0.0;
        for (std::size_t c = 0; c < survey_.classes; ++c)
            total += w.of(c) * of_class[c];
        return total;
    }

    /// The sums of the points of term I over the call; 0 where they are not known yet.
    template <std::size_t I>
    [[nodiscard]] auto own_sums(const double* numbers) const {
        std::array<double, points_of<term_type<I>>()> own{};
        for (std::size_t c = 0; numbers && c < survey_.classes; ++c)
            for (std::size_t k = 0; k < own.size(); ++k)
                own[k] += numbers[c * Program::width + Program::point_offsets[I] + k];
        return own;
    }

    template <std::size_t I>
    [[nodiscard]] auto call_loss(const double* numbers) const {
        const auto& term = std::get<I>(program_.parts).term;
        constexpr std::size_t n = points_of<term_type<I>>();
        const auto own = own_sums<I>(numbers);
        std::array<dual<n>, n> lifted;
        for (std::size_t k = 0; k < n; ++k) {
            lifted[k] = dual<n>(own[k]);
            lifted[k].slope[k] = 1.0;
        }
        return dual<n>(term.call_loss(lifted, call_sums{denominator_of(term), how_}));
    }

    [[nodiscard]] XLOSS_PER_CALL factors factors_at(const double* numbers, double upstream,
                                                    std::optional<std::size_t> entry = {}) const {
        factors f{};
        program_.each_pointwise([&]<std::size_t I>(const auto& one) {
            if constexpr (sums_own_points<term_type<I>>)
                return; // its points have a slope for every region
            if (entry && *entry != one.entry)
                return;
            const double factor = one.coefficient() * upstream;
            double* own = f.data() + Program::point_offsets[I];
            if constexpr (has_call_loss<term_type<I>>) {
                const auto loss = call_loss<I>(numbers);
                for (std::size_t k = 0; k < loss.slope.size(); ++k)
                    own[k] = factor * loss.slope[k];
            } else {
                own[0] = quotient(factor, denominator_of(one.term));
            }
        });
        return f;
    }

    template <std::size_t I>
    [[nodiscard]] mean_value point_value(const double* numbers) const {
        const auto& term = std::get<I>(program_.parts).term;
        const auto own = own_sums<I>(numbers);
        const double denominator = denominator_of(term);
        if constexpr (!has_call_loss<term_type<I>>)
            return {quotient(own[0], denominator), denominator};
        else if constexpr (requires { term.normalizer(own, call_sums{}); })
            return {call_loss<I>(numbers).value, term.normalizer(own, call_sums{denominator, how_})};
        else
            return {call_loss<I>(numbers).value, denominator};
    }

    const Program& program_;
    const survey& survey_;
    reduction how_;
    denominator denominator_;
};

} // namespace xloss::engine

#endif
