#ifndef XLOSS_ENGINE_CHANNELWISE_HPP
#define XLOSS_ENGINE_CHANNELWISE_HPP

#include <xloss/config.hpp>
#include <xloss/engine/activation.hpp>
#include <xloss/engine/channel_block.hpp>
#include <xloss/engine/channel_reader.hpp>
#include <xloss/engine/channel_slopes.hpp>
#include <xloss/engine/class_terms.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/rows.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/simd/flush.hpp>
#include <xloss/simd/math.hpp>
#include <xloss/simd/prefetch.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>

namespace xloss::engine {

/// The sweep of the channelwise mode: softmax (or given probabilities) over the classes of a pixel.
template <class T, class Program>
class channelwise_sweep : channel_reader<T> {
    using reader = channel_reader<T>;
    using reader::each_vector, reader::each_classes, reader::padded, reader::label_pixel, reader::view_of,
        reader::write_row, reader::write_classes, reader::presence;
    using reader::g_, reader::in_, reader::soft_, reader::probabilities_;
    using typename reader::block;
    using typename reader::class_view;
    using typename reader::V;

public:
    channelwise_sweep(const Program& program, const sweep_inputs<T>& in)
        : channelwise_sweep(program, in, sees_every_class(program, in)) {}

    [[nodiscard]] std::size_t regions() const { return g_.samples * g_.classes; }

    /// Whether the gradient of this program can be made from probabilities that wait in it: each exponential
    /// is then computed once.
    static constexpr bool can_keep = Program::has_regions && Program::slopes_by_p;

    /// One pass over the logits. `point` is d(loss)/d(point sum), `pulls` one pull-back per sample and class.
    template <bool Sums, emit Emit>
    void run(const std::array<double, Program::points>& point, const pull_back* pulls, double* totals,
             const sink_ref<T>& out) const {
        const block_plan plan = this->plan(Program::sees_distance);
        const std::size_t width = Sums ? g_.classes * Program::width : 0;
        double* partials =
            in_.memory.template get<double>(scratch::partial_sums, this->block_slots(plan) * width);
        this->each_block(
            plan, [=](std::size_t slot) { std::fill_n(partials + slot * width, width, 0.0); },
            [&](block& k, std::size_t slot, std::size_t b, std::size_t i, std::size_t n) {
                run_block<Sums, Emit>(k, b, i, n, point, pulls ? pulls + b * g_.classes : nullptr,
                                      partials + slot * width, out);
            },
            [=](std::size_t slot, std::size_t b) {
                for (std::size_t k = 0; k < width; ++k)
                    totals[b * width + k] += partials[slot * width + k];
            });
    }

    /// One pass that writes several gradients, block by block and one after the other.
    void run_gradients(std::span<const sweep_output<T, Program::points>> outputs) const {
        this->each_block(
            this->plan(Program::sees_distance), [](std::size_t) {},
            [&](block& k, std::size_t, std::size_t b, std::size_t i, std::size_t n) {
                for (const auto& to : outputs)
                    run_block<false, emit::gradient>(k, b, i, n, to.point,
                                                     to.pulls ? to.pulls + b * g_.classes : nullptr, nullptr,
                                                     to.out);
            },
            [](std::size_t, std::size_t) {});
    }

private:
    static constexpr bool has_costs = Program::needs(sums::cost);
    /// Whether a pointwise term has a slope by log p.
    static constexpr bool has_slopes_by_log =
        any_pointwise<Program>([]<class Term>() { return has_at_class<Term>; });
    /// Whether anything has a slope by p, which the softmax then couples with those of the other classes.
    static constexpr bool has_slopes_of_p =
        Program::has_regions || any_pointwise<Program>([]<class Term>() { return !has_at_class<Term>; });
    /// Whether a term that sees every class may ask for log p of classes with hardly any p.
    static constexpr bool needs_every_logit =
        any_pointwise<Program>([]<class Term>() { return has_at_class<Term> || !has_slopes_by_p<Term>; });
    using factors = std::array<double, Program::points>;

    channelwise_sweep(const Program& program, const sweep_inputs<T>& in, bool every_class)
        : reader(in, every_class && needs_every_logit && !in.probabilities), program_(program),
          every_class_(every_class) {
        if constexpr (has_costs)
            read_costs();
    }

