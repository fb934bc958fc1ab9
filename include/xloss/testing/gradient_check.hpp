#ifndef XLOSS_TESTING_GRADIENT_CHECK_HPP
#define XLOSS_TESTING_GRADIENT_CHECK_HPP

#include <xloss/criterion/call.hpp>
#include <xloss/tensor/like.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/source.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <ostream>
#include <sstream>
#include <string>

namespace xloss::testing {

/// How closely to look.
struct gradient_check_options {
    /// Distance of the differences, times max(1, |x|). Of fourth order: their own error is about step^4
    /// relative.
    double step = 1e-3;
    /// Largest error that passes, relative to the largest entry of the gradient (or of the differences).
    double tolerance = 1e-7;
};

/// What a gradient check found.
struct gradient_report {
    bool passed = true;           ///< the error is within the tolerance
    double error = 0.0;           ///< largest difference, relative to `scale`
    double scale = 0.0;           ///< largest magnitude in the gradient and the differences
    std::string worst_index = ""; ///< where it is, "[0, 0, 3, 4]"
    double gradient = 0.0;        ///< the gradient there
    double difference = 0.0;      ///< the central difference there

    /// So that a check can stand in a REQUIRE.
    explicit operator bool() const { return passed; }

    /// One line for people.
    [[nodiscard]] std::string message() const {
        std::ostringstream text;
        text.precision(12);
        text << (passed ? "gradient agrees" : "gradient is WRONG") << ": worst at " << worst_index
             << ", gradient " << gradient << ", central difference " << difference << ", error " << error
             << " of the largest entry " << scale;
        return text.str();
    }

    /// Writes the message.
    friend std::ostream& operator<<(std::ostream& out, const gradient_report& r) {
        return out << r.message();
    }
};

/// Compares the gradient of a loss, sum of losses or criterion with central differences of its value, element
/// by element, in double and through the public calls alone: for any mode, option, weight and upstream.
///
///     REQUIRE(xloss::testing::gradient_check(20.0 * xloss::focal{} + my_loss{}, logits, mask));
///
/// Costs four values per element: use small tensors. Where the loss has a kink within a step (|p - y| at p =
/// y, touching regions) the two may rightly differ.
template <class Loss, class X, class Y>
gradient_report gradient_check(const Loss& loss, const X& x, const Y& y,
                               const gradient_check_options& options = {}, const call_options& call = {}) {
    auto at = tensor::make_like<double>(x);
    auto grad = tensor::make_like<double>(x);
    const tensor::source<double> logits(x);
    const std::size_t n = logits.size();
    double* moved = at.data();
    for (std::size_t i = 0; i < n; ++i) {
        double buffer = 0.0;
        moved[i] = *logits.read(i, 1, &buffer);
    }
    call_options once = call;
    once.accumulate = false;
    value_and_grad_into(grad, loss, at, y, once);

    const double upstream = call.upstream.tensor() ? 1.0 : call.upstream.factor();
    const auto difference_at = [&](std::size_t i) {
        const double here = moved[i], h = options.step * std::max(1.0, std::abs(here));
        const auto value_at = [&](double steps) {
            moved[i] = here + steps * h;
            return value(loss, at, y, once);
        };
        const double near = value_at(1.0) - value_at(-1.0), far = value_at(2.0) - value_at(-2.0);
        moved[i] = here;
        return upstream * (8.0 * near - far) / (12.0 * h);
    };

    gradient_report report;
    std::size_t worst = 0;
    double largest = -1.0;
    for (std::size_t i = 0; i < n; ++i) {
        const double g = grad.data()[i], d = difference_at(i);
        const double error = std::abs(g - d);
        report.scale = std::max({report.scale, std::abs(g), std::abs(d)});
        if (error <= largest)
            continue; // a NaN is never below: it is the worst
        largest = std::isnan(error) ? HUGE_VAL : error;
        worst = i;
        report.gradient = g;
        report.difference = d;
    }
    if (n == 0)
        return report;
    report.worst_index = tensor::index_string(logits.shape(), worst);
    report.error = report.scale > 0.0 ? largest / report.scale : largest;
    report.passed = report.error <= options.tolerance;
    return report;
}

} // namespace xloss::testing

#endif
