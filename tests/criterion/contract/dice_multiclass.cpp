#include "support/contract.hpp"

#include <xloss/losses/dice.hpp>

#include <cstddef>

namespace {

using contract::list, contract::per_class_list, contract::unreduced;
using xloss::empty_region, xloss::mode, xloss::region, xloss::soft_form;

/// Every choice of over, empty and form, and of the classes.
list<xloss::dice> all_dice(std::size_t classes) {
    list<xloss::dice> all;
    for (const region over : {region::sample, region::batch})
        for (const empty_region empty : {empty_region::smooth, empty_region::zero, empty_region::skip})
            for (const soft_form form : {soft_form::product, soft_form::squared, soft_form::semimetric})
                all.push_back({"dice over " + std::to_string(static_cast<int>(over)) + ", empty " +
                                   std::to_string(static_cast<int>(empty)) + ", form " +
                                   std::to_string(static_cast<int>(form)),
                               {.smooth_nr = form == soft_form::product ? std::optional<double>{} : 0.5,
                                .form = form,
                                .over = over,
                                .empty = empty,
                                .class_weights = per_class_list(classes, 0.5, 1.0),
                                .log = form == soft_form::squared}});
    all.push_back({"dice without smooth", {.smooth = 0.0}});
    all.push_back({"dice, smooth below", {.smooth = 0.0, .smooth_dr = 1e-5, .log = true}});
    all.push_back({"dice of a class", {.classes = {classes - 1}}});
    if (classes == 1)
        return all;
    all.push_back(
        {"dice of two classes",
         {.over = region::batch, .classes = {1, 0}, .class_weights = per_class_list(classes, 1.0, 2.0)}});
    all.push_back({"dice of the foreground",
                   {.empty = empty_region::skip,
                    .include_background = false,
                    .class_weights = per_class_list(classes, 0.0, 1.0)}});
    return all;
}

} // namespace

TEST_CASE("dice keeps the contract: multiclass", "[criterion][contract]") {
    contract::prove<double, mode::multiclass, unreduced::exists>(all_dice);
}
TEST_CASE("dice keeps the contract: multiclass, float", "[criterion][contract]") {
    contract::prove<float, mode::multiclass, unreduced::exists>(all_dice);
}