    static bool sees_every_class(const Program& program, const sweep_inputs<T>& in) {
        bool every = false;
        program.each_pointwise([&]<std::size_t I>(const auto& one) {
            every = every || !in.y.is_label_map() || wants_every_class(one.term);
        });
        return every;
    }

    template <bool Sums, emit Emit>
    void run_block(block& k, std::size_t b, std::size_t i, std::size_t n, const factors& point,
                   const pull_back* pulls, double* sums, const sink_ref<T>& out) const {
        this->read_targets(k, b, i, n);
        if constexpr (Program::sees_distance)
            this->read_distances(k, b, i, n);
        row_kind rows = row_kind::exponentials;
        class_rows<T> kept{k.row(0), k.stride()}, next = kept;
        if constexpr (Emit == emit::kept_gradient) {
            rows = row_kind::smaller;
            // A label map is done with what waits in the gradient while it passes into the block.
            if (soft_ || every_class_ || n % V::width != 0)
                this->read_kept(k, b, i, n, out);
            else
                kept = this->rows_of(*out.to, b, i, n);
            if (i + 2 * n <= g_.pixels)
                next = this->rows_of(*out.to, b, i + n, n);
        } else if (probabilities_) {
            rows = row_kind::given;
            this->read_probabilities(k, b, i, n);
        } else {
            fetch_ahead<T> ahead(in_, g_, b, i, n);
            if constexpr (Emit == emit::gradient || Emit == emit::probabilities)
                ahead.gradient(*out.to, g_.first(b, 0) + i);
            this->softmax(k, b, i, n, ahead);
        }
        const simd::flush_denormals flush; // from here on no input is read
        if constexpr (can_keep && writes_gradient(Emit))
            if (rows == row_kind::exponentials) {
                this->keep_smaller(k, n);
                rows = row_kind::smaller;
            }
        if constexpr (can_keep && writes_gradient(Emit))
            if (rows == row_kind::smaller && !soft_)
                every_class_ ? this->look_up_labels(k, 0, n) : label_means(k, n, pulls, kept, next);
        if constexpr (Program::has_points) {
            if (Emit == emit::value)
                std::fill_n(k.value.begin(), padded(n), T(0));
            if constexpr (has_slopes_by_log)
                label_points<Sums, emit_of_points(Emit)>(k, rows, n, point, sums);
            if (every_class_)
                every_points<Sums, emit_of_points(Emit)>(k, rows, n, point, sums);
        }
        if constexpr (Sums && Program::has_regions) {
            if (has_costs && !soft_)
                label_costs(k, rows, n);
            if (rows == row_kind::exponentials && !soft_)
                region_rows<Emit, true>(k, rows, b, i, n, sums, out);
            else
                region_rows<Emit, false>(k, rows, b, i, n, sums, out);
        }
        if constexpr (writes_gradient(Emit))
            write_gradient(k, rows, b, i, n, point, pulls, out);
        if constexpr (Emit == emit::value)
            write_row(k, b * g_.pixels + i, n, k.m.data(), out,
                      [&](std::size_t j) XLOSS_INLINE_LAMBDA { return V::load(k.value.data() + j); });
    }

    /// A pixel of a class, with what the program sees of it.
    static XLOSS_INLINE pixel<V> pixel_of(const class_view& of, std::size_t j) {
        pixel<V> s = of.at(j);
        if constexpr (Program::sees_distance)
            s.distance = V::load(of.distance + j);
        return s;
    }

    // --- pointwise terms ---

    template <class Term>
    bool at_label_only(const Term& term) const {
        return !soft_ && !wants_every_class(term);
    }

