#ifndef XLOSS_TESTS_FUZZ_CHECKS_HPP
#define XLOSS_TESTS_FUZZ_CHECKS_HPP

#include "bytes.hpp"
#include "loss.hpp"
#include "parameters.hpp"
#include "problem.hpp"

#include <xloss/engine/workspace.hpp>
#include <xloss/tensor/error.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace fuzzing {

/// Runs the pieces of work from the last to the first.
struct backwards {
    static constexpr std::size_t least_elements = 0; // however little there is to do

    void operator()(std::size_t n, xloss::piece_body body) const {
        while (n-- > 0)
            body(n);
    }
};

/// The same bits, or both no number.
template <class A>
bool same(A a, A b) {
    return made_up::same_bits(a, b) || (std::isnan(a) && std::isnan(b));
}

/// Logits, targets and riders as tensors, which live as long as this.
template <class T>
class inputs {
public:
    enum class as { drawn, plain };

    inputs(const problem<T>& p, as how)
        : x(p.x.number, p.x.shape, how == as::drawn ? p.x.where : layout::rows), y_(target(p, how)) {
        if (p.has_weights)
            weights_.emplace(how == as::drawn ? p.weights.tensor() : p.weights.plain(p.weights.type));
        if (p.has_valid)
            valid_.emplace(how == as::drawn ? p.valid.tensor() : p.valid.plain(p.valid.type));
    }

    [[nodiscard]] any_target target() const {
        return {{{&y_}, valid_ ? &*valid_ : nullptr}, weights_ ? &*weights_ : nullptr};
    }

    tensor<T> x;

private:
    static any_tensor target(const problem<T>& p, as how) {
        if (how == as::drawn)
            return p.y.tensor();
        return p.y.plain(p.labels ? element::int64 : sizeof(T) == 4 ? element::single : element::real);
    }

    any_tensor y_;
    std::optional<any_tensor> weights_{}, valid_{};
};

/// One problem and one loss: makes all calls, and ends the program with a description where one of them gives
/// what it must not.
template <class T>
class examination {
public:
    examination(const problem<T>& p, const any_loss<T>& loss, const parameters& given, const char* name,
                bytes& from, xloss::workspace& kept)
        : problem_(p), loss_(loss), parameters_(given), name_(name), from_(from), kept_(kept),
          drawn_(p, inputs<T>::as::drawn) {}

    void run() {
        draw_upstream();
        const bool refused = problem_.refused() || !parameters_.valid() || bad_upstream_;
        const std::optional<found<T>> first = evaluated(drawn_, {.upstream = factor_});
        if (first && refused)
            fail("no error where there has to be one");
        if (!first && !refused)
            fail("an error where there is nothing wrong: " + message_);
        if (!first) {
            check_untouched();
            return;
        }
        found_ = *first;
        check_numbers();
        check_value();
        check_plain();
        check_poisoned();
        check_scaled();
        check_into();
        check_accumulated();
        check_finished();
        check_unreduced();
    }

private:
    [[noreturn]] void fail(const std::string& what) const {
        std::fprintf(stderr, "finding: %s\n%s%s upstream %g\n  %s\n", what.c_str(), name_,
                     parameters_.text().c_str(), factor_, problem_.text().c_str());
        std::abort();
    }

    /// Ends unless two evaluations are the same, bit for bit.
    void expect_same(const found<T>& a, const found<T>& b, const char* what) const {
        bool alike = same(a.value, b.value) && a.valid == b.valid;
        for (std::size_t i = 0; i < a.terms.size(); ++i)
            alike = alike && same(a.terms[i], b.terms[i]);
        for (std::size_t i = 0; i < a.normalizers.size(); ++i)
            alike = alike && same(a.normalizers[i], b.normalizers[i]);
        if (!alike)
            fail(std::string(what) + ": value " + std::to_string(a.value) + " and " +
                 std::to_string(b.value));
    }

    void expect_same_gradient(const found<T>& a, const found<T>& b, const char* what) const {
        expect_same(a, b, what);
        for (std::size_t e = 0; e < a.grad.size(); ++e)
            if (!same(a.grad[e], b.grad[e]))
                fail_at(what, e, a.grad[e], b.grad[e]);
    }

