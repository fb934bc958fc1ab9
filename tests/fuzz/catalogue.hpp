#ifndef XLOSS_TESTS_FUZZ_CATALOGUE_HPP
#define XLOSS_TESTS_FUZZ_CATALOGUE_HPP

// How the parameters of every loss are drawn. Designated members, so that each names its own.

#include "parameters.hpp"

#include <xloss/criterion/selection.hpp>
#include <xloss/criterion/sum.hpp>
#include <xloss/losses/bce.hpp>
#include <xloss/losses/boundary.hpp>
#include <xloss/losses/cl_dice.hpp>
#include <xloss/losses/cross_entropy.hpp>
#include <xloss/losses/dice.hpp>
#include <xloss/losses/focal.hpp>
#include <xloss/losses/generalized_dice.hpp>
#include <xloss/losses/hausdorff_dt.hpp>
#include <xloss/losses/iou.hpp>
#include <xloss/losses/lovasz.hpp>
#include <xloss/losses/mcc.hpp>
#include <xloss/losses/poly_cross_entropy.hpp>
#include <xloss/losses/region_boundary.hpp>
#include <xloss/losses/sobel_boundary.hpp>
#include <xloss/losses/tversky.hpp>
#include <xloss/losses/unified_focal.hpp>
#include <xloss/losses/wasserstein_dice.hpp>

#include <limits>
#include <type_traits>

