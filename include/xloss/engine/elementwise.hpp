#ifndef XLOSS_ENGINE_ELEMENTWISE_HPP
#define XLOSS_ENGINE_ELEMENTWISE_HPP

#include <xloss/config.hpp>
#include <xloss/engine/activation.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/rows.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/engine/zeros.hpp>
#include <xloss/simd/convert.hpp>
#include <xloss/simd/flush.hpp>
#include <xloss/tensor/sink.hpp>
#include <xloss/tensor/source.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace xloss::engine {

/// A run of pixels of one class of one sample, in the computation type.
template <class T>
struct tile {
    const T* x;
    const T* y;
    const std::uint8_t* bytes; // if given, targets in place of y; not in masked kernels
    const T* m;                // weights; only in masked kernels
    const T* d;                // distances; only where a term sees them
    T* out;                    // only where something is written
    T* kept;                   // variances; only where they are kept
    std::size_t n;
    std::size_t cls;
    std::size_t classes;
    bool accumulate;
    T absent; // the value where nothing counts
};

/// What the gradient of a tile needs of the whole call: d(loss)/d(point sum) for every point, and the
/// pull-back.
template <std::size_t Points>
struct slopes {
    std::array<double, Points> point{};
    pull_back pull{};
};

/// Whether a sweep of a program has something to write into its output.
template <class Program>
constexpr bool writes(emit what) {
    return what != emit::nothing && (what != emit::variances || Program::has_points);
}

/// Whether it reads there what a sweep before it left.
template <class Program>
constexpr bool reads_slopes(emit what) {
    return adds_to_slopes(what) && Program::has_points;
}

/// The one loop over pixels of the elementwise modes, for any sum of terms.
template <bool Masked, bool Probabilities, bool Sums, emit Emit, class T, class Program>
struct elementwise_kernel {
    using V = simd::number<T>;
    using accumulators = std::array<V, std::max<std::size_t>(Program::width, 1)>;
    using sigmoids_type = sigmoid_strip<T, Program::sees_softplus && sees_points(Sums, Emit)>;

    /// Whether sigmoids are made before they are used.
    static constexpr bool in_strips = !Probabilities && Emit != emit::variance_pull && Program::sees_sigmoid;

    Program program;
    slopes<Program::points> factors;
    V cls;
    std::size_t classes;
    bool accumulate;
    V absent;

    /// Inlined: where the kernel is a local of its caller nothing else can reach it, so that parameters stay
    /// in registers over the stores of a row, which as vectors may alias anything. The tile likewise.
    XLOSS_INLINE void run(const tile<T>& given, double* sums) const {
        const tile<T> t = given;
        std::size_t i = 0;
        while (i + V::width <= t.n) {
            accumulators run{};
            const std::size_t end = std::min(t.n, i + vectors_per_run * V::width);
            while (i + V::width <= end)
                i = strip(t, i, end, run);
            flush(run, sums);
        }
        if constexpr (Sums && Program::has_regions && !Masked)
            sums[Program::weight_at] += static_cast<double>(t.n);
    }

    /// The vectors of a strip from pixel i on; where it ends.
    XLOSS_INLINE std::size_t strip(const tile<T>& t, std::size_t i, std::size_t end,
                                   accumulators& run) const {
        sigmoids_type sigmoids;
        const std::size_t first = i;
        if constexpr (in_strips) {
            end = std::min(end, first + sigmoids_type::size);
            sigmoids.read(t.x + first, end - first);
        }
        for (; i + V::width <= end; i += V::width)
            vector(Emit == emit::variance_pull ? nullptr : t.x + i, sigmoids, i - first, target_at(t, i),
                   Masked ? t.m + i : nullptr, Program::sees_distance ? t.d + i : nullptr,
                   writes<Program>(Emit) ? t.out + i : nullptr, keeps_variances(Emit) ? t.kept + i : nullptr,
                   run);
        return i;
    }