    /// Terms that need the class of the label alone: once per pixel.
    template <bool Sums, emit Emit>
    void label_points(block& k, row_kind rows, std::size_t n, const factors& point, double* sums) const {
        if (soft_)
            return;
        const channelwise_sweep self = *this; // a copy, as in the elementwise kernel
        const factors by_sum = point;
        std::array<V, Program::points> run{};
        each_vector(n, [&](std::size_t j) XLOSS_INLINE_LAMBDA {
            const V m = V::load(k.m.data() + j);
            const auto counts = m != V(0.0);
            const pixel<V> s = self.label_pixel(k, rows, j);
            V slope(0.0), value(0.0);
            self.program_.each_pointwise([&]<std::size_t I>(const auto& one) XLOSS_INLINE_LAMBDA {
                if constexpr (has_at_class<typename Program::template term<I>>) {
                    if (!self.at_label_only(one.term))
                        return;
                    const auto points = as_points(one.term.at_class(s));
                    const V w = class_weights_of(one.term)(s.cls);
                    for (std::size_t q = 0; q < points.size(); ++q) {
                        constexpr std::size_t first = Program::point_offsets[I];
                        const V counted = select(counts, m * w * points[q].value);
                        if constexpr (Sums)
                            run[first + q] = fma(counted, V(1.0 / point_unit), run[first + q]);
                        if constexpr (Emit == emit::value)
                            value = fma(V(by_sum[first + q]), counted, value);
                        if constexpr (writes_gradient(Emit))
                            slope = fma(V(by_sum[first + q]) * w, points[q].slope, slope);
                    }
                }
            });
            if constexpr (writes_gradient(Emit))
                self.store_label_slope(k, rows, j, s, select(counts, slope * m));
            if constexpr (Emit == emit::value)
                value.store(k.value.data() + j);
        });
        if constexpr (Sums)
            for (std::size_t q = 0; q < Program::points; ++q)
                sums[q] += static_cast<double>(sum(run[q])) * point_unit;
    }

    [[nodiscard]] class_terms<V, Program> terms_of(std::size_t c, const factors& point) const {
        return {program_, c, point, soft_, every_class_};
    }

    template <bool Sums, emit Emit>
    void every_points(block& k, row_kind rows, std::size_t n, const factors& point, double* sums) const {
        T *const values = k.value.data(), *const sum_of_slopes = k.sum_of_slopes.data();
        std::fill_n(sum_of_slopes, padded(n), T(0));
        for (std::size_t c = 0; c < g_.classes; ++c) {
            std::array<V, Program::points> run{};
            // By value, but for the sums: `class_view`. Not every program needs all of it.
            each_vector(n, [&run, point, values, sum_of_slopes, of = view_of(k, rows, c),
                            terms = terms_of(c, point)](std::size_t j) XLOSS_INLINE_LAMBDA {
                static_cast<void>(run), static_cast<void>(point);
                static_cast<void>(values), static_cast<void>(sum_of_slopes);
                const V m = of.weight(j);
                const auto counts = m != V(0.0);
                const pixel<V> s = pixel_of(of, j);
                const auto add = [&](std::size_t first, const auto& points, double w) XLOSS_INLINE_LAMBDA {
                    for (std::size_t q = 0; q < points.size(); ++q) {
                        const V counted = select(counts, m * (points[q].value * w));
                        if constexpr (Sums)
                            run[first + q] = fma(counted, V(1.0 / point_unit), run[first + q]);
                        if constexpr (Emit == emit::value)
                            fma(V(point[first + q]), counted, V::load(values + j)).store(values + j);
                    }
                };
                const class_slope<V> own = terms.slope(s, m, add);
                if constexpr (writes_gradient(Emit) && has_slopes_by_log)
                    (V::load(sum_of_slopes + j) + own.by_log).store(sum_of_slopes + j);
            });
            if constexpr (Sums)
                for (std::size_t q = 0; q < Program::points; ++q)
                    sums[q] += static_cast<double>(sum(run[q])) * point_unit;
        }
    }

    // --- regional terms ---

