// Sums of losses, evaluated together, give what their terms give: the library's among themselves and with a
// user's.

#include "support/contract.hpp"
#include "support/own_losses.hpp"

#include <xloss/losses/bce.hpp>
#include <xloss/losses/dice.hpp>
#include <xloss/losses/focal.hpp>

#include <cstddef>

namespace {

using contract::list, contract::named, contract::unreduced;
using xloss::mode;

auto focal_and_dice(std::size_t) {
    using sum = decltype(1.0 * xloss::focal{} + xloss::dice{});
    return list<sum>{
        {"20 focal + dice", 20.0 * xloss::focal{} + xloss::dice{}},
        {"dice, log, without focal",
         0.0 * xloss::focal{.gamma = 0.5} + xloss::dice{.form = xloss::soft_form::squared, .log = true}},
        {"normalized focal - dice over the batch",
         xloss::focal{.normalized = true} +
             xloss::dice{.over = xloss::region::batch, .empty = xloss::empty_region::skip} * -0.5}};
}

auto points(std::size_t) {
    auto sum = xloss::bce{.label_smoothing = 0.25} + 0.5 * (user::brier{} + 3.0 * xloss::weighted_bce{});
    return list<decltype(sum)>{{"bce + 0.5 (brier + 3 weighted_bce)", sum}};
}

auto regions(std::size_t) {
    auto sum = 2.0 * xloss::dice{.form = xloss::soft_form::semimetric} + user::tversky{} + xloss::dice{};
    return list<decltype(sum)>{{"2 dice + user's Tversky + dice", sum}};
}

} // namespace

TEST_CASE("focal and dice keep the contract together", "[criterion][contract]") {
    contract::prove<double, mode::binary, unreduced::does_not>(focal_and_dice);
}
TEST_CASE("pointwise losses keep the contract together", "[criterion][contract]") {
    contract::prove<double, mode::multilabel, unreduced::exists>(points);
}
TEST_CASE("regional losses keep the contract together", "[criterion][contract]") {
    contract::prove<double, mode::multilabel, unreduced::exists>(regions);
}
