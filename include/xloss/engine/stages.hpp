#ifndef XLOSS_ENGINE_STAGES_HPP
#define XLOSS_ENGINE_STAGES_HPP

#include <xloss/engine/channelwise.hpp>
#include <xloss/engine/check.hpp>
#include <xloss/engine/elementwise.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/engine/gradient_rows.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/regional.hpp>
#include <xloss/engine/summary.hpp>
#include <xloss/engine/survey.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/sink.hpp>
#include <xloss/tensor/source.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
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
          summary_(program_, survey_, options, is_unreduced()) {
        program_.each_regional([&]<std::size_t I>(const auto& one) { mean_of(one.term).check(); });
    }

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
                can_wait(out) ? run_by_sample<slopes_wait ? emit::point_slopes : emit::nothing,
                                              slopes_wait ? emit::pull_back : emit::gradient>(out)
                              : run_by_sample<emit::nothing, emit::gradient>(out);
        } else if (can_wait(out)) {
            if constexpr (slopes_wait) {
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
    /// losses gives to it: of those that run here, as a sum may have others. On the calling thread.
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
            outputs.push_back({bounded(summary_.entry_factors(entry, sums_, upstream())),
                               regions > 0 ? pulls + entry * regions : nullptr,
                               sink_ref<T>{&sinks.back(), false}});
        }
        if (out.to)
            outputs.push_back({bounded(summary_.call_factors(sums_, upstream())), pull_backs(), out});
        const executor_ref serial{}; // the rows of a loss are added up in their order
        const sweep_inputs<T> in{in_.x, in_.y, in_.probabilities, serial, in_.memory, in_.predicted};
        sweep_type(program_, in).run_gradients(outputs);
        return reported<N>();
    }

    /// After `run`: calls f(term, group, sums of its classes) for every group of regions of the first term.
    template <class F>
    void each_group(F&& f) const {
        const auto& term = std::get<0>(program_.parts).term;
        const auto mean = mean_of(term);
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
        std::copy_n(sums_, summary_type::size(survey_.classes), to + survey_size(survey_.classes));
    }

    /// The gradient of a call of which this one is a part; `whole` are the sums of all its parts, added up.
    template <std::size_t N>
    report<N> finish(const double* whole, const sink_ref<T>& out) {
        check_whole();
        if (any_region_per_sample())
            sum_up<emit::nothing>({});
        sums_ = whole + survey_size(survey_.classes);
        write_gradient(out);
        return reported<N>();
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
                const tensor::shape own = mean_of(one.term).regions().unreduced_shape(in_.y.md());
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
            sum_up<emit::nothing>({});
            write_regions(out);
        } else {
            const summary_type each(program_, survey_, options_, true);
            sweep_.template run<false, emit::value>(each.linear_factors(1.0), nullptr, nullptr, out);
        }
    }