    /// The sums of every class, and with emit::probabilities what the gradient is to keep. `Hard`: of a label
    /// map, by the exponentials.
    template <emit Emit, bool Hard>
    void region_rows(block& k, row_kind rows, std::size_t b, std::size_t i, std::size_t n, double* sums,
                     const sink_ref<T>& out) const {
        const double weight = Hard ? sum_of(k.m.data(), n) : 0.0; // of a pixel: the same in every class
        for (std::size_t c = 0; c < g_.classes; ++c) {
            T *to = nullptr, *at = nullptr;
            if constexpr (Emit == emit::probabilities) {
                to = out.to->begin(g_.first(b, c) + i, n, nullptr, false);
                at = this->whole(k, n, to);
            }
            const class_view of = view_of(k, rows, c);
            std::array<V, Program::width> run{};
            each_vector(n, [&](std::size_t j) XLOSS_INLINE_LAMBDA {
                V p, q, smaller;
                if constexpr (Hard) {
                    const V e = V::load(of.row + j);
                    of.probability_of(j, e, p, q);
                    smaller = of.smaller_of_exponential(j, e);
                    const auto is_own = V::load(of.y + j) == of.cls;
                    const V m = of.weight(j);
                    add_label_sums<Program>(p, q, is_own, m, run.data());
                    if constexpr (has_costs)
                        run[Program::soft_at(sums::cost)] += select(is_own, m * V::load(k.cost.data() + j));
                } else {
                    const pixel<V> s = of.at(j);
                    p = s.p;
                    q = s.q;
                    smaller = smaller_of(p, q);
                    const V m = of.weight(j);
                    add_soft_sums<Program, true>(p, q, s.y, m, run.data());
                    if constexpr (has_costs)
                        run[Program::soft_at(sums::cost)] += m * s.y * cost_of(k, rows, c, j);
                }
                if constexpr (Emit == emit::probabilities)
                    smaller.store(at + j);
            });
            if constexpr (Emit == emit::probabilities)
                if (at != to)
                    std::copy_n(at, n, to);
            double* own = sums + c * Program::width;
            for (std::size_t q = Program::soft_begin; q < Program::width; ++q)
                own[q] += static_cast<double>(sum(run[q]));
            if constexpr (Hard)
                own[Program::weight_at] += weight;
        }
    }

    /// The derivative by p of the regional terms and of the pointwise ones that give a slope by p.
    static XLOSS_INLINE V by_probability_of(const pixel<V>& s, const V& m, const pull_back& pull,
                                            const class_slope<V>& own, const V& by_cost) {
        V a = own.by_p + by_cost;
        if constexpr (Program::has_regions)
            a += m * pull.template at<Program>(s.p, s.q, s.y);
        return a;
    }

    // --- costs ---

    /// The costs of every pair of classes, those of one prediction side by side.
    void read_costs() {
        const std::size_t classes = g_.classes;
        T* costs = in_.memory.template get<T>(scratch::costs, classes * classes);
        program_.each_regional([&]<std::size_t I>(const auto& one) {
            if constexpr (requires { one.term.cost(0, 0); })
                for (std::size_t c = 0; c < classes; ++c)
                    for (std::size_t target = 0; target < classes; ++target)
                        costs[c * classes + target] = static_cast<T>(one.term.cost(target, c));
        });
        costs_ = costs;
    }

    /// Of class c predicted, by the target.
    [[nodiscard]] const T* costs_of(std::size_t c) const {
        return has_costs ? costs_ + c * g_.classes : nullptr;
    }

    /// W of a pixel if its target were this class.
    XLOSS_INLINE V cost_of(const block& k, row_kind rows, std::size_t target, std::size_t j) const {
        V w(0.0);
        for (std::size_t c = 0; c < g_.classes; ++c)
            w = fma(V(costs_of(c)[target]), view_of(k, rows, c).at(j).p, w);
        return w;
    }

    /// W of every pixel of a label map.
    void label_costs(block& k, row_kind rows, std::size_t n) const {
        std::fill_n(k.cost.begin(), padded(n), T(0));
        for (std::size_t c = 0; c < g_.classes; ++c)
            each_vector(n, [of = view_of(k, rows, c), costs = costs_of(c), to = k.cost.data()](std::size_t j)
                               XLOSS_INLINE_LAMBDA {
                                   const V w = lookup(costs, greater(V(0.0), V::load(of.y + j)));
                                   fma(w, of.at(j).p, V::load(to + j)).store(to + j);
                               });
    }

    /// What W adds to the slope by the probability of a class, for any target and with the weight of its
    /// class.
    XLOSS_INLINE V cost_slope(const block& k, const pull_back* pulls, std::size_t c, std::size_t j) const {
        V a(0.0);
        if constexpr (has_costs)
            for (std::size_t target = 0; target < g_.classes; ++target) {
                const class_view of = view_of(k, row_kind::given, target);
                a = fma(of.weight(j) * of.target(j),
                        V(pulls[target].by_cost * static_cast<double>(costs_of(c)[target])), a);
            }
        return a;
    }

    // --- gradient ---

