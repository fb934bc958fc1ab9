#ifndef XLOSS_ENGINE_CHANNELWISE_HPP
#define XLOSS_ENGINE_CHANNELWISE_HPP

#include <xloss/config.hpp>
#include <xloss/engine/activation.hpp>
#include <xloss/engine/channel_block.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/simd/flush.hpp>
#include <xloss/simd/math.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>

namespace xloss::engine {

/// The sweep of the channelwise mode: softmax (or given probabilities) over the classes of a pixel.
template <class T, class Program>
class channelwise_sweep {
    using V = simd::number<T>;
    using block = channel_block<T>;

public:
    channelwise_sweep(const Program& program, const sweep_inputs<T>& in)
        : program_(program), in_(in), g_(in.y.geometry()), soft_(!in.y.is_label_map()),
          weights_per_class_(in.y.masked_per_class()) {
        program_.each_pointwise([&]<std::size_t I>(const auto& one) XLOSS_INLINE_LAMBDA {
            every_class_ = every_class_ || soft_ || wants_every_class(one.term);
        });
    }

    [[nodiscard]] std::size_t regions() const { return g_.samples * g_.classes; }

    /// One pass over the logits. `point` is d(loss)/d(point sum), `pulls` one pull-back per sample and class.
    template <bool Sums, emit Emit>
    void run(const std::array<double, Program::points>& point, const pull_back* pulls, double* totals,
             const sink_ref<T>& out) const {
        const block_plan plan(g_.classes, keeps_logits(), soft_, weights_per_class_, sizeof(T));
        const std::size_t per_sample = (g_.pixels + plan.pixels - 1) / plan.pixels;
        const std::size_t pieces_per_sample = (per_sample + blocks_per_piece - 1) / blocks_per_piece;
        const std::size_t pieces = g_.samples * pieces_per_sample;
        const std::size_t at_once = slots(in_.executor, pieces);
        const std::size_t width = Sums ? g_.classes * Program::width : 0;
        double* partials = in_.memory.template get<double>(scratch::partial_sums, at_once * width);
        T* channels = in_.memory.template get<T>(scratch::tiles, at_once * plan.elements());
        for_pieces(
            in_.executor, pieces,
            [&](std::size_t piece, std::size_t slot) {
                block k(plan, channels + slot * plan.elements());
                double* sums = partials + slot * width;
                std::fill_n(sums, width, 0.0);
                const std::size_t b = piece / pieces_per_sample;
                const std::size_t first = piece % pieces_per_sample * blocks_per_piece;
                for (std::size_t j = first; j < std::min(per_sample, first + blocks_per_piece); ++j)
                    run_block<Sums, Emit>(k, b, j * plan.pixels, plan.pixels, point,
                                          pulls ? pulls + b * g_.classes : nullptr, sums, out);
            },
            [&](std::size_t piece, std::size_t slot) {
                double* to = totals + piece / pieces_per_sample * width;
                for (std::size_t i = 0; i < width; ++i)
                    to[i] += partials[slot * width + i];
            });
    }

private:
    static constexpr std::size_t blocks_per_piece = 16;

    /// log p of every class is needed: a logarithm of p would have lost what p has lost.
    [[nodiscard]] bool keeps_logits() const { return every_class_ && !in_.probabilities; }