    /// Bytes widen on their way into the kernel, where arithmetic hides it. Not a kernel of their own: a
    /// branch that never turns costs nothing beside that, and twice the kernels would be compiled.
    static XLOSS_INLINE V target_at(const tile<T>& t, std::size_t i) {
        if constexpr (!Masked)
            if (t.bytes)
                return V::load_bytes(t.bytes + i);
        return V::load(t.y + i);
    }

    /// Adds the lanes of a run of vectors to the sums in double.
    static XLOSS_INLINE void flush(const accumulators& run, double* sums) {
        if constexpr (Sums)
            for (std::size_t k = 0; k < Program::width; ++k)
                sums[k] += static_cast<double>(sum(run[k])) * (k < Program::points ? point_unit : 1.0);
    }

    /// Where it reads and writes by itself: of the tile and an index g++ 12 makes loops that take a tenth
    /// longer.
    XLOSS_INLINE void vector(const T* x_row, const sigmoids_type& sigmoids, std::size_t in_strip, V y,
                             const T* m_row, const T* d_row, T* out, T* kept, accumulators& sums) const {
        V m(1.0);
        auto counts = m != V(0.0);
        if constexpr (Masked) { // selected away, never multiplied: x and y may be anything where m is 0
            m = V::load(m_row);
            counts = m != V(0.0);
            y = select(counts, y);
        }
        if constexpr (Emit == emit::variance_pull) {
            const V by_p = factors.pull.template at<Program>(V(0.0), V(0.0), y);
            const V waiting = reads_slopes<Program>(Emit) ? V::load(out) : V(0.0);
            return write(out, waiting + weighted(by_p * V::load(kept), m, counts), counts);
        }
        V x = V::load(x_row);
        if constexpr (Masked)
            x = select(counts, x);
        pixel<V> s = pixel_at(x, y, sigmoids, in_strip, counts);
        if constexpr (Program::sees_distance)
            s.distance = select(counts, V::load(d_row));
        V slope(0.0), value(0.0);
        if constexpr (sees_points(Sums, Emit))
            program.each_pointwise([&]<std::size_t I>(const auto& one) XLOSS_INLINE_LAMBDA {
                const auto points = points_of_term(one.term, s);
                for (std::size_t k = 0; k < points.size(); ++k) {
                    constexpr std::size_t first = Program::point_offsets[I];
                    const V factor(factors.point[first + k]);
                    if constexpr (Sums)
                        sums[first + k] =
                            fma(weighted(points[k].value, m, counts), V(1.0 / point_unit), sums[first + k]);
                    if constexpr (emits_point_slopes(Emit))
                        slope = fma(factor, points[k].slope, slope);
                    if constexpr (Emit == emit::value)
                        value = fma(factor, points[k].value, value);
                }
            });
        if constexpr (Sums && Program::has_regions)
            add_soft_sums<Program, Masked>(s.p, s.q, y, m, sums.data());
        if constexpr (Sums && Program::has_hard) // what is absent has the logit or probability 0
            add_hard_sums<Program>(x > V(Probabilities ? 0.5 : 0.0), y, m, sums.data());
        if constexpr (keeps_variances(Emit))
            sigmoid_slope(s).store(kept);
        if constexpr (writes<Program>(Emit) && (emits_point_slopes(Emit) || emits_pull_back(Emit))) {
            // One order of operations, whether the pointwise part comes from the first sweep or from this
            // one.
            V g = Emit == emit::pull_back ? V::load(out) : weighted(slope, m, counts);
            if constexpr (emits_pull_back(Emit) && Program::has_regions) {
                const V by_p = factors.pull.template at<Program>(s.p, s.q, y);
                const V by_x = Probabilities ? by_p : by_p * sigmoid_slope(s);
                g = g + weighted(by_x, m, counts);
            }
            write(out, g, counts);
        }
        if constexpr (Emit == emit::value)
            write(out, Masked ? select(counts, value * m, absent) : value, counts);
    }

