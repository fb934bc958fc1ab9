#ifndef XLOSS_ENGINE_BOXWISE_HPP
#define XLOSS_ENGINE_BOXWISE_HPP

#include <xloss/config.hpp>
#include <xloss/engine/bind.hpp>
#include <xloss/engine/box.hpp>
#include <xloss/engine/box_target.hpp>
#include <xloss/engine/check.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/region_set.hpp>
#include <xloss/engine/residual.hpp>
#include <xloss/engine/rows.hpp>
#include <xloss/engine/summary.hpp>
#include <xloss/engine/survey.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/simd/flush.hpp>
#include <xloss/simd/number.hpp>
#include <xloss/simd/transpose.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/source.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

/// \file
/// Losses of boxes: one sweep over [N, 4], whose rows become columns in registers. Denominators depend on the
/// weights alone, so that values and gradient come from the same sweep.

namespace xloss::engine {

/// The terms of a sum of box losses, and of regressions of their coordinates.
template <class... Terms>
struct box_program {
    static constexpr std::size_t size = sizeof...(Terms);
    static constexpr bool all_boxwise = (boxwise<std::remove_cvref_t<Terms>> && ...);
    static_assert(((boxwise<std::remove_cvref_t<Terms>> || has_at<std::remove_cvref_t<Terms>>)&&...),
                  "xloss: a selection keeps elements, and in a sum with a box loss there are none");

    std::tuple<part<Terms>...> parts;

    template <class F>
    XLOSS_INLINE constexpr void each(F&& f) const {
        [&]<std::size_t... I>(std::index_sequence<I...>) XLOSS_INLINE_LAMBDA {
            (f.template operator()<I>(std::get<I>(parts)), ...);
        }
        (std::make_index_sequence<size>{});
    }
};

/// Beyond this the areas, and their quotients by the least eps, would leave the format.
template <class T>
inline constexpr double largest_coordinate = std::is_same_v<T, float> ? 0x1p30 : 0x1p300;

/// Four columns as boxes within these bounds. NaN comes through.
template <class V>
XLOSS_INLINE box<V> bounded_box(const std::array<V, 4>& columns) {
    const V most(largest_coordinate<typename V::value_type>);
    const auto bounded = [&](const V& v) XLOSS_INLINE_LAMBDA { return greater(-most, lesser(most, v)); };
    return {bounded(columns[0]), bounded(columns[1]), bounded(columns[2]), bounded(columns[3])};
}

/// A run of boxes in the computation type, four numbers each but for the weights.
template <class T>
struct box_rows {
    const T* x;
    const T* y;
    const T* m; // only in masked kernels
    T* out;     // four numbers each for gradients, one for values
    std::size_t n;
};

/// The one loop over boxes.
template <bool Masked, emit Emit, class T, class Program>
struct box_kernel {
    using V = simd::number<T>;
    using columns = std::array<V, 4>;
    static constexpr std::size_t size = Program::size;

    Program program;
    std::array<double, size> factors;
    bool accumulate;

    void run(const box_rows<T>& given, double* sums) const {
        const box_kernel kernel = *this; // copies, as in the elementwise kernel
        const box_rows<T> t = given;
        for (std::size_t i = 0; i < t.n;) {
            std::array<V, size> run{};
            const std::size_t end = std::min(t.n, i + vectors_per_run * V::width);
            for (; i < end; i += V::width)
                kernel.vector(t, i, run);
            for (std::size_t k = 0; k < size; ++k)
                sums[k] += static_cast<double>(sum(run[k])) * point_unit;
        }
    }

    XLOSS_INLINE void vector(const box_rows<T>& t, std::size_t i, std::array<V, size>& sums) const {
        columns x = simd::load_fours<V>(t.x + 4 * i), y = simd::load_fours<V>(t.y + 4 * i);
        V m(1.0);
        auto counts = m != V(0.0);
        if constexpr (Masked) {
            m = V::load(t.m + i);
            counts = m != V(0.0);
            for (std::size_t c = 0; c < 4; ++c) { // selected away, never multiplied
                x[c] = select(counts, x[c]);
                y[c] = select(counts, y[c]);
            }
        }
        const box_pair<V> pair{bounded_box(x), bounded_box(y)};
        columns slope{};
        V value(0.0);
        program.each([&]<std::size_t I>(const auto& one) XLOSS_INLINE_LAMBDA {
            const V factor(factors[I]);
            const auto [loss, by] = point_of(one.term, x, y, pair);
            sums[I] = fma(weighted(loss, m, counts), V(1.0 / point_unit), sums[I]);
            value = fma(factor, loss, value);
            for (std::size_t c = 0; c < 4; ++c)
                slope[c] = fma(factor, by[c], slope[c]);
        });
        if constexpr (Emit == emit::gradient)
            write(t.out + 4 * i, slope, m, counts);
        if constexpr (Emit == emit::value)
            weighted(value, m, counts).store(t.out + i);
    }