    template <bool Sums, emit Emit>
    void run_block(block& k, std::size_t b, std::size_t i, std::size_t most,
                   const std::array<double, Program::points>& point, const pull_back* pulls, double* sums,
                   const sink_ref<T>& out) const {
        const std::size_t n = std::min(most, g_.pixels - i);
        read_targets(k, b, i, n);
        if (in_.probabilities) {
            read_probabilities(k, b, i, n);
        } else {
            fetch_ahead<T> ahead(in_, g_, b, i, n);
            if constexpr (Emit == emit::gradient)
                ahead.gradient(*out.to, g_.first(b, 0) + i);
            read_logits(k, b, i, n);
            softmax(k, n, ahead);
        }
        const simd::flush_denormals flush; // from here on no input is read
        if constexpr (Program::has_points) {
            if (Emit == emit::value)
                std::fill_n(k.value.begin(), padded(n), T(0));
            label_points<Sums, Emit>(k, n, point, sums);
            if (every_class_)
                every_points<Sums, Emit>(k, n, point, sums);
        }
        if constexpr (Sums && Program::has_regions)
            for (std::size_t c = 0; c < g_.classes; ++c)
                region_row(k, c, n, sums + c * Program::width);
        if constexpr (Emit == emit::gradient) {
            if (every_class_)
                gradient<true>(k, b, i, n, point, pulls, out);
            else
                gradient<false>(k, b, i, n, point, pulls, out);
        }
        if constexpr (Emit == emit::value)
            write_row(k, b * g_.pixels + i, n, k.m.data(), out,
                      [&](std::size_t j) XLOSS_INLINE_LAMBDA { return V::load(k.value.data() + j); });
    }

    static std::size_t padded(std::size_t n) { return (n + V::width - 1) / V::width * V::width; }

    template <class F>
    static XLOSS_INLINE void each_vector(std::size_t n, F&& f) {
        for (std::size_t i = 0; i < n; i += V::width)
            f(i);
    }

    static void pad(T* row, std::size_t n, T with) { std::fill(row + n, row + padded(n), with); }

    // --- reading ---

    void read_targets(block& k, std::size_t b, std::size_t i, std::size_t n) const {
        if (!soft_) {
            const T* labels = in_.y.labels(b, i, n, k.label.data());
            if (labels != k.label.data())
                std::copy_n(labels, n, k.label.data());
            pad(k.label.data(), n, T(-1));
            if (in_.y.masked())
                in_.y.weights(b, 0, i, n, k.label.data(), k.m.data(), k.spare.data());
        } else {
            std::fill_n(k.m.begin(), n, T(0)); // does any class of the pixel count?
            for (std::size_t c = 0; c < g_.classes; ++c)
                read_soft(k, b, c, i, n);
        }
        if (!in_.y.masked())
            std::fill_n(k.m.begin(), n, T(1));
        pad(k.m.data(), n, T(0));
    }

