#ifndef XLOSS_CRITERION_MEASURE_HPP
#define XLOSS_CRITERION_MEASURE_HPP

#include <xloss/criterion/call.hpp>
#include <xloss/engine/evaluate.hpp>
#include <xloss/engine/summary.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>

#include <cstddef>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace xloss {

/// The sums of a loss over a call: all that its value, and the slopes of its gradient, need to know of the
/// pixels. Made by `measure`, added up by `merge`, used by `finish`.
///
/// Every one of `numbers` is a sum over pixels or samples. So those of several processes, with the same loss
/// and number of classes, add up elementwise to those of all their pixels: one all-reduce. Their order is the
/// library's own and is no file format.
template <class Loss, class T>
class measurement {
public:
    /// Of a loss, sum of losses or criterion, which is kept: what `numbers` say of logits of `classes`
    /// classes.
    /// @throws shape_error for fewer numbers than any loss has.
    measurement(Loss measured, std::size_t classes, std::vector<double> numbers)
        : loss_(std::move(measured)), classes_(classes), numbers_(std::move(numbers)) {
        if (numbers_.size() < engine::survey_size(classes_))
            tensor::raise<shape_error>({&engine::names_of<Loss>, ": ", numbers_.size(),
                                        " sums are too few for ", classes_, " classes"});
    }

    /// Adds the sums of another call with the same loss, all parameters alike.
    /// @throws shape_error where the number of classes differs, or parameters ask for other sums.
    measurement& merge(const measurement& other) {
        if (other.classes_ != classes_)
            tensor::raise<shape_error>({&engine::names_of<Loss>, ": sums over ", other.classes_,
                                        " classes do not fit sums over ", classes_});
        if (other.numbers_.size() != numbers_.size())
            tensor::raise<shape_error>(
                {&engine::names_of<Loss>, ": sums of a loss with other parameters do not fit"});
        for (std::size_t i = 0; i < numbers_.size(); ++i)
            numbers_[i] += other.numbers_[i];
        return *this;
    }

    /// What was measured.
    [[nodiscard]] const Loss& loss() const { return loss_; }
    /// Of the logits; 1 in binary.
    [[nodiscard]] std::size_t classes() const { return classes_; }

    // Not from the vector as a range: what std::span asks of one is checked wherever xloss is included.
    /// The sums, to be added up.
    [[nodiscard]] std::span<double> numbers() { return {numbers_.data(), numbers_.size()}; }
    /// The sums.
    [[nodiscard]] std::span<const double> numbers() const { return {numbers_.data(), numbers_.size()}; }

private:
    Loss loss_;
    std::size_t classes_;
    std::vector<double> numbers_;
};

namespace engine {

/// What is read of a measurement has the length that the loss asks for, whoever wrote the numbers.
template <class Loss, class T>
void check_numbers(const measurement<Loss, T>& whole, std::size_t expected) {
    if (whole.numbers().size() != expected)
        tensor::raise<shape_error>({&names_of<Loss>, ": ", whole.numbers().size(), " sums over ",
                                    whole.classes(), " classes, of which this loss has ", expected});
}

template <class Term>
inline constexpr bool learns_in_call_loss = has_call_loss<Term>;
template <class Term>
inline constexpr bool learns_in_call_loss<scaled<Term>> = has_call_loss<Term>;

/// Refuses terms whose sums are not those of the pixels alone.
struct measurable_run {
    template <class... Terms>
    int operator()(const Terms&...) const {
        static_assert((learns_in_call_loss<Terms> && ...),
                      "xloss: what a loss learns from the targets of a call enters in call_loss, or its sums "
                      "over two calls do not add up to those of both");
        return 0;
    }
};

template <class... Losses>
constexpr void require_measurable(std::type_identity<std::tuple<weighted_loss<Losses>...>>) {
    const auto check = []<class Loss>(std::type_identity<Loss>) {
        static_assert(!runs_apart<Loss>,
                      "xloss: a selected loss is not measured, nor is one of ranked errors or of neighbours: "
                      "what an element is to it is known only where all of its region are");
        if constexpr (requires { Loss::surveys_targets; })
            static_cast<void>(sizeof(decltype(std::declval<const Loss&>().bind(survey{}, measurable_run{}))));
    };
    (check(std::type_identity<std::remove_cvref_t<Losses>>{}), ...);
}

struct measure_run {
    template <class Stages>
    std::vector<double> operator()(Stages& stages) const {
        std::vector<double> numbers(stages.numbers());
        stages.measure(numbers.data());
        return numbers;
    }
};

template <class Whole, class T, std::size_t N>
struct finish_run {
    const Whole& whole;
    sink_ref<T> out;

