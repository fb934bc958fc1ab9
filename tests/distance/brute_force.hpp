#ifndef XLOSS_TESTS_DISTANCE_BRUTE_FORCE_HPP
#define XLOSS_TESTS_DISTANCE_BRUTE_FORCE_HPP

// Squared distances from the definition: for each pixel the least over all others.

#include <xloss/tensor/grid.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace brute_force {

inline xloss::tensor::grid grid_of(const std::array<std::size_t, 3>& extent,
                                   const std::array<double, 3>& spacing) {
    xloss::tensor::grid g;
    g.extent = extent;
    g.spacing = spacing;
    g.rank = 3;
    return g;
}

inline double squared_between(const xloss::tensor::grid& g, std::size_t i, std::size_t j) {
    double sum = 0.0;
    std::size_t step = 1;
    for (std::size_t axis = 3; axis-- > 0; step *= g.extent[axis]) {
        const auto a = static_cast<double>(i / step % g.extent[axis]);
        const auto b = static_cast<double>(j / step % g.extent[axis]);
        sum += (a - b) * g.spacing[axis] * ((a - b) * g.spacing[axis]);
    }
    return sum;
}

/// To the nearest pixel j where differs(region[i], region[j]).
template <class L, class Differs>
std::vector<double> squares(const xloss::tensor::grid& g, const std::vector<L>& region, Differs&& differs) {
    std::vector<double> least(g.size(), std::numeric_limits<double>::infinity());
    for (std::size_t i = 0; i < g.size(); ++i)
        for (std::size_t j = 0; j < g.size(); ++j)
            if (differs(region[i], region[j]))
                least[i] = std::min(least[i], squared_between(g, i, j));
    return least;
}

/// Each pixel one of [0, labels), 0 in most where `rest` is small.
template <class L>
std::vector<L> random_labels(std::size_t n, L labels, double rest, unsigned seed) {
    std::minstd_rand random(seed);
    std::vector<L> result(n);
    for (L& label : result) {
        const double share = static_cast<double>(random()) / static_cast<double>(std::minstd_rand::max());
        label = share < rest ? static_cast<L>(random() % static_cast<unsigned>(labels)) : L(0);
    }
    return result;
}

} // namespace brute_force

#endif
