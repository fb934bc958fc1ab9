#ifndef XLOSS_ENGINE_CHANNEL_READER_HPP
#define XLOSS_ENGINE_CHANNEL_READER_HPP

#include <xloss/config.hpp>
#include <xloss/engine/activation.hpp>
#include <xloss/engine/channel_block.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/simd/flush.hpp>
#include <xloss/simd/math.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>

namespace xloss::engine {

/// What the rows of a block hold of every class.
enum class row_kind {
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

/// What the channelwise sweeps of every loss share: it reads the targets and scores of a block of pixels,
/// computes the softmax, and writes rows.
template <class T>
class channel_reader {
public:
    using V = simd::number<T>;
    using block = channel_block<T>;

    channel_reader(const sweep_inputs<T>& in, bool keeps_logits)
        : in_(in), g_(in.y.geometry()), soft_(!in.y.is_label_map()),
          weights_per_class_(in.y.masked_per_class()), masked_(in.y.masked()),
          probabilities_(in.probabilities), keeps_logits_(keeps_logits) {}

    static std::size_t padded(std::size_t n) { return (n + V::width - 1) / V::width * V::width; }

    /// Calls f(j) for the first pixel j of every vector of a row.
    template <class F>
    static XLOSS_INLINE void each_vector(std::size_t n, F&& f) {
        for (std::size_t i = 0; i < n; i += V::width)
            f(i);
    }

    // --- targets ---

    void read_targets(block& k, std::size_t b, std::size_t i, std::size_t n) const {
        if (!soft_) {
            const T* labels = in_.y.labels(b, i, n, k.label.data());
            if (labels != k.label.data())
                std::copy_n(labels, n, k.label.data());
            pad(k.label.data(), n, T(-1));
            if (masked_)
                in_.y.weights(b, 0, i, n, k.label.data(), k.m.data(), k.spare.data());
        } else {
            std::fill_n(k.m.begin(), n, T(0)); // does any class of the pixel count?
            for (std::size_t c = 0; c < g_.classes; ++c)
                read_soft(k, b, c, i, n);
        }
        if (!masked_)
            std::fill_n(k.m.begin(), n, T(1));
        pad(k.m.data(), n, T(0));
    }

    [[nodiscard]] XLOSS_INLINE V weight_at(const block& k, std::size_t c, std::size_t j) const {
        return V::load(weights_per_class_ ? k.weight(c) + j : k.m.data() + j);
    }

    [[nodiscard]] XLOSS_INLINE V target_at(const block& k, std::size_t c, const V& cls, std::size_t j) const {
        return soft_ ? V::load(k.target(c) + j) : select(V::load(k.label.data() + j) == cls, V(1.0), V(0.0));
    }

    // --- scores ---

    void read_probabilities(block& k, std::size_t b, std::size_t i, std::size_t n) const {
        for (std::size_t c = 0; c < g_.classes; ++c)
            each_logit(k, b, c, i, n,
                       [to = k.row(c)](std::size_t j, const V& p) XLOSS_INLINE_LAMBDA { p.store(to + j); });
    }

    /// Reads the logits and finds the largest and the smallest of every pixel.
    void read_logits(block& k, std::size_t b, std::size_t i, std::size_t n) const {
        for (std::size_t c = 0; c < g_.classes; ++c)
            each_logit(k, b, c, i, n, [&, to = k.row(c)](std::size_t j, const V& x) XLOSS_INLINE_LAMBDA {
                x.store(to + j);
                // x second: its NaN comes through
                const V largest = c == 0 ? x : greater(V::load(k.largest.data() + j), x);
                const V smallest = c == 0 ? x : lesser(V::load(k.smallest.data() + j), x);
                largest.store(k.largest.data() + j);
                smallest.store(k.smallest.data() + j);
            });
    }

