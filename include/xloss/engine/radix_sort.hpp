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

    // As many places to write to as the first level of the address cache holds: with 256 parts a pass takes
    // more than twice as long as with 128.
    static constexpr int widest_part = 7;
    static constexpr std::size_t most_parts = std::size_t{1} << widest_part;

    /// `width` bits of what a key is above `low`.
    struct digit {
        Bits low;
        int shift, width;

        [[nodiscard]] std::size_t bins() const { return std::size_t{1} << width; }
        [[nodiscard]] std::size_t of(const item& i) const {
            return static_cast<std::size_t>(static_cast<Bits>(i.key - low) >> shift) & (bins() - 1);
        }
    };

    /// Whether so many items are parted, before they are sorted part by part.
    static bool is_parted(std::size_t n, int width) { return n > whole && width > 0; }
    /// The width of the digit that n items are parted by.
    static int parting_width(std::size_t n, int width) {
        return std::min({width, widest_part, static_cast<int>(std::bit_width(n / usual_part))});
    }

    /// Sorts n < 2^32 items whose keys differ in the lowest `width` bits of what they are above `low`;
    /// `other` is room for n more. Calls each(run, size) for the items in rising order of their keys, equal
    /// ones in that in which they came; equal keys are never in two runs. What is in `items` and `other` at
    /// the places of a run and before is free from then on.
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

private:
    // 32 KB of float and as much beside it.
    static constexpr std::size_t whole = 4096, usual_part = 2048;
    // Below that, clearing and adding up counters takes longer than comparisons.
    static constexpr std::size_t few = 32;

    template <class Each>
    void part(item* items, item* other, std::size_t n, Bits low, int width, Each& each) const {
        const int parting = parting_width(n, width);
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

/// Items of a range of keys.
struct radix_part {
    std::size_t first, size;
    std::size_t true_before; // items whose payload is odd
};

/// The first step of a sort, for items that lie in several segments: these are counted, and moved, one by one
/// or at the same time. The result is as if they lay one after the other.
template <class Bits>
class radix_parting {
    using radix = radix_sort<Bits>;
    using item = keyed<Bits>;

public:
    /// Of keys up to `high`, of which none is below `low`.
    radix_parting(Bits low, Bits high)
        : low_(low), high_(high), width_(static_cast<int>(std::bit_width(static_cast<Bits>(high - low)))) {}

    [[nodiscard]] Bits low() const { return low_; }
    /// The keys differ in so many bits of what they are above `low`.
    [[nodiscard]] int width() const { return width_; }

    /// Whether n items are parted at all.
    [[nodiscard]] bool has_parts(std::size_t n) const { return radix::is_parted(n, width_); }

    /// Counts the n items of a segment, and those with an odd payload. If there may be keys above `high`,
    /// which `drops` says, their items are left out, and the others close up. Gives how many are left.
    std::size_t count(item* items, std::size_t n, std::uint64_t* counts, bool drops) const {
        std::fill_n(counts, radix::most_parts, std::uint64_t{0});
        const typename radix::digit d = digit(finest());
        if (!drops) {
            for (std::size_t i = 0; i < n; ++i)
                counts[d.of(items[i])] += once(items[i]);
            return n;
        }
        item* to = items;
        for (std::size_t i = 0; i < n; i += block) { // so that only what is left is counted, in the cache
            const item* const first = to;
            for (std::size_t j = i; j < std::min(n, i + block); ++j) { // without branches
                const item one = items[j];
                *to = one;
                to += one.key <= high_ ? 1 : 0;
            }
            for (const item* one = first; one != to; ++one)
                counts[d.of(*one)] += once(*one);
        }
        return static_cast<std::size_t>(to - items);
    }

    /// Turns the counts of all segments, of n items, into where each starts to write, and tells the parts,
    /// 2^w of them: gives w.
    int place(std::uint64_t* counts, std::size_t segments, std::size_t n, radix_part* parts) const {
        const int width = radix::parting_width(n, width_);
        const std::size_t joined = std::size_t{1} << (finest() - width);
        std::uint64_t before = 0;
        for (std::size_t k = 0; k < (std::size_t{1} << width); ++k) {
            const std::uint64_t first = before;
            for (std::size_t s = 0; s < segments; ++s) {
                std::uint64_t* own = counts + s * radix::most_parts;
                std::uint64_t sum = 0;
                for (std::size_t i = k * joined; i < (k + 1) * joined; ++i)
                    sum += own[i];
                own[k] = before & item_mask;
                before += sum;
            }
            parts[k] = {first & item_mask, (before & item_mask) - (first & item_mask), first >> 32};
        }
        return width;
    }

    /// Moves the n items of a segment to their parts, from `to` on.
    void move(const item* items, std::size_t n, item* to, std::uint64_t* places, int width) const {
        const typename radix::digit d = digit(width);
        std::uint64_t* const next = places;
        for (std::size_t i = 0; i < n; ++i)
            to[next[d.of(items[i])]++] = items[i];
    }

private:
    static constexpr std::uint64_t item_mask = 0xffffffff;
    static constexpr std::size_t block = 512;

    /// Both counts of an item in one.
    static std::uint64_t once(const item& i) { return 1 + (static_cast<std::uint64_t>(i.payload & 1) << 32); }

    /// The width of the digit that is counted by.
    [[nodiscard]] int finest() const { return std::min(width_, radix::widest_part); }
    [[nodiscard]] typename radix::digit digit(int width) const { return {low_, width_ - width, width}; }

    Bits low_, high_;
    int width_;
};

} // namespace xloss::engine

#endif
