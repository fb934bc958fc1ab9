// The multiclass losses of the table, on label maps. The element is a pixel of one class. Times at 512 x 512
// and at 500 x 500 are both shown, since the planes of the first lie a power of two apart in memory.

#include "row_of.hpp"
#include "rows.hpp"

#include <vector>

namespace bench {
namespace {

constexpr std::size_t classes = 19;
constexpr std::array<images, 3> sizes{{
    {1, classes, 64, 64, extent::cache},
    {2, classes, 512, 512, extent::power_of_two},
    {2, classes, 500, 500, extent::large},
}};

/// The other numbers of classes; fewer pixels where there are many, or the peers' temporaries fill the
/// memory.
constexpr std::array<images, 8> other_classes{{
    {2, 3, 512, 512, extent::other},
    {2, 3, 500, 500, extent::other},
    {2, 21, 512, 512, extent::other},
    {2, 21, 500, 500, extent::other},
    {1, 150, 256, 256, extent::other},
    {1, 150, 250, 250, extent::other},
    {1, 1000, 128, 128, extent::other},
    {1, 1000, 125, 125, extent::other},
}};

/// Larger than the last level of the cache, for losses with a budget: 152 MB of scores and gradient.
constexpr images beyond_caches{4, classes, 500, 500, extent::large};

constexpr images volumes{1, classes, 128, 128, extent::other, 32};

/// One loss, `loss_for(classes)` since lists of weights have a length, in every size and label type. `goal`:
/// of 19 classes out of the caches; a loss that has one is in the report.
template <class LossFor>
void add(std::vector<row>& rows, const char* name, LossFor loss_for, formula same, const budget& goal = {}) {
    const auto add_size = [&](const images& size, const budget& of_size = {}, bool reported = false) {
        const auto criterion = loss_for(size.classes);
        rows.push_back(row_of<std::uint8_t, 3>(name, criterion, same, size, of_size));
        rows.back().in_report = {.budgets = reported,
                                 .threads = reported && size.where == extent::power_of_two};
        rows.push_back(row_of<std::int64_t, 3>(name, criterion, same, size, of_size));
        rows.back().in_report = {.budgets = reported};
    };
    const bool has_goal = goal.torch.has_value();
    add_size(sizes[0], {}, has_goal);
    add_size(sizes[1], goal, has_goal);
    add_size(sizes[2]);
    if (has_goal)
        add_size(beyond_caches, goal, true);
    for (const auto& size : other_classes) {
        // The peers' generalized Dice divides by the area of a class, and 128 rows have no room for 1000.
        const bool divides_by_area =
            same == formula::generalized_dice || same == formula::cross_entropy_generalized_dice;
        if (size.classes < 1000 || !divides_by_area)
            add_size(size);
    }
}

/// The same loss on volumes, and with the classes of a pixel beside each other.
template <class Loss>
void add_orders(std::vector<row>& rows, const char* name, const Loss& loss, formula same) {
    rows.push_back(row_of<std::uint8_t, 3, storage::volume>(name, loss, same, volumes));
    for (images size : {sizes[1], sizes[2], other_classes[4]}) {
        size.where = extent::other;
        rows.push_back(row_of<std::uint8_t, 3, storage::channels_last>(name, loss, same, size));
    }
}

/// The same loss for every number of classes.
template <class Loss>
auto always(const Loss& loss) {
    return [criterion = xloss::multiclass(loss)](std::size_t) { return criterion; };
}

auto weighted_cross_entropy(std::size_t count) {
    std::vector<double> weights;
    for (std::size_t c = 0; c < count; ++c)
        weights.push_back(class_weight(static_cast<std::int64_t>(c), static_cast<std::int64_t>(count)));
    return xloss::multiclass(xloss::cross_entropy{.class_weights = weights});
}

auto ignoring_cross_entropy(std::size_t) {
    return xloss::multiclass(xloss::cross_entropy{}, {.ignore_index = ignored_class});
}

} // namespace

void add_multiclass_rows(std::vector<row>& rows) {
    const auto cross_entropy = xloss::cross_entropy{};
    const auto cross_entropy_dice = cross_entropy + xloss::dice{};
    add(rows, "cross entropy", always(cross_entropy), formula::cross_entropy, {2.0, 12.0});
    add(rows, "cross entropy, ignore", ignoring_cross_entropy, formula::cross_entropy_ignoring);
    add(rows, "cross entropy, weights", weighted_cross_entropy, formula::cross_entropy_weighted);
    add(rows, "cross entropy, smoothed", always(xloss::cross_entropy{.label_smoothing = smoothing}),
        formula::cross_entropy_smoothed);
    add(rows, "cross entropy, top 10 %", always(xloss::top_k(cross_entropy, kept_fraction)),
        formula::cross_entropy_top_k);
    add(rows, "softmax focal, gamma 2", always(xloss::focal{.alpha = -1.0}), formula::softmax_focal_2);
    add(rows, "softmax Dice", always(xloss::dice{}), formula::softmax_dice);
    add(rows, "GDL", always(xloss::generalized_dice{}), formula::generalized_dice);
    add(rows, "cross entropy + Dice", always(cross_entropy_dice), formula::cross_entropy_dice, {2.5, 40.0});
    add(rows, "cross entropy + GDL", always(cross_entropy + xloss::generalized_dice{}),
        formula::cross_entropy_generalized_dice);
    add_orders(rows, "cross entropy", xloss::multiclass(cross_entropy), formula::cross_entropy);
    add_orders(rows, "cross entropy + Dice", xloss::multiclass(cross_entropy_dice),
               formula::cross_entropy_dice);
}

} // namespace bench
