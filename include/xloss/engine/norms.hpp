#ifndef XLOSS_ENGINE_NORMS_HPP
#define XLOSS_ENGINE_NORMS_HPP

#include <xloss/engine/executor.hpp>
#include <xloss/engine/rows.hpp>
#include <xloss/simd/convert.hpp>
#include <xloss/simd/math.hpp>
#include <xloss/simd/number.hpp>
#include <xloss/tensor/sink.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <type_traits>
#include <variant>
#include <vector>

namespace xloss::engine {

/// Tensors of either type that are seen as one long vector.
using sink_list = std::vector<std::variant<tensor::sink<float>, tensor::sink<double>>>;

/// Elements that are read at a time, and that one piece of work has.
inline constexpr std::size_t norm_tile = 1024;
inline constexpr std::size_t norm_piece = 64 * norm_tile;
inline constexpr std::size_t norm_work = norm_piece / 4; // a multiplication takes a fraction of a loss

/// Calls f(first, n) for the tiles of a piece: the elements [first, first + n).
template <class T, class F>
void each_norm_tile(const tensor::sink<T>& g, std::size_t piece, F&& f) {
    const std::size_t end = std::min(g.size(), (piece + 1) * norm_piece);
    for (std::size_t i = piece * norm_piece; i < end; i += norm_tile)
        f(i, std::min(norm_tile, end - i));
}

template <class T>
std::size_t norm_pieces(const tensor::sink<T>& g) {
    return (g.size() + norm_piece - 1) / norm_piece;
}

/// What has been found in a row, four vectors side by side: each addition waits for the one before.
template <class V, class Join>
struct side_by_side {
    Join join; // of what has been found and what a vector adds
    V a{}, b{}, c{}, d{};

    /// Adds term(v) for the vectors of a row.
    template <class Term>
    void add(const typename V::value_type* row, std::size_t n, const Term& term) {
        constexpr std::size_t w = V::width;
        std::size_t i = 0;
        for (; i + 4 * w <= n; i += 4 * w) {
            a = join(a, term(V::load(row + i)));
            b = join(b, term(V::load(row + i + w)));
            c = join(c, term(V::load(row + i + 2 * w)));
            d = join(d, term(V::load(row + i + 3 * w)));
        }
        for (; i + w <= n; i += w)
            a = join(a, term(V::load(row + i)));
        if (i < n)
            b = join(b, term(V::load_partial(row + i, n - i)));
    }

    [[nodiscard]] V all() const { return join(join(a, b), join(c, d)); }
};

/// Calls f(numbers, n) for the numbers of a row in double, where the square of no float leaves its range; so
/// few of them at a time that one is read while the one before is added up.
template <class T, class F>
void each_widened(const T* row, std::size_t n, F&& f) {
    constexpr std::size_t at_once = 64; // as many as convert does in a block
    if constexpr (std::is_same_v<T, double>) {
        f(row, n);
    } else {
        alignas(64) std::array<double, at_once> wide;
        for (std::size_t i = 0; i < n; i += at_once) {
            const std::size_t some = std::min(at_once, n - i);
            simd::convert(row + i, wide.data(), some);
            f(wide.data(), some);
        }
    }
}

// --- what norms are made of: what a row gives, and how two rows are put together ---

struct sum_of_vectors {
    template <class V>
    V operator()(const V& a, const V& b) const {
        return a + b;
    }
};

struct larger_of_vectors {
    template <class V>
    V operator()(const V& a, const V& b) const {
        return max(a, b);
    }
};

/// A sum over elements of term(x), in double.
template <class Term>
struct row_sum {
    Term term;

    template <class T>
    double of(const T* row, std::size_t n) const {
        using V = simd::number<double>;
        side_by_side<V, sum_of_vectors> sums{};
        each_widened(row, n, [&](const double* wide, std::size_t some) { sums.add(wide, some, term); });
        return sum(sums.all());
    }
    static double join(double a, double b) { return a + b; }
};

struct norm_square {
    template <class V>
    V operator()(const V& x) const {
        return x * x;
    }
};

struct norm_magnitude {
    template <class V>
    V operator()(const V& x) const {
        return abs(x);
    }
};

/// (|x|/scale)^p.
struct norm_power {
    double p, scale;

