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

    static constexpr int widest_digit = 11;
    /// 32-bit counters of two digits.
    static constexpr std::size_t counters = std::size_t{2} << widest_digit;

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

    /// `width` bits of what a key is above `low`.
    struct digit {
        Bits low;
        int shift, width;

        [[nodiscard]] std::size_t bins() const { return std::size_t{1} << width; }
        [[nodiscard]] std::size_t of(const item& i) const {
            return static_cast<std::size_t>(static_cast<Bits>(i.key - low) >> shift) & (bins() - 1);
        }
    };

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
        const int parting = std::min({width, widest_part, static_cast<int>(std::bit_width(n / usual_part))});
        const int rest = width - parting;
        const digit highest{low, rest, parting};
        std::array<std::uint32_t, most_parts> ends{};
        for (std::size_t i = 0; i < n; ++i)
            ++ends[highest.of(items[i])];
        if (!add_up(ends.data(), highest.bins(), n))
            return sort(items, other, n, low, rest, each);
        move(items, other, n, highest, ends.data());
        std::size_t first = 0;
        for (std::size_t k = 0; k < highest.bins(); first = ends[k++])
            if (ends[k] > first)
                sort(other + first, items + first, ends[k] - first, low, rest, each);
    }

    /// Digit by digit from the lowest; two digits are counted at a time.
    item* sort_whole(item* items, item* other, std::size_t n, Bits low, int width) const {
        const int widest = n < 512 ? 7 : widest_digit;
        const int pairs = (width + 2 * widest - 1) / (2 * widest);
        for (int p = 0, done = 0; p < pairs; ++p) {
            const int both = (width - done) / (pairs - p), first = both / 2;
            const digit lower{low, done, first}, upper{low, done + first, both - first};
            std::uint32_t* upper_counts = counts_ + lower.bins();
            std::fill_n(counts_, lower.bins() + upper.bins(), 0U);
            for (std::size_t i = 0; i < n; ++i) {
                ++counts_[lower.of(items[i])];
                ++upper_counts[upper.of(items[i])];
            }
            pass(items, other, n, lower, counts_);
            pass(items, other, n, upper, upper_counts);
            done += both;
        }
        return items;
    }

    static void pass(item*& items, item*& other, std::size_t n, digit d, std::uint32_t* counts) {
        if (!add_up(counts, d.bins(), n))
            return;
        move(items, other, n, d, counts);
        std::swap(items, other);
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

    static void move(const item* items, item* to, std::size_t n, digit d, std::uint32_t* places) {
        for (std::size_t i = 0; i < n; ++i) {
            const std::size_t bin = d.of(items[i]);
            to[places[bin]] = items[i];
            ++places[bin];
        }
    }

    std::uint32_t* counts_;
};

} // namespace xloss::engine

#endif
