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

/// One loss in every size and target type. `goal`: out of the caches; a loss that has one is in the report.
template <class Loss>
void add(std::vector<row>& rows, const char* name, const Loss& loss, std::optional<formula> same,
         const budget& goal = {}) {
    for (const auto& size : sizes) {
        const auto of_size = size.where == extent::cache ? budget{} : goal;
        rows.push_back(row_of<float, 4>(name, loss, same, size, of_size));
        rows.back().in_report = {.budgets = goal.torch.has_value()};
        rows.push_back(row_of<std::uint8_t, 4>(name, loss, same, size, of_size));
        rows.back().in_report = {.budgets = goal.torch.has_value(),
                                 .threads = goal.torch && size.where == extent::power_of_two};
    }
}

} // namespace

void add_binary_rows(std::vector<row>& rows) {
    add(rows, "BCE", xloss::bce{}, formula::bce, {1.5, 10.0});
    add(rows, "focal, gamma 2", xloss::focal{}, formula::focal_2, {2.0, 25.0});
    add(rows, "focal, gamma 1.5", xloss::focal{.gamma = 1.5}, formula::focal_1_5);
    add(rows, "Dice", xloss::dice{}, formula::dice, {1.7, 4.0});
    add(rows, "IoU", xloss::iou{}, formula::iou, {1.7, 4.0});
    add(rows, "Tversky, 0.3 and 0.7", xloss::tversky{.alpha = tversky_alpha, .beta = tversky_beta},
        formula::tversky, {1.7, 4.0});
    add(rows, "MCC", xloss::mcc{}, std::nullopt);
    add(rows, "BCE + Dice", xloss::bce{} + xloss::dice{}, formula::bce_dice);
    add(rows, "20 focal + Dice", 20.0 * xloss::focal{} + xloss::dice{}, formula::focal_20_dice, {2.5, 20.0});
}

} // namespace bench
