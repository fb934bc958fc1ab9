#ifndef XLOSS_ENGINE_RADIX_SORT_HPP
#define XLOSS_ENGINE_RADIX_SORT_HPP

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace xloss::engine {

/// A key with what belongs to it.
template <class Bits>
struct alignas(2 * sizeof(Bits)) keyed {
    Bits key, payload;

    friend bool operator==(const keyed&, const keyed&) = default;
};

/// Sorts by key, rising; of equal keys those with the lower payload first, if they came in that order.
/// Allocates nothing.
template <class Bits>
class radix_sort {
public:
    // The counters of a digit stay in the first-level cache.
    static constexpr int widest_digit = 11;
    static constexpr std::size_t bins = std::size_t{1} << widest_digit;
    static constexpr int most_digits = (8 * static_cast<int>(sizeof(Bits)) + widest_digit - 1) / widest_digit;
    /// How many counters are needed.
    static constexpr std::size_t counters = bins * static_cast<std::size_t>(most_digits);
    // Below that, clearing and adding up counters takes longer than comparisons.
    static constexpr std::size_t few = 256;

    explicit radix_sort(std::uint32_t* counts) : counts_(counts) {}

    /// Sorts n items whose keys are in [low, high]; `other` is room for n more. Returns where they are now:
    /// `items` or `other`.
    keyed<Bits>* operator()(keyed<Bits>* items, keyed<Bits>* other, std::size_t n, Bits low, Bits high) {
        if (n < few) {
            std::sort(items, items + n, [](const keyed<Bits>& a, const keyed<Bits>& b) {
                return a.key != b.key ? a.key < b.key : a.payload < b.payload;
            });
            return items;
        }
        const int width = static_cast<int>(std::bit_width(static_cast<Bits>(high - low)));
        const int digits = (width + widest_digit - 1) / widest_digit;
        if (digits == 0)
            return items;
        const int digit = (width + digits - 1) / digits;
        count(items, n, low, digits, digit);
        for (int d = 0; d < digits; ++d) {
            std::uint32_t* counts = counts_ + static_cast<std::size_t>(d) * bins;
            if (!add_up(counts, n, digit))
                continue;
            move(items, other, n, low, counts, d * digit, digit);
            std::swap(items, other);
        }
        return items;
    }

private:
    static std::size_t bin(Bits key, Bits low, int shift, int digit) {
        return static_cast<std::size_t>((static_cast<Bits>(key - low) >> shift) & ((Bits{1} << digit) - 1));
    }

    void count(const keyed<Bits>* items, std::size_t n, Bits low, int digits, int digit) {
        std::fill_n(counts_, static_cast<std::size_t>(digits) * bins, 0U);
        for (std::size_t i = 0; i < n; ++i)
            for (int d = 0; d < digits; ++d)
                ++counts_[static_cast<std::size_t>(d) * bins + bin(items[i].key, low, d * digit, digit)];
    }

    /// Turns counts into where each bin starts; false if all items are in one bin.
    static bool add_up(std::uint32_t* counts, std::size_t n, int digit) {
        std::uint32_t sum = 0;
        for (std::size_t k = 0; k < (std::size_t{1} << digit); ++k) {
            const std::uint32_t count = counts[k];
            if (count == n)
                return false;
            counts[k] = sum;
            sum += count;
        }
        return true;
    }

    static void move(const keyed<Bits>* items, keyed<Bits>* to, std::size_t n, Bits low,
                     std::uint32_t* starts, int shift, int digit) {
        for (std::size_t i = 0; i < n; ++i)
            to[starts[bin(items[i].key, low, shift, digit)]++] = items[i];
    }

    std::uint32_t* counts_;
};

} // namespace xloss::engine

#endif
