// A user's regional loss keeps the contract as the library's own do, with its partials by hand and without.

#include "support/contract.hpp"
#include "support/own_losses.hpp"

#include <cstddef>

namespace {

using contract::list, contract::per_class_list, contract::unreduced;
using xloss::empty_region, xloss::mode, xloss::region;

template <class Tversky>
list<Tversky> all_tversky(std::size_t classes) {
    Tversky skips, zero;
    skips.empty = empty_region::skip;
    skips.over = region::batch;
    skips.class_weights = per_class_list(classes, 0.5, 1.0);
    zero.empty = empty_region::zero;
    return {{"user's Tversky", {}},
            {"user's Tversky over the batch", skips},
            {"user's Tversky, empty zero", zero}};
}

template <class Uneven>
list<Uneven> all_uneven(std::size_t) {
    return {{"user's loss over all classes", {}}};
}

} // namespace

TEST_CASE("a user's loss of a region keeps the contract", "[criterion][contract]") {
    contract::prove<double, mode::binary, unreduced::exists>(all_tversky<user::tversky>);
    contract::prove<double, mode::multiclass, unreduced::exists>(all_tversky<user::tversky>);
}
TEST_CASE("a user's loss of a region with partials by hand keeps the contract", "[criterion][contract]") {
    contract::prove<double, mode::multilabel, unreduced::exists>(all_tversky<user::tversky_by_hand>);
    contract::prove<double, mode::multiclass, unreduced::exists>(all_tversky<user::tversky_by_hand>);
}
TEST_CASE("a user's loss over all classes keeps the contract", "[criterion][contract]") {
    contract::prove<double, mode::one_vs_rest, unreduced::exists>(all_uneven<user::uneven>);
    contract::prove<double, mode::multiclass, unreduced::exists>(all_uneven<user::uneven>);
}
TEST_CASE("a user's loss over all classes with partials by hand keeps the contract",
          "[criterion][contract]") {
    contract::prove<double, mode::multilabel, unreduced::exists>(all_uneven<user::uneven_by_hand>);
    contract::prove<double, mode::multiclass, unreduced::exists>(all_uneven<user::uneven_by_hand>);
}