    template <class V>
    V operator()(const V& x) const {
        const V u = abs(x) / scale;
        return p == 2.0 ? u * u : p == 1.0 ? u : pow(u, p);
    }
};

/// The largest magnitude; NaN if there is one.
struct row_largest {
    template <class T>
    double of(const T* row, std::size_t n) const {
        using V = simd::number<T>;
        side_by_side<V, larger_of_vectors> largest{};
        largest.add(row, n, [](const V& x) { return abs(x); });
        const V found = largest.all();
        double most = 0.0;
        for (std::size_t k = 0; k < V::width; ++k)
            most = join(most, static_cast<double>(found[k]));
        return most;
    }
    static double join(double a, double b) { return a >= b || std::isnan(a) ? a : b; }
};

template <class T, class Row>
double reduce_tensor(const tensor::sink<T>& g, const Row& row, const executor_ref& executor) {
    std::array<double, pieces_in_flight> found{};
    double whole = 0.0;
    for_pieces(
        executor, {norm_pieces(g), norm_work},
        [&](std::size_t piece, std::size_t slot) {
            alignas(64) std::array<T, norm_tile> buffer;
            double one = 0.0;
            each_norm_tile(g, piece, [&](std::size_t first, std::size_t n) {
                one = Row::join(one, row.of(g.begin(first, n, buffer.data(), true), n));
            });
            found[slot] = one;
        },
        [&](std::size_t, std::size_t slot) { whole = Row::join(whole, found[slot]); });
    return whole;
}

template <class Row>
double reduce_list(const sink_list& list, const Row& row, const executor_ref& executor) {
    double whole = 0.0;
    for (const auto& one : list)
        whole =
            Row::join(whole, std::visit([&](const auto& g) { return reduce_tensor(g, row, executor); }, one));
    return whole;
}

/// The p-norm of all elements; p > 0, also infinity. NaN or infinite where an element is. A template, so that
/// its loops are compiled where they are used and not wherever this header is included.
template <class List>
double norm_of(const List& list, double p, const executor_ref& executor) {
    if (p == 1.0 || p == 2.0) {
        const double plain = p == 1.0 ? reduce_list(list, row_sum<norm_magnitude>{}, executor)
                                      : reduce_list(list, row_sum<norm_square>{}, executor);
        // Outside of these, a square of a double may have been lost or have left its range.
        if (std::isnan(plain) || (plain > 1e-270 && plain <= std::numeric_limits<double>::max()))
            return p == 1.0 ? plain : std::sqrt(plain);
    }
    const double most = reduce_list(list, row_largest{}, executor);
    if (p == HUGE_VAL || most == 0.0 || !std::isfinite(most))
        return most;
    const double scaled = reduce_list(list, row_sum<norm_power>{{p, most}}, executor);
    return most * (p == 2.0 ? std::sqrt(scaled) : std::pow(scaled, 1.0 / p));
}

/// The first element, in row-major order, that is NaN or infinite; its size if there is none.
template <class T>
std::size_t first_not_finite(const tensor::sink<T>& g) {
    alignas(64) std::array<T, norm_tile> buffer;
    for (std::size_t first = 0; first < g.size(); first += norm_tile) {
        const std::size_t n = std::min(norm_tile, g.size() - first);
        const T* row = g.begin(first, n, buffer.data(), true);
        if (!all_of_row(row, n, [](const auto& v) { return isfinite(v); }))
            return first + static_cast<std::size_t>(
                               std::find_if(row, row + n, [](T v) { return !std::isfinite(v); }) - row);
    }
    return g.size();
}

// --- scaling ---

/// Multiplies by a number in [0, 1). In two parts, where T would lose digits of it.
template <class T>
class element_scaler {
    using V = simd::number<T>;

public:
    explicit element_scaler(double factor) {
        if (factor == 0.0 || factor >= static_cast<double>(std::numeric_limits<T>::min())) {
            first_ = factor;
            return;
        }
        first_ = std::exp2(std::floor(0.5 * std::log2(factor)));
        second_ = factor / first_;
    }

    void scale(T* row, std::size_t n) const {
        const V a(first_), b(second_);
        std::size_t i = 0;
        for (; i + V::width <= n; i += V::width)
            (V::load(row + i) * a * b).store(row + i);
        if (i < n)
            (V::load_partial(row + i, n - i) * a * b).store_partial(row + i, n - i);
    }

private:
    double first_ = 1.0, second_ = 1.0;
};

template <class T>
void scale_elements(const tensor::sink<T>& g, double factor, const executor_ref& executor) {
    const element_scaler<T> by(factor);
    for_pieces(
        executor, {norm_pieces(g), norm_work},
        [&](std::size_t piece, std::size_t) {
            alignas(64) std::array<T, norm_tile> buffer;
            each_norm_tile(g, piece, [&](std::size_t first, std::size_t n) {
                T* row = g.begin(first, n, buffer.data(), true);
                by.scale(row, n);
                g.commit(first, n, row, true);
            });
        },
        [](std::size_t, std::size_t) {});
}

} // namespace xloss::engine

#endif
