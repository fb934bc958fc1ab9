#ifndef XLOSS_ENGINE_RANKING_HPP
#define XLOSS_ENGINE_RANKING_HPP

#include <xloss/config.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/engine/radix_sort.hpp>
#include <xloss/engine/ranked_errors.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/simd/number.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
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
/// **Threads.** A large region is collected, sorted and walked in pieces by the executor, and its slopes are
/// called for from several threads; with soft targets or other weights than 0 and 1, whose sums are rounded,
/// all on the calling thread.
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
//    their slopes to their pixels for 6, for 1 to 2 where the memory is fetched ahead.
//  - Parting by 8 bits or more: one pass of 3 becomes one of 7. Sorting a part by one digit and insertion: 1
//    to 4 more than by two digits. Digits of 8 bits instead of up to 11: 6 more where errors have many
//    magnitudes.
//  - Not at all, since their derivative is 0: pixels after the last true one; of fresh softmax 94 %.
template <class T>
class jaccard_ranking {
    using errors = ranked_errors<T>;

public:
    /// Regions of so many pixels are shared by threads.
    static constexpr std::size_t least_shared = std::size_t{1} << 16;

    /// Room for regions of up to `most_pixels` pixels, with numbers below that; one such object of a
    /// workspace at a time.
    ///
    /// @throws shape_error for 2^31 pixels or more: their numbers have 31 bits.
    jaccard_ranking(std::size_t most_pixels, const executor_ref& executor, workspace& memory)
        : most_(most_pixels), executor_(executor), memory_(memory) {
        constexpr std::size_t limit = std::numeric_limits<std::int32_t>::max();
        if (most_pixels > limit)
            tensor::raise<shape_error>(
                {"jaccard_ranking: a region of ", most_pixels, " pixels, at most ", limit, " can be ranked"});
        const std::size_t segments = segments_of(most_pixels);
        room_ = most_pixels + segments; // each writes one more than it keeps
        pixels_ = memory.template get<pixel>(scratch::ranked_pixels, 2 * room_);
        segments_ = memory.template get<errors>(scratch::ranked_segments, segments);
        counts_ = memory.template get<std::uint64_t>(scratch::ranked_counts, segments * radix::most_parts);
        clear();
    }

    /// Starts a new region.
    void clear() {
        used_ = 1;
        segments_[0].start(pixels_);
        general_ = ranked_ = false;
        value_ = 0;
    }

    /// Adds n pixels with the numbers `first`, `first` + 1, ...: their errors, the slopes of these by
    /// whatever the caller likes, targets y in [0, 1] and weights m >= 0, or nullptr where all are 1. The
    /// slope of a pixel with y = 1 is -1, with y = 0 it is 1: of these it may go unread. Every number once;
    /// not after `value` or `each_slope`.
    void add(const T* error, const T* slope, const T* y, const T* m, std::size_t n, std::size_t first) {
        for (std::size_t i = 0; i < n; i += errors::block) {
            const T* weights = m == nullptr ? nullptr : m + i;
            const std::size_t count = std::min(errors::block, n - i);
            if (general_ || !segments_[0].add_plain(error + i, y + i, weights, count, first + i))
                add_general(error + i, slope + i, y + i, weights, count, first + i);
        }
    }

    /// Starts a new region of the pixels [0, n) and adds them all: `add_range(to, first, last)` adds those in
    /// [first, last) by to.add(...), as above; through the executor, and perhaps once more.
    template <class F>
    void collect(std::size_t n, F&& add_range) {
        clear();
        const std::size_t count = was_general_ ? 1 : segments_of(n);
        if (count > 1 && collect_segments(n, count, add_range))
            return;
        clear();
        add_range(*this, std::size_t{0}, n);
    }

    /// The sum of relu(e) dJ.
    [[nodiscard]] double value() {
        if (!ranked_)
            rank(run_sink([this](const pixel* run, std::size_t n, std::size_t place) {
                if (run != pixels_ + place)
                    std::copy_n(run, n, pixels_ + place);
            }));
        return value_;
    }

