#include "support/contract.hpp"
#include "support/own_losses.hpp"

#include <xloss/losses/cross_entropy.hpp>
#include <xloss/losses/dice.hpp>
#include <xloss/losses/focal.hpp>
#include <xloss/losses/generalized_dice.hpp>
#include <xloss/losses/unified_focal.hpp>

#include <cstddef>

namespace {

using contract::list, contract::per_class_list, contract::unreduced;
using xloss::mode;

auto cross_entropy_and_dice(std::size_t classes) {
    using sum = decltype(xloss::cross_entropy{} + 1.5 * xloss::dice{});
    return list<sum>{
        {"cross_entropy + 1.5 dice", xloss::cross_entropy{} + 1.5 * xloss::dice{}},
        {"the same smoothed",
         xloss::cross_entropy{.label_smoothing = 0.125} + 0.5 * xloss::dice{.log = true}},
        {"the same weighted", xloss::cross_entropy{.class_weights = per_class_list(classes, 0.5, 0.5)} +
                                  xloss::dice{.form = xloss::soft_form::semimetric}}};
}

/// Terms of every kind; more than eight variants, so each in its general form.
auto everything(std::size_t) {
    using namespace xloss::operators; // for what has no loss of the library in it
    auto sum = xloss::focal{.gamma = 0.5} + xloss::focal{} + 2.0 * xloss::dice{} +
               xloss::dice{.smooth = 0.5} + 0.5 * xloss::unified_focal{} + xloss::generalized_dice{} +
               user::brier{} + 0.25 * user::tversky_by_hand{} + xloss::cross_entropy{.label_smoothing = 0.25};
    return list<decltype(sum)>{{"nine losses", sum}};
}

} // namespace

TEST_CASE("cross_entropy and dice keep the contract together", "[criterion][contract]") {
    contract::prove<double, mode::multiclass, unreduced::does_not>(cross_entropy_and_dice);
    contract::prove<float, mode::multiclass, unreduced::does_not>(cross_entropy_and_dice);
}
TEST_CASE("nine losses keep the contract together", "[criterion][contract]") {
    contract::prove<double, mode::multiclass, unreduced::does_not>(everything);
}
