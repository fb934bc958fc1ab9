#ifndef XLOSS_ENGINE_STAGES_HPP
#define XLOSS_ENGINE_STAGES_HPP

#include <xloss/engine/channelwise.hpp>
#include <xloss/engine/elementwise.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/regional.hpp>
#include <xloss/engine/survey.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/sink.hpp>
#include <xloss/tensor/source.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xloss::engine {

/// What an evaluation of N losses gives, beside the gradient.
template <std::size_t N>
struct report {
    double value = 0.0;
    std::array<mean_value, N> terms{};
    double normalizer = 0.0;
    std::size_t valid = 0;
};

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
    if constexpr (!has_call_loss<Term>)
        return true;
    else if constexpr (requires { term.is_linear(); })
        return term.is_linear();
    else
        return false;
}

/// The three stages for a program in one mode: the survey is done, here are the sweep and the pull-back.
template <mode Mode, class T, class... Terms>
class stages {
public:
    static constexpr kind mode_kind = kind_of(Mode);
    using program_type = program<mode_kind, Terms...>;
    using sweep_type = std::conditional_t<mode_kind == kind::elementwise, elementwise_sweep<T, program_type>,
                                          channelwise_sweep<T, program_type>>;
    using factors = std::array<double, program_type::points>;

    stages(const program_type& p, const sweep_inputs<T>& in, const survey& s, const mode_options& options,
           const call_options& call)
        : program_(p), in_(in), survey_(s), options_(options), call_(call), sweep_(program_, in_) {}

    /// Value, and with Gradient the gradient into `out`.
    template <bool Gradient, std::size_t N>
    report<N> run(const sink_ref<T>& out) {
        check_upstream();
        totals_ = in_.memory.zeros(scratch::region_sums, sweep_.regions() * program_type::width);
        if constexpr (!Gradient) {
            sweep_.template run<true, emit::nothing>({}, nullptr, totals_, {});
        } else if constexpr (one_pass_at_most) {
            sweep_.template run<true, emit::gradient>(linear_factors(), nullptr, totals_, out);
        } else if (one_pass()) {
            if constexpr (!program_type::has_regions)
                sweep_.template run<true, emit::gradient>(linear_factors(), nullptr, totals_, out);
        } else if (slopes_can_wait(out)) {
            if constexpr (is_mixed && mode_kind == kind::elementwise) {
                sweep_.template run<true, emit::point_slopes>(linear_factors(), nullptr, totals_, out);
                sweep_.template run<false, emit::pull_back>({}, pull_backs(), nullptr, out);
            }
        } else {
            sweep_.template run<true, emit::nothing>({}, nullptr, totals_, {});
            const pull_back* pulls = pull_backs();
            sweep_.template run<false, emit::gradient>(call_factors(), pulls, nullptr, out);
        }
        return finish<N>();
    }

    /// The shape of the unreduced losses.
    [[nodiscard]] tensor::shape unreduced_shape() const {
        check_unreduced();
        if constexpr (is_mixed) {
            throw parameter_error(in_.y.name() +
                                  ": an upstream tensor needs terms of one kind, pointwise or regional");
        } else if constexpr (program_type::has_regions) {
            tensor::shape shape;
            bool first = true;
            program_.each_regional([&]<std::size_t I>(const auto& one) {
                const tensor::shape own = mean_of(one.term).unreduced_shape(Mode);
                if (!first && own != shape)
                    throw shape_error(in_.y.name() + ": unreduced regions of the terms differ, " +
                                      shape.to_string() + " and " + own.to_string());
                shape = own;
                first = false;
            });
            return shape;
        } else {
            return pixels_shape();
        }
    }

    /// Writes the unreduced losses.
    void write_unreduced(const sink_ref<T>& out) {
        static_assert(!is_mixed,
                      "xloss: unreduced needs terms of one kind: a sum of pointwise and regional terms is no "
                      "sum over pixels, nor over regions");
        if constexpr (program_type::has_regions) {
            totals_ = in_.memory.zeros(scratch::region_sums, sweep_.regions() * program_type::width);
            sweep_.template run<true, emit::nothing>({}, nullptr, totals_, {});
            write_regions(out);
        } else {
            sweep_.template run<false, emit::value>(weights_of_parts(), nullptr, nullptr, out);
        }
    }

private:
    static constexpr bool has_call_losses = (has_call_loss<std::remove_cvref_t<Terms>> || ...);
    static constexpr bool is_mixed = program_type::has_regions && program_type::has_points;
    static constexpr bool one_pass_at_most = !program_type::has_regions && !has_call_losses;

    [[nodiscard]] bool points_are_linear() const {
        bool linear = true;
        program_.each_pointwise(
            [&]<std::size_t I>(const auto& one) { linear = linear && is_linear(one.term); });
        return linear;
    }