    /// Calls f(number, derivative times the slope of the error) for pixels with a positive error, each at
    /// most once, in the order that suits, by any thread of the executor; the derivative of all others is 0.
    /// Once for a region; before `value` it is faster than after. f.ahead(number), where there is one, is
    /// called some pixels before, so that the memory is fetched.
    template <class F>
    void each_slope(F&& f) {
        const auto call = [&](const pixel* run, std::size_t n, std::size_t) {
            // What is not general has its y in the lowest bit of the payload: the sign.
            const int shift = general_ ? 0 : std::numeric_limits<bits>::digits - 1;
            const bits sign = general_ ? 0 : 1;
            for (std::size_t i = 0; i < n; ++i) {
                if constexpr (requires { f.ahead(i); })
                    f.ahead(static_cast<std::size_t>(run[std::min(n - 1, i + looks_ahead)].payload >> 1));
                f(static_cast<std::size_t>(run[i].payload >> 1),
                  std::bit_cast<T>(static_cast<bits>(run[i].key ^ ((run[i].payload & sign) << shift))));
            }
        };
        if (ranked_)
            call(pixels_, kept_, 0);
        else
            rank(run_sink(call));
    }

    /// G, the sum of m y.
    [[nodiscard]] double target() const { return facts().target + facts().soft_target; }
    /// The sum of m.
    [[nodiscard]] double weight() const { return facts().weight + facts().soft_weight; }

private:
    using bits = typename errors::bits;
    using pixel = typename errors::pixel; // ranked, the key gives its place to the slope
    using radix = radix_sort<bits>;

    /// What a pixel has that is not plain.
    struct weighted {
        T m, y, slope;
    };

    // Pixels come strewn: of 17 ns for each the walk and the writes waited for 5. No difference from 16
    // to 64.
    static constexpr std::size_t looks_ahead = 32;
    // So many pixels that collecting them takes longer than waking a thread.
    static constexpr std::size_t least_segment = std::size_t{1} << 14;

    [[nodiscard]] std::size_t segments_of(std::size_t n) const {
        return n < least_shared ? 1 : slots(executor_, n / least_segment);
    }

    [[nodiscard]] typename errors::known& facts() { return segments_[0].facts(); }
    [[nodiscard]] const typename errors::known& facts() const { return segments_[0].facts(); }

    /// Segments of plain pixels; false if some are not.
    template <class F>
    bool collect_segments(std::size_t n, std::size_t count, F& add_range) {
        const std::size_t step = (n + count - 1) / count;
        executor_.run(heavy_work(count, step), [&](std::size_t s) {
            segments_[s].start(pixels_ + s * (step + 1));
            add_range(segments_[s], std::min(n, s * step), std::min(n, (s + 1) * step));
        });
        was_general_ =
            !std::all_of(segments_, segments_ + count, [](const errors& s) { return s.is_plain(); });
        for (std::size_t s = 1; s < count; ++s)
            facts().merge(segments_[s].facts());
        used_ = count;
        return !was_general_;
    }

    void add_general(const T* error, const T* slope, const T* y, const T* m, std::size_t n,
                     std::size_t first) {
        if (!general_)
            start_general();
        typename errors::known& known = facts();
        for (std::size_t i = 0; i < n; ++i) {
            const T w = m == nullptr ? T(1) : m[i];
            if (w == T(0))
                continue;
            // Pixels that are plain are counted as such, or the way in which the pixels are cut into blocks
            // would show.
            const bool plain = w == T(1) && (y[i] == T(0) || y[i] == T(1));
            (plain ? known.weight : known.soft_weight) += static_cast<double>(w);
            (plain ? known.target : known.soft_target) += static_cast<double>(w) * static_cast<double>(y[i]);
            if (error[i] <= T(0))
                continue;
            weighted_[first + i] = {w, y[i], slope[i]};
            segments_[0].keep(error[i], y[i], first + i);
        }
    }

    /// The pixels so far were plain.
    void start_general() {
        general_ = was_general_ = true;
        weighted_ = memory_.template get<weighted>(scratch::ranked_weights, most_);
        for (std::size_t i = 0; i < segments_[0].size(); ++i) {
            const bits payload = pixels_[i].payload;
            const bool y = (payload & 1) != 0;
            weighted_[payload >> 1] = {T(1), y ? T(1) : T(0), y ? T(-1) : T(1)};
        }
    }

