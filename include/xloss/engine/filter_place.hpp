#ifndef XLOSS_ENGINE_FILTER_PLACE_HPP
#define XLOSS_ENGINE_FILTER_PLACE_HPP

#include <xloss/engine/crew.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/tensor/grid.hpp>

#include <cstddef>

namespace xloss::engine {

/// Where a filter or a transform works, and what it works with. Lives as long as these.
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

/// Calls f(place, k) for k in [0, maps), to make a map of the grid each: several at a time, or one after the
/// other by all threads.
template <class F>
void each_map(const filter_place& all, std::size_t maps, F&& f) {
    using workers = crew<filter_place>;
    const std::size_t pixels = all.where.size();
    workers places(one_by_one(maps, pixels) ? 1 : workers::size_for(all.executor, maps, pixels), all.executor,
                   all.memory, [&](auto& place, const executor_ref& executor, workspace& memory) {
                       place.emplace(filter_place{all.where, executor, memory});
                   });
    places.run(all.executor, maps, pixels, f);
    all.memory.even_parts();
}

} // namespace xloss::engine

#endif
