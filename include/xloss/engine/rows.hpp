#ifndef XLOSS_ENGINE_ROWS_HPP
#define XLOSS_ENGINE_ROWS_HPP

#include <xloss/config.hpp>
#include <xloss/simd/number.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>

namespace xloss::engine {

/// Vectors that are added up in a lane before the lanes go to double: 64 additions in float lose less than 64
/// half units in the last place, and the horizontal sum every 64 vectors costs next to nothing.
inline constexpr std::size_t vectors_per_run = 64;

/// Sum over a row of what `term(i, load)` gives for the vector at i; `load(row)` loads from a row, zeros past
/// its end.
template <class T, class Term>
double sum_row(std::size_t n, Term&& term) {
    using V = simd::number<T>;
    double total = 0.0;
    for (std::size_t i = 0; i < n;) {
        const std::size_t run_end = std::min(n, i + vectors_per_run * V::width);
        V run(0.0);
        for (; i + V::width <= run_end; i += V::width)
            run += term([i](const T* row) { return V::load(row + i); });
        if (i < run_end) {
            run += term([i, n](const T* row) { return V::load_partial(row + i, n - i); });
            i = run_end;
        }
        total += static_cast<double>(sum(run));
    }
    return total;
}

/// Whether `ok` holds for every vector of a row; past its end the row counts as zeros.
template <class T, class Condition>
bool all_of_row(const T* row, std::size_t n, Condition&& ok) {
    using V = simd::number<T>;
    std::size_t i = 0;
    for (; i + V::width <= n; i += V::width)
        if (!all(ok(V::load(row + i))))
            return false;
    return i == n || all(ok(V::load_partial(row + i, n - i)));
}

template <class T>
XLOSS_NOINLINE bool in_range(const T* row, std::size_t n, double lowest, double highest) {
    return all_of_row(row, n, [=](const auto& v) { return (v >= lowest) & (v <= highest); });
}

/// NaN and negative or infinite numbers are no weights.
template <class T>
bool are_weights(const T* row, std::size_t n) {
    return in_range(row, n, 0.0, static_cast<double>(std::numeric_limits<T>::max()));
}

template <class T>
XLOSS_NOINLINE double sum_of(const T* row, std::size_t n) {
    return sum_row<T>(n, [=](auto load) { return load(row); });
}

template <class T>
XLOSS_NOINLINE double dot(const T* a, const T* b, std::size_t n) {
    return sum_row<T>(n, [=](auto load) { return load(a) * load(b); });
}

/// Sum of m y over the pixels that count; y may be anything where m is 0.
template <class T>
XLOSS_NOINLINE double weighted_sum(const T* m, const T* y, std::size_t n) {
    using V = simd::number<T>;
    return sum_row<T>(n, [=](auto load) {
        const V w = load(m);
        return select(w != V(0.0), w * load(y));
    });
}

template <class T>
XLOSS_NOINLINE std::size_t count_nonzero(const T* row, std::size_t n) {
    using V = simd::number<T>;
    const double count = sum_row<T>(n, [=](auto load) { return select(load(row) != V(0.0), V(1.0)); });
    return static_cast<std::size_t>(count);
}

} // namespace xloss::engine

#endif
