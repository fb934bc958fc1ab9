// The Lovász losses of the table. Sorting takes its time by what is sorted: each is measured on the logits of
// a fresh network and of a trained one.

#include "row_of.hpp"
#include "rows.hpp"

#include <string>
#include <type_traits>

namespace bench {
namespace {

constexpr images masks{8, 1, 512, 512, extent::power_of_two};
constexpr images scores{2, 19, 512, 512, extent::power_of_two};
constexpr images small_masks{16, 1, 64, 64, extent::cache}, large_masks{64, 1, 500, 500, extent::large};
constexpr images small_scores{1, 19, 64, 64, extent::cache}, large_scores{4, 19, 500, 500, extent::large};

constexpr budget of_hinge{4.0, 30.0}, of_softmax{std::nullopt, 15.0};

/// A gradient here is known to float alone: of errors that rounding makes equal, or puts in another order,
/// one may be of the other target, whose slope is many times larger. The value is not touched by that, but
/// torch's dot product adds up in float, 1 % off at two million pixels.
constexpr agreement known_to_float{1e-4, 0.3}, added_in_float{0.02, 0.3};

images trained(images size) {
    size.training = stage::trained;
    return size;
}

images fresh(images size) {
    size.training = stage::fresh;
    return size;
}

/// One row of a ranked loss.
template <class Y, std::size_t Rank, class Loss>
void add_row(std::vector<row>& rows, const std::string& name, const Loss& loss, formula same,
             const images& size, const budget& goal = {}) {
    rows.push_back(row_of<Y, Rank>(name, loss, same, size, goal));
    rows.back().wanted = known_to_float;
    rows.back().of_torch = added_in_float;
}

/// One loss on both kinds of logits.
template <class Y, std::size_t Rank, class Loss>
void add(std::vector<row>& rows, const std::string& name, const Loss& loss, formula same, const images& size,
         const budget& goal = {}) {
    add_row<Y, Rank>(rows, name + ", fresh", loss, same, fresh(size));
    rows.back().in_report = {.threads = !std::is_same_v<Y, float>};
    add_row<Y, Rank>(rows, name + ", trained", loss, same, trained(size), goal);
    rows.back().in_report = {.budgets = goal.torch.has_value(), .threads = !std::is_same_v<Y, float>};
}

/// The other sizes of a loss that has a budget, for trained networks: in a core's cache, and larger than all
/// caches.
template <class Y, std::size_t Rank, class Loss>
void add_sizes(std::vector<row>& rows, const std::string& name, const Loss& loss, formula same,
               const images& small, const images& large, const budget& goal) {
    add_row<Y, Rank>(rows, name + ", trained", loss, same, trained(small));
    rows.back().in_report = {.budgets = true};
    add_row<Y, Rank>(rows, name + ", trained", loss, same, trained(large), goal);
    rows.back().in_report = {.budgets = true};
}

} // namespace

void add_ranked_rows(std::vector<row>& rows) {
    const auto over_sample = xloss::lovasz_softmax{.over = xloss::region::sample};
    const auto with_cross_entropy = xloss::cross_entropy{} + lovasz_weight * xloss::lovasz_softmax{};
    add<float, 4>(rows, "Lovasz hinge", xloss::lovasz_hinge{}, formula::lovasz_hinge, masks, of_hinge);
    add<std::uint8_t, 4>(rows, "Lovasz hinge", xloss::lovasz_hinge{}, formula::lovasz_hinge, masks, of_hinge);
    add_sizes<float, 4>(rows, "Lovasz hinge", xloss::lovasz_hinge{}, formula::lovasz_hinge, small_masks,
                        large_masks, of_hinge);
    add_sizes<std::uint8_t, 4>(rows, "Lovasz hinge", xloss::lovasz_hinge{}, formula::lovasz_hinge,
                               small_masks, large_masks, of_hinge);
    add<std::uint8_t, 4>(rows, "Lovasz sigmoid", xloss::lovasz_sigmoid{}, formula::lovasz_sigmoid, masks);
    add<std::uint8_t, 3>(rows, "Lovasz softmax", xloss::multiclass(xloss::lovasz_softmax{}),
                         formula::lovasz_softmax, scores, of_softmax);
    add_sizes<std::uint8_t, 3>(rows, "Lovasz softmax", xloss::multiclass(xloss::lovasz_softmax{}),
                               formula::lovasz_softmax, small_scores, large_scores, of_softmax);
    add<std::uint8_t, 3>(rows, "Lovasz s. per image", xloss::multiclass(over_sample),
                         formula::lovasz_softmax_per_image, scores);
    add<std::uint8_t, 3>(rows, "CE + 0.3 Lovasz", xloss::multiclass(with_cross_entropy),
                         formula::cross_entropy_lovasz, scores);
    for (auto line = rows.end() - 2; line != rows.end(); ++line)
        line->in_report = {}; // its threads are those of its terms
}

} // namespace bench