    void write_gradient(block& k, row_kind rows, std::size_t b, std::size_t i, std::size_t n,
                        const factors& point, const pull_back* pulls, const sink_ref<T>& out) const {
        if constexpr (can_keep) {
            if (!soft_ && !every_class_ && rows == row_kind::smaller)
                return label_gradient_rows(k, b, i, n, pulls, out);
        } else if constexpr (!Program::has_regions) {
            if (!every_class_)
                return label_point_rows(k, b, i, n, out);
        }
        if (!every_class_)
            std::fill_n(k.sum_of_slopes.begin(), padded(n), T(0));
        gradient(k, rows, b, i, n, point, pulls, out);
    }

    // --- gradient of a label map: nothing but comparisons and multiplications for every class ---

    /// The slope by p of class c at pixel j, from what its row holds.
    auto label_slope(const cost_slopes<T>& by_cost, const pull_back* pulls, std::size_t c) const {
        return [=, costs = costs_of(c), pull = label_pull<V>(pulls[c])](std::size_t j, const V& smaller,
                                                                        const auto& own) XLOSS_INLINE_LAMBDA {
            V a = pull.template at<Program>(p_of_smaller(smaller), q_of_smaller(smaller), own);
            if constexpr (has_costs)
                a += by_cost.at(j, costs);
            return a;
        };
    }

    /// The mean of the slopes by p of all classes, and what the row of the label holds. The rows of the block
    /// become those of `kept`; the next ones are fetched, or these again: a tenth of the time of a sweep.
    void label_means(block& k, std::size_t n, const pull_back* pulls, const class_rows<T>& kept,
                     const class_rows<T>& next) const {
        const cost_slopes<T> by_cost(k, has_costs ? n : 0, pulls);
        const class_mean<T> mean(k);
        mean.clear(n);
        each_classes([&]<std::size_t N>(std::size_t first, std::integral_constant<std::size_t, N>) {
            const auto of_class = [&]<std::size_t... U>(std::index_sequence<U...>) {
                return std::array{label_slope(by_cost, pulls, first + U)...};
            };
            each_vector(n, [mean, slope = of_class(std::make_index_sequence<N>{}), rows = k.row(first),
                            stride = k.stride(), from = kept.row(first), from_stride = kept.stride,
                            ahead = next.row(first), ahead_stride = next.stride, label = k.label.data(),
                            cls = V(static_cast<double>(first))](std::size_t j) XLOSS_INLINE_LAMBDA {
                for (std::size_t u = 0; u < N; ++u)
                    simd::prefetch_to_read(ahead + u * ahead_stride + j);
                const V label_here = V::load(label + j);
                mean.add(j, [&](auto&& add) XLOSS_INLINE_LAMBDA {
                    for (std::size_t u = 0; u < N; ++u) {
                        const V v = V::load(from + u * from_stride + j);
                        v.store(rows + u * stride + j);
                        add(v, slope[u](j, v, label_here == cls + V(static_cast<double>(u))));
                    }
                });
            });
        });
        this->look_up_labels(k, 0, n);
    }

    /// The gradient, once `label_means` and `label_points` are done.
    void label_gradient_rows(block& k, std::size_t b, std::size_t i, std::size_t n, const pull_back* pulls,
                             const sink_ref<T>& out) const {
        const class_mean<T> mean(k);
        const label_slopes<T> slopes(k);
        const cost_slopes<T> by_cost(k, has_costs ? n : 0, pulls);
        write_classes(k, b, i, n, out, [&](std::size_t c, T* in_block) {
            write_row(
                k, g_.first(b, c) + i, n, k.m.data(), out,
                [=, row = k.row(c), slope = label_slope(by_cost, pulls, c), m = k.m.data(),
                 cls = V(static_cast<double>(c))](std::size_t j) XLOSS_INLINE_LAMBDA {
                    const V v = V::load(row + j), p = p_of_smaller(v);
                    const auto own = slopes.own(j, cls);
                    const V a = mean.beyond(j, slope(j, v, own));
                    if constexpr (Program::has_points)
                        return fma(V::load(m + j) * p, a, slopes.at(j, own, p));
                    else
                        return V::load(m + j) * p * a;
                },
                in_block);
        });
    }