private:
    static constexpr bool has_call_losses = []<std::size_t... I>(std::index_sequence<I...>) {
        return (has_call_loss<typename Program::template term<I>> || ...);
    }
    (std::make_index_sequence<Program::size>{});
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
    /// slopes of the pointwise terms, or the probabilities of all classes.
    static constexpr bool slopes_wait = is_mixed && mode_kind == kind::elementwise;
    static constexpr bool probabilities_wait = [] {
        if constexpr (mode_kind == kind::channelwise)
            return sweep_type::can_keep;
        return false;
    }();

    /// Whether it does: with the same bits either way.
    [[nodiscard]] bool can_wait(const sink_ref<T>& out) const {
        return out.to->in_place() && !out.accumulate &&
               ((slopes_wait && points_are_linear()) || (probabilities_wait && !in_.probabilities));
    }

    // --- sample by sample ---

    /// Whether the gradient of a sample follows from its own sums alone. Then it is made while the sample is
    /// still in the cache, a tenth faster than by two sweeps over memory.
    [[nodiscard]] bool samples_stand_alone() const {
        if constexpr (mode_kind == kind::channelwise || !program_type::has_regions) {
            return false;
        } else {
            bool alone = !is_unreduced() && sweep_.sample_stays_cached();
            program_.each_pointwise([&]<std::size_t I>(const auto& one) {
                alone = alone &&
                        (sums_own_points<typename program_type::template term<I>> || is_linear(one.term));
            });
            bool joint = false;
            program_.each_regional([&]<std::size_t I>(const auto& one) {
                const auto mean = mean_of(one.term);
                alone = alone && mean.regions().certain_share(summary_.how(), 1.0);
                joint = joint || mean.joint();
            });
            // With threads a sample is a piece of work, and joint losses share their scratch. One large
            // sample is better cut into pieces of its own.
            return alone && (is_little() || (!joint && in_.y.geometry().samples >= 16));
        }
    }

    /// Whether a sweep over all samples is done by the calling thread alone.
    [[nodiscard]] bool is_little() const { return in_.executor.is_serial({2, in_.y.geometry().size() / 2}); }

    template <emit First, emit Second>
    void run_by_sample(const sink_ref<T>& out) {
        rows_ = in_.memory.zeros(scratch::region_sums, sweep_.regions() * program_type::width);
        if constexpr (program_type::needs(sums::prediction))
            take_predictions();
        sweep_.reserve();
        pull_back* pulls = in_.memory.template get<pull_back>(scratch::pull_backs, sweep_.regions());
        double* sums = in_.memory.zeros(scratch::call_sums, summary_type::size(survey_.classes));
        sums_ = sums;
        const auto factors = bounded(summary_.linear_factors(upstream()));
        const std::size_t samples = in_.y.geometry().samples, each = sweep_.samples_per_piece();
        const work all{(samples + each - 1) / each,
                       each * in_.y.geometry().size() / std::max<std::size_t>(samples, 1)};
        const executor_ref runs = is_little() ? executor_ref() : in_.executor;
        runs.run(all, [&](std::size_t piece) {
            for (std::size_t b = piece * each; b < std::min(samples, (piece + 1) * each); ++b) {
                sweep_.template run_sample<true, First>(b, factors, nullptr, rows_, out);
                pull_sample(b, pulls);
                sweep_.template run_sample<false, Second>(b, factors, pulls, nullptr, out);
            }
        });
        if constexpr (program_type::needs(sums::prediction))
            write_prediction_slopes(pulls);
        summary_.gather(rows_, sweep_.regions(), sums, [&](const auto& term) { return mean_of(term); });
    }

    void pull_sample(std::size_t b, pull_back* pulls) const {
        const std::size_t classes = in_.y.geometry().classes;
        std::fill_n(pulls + b * classes, classes, pull_back{});
        program_.each_regional([&]<std::size_t I>(const auto& one) {
            const auto mean = mean_of(one.term);
            const double factor = one.coefficient() * upstream();
            mean.pull_group(b, *mean.regions().certain_share(summary_.how(), factor), pulls);
        });
        bound(pulls + b * classes, classes);
    }

    /// Slopes that stay within the computation type.
    void bound(pull_back* pulls, std::size_t n) const {
        const double by_points = in_.probabilities ? most_weight() / least_variance : most_weight();
        for (std::size_t i = 0; i < n; ++i)
            pulls[i].template bound<T>(most_weight(), by_points);
    }

    [[nodiscard]] bool is_unreduced() const { return call_.upstream.tensor().has_value(); }
    [[nodiscard]] double upstream() const { return is_unreduced() ? 1.0 : call_.upstream.factor(); }

    // --- sweep and pull-back ---

    /// The sweep: the sums of every sample and class, and those of the call; with them, slopes that need not
    /// wait for sums.
    template <emit Emit>
    void sum_up(const sink_ref<T>& out) {
        rows_ = in_.memory.zeros(scratch::region_sums, sweep_.regions() * program_type::width);
        if constexpr (Emit == emit::nothing || Emit == emit::probabilities)
            sweep_.template run<true, Emit>({}, nullptr, rows_, out);
        else
            sweep_.template run<true, Emit>(bounded(summary_.linear_factors(upstream())), nullptr, rows_,
                                            out);
        if constexpr (program_type::needs(sums::prediction))
            take_predictions();
        double* sums = in_.memory.zeros(scratch::call_sums, summary_type::size(survey_.classes));
        sums_ = sums;
        summary_.gather(rows_, sweep_.regions(), sums, [&](const auto& term) { return mean_of(term); });
    }

    /// What is predicted of regions joins their sums.
    void take_predictions() const {
        for (std::size_t row = 0; row < sweep_.regions(); ++row) {
            T buffer{};
            rows_[row * program_type::width + program_type::soft_at(sums::prediction)] =
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
    void write_gradient(const sink_ref<T>& out) {
        sweep_.template run<false, Emit>(bounded(summary_.call_factors(sums_, upstream())), pull_backs(),
                                         nullptr, out);
    }

    [[nodiscard]] bool any_region_per_sample() const {
        bool any = false;
        program_.each_regional(
            [&]<std::size_t I>(const auto& one) { any = any || mean_of(one.term).regions().per_sample(); });
        return any;
    }

    /// An upstream tensor is for losses that are not reduced, and those need no other call's sums.
    void check_whole() const {
        if (is_unreduced())
            throw parameter_error(in_.y.name() +
                                  ": an upstream tensor belongs to unreduced losses, which are not measured");
        check_upstream();
    }

    // --- regions ---

    template <class Term>
    [[nodiscard]] regional_mean<program_type, Term> mean_of(const Term& term) const {
        return {term, in_.y.geometry(), rows_, sums_, in_.memory};
    }

    /// No pixel weighs more than all of them.
    [[nodiscard]] double most_weight() const { return std::max(1.0, survey_.weight); }

    /// The slopes of points, which class weights multiply, and where probabilities are given 1/(p (1 - p)).
    [[nodiscard]] auto bounded(std::array<double, program_type::points> slopes) const {
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

    pull_back* pull_backs() {
        if constexpr (!program_type::has_regions)
            return nullptr;
        pull_back* pulls = in_.memory.template get<pull_back>(scratch::pull_backs, sweep_.regions());
        fill_pull_backs(pulls);
        if constexpr (program_type::needs(sums::prediction))
            write_prediction_slopes(pulls);
        return pulls;
    }

    /// Of all regional terms, or of those of one loss of the sum.
    void fill_pull_backs(pull_back* pulls, std::optional<std::size_t> entry = {}) {
        std::fill_n(pulls, sweep_.regions(), pull_back{});
        program_.each_regional([&]<std::size_t I>(const auto& one) {
            if (entry && *entry != one.entry)
                return;
            const auto mean = mean_of(one.term);
            if (!is_unreduced()) {
                const double normalizer = summary_.template regional_value<I>(sums_, mean).normalizer;
                return mean.pull(summary_.how(), normalizer, one.coefficient() * upstream(), pulls);
            }
            each_region(mean, [&](std::size_t group, std::size_t i, double u) {
                mean.pull_one(group, i, one.coefficient() * u, pulls);
            });
        });
        bound(pulls, sweep_.regions());
    }

    /// Calls f(group, i, upstream) for every unreduced loss.
    template <class Mean, class F>
    void each_region(const Mean& mean, F&& f) const {
        for (std::size_t group = 0, flat = 0; group < mean.regions().groups(); ++group)
            for (std::size_t i = 0; i < mean.regions().losses_per_group(); ++i, ++flat) {
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
        const tensor::shape& s = in_.y.logits_shape();
        return Kind == kind::channelwise ? s.without(1) : s;
    }

    void check_unreduced() const {
        if (!one_pass() && !program_type::has_regions)
            throw parameter_error(in_.y.name() + ": unreduced: a normalized loss is no sum of elements");
    }

    void check_upstream() const {
        engine::check_upstream(in_.y, call_, [this] { return unreduced_shape(); });
    }

    // --- result ---

    template <std::size_t N>
    report<N> reported() const {
        const auto means = [&](const auto& term) { return mean_of(term); };
        if (!is_unreduced() || !program_type::has_regions)
            return summary_.template values<N>(sums_, means);
        return summary_.template report_of<N>([&]<std::size_t I>(const auto& one) {
            mean_value v{0.0, 1.0};
            if constexpr (program_type::template is_regional<I>) {
                const auto mean = mean_of(one.term);
                each_region(mean, [&](std::size_t group, std::size_t i, double u) {
                    v.value += u * mean.unreduced(group, i);
                });
            }
            return v;
        });
    }

    const program_type& program_;
    const sweep_inputs<T>& in_;
    const survey& survey_;
    const mode_options& options_;
    const call_options& call_;
    sweep_type sweep_;
    summary_type summary_;
    double* rows_ = nullptr;       // sums of every sample and class
    const double* sums_ = nullptr; // sums of the call
};

} // namespace xloss::engine

#endif
