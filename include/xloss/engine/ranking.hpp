#ifndef XLOSS_ENGINE_RANKING_HPP
#define XLOSS_ENGINE_RANKING_HPP

#include <xloss/config.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/engine/radix_sort.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/simd/number.hpp>
#include <xloss/tensor/error.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

namespace xloss::engine {

/// The Lovász extension of the Jaccard loss of one region, and its derivative by the error of every pixel.
///
/// **Formula.** Pixels in falling order of their errors e. With G = sum m y over all of them, and I = G - sum
/// m y, U = G + sum m (1 - y) over those up to some place in that order, J = 1 - I/U there. Equal errors are
/// one group: it changes J by dJ = (I b + a U)/(U (U + b)), a and b its sums of m y and m (1 - y), I and U
/// before it, and adds relu(e) dJ to the value. Of G = 0 the first group has dJ = 1 and all others 0.
///
/// **Gradient.** relu'(e) dJ m / (sum of m in the group): equal errors share the mean of their gradients,
/// whatever their targets, so that the order in which a sort leaves them does not show.
///
/// **Weights.** A pixel of weight m counts as m pixels; one of weight 0 is absent, its error and y may be
/// anything. Targets may be soft.
///
/// **Ranges.** Errors up to infinity; those that are 0 or negative have derivative 0, and their y still
/// counts in G. With a NaN among errors, targets or weights that are there, the value and the derivatives of
/// all positive errors are NaN.
///
/// **Same bits** however the pixels are cut into calls of `add`, and for every executor. Where all weights
/// are 0 or 1 and all targets too, also in whatever order they are added.
///
/// **Memory.** For every pixel of the largest region 16 bytes of float, 32 of double, and with soft targets
/// or weights other than 0 and 1 another 8 or 16.
///
/// **Source.** Berman et al. 2018, arXiv 1705.08790, algorithm 1.
template <class T>
class jaccard_ranking {
public:
    /// Room for regions of up to `most_pixels` pixels, with numbers below that. One at a time of a workspace.
    ///
    /// @throws shape_error if they are so many that their numbers do not fit beside a float: 2^31.
    jaccard_ranking(std::size_t most_pixels, const executor_ref& executor, workspace& memory)
        : most_(most_pixels), executor_(executor), memory_(memory) {
        if (most_pixels > (std::numeric_limits<bits>::max() >> 1))
            throw shape_error("jaccard_ranking: " + std::to_string(most_pixels) +
                              " pixels in one region are more than can be ranked, " +
                              std::to_string(std::numeric_limits<bits>::max() >> 1));
        // Appending writes one more than it keeps.
        pixels_ = memory.template get<pixel>(scratch::ranked_pixels, 2 * (most_pixels + 1));
    }

    /// Starts a new region.
    void clear() {
        state_ = {};
        kept_ = 0;
        value_ = 0;
    }

    /// Adds n pixels with the numbers `first`, `first` + 1, ...: their errors, the slopes of these by
    /// whatever the caller likes, targets y in [0, 1] and weights m >= 0, or nullptr where all are 1. A pixel
    /// whose target is 0 or 1 has slope 1 or -1: of such it is not read. Every number once; not after `value`
    /// or `each_slope`.
    void add(const T* error, const T* slope, const T* y, const T* m, std::size_t n, std::size_t first) {
        for (std::size_t i = 0; i < n; i += block) {
            const T* weights = m == nullptr ? nullptr : m + i;
            const std::size_t count = std::min(block, n - i);
            if (state_.general || !add_plain(error + i, y + i, weights, count, first + i))
                add_general(error + i, slope + i, y + i, weights, count, first + i);
        }
    }

    /// The sum of relu(e) dJ.
    [[nodiscard]] double value() {
        rank();
        return value_;
    }

    /// Calls f(number, derivative times the slope of the error) for pixels with a positive error, each at
    /// most once, in the order that suits; the derivative of all others is 0.
    template <class F>
    void each_slope(F&& f) {
        rank();
        for (std::size_t i = 0; i < kept_; ++i)
            f(static_cast<std::size_t>(ranked_[i].payload >> 1), std::bit_cast<T>(ranked_[i].key));
    }

    /// G, the sum of m y.
    [[nodiscard]] double target() const { return state_.target + state_.soft_target; }
    /// The sum of m.
    [[nodiscard]] double weight() const { return state_.weight + state_.soft_weight; }

private:
    using bits = simd::detail::bits_of<T>;
    using V = simd::number<T>;
    /// The key falls with the error: sorted, the largest error is first. The payload is the number of the
    /// pixel, and in the lowest bit y, where that is 0 or 1. Ranked, the key gives its place to the slope.
    using pixel = keyed<bits>;

