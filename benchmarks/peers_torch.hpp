#ifndef XLOSS_BENCHMARKS_PEERS_TORCH_HPP
#define XLOSS_BENCHMARKS_PEERS_TORCH_HPP

#include "detection_problem.hpp"
#include "problem.hpp"

#include <memory>

namespace bench {

/// The version of libtorch, or an empty string where the harness was built without it.
const char* torch_version();

/// The loss in libtorch's eager operators, forward and backward, on one thread; null without libtorch.
std::unique_ptr<contender> make_torch(formula loss, const problem& at);

/// Likewise of a detector.
std::unique_ptr<contender> make_torch(const detection_problem& at);

} // namespace bench

#endif