    XLOSS_INLINE pixel<V> pixel_at(const V& x, const V& y, const sigmoids_type& sigmoids,
                                   std::size_t in_strip, const auto& counts) const {
        if constexpr (Probabilities)
            return pixel_of_probability(x, y, cls, classes);
        else if constexpr (!in_strips)
            return pixel_of_logit(x, y, cls, classes);
        else if constexpr (Masked)
            return sigmoids.at(in_strip, x, y, cls, classes, counts);
        else
            return sigmoids.at(in_strip, x, y, cls, classes, true);
    }

    /// Values and slopes of a term, by the logit or by the probability as the inputs are.
    template <class Term>
    static XLOSS_INLINE auto points_of_term(const Term& term, const pixel<V>& s) {
        if constexpr (Probabilities ? has_at_probability<Term> : !has_at<Term>) {
            auto points = as_points(term.at_probability(s));
            if constexpr (!Probabilities)
                for (auto& one : points)
                    one.slope = one.slope * sigmoid_slope(s);
            return points;
        } else {
            auto points = as_points(term.at(s));
            if constexpr (Probabilities)
                for (auto& one : points)
                    one.slope = by_probability(one.slope, s);
            return points;
        }
    }

    static XLOSS_INLINE V weighted(const V& value, const V& m, const auto& counts) {
        if constexpr (Masked)
            return select(counts, value * m);
        else
            return value;
    }

    XLOSS_INLINE void write(T* out, V g, const auto& counts) const {
        if (accumulate) {
            const V old = V::load(out);
            g = g + old;
            if constexpr (Masked)
                g = select(counts, g, old);
        }
        g.store(out);
    }
};

/// What a sweep over tiles asks of a program, as pointers: the sweep is compiled once for all programs, and
/// only the loops over pixels for each.
template <class T>
struct tile_kernels {
    /// Whole vectors of a tile. `point` is d(loss)/d(point sum), without class weights.
    using kernel = void (*)(const void* program, const double* point, const pull_back& pull, const tile<T>& t,
                            double* sums);

    kernel plain, masked;
    kernel probabilities; // masked too: given probabilities are too rare for a loop without weights
    void (*weigh)(const void* program, std::size_t c, double* sums); // sums of points by the class weight
    std::size_t points, width;                                       // no width without sums
    bool pulls, has_own;                                             // what of the pull-backs is used
    bool sees_distance, writes, reads;                               // reads: what stands where it writes
    bool reads_logits, keeps_variances;
};

/// The kernel on a tile of a program known by its address.
template <bool Masked, bool Probabilities, bool Sums, emit Emit, class T, class Program>
XLOSS_FLATTEN void run_kernel(const void* address, const double* point, const pull_back& pull,
                              const tile<T>& t, double* sums) {
    using V = simd::number<T>;
    const Program& program = *static_cast<const Program*>(address);
    slopes<Program::points> factors{};
    std::copy_n(point, Program::points, factors.point.begin());
    if constexpr (Program::has_regions && emits_pull_back(Emit))
        factors.pull = pull;
    if constexpr (Program::has_own && emits_pull_back(Emit))
        factors.point[Program::own_at] = pull.by_own;
    const auto weights = class_weights_of_points(program, t.cls);
    for (std::size_t k = 0; k < Program::points; ++k)
        factors.point[k] *= weights[k];
    const elementwise_kernel<Masked, Probabilities, Sums, Emit, T, Program> kernel{
        program, factors, V(static_cast<double>(t.cls)), t.classes, t.accumulate, V(t.absent)};
    kernel.run(t, sums);
}

/// The point sums of a tile of class c by the class weights.
template <class Program>
void weigh_points(const void* program, std::size_t c, double* sums) {
    const auto weights = class_weights_of_points(*static_cast<const Program*>(program), c);
    for (std::size_t k = 0; k < Program::points; ++k)
        sums[k] *= weights[k];
}

/// For given probabilities; none where something waits for the second sweep, which it then never does.
template <bool Sums, emit Emit, class T, class Program>
constexpr typename tile_kernels<T>::kernel probability_kernel() {
    if constexpr (Emit == emit::point_slopes || Emit == emit::pull_back || keeps_variances(Emit))
        return nullptr;
    else
        return &run_kernel<true, true, Sums, Emit, T, Program>;
}

