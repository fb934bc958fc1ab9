#ifndef XLOSS_ENGINE_STAGES_HPP
#define XLOSS_ENGINE_STAGES_HPP

#include <xloss/config.hpp>
#include <xloss/engine/channelwise.hpp>
#include <xloss/engine/check.hpp>
#include <xloss/engine/elementwise.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/engine/gradient_rows.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/regional.hpp>
#include <xloss/engine/regional_terms.hpp>
#include <xloss/engine/summary.hpp>
#include <xloss/engine/survey.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/sink.hpp>
#include <xloss/tensor/source.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <tuple>
#include <type_traits>
#include <vector>

namespace xloss::engine {

/// The three stages for a program in one mode: the survey is done, here are the sweep and the pull-back.
template <kind Kind, class T, class Program>
class stages {
public:
    static constexpr kind mode_kind = Kind;
    using program_type = Program;
    using summary_type = summary<program_type>;
    using sweep_type = std::conditional_t<mode_kind == kind::elementwise, elementwise_sweep<T, program_type>,
                                          channelwise_sweep<T, program_type>>;

    stages(const program_type& p, const sweep_inputs<T>& in, const survey& s, const mode_options& options,
           const call_options& call)
        : program_(p), in_(in), survey_(s), options_(options), call_(call), sweep_(program_, in_),
          summary_(program_, survey_, options, is_unreduced()),
          parts_(regional_parts(program_, in_.y.geometry(), sums_, in_.memory)),
          regional_(parts_, summary_.how(), call_.upstream) {
        regional_.check();
    }

    stages(const stages&) = delete; // its parts refer to its sums
    stages& operator=(const stages&) = delete;

    /// Value, and with Gradient the gradient into `out`.
    template <bool Gradient, std::size_t N>
    report<N> run(const sink_ref<T>& out) {
        check_upstream();
        if constexpr (!Gradient) {
            sum_up<emit::nothing>({});
        } else if constexpr (one_pass_at_most) {
            sum_up<emit::gradient>(out);
        } else if (one_pass()) {
            if constexpr (!program_type::has_regions)
                sum_up<emit::gradient>(out);
        } else if (samples_stand_alone()) {
            if constexpr (mode_kind == kind::elementwise)
                run_groups(out);
        } else if (can_wait(out)) {
            if constexpr (variances_wait) {
                sum_up<emit::variances>(out);
                sweep_.template run<false, emit::variance_pull>({}, pull_backs(), nullptr, out);
            } else if constexpr (slopes_wait) {
                sum_up<emit::point_slopes>(out);
                sweep_.template run<false, emit::pull_back>({}, pull_backs(), nullptr, out);
            } else if constexpr (probabilities_wait) {
                sum_up<emit::probabilities>(out);
                write_gradient<emit::kept_gradient>(out);
            }
        } else {
            sum_up<emit::nothing>({});
            write_gradient(out);
        }
        return reported<N>();
    }

    /// Value, and in one sweep the gradient (none where `out` has no tensor) and the rows of what each of N
    /// losses gives to it: of those that run here, as a sum may have others.
    template <std::size_t N>
    report<N> run_with_rows(const sink_ref<T>& out, std::array<gradient_rows, N>& rows) {
        check_upstream();
        sum_up<emit::nothing>({});
        const std::size_t regions = program_type::has_regions ? sweep_.regions() : 0;
        pull_back* pulls = in_.memory.template get<pull_back>(scratch::entry_pull_backs, N * regions);
        std::vector<tensor::sink<T>> sinks;
        std::vector<sweep_output<T, program_type::points>> outputs;
        sinks.reserve(N);
        outputs.reserve(N + 1);
        std::array<bool, N> runs_here{};
        program_.each([&]<std::size_t I>(const auto& one) { runs_here[one.entry] = true; });
        for (std::size_t entry = 0; entry < N; ++entry) {
            if (!runs_here[entry])
                continue; // zeros would count among its elements
            sinks.push_back(rows[entry].template sink<T>(in_.x.shape()));
            if constexpr (program_type::has_regions)
                fill_pull_backs(pulls + entry * regions, entry);
            outputs.push_back({bounded(summary_.entry_factors(entry, sums_.call, upstream())),
                               regions > 0 ? pulls + entry * regions : nullptr,
                               sink_ref<T>{&sinks.back(), false}});
        }
        if (out.to)
            outputs.push_back({bounded(summary_.call_factors(sums_.call, upstream())), pull_backs(), out});
        sweep_.run_gradients(outputs);
        return reported<N>();
    }

