#ifndef XLOSS_ENGINE_SELECT_HPP
#define XLOSS_ENGINE_SELECT_HPP

#include <xloss/engine/executor.hpp>
#include <xloss/engine/workspace.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>

namespace xloss {

namespace engine {

/// A key as an unsigned number of the same order: -0 is 0, NaN is above all.
template <class T>
constexpr auto ordered_bits(T key) {
    using bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    constexpr bits sign = bits{1} << (std::numeric_limits<bits>::digits - 1);
    const bits b = std::bit_cast<bits>(key + T(0)); // -0 + 0 is 0
    // No branches, so that a loop over keys becomes vectors.
    const bits negative = bits{0} - (b >> (std::numeric_limits<bits>::digits - 1));
    const bits ordered = b ^ (negative | sign);
    return key == key ? ordered : std::numeric_limits<bits>::max();
}

} // namespace engine

/// What a selection compares the elements of a call by.
enum class selection_key {
    loss,       ///< m w l, the loss with its weights
    confidence, ///< minus the probability p_t of the target: p y + (1 - p)(1 - y), or sum_c y_c p_c
};

/// What a selection chooses from: one key for every element of a call, an element being a pixel in binary and
/// multiclass and a pixel of one class in multilabel and one_vs_rest, in row-major order.
///
/// A selection turns the keys into 1 where an element is kept and 0 where it is not, by `keep_largest`,
/// `keep_above`, or by writing to `keys`. What is absent (ignored, weight 0) has the key -infinity and stays
/// absent whatever is written. NaN counts as the largest key, so that it is kept and comes through.
template <class T>
class candidates {
public:
    /// Refers to all that is given; the engine makes it. `valid`: keys of elements that are there.
    candidates(std::span<T> keys, std::size_t valid, std::size_t samples, const executor_ref& executor,
               workspace& memory)
        : keys_(keys), valid_(valid), samples_(samples), executor_(executor), memory_(memory) {}

    /// The keys.
    [[nodiscard]] std::span<T> keys() const { return keys_; }
    /// Elements that are there; at least one.
    [[nodiscard]] std::size_t valid() const { return valid_; }
    /// Samples of the call.
    [[nodiscard]] std::size_t samples() const { return samples_; }

    /// The key that n others precede in falling order, n < keys().size(). Exact, in linear time, nothing is
    /// moved.
    [[nodiscard]] T nth_largest(std::size_t n) const {
        const bits b = find(n).key;
        constexpr bits sign = bits{1} << (digits - 1);
        return std::bit_cast<T>(b & sign ? b ^ sign : static_cast<bits>(~b));
    }

    /// Keeps the `count` largest; of equal ones those with the lowest index.
    void keep_largest(std::size_t count) const {
        if (count == 0 || count >= keys_.size())
            return std::fill(keys_.begin(), keys_.end(), count == 0 ? T(0) : T(1));
        const found last = find(count - 1);
        const std::size_t end = end_of_ties(last);
        write(0, end, [least = last.key](T key) { return engine::ordered_bits(key) >= least; });
        write(end, keys_.size(), [least = last.key](T key) { return engine::ordered_bits(key) > least; });
    }

    /// Keeps what is above `bound`, and NaN.
    void keep_above(T bound) const {
        write(0, keys_.size(), [=](T key) { return !(key <= bound); });
    }

private:
    using bits = decltype(engine::ordered_bits(T{}));
    static constexpr int digits = std::numeric_limits<bits>::digits;
    // 2048 counters of a digit stay in the first-level cache; a key of 32 bits is three digits.
    static constexpr int digit = 11;
    static constexpr std::size_t bins = std::size_t{1} << digit;
    // So many keys that clearing and adding up the counters does not show.
    static constexpr std::size_t keys_per_piece = std::size_t{1} << 16;

    /// A key, how many equal ones stand before the one that was asked for, and how many there are.
    struct found {
        bits key = 0;
        std::size_t before = 0, equal = 0;
    };

