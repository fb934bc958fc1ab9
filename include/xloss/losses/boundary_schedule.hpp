#ifndef XLOSS_LOSSES_BOUNDARY_SCHEDULE_HPP
#define XLOSS_LOSSES_BOUNDARY_SCHEDULE_HPP

#include <algorithm>

namespace xloss {

/// How a region loss and the boundary loss beside it change over the epochs.
enum class boundary_schedule {
    constant,  ///< not at all
    falling,   ///< boundary times max(0, 1 - epoch/epochs)
    rebalanced ///< Dice times 1 - a, boundary times a = min((epoch + 1)/epochs, 1 - 1/epochs)
};

/// What a `boundary_schedule` makes of 1 for the region loss and for the boundary loss.
struct boundary_factors {
    double dice = 1.0;     ///< of the region loss
    double boundary = 1.0; ///< of the boundary loss

    /// Number by number.
    friend bool operator==(const boundary_factors&, const boundary_factors&) = default;
};

namespace engine {

/// Of an epoch, counted from 0; epochs >= 1.
inline boundary_factors scheduled(boundary_schedule schedule, double epoch, double epochs) {
    if (schedule == boundary_schedule::falling)
        return {1.0, std::max(0.0, 1.0 - epoch / epochs)};
    if (schedule == boundary_schedule::constant)
        return {};
    const double a = std::min((epoch + 1.0) / epochs, 1.0 - 1.0 / epochs);
    return {1.0 - a, a};
}

} // namespace engine
} // namespace xloss

#endif