/// The kernels of a program.
template <bool Sums, emit Emit, class T, class Program>
inline constexpr tile_kernels<T> kernels_of{&run_kernel<false, false, Sums, Emit, T, Program>,
                                            &run_kernel<true, false, Sums, Emit, T, Program>,
                                            probability_kernel<Sums, Emit, T, Program>(),
                                            &weigh_points<Program>,
                                            Program::points,
                                            Sums ? Program::width : 0,
                                            Program::has_regions&& emits_pull_back(Emit),
                                            Program::has_own&& emits_pull_back(Emit),
                                            Program::sees_distance,
                                            writes<Program>(Emit),
                                            reads_slopes<Program>(Emit),
                                            Emit != emit::variance_pull,
                                            keeps_variances(Emit)};

/// The sweeps of the elementwise modes over tiles, whatever the program.
template <class T>
class tile_sweep {
public:
    /// `joined`: the samples of a binary call need not be told apart.
    tile_sweep(const void* program, const sweep_inputs<T>& in, bool joined)
        : in_(in), g_(in.y.geometry()), program_(program) {
        if (joined && g_.classes == 1) {
            g_.pixels *= g_.samples;
            g_.samples = 1;
        }
    }

    /// How many samples stay in a cache together, with all that is read and written of them, when they are
    /// read again; 0: not even one.
    [[nodiscard]] std::size_t samples_in_cache() const {
        const std::size_t elements = g_.classes * g_.pixels;
        if (elements > cached_elements)
            return 0;
        // As many as are worth waking threads for, and as two of them have caches for.
        const std::size_t wanted = in_.executor.is_serial() ? cached_elements / 4 : 2 * cached_elements;
        return std::max<std::size_t>(wanted / std::max<std::size_t>(elements, 1), 1);
    }

    /// Sums are kept for this many regions.
    [[nodiscard]] std::size_t regions() const { return g_.samples * g_.classes; }

protected:
    struct buffers {
        alignas(64) std::array<T, tile_size> x, y, m, d, spare, out;
    };

    /// One pass over the logits of the samples [first, last). `point` is d(loss)/d(point sum), `pulls` one
    /// pull-back per sample and class. Variances are kept for samples that stay cached, or in the gradient.
    void sweep(const tile_kernels<T>& by, std::size_t first, std::size_t last, const double* point,
               const pull_back* pulls, double* totals, const sink_ref<T>& out) const {
        const std::size_t per_row = tiles_per_row(), first_tile = first * g_.classes * per_row;
        const std::size_t tiles = (last - first) * g_.classes * per_row;
        const std::size_t pieces = (tiles + tiles_per_piece - 1) / tiles_per_piece;
        const std::size_t width = by.width;
        double* partials = partial_sums(pieces, width);
        T* kept = by.keeps_variances ? variances(first, by.points == 0, out) : nullptr;
        for_pieces(
            in_.executor, {pieces, tiles_per_piece * std::min(tile_size, g_.pixels)},
            [&](std::size_t piece, std::size_t slot) {
                buffers r;
                const std::size_t begin = piece * tiles_per_piece;
                for (std::size_t t = begin; t < std::min(tiles, begin + tiles_per_piece); ++t) {
                    double* sums = partials + (slot * tiles_per_piece + t - begin) * width;
                    std::fill_n(sums, width, 0.0);
                    const std::size_t row = (first_tile + t) / per_row, i = t % per_row * tile_size;
                    T* keep = kept ? kept + (t / per_row) * g_.pixels + i : nullptr;
                    run_tile(by, r, row, i, point, pulls, sums, out, keep);
                }
            },
            [&](std::size_t piece, std::size_t slot) {
                const std::size_t begin = piece * tiles_per_piece;
                for (std::size_t t = begin; t < std::min(tiles, begin + tiles_per_piece); ++t)
                    for (std::size_t k = 0; k < width; ++k)
                        totals[(first_tile + t) / per_row * width + k] +=
                            partials[(slot * tiles_per_piece + t - begin) * width + k];
            });
    }

