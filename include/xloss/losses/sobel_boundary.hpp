#ifndef XLOSS_LOSSES_SOBEL_BOUNDARY_HPP
#define XLOSS_LOSSES_SOBEL_BOUNDARY_HPP

#include <xloss/distance/filters.hpp>
#include <xloss/engine/activation.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/program.hpp>

#include <array>
#include <cstddef>
#include <vector>

namespace xloss {

/// Binary cross entropy between the edges of prediction and target: -[t log e + (1 - t) log(1 - e)], e =
/// e(p), t = [e(y) > 0], averaged over pixels and classes. e(v) = min(1, |Sobel v|/4^(d - 1)) in d spatial
/// axes, with the border repeated: a step from 0 to 1 along an axis is an edge of 1.
///
/// **Shapes and modes.** All modes, one to three spatial axes.
///
/// **Weights.** A weighted mean, over the pixels of the classes that count. An ignored pixel is background to
/// the edges, and all pixels next to it, whose windows hold it, are ignored, too.
///
/// **Gradient.** Through logarithm, magnitude, filter and activation; log e and log(1 - e) are not below
/// -100, and divided by no less than 1e-12, as torch's binary_cross_entropy. An edge of 0 (|Sobel p| = 0) and
/// one that is clipped at 1 pass none.
///
/// **Empty.** All pixels ignored: 0, with gradient 0.
///
/// **Memory.** In the workspace 8 planes of the logits' type; in multiclass another number per element, and
/// one where the gradient is added to, as by a later loss of a sum, or is not contiguous.
///
/// **Source.** SegBoundaryLoss, as it is found in training codes; edges after Sobel and Feldman 1968.
///
/// @throws shape_error for other than one to three spatial axes, parameter_error for a class that is not
/// there, for `unreduced`.
struct sobel_boundary {
    static constexpr const char* name = "sobel_boundary";
    static constexpr unsigned modes = modes::every;
    static constexpr bool pools_regions = true; ///< one mean over the pixels of all regions

    std::vector<std::size_t> classes{}; ///< the classes that count, after the activation; none listed: all
    bool include_background = true;     ///< false: not class 0

    /// What is applied to p and y.
    template <class T>
    auto filter(const engine::filter_place& place) const {
        return distance::edge_filter<T>(place);
    }

    /// What a pixel adds to the sum of the mean.
    template <class V>
    std::array<filtered_point<V>, 1> at(const pixel<V>&, const V& edge, const V& true_edge) const {
        const V least(engine::least_log);
        const auto is_edge = true_edge > V(0.0);
        const V t = select(is_edge, V(1.0));
        const V value = -select(is_edge, max(log(edge), least), max(log1p(-edge), least));
        return {{{value, V(0.0), (edge - t) / max(edge * (1.0 - edge), V(engine::least_variance))}}};
    }

    /// The sum, which is divided by what all regions count together.
    template <class S>
    S region_loss(const std::array<S, 1>& sums, double) const {
        return sums[0];
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

} // namespace xloss

#endif
