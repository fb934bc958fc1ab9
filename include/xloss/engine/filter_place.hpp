#ifndef XLOSS_ENGINE_FILTER_PLACE_HPP
#define XLOSS_ENGINE_FILTER_PLACE_HPP

#include <xloss/engine/executor.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/tensor/grid.hpp>

#include <cstddef>

namespace xloss::engine {

/// Where a filter works, and what it works with. Lives as long as the filter.
struct filter_place {
    tensor::grid where;
    const executor_ref& executor;
    workspace& memory;

    /// Memory for n numbers, of one filter at a time.
    template <class T>
    T* room(std::size_t n) const {
        return memory.get<T>(scratch::filter, n);
    }
};

} // namespace xloss::engine

#endif
