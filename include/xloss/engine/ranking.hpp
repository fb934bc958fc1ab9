#ifndef XLOSS_ENGINE_RANKING_HPP
#define XLOSS_ENGINE_RANKING_HPP

#include <xloss/config.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/engine/radix_sort.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/simd/number.hpp>
#include <xloss/tensor/error.hpp>

#include <algorithm>
#include <array>
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
/// or weights other than 0 and 1 another 12 or 24.
///
/// **Source.** Berman et al. 2018, arXiv 1705.08790, algorithm 1.
//
// Measured on 262144 and 524288 errors of sigmoid, softmax and hinge, of fresh and of trained networks, ns
// per pixel on one shared core:
//  - Pairs of key and number, parted by 7 bits and then sorted part by part by two digits: 17. The same pairs
//    from the lowest digit on in three passes of 11 or 10 bits or four of 8: 20 to 24. std::sort: 109.
//  - Keys alone, 17, write no numbers, but then every pixel has to look for its key: 33 more. Pairs write
//    their slopes to their pixels for 6.
//  - Parting by 8 bits or more: one pass of 3 becomes one of 7. Sorting a part by one digit and insertion: 1
//    to 4 more than by two digits. Digits of 8 bits instead of up to 11: 6 more where errors have many
//    magnitudes.
//  - Not at all, since their derivative is 0: pixels after the last true one; of fresh softmax 94 %.
template <class T>
class jaccard_ranking {
public:
    /// Room for regions of up to `most_pixels` pixels, with numbers below that; one such object of a
    /// workspace at a time. A region is ranked on the calling thread.
    ///
    /// @throws shape_error for 2^31 pixels or more: their numbers have 31 bits.
    jaccard_ranking(std::size_t most_pixels, const executor_ref&, workspace& memory)
        : most_(most_pixels), memory_(memory) {
        constexpr std::size_t limit = std::numeric_limits<std::int32_t>::max();
        if (most_pixels > limit)
            throw shape_error("jaccard_ranking: a region of " + std::to_string(most_pixels) +
                              " pixels, at most " + std::to_string(limit) + " can be ranked");
        // Appending writes one more than it keeps.
        pixels_ = memory.template get<pixel>(scratch::ranked_pixels, 2 * (most_pixels + 1));
        counts_ = memory.template get<std::uint32_t>(scratch::ranked_counts, radix_sort<bits>::counters);
    }

    /// Starts a new region.
    void clear() {
        state_ = {};
        kept_ = 0;
        value_ = 0;
    }