    /// After `run`: calls f(term, group, sums of its classes) for every group of regions of the first term.
    template <class F>
    void each_group(F&& f) const {
        const auto& term = std::get<0>(program_.parts).term;
        const region_means& mean = parts_.front().mean;
        for (std::size_t group = 0; group < mean.regions().groups(); ++group)
            f(term, group, std::span<const region_sums<dual<1>>>(mean.collect_all(group)));
    }

    /// Throws where the upstream gradient does not fit; nothing is written.
    void check() const { check_upstream(); }

    /// How many numbers `measure` gives.
    [[nodiscard]] std::size_t numbers() const {
        return survey_size(survey_.classes) + summary_type::size(survey_.classes);
    }

    /// The sums of this call as plain numbers: those of the survey, then those of the sweep.
    void measure(double* to) {
        check_whole();
        sum_up<emit::nothing>({});
        write_survey(survey_, to);
        std::copy_n(sums_.call, summary_type::size(survey_.classes), to + survey_size(survey_.classes));
    }

    /// The gradient of a call of which this one is a part; `whole` are the sums of all its parts, added up.
    template <std::size_t N>
    report<N> finish(const double* whole, const sink_ref<T>& out) {
        check_whole();
        if (regional_.any_per_sample())
            sum_up<emit::nothing>({});
        sums_.call = whole + survey_size(survey_.classes);
        write_gradient(out);
        return reported<N>();
    }

    /// The shape of the unreduced losses.
    [[nodiscard]] XLOSS_PER_CALL tensor::shape unreduced_shape() const {
        check_unreduced();
        if constexpr (is_mixed) {
            tensor::raise<parameter_error>(
                {in_.y.loss(), ": an upstream tensor needs terms of one kind, pointwise or regional"});
        } else if constexpr (program_type::has_regions) {
            return regional_.unreduced_shape(in_.y.loss(), in_.y.md());
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
            sum_up<emit::nothing>({});
            regional_.write_unreduced(*out.to, unreduced_shape());
        } else {
            const summary_type each(program_, survey_, options_, true);
            sweep_.template run<false, emit::value>(each.linear_factors(1.0), nullptr, nullptr, out);
        }
    }

private:
    static constexpr bool has_call_losses =
        any_pointwise<Program>([]<class Term>() { return has_call_loss<Term>; });
    static constexpr bool is_mixed = program_type::has_regions && program_type::has_points;
    static constexpr bool one_pass_at_most = !program_type::has_regions && !has_call_losses;

    [[nodiscard]] bool points_are_linear() const {
        bool linear = true;
        program_.each_pointwise(
            [&]<std::size_t I>(const auto& one) { linear = linear && is_linear(one.term); });
        return linear;
    }

    [[nodiscard]] bool one_pass() const { return !program_type::has_regions && points_are_linear(); }

    /// What the first sweep found can wait in the gradient, so that the second need not compute it again: the
    /// slopes of the pointwise terms, p (1 - p), or the probabilities of all classes.
    static constexpr bool slopes_wait = is_mixed && mode_kind == kind::elementwise;
    static constexpr bool variances_wait = program_type::pulls_by_variance && !program_type::has_points;
    static constexpr bool probabilities_wait = [] {
        if constexpr (mode_kind == kind::channelwise)
            return sweep_type::can_keep;
        return false;
    }();

    /// Whether it does: with the same bits either way.
    [[nodiscard]] bool can_wait(const sink_ref<T>& out) const {
        return out.to->in_place() && !out.accumulate && !in_.probabilities &&
               ((slopes_wait && points_are_linear()) || variances_wait || probabilities_wait);
    }

    // --- samples that are in the cache together ---

    /// Whether the gradient of a sample follows from its own sums alone. Then it is made while the sample is
    /// still in the cache, a tenth faster than by two sweeps over memory.
    [[nodiscard]] bool samples_stand_alone() const {
        if constexpr (mode_kind == kind::channelwise || !program_type::has_regions) {
            return false;
        } else {
            bool alone = !is_unreduced() && sweep_.samples_in_cache() > 0;
            program_.each_pointwise([&]<std::size_t I>(const auto& one) {
                alone = alone &&
                        (sums_own_points<typename program_type::template term<I>> || is_linear(one.term));
            });
            return alone && regional_.shares_are_certain();
        }
    }

