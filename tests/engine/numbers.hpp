#ifndef XLOSS_TESTS_ENGINE_NUMBERS_HPP
#define XLOSS_TESTS_ENGINE_NUMBERS_HPP

// The edges of the numbers: what every loss has to make of them.

#include "support/catch.hpp"
#include "support/expressions.hpp"

#include <xloss/xloss.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

namespace numbers {

/// Where exponentials, logarithms and their products leave the range of float or the digits of a number.
template <class T>
std::vector<T> extremes(double most) {
    std::vector<T> all{T(0)};
    for (const double x : {1e-30, 20.0, 88.0, 104.0, 1e4, most}) {
        all.push_back(static_cast<T>(x));
        all.push_back(static_cast<T>(-x));
    }
    return all;
}

/// Without optimization, as under sanitizers, only every so many of the combinations: coprime to the number
/// of the choices, so that each choice still occurs with each other.
class every_so_many {
public:
    bool skips() { return count_++ % step != 0; }

private:
#ifdef __OPTIMIZE__
    static constexpr std::size_t step = 1;
#else
    static constexpr std::size_t step = 11;
#endif
    std::size_t count_ = 0;
};

template <class E>
std::string text_of(const E& tensor) {
    std::ostringstream text;
    for (const auto v : tensor)
        text << v << " ";
    return text.str();
}

/// Whether value and gradient are finite; says so if not.
template <class Loss, class X, class Y>
bool is_finite(const char* name, const Loss& loss, const X& x, const Y& y) {
    const auto found = xloss::value_and_grad(loss, x, y);
    bool finite = std::isfinite(found.value);
    for (const auto g : found.grad)
        finite = finite && std::isfinite(g);
    if (finite)
        return true;
    INFO(name << " of logits " << text_of(x) << "and targets " << text_of(y) << "is " << found.value
              << ", gradient " << text_of(found.grad));
    CHECK(finite);
    return false;
}

/// The largest float.
inline constexpr double largest = 3.4028234663852886e38;

/// A loss with one sigmoid per element, on every two extreme logits and on each alone. `most` is the largest
/// of them: a weight above 1 has no float for its multiple of the largest float.
template <class T, class Loss>
void check_finite_masks(const char* name, const Loss& loss, double most = largest) {
    using tensor = xt::xtensor<T, 2>;
    every_so_many pairs;
    for (const T a : extremes<T>(most))
        for (const T ya : {T(0), T(0.5), T(1)}) {
            if (!is_finite(name, loss, tensor{{a}}, tensor{{ya}}))
                return;
            for (const T b : extremes<T>(most))
                for (const T yb : {T(0), T(0.25), T(1)})
                    if (!pairs.skips() && !is_finite(name, loss, tensor{{a, b}}, tensor{{ya, yb}}))
                        return;
        }
}

/// A loss with a softmax, on every three extreme logits.
template <class T, class Loss>
void check_finite_labels(const char* name, const Loss& loss) {
    const auto criterion = xloss::multiclass(loss);
    every_so_many triples;
    for (const T a : extremes<T>(largest))
        for (const T b : extremes<T>(largest))
            for (const T c : extremes<T>(largest))
                for (const int label : {0, 1, 2})
                    if (!triples.skips() && !is_finite(name, criterion, xt::xtensor<T, 3>{{{a}, {b}, {c}}},
                                                       xt::xtensor<int, 2>{{label}}))
                        return;
}

/// What one logit at infinity has to give: the limit of what large ones give.
template <class Loss, class X, class Y>
void check_limit(const char* name, const Loss& loss, X x, const Y& y, std::size_t at, double sign) {
    using T = typename X::value_type;
    const auto give = [&](double v) {
        x.storage()[at] = static_cast<T>(sign * v);
        return xloss::value_and_grad(loss, x, y);
    };
    const auto far = give(1e4), further = give(2e4), infinite = give(std::numeric_limits<double>::infinity());
    INFO(name << " of " << text_of(x) << "and targets " << text_of(y));
    if (std::abs(further.value) > 1.5 * std::abs(far.value) && std::abs(far.value) > 100)
        CHECK(infinite.value == std::numeric_limits<T>::infinity());
    else
        CHECK(infinite.value == further.value);
    for (std::size_t i = 0; i < x.size(); ++i)
        CHECK(infinite.grad.storage()[i] == further.grad.storage()[i]);
}

template <class T, class Loss>
void check_mask_limits(const char* name, const Loss& loss) {
    using tensor = xt::xtensor<T, 2>;
    for (const double sign : {1.0, -1.0})
        for (const T y : {T(0), T(1), T(0.5)}) {
            check_limit(name, loss, tensor{{T(0)}}, tensor{{y}}, 0, sign);
            check_limit(name, loss, tensor{{T(0.5), T(-1), T(2)}}, tensor{{T(1), y, T(0)}}, 1, sign);
        }
}

template <class T, class Loss>
void check_label_limits(const char* name, const Loss& loss) {
    const auto criterion = xloss::multiclass(loss);
    for (const double sign : {1.0, -1.0})
        for (const int label : {0, 1, 2}) {
            check_limit(name, criterion, xt::xtensor<T, 3>{{{T(1)}, {T(0)}, {T(-2)}}},
                        xt::xtensor<int, 2>{{label}}, 1, sign);
            check_limit(name, criterion, xt::xtensor<T, 3>{{{T(1), T(3)}, {T(0), T(1)}, {T(-2), T(0)}}},
                        xt::xtensor<int, 2>{{label, 0}}, 2, sign);
        }
}

/// A NaN reaches the value, and of the gradients those that `depends` names and no other.
template <class Loss, class X, class Y, class Depends>
void check_nan(const char* name, const Loss& loss, X x, const Y& y, std::size_t at, Depends depends) {
    INFO(name);
    x.storage()[at] = std::numeric_limits<typename X::value_type>::quiet_NaN();
    const auto found = xloss::value_and_grad(loss, x, y);
    CHECK(std::isnan(found.value));
    CHECK(std::isnan(xloss::value(loss, x, y)));
    for (std::size_t i = 0; i < x.size(); ++i) {
        INFO("gradient " << i << " is " << found.grad.storage()[i]);
        CHECK(std::isnan(found.grad.storage()[i]) == depends(i));
    }
}

} // namespace numbers

#endif
