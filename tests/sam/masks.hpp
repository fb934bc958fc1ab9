#ifndef XLOSS_TESTS_SAM_MASKS_HPP
#define XLOSS_TESTS_SAM_MASKS_HPP

// What the tests of the SAM losses share: small predictions, central differences by several tensors, and
// calls that are refused. Tensors of any rank and parameters set at run time, so that every loss is compiled
// once.

#include "losses/cases.hpp"
#include "support/expressions.hpp"

#include <xloss/engine/executor.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <thread>
#include <vector>

namespace masks {

using array = xt::xarray<double>;
using byte_array = xt::xarray<std::uint8_t>;
using extents = std::vector<std::size_t>;

/// A tensor with these numbers, in row-major order.
template <class T = double>
xt::xarray<T> tensor(const extents& shape, std::initializer_list<double> numbers) {
    auto t = xt::xarray<T>::from_shape(shape);
    std::transform(numbers.begin(), numbers.end(), t.storage().begin(),
                   [](double v) { return static_cast<T>(v); });
    return t;
}

/// One mask of some pixels.
template <class T = double>
xt::xarray<T> one_mask(std::initializer_list<double> numbers) {
    return tensor<T>({1, 1, numbers.size()}, numbers);
}

/// One predicted IoU.
template <class T = double>
xt::xarray<T> one_score(double number) {
    return tensor<T>({1, 1}, {number});
}

/// Logits in (-4, 4), the same in float and in double; none nearer to 0, where a hard mask ends, than 1/64.
template <class T = double>
xt::xarray<T> logits(const extents& shape, std::uint32_t seed = 7) {
    auto x = xt::xarray<T>::from_shape(shape);
    made_up::sequence numbers(seed);
    for (T& v : x.storage()) {
        const auto drawn = static_cast<float>(8.0 * numbers.uniform() - 4.0);
        v = static_cast<T>(std::abs(drawn) < 1.0F / 64.0F ? 0.5F : drawn);
    }
    return x;
}

/// Predicted IoU in (-0.25, 1.25).
template <class T = double>
xt::xarray<T> scores(const extents& shape, std::uint32_t seed = 17) {
    auto s = xt::xarray<T>::from_shape(shape);
    made_up::sequence numbers(seed);
    for (T& v : s.storage())
        v = static_cast<T>(static_cast<float>(1.5 * numbers.uniform() - 0.25));
    return s;
}

/// 0 and 1; about every fifth pixel 255 where asked for.
inline byte_array target(const extents& shape, bool ignored = false, std::uint32_t seed = 11) {
    auto y = byte_array::from_shape(shape);
    made_up::sequence numbers(seed);
    for (auto& v : y.storage()) {
        const double u = numbers.uniform();
        v = static_cast<std::uint8_t>(ignored && u < 0.2 ? 255 : u < 0.55 ? 1 : 0);
    }
    return y;
}

/// A target [B, ...] once for each of n masks.
inline byte_array repeated(const byte_array& y, std::size_t n) {
    extents shape(y.shape().begin(), y.shape().end());
    const std::size_t objects = shape[0], pixels = y.size() / objects;
    shape.insert(shape.begin() + 1, n);
    auto all = byte_array::from_shape(shape);
    for (std::size_t i = 0; i < all.size(); ++i)
        all.data()[i] = y.data()[i / (n * pixels) * pixels + i % pixels];
    return all;
}

/// Whether two tensors have the same shape and the same bits.
template <class A, class B>
bool same(const A& a, const B& b) {
    return std::equal(a.shape().begin(), a.shape().end(), b.shape().begin(), b.shape().end()) &&
           made_up::same_elements(a, b);
}

/// The largest error of `grad` against central differences of `value` while `at` is moved, relative to the
/// largest entry.
inline double difference_error(array& at, const array& grad, const std::function<double()>& value) {
    const double step = 1e-4, scale = cases::largest_entry(grad);
    double worst = 0.0;
    for (std::size_t i = 0; i < at.size(); ++i) {
        const double here = at.data()[i];
        const auto moved = [&](double steps) {
            at.data()[i] = here + steps * step;
            return value();
        };
        const double near = moved(1.0) - moved(-1.0), far = moved(2.0) - moved(-2.0);
        at.data()[i] = here;
        worst = std::max(worst, cases::error(grad.data()[i], (8.0 * near - far) / (12.0 * step), scale));
    }
    return worst;
}

inline constexpr double closely = 1e-8; // allowed of it

/// Runs the pieces on n threads at once.
struct of_threads {
    static constexpr std::size_t least_elements = 0; // however little there is to do
    std::size_t n;
    std::size_t pieces = 0;

    template <class Body>
    void operator()(std::size_t count, Body&& body) {
        pieces += count;
        std::vector<std::thread> running;
        running.reserve(n);
        for (std::size_t first = 0; first < n; ++first)
            running.emplace_back([=, this, &body] {
                for (std::size_t i = first; i < count; i += n)
                    body(i);
            });
        for (std::thread& one : running)
            one.join();
    }
};

/// A gradient buffer in which a write would be seen.
inline array untouched(const extents& shape) {
    return array(shape, 42.0);
}

inline bool is_untouched(const array& a) {
    return std::all_of(a.storage().begin(), a.storage().end(), [](double v) { return v == 42.0; });
}

} // namespace masks

#endif
