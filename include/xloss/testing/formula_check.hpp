#ifndef XLOSS_TESTING_FORMULA_CHECK_HPP
#define XLOSS_TESTING_FORMULA_CHECK_HPP

#include <xloss/engine/activation.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/simd/dual.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace xloss::testing {

/// The pixel of a logit in dual numbers: every member with its derivative by the logit.
inline pixel<dual<1>> dual_pixel(double logit, double target) {
    dual<1> x(logit);
    x.slope[0] = 1.0;
    return engine::pixel_of_logit(x, dual<1>(target), dual<1>(0.0), 1);
}

/// The pixel of a class in dual numbers, by log p.
inline pixel<dual<1>> dual_class_pixel(double log_p, double target, std::size_t cls, std::size_t classes) {
    dual<1> l(log_p);
    l.slope[0] = 1.0;
    const dual<1> p = exp(l);
    dual<1> q(-std::expm1(log_p)); // 1 - p where p has no digits left to subtract
    q.slope[0] = -p.value;
    return {l, p, q, l, log(q), dual<1>(target), dual<1>(static_cast<double>(cls)), classes};
}

/// Largest difference between the slopes that a formula gives by hand and the derivatives that dual numbers
/// give of its values, relative to the larger of the two and of the value.
inline double slope_error(const auto& points) {
    double worst = 0.0;
    for (const auto& one : engine::as_points(points)) {
        const double by_hand = one.slope.value, by_dual = one.value.slope[0];
        const double scale =
            std::max({std::abs(by_hand), std::abs(by_dual), std::abs(one.value.value), 1e-300});
        const double error = std::abs(by_hand - by_dual) / scale;
        worst = std::isnan(error) ? HUGE_VAL : std::max(worst, error);
    }
    return worst;
}

} // namespace xloss::testing

#endif
