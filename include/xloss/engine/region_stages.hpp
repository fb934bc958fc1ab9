#ifndef XLOSS_ENGINE_REGION_STAGES_HPP
#define XLOSS_ENGINE_REGION_STAGES_HPP

#include <xloss/engine/bind.hpp>
#include <xloss/engine/check.hpp>
#include <xloss/engine/crew.hpp>
#include <xloss/engine/element_rows.hpp>
#include <xloss/engine/filtered.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/ranked.hpp>
#include <xloss/engine/region_set.hpp>
#include <xloss/engine/regional.hpp>
#include <xloss/engine/slope_pull.hpp>
#include <xloss/engine/summary.hpp>
#include <xloss/engine/survey.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/simd/dual.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/sink.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>

namespace xloss::engine {

/// The stages of a loss that sees a region as a whole and is not fused with others: each region gives its
/// loss and leaves its slopes; once all of them are known, so is the mean, and one sweep makes the gradient.
template <kind Kind, class T, class Loss>
class region_stages {
public:
    region_stages(const placed_loss<Loss>& one, const sweep_inputs<T>& in, const survey& s,
                  const mode_options& options, const call_options& call)
        : one_(one), in_(in), survey_(s), options_(options), call_(call), g_(in.y.geometry()),
          regions_(region_options(one.loss), g_, false), elements_(in),
          evaluators_(
              workers(), in.executor, in.memory, [&](auto& place, const auto& executor, workspace& memory) {
                  place.emplace(one_.loss, sweep_inputs<T>{in.x, in.y, in.probabilities, executor, memory},
                                elements_, regions_);
              }) {}

    /// Throws what is wrong with parameters and upstream.
    void check() const {
        if constexpr (requires { one_.loss.check(); })
            one_.loss.check();
        regions_.check(Loss::name);
        if (slopes_by_logit && elements_.kind() == row_kind::given)
            tensor::raise<parameter_error>(
                {"xloss::", Loss::name, ": is a loss of logits; of probabilities take lovasz_sigmoid"});
        check_upstream(in_.y, call_, is_unreduced() ? unreduced_shape() : tensor::shape{});
        outcomes(); // what can fail for want of memory fails here
        factors();
    }

    /// The number of the loss in its sum.
    [[nodiscard]] std::size_t entry() const { return one_.entry; }

    [[nodiscard]] tensor::shape unreduced_shape() const {
        if constexpr (pools_regions)
            tensor::raise<parameter_error>({in_.y.loss(),
                                            ": unreduced: this mean over elements has no losses of "
                                            "single elements, which would need those next to them"});
        return regions_.unreduced_shape(in_.y.md());
    }

    /// Value, and with Gradient the gradient into `out`.
    template <bool Gradient, std::size_t N>
    report<N> run(const sink_ref<T>& out) {
        T* slopes = nullptr;
        if constexpr (Gradient)
            slopes = out.to->in_place() && !out.accumulate
                         ? out.to->begin(0, g_.size(), nullptr, false)
                         : in_.memory.template get<T>(scratch::slopes, g_.size());
        evaluate<Gradient>(slopes);
        const reduced_loss all = is_unreduced() ? sum_by_upstream() : mean_of_regions();
        if constexpr (Gradient)
            write_gradient(slopes, all, out);
        report<N> r;
        r.valid = survey_.valid;
        r.terms[one_.entry] = {one_.share * all.value, all.normalizer};
        r.value = one_.weight * r.terms[one_.entry].value;
        r.normalizer = r.terms[0].normalizer;
        return r;
    }

    /// Writes the unreduced losses.
    void write_unreduced(const sink_ref<T>& out) {
        evaluate<false>(nullptr);
        each_region([&](std::size_t flat, const region_outcome& region) {
            T buffer{};
            T* to = out.to->begin(flat, 1, &buffer, out.accumulate);
            const T loss = static_cast<T>(coefficient() * unreduced(region).value);
            *to = out.accumulate ? *to + loss : loss;
            out.to->commit(flat, 1, to, out.accumulate);
        });
    }

private:
    using evaluator = std::conditional_t<ranks<Loss>, ranked_regions<T, Loss>, filtered_regions<T, Loss>>;

    /// Whether the slopes of the loss are those by the logits, else by the probabilities.
    static constexpr bool slopes_by_logit = requires { requires Loss::slopes_by_logit; };

    [[nodiscard]] double coefficient() const { return one_.share * one_.weight; }
    [[nodiscard]] bool is_unreduced() const { return call_.upstream.tensor().has_value(); }
    [[nodiscard]] std::size_t count() const { return regions_.groups() * regions_.kept(); }

    std::span<region_outcome> outcomes() const {
        return {in_.memory.template get<region_outcome>(scratch::region_losses, count()), count()};
    }
    std::span<double> factors() const {
        const std::size_t rows = g_.samples * g_.classes;
        return {in_.memory.template get<double>(scratch::region_factors, rows), rows};
    }

    /// As many as evaluate regions at a time.
    [[nodiscard]] std::size_t workers() const {
        const std::size_t pixels = regions_.samples_per_group() * g_.pixels;
        if (evaluator::splits(count(), pixels))
            return 1;
        return std::min(crew<evaluator>::size_for(in_.executor, count(), pixels), workers_for(pixels));
    }

