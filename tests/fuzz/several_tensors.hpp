#ifndef XLOSS_TESTS_FUZZ_SEVERAL_TENSORS_HPP
#define XLOSS_TESTS_FUZZ_SEVERAL_TENSORS_HPP

#include "bytes.hpp"

#include <xloss/engine/workspace.hpp>

namespace fuzzing {

/// Draws a recipe of several tensors with all that it takes, and ends the program where it gives what it must
/// not.
void examine_recipe(bytes& from, xloss::workspace& kept);

} // namespace fuzzing

#endif