    /// The gradient of pointwise terms that see the class of the label alone.
    void label_point_rows(block& k, std::size_t b, std::size_t i, std::size_t n,
                          const sink_ref<T>& out) const {
        write_classes(k, b, i, n, out, [&](std::size_t c, T* in_block) {
            write_row(
                k, g_.first(b, c) + i, n, k.m.data(), out,
                [row = k.row(c), slopes = label_slopes<T>(k), cls = V(static_cast<double>(c))](std::size_t j)
                    XLOSS_INLINE_LAMBDA { return slopes.at(j, slopes.own(j, cls), V::load(row + j)); },
                in_block);
        });
    }

    /// The gradient of any program, by every class of a pixel.
    void gradient(block& k, row_kind rows, std::size_t b, std::size_t i, std::size_t n, const factors& point,
                  const pull_back* pulls, const sink_ref<T>& out) const {
        const bool probabilities = probabilities_;
        const label_slopes<T> slopes(k);
        const class_mean<T> mean(k);
        const T* const sum_of_slopes = k.sum_of_slopes.data();
        const channelwise_sweep* const self = this; // for W alone
        const block* const whole = &k;
        mean.clear(n);
        if (has_slopes_of_p && !probabilities) {
            for (std::size_t c = 0; c < g_.classes; ++c) {
                const pull_back pull = pull_of(pulls, c);
                each_vector(n, [=, of = view_of(k, rows, c), terms = terms_of(c, point)](std::size_t j)
                                   XLOSS_INLINE_LAMBDA {
                                       const pixel<V> s = pixel_of(of, j);
                                       const V m = of.weight(j);
                                       const V a = by_probability_of(s, m, pull, terms.slope(s, m),
                                                                     self->cost_slope(*whole, pulls, c, j));
                                       mean.add(j, smaller_of(s.p, s.q), a);
                                   });
            }
        }
        write_classes(k, b, i, n, out, [&](std::size_t c, T* in_block) {
            const pull_back pull = pull_of(pulls, c);
            write_row(
                k, g_.first(b, c) + i, n, presence(k, c), out,
                // Made in place: a copy more of vectors just written takes as long as twenty pixels.
                [=, of = view_of(k, rows, c), terms = terms_of(c, point)](std::size_t j) XLOSS_INLINE_LAMBDA {
                    const pixel<V> s = pixel_of(of, j);
                    const V m = of.weight(j);
                    const class_slope<V> own = terms.slope(s, m);
                    V g(0.0);
                    if constexpr (has_slopes_by_log) {
                        if (!of.soft)
                            g = slopes.at(j, s.y == V(1.0), s.p);
                        const V others = V::load(sum_of_slopes + j) - own.by_log;
                        g += probabilities ? own.by_log / max(s.p, V(least_variance))
                                           : own.by_log * s.q - s.p * others;
                    }
                    if constexpr (has_slopes_of_p) {
                        const V a = by_probability_of(s, m, pull, own, self->cost_slope(*whole, pulls, c, j));
                        g += probabilities ? a : s.p * mean.beyond(j, a);
                    }
                    return g;
                },
                in_block);
        });
    }

    static pull_back pull_of(const pull_back* pulls, std::size_t c) {
        return Program::has_regions ? pulls[c] : pull_back{};
    }

    /// The slope of the terms that see the class of the label alone, by log p of the label: times (delta - p)
    /// it is that by the logit, with 1 - p where that is exact. By a probability it is over p at the label.
    /// What multiplies the other classes is p, or the exponential where the gradient needs no p.
    XLOSS_INLINE void store_label_slope(block& k, row_kind rows, std::size_t j, const pixel<V>& s,
                                        const V& slope) const {
        const bool by_exponential = rows == row_kind::exponentials && !Program::has_regions && !every_class_;
        const V own = probabilities_ ? slope / max(s.p, V(least_variance)) : slope * s.q;
        const V others = probabilities_   ? V(0.0)
                         : by_exponential ? -slope * V::load(k.inverse.data() + j)
                                          : -slope;
        own.store(k.own_slope.data() + j);
        others.store(k.others_slope.data() + j);
    }

    Program program_;
    bool every_class_; // p of every class is asked for, not of the label's alone
    const T* costs_ = nullptr;
};

} // namespace xloss::engine

#endif
