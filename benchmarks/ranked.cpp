// The Lovász losses of the table. Sorting takes its time by what is sorted: each is measured on the logits of
// a fresh network and of a trained one.

#include "row_of.hpp"
#include "rows.hpp"

#include <string>

namespace bench {
namespace {

constexpr images masks{8, 1, 512, 512, extent::power_of_two};
constexpr images scores{2, 19, 512, 512, extent::power_of_two};

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

/// One loss on both kinds of logits. `goal`: times faster than libtorch eager, for trained ones.
template <class Y, std::size_t Rank, class Loss>
void add(std::vector<row>& rows, const std::string& name, const Loss& loss, formula same, const images& size,
         std::optional<double> goal = std::nullopt) {
    const auto add_row = [&](const std::string& full, const images& of, std::optional<double> wanted) {
        rows.push_back(row_of<Y, Rank>(full, loss, same, of, wanted));
        rows.back().wanted = known_to_float;
        rows.back().of_torch = added_in_float;
    };
    add_row(name + ", fresh", fresh(size), std::nullopt);
    add_row(name + ", trained", trained(size), goal);
}

} // namespace

void add_ranked_rows(std::vector<row>& rows) {
    const auto over_sample = xloss::lovasz_softmax{.over = xloss::region::sample};
    const auto with_cross_entropy = xloss::cross_entropy{} + lovasz_weight * xloss::lovasz_softmax{};
    add<float, 4>(rows, "Lovasz hinge", xloss::lovasz_hinge{}, formula::lovasz_hinge, masks, 30.0);
    add<std::uint8_t, 4>(rows, "Lovasz hinge", xloss::lovasz_hinge{}, formula::lovasz_hinge, masks, 30.0);
    add<std::uint8_t, 4>(rows, "Lovasz sigmoid", xloss::lovasz_sigmoid{}, formula::lovasz_sigmoid, masks);
    add<std::uint8_t, 3>(rows, "Lovasz softmax", xloss::multiclass(xloss::lovasz_softmax{}),
                         formula::lovasz_softmax, scores, 15.0);
    add<std::uint8_t, 3>(rows, "Lovasz s. per image", xloss::multiclass(over_sample),
                         formula::lovasz_softmax_per_image, scores);
    add<std::uint8_t, 3>(rows, "CE + 0.3 Lovasz", xloss::multiclass(with_cross_entropy),
                         formula::cross_entropy_lovasz, scores);
}

} // namespace bench