    [[noreturn]] void fail_at(const char* what, std::size_t e, T a, T b) const {
        std::array<char, 160> text{};
        std::snprintf(text.data(), text.size(), "%s: gradient %zu is %.9g and %.9g", what, e,
                      static_cast<double>(a), static_cast<double>(b));
        fail(text.data());
    }

    void draw_upstream() {
        static constexpr std::array<double, 8> factors{1.0, 2.0, -1.0, 0.0, 0.5, 1e-3, 1e10, nan};
        factor_ = from_.chance(96) ? from_.of(factors) : 1.0;
        bad_upstream_ = std::isnan(factor_);
    }

    std::optional<found<T>> evaluated(const inputs<T>& in, const xloss::call_options& call) {
        try {
            return loss_.evaluate(in.x, in.target(), call);
        } catch (const xloss::error& e) {
            message_ = e.what();
            return {};
        }
    }

    /// Whether the formulas have finite results here: nothing that counts is infinite, no true result leaves
    /// the format.
    [[nodiscard]] bool has_room() const {
        // Over a sum of weights next to the least number there is no room for factors.
        if (least_factor() < 1e-30 && parameters_.largest() > 1.0)
            return false;
        const double n = static_cast<double>(std::max<std::size_t>(1, problem_.size()));
        double most = std::max(120.0, problem_.largest_logit()) * problem_.largest_weight() * n;
        for (int factors = 0; factors < 4; ++factors) // of the loss, of the class, of the positive; a power
            most *= parameters_.largest();
        most *= std::max(1.0, std::abs(factor_));
        return most < static_cast<double>(std::numeric_limits<T>::max()) / 16.0;
    }

    [[nodiscard]] double least_factor() const { return problem_.smallest_weight() * parameters_.smallest(); }

    void check_numbers() const {
        if (found_.valid != problem_.counted())
            fail("valid is " + std::to_string(found_.valid) + " and not " +
                 std::to_string(problem_.counted()));
        for (std::size_t e = 0; e < problem_.size(); ++e)
            if (problem_.absent(e) && !(found_.grad[e] == T(0)))
                fail_at("absent", e, found_.grad[e], T(0));
        if (!problem_.clean() || !has_room())
            return;
        if (!std::isfinite(found_.value))
            fail("the value is " + std::to_string(found_.value));
        for (const T v : found_.terms)
            if (!std::isfinite(v))
                fail("the value of a term is " + std::to_string(v));
        for (std::size_t e = 0; e < problem_.size(); ++e)
            if (!std::isfinite(found_.grad[e]))
                fail_at("not finite", e, found_.grad[e], T(0));
    }

    void check_value() const {
        const T v = loss_.value(drawn_.x, drawn_.target(), {.upstream = factor_});
        if (!same(v, found_.value))
            fail("value() " + std::to_string(v) + " is not that of value_and_grad " +
                 std::to_string(found_.value));
    }

    /// Dense tensors of the computation type, another order of the work and a workspace that was used before.
    void check_plain() {
        backwards order;
        const auto plain = evaluated({problem_, inputs<T>::as::plain},
                                     {.upstream = factor_, .workspace = &kept_, .executor = order});
        if (!plain)
            fail("an error for dense tensors: " + message_);
        expect_same_gradient(found_, *plain, "as dense tensors");
    }

    void check_poisoned() {
        const auto poisoned = evaluated({problem_.poisoned(), inputs<T>::as::drawn}, {.upstream = factor_});
        if (!poisoned)
            fail("an error for NaN where nothing counts: " + message_);
        expect_same_gradient(found_, *poisoned, "with NaN where nothing counts");
    }

    /// Twice the upstream, twice the gradient: where no slope comes near the ends of the format, at which it
    /// would be cut off.
    void check_scaled() {
        const bool far_from_ends = problem_.clean() && has_room() && least_factor() >= 1e-12 &&
                                   std::abs(factor_) <= 100.0 && problem_.largest_logit() <= 30.0 &&
                                   !problem_.has_probabilities() && parameters_.splits();
        if (!far_from_ends)
            return;
        const auto twice = evaluated(drawn_, {.upstream = 2.0 * factor_});
        if (!twice)
            fail("an error for twice the upstream: " + message_);
        // What is next to the least normal number has lost digits before the weight multiplies it.
        const double least =
            1e6 * static_cast<double>(std::numeric_limits<T>::min()) * problem_.largest_weight();
        for (std::size_t e = 0; e < problem_.size(); ++e) {
            const T g = found_.grad[e], most = std::numeric_limits<T>::max() / T(64);
            if (static_cast<double>(std::abs(g)) > std::max(1e-20, least) && std::abs(g) < most &&
                !(std::abs(twice->grad[e] - T(2) * g) <= std::abs(g) * T(1e-4)))
                fail_at("twice the upstream", e, g, twice->grad[e]);
        }
    }

