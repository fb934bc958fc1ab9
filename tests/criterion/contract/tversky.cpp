#include "support/contract.hpp"

#include <xloss/losses/tversky.hpp>

#include <cstddef>

namespace {

using contract::list, contract::per_class_list, contract::unreduced;
using xloss::empty_region, xloss::mode, xloss::region, xloss::soft_form;

/// Every choice of over, empty and form, and of the classes; gammas on both sides of 1.
list<xloss::tversky> all_tversky(std::size_t classes) {
    list<xloss::tversky> all;
    for (const region over : {region::sample, region::batch})
        for (const empty_region empty : {empty_region::smooth, empty_region::zero, empty_region::skip})
            for (const soft_form form : {soft_form::product, soft_form::squared, soft_form::semimetric})
                all.push_back({"tversky over " + std::to_string(static_cast<int>(over)) + ", empty " +
                                   std::to_string(static_cast<int>(empty)) + ", form " +
                                   std::to_string(static_cast<int>(form)),
                               {.alpha = form == soft_form::squared ? 0.5 : 0.3,
                                .beta = form == soft_form::squared ? 0.5 : 0.7,
                                .gamma = over == region::batch ? 0.75 : 1.0,
                                .smooth_dr = form == soft_form::product ? std::optional<double>{} : 1.5,
                                .form = form,
                                .over = over,
                                .empty = empty,
                                .class_weights = per_class_list(classes, 0.5, 1.0),
                                .log = form == soft_form::semimetric}});
    all.push_back({"tversky, gamma 2", {.gamma = 2.0, .classes = {classes - 1}, .log = true}});
    all.push_back({"tversky, gamma 0", {.gamma = 0.0}});
    if (classes > 1)
        all.push_back({"tversky of the foreground",
                       {.gamma = 0.5,
                        .empty = empty_region::skip,
                        .include_background = false,
                        .class_weights = per_class_list(classes, 0.0, 1.0)}});
    return all;
}

list<xloss::tversky> without_smooth(std::size_t) {
    return {{"tversky without smooth", {.smooth = 0.0}},
            {"tversky without smooth, false positives alone", {.alpha = 1.0, .beta = 0.0, .smooth = 0.0}}};
}

} // namespace

TEST_CASE("tversky keeps the contract: binary", "[criterion][contract]") {
    contract::prove<double, mode::binary, unreduced::exists>(all_tversky);
    contract::prove<double, mode::binary, unreduced::exists>(without_smooth);
}
TEST_CASE("tversky keeps the contract: multilabel, float", "[criterion][contract]") {
    contract::prove<float, mode::multilabel, unreduced::exists>(all_tversky);
    contract::prove<float, mode::multilabel, unreduced::exists>(without_smooth);
}
TEST_CASE("tversky keeps the contract: multiclass", "[criterion][contract]") {
    contract::prove<double, mode::multiclass, unreduced::exists>(all_tversky);
    contract::prove<double, mode::multiclass, unreduced::exists>(without_smooth);
}