    /// Calls f(first, end, slot) for pieces of the keys, then merge(first, slot) in order.
    template <class F, class Merge>
    void each_piece(F&& f, Merge&& merge) const {
        engine::for_pieces(
            executor_, {pieces(), keys_per_piece},
            [&](std::size_t piece, std::size_t slot) {
                const std::size_t first = piece * keys_per_piece;
                f(first, std::min(keys_.size(), first + keys_per_piece), slot);
            },
            [&](std::size_t piece, std::size_t slot) { merge(piece * keys_per_piece, slot); });
    }

    [[nodiscard]] std::size_t pieces() const { return (keys_.size() + keys_per_piece - 1) / keys_per_piece; }

    /// Turns the keys [first, end) into what `kept` says of them.
    template <class Kept>
    void write(std::size_t first, std::size_t end, Kept&& kept) const {
        T* keys = keys_.data();
        each_piece(
            [=](std::size_t from, std::size_t to, std::size_t) {
                for (std::size_t i = std::max(first, from); i < std::min(end, to); ++i)
                    keys[i] = kept(keys[i]) ? T(1) : T(0);
            },
            [](std::size_t, std::size_t) {});
    }

    /// Digit by digit from the highest: counts the keys that agree with what is known by their next digit.
    [[nodiscard]] found find(std::size_t n) const {
        found f{0, n, keys_.size()};
        bits known = 0; // the digits of the key that are
        for (int low = digits, width = 0; low > 0;) {
            width = std::min(digit, low);
            low -= width;
            const std::array<std::size_t, bins> counts = count(f.key, known, low, width);
            std::size_t bin = (std::size_t{1} << width) - 1;
            for (; f.before >= counts[bin]; --bin)
                f.before -= counts[bin];
            f.equal = counts[bin];
            f.key |= static_cast<bits>(bin) << low;
            known |= static_cast<bits>((bits{1} << width) - 1) << low;
        }
        return f;
    }

    [[nodiscard]] std::array<std::size_t, bins> count(bits key, bits known, int low, int width) const {
        std::array<std::size_t, bins> total{};
        std::uint32_t* counts = memory_.template get<std::uint32_t>(
            engine::scratch::histograms, engine::slots(executor_, pieces()) * bins);
        const bits mask = static_cast<bits>((bits{1} << width) - 1);
        each_piece(
            [&](std::size_t first, std::size_t end, std::size_t slot) {
                std::uint32_t* own = counts + slot * bins;
                std::fill_n(own, bins, 0U);
                for (std::size_t i = first; i < end; ++i) {
                    const bits b = engine::ordered_bits(keys_[i]);
                    if ((b & known) == key)
                        ++own[(b >> low) & mask];
                }
            },
            [&](std::size_t, std::size_t slot) {
                for (std::size_t k = 0; k < bins; ++k)
                    total[k] += counts[slot * bins + k];
            });
        return total;
    }

    /// Where the equal keys that are kept end.
    [[nodiscard]] std::size_t end_of_ties(const found& last) const {
        if (last.before + 1 == last.equal)
            return keys_.size();
        const auto equal = [key = last.key](T other) { return engine::ordered_bits(other) == key; };
        std::array<std::size_t, engine::pieces_in_flight> counts{};
        std::size_t left = last.before + 1, result = keys_.size();
        each_piece(
            [&](std::size_t first, std::size_t end, std::size_t slot) {
                bits count = 0;
                for (std::size_t i = first; i < end; ++i)
                    count += equal(keys_[i]) ? 1U : 0U;
                counts[slot] = static_cast<std::size_t>(count);
            },
            [&](std::size_t first, std::size_t slot) {
                if (left > counts[slot]) {
                    left -= counts[slot];
                    return;
                }
                for (; left > 0; ++first)
                    if (equal(keys_[first]) && --left == 0)
                        result = first + 1;
            });
        return result;
    }

    std::span<T> keys_;
    std::size_t valid_, samples_;
    const executor_ref& executor_;
    workspace& memory_;
};

} // namespace xloss

#endif
