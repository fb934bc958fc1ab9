// The losses of the table that see more than one pixel at a time: distance maps, edges, skeletons. libtorch
// has no distance transform, so that what makes one in the call has no peer.

#include "row_of.hpp"
#include "rows.hpp"

#include <algorithm>
#include <iterator>
#include <vector>

namespace bench {
namespace {

constexpr images masks{8, 1, 512, 512, extent::power_of_two};
constexpr images scores{2, 19, 512, 512, extent::power_of_two};
constexpr images volume{1, 1, 64, 64, extent::other, 64};

} // namespace

void add_neighbour_rows(std::vector<row>& all) {
    std::vector<row> rows;
    const auto boundary = xloss::boundary{};
    const auto per_class = xloss::multiclass(boundary);
    // As its authors have it: one score of the batch.
    const auto cl_dice = xloss::cl_dice{.over = xloss::region::batch};
    rows.push_back(
        row_of<std::uint8_t, 4, storage::with_map>("boundary, kept map", boundary, formula::boundary, masks));
    rows.push_back(
        row_of<std::uint8_t, 4>("boundary, map made", xloss::binary(boundary), std::nullopt, masks));
    rows.push_back(row_of<std::uint8_t, 3, storage::with_map>("boundary, kept map", per_class,
                                                              formula::boundary, scores));
    rows.push_back(row_of<std::uint8_t, 3>("boundary, map made", per_class, std::nullopt, scores));
    rows.push_back(row_of<std::uint8_t, 4>("Hausdorff DT", xloss::hausdorff_dt{}, std::nullopt, masks));
    rows.push_back(
        row_of<std::uint8_t, 4>("Sobel boundary", xloss::sobel_boundary{}, formula::sobel_boundary, masks));
    rows.push_back(row_of<std::uint8_t, 4>("clDice", cl_dice, formula::cl_dice, masks));
    for (auto& line : rows)
        line.in_report = {.threads = true};
    rows.push_back(row_of<std::uint8_t, 4, storage::volume>("clDice", cl_dice, formula::cl_dice, volume));
    std::move(rows.begin(), rows.end(), std::back_inserter(all));
}

} // namespace bench