    [[nodiscard]] bool one_pass() const { return !program_type::has_regions && points_are_linear(); }

    /// Whether the slopes of the pointwise terms can wait in the gradient for those of the regional ones:
    /// written in the first sweep, they need not be computed again in the second. The bits are the same
    /// either way.
    [[nodiscard]] bool slopes_can_wait(const sink_ref<T>& out) const {
        return is_mixed && mode_kind == kind::elementwise && points_are_linear() && out.to->in_place() &&
               !out.accumulate;
    }

    [[nodiscard]] bool is_unreduced() const { return call_.upstream.tensor().has_value(); }

    // --- denominators ---

    /// What the mean over pixels of this term divides by.
    template <class Term>
    [[nodiscard]] double denominator_of(const Term& term) const {
        if (options_.reduction == reduction::sum || is_unreduced())
            return 1.0;
        if (options_.denominator == denominator::valid)
            return static_cast<double>(survey_.valid);
        if (options_.denominator == denominator::all)
            return static_cast<double>(survey_.elements);
        const per_class_view w = class_weights_of(term);
        if (!w.is_list())
            return w.number * survey_.weight;
        const auto& per_class = mode_kind == kind::elementwise ? survey_.class_weight : survey_.class_target;
        double total = 0.0;
        for (std::size_t c = 0; c < survey_.classes; ++c)
            total += w.of(c) * per_class[c];
        return total;
    }

    static double over(double numerator, double denominator) {
        return denominator == 0.0 ? 0.0 : numerator / denominator;
    }

    // --- point sums ---

    template <std::size_t I>
    [[nodiscard]] auto own_sums() const {
        std::array<double, points_of<typename program_type::template term<I>>()> own{};
        for (std::size_t row = 0; row < sweep_.regions(); ++row)
            for (std::size_t k = 0; k < own.size(); ++k)
                own[k] += totals_[row * program_type::width + program_type::point_offsets[I] + k];
        return own;
    }

    template <std::size_t I>
    [[nodiscard]] auto call_loss_of() const {
        const auto& term = std::get<I>(program_.parts).term;
        constexpr std::size_t n = points_of<typename program_type::template term<I>>();
        const auto own = own_sums<I>();
        std::array<dual<n>, n> lifted;
        for (std::size_t k = 0; k < n; ++k) {
            lifted[k] = dual<n>(own[k]);
            lifted[k].slope[k] = 1.0;
        }
        return dual<n>(term.call_loss(lifted, call_sums{denominator_of(term), options_.reduction}));
    }

    [[nodiscard]] double upstream() const { return is_unreduced() ? 1.0 : call_.upstream.factor(); }

    /// d(loss)/d(point sum) where it does not depend on the sums.
    [[nodiscard]] factors linear_factors() const {
        factors f{};
        program_.each_pointwise([&]<std::size_t I>(const auto& one) {
            f[program_type::point_offsets[I]] =
                over(one.coefficient() * upstream(), denominator_of(one.term));
        });
        return f;
    }

    [[nodiscard]] factors call_factors() const {
        factors f = linear_factors();
        program_.each_pointwise([&]<std::size_t I>(const auto& one) {
            if constexpr (has_call_loss<typename program_type::template term<I>>) {
                const auto loss = call_loss_of<I>();
                for (std::size_t k = 0; k < loss.slope.size(); ++k)
                    f[program_type::point_offsets[I] + k] =
                        bounded(one.coefficient() * upstream() * loss.slope[k]);
            }
        });
        return f;
    }

    [[nodiscard]] factors weights_of_parts() const {
        factors f{};
        program_.each_pointwise(
            [&]<std::size_t I>(const auto& one) { f[program_type::point_offsets[I]] = one.coefficient(); });
        return f;
    }

    // --- regions ---

    template <class Term>
    [[nodiscard]] regional_mean<program_type, Term> mean_of(const Term& term) const {
        return {term, in_.y.geometry(), totals_, in_.memory};
    }

    /// Slopes by sums next to 0, such as 1/P of a region without prediction, may leave the computation type,
    /// and infinity times a probability of 0 is no number. NaN comes through.
    static double bounded(double slope) {
        constexpr double most = static_cast<double>(std::numeric_limits<T>::max()) / 8.0; // four are added up
        return slope > most ? most : slope < -most ? -most : slope;
    }

