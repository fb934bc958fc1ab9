#include "support/contract.hpp"

#include <xloss/losses/cross_entropy.hpp>
#include <xloss/losses/focal.hpp>

#include <cstddef>

namespace {

using contract::list, contract::per_class_list, contract::unreduced;
using xloss::mode;

template <class T>
void prove_focal() {
    contract::prove<T, mode::multiclass, unreduced::exists>([](std::size_t classes) {
        const auto weights = per_class_list(classes, 1.0, 0.5);
        return list<xloss::focal>{
            {"focal", {}},
            {"focal without alpha", {.alpha = -1.0, .gamma = 0.5}},
            {"focal gamma 0", {.alpha = 0.75, .gamma = 0.0}},
            {"focal gamma 5", {.gamma = 5.0}},
            {"focal normalized", {.gamma = 1.0, .normalized = true, .class_weights = weights}, false},
            {"focal of every class",
             {.alpha = per_class_list(classes, 0.25, 0.25), .class_weights = weights}}};
    });
}

template <class T>
void prove_cross_entropy() {
    contract::prove<T, mode::multiclass, unreduced::exists>([](std::size_t classes) {
        const auto weights = per_class_list(classes, 0.0, 0.75);
        return list<xloss::cross_entropy>{
            {"cross_entropy", {}},
            {"cross_entropy weighted", {.class_weights = weights}},
            {"cross_entropy smoothed", {.label_smoothing = 0.25}},
            {"cross_entropy both", {.label_smoothing = 0.125, .class_weights = weights}},
            {"cross_entropy of uniform weights", {.class_weights = 3.0}}};
    });
}

} // namespace

TEST_CASE("focal keeps the contract: multiclass", "[criterion][contract]") {
    prove_focal<double>();
}
TEST_CASE("focal keeps the contract: multiclass, float", "[criterion][contract]") {
    prove_focal<float>();
}
TEST_CASE("cross_entropy keeps the contract: multiclass", "[criterion][contract]") {
    prove_cross_entropy<double>();
}
TEST_CASE("cross_entropy keeps the contract: multiclass, float", "[criterion][contract]") {
    prove_cross_entropy<float>();
}