    /// Adds n pixels with the numbers `first`, `first` + 1, ...: their errors, the slopes of these by
    /// whatever the caller likes, targets y in [0, 1] and weights m >= 0, or nullptr where all are 1. The
    /// slope of a pixel with y = 1 is -1, with y = 0 it is 1: of these it may go unread. Every number once;
    /// not after `value` or `each_slope`.
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
        if (!state_.ranked) {
            pixel* to = pixels_;
            rank([&](const pixel* run, std::size_t n) {
                if (run != to)
                    std::copy_n(run, n, to);
                to += n;
            });
        }
        return value_;
    }

    /// Calls f(number, derivative times the slope of the error) for pixels with a positive error, each at
    /// most once, in the order that suits; the derivative of all others is 0. Once for a region; before
    /// `value` it is faster than after.
    template <class F>
    void each_slope(F&& f) {
        const auto call = [&](const pixel* run, std::size_t n) {
            // What is not general has its y in the lowest bit of the payload: the sign.
            const int shift = state_.general ? 0 : std::numeric_limits<bits>::digits - 1;
            const bits sign = state_.general ? 0 : 1;
            for (std::size_t i = 0; i < n; ++i)
                f(static_cast<std::size_t>(run[i].payload >> 1),
                  std::bit_cast<T>(static_cast<bits>(run[i].key ^ ((run[i].payload & sign) << shift))));
        };
        if (state_.ranked)
            call(pixels_, kept_);
        else
            rank(call);
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
            const std::uint32_t which = lanes_of(positive);
            if (n - i >= V::width && all(positive))
                append_all(error + i, y + i, first + i);
            else if (static_cast<std::size_t>(std::popcount(which)) <= V::width / 4)
                append_few(error + i, y + i, which, first + i);
            else
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

    /// Keeps a vector of errors that are all positive.
    XLOSS_INLINE void append_all(const T* error, const T* y, std::size_t first) {
        pixel* to = pixels_ + kept_;
        for (std::size_t i = 0; i < V::width; ++i)
            to[i] = {key_of(error[i]), payload(first + i, y[i])};
        kept_ += V::width;
    }

    /// A bit for each lane that is true.
    static XLOSS_INLINE std::uint32_t lanes_of(const typename V::mask_type& m) {
        constexpr auto powers = [] {
            std::array<T, V::width> all{};
            for (std::size_t lane = 0; lane < V::width; ++lane)
                all[lane] = static_cast<T>(std::uint32_t{1} << lane);
            return all;
        }();
        return static_cast<std::uint32_t>(sum(select(m, V::load(powers.data()), V(0))));
    }

    /// Keeps the errors of some lanes, of which there are so few that stepping over the others costs more.
    /// Those of a trained model are strewn: a third of the time of its hinge.
    XLOSS_INLINE void append_few(const T* error, const T* y, std::uint32_t which, std::size_t first) {
        for (; which != 0; which &= which - 1) {
            const auto i = static_cast<std::size_t>(std::countr_zero(which));
            pixels_[kept_++] = {key_of(error[i]), payload(first + i, y[i])};
        }
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

    /// The last bit of the exponent is set in 1 and not in 0.
    static XLOSS_INLINE bits payload(std::size_t number, T y) {
        constexpr int mantissa = std::numeric_limits<T>::digits - 1;
        return static_cast<bits>(number << 1) | ((std::bit_cast<bits>(y) >> mantissa) & 1);
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
        for (std::size_t i = 0; i < kept_; ++i) {
            const bool y = (pixels_[i].payload & 1) != 0;
            weighted_[pixels_[i].payload >> 1] = {T(1), y ? T(1) : T(0), y ? T(-1) : T(1)};
        }
    }

    /// Sorts and takes the value, once. `sink` gets, run by run, pixels whose keys have become slopes.
    template <class Sink>
    void rank(Sink&& sink) {
        state_.ranked = true;
        const double g = target();
        if (state_.nan || g != g || weight() != weight())
            return all_nan(sink);
        drop_zero_slopes(g);
        sums_ = {g, g};
        const auto walk = [&](pixel* run, std::size_t n) {
            if (state_.general)
                walk_general(run, n);
            else if (g == 0)
                value_ = walk_group(run, n, sums_);
            else
                walk_plain(run, n);
            sink(run, n);
        };
        const radix_sort<bits> sort(counts_);
        sort(pixels_, pixels_ + most_ + 1, kept_, key_of(state_.highest), key_of(state_.lowest), walk);
    }

    template <class Sink>
    void all_nan(Sink& sink) {
        value_ = std::numeric_limits<double>::quiet_NaN();
        for (std::size_t i = 0; i < kept_; ++i)
            pixels_[i].key = std::bit_cast<bits>(std::numeric_limits<T>::quiet_NaN());
        sink(pixels_, kept_);
    }

    /// Without a true pixel only the largest errors count. After the last true pixel I is 0, and so is what
    /// follows: of fresh logits nearly all pixels.
    void drop_zero_slopes(double g) {
        T least = state_.lowest;
        if (g == 0)
            least = state_.highest;
        else if (!state_.general && state_.ranked_target == state_.target)
            least = state_.lowest_true;
        if (!(least > state_.lowest))
            return;
        state_.lowest = least;
        const bits last = key_of(least);
        pixel* to = pixels_;
        for (std::size_t i = 0; i < kept_; ++i) {
            const pixel p = pixels_[i];
            *to = p;
            to += p.key <= last ? 1 : 0;
        }
        kept_ = static_cast<std::size_t>(to - pixels_);
    }

    /// What the next group starts from.
    struct sums {
        double i = 0, u = 0;

        /// What J gains by a group, per unit of weight.
        [[nodiscard]] double slope(double a, double b) const {
            return (u > 0 ? (a + b * (i / u)) / (u + b) : 1.0) / (a + b);
        }
        void pass(double a, double b) {
            i = std::max(0.0, i - a); // soft sums are rounded
            u += b;
        }
    };

    [[nodiscard]] static std::size_t end_of_group(const pixel* run, std::size_t first, std::size_t n) {
        std::size_t end = first + 1;
        while (end < n && run[end].key == run[first].key)
            ++end;
        return end;
    }

    /// Groups are mostly of one pixel. The target, which follows no pattern, enters without a branch, and the
    /// counts are integers: as double, i and the value become one vector for g++, and then i waits for the
    /// division.
    void walk_plain(pixel* run, std::size_t n) {
        std::int64_t true_before = 0, false_before = 0;
        double value = value_;
        for (std::size_t k = 0; k < n;) {
            const sums s{sums_.i - static_cast<double>(true_before),
                         sums_.u + static_cast<double>(false_before)};
            const pixel p = run[k];
            if (k + 1 < n && run[k + 1].key == p.key) [[unlikely]] {
                const std::size_t end = end_of_group(run, k, n);
                value += walk_group(run + k, end - k, s);
                const std::int64_t count = count_true(run + k, end - k);
                true_before += count;
                false_before += static_cast<std::int64_t>(end - k) - count;
                k = end;
                continue;
            }
            const auto y = static_cast<std::int64_t>(p.payload & 1);
            const double a = static_cast<double>(y), b = 1.0 - a;
            const double slope = (s.i * b + a * s.u) / (s.u * (s.u + b));
            value += static_cast<double>(error_of(p.key)) * slope;
            run[k++].key = std::bit_cast<bits>(static_cast<T>(slope));
            true_before += y;
            false_before += 1 - y;
        }
        sums_.pass(static_cast<double>(true_before), static_cast<double>(false_before));
        value_ = value;
    }

    static std::int64_t count_true(const pixel* run, std::size_t n) {
        std::int64_t count = 0;
        for (std::size_t k = 0; k < n; ++k)
            count += static_cast<std::int64_t>(run[k].payload & 1);
        return count;
    }

    /// A group whose targets are 0 or 1; what it adds to the value.
    static double walk_group(pixel* run, std::size_t n, const sums& before) {
        const double error = static_cast<double>(error_of(run[0].key));
        const double a = static_cast<double>(count_true(run, n)), b = static_cast<double>(n) - a;
        const double slope = before.slope(a, b);
        for (std::size_t k = 0; k < n; ++k)
            run[k].key = std::bit_cast<bits>(static_cast<T>(slope));
        return error * (slope * (a + b));
    }

    void walk_general(pixel* run, std::size_t n) {
        for (std::size_t k = 0; k < n;) {
            const std::size_t end = end_of_group(run, k, n);
            const double error = static_cast<double>(error_of(run[k].key));
            double a = 0, b = 0;
            for (std::size_t j = k; j < end; ++j) {
                const weighted& w = weighted_[run[j].payload >> 1];
                a += static_cast<double>(w.m) * static_cast<double>(w.y);
                b += static_cast<double>(w.m) * (1.0 - static_cast<double>(w.y));
            }
            const double slope = sums_.slope(a, b);
            value_ += error * (slope * (a + b));
            for (; k < end; ++k) {
                const weighted& w = weighted_[run[k].payload >> 1];
                run[k].key = std::bit_cast<bits>(static_cast<T>(slope * static_cast<double>(w.m)) * w.slope);
            }
            sums_.pass(a, b);
        }
    }

    std::size_t most_;
    workspace& memory_;
    pixel* pixels_ = nullptr;
    std::uint32_t* counts_ = nullptr;
    weighted* weighted_ = nullptr;
    std::size_t kept_ = 0;
    double value_ = 0;
    sums sums_{};
    state state_{};
};

} // namespace xloss::engine

#endif
