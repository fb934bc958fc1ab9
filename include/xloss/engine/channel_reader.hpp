#ifndef XLOSS_ENGINE_CHANNEL_READER_HPP
#define XLOSS_ENGINE_CHANNEL_READER_HPP

#include <xloss/config.hpp>
#include <xloss/engine/activation.hpp>
#include <xloss/engine/channel_block.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/simd/flush.hpp>
#include <xloss/simd/math.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <type_traits>

namespace xloss::engine {

/// What the channelwise sweeps of every loss share: it reads the targets and scores of a block of pixels,
/// computes the softmax, and writes rows.
template <class T>
class channel_reader {
public:
    using V = simd::number<T>;
    using block = channel_block<T>;

    /// `keeps_logits`: blocks have rows for x - max of every class. Log p is asked for where p is next to 0;
    /// a logarithm of p would have lost what p has lost.
    channel_reader(const sweep_inputs<T>& in, bool keeps_logits)
        : in_(in), g_(in.y.geometry()), soft_(!in.y.is_label_map()),
          weights_per_class_(in.y.masked_per_class()), masked_(in.y.masked()),
          probabilities_(in.probabilities), keeps_logits_(keeps_logits) {}

    /// How pixels are cut into blocks, and those of a block laid out.
    [[nodiscard]] block_plan plan(bool has_distances = false) const {
        return {g_.classes, keeps_logits_, soft_, weights_per_class_, has_distances, sizeof(T)};
    }

    static std::size_t padded(std::size_t n) { return (n + V::width - 1) / V::width * V::width; }

    /// Calls f(j) for the first pixel j of every vector of a row.
    template <class F>
    static XLOSS_INLINE void each_vector(std::size_t n, F&& f) {
        for (std::size_t i = 0; i < n; i += V::width)
            f(i);
    }

    /// Calls f(c, number of classes from c on, a constant) for all classes, several at a time: they share
    /// what is read and written of a pixel.
    template <class F>
    XLOSS_INLINE void each_classes(F&& f) const {
        constexpr std::size_t together = 4;
        std::size_t c = 0;
        for (; c + together <= g_.classes; c += together)
            f(c, std::integral_constant<std::size_t, together>{});
        for (; c < g_.classes; ++c)
            f(c, std::integral_constant<std::size_t, 1>{});
    }

    /// Calls start(slot) for every piece of a sample, f(block, slot, sample, first pixel, pixels) for its
    /// blocks, and end(slot, sample), the ends in order.
    template <class Start, class F, class End>
    void each_block(const block_plan& plan, Start&& start, F&& f, End&& end) const {
        const std::size_t per_sample = (g_.pixels + plan.pixels - 1) / plan.pixels;
        const std::size_t pieces_per_sample = (per_sample + blocks_per_piece - 1) / blocks_per_piece;
        T* channels = in_.memory.template get<T>(scratch::tiles, block_slots(plan) * plan.elements());
        for_pieces(
            in_.executor,
            {g_.samples * pieces_per_sample,
             std::min(blocks_per_piece * plan.pixels, g_.pixels) * g_.classes},
            [&](std::size_t piece, std::size_t slot) {
                block k(plan, channels + slot * plan.elements());
                start(slot);
                const std::size_t b = piece / pieces_per_sample;
                const std::size_t first = piece % pieces_per_sample * blocks_per_piece;
                for (std::size_t j = first; j < std::min(per_sample, first + blocks_per_piece); ++j) {
                    const std::size_t i = j * plan.pixels;
                    f(k, slot, b, i, std::min(plan.pixels, g_.pixels - i));
                }
            },
            [&](std::size_t piece, std::size_t slot) { end(slot, piece / pieces_per_sample); });
    }

