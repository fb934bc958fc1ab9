#include "support/contract.hpp"

#include <xloss/losses/wasserstein_dice.hpp>

#include <cstddef>
#include <vector>

namespace {

using contract::list, contract::unreduced;
using xloss::mode, xloss::region, xloss::wasserstein_weighting;

list<xloss::wasserstein_dice> all_wasserstein(std::size_t classes) {
    std::vector<std::vector<double>> distances(classes, std::vector<double>(classes));
    for (std::size_t i = 0; i < classes; ++i)
        for (std::size_t c = 0; c < classes; ++c)
            distances[i][c] = i == c ? 0.0 : 0.5 + static_cast<double>((3 * i + c) % 4);
    list<xloss::wasserstein_dice> all;
    for (const auto weighting : {wasserstein_weighting::foreground, wasserstein_weighting::volume}) {
        const std::string name = weighting == wasserstein_weighting::volume ? " by volume" : "";
        all.push_back({"wasserstein_dice" + name, {.distances = distances, .weighting = weighting}});
        all.push_back({"wasserstein_dice of plain distances" + name,
                       {.weighting = weighting, .smooth = 1.0, .over = region::batch}});
    }
    return all;
}

} // namespace

TEST_CASE("wasserstein_dice keeps the contract: multiclass", "[criterion][contract]") {
    contract::prove<double, mode::multiclass, unreduced::exists>(all_wasserstein);
}
TEST_CASE("wasserstein_dice keeps the contract: multiclass, float", "[criterion][contract]") {
    contract::prove<float, mode::multiclass, unreduced::exists>(all_wasserstein);
}