    // --- the caller's buffer ---

    enum class sink { rows, columns, gaps, reversed, channels, other_type, picked };

    /// Numbers to start from, of zeros or not: where nothing counts, some that neither format can add to, or
    /// hold.
    [[nodiscard]] std::vector<double> start(bool zeros) const {
        std::vector<double> numbers(problem_.size());
        for (std::size_t e = 0; e < numbers.size(); ++e)
            numbers[e] = !problem_.refused() && problem_.absent(e) ? (e % 2 ? nan : 0.1)
                         : zeros                                   ? 0.0
                                                                   : static_cast<double>(e % 5) / 64.0 + 0.25;
        return numbers;
    }

    /// Writes into a buffer of any kind and calls then(evaluation or nothing, what element e holds as T).
    template <class Then>
    void with_buffer(const xloss::call_options& call, const std::vector<double>& numbers, Then&& then) {
        using other = std::conditional_t<sizeof(T) == 4, double, float>;
        const auto kind = static_cast<sink>(from_.below(7));
        const auto evaluate = [&](const buffer<T>& to) -> std::optional<found<T>> {
            try {
                return loss_.evaluate_into(to, drawn_.x, drawn_.target(), call);
            } catch (const xloss::error& e) {
                message_ = e.what();
                return {};
            }
        };
        if (kind == sink::other_type)
            return with_memory<other>(layout::rows, numbers, evaluate, then);
        if (kind != sink::picked || problem_.x.shape.empty())
            return with_memory<T>(kind == sink::picked ? layout::rows : static_cast<layout>(kind), numbers,
                                  evaluate, then);
        xt::xarray<T> all = xt::xarray<T>::from_shape(problem_.x.shape);
        for (std::size_t e = 0; e < numbers.size(); ++e)
            all.data()[e] = static_cast<T>(numbers[e]);
        std::vector<std::ptrdiff_t> every(problem_.x.shape[0]);
        for (std::size_t i = 0; i < every.size(); ++i)
            every[i] = static_cast<std::ptrdiff_t>(i);
        auto view = xt::view(all, xt::keep(every));
        const auto result = evaluate(std::addressof(view)); // views overload &
        then(
            result, [&](std::size_t e) { return all.data()[e]; }, std::type_identity<T>{});
    }

    template <class L, class Evaluate, class Then>
    void with_memory(layout where, const std::vector<double>& numbers, Evaluate& evaluate, Then& then) {
        tensor<L> grad(numbers, problem_.x.shape, where, static_cast<L>(-777));
        const auto result = evaluate(&grad.writable());
        then(
            result, [&](std::size_t e) { return grad[e]; }, std::type_identity<L>{});
        for (std::size_t i = 1; where == layout::gaps && i < grad.memory_size(); i += 2)
            if (grad.memory()[i] != static_cast<L>(-777))
                fail("written between the elements of the gradient");
    }

    void check_untouched() {
        const std::vector<double> before = start(false);
        with_buffer({.upstream = factor_, .accumulate = from_.chance(128)}, before,
                    [&]<class At, class L>(const auto& result, const At& at, std::type_identity<L>) {
                        if (result)
                            fail("no error when a buffer is given");
                        for (std::size_t e = 0; e < before.size(); ++e)
                            if (!same(at(e), static_cast<L>(before[e])))
                                fail("an error, and yet the gradient was written to");
                    });
    }

    /// A gradient in double that a float holds only as a denormal number may be 0 there.
    template <class L>
    static bool is_flushed(L in_buffer, T g) {
        return in_buffer == L(0) && std::abs(g) < static_cast<T>(std::numeric_limits<L>::min());
    }

    void check_into() {
        with_buffer({.upstream = factor_, .workspace = &kept_}, start(false),
                    [&]<class At, class L>(const auto& result, const At& at, std::type_identity<L>) {
                        if (!result)
                            fail("an error when a buffer is given: " + message_);
                        expect_same(found_, *result, "into a buffer");
                        for (std::size_t e = 0; e < problem_.size(); ++e)
                            if (!same(at(e), static_cast<L>(found_.grad[e])) &&
                                !is_flushed(at(e), found_.grad[e]))
                                fail_at("into a buffer", e, found_.grad[e], static_cast<T>(at(e)));
                    });
    }