    /// Calls f(buffers, row, first pixel) for every tile.
    template <class F>
    void each_tile(F&& f) const {
        const std::size_t per_row = tiles_per_row(), tiles = regions() * per_row;
        const std::size_t pieces = (tiles + tiles_per_piece - 1) / tiles_per_piece;
        in_.executor.run({pieces, tiles_per_piece * std::min(tile_size, g_.pixels)}, [&](std::size_t piece) {
            buffers r;
            for (std::size_t t = piece * tiles_per_piece; t < std::min(tiles, (piece + 1) * tiles_per_piece);
                 ++t)
                f(r, t / per_row, t % per_row * tile_size);
        });
    }

    /// Takes the memory of a whole pass.
    void reserve(std::size_t width) const {
        const std::size_t tiles = g_.samples * g_.classes * tiles_per_row();
        partial_sums((tiles + tiles_per_piece - 1) / tiles_per_piece, width);
    }

    void run_tile(const tile_kernels<T>& by, buffers& r, std::size_t row, std::size_t i, const double* point,
                  const pull_back* pulls, double* sums, const sink_ref<T>& out, T* kept = nullptr) const {
        const std::size_t b = row / g_.classes, c = row % g_.classes;
        const std::size_t first = row * g_.pixels + i;
        tile<T> t{};
        t.n = std::min(tile_size, g_.pixels - i);
        t.cls = c;
        t.classes = g_.classes;
        t.accumulate = out.accumulate;
        t.absent = out.absent;
        if (by.has_own && is_left_out(pulls[row], {point, by.points})) {
            if (!out.accumulate)
                write_zeros(*out.to, first, t.n);
            return;
        }
        t.kept = kept;
        if (by.reads_logits)
            t.x = in_.x.read(first, t.n, r.x.data());
        if (!in_.probabilities)
            t.bytes = in_.y.bytes(b, c, i, t.n);
        if (!t.bytes) {
            const auto [y, m] = in_.y.read(b, c, i, t.n, r.y.data(), r.m.data(), r.spare.data());
            t.y = y;
            t.m = m;
        }
        if (by.sees_distance)
            t.d = in_.y.distance(b, c, i, t.n, r.d.data());
        if (by.writes)
            t.out = out.to->begin(first, t.n, r.out.data(), out.accumulate);
        if (in_.probabilities && !t.m) {
            std::fill_n(r.m.data(), t.n, T(1));
            t.m = r.m.data();
        }
        run_kernels(by, point, by.pulls ? pulls[row] : pull_back{}, t, sums);
        if (by.writes)
            out.to->commit(first, t.n, t.out, out.accumulate);
        if (by.width > 0 && by.points > 0)
            by.weigh(program_, c, sums);
    }

    const sweep_inputs<T>& in_;
    geometry g_;

private:
    const void* program_;

    static constexpr std::size_t tiles_per_piece = 16;
    // Of four numbers each: a second-level cache and some of the third.
    static constexpr std::size_t cached_elements = (std::size_t{1} << 20) / sizeof(T);

    [[nodiscard]] std::size_t tiles_per_row() const { return (g_.pixels + tile_size - 1) / tile_size; }

    double* partial_sums(std::size_t pieces, std::size_t width) const {
        return in_.memory.template get<double>(scratch::partial_sums,
                                               slots(in_.executor, pieces) * tiles_per_piece * width);
    }

    /// Where the variances of a group of samples wait: in the gradient, if nothing else does.
    T* variances(std::size_t first, bool alone, const sink_ref<T>& out) const {
        const std::size_t elements = g_.classes * g_.pixels;
        if (alone && out.to->in_place() && !out.accumulate)
            return out.to->begin(first * elements, elements, nullptr, false);
        return in_.memory.template get<T>(scratch::variances,
                                          std::min(samples_in_cache(), g_.samples) * elements);
    }