    pull_back* pull_backs() {
        if constexpr (!program_type::has_regions)
            return nullptr;
        pull_back* pulls = in_.memory.template get<pull_back>(scratch::pull_backs, sweep_.regions());
        std::fill_n(pulls, sweep_.regions(), pull_back{});
        program_.each_regional([&]<std::size_t I>(const auto& one) {
            const auto mean = mean_of(one.term);
            if (!is_unreduced())
                return mean.pull(options_.reduction, one.coefficient() * upstream(), pulls);
            each_region(mean, [&](std::size_t group, std::size_t i, double u) {
                mean.pull_one(group, i, one.coefficient() * u, pulls);
            });
        });
        for (std::size_t row = 0; row < sweep_.regions(); ++row)
            for (double* slope :
                 {&pulls[row].constant, &pulls[row].by_y, &pulls[row].by_p, &pulls[row].by_sign})
                *slope = bounded(*slope);
        return pulls;
    }

    /// Calls f(group, i, upstream) for every unreduced loss.
    template <class Mean, class F>
    void each_region(const Mean& mean, F&& f) const {
        for (std::size_t group = 0, flat = 0; group < mean.groups(); ++group)
            for (std::size_t i = 0; i < mean.losses_per_group(); ++i, ++flat) {
                double buffer = 1.0;
                f(group, i, is_unreduced() ? *call_.upstream.tensor()->read(flat, 1, &buffer) : 1.0);
            }
    }

    void write_regions(const sink_ref<T>& out) const {
        const tensor::shape shape = unreduced_shape();
        for (std::size_t flat = 0; flat < shape.size(); ++flat) {
            T buffer{};
            T* to = out.to->begin(flat, 1, &buffer, false);
            *to = T(0);
            out.to->commit(flat, 1, to);
        }
        program_.each_regional([&]<std::size_t I>(const auto& one) {
            const auto mean = mean_of(one.term);
            std::size_t flat = 0;
            each_region(mean, [&](std::size_t group, std::size_t i, double) {
                T buffer{};
                T* to = out.to->begin(flat, 1, &buffer, true);
                *to += static_cast<T>(one.coefficient() * mean.unreduced(group, i));
                out.to->commit(flat++, 1, to);
            });
        });
    }

    // --- unreduced ---

    [[nodiscard]] tensor::shape pixels_shape() const {
        tensor::shape s = in_.y.logits_shape();
        if (Mode != mode::multiclass)
            return s;
        for (std::size_t axis = 2; axis < s.rank; ++axis)
            s[axis - 1] = s[axis];
        --s.rank;
        s[s.rank] = 0;
        return s;
    }

    void check_unreduced() const {
        if (!one_pass() && !program_type::has_regions)
            throw parameter_error(in_.y.name() + ": unreduced: a normalized loss is no sum of elements");
    }

    void check_upstream() const {
        if (!is_unreduced()) {
            check_number("call_options", "upstream", call_.upstream.factor(), -HUGE_VAL);
            return;
        }
        const tensor::shape expected = unreduced_shape();
        if (call_.upstream.tensor()->shape() != expected)
            throw shape_error(in_.y.name() + ": upstream " + call_.upstream.tensor()->shape().to_string() +
                              " does not fit unreduced losses " + expected.to_string());
    }

    // --- result ---

    template <std::size_t N>
    report<N> finish() const {
        report<N> r;
        r.valid = survey_.valid;
        std::array<bool, N> seen{};
        program_.each([&]<std::size_t I>(const auto& one) {
            const mean_value v = value_of<I>();
            r.terms[one.entry].value += one.share * v.value;
            if (!seen[one.entry])
                r.terms[one.entry].normalizer = v.normalizer;
            seen[one.entry] = true;
            r.value += one.coefficient() * v.value;
        });
        r.normalizer = r.terms[0].normalizer;
        return r;
    }

    template <std::size_t I>
    [[nodiscard]] mean_value value_of() const {
        using term = typename program_type::template term<I>;
        const auto& one = std::get<I>(program_.parts);
        if constexpr (regional<term>) {
            const auto mean = mean_of(one.term);
            if (!is_unreduced())
                return mean.mean(options_.reduction);
            mean_value v{0.0, 1.0};
            each_region(mean, [&](std::size_t group, std::size_t i, double u) {
                v.value += u * mean.unreduced(group, i);
            });
            return v;
        } else if constexpr (has_call_loss<term>) {
            double normalizer = denominator_of(one.term);
            if constexpr (requires { one.term.normalizer(own_sums<I>(), call_sums{}); })
                normalizer = one.term.normalizer(own_sums<I>(), call_sums{normalizer, options_.reduction});
            return {call_loss_of<I>().value, normalizer};
        } else {
            const double d = denominator_of(one.term);
            return {over(own_sums<I>()[0], d), d};
        }
    }

    const program_type& program_;
    const sweep_inputs<T>& in_;
    const survey& survey_;
    const mode_options& options_;
    const call_options& call_;
    sweep_type sweep_;
    double* totals_ = nullptr;
};

} // namespace xloss::engine

#endif
