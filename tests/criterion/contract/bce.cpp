#include "support/contract.hpp"

#include <xloss/losses/bce.hpp>

#include <cstddef>

namespace {

using contract::list, contract::per_class_list, contract::unreduced;
using xloss::mode;

template <class T, mode Mode>
void prove_bce() {
    contract::prove<T, Mode, unreduced::exists>([](std::size_t classes) {
        return list<xloss::bce>{{"bce", {}},
                                {"bce of every class", {.pos_weight = per_class_list(classes, 0.0, 1.5)}},
                                {"bce smoothed", {.pos_weight = 2.0, .label_smoothing = 0.25}}};
    });
    contract::prove<T, Mode, unreduced::exists>([](std::size_t) {
        return list<xloss::weighted_bce>{{"weighted_bce", {}}};
    });
}

} // namespace

TEST_CASE("bce keeps the contract: binary", "[criterion][contract]") {
    prove_bce<double, mode::binary>();
}
TEST_CASE("bce keeps the contract: multilabel", "[criterion][contract]") {
    prove_bce<double, mode::multilabel>();
}
TEST_CASE("bce keeps the contract: one_vs_rest", "[criterion][contract]") {
    prove_bce<double, mode::one_vs_rest>();
}
TEST_CASE("bce keeps the contract: multilabel, float", "[criterion][contract]") {
    prove_bce<float, mode::multilabel>();
}
