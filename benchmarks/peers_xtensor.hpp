#ifndef XLOSS_BENCHMARKS_PEERS_XTENSOR_HPP
#define XLOSS_BENCHMARKS_PEERS_XTENSOR_HPP

#include "problem.hpp"

#include <memory>

namespace bench {

/// The loss and its analytic gradient as plain xtensor expressions, with xtensor's own SIMD switched on.
std::unique_ptr<contender> make_xtensor(formula loss, const problem& at);

} // namespace bench

#endif
