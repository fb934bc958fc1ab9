#ifndef XLOSS_BENCHMARKS_ROWS_HPP
#define XLOSS_BENCHMARKS_ROWS_HPP

#include "harness.hpp"

#include <vector>

namespace bench {

/// Losses on [B, 1, H, W] with masks of float and uint8.
void add_binary_rows(std::vector<row>& rows);

/// Losses on [B, C, H, W] with label maps of uint8 and int64.
void add_multiclass_rows(std::vector<row>& rows);

/// Lovász losses, of fresh and of trained networks.
void add_ranked_rows(std::vector<row>& rows);

/// Losses that look at neighbours: distance maps, edges, skeletons.
void add_neighbour_rows(std::vector<row>& rows);

/// The losses of Segment Anything, of three masks each.
void add_sam_rows(std::vector<row>& rows);

/// Losses of boxes, and whole losses of detectors.
void add_detection_rows(std::vector<row>& rows);

} // namespace bench

#endif
