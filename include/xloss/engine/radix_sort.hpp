#ifndef XLOSS_ENGINE_RADIX_SORT_HPP
#define XLOSS_ENGINE_RADIX_SORT_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace xloss::engine {

/// A key with what belongs to it.
template <class Bits>
struct alignas(2 * sizeof(Bits)) keyed {
    Bits key, payload;
};

/// Sorts by key, rising, and hands the items over in runs that are still in the cache.
///
/// Many items are first parted by the highest digit of their keys, again and again until a part fits into the
/// second-level cache; a part is sorted from its lowest digit on. Allocates nothing.
template <class Bits>
class radix_sort {
public:
    using item = keyed<Bits>;

    static constexpr int widest_digit = 10;
    /// 32-bit counters of one digit.
    static constexpr std::size_t counters = std::size_t{1} << widest_digit;

    /// `counts`: room for `counters`.
    explicit radix_sort(std::uint32_t* counts) : counts_(counts) {}

    /// Sorts n < 2^32 items whose keys are in [low, high]; `other` is room for n more. Calls each(run, size)
    /// for the items in rising order of their keys, equal ones in that in which they came; equal keys are
    /// never in two runs. What is in `items` and `other` at the places of a run and before is free from then
    /// on.
    template <class Each>
    void operator()(item* items, item* other, std::size_t n, Bits low, Bits high, Each&& each) const {
        if (n > 0)
            sort(items, other, n, low, static_cast<int>(std::bit_width(static_cast<Bits>(high - low))), each);
    }

private:
    // As many places to write to as the first level of the address cache holds: with 256 parts a pass takes
    // more than twice as long as with 128.
    static constexpr int widest_part = 7;
    static constexpr std::size_t most_parts = std::size_t{1} << widest_part;
    // 32 KB of float and as much beside it.
    static constexpr std::size_t whole = 4096, usual_part = 2048;
    // Below that, clearing and adding up counters takes longer than comparisons.
    static constexpr std::size_t few = 32;

    static std::size_t digit_of(const item& i, Bits low, int shift, std::size_t mask) {
        return static_cast<std::size_t>(static_cast<Bits>(i.key - low) >> shift) & mask;
    }

    /// The keys differ in the lowest `width` bits of what they are above `low`.
    template <class Each>
    void sort(item* items, item* other, std::size_t n, Bits low, int width, Each& each) const {
        if (n <= few)
            each(insert(items, n), n);
        else if (n <= whole)
            each(sort_whole(items, other, n, low, width), n);
        else if (width == 0)
            each(items, n);
        else
            part(items, other, n, low, width, each);
    }

    template <class Each>
    void part(item* items, item* other, std::size_t n, Bits low, int width, Each& each) const {
        const int digit = std::min({width, widest_part, static_cast<int>(std::bit_width(n / usual_part))});
        const int rest = width - digit;
        const std::size_t parts = std::size_t{1} << digit;
        std::array<std::uint32_t, most_parts> ends{};
        count(items, n, low, rest, parts, ends.data());
        if (!add_up(ends.data(), parts, n))
            return sort(items, other, n, low, rest, each);
        move(items, other, n, low, rest, parts, ends.data());
        std::size_t first = 0;
        for (std::size_t k = 0; k < parts; first = ends[k++])
            if (ends[k] > first)
                sort(other + first, items + first, ends[k] - first, low, rest, each);
    }

    /// Digit by digit from the lowest.
    item* sort_whole(item* items, item* other, std::size_t n, Bits low, int width) const {
        const int widest = n < 512 ? 7 : widest_digit;
        const int digits = (width + widest - 1) / widest;
        for (int d = 0, low_bit = 0; d < digits; ++d) {
            const int digit = (width - low_bit) / (digits - d);
            const std::size_t bins = std::size_t{1} << digit;
            std::fill_n(counts_, bins, 0U);
            count(items, n, low, low_bit, bins, counts_);
            if (add_up(counts_, bins, n)) {
                move(items, other, n, low, low_bit, bins, counts_);
                std::swap(items, other);
            }
            low_bit += digit;
        }
        return items;
    }

    static item* insert(item* items, std::size_t n) {
        for (std::size_t i = 1; i < n; ++i) {
            const item moved = items[i];
            std::size_t to = i;
            for (; to > 0 && items[to - 1].key > moved.key; --to)
                items[to] = items[to - 1];
            items[to] = moved;
        }
        return items;
    }

    static void count(const item* items, std::size_t n, Bits low, int shift, std::size_t bins,
                      std::uint32_t* counts) {
        for (std::size_t i = 0; i < n; ++i)
            ++counts[digit_of(items[i], low, shift, bins - 1)];
    }

    /// Turns counts into where each bin starts; false if all items are in one.
    static bool add_up(std::uint32_t* counts, std::size_t bins, std::size_t n) {
        std::uint32_t sum = 0;
        bool several = true;
        for (std::size_t k = 0; k < bins; ++k) {
            const std::uint32_t count = counts[k];
            several = several && count != n;
            counts[k] = sum;
            sum += count;
        }
        return several;
    }

    static void move(const item* items, item* to, std::size_t n, Bits low, int shift, std::size_t bins,
                     std::uint32_t* places) {
        for (std::size_t i = 0; i < n; ++i)
            to[places[digit_of(items[i], low, shift, bins - 1)]++] = items[i];
    }

    std::uint32_t* counts_;
};

} // namespace xloss::engine

#endif
