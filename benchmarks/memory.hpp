#ifndef XLOSS_BENCHMARKS_MEMORY_HPP
#define XLOSS_BENCHMARKS_MEMORY_HPP

#include <ostream>

namespace bench {

/// Peak memory of cross entropy + Dice at 150 classes, ours and the peers'. Whether ours is the gradient and
/// nothing that grows with the pixels.
bool print_memory(std::ostream& out);

} // namespace bench

#endif
