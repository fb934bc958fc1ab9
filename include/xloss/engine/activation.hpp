#ifndef XLOSS_ENGINE_ACTIVATION_HPP
#define XLOSS_ENGINE_ACTIVATION_HPP

#include <xloss/config.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/simd/math.hpp>
#include <xloss/simd/number.hpp>

#include <array>
#include <cstddef>
#include <limits>

namespace xloss::engine {

/// Logarithms of probabilities that are given as they are: not below -100, as torch's binary_cross_entropy.
inline constexpr double least_log = -100.0;

/// What a derivative by a probability divides p(1 - p) by, at least; likewise torch's.
inline constexpr double least_variance = 1e-12;

/// The pixel of a logit with its sigmoid p, q = 1 - p, and softplus(-|x|).
template <class V>
XLOSS_INLINE pixel<V> pixel_of_sigmoid(const V& x, const V& p, const V& q, const V& smaller,
                                       const V& softplus, const V& y, const V& cls, std::size_t classes) {
    // NaN comes through the softplus: the cheap minimum will do.
    pixel<V> result{x, p, q, lesser(x, V(0.0)) - softplus, lesser(-x, V(0.0)) - softplus, y, cls, classes};
    result.logit = x;
    result.smaller = smaller;
    result.softplus = softplus;
    return result;
}

/// The pixel of a logit: p = sigmoid(x). One exponential, one division, and a logarithm where it is used.
template <class V>
XLOSS_INLINE pixel<V> pixel_of_logit(const V& x, const V& y, const V& cls, std::size_t classes) {
    const auto s = sigmoid_flushed(x);
    return pixel_of_sigmoid(x, s.p, s.q, s.smaller, log1p_unit(s.e, s.smaller), y, cls, classes);
}

/// exp(-|x|) of a row of whole vectors; under flush_denormals, compiled once for all losses.
template <class T>
XLOSS_NOINLINE void write_exponentials(const T* x, T* e, std::size_t n) {
    using V = simd::number<T>;
    for (std::size_t i = 0; i + V::width <= n; i += V::width)
        exp_flushed(minus_abs(V::load(x + i))).store(e + i);
}

/// Likewise softplus(-|x|), by the exponentials; these become the smaller of p and q.
template <class T>
XLOSS_NOINLINE void write_softplus(T* e_to_smaller, T* softplus, std::size_t n) {
    using V = simd::number<T>;
    for (std::size_t i = 0; i + V::width <= n; i += V::width) {
        const V e = V::load(e_to_smaller + i), smaller = smaller_of_exponential(e);
        log1p_unit(e, smaller).store(softplus + i);
        smaller.store(e_to_smaller + i);
    }
}

/// What the pixels of some vectors of logits come from, made in short loops before the loop that uses it.
///
/// A processor looks ahead by so many operations that wait for others, and in one loop all of an exponential,
/// a division, a logarithm and a formula wait for each other. Of short chains more fit beside each other:
/// against one loop BCE takes a quarter less time and focal a third (Zen 5, vectors of 512 and of 256 bits);
/// with two vectors side by side in one loop a tenth less. Strips of 8 vectors take 5 % more, and a whole
/// tile at once leaves the memory idle while it computes: Dice out of cache took longer than in one loop.
template <class T, bool Softplus>
class sigmoid_strip {
    using V = simd::number<T>;

public:
    static constexpr std::size_t size = 16 * V::width;

    /// Of n logits, whole vectors; under flush_denormals.
    XLOSS_INLINE void read(const T* x, std::size_t n) {
        write_exponentials(x, first_.data(), n);
        if constexpr (Softplus)
            write_softplus(first_.data(), softplus_.data(), n);
    }

    /// The pixel of logit j. Where it does not count, x is 0 and what was read may be anything.
    XLOSS_INLINE pixel<V> at(std::size_t j, const V& x, const V& y, const V& cls, std::size_t classes,
                             const auto& counts) const {
        const V first = select(counts, V::load(first_.data() + j));
        const V smaller = Softplus ? first : smaller_of_exponential(first);
        const V softplus =
            Softplus ? select(counts, V::load(softplus_.data() + j)) : log1p_unit(first, smaller);
        V p, q;
        write_p_and_q(x, smaller, p, q);
        return pixel_of_sigmoid(x, p, q, smaller, softplus, y, cls, classes);
    }

private:
    alignas(64) std::array<T, size> first_; // the smaller of p and q with a softplus, else exp(-|x|)
    alignas(64) std::array<T, size> softplus_;
};

/// The pixel of a probability.
template <class V>
XLOSS_INLINE pixel<V> pixel_of_probability(const V& p, const V& y, const V& cls, std::size_t classes) {
    const V least(least_log);
    pixel<V> result{p, p, 1.0 - p, max(log(p), least), max(log1p(-p), least), y, cls, classes};
    result.logit = result.log_p - result.log_q;
    const auto below = signbit(result.logit);
    result.smaller = select(below, p, result.q);
    result.softplus = -select(below, result.log_q, result.log_p);
    return result;
}

/// What a row of elements of a class holds.
enum class row_kind {
    logits,       // x
    exponentials, // exp(x - max)
    smaller,      // the smaller of p and 1 - p, with its sign: `smaller_of`
    given         // the probability, given as it is
};

/// One number for p and q = 1 - p, each to full relative accuracy: p where it is the smaller, else -q.
template <class V>
XLOSS_INLINE V smaller_of(const V& p, const V& q) {
    return select(p > V(0.5), -q, p);
}

/// The p of `smaller_of`.
template <class V>
XLOSS_INLINE V p_of_smaller(const V& smaller) {
    return select(signbit(smaller), 1.0 + smaller, smaller);
}

/// The q = 1 - p of `smaller_of`.
template <class V>
XLOSS_INLINE V q_of_smaller(const V& smaller) {
    return select(signbit(smaller), -smaller, 1.0 - smaller);
}

/// The pixel of a probability that was kept as `smaller_of`. Its logarithms are as far as the format of p
/// goes: log p is not below that of the smallest normal number.
template <class V>
XLOSS_INLINE pixel<V> pixel_of_smaller(const V& smaller, const V& y, const V& cls, std::size_t classes) {
    using T = typename V::value_type;
    const auto is_q = signbit(smaller);
    const V least(static_cast<double>(std::numeric_limits<T>::min()));
    const V log_smaller = log(max(abs(smaller), least)), log_larger = log1p(minus_abs(smaller));
    const V p = p_of_smaller(smaller), log_p = select(is_q, log_larger, log_smaller);
    return {log_p, p, q_of_smaller(smaller), log_p, select(is_q, log_smaller, log_larger), y, cls, classes};
}

/// dp/dx of the sigmoid.
template <class V>
XLOSS_INLINE V sigmoid_slope(const pixel<V>& s) {
    return s.p * s.q;
}

/// A slope by the logit as a slope by the probability.
template <class V>
XLOSS_INLINE V by_probability(const V& slope_by_logit, const pixel<V>& s) {
    return slope_by_logit / max(s.p * s.q, V(least_variance));
}

} // namespace xloss::engine

#endif
