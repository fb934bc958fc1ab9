#ifndef XLOSS_DISTANCE_GRID_HPP
#define XLOSS_DISTANCE_GRID_HPP

#include <xloss/tensor/grid.hpp>

namespace xloss::distance {
using tensor::grid;
} // namespace xloss::distance

#endif