    /// What gets the order, run by run. A run is long enough for a call, and sorting is compiled once.
    class run_sink {
    public:
        template <class F>
        explicit run_sink(const F& f)
            : f_(&f), call_([](const void* to, const pixel* run, std::size_t n, std::size_t place) {
                  (*static_cast<const F*>(to))(run, n, place);
              }) {}

        void operator()(const pixel* run, std::size_t n, std::size_t place) const {
            call_(f_, run, n, place);
        }

    private:
        const void* f_;
        void (*call_)(const void*, const pixel*, std::size_t, std::size_t);
    };

    /// Sorts and takes the value, once. `sink` gets, run by run, pixels whose keys have become slopes, and
    /// the number of those before them in the order.
    void rank(const run_sink& sink) {
        ranked_ = true;
        const double g = target();
        if (facts().nan || g != g || weight() != weight())
            return all_nan(sink);
        const T last = last_error(g);
        const radix_parting<bits> parting(errors::key_of(facts().highest), errors::key_of(last));
        executor_.run(heavy_work(used_, least_segment), [&](std::size_t s) {
            const std::size_t n = parting.count(segments_[s].pixels(), segments_[s].size(), counts_of(s),
                                                last > facts().lowest);
            segments_[s].resize(n);
        });
        kept_ = 0;
        for (std::size_t s = 0; s < used_; ++s)
            kept_ += segments_[s].size();
        if (kept_ == 0)
            return;
        if (!parting.has_parts(kept_)) {
            gather();
            walker w{{g, g}};
            walk_sorted({pixels_, pixels_ + room_, kept_, 0}, parting.low(), parting.width(), w, sink);
            value_ = w.value;
        } else {
            rank_parts(parting, g, sink);
        }
    }

    void all_nan(const run_sink& sink) {
        value_ = std::numeric_limits<double>::quiet_NaN();
        gather();
        for (std::size_t i = 0; i < kept_; ++i)
            pixels_[i].key = std::bit_cast<bits>(std::numeric_limits<T>::quiet_NaN());
        sink(pixels_, kept_, 0);
    }

    /// Moves the segments next to each other.
    void gather() {
        kept_ = segments_[0].size();
        for (std::size_t s = 1; s < used_; ++s) {
            const errors& from = segments_[s];
            std::copy_n(from.pixels(), from.size(), pixels_ + kept_);
            kept_ += from.size();
        }
    }

    [[nodiscard]] std::uint64_t* counts_of(std::size_t segment) const {
        return counts_ + segment * radix::most_parts;
    }

    /// The last error whose slope is not 0. Without a true pixel only the largest errors count. After the
    /// last true pixel I is 0, and so is what follows: of fresh logits nearly all pixels.
    [[nodiscard]] T last_error(double g) const {
        if (g == 0)
            return facts().highest;
        return !general_ && facts().ranked_target == facts().target ? facts().lowest_true : facts().lowest;
    }

    /// Part by part, each of which knows what is before it.
    void rank_parts(const radix_parting<bits>& parting, double g, const run_sink& sink) {
        std::array<radix_part, radix::most_parts> parts;
        const int width = parting.place(counts_, used_, kept_, parts.data());
        pixel* to = pixels_ + room_;
        executor_.run(heavy_work(used_, least_segment), [&](std::size_t s) {
            parting.move(segments_[s].pixels(), segments_[s].size(), to, counts_of(s), width);
        });
        std::array<double, radix::most_parts> values{};
        walker soft{{g, g}}; // passes from part to part
        auto one = [&](std::size_t k) {
            const radix_part& p = parts[k];
            if (p.size == 0)
                return;
            const double before = static_cast<double>(p.true_before);
            walker own{{g - before, g + (static_cast<double>(p.first) - before)}};
            walk_sorted({to + p.first, pixels_ + p.first, p.size, p.first}, parting.low(),
                        parting.width() - width, general_ ? soft : own, sink);
            values[k] = own.value;
        };
        const std::size_t count = std::size_t{1} << width;
        (general_ ? executor_ref() : executor_).run(heavy_work(count, kept_ / count + 1), one);
        value_ = soft.value;
        for (std::size_t k = 0; k < count; ++k)
            value_ += values[k];
    }

