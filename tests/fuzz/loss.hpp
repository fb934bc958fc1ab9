#ifndef XLOSS_TESTS_FUZZ_LOSS_HPP
#define XLOSS_TESTS_FUZZ_LOSS_HPP

#include "parameters.hpp"
#include "tensor.hpp"

#include <xloss/criterion/call.hpp>
#include <xloss/criterion/measure.hpp>
#include <xloss/criterion/mode.hpp>
#include <xloss/engine/options.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace fuzzing {

/// What a call gives.
template <class T>
struct found {
    T value{};
    std::vector<T> terms{};
    std::vector<double> normalizers{};
    std::size_t valid = 0;
    std::vector<T> grad{}; // in row-major order; empty where it went into a buffer of the caller

    template <class Evaluation>
    static found of(const Evaluation& e) {
        found f;
        f.value = e.value;
        f.valid = e.valid;
        for (const auto& term : e.terms) {
            f.terms.push_back(term.value);
            f.normalizers.push_back(term.normalizer);
        }
        f.normalizers.push_back(e.normalizer);
        return f;
    }
};

template <class T>
using picked = decltype(xt::view(std::declval<xt::xarray<T>&>(), xt::keep(std::vector<std::ptrdiff_t>{})));

/// What a gradient is written into: memory with strides, of the logits' type or of the other one, or a view
/// that has none.
template <class T>
using buffer = std::variant<strided<float>*, strided<double>*, picked<T>*>;

template <class T>
using losses_of = xt::xarray<T, xt::layout_type::row_major>;

/// The calls that compile for a loss: a sum of pointwise and regional losses has no unreduced ones, a
/// selected loss is not measured.
struct compiles {
    bool unreduced = true, measure = true;
};

inline constexpr compiles whole_only{.unreduced = false};
inline constexpr compiles at_once_only{.measure = false};

/// A loss in a mode with its options, behind one type, so that the checks are compiled once for all losses.
/// `evaluate` reads lazy logits as they are, the others the memory behind them: compile time again.
template <class T>
class any_loss {
public:
    virtual ~any_loss() = default;
    virtual T value(const tensor<T>& x, const any_target& y, const xloss::call_options& call) const = 0;
    virtual found<T> evaluate(const tensor<T>& x, const any_target& y,
                              const xloss::call_options& call) const = 0;
    virtual found<T> evaluate_into(const buffer<T>& grad, const tensor<T>& x, const any_target& y,
                                   const xloss::call_options& call) const = 0;
    /// By `measure` and `finish`: the forward pass, then the backward one.
    virtual found<T> finish(const tensor<T>& x, const any_target& y,
                            const xloss::call_options& call) const = 0;
    [[nodiscard]] virtual compiles calls() const = 0;
    virtual losses_of<T> unreduced(const tensor<T>& x, const any_target& y,
                                   const xloss::call_options& call) const = 0;
};

template <class T, class Criterion, compiles Calls>
class loss_in_mode : public any_loss<T> {
public:
    explicit loss_in_mode(Criterion loss) : loss_(std::move(loss)) {}

    T value(const tensor<T>& x, const any_target& y, const xloss::call_options& call) const override {
        return xloss::value(loss_, x.view(), y, call);
    }

    found<T> evaluate(const tensor<T>& x, const any_target& y,
                      const xloss::call_options& call) const override {
        return x.visit([&](const auto& e) {
            const auto r = xloss::value_and_grad(loss_, e, y, call);
            auto f = found<T>::of(r);
            f.grad.assign(r.grad.data(), r.grad.data() + r.grad.size());
            return f;
        });
    }

    found<T> evaluate_into(const buffer<T>& grad, const tensor<T>& x, const any_target& y,
                           const xloss::call_options& call) const override {
        return std::visit(
            [&](auto* g) { return found<T>::of(xloss::value_and_grad_into(*g, loss_, x.view(), y, call)); },
            grad);
    }

    found<T> finish([[maybe_unused]] const tensor<T>& x, [[maybe_unused]] const any_target& y,
                    [[maybe_unused]] const xloss::call_options& call) const override {
        if constexpr (Calls.measure) {
            const auto whole = xloss::measure(loss_, x.view(), y, {.workspace = call.workspace});
            xt::xarray<T> grad = xt::xarray<T>::from_shape(x.shape());
            auto f = found<T>::of(xloss::finish(grad, whole, x.view(), y, call));
            f.grad.assign(grad.data(), grad.data() + grad.size());
            return f;
        } else {
            return {};
        }
    }

    [[nodiscard]] compiles calls() const override { return Calls; }

    losses_of<T> unreduced([[maybe_unused]] const tensor<T>& x, [[maybe_unused]] const any_target& y,
                           [[maybe_unused]] const xloss::call_options& call) const override {
        if constexpr (Calls.unreduced)
            return xloss::unreduced(loss_, x.view(), y, call);
        else
            return {};
    }

private:
    Criterion loss_;
};

/// A loss of the catalogue in a mode: draws its parameters.
template <class T>
struct entry {
    const char* name;
    xloss::mode md;
    std::unique_ptr<any_loss<T>> (*make)(const xloss::mode_options&, parameters&);
};

/// The losses with one sigmoid per element, every one in one mode at least and every mode with some of them;
/// those with a softmax; those that see a region as a whole, in any mode; and those of masks [B, N, ...].
template <class T>
std::span<const entry<T>> elementwise_losses();
template <class T>
std::span<const entry<T>> more_elementwise_losses();
template <class T>
std::span<const entry<T>> channelwise_losses();
template <class T>
std::span<const entry<T>> whole_region_losses();
template <class T>
std::span<const entry<T>> mask_losses();

template <class T, xloss::mode Mode, class Loss, compiles Calls = compiles{}>
entry<T> loss(const char* name) {
    return {name, Mode,
            [](const xloss::mode_options& options, parameters& p) -> std::unique_ptr<any_loss<T>> {
                using criterion = xloss::criterion<Mode, Loss>;
                const Loss drawn = draw_loss(std::type_identity<Loss>{}, p);
                return std::make_unique<loss_in_mode<T, criterion, Calls>>(criterion{drawn, options});
            }};
}

} // namespace fuzzing

#endif
