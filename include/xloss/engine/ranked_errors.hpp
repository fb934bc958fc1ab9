#ifndef XLOSS_ENGINE_RANKED_ERRORS_HPP
#define XLOSS_ENGINE_RANKED_ERRORS_HPP

#include <xloss/config.hpp>
#include <xloss/engine/radix_sort.hpp>
#include <xloss/simd/number.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace xloss::engine {

/// The positive errors of some pixels of a region, with what has to be known of them before they are ranked.
template <class T>
class alignas(64) ranked_errors { // those of several threads share no cache line
public:
    using bits = simd::detail::bits_of<T>;
    /// The key falls with the error: sorted, the largest error is first. The payload is the number of the
    /// pixel, and in the lowest bit y, where that is 0 or 1.
    using pixel = keyed<bits>;

    /// What is known of the pixels so far.
    struct known {
        // Whole numbers, exact in whatever order they are added; the others one after the other.
        double weight = 0, target = 0, soft_weight = 0, soft_target = 0;
        double ranked_target = 0; // of plain pixels with positive errors
        T lowest = std::numeric_limits<T>::infinity(), lowest_true = lowest, highest = 0;
        bool nan = false; // an error that is there

        /// Adds what is known of other pixels, which are plain.
        void merge(const known& other) {
            weight += other.weight;
            target += other.target;
            ranked_target += other.ranked_target;
            lowest = std::min(lowest, other.lowest);
            lowest_true = std::min(lowest_true, other.lowest_true);
            highest = std::max(highest, other.highest);
            nan = nan || other.nan;
        }
    };

    // Counts in lanes of T are exact, and what is done twice because of one soft target is little.
    static constexpr std::size_t block = 1024;

    static bits key_of(T error) {
        return static_cast<bits>(std::bit_cast<bits>(T(-0.0)) - 1 - std::bit_cast<bits>(error));
    }
    static T error_of(bits key) {
        return std::bit_cast<T>(static_cast<bits>(std::bit_cast<bits>(T(-0.0)) - 1 - key));
    }

    /// Nothing yet, kept at `to`: one pixel more than is kept is written.
    void start(pixel* to) {
        pixels_ = to;
        kept_ = 0;
        known_ = {};
        is_plain_ = true;
    }

    /// Adds pixels, as those of a ranking, as long as they are plain.
    void add(const T* error, const T*, const T* y, const T* m, std::size_t n, std::size_t first) {
        for (std::size_t i = 0; i < n && is_plain_; i += block)
            is_plain_ = add_plain(error + i, y + i, m == nullptr ? nullptr : m + i, std::min(block, n - i),
                                  first + i);
    }

    /// Adds one, of which the rest has been noted.
    void keep(T error, T y, std::size_t number) {
        pixels_[kept_++] = {key_of(error), payload(number, y)};
        known_.nan = known_.nan || error != error;
        known_.highest = std::max(known_.highest, error);
        known_.lowest = std::min(known_.lowest, error);
    }

    [[nodiscard]] bool is_plain() const { return is_plain_; }
    [[nodiscard]] pixel* pixels() const { return pixels_; }
    [[nodiscard]] std::size_t size() const { return kept_; }
    void resize(std::size_t n) { kept_ = n; }
    [[nodiscard]] known& facts() { return known_; }
    [[nodiscard]] const known& facts() const { return known_; }

    /// Adds a block whose weights are 0 or 1, and targets too; false if they are not, and then nothing is
    /// done.
    bool add_plain(const T* error, const T* y, const T* m, std::size_t n, std::size_t first) {
        return m == nullptr ? add_plain<false>(error, y, m, n, first)
                            : add_plain<true>(error, y, m, n, first);
    }

private:
    using V = simd::number<T>;

    static XLOSS_INLINE V read(const T* from, std::size_t n, double fill) {
        return n < V::width ? V::load_partial(from, n, fill) : V::load(from);
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
        known_.weight += Weights ? static_cast<double>(sum(weight)) : static_cast<double>(n);
        known_.target += static_cast<double>(sum(target));
        known_.ranked_target += static_cast<double>(sum(ranked_target));
        for (std::size_t lane = 0; lane < V::width; ++lane) {
            known_.highest = std::max(known_.highest, highest[lane]);
            known_.lowest = std::min(known_.lowest, lowest[lane]);
            known_.lowest_true = std::min(known_.lowest_true, lowest_true[lane]);
        }
        known_.nan = known_.nan || any(nan);
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

    pixel* pixels_ = nullptr;
    std::size_t kept_ = 0;
    known known_{};
    bool is_plain_ = true;
};

} // namespace xloss::engine

#endif
