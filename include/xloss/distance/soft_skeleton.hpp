#ifndef XLOSS_DISTANCE_SOFT_SKELETON_HPP
#define XLOSS_DISTANCE_SOFT_SKELETON_HPP

#include <xloss/config.hpp>
#include <xloss/distance/padded.hpp>
#include <xloss/distance/pooling.hpp>
#include <xloss/simd/number.hpp>
#include <xloss/tensor/grid.hpp>
#include <xloss/tensor/layout.hpp>
#include <xloss/tensor/like.hpp>
#include <xloss/tensor/source.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>
#include <vector>

namespace xloss::distance {

/// The soft skeleton of one image or volume, and its derivative.
///
/// **Formula.** With x_0 = x, x_(j+1) = erode x_j and d_j = relu(x_j - dilate x_(j+1)): k_0 = d_0, k_j =
/// k_(j-1) + relu(d_j - k_(j-1) d_j); k_n is the skeleton, n = `iterations`. erode: the least over windows of
/// three along each axis (a plus in 2-D). dilate: the greatest over windows of three along all axes (a
/// square). What is outside does not count.
///
/// **Gradient** at ties as PyTorch's, so that it agrees on masks and on saturated predictions, which are full
/// of them: a window of three, or a square of nine, passes its slope to the first of equal elements in
/// row-major order; the minima along two axes share it evenly where they are equal, those along three axes by
/// min(min(slowest, middle), fastest): a quarter, a quarter and a half. relu passes nothing at 0.
///
/// **Memory**, in images: 2 n + 5 (every erosion and every k but the last are kept; the dilations are
/// computed again) and a few rows or planes; 3 if not `differentiable`, such as of a target.
///
/// **NaN** at a pixel is NaN in the skeleton at this pixel.
///
/// **Source.** Shit et al. 2021, arXiv 2003.07311, as in the authors' code.
template <class T>
class soft_skeleton {
    using V = simd::number<T>;

public:
    /// How many numbers the memory has to have.
    static std::size_t memory(const tensor::grid& g, std::size_t iterations, bool differentiable = true) {
        const padded<T> p(g);
        const std::size_t images = differentiable ? 2 * iterations + 5 : 3;
        return images * p.room() + 3 * p.room_for_slabs(3) + p.room_for_slabs(1) + 2 * p.room_for_rows(1);
    }

    /// Of images of this grid. The memory is used, and to be left alone, as long as this object is; aligned
    /// to 64 bytes it is a tenth faster.
    soft_skeleton(const tensor::grid& g, std::size_t iterations, T* memory, bool differentiable = true)
        : iterations_(iterations), rank_(g.rank), keep_(differentiable), pad_(g),
          eroded_(take(memory, keep_ ? iterations + 2 : 2)), kept_(take(memory, keep_ ? iterations : 1)),
          row_maxima_(take_ring(memory)), maxima_(take_ring(memory)), slopes_of_maxima_(take_ring(memory)),
          slopes_of_row_maxima_(pad_.take(memory, pad_.room_for_slabs(1))), aside_{take_row(memory),
                                                                                   take_row(memory)} {
        if (!keep_)
            return;
        slope_of_skeleton_ = pad_.take(memory, pad_.room());
        slopes_[0] = pad_.take(memory, pad_.room());
        slopes_[1] = pad_.take(memory, pad_.room());
    }

    /// The skeleton of x, both row-major and without gaps. They may be the same memory.
    void forward(const T* x, T* skeleton) {
        if (pad_.empty())
            return;
        for (std::size_t r = 0; r < pad_.slabs * pad_.rows; ++r)
            pad_.read_row(x + r * pad_.columns, eroded(0) + r * pad_.pitch);
        for (std::size_t j = 0; j <= iterations_; ++j)
            grow(j, skeleton);
    }

