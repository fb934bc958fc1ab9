#ifndef XLOSS_TENSOR_GRID_HPP
#define XLOSS_TENSOR_GRID_HPP

#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/shape.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace xloss::tensor {

/// The pixels of one image or volume in row-major order, with the distance between neighbours along each
/// axis.
struct grid {
    static constexpr std::size_t axes = 3;

    std::array<std::size_t, axes> extent{1, 1,
                                         1}; ///< slowest axis first; the leading ones are 1 where not used
    std::array<double, axes> spacing{1.0, 1.0, 1.0}; ///< between neighbours along each of them
    std::size_t rank = 0;                            ///< axes in use, the last ones

    grid() = default;

    /// The spatial axes of a tensor: those from `first_axis` on. An empty `spacings` is 1 along each.
    /// @throws shape_error for other than one to three spatial axes, parameter_error for a list of spacings
    /// of another length, or a spacing that is no positive number.
    grid(std::string_view name, const shape& s, std::size_t first_axis, std::span<const double> spacings) {
        rank = s.rank < first_axis ? 0 : s.rank - first_axis;
        if (rank < 1 || rank > axes)
            raise<shape_error>(
                {name, ": ", s, " has ", rank, " spatial axes; distances and neighbours need one to three"});
        if (!spacings.empty() && spacings.size() != rank)
            raise<parameter_error>(
                {name, ": ", spacings.size(), " spacings for the ", rank, " spatial axes of ", s});
        for (std::size_t axis = 0; axis < rank; ++axis) {
            const std::size_t at = axes - rank + axis;
            extent[at] = s[first_axis + axis];
            if (!spacings.empty())
                spacing[at] = spacings[axis];
            if (!(spacing[at] > 0.0) || !std::isfinite(spacing[at]))
                raise<parameter_error>({name, ": spacing is ", spacing[at], ", and is a positive number"});
        }
    }

    /// Number of pixels.
    [[nodiscard]] constexpr std::size_t size() const { return extent[0] * extent[1] * extent[2]; }
};

} // namespace xloss::tensor

#endif
