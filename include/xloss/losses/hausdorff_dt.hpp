#ifndef XLOSS_LOSSES_HAUSDORFF_DT_HPP
#define XLOSS_LOSSES_HAUSDORFF_DT_HPP

#include <xloss/distance/filters.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/region.hpp>

#include <array>
#include <cstddef>
#include <vector>

namespace xloss {

/// Hausdorff distance loss by distance transforms: the mean over the pixels of a region of (p - y)^2 times
/// D(p)^alpha + D(y)^alpha, then the mean over regions. D(v) is the distance of a pixel to the border of the
/// mask v > 1/2, on either side: |`signed_distance`(v > 1/2)|.
///
/// **Shapes and modes.** All modes, one to three spatial axes. A region is a sample (and a class of it, where
/// logits have a class axis); with `region::batch` all samples together.
///
/// **Parameters.** `alpha` >= 0, how much far errors count; `log1p`: log(1 + the whole mean) instead of the
/// mean, `unreduced` log(1 + w_c l_c) of every region; `spacing` of the spatial axes, 1 if none is given.
///
/// **Weights.** A weighted mean. An ignored pixel is background to the distances and absent from the mean.
///
/// **Gradient.** 2 (p - y) (D(p)^alpha + D(y)^alpha) by p: the distances carry none.
///
/// **Empty.** An empty or a full mask has distance 0 everywhere. Of a region without a true pixel `empty`
/// decides; by the formula, what is left is D(p). All pixels ignored: 0, with gradient 0.
///
/// **Memory.** In the workspace 3 planes of the logits' type and 5 for every sample of a region; in
/// multiclass another number per element, and one where the gradient is added to, as by a later loss of a
/// sum, or is not contiguous.
///
/// **Source.** Karimi and Salcudean 2019, arXiv 1904.10030.
///
/// **Elsewhere.** MONAI's HausdorffDTLoss is `include_background = false`, and has no spacing; its
/// LogHausdorffDTLoss is `log1p = true`.
///
/// @throws shape_error for other than one to three spatial axes, parameter_error for an alpha that is
/// negative or no number, a spacing that is not positive, class weights that are negative, all zero or of the
/// wrong length, a class that is not there.
struct hausdorff_dt {
    static constexpr const char* name = "hausdorff_dt";
    static constexpr unsigned modes = modes::every;

    double alpha = 2.0;                        ///< the power of the distances
    bool log1p = false;                        ///< log(1 + mean)
    std::vector<double> spacing{};             ///< between pixels, along every spatial axis; none: 1
    region over = region::sample;              ///< what shares one mean
    empty_region empty = empty_region::smooth; ///< what a region without a true pixel gives
    std::vector<std::size_t> classes{}; ///< the classes that count, after the activation; none listed: all
    bool include_background = true;     ///< false: not class 0
    per_class class_weights{};          ///< of the mean over the classes of a sample

    /// Throws for an alpha outside its domain.
    void check() const { engine::check_number(name, "alpha", alpha); }

    /// What is applied to p and y.
    template <class T>
    auto filter(const engine::filter_place& place) const {
        return distance::distance_filter<T>(place);
    }

    /// What a pixel adds to the sum of the mean.
    template <class V>
    std::array<filtered_point<V>, 1> at(const pixel<V>& s, const V& of_p, const V& of_y) const {
        const V far = power(of_p) + power(of_y);
        const V d = engine::difference(s.p, s.q, s.y);
        return {{{d * d * far, 2.0 * d * far, V(0.0)}}};
    }

    /// The weighted mean.
    template <class S>
    S region_loss(const std::array<S, 1>& sums, double weight) const {
        return sums[0] / weight;
    }

    /// What becomes of the mean over all regions.
    template <class S>
    S reduced_loss(const S& mean) const {
        return log1p ? S(log(1.0 + mean)) : mean;
    }

    /// A distance to the power of alpha.
    template <class V>
    V power(const V& distance) const {
        return alpha == 2.0 ? distance * distance : pow(distance, alpha);
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

} // namespace xloss

#endif