    /// Runs the kernel over a tile; the pixels that do not fill a vector go through the masked kernel, padded
    /// with weight 0.
    void run_kernels(const tile_kernels<T>& by, const double* point, const pull_back& pull, const tile<T>& t,
                     double* sums) const {
        const simd::flush_denormals flush; // around the kernel alone: reading may run a user's expression
        constexpr std::size_t width = simd::number<T>::width;
        const auto masked = in_.probabilities ? by.probabilities : by.masked;
        const std::size_t whole = t.n - t.n % width;
        tile<T> body = t;
        body.n = whole;
        (t.m ? masked : by.plain)(program_, point, pull, body, sums);
        if (whole == t.n)
            return;

        const std::size_t left = t.n - whole;
        alignas(64) std::array<T, width> x{}, y{}, m{}, d{}, out{}, kept{};
        if (by.reads_logits)
            std::copy_n(t.x + whole, left, x.data());
        else
            std::copy_n(t.kept + whole, left, kept.data());
        if (t.bytes)
            simd::convert(t.bytes + whole, y.data(), left);
        else
            std::copy_n(t.y + whole, left, y.data());
        if (t.m)
            std::copy_n(t.m + whole, left, m.data());
        else
            std::fill_n(m.data(), left, T(1));
        if (by.reads || (by.writes && t.accumulate))
            std::copy_n(t.out + whole, left, out.data());
        if (by.sees_distance)
            std::copy_n(t.d + whole, left, d.data());
        masked(program_, point, pull,
               {x.data(), y.data(), nullptr, m.data(), d.data(), out.data(), kept.data(), width, t.cls,
                t.classes, t.accumulate, t.absent},
               sums);
        if (by.writes)
            std::copy_n(out.data(), left, t.out + whole);
        if (by.keeps_variances && by.reads_logits)
            std::copy_n(kept.data(), left, t.kept + whole);
    }

    /// Whether nothing depends on a region, because the term that sums its pixels chose others: it is not
    /// even read.
    static bool is_left_out(const pull_back& pull, std::span<const double> point) {
        return pull.is_zero() && std::all_of(point.begin(), point.end(), [](double f) { return f == 0.0; });
    }
};

/// The sweeps of the elementwise modes: binary, multilabel and one_vs_rest.
template <class T, class Program>
class elementwise_sweep : public tile_sweep<T> {
    using points_type = std::array<double, Program::points>;

public:
    elementwise_sweep(const Program& program, const sweep_inputs<T>& in)
        : tile_sweep<T>(&program, in, !Program::has_regions) {}

    /// One pass over the logits. `point` is d(loss)/d(point sum), `pulls` one pull-back per sample and class.
    template <bool Sums, emit Emit>
    void run(const points_type& point, const pull_back* pulls, double* totals, const sink_ref<T>& out) const {
        run_samples(kernels_of<Sums, Emit, T, Program>, 0, this->g_.samples, point, pulls, totals, out);
    }

    /// One pass that writes several gradients, tile by tile and one after the other.
    void run_gradients(std::span<const sweep_output<T, Program::points>> outputs) const {
        const tile_kernels<T>& by = kernels_of<false, emit::gradient, T, Program>;
        this->each_tile([&](auto& buffers, std::size_t row, std::size_t i) {
            for (const auto& to : outputs)
                this->run_tile(by, buffers, row, i, to.point.data(), to.pulls, nullptr, to.out);
        });
    }

    /// The same pass over the samples [first, last), with the same bits.
    void run_samples(const tile_kernels<T>& by, std::size_t first, std::size_t last, const points_type& point,
                     const pull_back* pulls, double* totals, const sink_ref<T>& out) const {
        this->sweep(by, first, last, point.data(), pulls, totals, out);
    }

    /// Takes the memory of a whole pass, so that a workspace that has seen samples one by one has seen the
    /// shape.
    void reserve() const { tile_sweep<T>::reserve(Program::width); }
};

} // namespace xloss::engine

#endif