    /// Pixels with room beside them, and how many are before them in the order.
    struct unsorted {
        pixel* items;
        pixel* other;
        std::size_t size, place;
    };

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

    /// Goes through the order.
    struct walker {
        sums at;
        double value = 0;
    };

    void walk_sorted(const unsorted& u, bits low, int width, walker& w, const run_sink& sink) {
        std::array<std::uint32_t, radix::counters> counts;
        std::size_t place = u.place;
        const auto walk = [&](pixel* run, std::size_t n) {
            if (general_)
                walk_general(run, n, w);
            else if (w.at.u == 0)
                w.value = walk_group(run, n, w.at);
            else
                walk_plain(run, n, w);
            sink(run, n, place);
            place += n;
        };
        radix(counts.data()).sort(u.items, u.other, u.size, low, width, walk);
    }

    [[nodiscard]] static std::size_t end_of_group(const pixel* run, std::size_t first, std::size_t n) {
        std::size_t end = first + 1;
        while (end < n && run[end].key == run[first].key)
            ++end;
        return end;
    }

    /// Groups are mostly of one pixel. The target, which follows no pattern, enters without a branch, and the
    /// counts are integers: as double, i and the value become one vector for g++, and then i waits for the
    /// division.
    static void walk_plain(pixel* run, std::size_t n, walker& w) {
        std::int64_t true_before = 0, false_before = 0;
        double value = w.value;
        for (std::size_t k = 0; k < n;) {
            const sums s{w.at.i - static_cast<double>(true_before),
                         w.at.u + static_cast<double>(false_before)};
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
            value += static_cast<double>(errors::error_of(p.key)) * slope;
            run[k++].key = std::bit_cast<bits>(static_cast<T>(slope));
            true_before += y;
            false_before += 1 - y;
        }
        w.at.pass(static_cast<double>(true_before), static_cast<double>(false_before));
        w.value = value;
    }

    static std::int64_t count_true(const pixel* run, std::size_t n) {
        std::int64_t count = 0;
        for (std::size_t k = 0; k < n; ++k)
            count += static_cast<std::int64_t>(run[k].payload & 1);
        return count;
    }

    /// A group whose targets are 0 or 1; what it adds to the value.
    static double walk_group(pixel* run, std::size_t n, const sums& before) {
        const double error = static_cast<double>(errors::error_of(run[0].key));
        const double a = static_cast<double>(count_true(run, n)), b = static_cast<double>(n) - a;
        const double slope = before.slope(a, b);
        for (std::size_t k = 0; k < n; ++k)
            run[k].key = std::bit_cast<bits>(static_cast<T>(slope));
        return error * (slope * (a + b));
    }

    void walk_general(pixel* run, std::size_t n, walker& to) const {
        for (std::size_t k = 0; k < n;) {
            const std::size_t end = end_of_group(run, k, n);
            const double error = static_cast<double>(errors::error_of(run[k].key));
            double a = 0, b = 0;
            for (std::size_t j = k; j < end; ++j) {
                const weighted& w = weighted_[run[j].payload >> 1];
                a += static_cast<double>(w.m) * static_cast<double>(w.y);
                b += static_cast<double>(w.m) * (1.0 - static_cast<double>(w.y));
            }
            const double slope = to.at.slope(a, b);
            to.value += error * (slope * (a + b));
            for (; k < end; ++k) {
                const weighted& w = weighted_[run[k].payload >> 1];
                run[k].key = std::bit_cast<bits>(static_cast<T>(slope * static_cast<double>(w.m)) * w.slope);
            }
            to.at.pass(a, b);
        }
    }

    std::size_t most_, room_ = 0;
    executor_ref executor_;
    workspace& memory_;
    pixel* pixels_ = nullptr;
    errors* segments_ = nullptr;
    std::uint64_t* counts_ = nullptr;
    weighted* weighted_ = nullptr;
    std::size_t used_ = 1; // segments
    std::size_t kept_ = 0; // pixels, once ranked
    double value_ = 0;
    bool general_ = false;     // a weight or target other than 0 and 1
    bool was_general_ = false; // in any region so far
    bool ranked_ = false;
};

} // namespace xloss::engine

#endif
