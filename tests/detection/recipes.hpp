#ifndef XLOSS_TESTS_DETECTION_RECIPES_HPP
#define XLOSS_TESTS_DETECTION_RECIPES_HPP

// What the tests of losses on several tensors share.

#include "losses/cases.hpp"
#include "support/expressions.hpp"

#include <xloss/engine/options.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <type_traits>

namespace recipes {

using cases::not_a_number;

template <class Tensor>
bool same_bits(const Tensor& a, const Tensor& b) {
    return a.shape() == b.shape() &&
           std::memcmp(a.data(), b.data(), a.size() * sizeof(typename Tensor::value_type)) == 0;
}

/// A tensor of the numbers of another one.
template <class T, class Tensor>
auto as(const Tensor& from) {
    auto to = xt::xtensor<T, std::tuple_size_v<typename Tensor::shape_type>>::from_shape(from.shape());
    std::transform(from.begin(), from.end(), to.begin(), [](auto v) { return static_cast<T>(v); });
    return to;
}

/// Numbers in (low, high), the same in float and in double.
template <class... N>
auto numbers(double low, double high, double step, N... n) {
    return cases::fill<double>(
        step, [=](double u) { return static_cast<float>(low + (high - low) * u); }, n...);
}

/// The largest difference of a gradient from central differences of value() by x, relative to its largest
/// entry. `value` reads x.
template <class Value, class Tensor>
double gradient_error(const Value& value, Tensor& x, const Tensor& gradient, double factor = 1.0) {
    double worst = 0.0, largest = 1e-300;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double here = x.data()[i], h = 1e-4;
        const auto at = [&](double steps) {
            x.data()[i] = here + steps * h;
            return static_cast<double>(value());
        };
        const double near = at(1.0) - at(-1.0), far = at(2.0) - at(-2.0);
        x.data()[i] = here;
        const double error = std::abs(gradient.data()[i] - factor * (8.0 * near - far) / (12.0 * h));
        worst = std::max(worst, std::isnan(error) ? HUGE_VAL : error);
        largest = std::max(largest, std::abs(gradient.data()[i]));
    }
    return worst / largest;
}

/// A check that a call throws an Error with all the parts and leaves the gradients alone.
template <class Gradients>
auto refusals(Gradients& gradients) {
    return [&gradients]<class Error>(std::type_identity<Error>, std::initializer_list<const char*> parts,
                                     const auto& loss, const auto& output, const auto& target,
                                     const xloss::call_options& options = {}) {
        INFO("expected: " << *parts.begin());
        CHECK(cases::throws<Error>(
            [&] { xloss::value_and_grad_into(gradients.tensors(), loss, output, target, options); }, parts));
        CHECK(gradients.untouched());
    };
}

} // namespace recipes

#endif