    /// What a pixel has that is not plain.
    struct weighted {
        T m, y, slope;
    };

    /// What is known of the pixels so far.
    struct state {
        // Whole numbers, exact in whatever order they are added; the others one after the other.
        double weight = 0, target = 0, soft_weight = 0, soft_target = 0;
        double ranked_target = 0; // of plain pixels with positive errors
        T lowest = std::numeric_limits<T>::infinity(), lowest_true = lowest, highest = 0;
        bool nan = false;     // an error that is there
        bool general = false; // a weight or target other than 0 and 1
        bool ranked = false;
    };

    // Counts in lanes of T are exact, and what is done twice because of one soft target is little.
    static constexpr std::size_t block = 1024;

    static bits key_of(T error) {
        return static_cast<bits>(std::bit_cast<bits>(T(-0.0)) - 1 - std::bit_cast<bits>(error));
    }
    static T error_of(bits key) {
        return std::bit_cast<T>(static_cast<bits>(std::bit_cast<bits>(T(-0.0)) - 1 - key));
    }

    static XLOSS_INLINE V read(const T* from, std::size_t n, double fill) {
        return n < V::width ? V::load_partial(from, n, fill) : V::load(from);
    }

    /// A block whose weights are 0 or 1, and targets too; false if they are not, and then nothing is done.
    bool add_plain(const T* error, const T* y, const T* m, std::size_t n, std::size_t first) {
        return m == nullptr ? add_plain<false>(error, y, m, n, first)
                            : add_plain<true>(error, y, m, n, first);
    }

    template <bool Weights>
    bool add_plain(const T* error, const T* y, const T* m, std::size_t n, std::size_t first) {
        using M = typename V::mask_type;
        const V infinity = std::numeric_limits<double>::infinity();
        V weight, target, ranked_target, highest, lowest = infinity, lowest_true = infinity;
        M odd(false), nan(false);
        const std::size_t kept = kept_;
        for (std::size_t i = 0; i < n; i += V::width) {
            const V e = read(error + i, n - i, -1);
            V label = read(y + i, n - i, 0);
            M there(true);
            if constexpr (Weights) {
                const V w = read(m + i, n - i, 0);
                there = w != V(0);
                odd |= w * w - w != V(0); // infinity too
                label = select(there, label, V(0));
                weight = weight + w;
            }
            odd |= label * label - label != V(0);
            target = target + label;
            const M positive = there & !(e <= V(0));
            if (!any(positive))
                continue;
            nan |= there & isnan(e);
            ranked_target = ranked_target + select(positive, label, V(0));
            highest = greater(highest, select(positive, e, V(0)));
            lowest = lesser(lowest, select(positive, e, infinity));
            lowest_true = lesser(lowest_true, select(positive & (label != V(0)), e, infinity));
            append<Weights>(error + i, y + i, Weights ? m + i : m, std::min(V::width, n - i), first + i);
        }
        if (any(odd)) {
            kept_ = kept;
            return false;
        }
        state_.weight += Weights ? static_cast<double>(sum(weight)) : static_cast<double>(n);
        state_.target += static_cast<double>(sum(target));
        state_.ranked_target += static_cast<double>(sum(ranked_target));
        for (std::size_t lane = 0; lane < V::width; ++lane) {
            state_.highest = std::max(state_.highest, highest[lane]);
            state_.lowest = std::min(state_.lowest, lowest[lane]);
            state_.lowest_true = std::min(state_.lowest_true, lowest_true[lane]);
        }
        state_.nan = state_.nan || any(nan);
        return true;
    }

    /// Keeps the positive errors of n <= V::width pixels. No branches, which positive errors among others
    /// would mislead.
    template <bool Weights>
    XLOSS_INLINE void append(const T* error, const T* y, const T* m, std::size_t n, std::size_t first) {
        pixel* to = pixels_ + kept_;
        for (std::size_t i = 0; i < n; ++i) {
            bool there = !(error[i] <= T(0));
            if constexpr (Weights)
                there = there && m[i] != T(0);
            *to = {key_of(error[i]), payload(first + i, y[i])};
            to += there ? 1 : 0;
        }
        kept_ = static_cast<std::size_t>(to - pixels_);
    }

    static XLOSS_INLINE bits payload(std::size_t number, T y) {
        return static_cast<bits>((number << 1) | (y == T(1) ? 1U : 0U));
    }