    void check_accumulated() {
        const std::vector<double> before = start(from_.chance(96));
        with_buffer({.upstream = factor_, .accumulate = true}, before,
                    [&]<class At, class L>(const auto& result, const At& at, std::type_identity<L>) {
                        if (!result)
                            fail("an error when accumulating: " + message_);
                        expect_same(found_, *result, "accumulating");
                        for (std::size_t e = 0; e < problem_.size(); ++e) {
                            const T sum = static_cast<T>(before[e]) + found_.grad[e];
                            const L expected =
                                problem_.absent(e) ? static_cast<L>(before[e]) : static_cast<L>(sum);
                            if (!same(at(e), expected) && !(before[e] == 0.0 && is_flushed(at(e), sum)))
                                fail_at("accumulating", e, static_cast<T>(expected), static_cast<T>(at(e)));
                        }
                    });
    }

    /// Measured first and then finished: the call cut in two, with nothing merged between.
    void check_finished() {
        if (!loss_.calls().measure)
            return;
        try {
            const auto finished =
                loss_.finish(drawn_.x, drawn_.target(), {.upstream = factor_, .workspace = &kept_});
            expect_same_gradient(found_, finished, "measured and finished");
        } catch (const xloss::error& e) {
            fail(std::string("measured and finished: an error where there is nothing wrong: ") + e.what());
        }
    }

    // --- unreduced ---

    void check_unreduced() {
        if (!loss_.calls().unreduced)
            return;
        losses_of<T> all;
        try {
            all = loss_.unreduced(drawn_.x, drawn_.target(), {});
        } catch (const xloss::error& e) {
            if (parameters_.splits())
                fail(std::string("unreduced: an error where there is nothing wrong: ") + e.what());
            return;
        }
        if (!parameters_.splits())
            fail("unreduced: no error where there has to be one");
        const bool finite = problem_.clean() && has_room();
        for (std::size_t i = 0; i < all.size() && finite; ++i)
            if (!std::isfinite(all.data()[i]))
                fail("unreduced: element " + std::to_string(i) + " is " + std::to_string(all.data()[i]));
        check_upstream_tensor(all, finite);
    }

    /// An upstream tensor, with zeros in it.
    void check_upstream_tensor(const losses_of<T>& all, bool finite) {
        xt::xarray<double> u =
            xt::xarray<double>::from_shape(std::vector<std::size_t>(all.shape().begin(), all.shape().end()));
        double sum = 0.0, scale = 0.0;
        for (std::size_t i = 0; i < all.size(); ++i) {
            u.data()[i] = static_cast<double>(i % 3) * 0.5;
            sum += u.data()[i] * static_cast<double>(all.data()[i]);
            scale += std::abs(u.data()[i] * static_cast<double>(all.data()[i]));
        }
        const auto by_tensor = evaluated(drawn_, {.upstream = u});
        if (!by_tensor)
            fail("an error for an upstream tensor: " + message_);
        for (std::size_t e = 0; e < problem_.size(); ++e)
            if (problem_.absent(e) && !(by_tensor->grad[e] == T(0)))
                fail_at("absent, with an upstream tensor", e, by_tensor->grad[e], T(0));
        if (!finite)
            return;
        for (std::size_t e = 0; e < problem_.size(); ++e)
            if (!std::isfinite(by_tensor->grad[e]))
                fail_at("not finite with an upstream tensor", e, by_tensor->grad[e], T(0));
        const double error = std::abs(static_cast<double>(by_tensor->value) - sum);
        if (!(error <= 1e-4 * scale + 1e-20))
            fail("the sum of the unreduced losses is " + std::to_string(sum) + " and not " +
                 std::to_string(by_tensor->value));
    }

    const problem<T>& problem_;
    const any_loss<T>& loss_;
    const parameters& parameters_;
    const char* name_;
    bytes& from_;
    xloss::workspace& kept_;
    inputs<T> drawn_;
    double factor_ = 1.0;
    bool bad_upstream_ = false;
    found<T> found_{};
    std::string message_{};
};

} // namespace fuzzing

#endif
