#include "support/contract.hpp"

#include <xloss/losses/generalized_dice.hpp>

#include <cstddef>

namespace {

using contract::list, contract::unreduced;
using xloss::empty_region, xloss::mode, xloss::region, xloss::volume_weighting;

list<xloss::generalized_dice> all_generalized(std::size_t classes) {
    list<xloss::generalized_dice> all;
    for (const region over : {region::sample, region::batch})
        for (const empty_region empty : {empty_region::smooth, empty_region::zero, empty_region::skip})
            for (const volume_weighting weighting :
                 {volume_weighting::square, volume_weighting::simple, volume_weighting::uniform})
                all.push_back({"generalized_dice over " + std::to_string(static_cast<int>(over)) +
                                   ", empty " + std::to_string(static_cast<int>(empty)) + ", weighting " +
                                   std::to_string(static_cast<int>(weighting)),
                               {.weighting = weighting, .over = over, .empty = empty}});
    all.push_back({"generalized_dice of document 000", {.weight_smooth = 1.0, .smooth = 1.0}});
    all.push_back(
        {"generalized_dice, log", {.smooth = 0.5, .smooth_dr = 0.25, .classes = {classes - 1}, .log = true}});
    if (classes > 1)
        all.push_back({"generalized_dice of the foreground", {.include_background = false}});
    return all;
}

} // namespace

TEST_CASE("generalized_dice keeps the contract: binary", "[criterion][contract]") {
    contract::prove<double, mode::binary, unreduced::exists>(all_generalized);
}
TEST_CASE("generalized_dice keeps the contract: multilabel, float", "[criterion][contract]") {
    contract::prove<float, mode::multilabel, unreduced::exists>(all_generalized);
}
TEST_CASE("generalized_dice keeps the contract: multiclass", "[criterion][contract]") {
    contract::prove<double, mode::multiclass, unreduced::exists>(all_generalized);
}