    void add_general(const T* error, const T* slope, const T* y, const T* m, std::size_t n,
                     std::size_t first) {
        if (!state_.general)
            start_general();
        for (std::size_t i = 0; i < n; ++i) {
            const T w = m == nullptr ? T(1) : m[i];
            if (w == T(0))
                continue;
            // Pixels that are plain are counted as such, or the way in which the pixels are cut into blocks
            // would show.
            const bool plain = w == T(1) && (y[i] == T(0) || y[i] == T(1));
            (plain ? state_.weight : state_.soft_weight) += static_cast<double>(w);
            (plain ? state_.target : state_.soft_target) +=
                static_cast<double>(w) * static_cast<double>(y[i]);
            if (error[i] <= T(0))
                continue;
            weighted_[first + i] = {w, y[i], slope[i]};
            pixels_[kept_++] = {key_of(error[i]), payload(first + i, y[i])};
            state_.nan = state_.nan || error[i] != error[i];
            state_.highest = std::max(state_.highest, error[i]);
            state_.lowest = std::min(state_.lowest, error[i]);
        }
    }

    /// The pixels so far were plain.
    void start_general() {
        state_.general = true;
        weighted_ = memory_.template get<weighted>(scratch::ranked_weights, most_);
        for (std::size_t i = 0; i < kept_; ++i)
            weighted_[pixels_[i].payload >> 1] = plain_at(pixels_[i]);
    }

    static weighted plain_at(const pixel& p) {
        const bool y = (p.payload & 1) != 0;
        return {T(1), y ? T(1) : T(0), y ? T(-1) : T(1)};
    }

    /// Sorts, takes the value and turns keys into slopes, once.
    void rank() {
        if (state_.ranked)
            return;
        state_.ranked = true;
        ranked_ = pixels_;
        const double g = target();
        if (state_.nan || g != g || weight() != weight())
            return all_nan();
        const bits first = key_of(state_.highest);
        const bits last = key_of(g == 0              ? state_.highest
                                 : has_lowest_true() ? state_.lowest_true
                                                     : state_.lowest);
        drop_after(last);
        if (kept_ == 0)
            return;
        radix_sort<bits> sort(
            memory_.template get<std::uint32_t>(scratch::histograms, radix_sort<bits>::counters));
        ranked_ = sort(pixels_, pixels_ + most_ + 1, kept_, first, last);
        if (state_.general)
            walk([this](const pixel& p) { return weighted_[p.payload >> 1]; });
        else
            walk(plain_at);
    }

    void all_nan() {
        value_ = std::numeric_limits<double>::quiet_NaN();
        for (std::size_t i = 0; i < kept_; ++i)
            ranked_[i].key = std::bit_cast<bits>(std::numeric_limits<T>::quiet_NaN());
    }

    /// After the last true pixel I is 0, and errors that follow have derivative 0.
    [[nodiscard]] bool has_lowest_true() const {
        return !state_.general && state_.ranked_target == state_.target;
    }

    void drop_after(bits last) {
        pixel* to = pixels_;
        for (std::size_t i = 0; i < kept_; ++i) {
            const pixel p = pixels_[i];
            *to = p;
            to += p.key <= last ? 1 : 0;
        }
        kept_ = static_cast<std::size_t>(to - pixels_);
    }

    /// Takes the groups of equal errors in order; `at` gives weight and target of a pixel.
    template <class At>
    void walk(At&& at) {
        double i = target(), u = i;
        for (std::size_t k = 0; k < kept_;) {
            const bits key = ranked_[k].key;
            double a = 0, b = 0;
            std::size_t end = k;
            do {
                const weighted w = at(ranked_[end]);
                a += static_cast<double>(w.m) * static_cast<double>(w.y);
                b += static_cast<double>(w.m) * (1.0 - static_cast<double>(w.y));
            } while (++end < kept_ && ranked_[end].key == key);
            const double dj = u > 0 ? (i * b + a * u) / (u * (u + b)) : 1.0;
            value_ += static_cast<double>(error_of(key)) * dj;
            const double slope = dj / (a + b);
            for (; k < end; ++k) {
                const weighted w = at(ranked_[k]);
                ranked_[k].key =
                    std::bit_cast<bits>(static_cast<T>(slope * static_cast<double>(w.m)) * w.slope);
            }
            i = std::max(0.0, i - a);
            u += b;
        }
    }

    std::size_t most_;
    [[maybe_unused]] const executor_ref& executor_;
    workspace& memory_;
    pixel* pixels_ = nullptr;
    pixel* ranked_ = nullptr;
    weighted* weighted_ = nullptr;
    std::size_t kept_ = 0;
    double value_ = 0;
    state state_{};
};

} // namespace xloss::engine

#endif
