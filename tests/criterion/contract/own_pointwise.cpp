// A user's pointwise loss keeps the contract as the library's own do, with nothing but its formula.

#include "support/contract.hpp"
#include "support/own_losses.hpp"

#include <cstddef>

namespace {

using contract::list, contract::per_class_list, contract::unreduced;
using xloss::mode;

list<user::brier> all_brier(std::size_t) {
    return {{"user's brier", {}}};
}

list<user::generalized_bce> all_bce(std::size_t classes) {
    return {
        {"user's bce", {}},
        {"user's bce of every class", {.power = 0.5, .class_weights = per_class_list(classes, 0.5, 1.0)}}};
}

list<user::poly_cross_entropy> all_poly(std::size_t classes) {
    return {
        {"user's poly", {}},
        {"user's poly of every class", {.epsilon = 0.5, .class_weights = per_class_list(classes, 0.5, 1.0)}}};
}

} // namespace

TEST_CASE("a user's loss by the probability keeps the contract in every mode", "[criterion][contract]") {
    contract::prove<double, mode::binary, unreduced::exists>(all_brier);
    contract::prove<double, mode::multilabel, unreduced::exists>(all_brier);
    contract::prove<double, mode::one_vs_rest, unreduced::exists>(all_brier);
    contract::prove<double, mode::multiclass, unreduced::exists>(all_brier);
}
TEST_CASE("a user's loss by the logit keeps the contract", "[criterion][contract]") {
    contract::prove<double, mode::multilabel, unreduced::exists>(all_bce);
}
TEST_CASE("a user's loss by log p keeps the contract", "[criterion][contract]") {
    contract::prove<double, mode::multiclass, unreduced::exists>(all_poly);
}
