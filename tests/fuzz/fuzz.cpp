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
//   several_tensors.cpp  losses of masks [B, N, ...], and recipes of several tensors with checks of their own

#include "bytes.hpp"
#include "checks.hpp"
#include "loss.hpp"
#include "parameters.hpp"
#include "problem.hpp"
#include "several_tensors.hpp"

#include <xloss/engine/workspace.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace {

using namespace fuzzing;

template <class T>
std::span<const entry<T>> draw_table(std::uint8_t byte) {
    const std::array tables{elementwise_losses<T>(), channelwise_losses<T>(), more_elementwise_losses<T>()};
    if constexpr (sizeof(T) == sizeof(float))
        if (byte >= 232)
            return mask_losses<T>();
    return byte >= 192 ? whole_region_losses<T>() : tables[byte % tables.size()];
}

template <class T>
void examine(bytes& from, xloss::workspace& kept) {
    const auto losses = draw_table<T>(from.next());
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
        const std::uint8_t what = from.next();
        if (what >= 216)
            examine_recipe(from, kept);
        else if (what >= 160)
            examine<double>(from, kept);
        else
            examine<float>(from, kept);
    }
    return 0;
}