    /// The exponentials of the logits that were read, in their place.
    void softmax(block& k, std::size_t n, const fetch_ahead<T>& given) const {
        const simd::flush_denormals flush;
        const fetch_ahead<T> ahead = given;
        const bool keep = keeps_logits_, hard = !soft_;
        const std::size_t classes = g_.classes;
        const V infinity(std::numeric_limits<double>::infinity());
        const V most(static_cast<double>(std::numeric_limits<T>::max()));
        each_vector(n, [&](std::size_t j) XLOSS_INLINE_LAMBDA {
            const V largest = V::load(k.largest.data() + j), label = V::load(k.label.data() + j);
            // Infinite logits take their limits; the difference of two finite ones stays finite.
            const auto infinite = (V::load(k.smallest.data() + j) == -infinity) | (largest == infinity);
            const V floor = select(infinite, -infinity, -most);
            V rest(0.0), ties(-1.0), label_logit(0.0), cls(0.0);
            for (std::size_t c = 0; c < classes; ++c) {
                const V logit = V::load(k.row(c) + j);
                const auto is_largest =
                    logit == largest; // where both are infinite their difference is no number
                const V x = select(is_largest, V(0.0), greater(floor, logit - largest));
                ahead(c, j);
                const V e = exp_nonpositive(x);
                rest += select(is_largest, V(0.0), e);
                ties += select(is_largest, V(1.0), V(0.0));
                if (hard)
                    label_logit = select(label == cls, x, label_logit);
                cls += V(1.0);
                if (keep)
                    x.store(k.logit(c) + j);
                e.store(k.row(c) + j);
            }
            // The sum without the largest, so that 1 - p of the largest and log p keep their relative
            // accuracy.
            const V others = rest + ties;
            const V inverse = 1.0 / (1.0 + others);
            inverse.store(k.inverse.data() + j);
            (others * inverse).store(k.largest_q.data() + j);
            log1p(others).store(k.log_sum.data() + j);
            label_logit.store(k.label_logit.data() + j);
        });
    }

    /// p and q of an exponential.
    XLOSS_INLINE void probability_of(const block& k, std::size_t j, const V& e, V& p, V& q) const {
        p = e * V::load(k.inverse.data() + j);
        q = select(e == V(1.0), V::load(k.largest_q.data() + j), 1.0 - p);
    }

    /// Every exponential becomes the smaller of p and q.
    void keep_smaller(block& k, std::size_t n) const {
        for (std::size_t c = 0; c < g_.classes; ++c)
            each_vector(n, [&, row = k.row(c)](std::size_t j) XLOSS_INLINE_LAMBDA {
                V p, q;
                probability_of(k, j, V::load(row + j), p, q);
                smaller_of(p, q).store(row + j);
            });
    }

    /// Reads what an earlier sweep left in the gradient, which is in place.
    void read_kept(block& k, std::size_t b, std::size_t i, std::size_t n, const sink_ref<T>& out) const {
        for (std::size_t c = 0; c < g_.classes; ++c) {
            std::copy_n(out.to->begin(g_.first(b, c) + i, n, nullptr, false), n, k.row(c));
            pad(k.row(c), n, T(0));
        }
    }

    /// The pixel of class c, whatever the rows hold.
    XLOSS_INLINE pixel<V> pixel_at(const block& k, row_kind rows, std::size_t c, std::size_t j) const {
        const V cls(static_cast<double>(c));
        const V v = V::load(k.row(c) + j), y = target_at(k, c, cls, j);
        if (rows == row_kind::smaller)
            return pixel_of_smaller(v, y, cls, g_.classes);
        if (rows == row_kind::given)
            return pixel_of_probability(v, y, cls, g_.classes);
        const V x = keeps_logits_ ? V::load(k.logit(c) + j) : V(0.0);
        return pixel_of_softmax(k, j, x, v, y, cls);
    }

    XLOSS_INLINE pixel<V> pixel_of_softmax(const block& k, std::size_t j, const V& x, const V& e, const V& y,
                                           const V& cls) const {
        V p, q;
        probability_of(k, j, e, p, q);
        return {x, p, q, x - V::load(k.log_sum.data() + j), log(q), y, cls, g_.classes};
    }

