// Losses with a softmax over the classes: the same bits with every number of threads.

#include "threads/check.hpp"

#include <xloss/criterion/mode.hpp>
#include <xloss/criterion/selection.hpp>
#include <xloss/criterion/sum.hpp>
#include <xloss/losses/cross_entropy.hpp>
#include <xloss/losses/dice.hpp>
#include <xloss/losses/focal.hpp>
#include <xloss/losses/generalized_dice.hpp>
#include <xloss/losses/lovasz.hpp>
#include <xloss/losses/poly_cross_entropy.hpp>
#include <xloss/losses/unified_focal.hpp>
#include <xloss/losses/wasserstein_dice.hpp>

namespace {

struct label_data : threads::data {
    template <class Loss>
    void check(const char* name, const Loss& loss) const {
        threads::check_loss(name, xloss::multiclass(loss, {.ignore_index = 3, .check_finite = true}), x,
                            labels);
    }
};

} // namespace

TEST_CASE("threads: losses of pixels with a softmax", "[threads]") {
    const label_data of;
    of.check("cross_entropy", xloss::cross_entropy{.label_smoothing = 0.1});
    of.check("poly_cross_entropy", xloss::poly_cross_entropy{});
    of.check("focal", xloss::focal{});
}

TEST_CASE("threads: losses of regions with a softmax", "[threads]") {
    const label_data of;
    of.check("dice", xloss::dice{});
    of.check("generalized_dice", xloss::generalized_dice{});
    of.check("wasserstein_dice", xloss::wasserstein_dice{});
    of.check("unified_focal", xloss::unified_focal{});
    of.check("cross_entropy + dice", xloss::cross_entropy{} + xloss::dice{.over = xloss::region::batch});
}

TEST_CASE("threads: ranked and selected losses with a softmax", "[threads]") {
    const label_data of;
    of.check("lovasz_softmax", xloss::lovasz_softmax{});
    of.check("cross_entropy + lovasz_softmax", xloss::cross_entropy{} + xloss::lovasz_softmax{});
    of.check("top_k", xloss::top_k(xloss::cross_entropy{}, 0.3));
    of.check("ohem", xloss::ohem(xloss::cross_entropy{}, {.min_kept = 500}));
}