    /// Targets of class c, 0 where they do not count, and the weights: of the pixel, or of the class.
    void read_soft(block& k, std::size_t b, std::size_t c, std::size_t i, std::size_t n) const {
        const T* y = in_.y.soft(b, c, i, n, k.staging.data());
        T* to = k.target(c);
        std::copy_n(y, n, to);
        pad(to, n, T(0));
        if (!in_.y.masked())
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

    /// The weights that say whether an element is there at all: probabilities each for itself, logits where
    /// any class of the pixel counts, whose softmax has them all.
    const T* presence(const block& k, std::size_t c) const {
        return weights_per_class_ && in_.probabilities ? k.weight(c) : k.m.data();
    }

    V weight_at(const block& k, std::size_t c, std::size_t i) const {
        return V::load(weights_per_class_ ? k.weight(c) + i : k.m.data() + i);
    }

    V target_at(const block& k, std::size_t c, const V& cls, std::size_t i) const {
        return soft_ ? V::load(k.target(c) + i) : select(V::load(k.label.data() + i) == cls, V(1.0), V(0.0));
    }

    /// Calls f(j, x) for the vectors of a row of logits; 0 past its end and, as x may be anything there,
    /// where nothing counts.
    template <class F>
    void each_logit(block& k, std::size_t b, std::size_t c, std::size_t i, std::size_t n, F&& f) const {
        const T* row = in_.x.read(g_.first(b, c) + i, n, k.staging.data());
        const T* present = presence(k, c);
        const bool masked = in_.y.masked();
        each_vector(n, [&](std::size_t j) XLOSS_INLINE_LAMBDA {
            V x = j + V::width <= n ? V::load(row + j) : V::load_partial(row + j, n - j);
            if (masked)
                x = select(V::load(present + j) == V(0.0), V(0.0), x);
            f(j, x);
        });
    }

    void read_probabilities(block& k, std::size_t b, std::size_t i, std::size_t n) const {
        for (std::size_t c = 0; c < g_.classes; ++c)
            each_logit(k, b, c, i, n, [to = k.exponential(c)](std::size_t j, const V& p) XLOSS_INLINE_LAMBDA {
                p.store(to + j);
            });
    }

    // --- softmax ---

    void softmax(block& k, std::size_t n, const fetch_ahead<T>& given) const {
        const simd::flush_denormals flush;
        const fetch_ahead<T> ahead = given;
        const bool keep = keeps_logits(), hard = !soft_;
        const std::size_t classes = g_.classes;
        const V infinity(std::numeric_limits<double>::infinity());
        const V most(static_cast<double>(std::numeric_limits<T>::max()));
        each_vector(n, [&](std::size_t j) XLOSS_INLINE_LAMBDA {
            const V largest = V::load(k.largest.data() + j), label = V::load(k.label.data() + j);
            // Infinite logits take their limits; the difference of two finite ones stays finite.
            const auto infinite = (V::load(k.smallest.data() + j) == -infinity) | (largest == infinity);
            const V floor = select(infinite, -infinity, -most);
            V rest(0.0), ties(-1.0), label_logit(0.0), cls(0.0);
            for (std::size_t c = 0; c < classes; ++c) {
                const V logit = V::load(k.exponential(c) + j);
                const auto is_largest =
                    logit == largest; // where both are infinite their difference is no number
                const V x = select(is_largest, V(0.0), greater(floor, logit - largest));
                ahead(c, j);
                const V e = exp_nonpositive(x);
                rest += select(is_largest, V(0.0), e);
                ties += select(is_largest, V(1.0), V(0.0));
                if (hard)
                    label_logit = select(label == cls, x, label_logit);
                cls += V(1.0);
                if (keep)
                    x.store(k.logit(c) + j);
                e.store(k.exponential(c) + j);
            }
            // The sum without the largest, so that 1 - p of the largest and log p keep their relative
            // accuracy.
            const V others = rest + ties;
            const V inverse = 1.0 / (1.0 + others);
            inverse.store(k.inverse.data() + j);
            (others * inverse).store(k.largest_q.data() + j);
            log1p(others).store(k.log_sum.data() + j);
            label_logit.store(k.label_logit.data() + j);
        });
    }

    /// Reads the logits and finds the largest and the smallest of every pixel.
    void read_logits(block& k, std::size_t b, std::size_t i, std::size_t n) const {
        for (std::size_t c = 0; c < g_.classes; ++c)
            each_logit(k, b, c, i, n,
                       [&, to = k.exponential(c)](std::size_t j, const V& x) XLOSS_INLINE_LAMBDA {
                           x.store(to + j);
                           // x second: its NaN comes through
                           const V largest = c == 0 ? x : greater(V::load(k.largest.data() + j), x);
                           const V smallest = c == 0 ? x : lesser(V::load(k.smallest.data() + j), x);
                           largest.store(k.largest.data() + j);
                           smallest.store(k.smallest.data() + j);
                       });
    }

    /// The pixel of class c.
    XLOSS_INLINE pixel<V> pixel_at(const block& k, std::size_t c, std::size_t j) const {
        const V cls(static_cast<double>(c));
        const V e = V::load(k.exponential(c) + j), y = target_at(k, c, cls, j);
        if (in_.probabilities)
            return pixel_of_probability(e, y, cls, g_.classes);
        const V x = keeps_logits() ? V::load(k.logit(c) + j) : V(0.0);
        return pixel_of_softmax(k, j, x, e, y, cls);
    }

    XLOSS_INLINE pixel<V> pixel_of_softmax(const block& k, std::size_t j, const V& x, const V& e, const V& y,
                                           const V& cls) const {
        const V p = e * V::load(k.inverse.data() + j);
        const V q = select(e == V(1.0), V::load(k.largest_q.data() + j), 1.0 - p);
        return {x, p, q, x - V::load(k.log_sum.data() + j), log(q), y, cls, g_.classes};
    }

    /// The pixel of the class that the label names; class 0 where there is none.
    XLOSS_INLINE pixel<V> label_pixel(const block& k, std::size_t j) const {
        const V cls = greater(V(0.0), V::load(k.label.data() + j));
        if (in_.probabilities) {
            V p(1.0);
            for (std::size_t c = 0; c < g_.classes; ++c)
                p = select(cls == V(static_cast<double>(c)), V::load(k.exponential(c) + j), p);
            return pixel_of_probability(p, V(1.0), cls, g_.classes);
        }
        const V x = V::load(k.label_logit.data() + j);
        return pixel_of_softmax(k, j, x, exp_nonpositive(x), V(1.0), cls);
    }

    // --- pointwise terms ---

    template <class Term>
    bool at_label_only(const Term& term) const {
        return !soft_ && !wants_every_class(term);
    }

    /// Terms that need the class of the label alone: once per pixel.
    template <bool Sums, emit Emit>
    void label_points(block& k, std::size_t n, const std::array<double, Program::points>& point,
                      double* sums) const {
        if (soft_)
            return;
        const channelwise_sweep self = *this; // a copy, as in the elementwise kernel
        const std::array<double, Program::points> factors = point;
        std::array<V, Program::points> run{};
        each_vector(n, [&](std::size_t j) XLOSS_INLINE_LAMBDA {
            const V m = V::load(k.m.data() + j);
            const auto counts = m != V(0.0);
            const pixel<V> s = self.label_pixel(k, j);
            V slope(0.0), value(0.0);
            self.program_.each_pointwise([&]<std::size_t I>(const auto& one) XLOSS_INLINE_LAMBDA {
                if constexpr (has_at_class<typename Program::template term<I>>) {
                    if (!self.at_label_only(one.term))
                        return;
                    const auto points = as_points(one.term.at_class(s));
                    const V w = class_weights_of(one.term)(s.cls);
                    for (std::size_t q = 0; q < points.size(); ++q) {
                        constexpr std::size_t first = Program::point_offsets[I];
                        const V counted = select(counts, m * w * points[q].value, V(0.0));
                        if constexpr (Sums)
                            run[first + q] = fma(counted, V(1.0 / point_unit), run[first + q]);
                        if constexpr (Emit == emit::value)
                            value = fma(V(factors[first + q]), counted, value);
                        if constexpr (Emit == emit::gradient)
                            slope = fma(V(factors[first + q]) * w, points[q].slope, slope);
                    }
                }
            });
            if constexpr (Emit == emit::gradient)
                self.store_label_slope(k, j, s, select(counts, slope * m, V(0.0)));
            if constexpr (Emit == emit::value)
                value.store(k.value.data() + j);
        });
        if constexpr (Sums)
            for (std::size_t q = 0; q < Program::points; ++q)
                sums[q] += static_cast<double>(sum(run[q])) * point_unit;
    }

    /// The slope of the terms that see every class: by log p, and by p, weights and factors included.
    struct class_slope {
        V by_log{0.0}, by_p{0.0};
    };

    /// Calls f(offset of the points, their values and slopes, class weight, by_p?) for the terms that see
    /// every class.
    template <class F>
    XLOSS_INLINE void each_every_term(const pixel<V>& s, std::size_t c, F&& f) const {
        program_.each_pointwise([&]<std::size_t I>(const auto& one) XLOSS_INLINE_LAMBDA {
            using term = typename Program::template term<I>;
            if (at_label_only(one.term))
                return;
            const double w = class_weights_of(one.term).of(c);
            if constexpr (has_at_class<term>) {
                auto points = as_points(one.term.at_class(s));
                if (!wants_every_class(one.term))
                    for (auto& at : points) {
                        at.value = select(s.y > V(0.0), at.value, V(0.0));
                        at.slope = select(s.y > V(0.0), at.slope, V(0.0));
                    }
                f(Program::point_offsets[I], points, w, std::false_type{});
            } else {
                f(Program::point_offsets[I], as_points(one.term.at_probability(s)), w, std::true_type{});
            }
        });
    }

    XLOSS_INLINE class_slope slope_of_class(const pixel<V>& s, std::size_t c, const V& m,
                                            const std::array<double, Program::points>& point) const {
        class_slope result;
        each_every_term(s, c,
                        [&](std::size_t first, const auto& points, double w, auto by_p) XLOSS_INLINE_LAMBDA {
                            for (std::size_t q = 0; q < points.size(); ++q) {
                                V& to = by_p ? result.by_p : result.by_log;
                                to = fma(V(point[first + q] * w), points[q].slope, to);
                            }
                        });
        const auto counts = m != V(0.0);
        result.by_log = select(counts, result.by_log * m, V(0.0));
        result.by_p = select(counts, result.by_p * m, V(0.0));
        return result;
    }

    template <bool Sums, emit Emit>
    void every_points(block& k, std::size_t n, const std::array<double, Program::points>& point,
                      double* sums) const {
        const channelwise_sweep self = *this; // a copy, as in the elementwise kernel
        const std::array<double, Program::points> factors = point;
        std::fill_n(k.sum_of_slopes.begin(), padded(n), T(0));
        for (std::size_t c = 0; c < g_.classes; ++c) {
            std::array<V, Program::points> run{};
            each_vector(n, [&](std::size_t j) XLOSS_INLINE_LAMBDA {
                const V m = self.weight_at(k, c, j);
                const auto counts = m != V(0.0);
                const pixel<V> s = self.pixel_at(k, c, j);
                self.each_every_term(
                    s, c, [&](std::size_t first, const auto& points, double w, auto) XLOSS_INLINE_LAMBDA {
                        for (std::size_t q = 0; q < points.size(); ++q) {
                            const V counted = select(counts, m * (points[q].value * w), V(0.0));
                            if constexpr (Sums)
                                run[first + q] = fma(counted, V(1.0 / point_unit), run[first + q]);
                            if constexpr (Emit == emit::value)
                                fma(V(factors[first + q]), counted, V::load(k.value.data() + j))
                                    .store(k.value.data() + j);
                        }
                    });
                if constexpr (Emit == emit::gradient)
                    (V::load(k.sum_of_slopes.data() + j) + self.slope_of_class(s, c, m, factors).by_log)
                        .store(k.sum_of_slopes.data() + j);
            });
            if constexpr (Sums)
                for (std::size_t q = 0; q < Program::points; ++q)
                    sums[q] += static_cast<double>(sum(run[q])) * point_unit;
        }
    }

    // --- regional terms ---

    void region_row(const block& k, std::size_t c, std::size_t n, double* sums) const {
        const channelwise_sweep self = *this; // a copy, as in the elementwise kernel
        std::array<V, Program::width> run{};
        each_vector(n, [&](std::size_t j) XLOSS_INLINE_LAMBDA {
            const pixel<V> s = self.pixel_at(k, c, j);
            add_soft_sums<Program, true>(s.p, s.q, s.y, self.weight_at(k, c, j), run.data());
        });
        for (std::size_t q = Program::soft_begin; q < Program::width; ++q)
            sums[q] += static_cast<double>(sum(run[q]));
    }

    /// The derivative by p of the regional terms and of the pointwise ones that give a slope by p.
    template <bool Every>
    static XLOSS_INLINE V by_probability_of(const pixel<V>& s, const V& m, const pull_back& pull,
                                            const class_slope& own) {
        V a(0.0);
        if constexpr (Program::has_regions)
            a = m * pull.template at<Program>(s.p, s.q, s.y);
        if constexpr (Every)
            a += own.by_p;
        return a;
    }

    // --- gradient ---

    template <bool Every>
    void gradient(block& k, std::size_t b, std::size_t i, std::size_t n,
                  const std::array<double, Program::points>& point, const pull_back* pulls,
                  const sink_ref<T>& out) const {
        constexpr bool couples = Program::has_regions || Every; // dp_c/dx_k is not 0
        const channelwise_sweep self = *this;                   // a copy, as in the elementwise kernel
        const bool probabilities = in_.probabilities;
        const std::array<double, Program::points> factors = point;
        if (couples && !probabilities) {
            std::fill_n(k.dot.begin(), padded(n), T(0));
            for (std::size_t c = 0; c < g_.classes; ++c)
                each_vector(n, [&, pull = pull_of(pulls, c)](std::size_t j) XLOSS_INLINE_LAMBDA {
                    const pixel<V> s = self.pixel_at(k, c, j);
                    const V m = self.weight_at(k, c, j);
                    const V a = by_probability_of<Every>(s, m, pull,
                                                         self.template own_slope<Every>(s, c, m, factors));
                    fma(s.p, a, V::load(k.dot.data() + j)).store(k.dot.data() + j);
                });
        }
        for (std::size_t c = 0; c < g_.classes; ++c)
            write_row(k, g_.first(b, c) + i, n, presence(k, c), out,
                      [&, pull = pull_of(pulls, c)](std::size_t j) XLOSS_INLINE_LAMBDA {
                          const pixel<V> s = self.pixel_at(k, c, j);
                          const V m = self.weight_at(k, c, j);
                          const class_slope own = self.template own_slope<Every>(s, c, m, factors);
                          V g = self.label_gradient(k, c, j);
                          if constexpr (Every) {
                              const V others = V::load(k.sum_of_slopes.data() + j) - own.by_log;
                              g += probabilities ? own.by_log / max(s.p, V(least_variance))
                                                 : own.by_log * s.q - s.p * others;
                          }
                          if constexpr (couples) {
                              const V a = by_probability_of<Every>(s, m, pull, own);
                              g += probabilities ? a : s.p * (a - V::load(k.dot.data() + j));
                          }
                          return g;
                      });
    }

    static pull_back pull_of(const pull_back* pulls, std::size_t c) {
        return Program::has_regions ? pulls[c] : pull_back{};
    }

    template <bool Every>
    XLOSS_INLINE class_slope own_slope(const pixel<V>& s, std::size_t c, const V& m,
                                       const std::array<double, Program::points>& point) const {
        if constexpr (Every)
            return slope_of_class(s, c, m, point);
        else
            return {};
    }

    /// The slope of the terms that see the class of the label alone, by log p of the label: times (delta - p)
    /// it is that by the logit, with 1 - p where that is exact. By a probability it is over p at the label.
    XLOSS_INLINE void store_label_slope(block& k, std::size_t j, const pixel<V>& s, const V& slope) const {
        const V own = in_.probabilities ? slope / max(s.p, V(least_variance)) : slope * s.q;
        const V others = in_.probabilities ? V(0.0) : -slope * V::load(k.inverse.data() + j);
        own.store(k.own_slope.data() + j);
        others.store(k.others_slope.data() + j);
    }

    XLOSS_INLINE V label_gradient(const block& k, std::size_t c, std::size_t j) const {
        if constexpr (Program::has_points) {
            if (soft_)
                return V(0.0);
            const auto own = V::load(k.label.data() + j) == V(static_cast<double>(c));
            return select(own, V::load(k.own_slope.data() + j),
                          V::load(k.others_slope.data() + j) * V::load(k.exponential(c) + j));
        } else {
            return V(0.0);
        }
    }

    /// Writes the vectors f(j) of a row, or adds them; where nothing counts, 0 and nothing.
    template <class F>
    void write_row(block& k, std::size_t first, std::size_t n, const T* present, const sink_ref<T>& out,
                   F&& f) const {
        T* to = out.to->begin(first, n, k.staging.data(), out.accumulate);
        const bool plain = !out.accumulate && !in_.y.masked(), accumulate = out.accumulate;
        each_vector(n, [&](std::size_t j) XLOSS_INLINE_LAMBDA {
            const bool whole = j + V::width <= n;
            V g = f(j);
            if (!plain) {
                V old(0.0);
                if (accumulate)
                    old = whole ? V::load(to + j) : V::load_partial(to + j, n - j);
                g = select(V::load(present + j) == V(0.0), accumulate ? old : V(out.absent), g + old);
            }
            if (whole)
                g.store(to + j);
            else
                g.store_partial(to + j, n - j);
        });
        out.to->commit(first, n, to, accumulate);
    }

    Program program_;
    const sweep_inputs<T>& in_;
    geometry g_;
    bool soft_;
    bool weights_per_class_;
    bool every_class_ = false;
};

} // namespace xloss::engine

#endif