    template <bool Sums, emit Emit>
    static constexpr const tile_kernels<T>& kernels = kernels_of<Sums, Emit, T, program_type>;

    /// What is written first is what the second sweep over a sample need not compute again.
    void run_groups(const sink_ref<T>& out) {
        if constexpr (program_type::pulls_by_variance) {
            if (!in_.probabilities && (!slopes_wait || can_wait(out)))
                return run_groups(kernels<true, emit::variances>, kernels<false, emit::variance_pull>, out);
        } else if constexpr (slopes_wait) {
            if (can_wait(out))
                return run_groups(kernels<true, emit::point_slopes>, kernels<false, emit::pull_back>, out);
        }
        run_groups(kernels<true, emit::nothing>, kernels<false, emit::gradient>, out);
    }

    XLOSS_PER_CALL void run_groups(const tile_kernels<T>& first_sweep, const tile_kernels<T>& second_sweep,
                                   const sink_ref<T>& out) {
        sums_.rows = in_.memory.zeros(scratch::region_sums, sweep_.regions() * program_type::width);
        if constexpr (program_type::needs(sums::prediction))
            take_predictions();
        sweep_.reserve();
        pull_back* pulls = in_.memory.template get<pull_back>(scratch::pull_backs, sweep_.regions());
        const auto factors = bounded(summary_.linear_factors(upstream()));
        const std::size_t samples = in_.y.geometry().samples, together = sweep_.samples_in_cache();
        for (std::size_t first = 0; first < samples; first += together) {
            const std::size_t last = std::min(samples, first + together);
            sweep_.run_samples(first_sweep, first, last, factors, nullptr, sums_.rows, out);
            pull_samples(first, last, pulls);
            sweep_.run_samples(second_sweep, first, last, factors, pulls, nullptr, out);
        }
        if constexpr (program_type::needs(sums::prediction))
            write_prediction_slopes(pulls);
        gather();
    }

    void pull_samples(std::size_t first, std::size_t last, pull_back* pulls) const {
        const std::size_t classes = in_.y.geometry().classes;
        const std::span<pull_back> own{pulls + first * classes, (last - first) * classes};
        std::fill(own.begin(), own.end(), pull_back{});
        for (std::size_t b = first; b < last; ++b)
            regional_.pull_sample(b, pulls);
        bound(own);
    }

    /// Slopes that stay within the computation type.
    void bound(std::span<pull_back> pulls) const {
        bound_all<T>(pulls, most_weight(),
                     in_.probabilities ? most_weight() / least_variance : most_weight());
    }

    [[nodiscard]] bool is_unreduced() const { return call_.upstream.tensor().has_value(); }
    [[nodiscard]] double upstream() const { return is_unreduced() ? 1.0 : call_.upstream.factor(); }

    // --- sweep and pull-back ---

    /// The sweep: the sums of every sample and class, and those of the call; with them, slopes that need not
    /// wait for sums.
    template <emit Emit>
    XLOSS_PER_CALL void sum_up(const sink_ref<T>& out) {
        sums_.rows = in_.memory.zeros(scratch::region_sums, sweep_.regions() * program_type::width);
        if constexpr (Emit == emit::nothing || Emit == emit::probabilities)
            sweep_.template run<true, Emit>({}, nullptr, sums_.rows, out);
        else
            sweep_.template run<true, Emit>(bounded(summary_.linear_factors(upstream())), nullptr, sums_.rows,
                                            out);
        if constexpr (program_type::needs(sums::prediction))
            take_predictions();
        gather();
    }

    /// The sums of the call, from those of every sample and class.
    XLOSS_PER_CALL void gather() {
        double* sums = in_.memory.zeros(scratch::call_sums, summary_type::size(survey_.classes));
        sums_.call = sums;
        summary_.gather(sums_.rows, sweep_.regions(), sums, regional_);
    }