    /// The pixel of the class that the label names; class 0 where there is none.
    XLOSS_INLINE pixel<V> label_pixel(const block& k, row_kind rows, std::size_t j) const {
        const V cls = greater(V(0.0), V::load(k.label.data() + j));
        if (rows == row_kind::exponentials) {
            const V x = V::load(k.label_logit.data() + j);
            return pixel_of_softmax(k, j, x, exp_nonpositive(x), V(1.0), cls);
        }
        V v(1.0);
        for (std::size_t c = 0; c < g_.classes; ++c)
            v = select(cls == V(static_cast<double>(c)), V::load(k.row(c) + j), v);
        return rows == row_kind::smaller ? pixel_of_smaller(v, V(1.0), cls, g_.classes)
                                     : pixel_of_probability(v, V(1.0), cls, g_.classes);
    }

    // --- writing ---

    /// The weights that say whether an element is there at all: probabilities each for itself, logits where
    /// any class of the pixel counts, whose softmax has them all.
    const T* presence(const block& k, std::size_t c) const {
        return weights_per_class_ && probabilities_ ? k.weight(c) : k.m.data();
    }

    /// Writes the vectors f(j) of a row, or adds them; where nothing counts, 0 and nothing.
    template <class F>
    void write_row(block& k, std::size_t first, std::size_t n, const T* present, const sink_ref<T>& out,
                   F&& f) const {
        T* to = out.to->begin(first, n, k.staging.data(), out.accumulate);
        const bool plain = !out.accumulate && !masked_, accumulate = out.accumulate;
        each_vector(n, [&](std::size_t j) XLOSS_INLINE_LAMBDA {
            const bool whole = j + V::width <= n;
            V g = f(j);
            if (!plain) {
                V old(0.0);
                if (accumulate)
                    old = whole ? V::load(to + j) : V::load_partial(to + j, n - j);
                g = select(V::load(present + j) == V(0.0), old, g + old);
            }
            if (whole)
                g.store(to + j);
            else
                g.store_partial(to + j, n - j);
        });
        out.to->commit(first, n, to, accumulate);
    }

protected:
    const sweep_inputs<T>& in_;
    geometry g_;
    bool soft_;
    bool weights_per_class_;
    bool masked_;
    bool probabilities_;
    bool keeps_logits_;

private:
    static void pad(T* row, std::size_t n, T with) { std::fill(row + n, row + padded(n), with); }

    /// Targets of class c, 0 where they do not count, and the weights: of the pixel, or of the class.
    void read_soft(block& k, std::size_t b, std::size_t c, std::size_t i, std::size_t n) const {
        const T* y = in_.y.soft(b, c, i, n, k.staging.data());
        T* to = k.target(c);
        std::copy_n(y, n, to);
        pad(to, n, T(0));
        if (!masked_)
            return;
        T* m = weights_per_class_ ? k.weight(c) : k.m.data();
        if (weights_per_class_ || c == 0)
            in_.y.weights(b, c, i, n, to, m, k.spare.data());
        for (std::size_t j = 0; j < n; ++j)
            to[j] = m[j] == T(0) ? T(0) : to[j];
        if (!weights_per_class_)
            return;
        pad(m, n, T(0));
        for (std::size_t j = 0; j < n; ++j)
            k.m[j] = m[j] != T(0) ? T(1) : k.m[j];
    }

    /// Calls f(j, x) for the vectors of a row of logits; 0 past its end and, as x may be anything there,
    /// where nothing counts.
    template <class F>
    void each_logit(block& k, std::size_t b, std::size_t c, std::size_t i, std::size_t n, F&& f) const {
        const T* row = in_.x.read(g_.first(b, c) + i, n, k.staging.data());
        const T* present = presence(k, c);
        const bool masked = masked_;
        each_vector(n, [&](std::size_t j) XLOSS_INLINE_LAMBDA {
            V x = j + V::width <= n ? V::load(row + j) : V::load_partial(row + j, n - j);
            if (masked)
                x = select(V::load(present + j) == V(0.0), V(0.0), x);
            f(j, x);
        });
    }
};

} // namespace xloss::engine

#endif