    template <bool Gradient>
    void evaluate(T* slopes) {
        outcomes_ = outcomes();
        elements_.activate();
        const std::size_t pixels = regions_.samples_per_group() * g_.pixels;
        evaluators_.run(in_.executor, count(), pixels, [&](evaluator& worker, std::size_t flat) {
            const std::size_t group = flat / regions_.kept(), i = flat % regions_.kept();
            const region_found found =
                worker.template evaluate<Gradient>(group, regions_.class_at(i), slopes);
            region_outcome& outcome = outcomes_[flat];
            outcome = regions_.judge(found.weight, found.target, i);
            if (outcome.follows_formula)
                outcome.loss = found.loss;
            outcome.elements = elements_of(found);
        });
        in_.memory.even_parts();
    }

    /// What a region is in the denominator of a mean over elements.
    [[nodiscard]] double elements_of(const region_found& found) const {
        if (options_.denominator == denominator::valid)
            return found.valid;
        if (options_.denominator == denominator::all)
            return static_cast<double>(regions_.samples_per_group() * g_.pixels);
        return found.weight;
    }

    /// Calls f(flat, outcome) for all regions.
    template <class F>
    void each_region(F&& f) const {
        for (std::size_t flat = 0; flat < count(); ++flat)
            f(flat, outcomes_[flat]);
    }

    [[nodiscard]] auto outcome_of() const {
        return [this](std::size_t group, std::size_t i) { return outcomes_[group * regions_.kept() + i]; };
    }

    /// The loss of the call, and its derivative by what was added up.
    struct reduced_loss {
        double value, slope, normalizer;
    };

    /// Whether the mean is over the elements of all regions, and not over the regions.
    static constexpr bool pools_regions = requires { requires Loss::pools_regions; };

    [[nodiscard]] mean_value mean_or_sum() const {
        if constexpr (!pools_regions)
            return regions_.over_groups(options_.reduction, outcome_of()).mean(options_.reduction);
        mean_value all;
        each_region([&](std::size_t, const region_outcome& region) {
            all.value += region.loss;
            all.normalizer += region.elements;
        });
        if (options_.reduction == reduction::sum)
            return {all.value, 1.0};
        return {quotient(all.value, all.normalizer), all.normalizer};
    }

    [[nodiscard]] reduced_loss mean_of_regions() const {
        const mean_value mean = mean_or_sum();
        const dual<1> loss = reduced(mean.value);
        return {loss.value, loss.slope[0], mean.normalizer};
    }

    /// What the loss makes of a mean.
    [[nodiscard]] dual<1> reduced(double mean) const {
        dual<1> lifted(mean);
        lifted.slope[0] = 1.0;
        if constexpr (requires { one_.loss.reduced_loss(lifted); })
            return one_.loss.reduced_loss(lifted);
        else
            return lifted;
    }

    /// w_c l_c of a region, with its derivative by l_c.
    [[nodiscard]] dual<1> unreduced(const region_outcome& region) const {
        dual<1> loss = region.counts ? reduced(region.weight * region.loss) : dual<1>(0.0);
        loss.slope[0] *= region.weight;
        return loss;
    }

    [[nodiscard]] double upstream_of(std::size_t flat) const {
        double buffer = 1.0;
        return *call_.upstream.tensor()->read(flat, 1, &buffer);
    }

    [[nodiscard]] reduced_loss sum_by_upstream() const {
        reduced_loss sum{0.0, 1.0, 1.0};
        each_region([&](std::size_t flat, const region_outcome& region) {
            sum.value += upstream_of(flat) * unreduced(region).value;
        });
        return sum;
    }

    void write_gradient(const T* slopes, const reduced_loss& all, const sink_ref<T>& out) {
        const std::span<double> by = factors();
        std::fill(by.begin(), by.end(), 0.0);
        const auto set = [&](std::size_t flat, double factor) {
            if (!outcomes_[flat].counts || !outcomes_[flat].follows_formula)
                return;
            const std::size_t first = regions_.first_sample(flat / regions_.kept());
            const std::size_t c = regions_.class_at(flat % regions_.kept());
            for (std::size_t b = first; b < first + regions_.samples_per_group(); ++b)
                by[b * g_.classes + c] = bounded_slope<T>(factor);
        };
        const double above = coefficient() * call_.upstream.factor() * all.slope;
        if (is_unreduced()) {
            each_region([&](std::size_t flat, const region_outcome& region) {
                set(flat, coefficient() * upstream_of(flat) * unreduced(region).slope[0]);
            });
        } else if (pools_regions) {
            each_region(
                [&](std::size_t flat, const region_outcome&) { set(flat, quotient(above, all.normalizer)); });
        } else {
            regions_.each_share(options_.reduction, all.normalizer, above, outcome_of(),
                                [&](std::size_t group, std::size_t i, double share) {
                                    const std::size_t flat = group * regions_.kept() + i;
                                    set(flat, share * outcomes_[flat].weight);
                                });
        }
        const element_slopes<T> from{slopes, by.data(),
                                     slopes_by_logit || elements_.kind() == row_kind::given};
        if (const T* softmax = elements_.kept())
            channelwise_pull<T>(in_).run(from, softmax, out);
        else
            elementwise_pull<T>(in_).run(from, out);
    }

    const placed_loss<Loss>& one_;
    const sweep_inputs<T>& in_;
    const survey& survey_;
    const mode_options& options_;
    const call_options& call_;
    const geometry& g_;
    region_set regions_;
    element_reader<T> elements_;
    crew<evaluator> evaluators_;
    std::span<region_outcome> outcomes_{};
};

} // namespace xloss::engine

#endif