namespace fuzzing {

/// Calls draw_loss(std::type_identity<Loss>, parameters) of every loss; those below are found where it is
/// called.
inline xloss::bce draw_loss(std::type_identity<xloss::bce>, parameters& p) {
    return {.pos_weight = p.per_class("pos_weight", 1.0),
            .label_smoothing = p.number("label_smoothing", 0.0, 0.0, 1.0)};
}

inline xloss::weighted_bce draw_loss(std::type_identity<xloss::weighted_bce>, parameters&) {
    return {};
}

inline xloss::focal draw_loss(std::type_identity<xloss::focal>, parameters& p) {
    xloss::focal loss{.alpha = p.per_class("alpha", 0.25, -HUGE_VAL),
                      .gamma = p.number("gamma", 2.0),
                      .normalized = p.flag("normalized"),
                      .class_weights = p.class_weights()};
    if (loss.normalized)
        p.does_not_split();
    return loss;
}

inline xloss::cross_entropy draw_loss(std::type_identity<xloss::cross_entropy>, parameters& p) {
    return {.label_smoothing = p.number("label_smoothing", 0.0, 0.0, 1.0),
            .class_weights = p.class_weights()};
}

/// The members that all losses with regions of their own share.
template <class Loss>
void draw_regions(Loss& loss, parameters& p) {
    if constexpr (requires { loss.smooth; })
        loss.smooth = p.number("smooth", loss.smooth);
    if constexpr (requires { loss.smooth_nr; }) {
        loss.smooth_nr = p.optional("smooth_nr");
        loss.smooth_dr = p.optional("smooth_dr");
    }
    if constexpr (requires { loss.over; }) {
        loss.over = p.choice<xloss::region>("over", 2);
        loss.empty = p.choice<xloss::empty_region>("empty", 3);
    }
    loss.classes = p.classes("classes");
    loss.include_background = p.background(loss.classes);
    if constexpr (requires { loss.log; })
        loss.log = p.flag("log");
    if constexpr (requires { loss.form; })
        loss.form = p.choice<xloss::soft_form>("form", 3);
    if constexpr (requires { loss.class_weights; })
        loss.class_weights = p.class_weights();
}

inline xloss::dice draw_loss(std::type_identity<xloss::dice>, parameters& p) {
    xloss::dice loss;
    draw_regions(loss, p);
    return loss;
}

inline xloss::iou draw_loss(std::type_identity<xloss::iou>, parameters& p) {
    xloss::iou loss;
    draw_regions(loss, p);
    return loss;
}

inline xloss::tversky draw_loss(std::type_identity<xloss::tversky>, parameters& p) {
    xloss::tversky loss{
        .alpha = p.number("alpha", 0.5), .beta = p.number("beta", 0.5), .gamma = p.number("gamma", 1.0)};
    draw_regions(loss, p);
    return loss;
}

inline xloss::mcc draw_loss(std::type_identity<xloss::mcc>, parameters& p) {
    xloss::mcc loss{.eps = p.number("eps", 1e-5)};
    draw_regions(loss, p);
    return loss;
}

inline xloss::poly_cross_entropy draw_loss(std::type_identity<xloss::poly_cross_entropy>, parameters& p) {
    return {.epsilon = p.number("epsilon", 1.0, -1.0), .class_weights = p.class_weights()};
}

inline xloss::generalized_dice draw_loss(std::type_identity<xloss::generalized_dice>, parameters& p) {
    xloss::generalized_dice loss;
    draw_regions(loss, p);
    loss.weighting = p.choice<xloss::volume_weighting>("weighting", 3);
    loss.weight_smooth = p.number("weight_smooth", 0.0);
    return loss;
}

inline xloss::unified_focal draw_loss(std::type_identity<xloss::unified_focal>, parameters& p) {
    return {.weight = p.number("weight", 0.5, 0.0, 1.0),
            .delta = p.number("delta", 0.6, 0.0, 1.0),
            .gamma = p.number("gamma", 0.5, 0.0, 1.0)};
}

inline xloss::wasserstein_dice draw_loss(std::type_identity<xloss::wasserstein_dice>, parameters& p) {
    xloss::wasserstein_dice loss{.distances = p.distances(),
                                 .weighting = p.choice<xloss::wasserstein_weighting>("weighting", 2)};
    loss.smooth = p.number("smooth", loss.smooth);
    loss.over = p.choice<xloss::region>("over", 2);
    return loss;
}

inline xloss::lovasz_hinge draw_loss(std::type_identity<xloss::lovasz_hinge>, parameters& p) {
    xloss::lovasz_hinge loss;
    draw_regions(loss, p);
    p.takes_logits();
    return loss;
}

inline xloss::lovasz_sigmoid draw_loss(std::type_identity<xloss::lovasz_sigmoid>, parameters& p) {
    xloss::lovasz_sigmoid loss;
    draw_regions(loss, p);
    return loss;
}

inline xloss::lovasz_softmax draw_loss(std::type_identity<xloss::lovasz_softmax>, parameters& p) {
    xloss::lovasz_softmax loss;
    draw_regions(loss, p);
    return loss;
}

inline xloss::boundary draw_loss(std::type_identity<xloss::boundary>, parameters& p) {
    xloss::boundary loss{.convention = p.choice<xloss::distance_convention>("convention", 2),
                         .spacing = p.spacing()};
    draw_regions(loss, p);
    p.looks_around(10.0);
    return loss;
}

inline xloss::region_boundary draw_loss(std::type_identity<xloss::region_boundary>, parameters& p) {
    xloss::region_boundary loss{.dice_weight = p.number("dice_weight", 1.0),
                                .boundary_weight = p.number("boundary_weight", 1.0),
                                .schedule = p.choice<xloss::boundary_schedule>("schedule", 3),
                                .epoch = p.number("epoch", 20.0),
                                .epochs = p.number("epochs", 100.0, 1.0),
                                .convention = p.choice<xloss::distance_convention>("convention", 2),
                                .spacing = p.spacing()};
    draw_regions(loss, p);
    p.looks_around(10.0);
    return loss;
}

inline xloss::hausdorff_dt draw_loss(std::type_identity<xloss::hausdorff_dt>, parameters& p) {
    xloss::hausdorff_dt loss{.alpha = 0.5 * static_cast<double>(p.count("alpha", 4)),
                             .log1p = p.flag("log1p"),
                             .spacing = p.spacing()};
    draw_regions(loss, p);
    p.looks_around(2e3);
    return loss;
}

inline xloss::sobel_boundary draw_loss(std::type_identity<xloss::sobel_boundary>, parameters& p) {
    xloss::sobel_boundary loss;
    draw_regions(loss, p);
    p.looks_around(2e3); // a slope is up to 1e12
    p.does_not_split();
    return loss;
}

inline xloss::cl_dice draw_loss(std::type_identity<xloss::cl_dice>, parameters& p) {
    xloss::cl_dice loss{.iterations = p.count("iterations", 3)};
    draw_regions(loss, p);
    p.looks_around(1.0);
    return loss;
}

template <class Loss>
xloss::top_k_loss<Loss> draw_loss(std::type_identity<xloss::top_k_loss<Loss>>, parameters& p) {
    const double least = std::numeric_limits<double>::denorm_min(); // of what is not 0
    return {draw_loss(std::type_identity<Loss>{}, p), p.number("fraction", 0.1, least, 1.0)};
}

template <class Loss>
xloss::ohem_loss<Loss> draw_loss(std::type_identity<xloss::ohem_loss<Loss>>, parameters& p) {
    return {draw_loss(std::type_identity<Loss>{}, p), p.number("threshold", 0.7, 0.0, 1.0),
            p.count("min_kept", 100'000)};
}

template <class... Losses>
xloss::loss_sum<Losses...> draw_loss(std::type_identity<xloss::loss_sum<Losses...>>, parameters& p) {
    p.does_not_split();
    return {{xloss::engine::weighted_loss<Losses>{p.number("factor", 1.0, -HUGE_VAL),
                                                  draw_loss(std::type_identity<Losses>{}, p)}...}};
}

} // namespace fuzzing

#endif
