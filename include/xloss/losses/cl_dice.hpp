#ifndef XLOSS_LOSSES_CL_DICE_HPP
#define XLOSS_LOSSES_CL_DICE_HPP

#include <xloss/distance/filters.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/region.hpp>

#include <array>
#include <cstddef>
#include <vector>

namespace xloss {

/// Soft centerline Dice loss, for vessels and other thin structures whose connections matter: 1 - 2 Tp Ts/(Tp
/// + Ts) of every region, Tp = (sum S(p) y + s)/(sum S(p) + s), Ts = (sum S(y) p + s)/(sum S(y) + s), S the
/// soft skeleton (`soft_skeleton`); then the mean over regions.
///
/// **Shapes and modes.** All modes, one to three spatial axes. A region is a sample (and a class of it, where
/// logits have a class axis); with `region::batch` all samples together.
///
/// **Parameters.** `iterations` of the skeleton: as many as the half width of the widest structure in pixels;
/// `smooth` >= 0.
///
/// **Weights.** Every sum is weighted. An ignored pixel is background to the skeletons and absent from the
/// sums.
///
/// **Gradient.** Through the skeleton of p, as `soft_skeleton` says at ties.
///
/// **Empty.** Of a region without a true pixel `empty` decides; by the formula it is 1 - 2 Tp/(Tp + 1), Tp =
/// s/(sum S(p) + s). All pixels ignored: 0, with gradient 0.
///
/// **Memory.** In the workspace 2 `iterations` + 8 planes of the logits' type and 5 for every sample of a
/// region; in multiclass another number per element, and one where the gradient is added to, as by a later
/// loss of a sum, or is not contiguous.
///
/// **Source.** Shit et al. 2021, arXiv 2003.07311.
///
/// **Elsewhere.** The authors' soft_dice_cldice is `(1 - alpha) * dice{} + alpha * cl_dice{}`. MONAI's joins
/// batch and channels into one region, without channel 0.
///
/// @throws shape_error for other than one to three spatial axes, parameter_error for a smooth that is
/// negative or no number, class weights that are negative, all zero or of the wrong length, a class that is
/// not there.
struct cl_dice {
    static constexpr const char* name = "cl_dice";
    static constexpr unsigned modes = modes::every;

    std::size_t iterations = 3;                ///< of the soft skeleton
    double smooth = 1.0;                       ///< s, in numerators and denominators
    region over = region::sample;              ///< what shares one score
    empty_region empty = empty_region::smooth; ///< what a region without a true pixel gives
    std::vector<std::size_t> classes{}; ///< the classes that count, after the activation; none listed: all
    bool include_background = true;     ///< false: not class 0
    per_class class_weights{};          ///< of the mean over the classes of a sample

    /// Throws for a smooth outside its domain.
    void check() const { engine::check_number(name, "smooth", smooth); }

    /// What is applied to p and y.
    template <class T>
    auto filter(const engine::filter_place& place) const {
        return distance::skeleton_filter<T>(place, iterations);
    }

    /// What a pixel adds to sum S(p) y, sum S(p), sum S(y) p, sum S(y).
    template <class V>
    std::array<filtered_point<V>, 4> at(const pixel<V>& s, const V& of_p, const V& of_y) const {
        const V none(0.0), one(1.0);
        return {{{of_p * s.y, none, s.y}, {of_p, none, one}, {of_y * s.p, of_y, none}, {of_y, none, none}}};
    }

    /// 1 minus the harmonic mean of topology precision and sensitivity.
    template <class S>
    S region_loss(const std::array<S, 4>& sums, double) const {
        const S precision = engine::score(sums[0] + smooth, sums[1] + smooth);
        const S sensitivity = engine::score(sums[2] + smooth, sums[3] + smooth);
        return 1.0 - engine::score(2.0 * precision * sensitivity, precision + sensitivity);
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

} // namespace xloss

#endif
