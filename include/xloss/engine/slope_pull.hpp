#ifndef XLOSS_ENGINE_SLOPE_PULL_HPP
#define XLOSS_ENGINE_SLOPE_PULL_HPP

#include <xloss/config.hpp>
#include <xloss/engine/activation.hpp>
#include <xloss/engine/channel_reader.hpp>
#include <xloss/engine/channel_slopes.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/simd/flush.hpp>
#include <xloss/simd/math.hpp>
#include <xloss/simd/number.hpp>
#include <xloss/tensor/sink.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

/// \file
/// The last sweep of a loss that is not fused with others: from its slopes to the gradient.

namespace xloss::engine {

/// The slope of every element, to be multiplied by the factor of its sample and class; a factor of 0 says
/// that there are no slopes. An absent element has slope 0.
template <class T>
struct element_slopes {
    const T* slope; // may be where the gradient is to be written
    const double* factors;
    bool by_input; // else by the probability of a logit
};

/// Where every element has a sigmoid of its own, or its slope is the gradient.
template <class T>
class elementwise_pull {
    using V = simd::number<T>;

public:
    explicit elementwise_pull(const sweep_inputs<T>& in) : in_(in), g_(in.y.geometry()) {}

    void run(const element_slopes<T>& from, const sink_ref<T>& out) const {
        const std::size_t per_row = (g_.pixels + tile_size - 1) / tile_size;
        const std::size_t tiles = g_.samples * g_.classes * per_row;
        for_pieces(
            in_.executor,
            {(tiles + tiles_per_piece - 1) / tiles_per_piece,
             tiles_per_piece * std::min(tile_size, g_.pixels)},
            [&](std::size_t piece, std::size_t) {
                const std::size_t first = piece * tiles_per_piece;
                for (std::size_t t = first; t < std::min(tiles, first + tiles_per_piece); ++t)
                    run_tile(t / per_row, t % per_row * tile_size, from, out);
            },
            [](std::size_t, std::size_t) {});
    }

private:
    static constexpr std::size_t tiles_per_piece = 16;

    void run_tile(std::size_t row, std::size_t i, const element_slopes<T>& from,
                  const sink_ref<T>& out) const {
        alignas(64) std::array<T, tile_size> staging, logits;
        const std::size_t first = row * g_.pixels + i, n = std::min(tile_size, g_.pixels - i);
        const double factor = from.factors[row];
        if (factor == 0.0 && out.accumulate)
            return;
        T* to = out.to->begin(first, n, staging.data(), out.accumulate);
        const T* slope = from.slope + first;
        if (factor == 0.0)
            std::fill_n(to, n, T(0));
        else if (from.by_input)
            write(to, n, out.accumulate, [=](auto load) XLOSS_INLINE_LAMBDA {
                const V a = load(slope);
                return select(a != V(0.0), a * factor);
            });
        else
            write(to, n, out.accumulate,
                  [=, x = in_.x.read(first, n, logits.data())](auto load) XLOSS_INLINE_LAMBDA {
                      const V a = load(slope);
                      const auto s = sigmoid_flushed(load(x));
                      return select(a != V(0.0), a * factor * (s.p * s.q));
                  });
        out.to->commit(first, n, to, out.accumulate);
    }

    /// Writes a row of what `gradient(load)` gives, or adds it where it is not 0: what is absent keeps its
    /// bits.
    template <class F>
    static void write(T* to, std::size_t n, bool accumulate, const F& gradient) {
        const simd::flush_denormals flush;
        const auto sum = [=](const V& g, const V& old) {
            return accumulate ? select(g == V(0.0), old, old + g) : g;
        };
        std::size_t j = 0;
        for (; j + V::width <= n; j += V::width) {
            const V g = gradient([j](const T* row) { return V::load(row + j); });
            sum(g, V::load(to + j)).store(to + j);
        }
        if (j < n) {
            const V g = gradient([j, n](const T* row) { return V::load_partial(row + j, n - j); });
            sum(g, V::load_partial(to + j, n - j)).store_partial(to + j, n - j);
        }
    }

    const sweep_inputs<T>& in_;
    const geometry& g_;
};

/// Where the classes of a pixel share a softmax.
template <class T>
class channelwise_pull : channel_reader<T> {
    using reader = channel_reader<T>;
    using reader::g_;
    using typename reader::block;
    using typename reader::V;

public:
    explicit channelwise_pull(const sweep_inputs<T>& in) : reader(in, true) {}

    /// `kept`: what `smaller_of` gives of every element.
    void run(const element_slopes<T>& from, const T* kept, const sink_ref<T>& out) const {
        this->each_block(
            this->plan(), [](std::size_t) {},
            [&](block& k, std::size_t, std::size_t b, std::size_t i, std::size_t n) {
                this->read_targets(k, b, i, n); // which pixels are there
                const simd::flush_denormals flush;
                const class_mean<T> mean = read_slopes(k, b, i, n, from, kept);
                this->write_classes(k, b, i, n, out, [&](std::size_t c, T* in_block) {
                    this->write_row(
                        k, g_.first(b, c) + i, n, k.m.data(), out,
                        [=, row = k.row(c), slope = k.logit(c)](std::size_t j) XLOSS_INLINE_LAMBDA {
                            return p_of_smaller(V::load(row + j)) * mean.beyond(j, V::load(slope + j));
                        },
                        in_block);
                });
            },
            [](std::size_t, std::size_t) {});
    }

private:
    /// Probabilities and slopes of a block, side by side.
    class_mean<T> read_slopes(block& k, std::size_t b, std::size_t i, std::size_t n,
                              const element_slopes<T>& from, const T* kept) const {
        const class_mean<T> mean(k);
        mean.clear(n);
        for (std::size_t c = 0; c < g_.classes; ++c) {
            const T* smaller = kept + g_.first(b, c) + i;
            const T* slope = from.slope + g_.first(b, c) + i;
            const double by = from.factors[b * g_.classes + c];
            const auto take = [=, row = k.row(c), a = k.logit(c)](std::size_t j, const V& v, const V& s)
                                  XLOSS_INLINE_LAMBDA {
                                      const V scaled = by == 0.0 ? V(0.0) : s * by;
                                      v.store(row + j);
                                      scaled.store(a + j);
                                      mean.add(j, v, scaled);
                                  };
            std::size_t j = 0;
            for (; j + V::width <= n; j += V::width)
                take(j, V::load(smaller + j), V::load(slope + j));
            if (j < n)
                take(j, V::load_partial(smaller + j, n - j), V::load_partial(slope + j, n - j));
        }
        return mean;
    }
};

} // namespace xloss::engine

#endif