    struct point_by_columns {
        V value;
        columns slope;
    };

    template <class Term>
    static XLOSS_INLINE point_by_columns point_of(const Term& term, const columns& x, const columns& y,
                                                  const box_pair<V>& pair) {
        if constexpr (boxwise<Term>) {
            const box_point<V> p = term.at_box(pair);
            return {within_format(p.value),
                    {within_format(p.slope.x1), within_format(p.slope.y1), within_format(p.slope.x2),
                     within_format(p.slope.y2)}};
        } else {
            point_by_columns sum{};
            for (std::size_t c = 0; c < 4; ++c) {
                const pixel<V> s{x[c], x[c], V(0.0), V(0.0), V(0.0), y[c], V(static_cast<double>(c)), 4};
                const point<V> p = term.at(s);
                sum.value = sum.value + p.value;
                sum.slope[c] = p.slope;
            }
            return sum;
        }
    }

    static XLOSS_INLINE V weighted(const V& value, const V& m, const auto& counts) {
        if constexpr (Masked)
            return select(counts, value * m);
        else
            return value;
    }

    XLOSS_INLINE void write(T* out, columns g, const V& m, const auto& counts) const {
        for (V& one : g)
            one = weighted(one, m, counts);
        if (accumulate) {
            const columns old = simd::load_fours<V>(out);
            for (std::size_t c = 0; c < 4; ++c)
                g[c] = Masked ? select(counts, old[c] + g[c], old[c]) : old[c] + g[c];
        }
        simd::store_fours(g, out);
    }
};

/// Runs the kernel over a tile; the boxes that do not fill a vector go through the masked kernel, padded with
/// weight 0.
template <emit Emit, class T, class Program>
void run_boxes(const Program& program, const std::array<double, Program::size>& factors, const box_rows<T>& t,
               bool accumulate, double* sums) {
    const simd::flush_denormals flush; // around the kernel alone: reading may run a user's expression
    constexpr std::size_t W = simd::number<T>::width, per_box = Emit == emit::gradient ? 4 : 1;
    const std::size_t whole = t.n - t.n % W, left = t.n - whole;
    box_rows<T> body = t;
    body.n = whole;
    const box_kernel<true, Emit, T, Program> masked{program, factors, accumulate};
    if (t.m)
        masked.run(body, sums);
    else
        box_kernel<false, Emit, T, Program>{program, factors, accumulate}.run(body, sums);
    if (left == 0)
        return;

    alignas(64) std::array<T, 4 * W> x{}, y{}, m{}, out{};
    std::copy_n(t.x + 4 * whole, 4 * left, x.data());
    std::copy_n(t.y + 4 * whole, 4 * left, y.data());
    if (t.m)
        std::copy_n(t.m + whole, left, m.data());
    else
        std::fill_n(m.data(), left, T(1));
    if (Emit == emit::gradient && accumulate)
        std::copy_n(t.out + per_box * whole, per_box * left, out.data());
    masked.run({x.data(), y.data(), m.data(), out.data(), W}, sums);
    if (Emit != emit::nothing)
        std::copy_n(out.data(), per_box * left, t.out + per_box * whole);
}

/// Evaluates a sum of box losses and regressions of coordinates.
template <class T, class Program>
class box_stages {
public:
    static constexpr std::size_t size = Program::size;

    /// `how`: the reduction of every part.
    box_stages(const Program& program, const tensor::source<T>& x, const box_target<T>& y, const survey& s,
               const std::array<reduction, size>& how, const call_options& call, workspace& memory)
        : program_(program), x_(x), y_(y), survey_(s), call_(call), memory_(memory) {
        program_.each([&]<std::size_t I>(const auto& one) {
            const double per_box = boxwise<std::remove_cvref_t<decltype(one.term)>> ? 1.0 : 4.0;
            normalizers_[I] = is_unreduced() || how[I] == reduction::sum ? 1.0 : per_box * survey_.weight;
        });
    }