    /// What is predicted of regions joins their sums.
    void take_predictions() const {
        for (std::size_t row = 0; row < sweep_.regions(); ++row) {
            T buffer{};
            sums_.rows[row * program_type::width + program_type::soft_at(sums::prediction)] =
                static_cast<double>(*in_.predicted.given->read(row, 1, &buffer));
        }
    }

    void write_prediction_slopes(const pull_back* pulls) const {
        const tensor::sink<T>& out = *in_.predicted.to;
        for (std::size_t row = 0; row < sweep_.regions(); ++row) {
            T buffer{};
            T* to = out.begin(row, 1, &buffer, call_.accumulate);
            *to = (call_.accumulate ? *to : T(0)) + static_cast<T>(pulls[row].by_prediction);
            out.commit(row, 1, to, call_.accumulate);
        }
    }

    /// The pull-back, once the sums are known.
    template <emit Emit = emit::gradient>
    XLOSS_PER_CALL void write_gradient(const sink_ref<T>& out) {
        sweep_.template run<false, Emit>(bounded(summary_.call_factors(sums_.call, upstream())), pull_backs(),
                                         nullptr, out);
    }

    /// An upstream tensor is for losses that are not reduced, and those need no other call's sums.
    void check_whole() const {
        if (is_unreduced())
            tensor::raise<parameter_error>(
                {in_.y.loss(), ": an upstream tensor belongs to unreduced losses, which are not measured"});
        check_upstream();
    }

    // --- regions ---

    /// No pixel weighs more than all of them.
    [[nodiscard]] double most_weight() const { return std::max(1.0, survey_.weight); }

    /// The slopes of points, which class weights multiply, and where probabilities are given 1/(p (1 - p)).
    [[nodiscard]] XLOSS_PER_CALL auto bounded(std::array<double, program_type::points> slopes) const {
        program_.each_pointwise([&]<std::size_t I>(const auto& one) {
            const auto weights = class_weights_of(one.term);
            double largest = 1.0;
            for (std::size_t c = 0; c < survey_.classes; ++c)
                largest = std::max(largest, weights.of(c));
            largest *= most_weight();
            if (in_.probabilities)
                largest /= least_variance;
            for (std::size_t k = program_type::point_offsets[I]; k < program_type::point_offsets[I + 1]; ++k)
                slopes[k] = bounded_slope<T>(slopes[k], largest);
        });
        return slopes;
    }

    XLOSS_PER_CALL pull_back* pull_backs() {
        if constexpr (!program_type::has_regions)
            return nullptr;
        pull_back* pulls = in_.memory.template get<pull_back>(scratch::pull_backs, sweep_.regions());
        fill_pull_backs(pulls);
        if constexpr (program_type::needs(sums::prediction))
            write_prediction_slopes(pulls);
        return pulls;
    }

    /// Of all regional terms, or of those of one loss of the sum.
    XLOSS_PER_CALL void fill_pull_backs(pull_back* pulls, std::optional<std::size_t> entry = {}) {
        const std::span<pull_back> all{pulls, sweep_.regions()};
        std::fill(all.begin(), all.end(), pull_back{});
        regional_.pull(summary_.tallies(sums_.call), entry, pulls);
        bound(all);
    }

    // --- unreduced ---

    [[nodiscard]] tensor::shape pixels_shape() const {
        const tensor::shape& s = in_.y.logits_shape();
        return Kind == kind::channelwise ? s.without(1) : s;
    }

    void check_unreduced() const {
        if (!one_pass() && !program_type::has_regions)
            tensor::raise<parameter_error>(
                {in_.y.loss(), ": unreduced: a normalized loss is no sum of elements"});
    }

    void check_upstream() const {
        engine::check_upstream(in_.y, call_, is_unreduced() ? unreduced_shape() : tensor::shape{});
    }

    // --- result ---

    template <std::size_t N>
    report<N> reported() const {
        if (is_unreduced() && program_type::has_regions)
            return summary_.template values_by_upstream<N>(regional_);
        return summary_.template values<N>(sums_.call, regional_);
    }

    const program_type& program_;
    const sweep_inputs<T>& in_;
    const survey& survey_;
    const mode_options& options_;
    const call_options& call_;
    sweep_type sweep_;
    summary_type summary_;
    known_sums sums_{};
    std::array<regional_part, regional_indices<program_type>.size()> parts_;
    regional_terms regional_;
};

} // namespace xloss::engine

#endif
