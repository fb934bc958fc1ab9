#ifndef XLOSS_TESTS_SUPPORT_SORTED_HPP
#define XLOSS_TESTS_SUPPORT_SORTED_HPP

#include <algorithm>
#include <cstddef>
#include <vector>

/// Sorts indices, those of which neither precedes the other by themselves. Not std::stable_sort, for which
/// libstdc++ 12 calls a function that clang 19 says is deprecated.
template <class Precedes>
void sort_indices(std::vector<std::size_t>& indices, Precedes&& precedes) {
    std::sort(indices.begin(), indices.end(),
              [&](std::size_t a, std::size_t b) { return precedes(a, b) || (!precedes(b, a) && a < b); });
}

#endif
