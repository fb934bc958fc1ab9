#include "support/contract.hpp"

#include <xloss/losses/iou.hpp>
#include <xloss/losses/mcc.hpp>

#include <cstddef>

namespace {

using contract::list, contract::per_class_list, contract::unreduced;
using xloss::empty_region, xloss::mode, xloss::region, xloss::soft_form;

list<xloss::iou> all_iou(std::size_t classes) {
    list<xloss::iou> all;
    for (const soft_form form : {soft_form::product, soft_form::squared, soft_form::semimetric})
        for (const empty_region empty : {empty_region::smooth, empty_region::skip})
            all.push_back({"iou, form " + std::to_string(static_cast<int>(form)) + ", empty " +
                               std::to_string(static_cast<int>(empty)),
                           {.smooth = 0.5,
                            .smooth_dr = 1.5,
                            .form = form,
                            .empty = empty,
                            .class_weights = per_class_list(classes, 0.5, 1.0),
                            .log = form == soft_form::squared}});
    all.push_back({"iou without smooth", {.smooth = 0.0, .over = region::batch, .classes = {classes - 1}}});
    return all;
}

list<xloss::mcc> all_mcc(std::size_t classes) {
    list<xloss::mcc> all;
    for (const region over : {region::sample, region::batch})
        for (const empty_region empty : {empty_region::smooth, empty_region::zero, empty_region::skip})
            all.push_back({"mcc over " + std::to_string(static_cast<int>(over)) + ", empty " +
                               std::to_string(static_cast<int>(empty)),
                           {.eps = 0.25,
                            .over = over,
                            .empty = empty,
                            .class_weights = per_class_list(classes, 0.5, 1.0)}});
    all.push_back({"mcc", {}});
    all.push_back({"mcc of a class", {.eps = 0.125, .classes = {classes - 1}}});
    return all;
}

} // namespace

TEST_CASE("iou keeps the contract: binary", "[criterion][contract]") {
    contract::prove<double, mode::binary, unreduced::exists>(all_iou);
}
TEST_CASE("mcc keeps the contract: binary", "[criterion][contract]") {
    contract::prove<double, mode::binary, unreduced::exists>(all_mcc);
}
TEST_CASE("mcc keeps the contract: multiclass", "[criterion][contract]") {
    contract::prove<double, mode::multiclass, unreduced::exists>(all_mcc);
}
