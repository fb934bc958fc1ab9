// The target of libFuzzer: the bytes choose a loss with its parameters, a mode with its options, shapes,
// layouts, element types and numbers; then every call of the public interface is made on them. Build and run:
// run.sh.
//
// What is held against the library, in checks.hpp: either an xloss::error, where problem.hpp and
// parameters.hpp know that something is wrong, and the gradient is as it was; or finite results for finite
// logits, exact zeros (and untouched memory) where nothing counts, and the same bits whichever way the same
// numbers are stored.
//
//   bytes.hpp       the input as a sequence of choices
//   tensor.hpp      tensors of any type and layout, in exactly the memory they need
//   problem.hpp     what is given to a loss, and which of it counts
//   parameters.hpp  numbers and choices for the members of a loss
//   catalogue.hpp   how each loss is drawn: a new loss has its function there, and its row in
//   elementwise.cpp, elementwise_more.cpp, channelwise.cpp or whole_regions.cpp

#include "bytes.hpp"
#include "checks.hpp"
#include "loss.hpp"
#include "parameters.hpp"
#include "problem.hpp"

#include <xloss/engine/workspace.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace {

using namespace fuzzing;

template <class T>
void examine(bytes& from, xloss::workspace& kept) {
    const std::array tables{elementwise_losses<T>(), channelwise_losses<T>(), more_elementwise_losses<T>()};
    const std::uint8_t table = from.next();
    const auto losses = table >= 192 ? whole_region_losses<T>() : tables[table % tables.size()];
    const entry<T>& one = losses[from.below(losses.size())];
    const bool wild = from.chance(48);
    const problem<T> p(from, one.md);
    parameters given(from, p.classes(), p.spatial_axes(), p.has_probabilities(), wild);
    const auto loss = one.make(p.options, given);
    examination<T>(p, *loss, given, one.name, from, kept).run();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    bytes from({data, size});
    xloss::workspace kept; // by all problems of an input, so that none depends on inputs before
    for (int problems = 0; problems < 3 && !from.empty(); ++problems) {
        if (from.chance(64))
            examine<double>(from, kept);
        else
            examine<float>(from, kept);
    }
    return 0;
}