    /// Writes the slopes by x of the last `forward`, given those by the skeleton. They may be the same
    /// memory; x is not read again. May be called several times.
    void backward(const T* slope_of_skeleton, T* slope_of_x) {
        if (pad_.empty())
            return;
        for (std::size_t r = 0; r < pad_.slabs * pad_.rows; ++r)
            pad_.read_slopes(slope_of_skeleton + r * pad_.columns, slope_of_skeleton_ + r * pad_.pitch);
        std::fill_n(slopes(iterations_ + 1) - pad_.gap, pad_.room(), T(0));
        clear_aside();
        for (std::size_t j = iterations_ + 1; j-- > 0;)
            shrink(j);
        for (std::size_t r = 0; r < pad_.slabs * pad_.rows; ++r)
            std::copy_n(slopes(0) + r * pad_.pitch, pad_.columns, slope_of_x + r * pad_.columns);
    }

private:
    T* take(T*& memory, std::size_t images) const { return pad_.take(memory, images * pad_.room()); }
    T* take_row(T*& memory) const { return pad_.take(memory, pad_.room_for_rows(1)); }
    ring<T> take_ring(T*& memory) const {
        return {pad_.take(memory, pad_.room_for_slabs(3)), pad_.slab(), pad_.slabs};
    }

    /// x_j; where nothing is kept, every second one is in the same place.
    T* eroded(std::size_t j) const { return eroded_ + (keep_ ? j : j % 2) * pad_.room(); }
    /// k_j.
    T* kept(std::size_t j) const { return kept_ + (keep_ ? j : 0) * pad_.room(); }
    /// Slopes by x_j.
    T* slopes(std::size_t j) const { return slopes_[j % 2]; }

    /// A row of an image and the rows around it.
    surroundings<T> around(T* image, std::size_t s, std::size_t y) const {
        T* slab = image + s * pad_.slab();
        return {{image + y * pad_.pitch, s, pad_.slabs, pad_.slab()}, {slab, y, pad_.rows, pad_.pitch}};
    }
    static surroundings<const T> constant(const surroundings<T>& a) { return {a.slabs, a.rows}; }

    /// k_j from x_j, and x_(j+1): slab by slab, the dilation one behind the erosion.
    void grow(std::size_t j, T* skeleton) {
        for (std::size_t s = 0; s < pad_.slabs; ++s) {
            erode(j, s);
            dilate_inside(j + 1, s);
            if (s > 0)
                keep(j, s - 1, skeleton);
        }
        keep(j, pad_.slabs - 1, skeleton);
    }

    /// Slab s of x_(j+1).
    void erode(std::size_t j, std::size_t s) {
        for (std::size_t y = 0; y < pad_.rows; ++y) {
            T* to = eroded(j + 1) + s * pad_.slab() + y * pad_.pitch;
            const auto from = constant(around(eroded(j), s, y));
            if (rank_ == 1)
                erode_row<1>(from, to, pad_.lanes);
            else if (rank_ == 2)
                erode_row<2>(from, to, pad_.lanes);
            else
                erode_row<3>(from, to, pad_.lanes);
            pad_.repeat_ends(to);
        }
    }

    /// Max-pooling of x_j along all axes but the one from slab to slab.
    void dilate_inside(std::size_t j, std::size_t s) {
        const T* from = eroded(j) + s * pad_.slab();
        T* along = rank_ == 3 ? row_maxima_[s] : maxima_[s];
        for (std::size_t y = 0; y < pad_.rows; ++y)
            dilate_row(from + y * pad_.pitch, along + y * pad_.pitch, pad_.lanes);
        for (std::size_t y = 0; rank_ == 3 && y < pad_.rows; ++y)
            dilate_across<T>({along, y, pad_.rows, pad_.pitch}, maxima_[s] + y * pad_.pitch, pad_.lanes);
    }

    /// Slab s of k_j.
    void keep(std::size_t j, std::size_t s, T* skeleton) {
        for (std::size_t y = 0; y < pad_.rows; ++y) {
            const std::size_t at = y * pad_.pitch, row = s * pad_.slab() + at;
            const neighbours<const T> maxima = maxima_.around(s, at);
            T* to = j < iterations_ ? kept(j) + row : aside_.left;
            if (j == 0)
                first_ridge(eroded(0) + row, maxima, to);
            else
                further_ridge(eroded(j) + row, maxima, kept(j - 1) + row, to);
            if (j == iterations_)
                std::copy_n(to, pad_.columns, skeleton + (s * pad_.rows + y) * pad_.columns);
        }
    }