    /// Pieces of `each_block` at a time.
    [[nodiscard]] std::size_t block_slots(const block_plan& plan) const {
        const std::size_t per_sample = (g_.pixels + plan.pixels - 1) / plan.pixels;
        return slots(in_.executor, g_.samples * ((per_sample + blocks_per_piece - 1) / blocks_per_piece));
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

    /// Distances, 0 where nothing counts: there they may be anything.
    void read_distances(block& k, std::size_t b, std::size_t i, std::size_t n) const {
        for (std::size_t c = 0; c < g_.classes; ++c) {
            const T* from = in_.y.distance(b, c, i, n, k.staging.data());
            const T* m = weights_per_class_ ? k.weight(c) : k.m.data();
            T* to = k.distance(c);
            for (std::size_t j = 0; j < n; ++j)
                to[j] = m[j] == T(0) ? T(0) : from[j];
            pad(to, n, T(0));
        }
    }

    // --- scores ---

    void read_probabilities(block& k, std::size_t b, std::size_t i, std::size_t n) const {
        const bool staged = in_.x.read_planes(window(b, i, n), k.row(0), k.stride());
        for (std::size_t c = 0; c < g_.classes; ++c)
            read_row(k, staged, b, c, i, n);
    }

    /// The softmax of the logits of a block: the exponentials of x - max in its rows, and of every pixel what
    /// makes probabilities of them. Strip by strip, which the loops find in the first-level cache; and memory
    /// is then read throughout, not at the start of a block alone: out of cache a tenth less time.
    void softmax(block& k, std::size_t b, std::size_t i, std::size_t n, const fetch_ahead<T>& ahead) const {
        const class_rows<T> logits = logits_of(k, b, i, n);
        const simd::flush_denormals flush; // from here on no input is read but what is memory
        for (std::size_t j = 0; j < n; j += strip) {
            const std::size_t end = std::min(n, j + strip);
            masked_ ? take_logits<true>(k, logits, j, end) : take_logits<false>(k, logits, j, end);
            if (!soft_)
                take_labels(k, j, end);
            keeps_logits_ ? exponentials<true>(k, j, end, ahead) : exponentials<false>(k, j, end, ahead);
        }
    }

    /// Every exponential becomes the smaller of p and q.
    void keep_smaller(block& k, std::size_t n) const {
        for (std::size_t c = 0; c < g_.classes; ++c)
            each_vector(n, [of = view_of(k, row_kind::exponentials, c), row = k.row(c)](std::size_t j)
                               XLOSS_INLINE_LAMBDA {
                                   of.smaller_of_exponential(j, V::load(row + j)).store(row + j);
                               });
    }

    /// The rows of n pixels of a gradient that is in place.
    class_rows<T> rows_of(const tensor::sink<T>& gradient, std::size_t b, std::size_t i,
                          std::size_t n) const {
        return {gradient.begin(g_.first(b, 0) + i, n, nullptr, false), g_.pixels};
    }

    /// Reads what an earlier sweep left in the gradient, which is in place.
    void read_kept(block& k, std::size_t b, std::size_t i, std::size_t n, const sink_ref<T>& out) const {
        const class_rows<T> kept = rows_of(*out.to, b, i, n);
        for (std::size_t c = 0; c < g_.classes; ++c) {
            std::copy_n(kept.row(c), n, k.row(c));
            pad(k.row(c), n, T(0));
        }
    }

    /// One class of a block as a loop over its pixels reads it. A copy of where all of it lies: a compiler
    /// sees that no store of the loop changes that.
    struct class_view {
        row_kind rows;
        bool soft, keeps_logits;
        std::size_t classes;
        V cls;
        const T *row, *logit, *y, *m, *inverse, *largest_q, *log_sum, *distance;

        [[nodiscard]] XLOSS_INLINE V weight(std::size_t j) const { return V::load(m + j); }
        [[nodiscard]] XLOSS_INLINE V target(std::size_t j) const {
            return soft ? V::load(y + j) : select(V::load(y + j) == cls, V(1.0));
        }

        /// Whatever the rows hold.
        [[nodiscard]] XLOSS_INLINE pixel<V> at(std::size_t j) const {
            const V v = V::load(row + j);
            if (rows == row_kind::smaller)
                return pixel_of_smaller(v, target(j), cls, classes);
            if (rows == row_kind::given)
                return pixel_of_probability(v, target(j), cls, classes);
            const V least(static_cast<double>(std::numeric_limits<T>::min()));
            const V x = keeps_logits ? V::load(logit + j) : log(max(v, least));
            return of_exponential(j, x, v, target(j), cls);
        }

        [[nodiscard]] XLOSS_INLINE pixel<V> of_exponential(std::size_t j, const V& x, const V& e,
                                                           const V& truth, const V& of) const {
            V p, q;
            probability_of(j, e, p, q);
            return {x, p, q, x - V::load(log_sum + j), log(q), truth, of, classes};
        }

        /// p and q of an exponential.
        XLOSS_INLINE void probability_of(std::size_t j, const V& e, V& p, V& q) const {
            p = e * V::load(inverse + j);
            q = select(e == V(1.0), V::load(largest_q + j), 1.0 - p);
        }

        /// The smaller of the two: 1 - p only where it is kept from the largest, which alone can have more
        /// than half.
        [[nodiscard]] XLOSS_INLINE V smaller_of_exponential(std::size_t j, const V& e) const {
            const V p = e * V::load(inverse + j);
            return select(p > V(0.5), -V::load(largest_q + j), p);
        }
    };

    [[nodiscard]] class_view view_of(const block& k, row_kind rows, std::size_t c) const {
        return {rows,
                soft_,
                keeps_logits_,
                g_.classes,
                V(static_cast<double>(c)),
                k.row(c),
                k.logit(c),
                soft_ ? k.target(c) : k.label.data(),
                weights_per_class_ ? k.weight(c) : k.m.data(),
                k.inverse.data(),
                k.largest_q.data(),
                k.log_sum.data(),
                k.distance(c)};
    }

    /// The pixel of the class that the label names; class 0 where there is none.
    XLOSS_INLINE pixel<V> label_pixel(const block& k, row_kind rows, std::size_t j) const {
        const V cls = greater(V(0.0), V::load(k.label.data() + j));
        const V own = V::load(k.of_label.data() + j);
        if (rows == row_kind::exponentials)
            return view_of(k, rows, 0).of_exponential(j, own, exp_flushed(own), V(1.0), cls);
        if (rows == row_kind::smaller)
            return pixel_of_smaller(own, V(1.0), cls, g_.classes);
        V v(1.0);
        for (std::size_t c = 0; c < g_.classes; ++c)
            v = select(cls == V(static_cast<double>(c)), V::load(k.row(c) + j), v);
        return pixel_of_probability(v, V(1.0), cls, g_.classes);
    }

    // --- writing ---

    /// The weights that say whether an element is there at all: probabilities each for itself, logits where
    /// any class of the pixel counts, whose softmax has them all.
    const T* presence(const block& k, std::size_t c) const {
        return weights_per_class_ && probabilities_ ? k.weight(c) : k.m.data();
    }

    /// Writes the vectors f(j) of a row, to the gradient or the block, or adds them; where nothing counts,
    /// what `out` says, and nothing.
    template <class F>
    void write_row(block& k, std::size_t first, std::size_t n, const T* present, const sink_ref<T>& out,
                   const F& given, T* in_block = nullptr) const {
        const F f = given; // a copy, as in the elementwise kernel
        const bool accumulate = out.accumulate;
        const V absent(out.absent);
        T* to = in_block ? in_block : out.to->begin(first, n, k.staging.data(), accumulate);
        T* at = in_block ? in_block : whole(k, n, to);
        if (at != to && accumulate)
            std::copy_n(to, n, at);
        if (!accumulate && !masked_)
            for (std::size_t j = 0; j < n; j += V::width)
                f(j).store(at + j);
        else
            for (std::size_t j = 0; j < n; j += V::width) {
                const V old = accumulate ? V::load(at + j) : V(0.0);
                const V left = accumulate ? old : absent;
                select(V::load(present + j) == V(0.0), left, f(j) + old).store(at + j);
            }
        if (at != to)
            std::copy_n(at, n, to);
        if (!in_block)
            out.to->commit(first, n, to, accumulate);
    }

    /// Calls write(c, where to write the row of class c in the block) for every class; that is nowhere, but
    /// for a gradient whose classes are interleaved in memory: it is stored when all of them are done.
    template <class Write>
    void write_classes(block& k, std::size_t b, std::size_t i, std::size_t n, const sink_ref<T>& out,
                       Write&& write) const {
        const tensor::plane_window w = window(b, i, n);
        const bool together = !out.accumulate && out.to->prefers_planes(w);
        for (std::size_t c = 0; c < g_.classes; ++c)
            write(c, together ? k.row(c) : nullptr);
        if (together)
            out.to->commit_planes(w, k.row(0), k.stride());
    }

    /// Where whole vectors may be stored for n elements that belong to `to`: a call for the last few in the
    /// loop would take its registers.
    static T* whole(block& k, std::size_t n, T* to) { return n % V::width == 0 ? to : k.staging.data(); }

protected:
    /// What the rows of the labels hold of the pixels from `begin` to `end`; of class 0 where there is none.
    void look_up_labels(block& k, std::size_t begin, std::size_t end) const {
        constexpr std::size_t most = std::size_t{1} << 22; // that `lookup` can address
        const std::size_t stride = k.stride();
        if (g_.classes * stride > most) {
            for (std::size_t j = begin; j < padded(end); ++j)
                k.of_label[j] = k.row(k.label[j] < T(0) ? 0 : tensor::class_number(k.label[j]))[j];
            return;
        }
        std::array<T, V::width> steps;
        for (std::size_t u = 0; u < V::width; ++u)
            steps[u] = static_cast<T>(u);
        const V lane = V::load(steps.data()), from_row_to_row(static_cast<double>(stride));
        for (std::size_t j = begin; j < end; j += V::width) {
            const V label = greater(V(0.0), V::load(k.label.data() + j));
            lookup(k.row(0) + j, fma(label, from_row_to_row, lane)).store(k.of_label.data() + j);
        }
    }

    [[nodiscard]] tensor::plane_window window(std::size_t b, std::size_t i, std::size_t n) const {
        return {g_.first(b, 0) + i, g_.pixels, g_.classes, n};
    }

    const sweep_inputs<T>& in_;
    geometry g_;
    bool soft_;
    bool weights_per_class_;
    bool masked_;
    bool probabilities_;
    bool keeps_logits_;

private:
    static constexpr std::size_t blocks_per_piece = 16;

    /// x - max. Infinite logits take their limits; the difference of two finite ones stays finite.
    static XLOSS_INLINE V below_largest(const V& x, const V& largest) {
        const V infinity(std::numeric_limits<double>::infinity());
        const V floor = select(largest == infinity, -infinity, floor_of(x));
        return select(x != largest, greater(floor, x - largest));
    }

    /// What x less a finite number is not below.
    static XLOSS_INLINE V floor_of(const V& x) {
        const V infinity(std::numeric_limits<double>::infinity());
        return select(x == -infinity, -infinity, V(-static_cast<double>(std::numeric_limits<T>::max())));
    }

    // As many pixels as fill half the registers with the largest logit of each.
    static constexpr std::size_t vectors_per_strip = V::width == 1 ? 1 : 8;
    static constexpr std::size_t strip = std::max<std::size_t>(vectors_per_strip * V::width, 64 / sizeof(T));

    /// Where the logits of a block lie: in place, or in its rows.
    class_rows<T> logits_of(block& k, std::size_t b, std::size_t i, std::size_t n) const {
        if (in_.x.in_place())
            return {in_.x.read(g_.first(b, 0) + i, n, nullptr), g_.pixels};
        if (!in_.x.read_planes(window(b, i, n), k.row(0), k.stride()))
            for (std::size_t c = 0; c < g_.classes; ++c)
                in_.x.read(g_.first(b, c) + i, n, k.row(c));
        return {k.row(0), k.stride()};
    }

    /// The logits of all classes into the block, and the largest of each pixel; 0 past their end and, as they
    /// may be anything there, where nothing counts.
    template <bool Masked>
    void take_logits(block& k, const class_rows<T>& from, std::size_t j, std::size_t end) const {
        for (; j + vectors_per_strip * V::width <= end; j += vectors_per_strip * V::width)
            take_strip<Masked, vectors_per_strip>(k, from.first + j, from.stride, j);
        for (; j + V::width <= end; j += V::width)
            take_strip<Masked, 1>(k, from.first + j, from.stride, j);
        if (j >= end)
            return;
        for (std::size_t c = 0; c < g_.classes; ++c)
            V::load_partial(from.row(c) + j, end - j).store(k.row(c) + j);
        take_strip<Masked, 1>(k, k.row(0) + j, k.stride(), j);
    }

    template <bool Masked, std::size_t N>
    XLOSS_INLINE void take_strip(block& k, const T* from, std::size_t stride, std::size_t j) const {
        std::array<V, N> largest;
        largest.fill(V(-std::numeric_limits<double>::infinity()));
        T* to = k.row(0) + j;
        const std::size_t to_stride = k.stride();
        XLOSS_ONE_BY_ONE
        for (std::size_t c = g_.classes; c > 0; --c, from += stride, to += to_stride)
            for (std::size_t u = 0; u < N; ++u) {
                V x = V::load(from + u * V::width);
                if constexpr (Masked)
                    x = select(V::load(k.m.data() + j + u * V::width) != V(0.0), x);
                x.store(to + u * V::width);
                largest[u] = greater(largest[u], x); // x second: its NaN comes through
            }
        for (std::size_t u = 0; u < N; ++u) {
            largest[u].store(k.largest.data() + j + u * V::width);
            if (!all(isfinite(largest[u])))
                take_limits(k, j + u * V::width);
        }
    }

    /// Where a largest logit is infinite its difference to another may be no number: the limits of all
    /// differences take the place of the logits.
    void take_limits(block& k, std::size_t j) const {
        const V largest = V::load(k.largest.data() + j);
        for (std::size_t c = 0; c < g_.classes; ++c)
            below_largest(V::load(k.row(c) + j), largest).store(k.row(c) + j);
        V(0.0).store(k.largest.data() + j);
    }

    /// x - max of the label, class 0 where there is none: looked up once per pixel, not compared in each
    /// class.
    void take_labels(block& k, std::size_t j, std::size_t end) const {
        look_up_labels(k, j, end);
        for (; j < end; j += V::width) {
            const V label = V::load(k.of_label.data() + j), largest = V::load(k.largest.data() + j);
            below_largest(label, largest).store(k.of_label.data() + j);
        }
    }

    /// exp(x - max) of all classes, their sum without one of the largest, so that 1 - p of the largest and
    /// log p keep their relative accuracy. As many pixels at a time as fill a cache line, so that what is
    /// fetched ahead is asked for once. The logarithm follows at once: what was fetched meanwhile arrives.
    template <bool Keep>
    void exponentials(block& k, std::size_t begin, std::size_t end, const fetch_ahead<T>& given) const {
        constexpr std::size_t at_once = std::clamp<std::size_t>(64 / sizeof(T) / V::width, 1, 4);
        const fetch_ahead<T> ahead = given;
        const std::size_t classes = g_.classes, stride = k.stride();
        for (std::size_t j = begin; j < end; j += at_once * V::width) {
            std::array<V, at_once> sum{}, less{}, minus_largest;
            for (std::size_t u = 0; u < at_once; ++u) // by a subtraction: -0 - 0 would not be 0
                minus_largest[u] = 0.0 - V::load(k.largest.data() + j + u * V::width);
            T* row = k.row(0) + j;
            T* kept = Keep ? k.logit(0) + j : nullptr;
            auto line = ahead.from(j, row);
            XLOSS_ONE_BY_ONE
            for (std::size_t c = classes; c > 0; --c, row += stride) {
                line.next_class();
                for (std::size_t u = 0; u < at_once; ++u) {
                    const std::size_t at = u * V::width;
                    const V logit = V::load(row + at), x = minus_largest[u] + logit;
                    const V e = exp_flushed(x);
                    sum[u] += e;
                    less[u] += select(signbit(x), e, V(0.0));
                    e.store(row + at);
                    if constexpr (Keep) // the largest is finite here: `take_limits`
                        greater(floor_of(logit), x).store(kept + at);
                }
                if constexpr (Keep)
                    kept += stride;
            }
            for (std::size_t u = 0; u < at_once; ++u) { // NaN is in the sum alone
                const std::size_t at = j + u * V::width;
                const V others = select(sum[u] - less[u] <= V(1.5), less[u], sum[u] - 1.0);
                const V inverse = 1.0 / (1.0 + others);
                inverse.store(k.inverse.data() + at);
                (others * inverse).store(k.largest_q.data() + at);
                log1p(others).store(k.log_sum.data() + at);
            }
        }
    }

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

    /// Reads a row of probabilities, if it is not yet `staged` in the block; 0 past its end and, as they may
    /// be anything there, where nothing counts.
    void read_row(block& k, bool staged, std::size_t b, std::size_t c, std::size_t i, std::size_t n) const {
        const T* row = staged ? k.row(c) : in_.x.read(g_.first(b, c) + i, n, k.staging.data());
        const T* present = masked_ ? presence(k, c) : nullptr;
        T* to = k.row(c);
        const auto take = [=](std::size_t j, V x) XLOSS_INLINE_LAMBDA {
            if (present)
                x = select(V::load(present + j) != V(0.0), x);
            x.store(to + j);
        };
        const std::size_t whole = n - n % V::width;
        for (std::size_t j = 0; j < whole; j += V::width)
            take(j, V::load(row + j));
        if (whole < n)
            take(whole, V::load_partial(row + whole, n - whole));
    }
};

} // namespace xloss::engine

#endif