    /// Value, and with Gradient the gradient into `out`.
    template <bool Gradient, std::size_t N>
    report<N> run(const sink_ref<T>& out) const {
        check_upstream();
        std::array<double, size> sums{};
        sweep<Gradient ? emit::gradient : emit::nothing>(factors(), out, sums);
        auto values = part_values(program_);
        for (std::size_t k = 0; k < size; ++k)
            values[k].mean = {quotient(sums[k], normalizers_[k]), normalizers_[k]};
        return report_of<N>(values, survey_.valid);
    }

    /// Throws where the upstream gradient does not fit; nothing is written.
    void check() const { check_upstream(); }

    /// One loss for every box.
    [[nodiscard]] tensor::shape unreduced_shape() const {
        if (!Program::all_boxwise)
            tensor::raise<parameter_error>(
                {y_.loss(), ": an upstream tensor needs box losses alone: a regression has four losses "
                            "for every box"});
        tensor::shape s;
        s.rank = 1;
        s[0] = y_.size();
        return s;
    }

    void write_unreduced(const sink_ref<T>& out) const {
        static_assert(Program::all_boxwise,
                      "xloss: unreduced needs box losses alone: a regression has four losses for every box");
        std::array<double, size> each{}, sums{};
        program_.each([&]<std::size_t I>(const auto& one) { each[I] = one.coefficient(); });
        sweep<emit::value>(each, out, sums);
    }

private:
    struct buffers {
        alignas(64) std::array<T, tile_size> x, y, m, spare, out;
    };

    [[nodiscard]] bool is_unreduced() const { return call_.upstream.tensor().has_value(); }

    void check_upstream() const {
        engine::check_upstream(y_, call_, is_unreduced() ? unreduced_shape() : tensor::shape{});
    }

    /// d(loss)/d(sum) of every part.
    [[nodiscard]] std::array<double, size> factors() const {
        const double upstream = is_unreduced() ? 1.0 : call_.upstream.factor();
        std::array<double, size> f{};
        program_.each([&]<std::size_t I>(const auto& one) {
            f[I] = bounded_slope<T>(quotient(one.coefficient() * upstream, normalizers_[I]),
                                    std::max(1.0, survey_.weight));
        });
        return f;
    }

    template <emit Emit>
    void sweep(const std::array<double, size>& factors, const sink_ref<T>& out,
               std::array<double, size>& totals) const {
        const std::size_t tiles = (y_.size() + boxes_per_tile - 1) / boxes_per_tile;
        const std::size_t pieces = (tiles + box_tiles_per_piece - 1) / box_tiles_per_piece;
        double* partials =
            memory_.template get<double>(scratch::partial_sums, slots(call_.executor, pieces) * size);
        for_pieces(
            call_.executor, {pieces, 4 * boxes_per_tile * box_tiles_per_piece},
            [&](std::size_t piece, std::size_t slot) {
                buffers r;
                double* sums = partials + slot * size;
                std::fill_n(sums, size, 0.0);
                const std::size_t end = std::min(tiles, (piece + 1) * box_tiles_per_piece);
                for (std::size_t t = piece * box_tiles_per_piece; t < end; ++t)
                    run_tile<Emit>(r, t * boxes_per_tile, factors, sums, out);
            },
            [&](std::size_t, std::size_t slot) {
                for (std::size_t k = 0; k < size; ++k)
                    totals[k] += partials[slot * size + k];
            });
    }

    template <emit Emit>
    void run_tile(buffers& r, std::size_t i, const std::array<double, size>& factors, double* sums,
                  const sink_ref<T>& out) const {
        constexpr std::size_t per_box = Emit == emit::gradient ? 4 : 1;
        box_rows<T> t{};
        t.n = std::min(boxes_per_tile, y_.size() - i);
        t.x = x_.read(4 * i, 4 * t.n, r.x.data());
        t.y = y_.read(i, t.n, r.y.data());
        if (y_.masked())
            t.m = y_.weights(i, t.n, r.m.data(), r.spare.data());
        if (Emit != emit::nothing)
            t.out = out.to->begin(per_box * i, per_box * t.n, r.out.data(), out.accumulate);
        run_boxes<Emit>(program_, factors, t, out.accumulate, sums);
        if (Emit != emit::nothing)
            out.to->commit(per_box * i, per_box * t.n, t.out, out.accumulate);
    }

    const Program& program_;
    const tensor::source<T>& x_;
    const box_target<T>& y_;
    const survey& survey_;
    const call_options& call_;
    workspace& memory_;
    std::array<double, size> normalizers_{};
};

} // namespace xloss::engine

#endif