    /// relu(x - its opening). A NaN comes through.
    static XLOSS_INLINE V ridge(const V& x, const V& opened) { return greater(V(0), x - opened); }

    void first_ridge(const T* x, const neighbours<const T>& maxima, T* k) const {
        each_register<V>(pad_.lanes, [=](std::size_t i) XLOSS_INLINE_LAMBDA {
            ridge(V::load(x + i), best_across<greatest, V>(maxima, i)).store(k + i);
        });
    }

    void further_ridge(const T* x, const neighbours<const T>& maxima, const T* before, T* k) const {
        each_register<V>(pad_.lanes, [=](std::size_t i) XLOSS_INLINE_LAMBDA {
            const V d = ridge(V::load(x + i), best_across<greatest, V>(maxima, i));
            const V old = V::load(before + i);
            (old + greater(V(0), d * (V(1) - old))).store(k + i);
        });
    }

    /// From the slopes by k_j and x_(j+1) to those by k_(j-1) and x_j: slab by slab, what a slab has
    /// collected from its neighbours one behind.
    void shrink(std::size_t j) {
        clear(slopes_of_maxima_[0]);
        dilate_inside(j + 1, 0);
        for (std::size_t s = 0; s < pad_.slabs; ++s) {
            if (s + 1 < pad_.slabs) {
                clear(slopes_of_maxima_[s + 1]);
                dilate_inside(j + 1, s + 1);
            }
            pull_back(j, s);
            if (s > 0)
                collect(j, s - 1);
        }
        collect(j, pad_.slabs - 1);
    }

    void clear(T* slab) const { std::fill_n(slab, pad_.slab(), T(0)); }

    void clear_aside() const {
        std::fill_n(aside_.left - pad_.gap, pad_.room_for_rows(1), T(0));
        std::fill_n(aside_.right - pad_.gap, pad_.room_for_rows(1), T(0));
    }

    /// Slab s, from k_j to k_(j-1), x_j and the maxima of x_(j+1).
    void pull_back(std::size_t j, std::size_t s) {
        for (std::size_t y = 0; y < pad_.rows; ++y) {
            const std::size_t at = y * pad_.pitch, row = s * pad_.slab() + at;
            const neighbours<const T> maxima = maxima_.around(s, at);
            const neighbours<T> opened = slopes_of_maxima_.around(s, at);
            if (j == 0)
                first_slopes(eroded(0) + row, maxima, opened, slope_of_skeleton_ + row, slopes(0) + row);
            else
                further_slopes(eroded(j) + row, maxima, opened, kept(j - 1) + row, slope_of_skeleton_ + row,
                               slopes(j) + row);
        }
    }

    void first_slopes(const T* x, const neighbours<const T>& maxima, const neighbours<T>& opened,
                      const T* by_k, T* by_x) const {
        each_register<V>(pad_.lanes, [=](std::size_t i) XLOSS_INLINE_LAMBDA {
            const V best = best_across<greatest, V>(maxima, i);
            const V by_d = select(V::load(x + i) - best <= V(0), V(0), V::load(by_k + i));
            by_d.store(by_x + i);
            pass_across(maxima, opened, i, best, -by_d);
        });
    }

    void further_slopes(const T* x, const neighbours<const T>& maxima, const neighbours<T>& opened,
                        const T* before, T* by_k, T* by_x) const {
        each_register<V>(pad_.lanes, [=](std::size_t i) XLOSS_INLINE_LAMBDA {
            const V best = best_across<greatest, V>(maxima, i);
            const V d = ridge(V::load(x + i), best), left = V(1) - V::load(before + i);
            const V slope = V::load(by_k + i), passing = select(d * left <= V(0), V(0), slope);
            const V by_d = passing * left; // 0 where d is
            fnma(passing, d, slope).store(by_k + i);
            by_d.store(by_x + i);
            pass_across(maxima, opened, i, best, -by_d);
        });
    }

