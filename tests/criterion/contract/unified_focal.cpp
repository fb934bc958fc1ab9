#include "support/contract.hpp"

#include <xloss/losses/unified_focal.hpp>

#include <cstddef>

namespace {

using contract::list, contract::unreduced;
using xloss::mode;

list<xloss::unified_focal> all_unified(std::size_t) {
    return {{"unified_focal", {}},
            {"unified_focal, MONAI's delta", {.weight = 0.25, .delta = 0.7, .gamma = 0.75}},
            {"unified_focal without a power", {.gamma = 0.0}},
            {"unified_focal, regional part only", {.weight = 1.0, .gamma = 0.25}},
            {"unified_focal, pointwise part only", {.weight = 0.0, .gamma = 1.0}}};
}

} // namespace

TEST_CASE("unified_focal keeps the contract: binary", "[criterion][contract]") {
    contract::prove<double, mode::binary, unreduced::does_not>(all_unified);
}
TEST_CASE("unified_focal keeps the contract: multilabel, float", "[criterion][contract]") {
    contract::prove<float, mode::multilabel, unreduced::does_not>(all_unified);
}
TEST_CASE("unified_focal keeps the contract: multiclass", "[criterion][contract]") {
    contract::prove<double, mode::multiclass, unreduced::does_not>(all_unified);
}
