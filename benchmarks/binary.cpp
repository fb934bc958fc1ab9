// The binary losses of the table. A new loss is one line in add_binary_rows, and, where a peer has it, a
// formula in problem.hpp with its case in the peers.

#include "row_of.hpp"
#include "rows.hpp"

namespace bench {
namespace {

constexpr std::array<images, 3> sizes{{
    {16, 1, 64, 64, extent::cache},
    {8, 1, 512, 512, extent::power_of_two},
    {64, 1, 500, 500, extent::large},
}};

/// One loss in every size and target type. `goal`: times faster than libtorch eager at 8 x 512 x 512.
template <class Loss>
void add(std::vector<row>& rows, const char* name, const Loss& loss, std::optional<formula> same,
         std::optional<double> goal = std::nullopt) {
    for (const auto& size : sizes) {
        const auto shown = size.where == extent::power_of_two ? goal : std::nullopt;
        rows.push_back(row_of<float, 4>(name, loss, same, size, shown));
        rows.push_back(row_of<std::uint8_t, 4>(name, loss, same, size, shown));
    }
}

} // namespace

void add_binary_rows(std::vector<row>& rows) {
    add(rows, "BCE", xloss::bce{}, formula::bce, 6.0);
    add(rows, "focal, gamma 2", xloss::focal{}, formula::focal_2, 15.0);
    add(rows, "focal, gamma 1.5", xloss::focal{.gamma = 1.5}, formula::focal_1_5);
    add(rows, "Dice", xloss::dice{}, formula::dice, 2.5);
    add(rows, "IoU", xloss::iou{}, std::nullopt);
    add(rows, "Tversky, 0.3 and 0.7", xloss::tversky{.alpha = 0.3, .beta = 0.7}, std::nullopt);
    add(rows, "MCC", xloss::mcc{}, std::nullopt);
    add(rows, "BCE + Dice", xloss::bce{} + xloss::dice{}, formula::bce_dice);
    add(rows, "20 focal + Dice", 20.0 * xloss::focal{} + xloss::dice{}, formula::focal_20_dice, 10.0);
}

} // namespace bench
