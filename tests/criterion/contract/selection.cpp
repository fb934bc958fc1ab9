// Selected losses keep the contract: what is kept, and everything that is counted of it.

#include "support/contract.hpp"

#include <xloss/criterion/selection.hpp>
#include <xloss/losses/cross_entropy.hpp>
#include <xloss/losses/focal.hpp>

#include <cstddef>

namespace {

using contract::list, contract::per_class_list, contract::unreduced;
using xloss::cross_entropy, xloss::focal, xloss::mode;

list<xloss::top_k_loss<focal>> top_focal(std::size_t classes) {
    return {{"top_k(focal)", {.loss = {.gamma = 1.5}, .fraction = 0.4}},
            {"top_k(focal) of classes",
             {.loss = {.alpha = -1.0, .class_weights = per_class_list(classes, 0.5, 1.0)}, .fraction = 0.15}},
            {"top_k(normalized focal)", {.loss = {.normalized = true}, .fraction = 0.4}, false}};
}

list<xloss::top_k_loss<cross_entropy>> top_cross_entropy(std::size_t classes) {
    return {{"top_k(cross_entropy)", {.loss = {}, .fraction = 0.4}},
            {"top_k(cross_entropy) of classes",
             {.loss = {.label_smoothing = 0.1, .class_weights = per_class_list(classes, 0.5, 1.0)},
              .fraction = 0.15}}};
}

// Thresholds that are far from the sums of soft targets, multiples of 1/16: among p_t that differ by their
// rounding alone a rank is no fact.
list<xloss::ohem_loss<cross_entropy>> hard_cross_entropy(std::size_t) {
    return {{"ohem(cross_entropy), few", {.loss = {}, .threshold = 0.34, .min_kept = 0}},
            {"ohem(cross_entropy)", {.loss = {}, .threshold = 0.6, .min_kept = 1}}};
}

} // namespace

TEST_CASE("top_k keeps the contract", "[criterion][contract]") {
    contract::prove<double, mode::one_vs_rest, unreduced::exists>(top_focal);
    contract::prove<double, mode::multiclass, unreduced::exists>(top_cross_entropy);
}
TEST_CASE("ohem keeps the contract", "[criterion][contract]") {
    contract::prove<float, mode::multiclass, unreduced::exists>(hard_cross_entropy);
}
