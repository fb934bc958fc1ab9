// Losses with one sigmoid per element, or none: the same bits with every number of threads.

#include "threads/check.hpp"

#include <xloss/criterion/mode.hpp>
#include <xloss/criterion/selection.hpp>
#include <xloss/criterion/sum.hpp>
#include <xloss/criterion/target.hpp>
#include <xloss/losses/bce.hpp>
#include <xloss/losses/dice.hpp>
#include <xloss/losses/focal.hpp>
#include <xloss/losses/generalized_dice.hpp>
#include <xloss/losses/iou.hpp>
#include <xloss/losses/l1.hpp>
#include <xloss/losses/lovasz.hpp>
#include <xloss/losses/mcc.hpp>
#include <xloss/losses/mse.hpp>
#include <xloss/losses/poly_cross_entropy.hpp>
#include <xloss/losses/smooth_l1.hpp>
#include <xloss/losses/tversky.hpp>
#include <xloss/losses/unified_focal.hpp>

namespace {

struct weighted_data : threads::data {
    template <class Loss>
    void check(const char* name, const Loss& loss) const {
        threads::check_loss(name, xloss::multilabel(loss, {.check_finite = true}), x,
                            xloss::weighted(mask, weights));
    }
};

} // namespace

TEST_CASE("threads: losses of pixels, one sigmoid each", "[threads]") {
    const weighted_data of;
    of.check("bce", xloss::bce{});
    of.check("weighted_bce", xloss::weighted_bce{});
    of.check("poly_cross_entropy", xloss::poly_cross_entropy{});
    of.check("focal", xloss::focal{.gamma = 0.5, .normalized = true});
    of.check("mse", xloss::mse{});
    of.check("l1", xloss::l1{});
    of.check("smooth_l1", xloss::smooth_l1{});
}

TEST_CASE("threads: losses of regions, one sigmoid per pixel", "[threads]") {
    const weighted_data of;
    of.check("dice", xloss::dice{});
    of.check("iou", xloss::iou{.over = xloss::region::batch});
    of.check("tversky", xloss::tversky{.alpha = 0.3, .beta = 0.7, .gamma = 0.75});
    of.check("generalized_dice", xloss::generalized_dice{});
    of.check("mcc", xloss::mcc{});
    of.check("unified_focal", xloss::unified_focal{});
    of.check("20 focal + dice", 20.0 * xloss::focal{} + xloss::dice{.form = xloss::soft_form::semimetric});
}

TEST_CASE("threads: ranked and selected losses, one sigmoid per pixel", "[threads]") {
    const weighted_data of;
    of.check("lovasz_hinge", xloss::lovasz_hinge{});
    of.check("lovasz_sigmoid", xloss::lovasz_sigmoid{});
    of.check("top_k + dice", xloss::top_k(xloss::bce{}, 0.3) + xloss::dice{});
    of.check("ohem", xloss::ohem(xloss::bce{}, {.min_kept = 500}));
}

TEST_CASE("threads: ranked and selected losses of many pixels", "[threads]") {
    // More keys than a piece of a selection has, and a sample that is ranked in several parts.
    const auto x = made_up::logits<float>(std::array<std::size_t, 3>{2, 181, 199});
    const auto y = made_up::labels<std::uint8_t>(std::array<std::size_t, 3>{2, 181, 199});
    threads::check_loss("top_k", xloss::binary(xloss::top_k(xloss::bce{}, 0.3)), x, y);
    threads::check_loss("lovasz_hinge", xloss::binary(xloss::lovasz_hinge{}), x, y);
}

TEST_CASE("threads: gradients made sample by sample", "[threads]") {
    const auto x = made_up::logits<float>(std::array<std::size_t, 3>{21, 33, 67});
    const auto y = made_up::labels<std::uint8_t>(std::array<std::size_t, 3>{21, 33, 67});
    threads::check_loss("dice", xloss::binary(xloss::dice{}), x, y);
    threads::check_loss("20 focal + dice", xloss::binary(20.0 * xloss::focal{} + xloss::dice{}), x, y);
}

TEST_CASE("threads: a single sample is shared too", "[threads]") {
    const auto x = made_up::logits<float>(std::array<std::size_t, 3>{1, 260, 199});
    const auto y = made_up::labels<std::uint8_t>(std::array<std::size_t, 3>{1, 260, 199});
    threads::check_loss("dice", xloss::binary(xloss::dice{}), x, y, 8);
}
