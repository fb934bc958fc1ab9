// The multiclass losses of the table, on label maps. The element is a pixel of one class. Times at 512 x 512
// and at 500 x 500 are both shown, since the planes of the first lie a power of two apart in memory.

#include "row_of.hpp"
#include "rows.hpp"

namespace bench {
namespace {

constexpr std::size_t classes = 19;
constexpr std::array<images, 3> sizes{{
    {1, classes, 64, 64, extent::cache},
    {2, classes, 512, 512, extent::power_of_two},
    {2, classes, 500, 500, extent::large},
}};

/// One loss in every size and label type. `goal`: times faster than libtorch eager at 2 x 19 x 512 x 512.
template <class Loss>
void add(std::vector<row>& rows, const char* name, const Loss& loss, std::optional<formula> same,
         std::optional<double> goal = std::nullopt) {
    const auto criterion = xloss::multiclass(loss);
    for (const auto& size : sizes) {
        const auto shown = size.where == extent::power_of_two ? goal : std::nullopt;
        rows.push_back(row_of<std::uint8_t, 3>(name, criterion, same, size, shown));
        rows.push_back(row_of<std::int64_t, 3>(name, criterion, same, size, shown));
    }
}

} // namespace

void add_multiclass_rows(std::vector<row>& rows) {
    add(rows, "cross entropy", xloss::cross_entropy{}, formula::cross_entropy, 6.0);
    add(rows, "cross entropy + GDL", xloss::cross_entropy{} + xloss::generalized_dice{},
        formula::cross_entropy_generalized_dice);
}

} // namespace bench
