#ifndef XLOSS_LOSSES_BOUNDARY_HPP
#define XLOSS_LOSSES_BOUNDARY_HPP

#include <xloss/distance/edt.hpp>
#include <xloss/engine/filter_place.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/survey.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace xloss {

/// Boundary loss: p D, averaged over pixels and classes; D the signed distance of a pixel to the border of
/// its class in the target, negative inside. In the limit of hard predictions the integral of the distance
/// between both borders, up to a constant.
///
/// **Negative at its optimum**, where p is 1 inside and 0 outside; that constant is not taken off. Alone it
/// tends to collapse to an empty prediction where the foreground is small, since all slopes point there: put
/// it beside a region loss, with a weight that changes over the epochs (`region_boundary`).
///
/// **Shapes and modes.** All modes, one to three spatial axes (any number, where the map is given). The map
/// is that of `with_distance(y, D)`, of the shape of the logits, such as `signed_distance` makes once per
/// data set; without one it is made of y > 1/2 in every call. Of several losses in a sum that would make one,
/// the first does.
///
/// **Parameters.** `convention` and `spacing` of the map where it is made here; `class_weights` >= 0, not all
/// zero.
///
/// **Weights.** A weighted mean over the pixels of the classes that count. An ignored pixel is background to
/// the distances and absent from the mean.
///
/// **Gradient.** D by p; the map has none.
///
/// **Empty.** The map of a class that has no pixel, or all of them, is 0. All pixels ignored: 0, with
/// gradient 0.
///
/// **Memory.** One number of the logits' type per element in the workspace where the map is made here.
///
/// **Source.** Kervadec et al. 2019, arXiv 1812.07032.
///
/// **Elsewhere.** Kervadec's maps are `distance_convention::kervadec`; his `idc` is `classes`.
///
/// @throws shape_error for other than one to three spatial axes or a map that does not fit the logits,
/// parameter_error for a spacing that is not positive, class weights that are negative, all zero or of the
/// wrong length, a class that is not there.
struct boundary {
    static constexpr const char* name = "boundary";
    static constexpr unsigned modes = modes::every;

    distance_convention convention = distance_convention::pixel; ///< of the map, where it is made here
    std::vector<double> spacing{};      ///< between pixels, along every spatial axis; none: 1
    std::vector<std::size_t> classes{}; ///< the classes that count, after the activation; none listed: all
    bool include_background = true;     ///< false: not class 0
    per_class class_weights{};          ///< of the mean over pixels and classes

    struct term {
        static constexpr bool sees_distance = true;
        static constexpr bool slopes_by_p = true;
        engine::subset_weights class_weights;

        template <class V>
        point<V> at_probability(const pixel<V>& s) const {
            return {s.p * s.distance, s.distance};
        }
    };

    template <class Run>
    auto bind(const survey& s, Run&& run) const {
        const engine::class_subset counted{&classes, include_background};
        counted.check(name, s.classes);
        return run(term{{engine::per_class_view(class_weights), counted}});
    }

    /// The map of one plane of the target.
    template <class T>
    void make_distance(const engine::filter_place& place, const std::uint8_t* mask, T* to) const {
        distance::signed_distances(place, mask, convention, to);
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

} // namespace xloss

#endif
