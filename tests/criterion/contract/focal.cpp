#include "support/contract.hpp"

#include <xloss/losses/focal.hpp>

#include <cstddef>

namespace {

using contract::list, contract::per_class_list, contract::unreduced;
using xloss::mode;

template <class T, mode Mode>
void prove_focal() {
    contract::prove<T, Mode, unreduced::exists>([](std::size_t classes) {
        list<xloss::focal> all{{"focal", {}},
                               {"focal without alpha", {.alpha = -1.0, .gamma = 0.5}},
                               {"focal gamma 5", {.alpha = 0.0, .gamma = 5.0}},
                               {"focal normalized", {.normalized = true}, false},
                               {"focal of every class",
                                {.alpha = per_class_list(classes, 0.25, 0.25),
                                 .class_weights = per_class_list(classes, 1.0, 0.5)}}};
        for (const double gamma : {0.0, 1.0, 2.0})
            all.push_back({"focal, general form",
                           {.gamma = gamma, .normalized = gamma == 1.0, .class_weights = 3.0},
                           gamma != 1.0});
        return all;
    });
}

} // namespace

TEST_CASE("focal keeps the contract: binary", "[criterion][contract]") {
    prove_focal<double, mode::binary>();
}
TEST_CASE("focal keeps the contract: multilabel", "[criterion][contract]") {
    prove_focal<double, mode::multilabel>();
}
TEST_CASE("focal keeps the contract: one_vs_rest", "[criterion][contract]") {
    prove_focal<double, mode::one_vs_rest>();
}
TEST_CASE("focal keeps the contract: binary, float", "[criterion][contract]") {
    prove_focal<float, mode::binary>();
}
