#ifndef XLOSS_BENCHMARKS_MEMORY_HPP
#define XLOSS_BENCHMARKS_MEMORY_HPP

#include <ostream>

namespace bench {

/// Peak memory of BCE, SAM, and cross entropy + Dice at 150 classes, ours and the peers', as a table and as
/// JSON. Whether ours is the gradient and nothing that grows with the pixels.
bool print_memory(std::ostream& out, std::ostream& json);

} // namespace bench

#endif