    /// Slab s: its slopes by the maxima are complete, so those by x_(j+1) are, which go on to x_j.
    void collect(std::size_t j, std::size_t s) {
        const T* opened = slopes_of_maxima_[s];
        if (rank_ == 3) {
            collect_rows(s);
            opened = slopes_of_row_maxima_;
        }
        for (std::size_t y = 0; y < pad_.rows; ++y) {
            const std::size_t at = y * pad_.pitch, row = s * pad_.slab() + at;
            dilate_row_backward(eroded(j + 1) + row, opened + at, slopes(j + 1) + row, aside_, pad_.lanes);
            erode_backward(j, s, y, slopes(j + 1) + row);
        }
    }

    /// Max-pooling across the rows of a slab, backward.
    void collect_rows(std::size_t s) {
        T* to = slopes_of_row_maxima_;
        clear(to);
        for (std::size_t y = 0; y < pad_.rows; ++y)
            dilate_across_backward<T>({row_maxima_[s], y, pad_.rows, pad_.pitch},
                                      slopes_of_maxima_[s] + y * pad_.pitch, {to, y, pad_.rows, pad_.pitch},
                                      pad_.lanes);
    }

    void erode_backward(std::size_t j, std::size_t s, std::size_t y, const T* slopes_of_row) {
        const auto values = constant(around(eroded(j), s, y));
        const auto to = around(slopes(j), s, y);
        if (rank_ == 1)
            erode_row_backward<1>(values, slopes_of_row, to, aside_, pad_.lanes);
        else if (rank_ == 2)
            erode_row_backward<2>(values, slopes_of_row, to, aside_, pad_.lanes);
        else
            erode_row_backward<3>(values, slopes_of_row, to, aside_, pad_.lanes);
    }

    std::size_t iterations_;
    std::size_t rank_;
    bool keep_;
    padded<T> pad_;
    T* eroded_;
    T* kept_;
    ring<T> row_maxima_; // rank 3
    ring<T> maxima_;
    ring<T> slopes_of_maxima_;
    T* slopes_of_row_maxima_; // rank 3, of one slab
    sideways<T> aside_;
    T* slope_of_skeleton_ = nullptr;
    std::array<T*, 2> slopes_{};
};

} // namespace xloss::distance

namespace xloss {

/// The options of `soft_skeleton`.
struct skeleton_options {
    std::size_t iterations = 3; ///< at least the largest radius, in pixels, of what is to be thinned
    std::size_t first_axis =
        2; ///< of the spatial ones: 2 for `[B, C, ...]`, 1 for `[B, ...]`, 0 for an image
};

/// The soft skeleton of every image or volume of a tensor of probabilities: thin lines along the middle of
/// what is bright, without a threshold, so that a loss on them has a gradient (`cl_dice`).
///
///     const auto skeleton = xloss::soft_skeleton(probabilities, {.iterations = 3}); // [B, C, H, W]
///
/// **Formula.** k = relu(p - open p), then `iterations` times p = erode p, d = relu(p - open p), k += relu(d
/// - k d). erode: the least over windows of three along each axis; open: the greatest over windows of three
/// along all axes, of erode. What is outside does not count.
///
/// **Shapes.** Any expression with one to three spatial axes, in [0, 1]. The result has its shape; it is
/// double for double, float for anything else.
///
/// **Empty.** Nothing bright: 0 everywhere. A constant image: 0 everywhere, since erosion and dilation keep
/// it.
///
/// **Source.** Shit et al. 2021, arXiv 2003.07311.
///
/// @throws shape_error for other than one to three spatial axes.
template <class P>
auto soft_skeleton(const P& p, const skeleton_options& options = {}) {
    using T = std::conditional_t<std::is_same_v<tensor::value_type_of<P>, double>, double, float>;
    const tensor::source<T> from(p);
    const tensor::grid g("xloss::soft_skeleton", from.shape(), options.first_axis, {});
    auto result = tensor::make_like<T>(p);
    const std::size_t images = g.size() == 0 ? 0 : from.size() / g.size();
    std::vector<T> memory(distance::soft_skeleton<T>::memory(g, options.iterations, false));
    distance::soft_skeleton<T> skeleton(g, options.iterations, memory.data(), false);
    for (std::size_t b = 0; b < images; ++b) {
        T* to = result.data() + b * g.size();
        skeleton.forward(from.read(b * g.size(), g.size(), to), to);
    }
    return result;
}

} // namespace xloss

#endif