    template <class Stages>
    report<N> operator()(Stages& stages) const {
        check_numbers(whole, stages.numbers());
        return stages.template finish<N>(whole.numbers().data(), out);
    }
};

} // namespace engine

/// The forward pass of a call that is a part of a larger one: a micro-batch, or the share of a process.
///
///     auto whole = xloss::measure(loss, x[0], y[0]);
///     whole.merge(xloss::measure(loss, x[1], y[1]));
///     xloss::finish(grad[0], whole, x[0], y[0]);
///     xloss::finish(grad[1], whole, x[1], y[1]);
///
/// gives what one call over both gives: Dice over the batch, generalized Dice, batch statistics, normalized
/// focal, means over pixels with weights and ignored pixels, to rounding. A loss of one's own whose `bind`
/// looks at the survey lets what it finds there enter in `call_loss` alone.
/// A selected loss (`top_k`, `ohem`) cannot be split, nor one that sees a region as a whole (`lovasz_softmax`
/// and its kin, `hausdorff_dt`, `sobel_boundary`, `cl_dice`).
/// @throws what `value` throws; parameter_error for an upstream tensor.
template <class Loss, class X, class Y>
auto measure(const Loss& loss, const X& x, const Y& y, const call_options& options = {}) {
    using request = engine::request<Loss, X>;
    engine::require_measurable(std::type_identity<typename request::terms_type>{});
    request r(loss, x, y, options);
    std::vector<double> numbers = r.run(engine::measure_run{});
    return measurement<Loss, typename request::T>(loss, r.targets.geometry().classes, std::move(numbers));
}

/// Value, terms and normalizer of all that was merged; no gradient.
template <class Loss, class T>
auto finish(const measurement<Loss, T>& whole) {
    using given = engine::given<Loss>;
    const mode_options options = given::options(whole.loss());
    const double* numbers = whole.numbers().data();
    const survey s = engine::read_survey(numbers, whole.classes(), given::md, options.reduction);
    const double* sums = numbers + engine::survey_size(whole.classes());
    engine::geometry g;
    g.classes = whole.classes();
    workspace memory;
    return engine::with_program<engine::kind_of(given::md)>(
        engine::place(given::terms(whole.loss())), s, [&]<class Program>(const Program& all) {
            const engine::summary<Program> summary(all, s, options, false);
            const engine::known_sums known{nullptr, sums};
            const auto parts = engine::regional_parts(all, g, known, memory);
            const upstream none;
            const engine::regional_terms regional(parts, options.reduction, none);
            regional.check();
            engine::check_numbers(whole,
                                  engine::survey_size(whole.classes()) + summary.size(whole.classes()));
            return engine::as_evaluation<T>(summary.template values<given::size>(sums, regional));
        });
}

/// The backward pass of a part: writes to `grad` the gradient of the loss over everything that was merged, by
/// the logits x of this part. x and y are those that were measured; they are read once more, twice where a
/// region is a sample. Gives the evaluation of the whole.
/// @throws what `value_and_grad_into` throws; shape_error where the number of classes differs.
template <class G, class Loss, class T, class X, class Y>
auto finish(G&& grad, const measurement<Loss, T>& whole, const X& x, const Y& y,
            const call_options& options = {}) {
    using request = engine::request<Loss, X>;
    static_assert(std::is_same_v<typename request::T, T>,
                  "xloss: finish takes logits of the type that was measured");
    request r(whole.loss(), x, y, options);
    if (r.targets.geometry().classes != whole.classes())
        tensor::raise<shape_error>({r.targets.loss(), ": logits ", r.x.shape(), " do not fit sums over ",
                                    whole.classes(), " classes"});
    const tensor::sink<T> to(grad);
    engine::check_sink(to, r.x, r.targets, options);
    return engine::as_evaluation<T>(
        r.run(engine::finish_run<measurement<Loss, T>, T, request::size>{whole, {&to, options.accumulate}},
              whole.numbers().data()));
}

} // namespace xloss

#endif
