#ifndef XLOSS_SAM_SAM2_HPP
#define XLOSS_SAM_SAM2_HPP

#include <xloss/criterion/components.hpp>
#include <xloss/criterion/mode.hpp>
#include <xloss/criterion/target.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/region.hpp>
#include <xloss/engine/survey.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/engine/zeros.hpp>
#include <xloss/losses/focal.hpp>
#include <xloss/sam/iou_head.hpp>
#include <xloss/sam/output.hpp>
#include <xloss/sam/sam_mask.hpp>
#include <xloss/simd/dual.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/like.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/sink.hpp>
#include <xloss/tensor/source.hpp>
#include <xloss/tensor/xtensor.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace xloss {

/// The loss of SAM 2: of M candidate masks for an object the one that is best so far is trained, and so is
/// what the network predicts of its IoU, and whether the object is there at all.
///
///     auto r = xloss::value_and_grad(xloss::sam2{}, xloss::sam_output{masks, iou}, target);
///     // r.value, r.focal, r.dice, r.iou, r.score, r.chosen; r.grads.masks, r.grads.iou, r.grads.scores
///
/// Of an object: focal_weight focal + dice_weight Dice of the candidate where this sum is least (the first of
/// equals; M = 1: no choice) + iou_weight IoU loss of the same candidate. With `object_scores` this is 0 for
/// an object without a true pixel, and score_weight focal(score, object is there) is added. Summed over
/// objects, divided by `num_objects`.
///
/// **Shapes.** Masks `[N, M, ...]`, M candidates for each of N objects; predicted IoU `[N, M]`; scores
/// `[N]`, only with `object_scores`; targets `[N, ...]`. N = 0 is legal. Prediction steps, and the frames of
/// a video, are calls whose values are added, with `accumulate` where they share gradients; steps may differ
/// in M.
///
/// **Parameters.** Weights >= 0. `alpha` and `gamma` as in `focal`, for the masks; `score_alpha`,
/// `score_gamma` for the scores. `supervise_all_iou`: the IoU loss is the mean over all candidates.
/// `num_objects`: what to divide by, such as the mean over processes; none: max(N, 1).
///
/// **Gradient.** By masks, predicted IoU and scores. That of all that was not chosen is exactly 0, its logits
/// are read once and not again. The choice has no gradient. A candidate with a NaN is chosen, so that the NaN
/// comes through.
///
/// **Empty.** Without `object_scores` an object without a true pixel counts as any other. All pixels of an
/// object ignored: it gives 0 to the sum, without gradient, its score too. A candidate of which weights
/// `[N, M, ...]` ignore all pixels is not chosen; its IoU loss is 0, and counts in the mean over candidates.
/// The actual IoU of nothing with nothing is 0.
///
/// **Source.** Ravi et al. 2024, arXiv 2408.00714; `MultiStepMultiMasksAndIous` of its code:
///
/// - `weight_dict["loss_mask"]`, `["loss_dice"]`, `["loss_iou"]`, `["loss_class"]`: `focal_weight`,
///   `dice_weight`, `iou_weight`, `score_weight`;
/// - `focal_alpha`, `focal_gamma`: `alpha`, `gamma`;
/// - `supervise_all_iou`, `iou_use_l1_loss`: `supervise_all_iou`, `iou_loss = iou_loss::l1`;
/// - `pred_obj_scores`, `focal_gamma_obj_score`, `focal_alpha_obj_score`: `object_scores`, `score_gamma`,
///   `score_alpha`;
/// - `num_objects` over the world size: `num_objects`;
/// - `losses["loss_mask"]` and so on: `r.focal`, `r.dice`, `r.iou`, `r.score`.
///
/// **Elsewhere.** Where targets are not 0 or 1, SAM 2 takes those above 0 for true in IoU and presence; here
/// a target counts by what it is in the IoU. SAM 2 trains with 20, 1, 1 and 1.
///
/// @throws shape_error, alias_error, parameter_error for what does not fit, before anything is written.
struct sam2 {
    static constexpr const char* name = "sam2";

    double focal_weight = 20.0;                      ///< of the focal loss of the masks
    double dice_weight = 1.0;                        ///< of Dice
    double iou_weight = 1.0;                         ///< of the loss of the predicted IoU
    double score_weight = 0.0;                       ///< of the focal loss of the scores
    double alpha = 0.25;                             ///< weight of true pixels in focal; negative: none
    double gamma = 2.0;                              ///< how much focal turns away from easy pixels
    bool supervise_all_iou = false;                  ///< IoU loss of all candidates and not of the chosen one
    xloss::iou_loss iou_loss = xloss::iou_loss::mse; ///< how predicted and actual IoU are compared
    bool object_scores = false;                      ///< whether the network says which objects are there
    double score_alpha = -1.0;                       ///< alpha of the scores' focal loss
    double score_gamma = 0.0;                        ///< gamma of the scores' focal loss
    std::optional<double> num_objects{};             ///< what to divide by; none: max(N, 1)

    /// Throws for parameters outside their domain.
    void check() const {
        engine::check_number(name, "focal_weight", focal_weight);
        engine::check_number(name, "dice_weight", dice_weight);
        engine::check_number(name, "iou_weight", iou_weight);
        engine::check_number(name, "score_weight", score_weight);
        if (num_objects && !(std::isfinite(*num_objects) && *num_objects > 0.0))
            tensor::raise<parameter_error>(
                {"xloss::sam2: num_objects is ", *num_objects, ", which is not a finite number > 0"});
    }

    /// The loss of a mask.
    [[nodiscard]] sam_mask mask_part() const {
        return {.focal_weight = focal_weight, .dice_weight = dice_weight, .alpha = alpha, .gamma = gamma};
    }

    /// The loss of the scores.
    [[nodiscard]] focal score_focal() const { return {.alpha = score_alpha, .gamma = score_gamma}; }

    /// What the sum over this many objects is divided by.
    [[nodiscard]] double divisor(std::size_t objects) const {
        return num_objects.value_or(std::max(static_cast<double>(objects), 1.0));
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

/// What an evaluation of `sam2` gives. The components are without their weights, over the number of objects.
template <class T>
struct sam2_evaluation {
    T value;            ///< the whole
    T focal;            ///< of the chosen masks
    T dice;             ///< of the chosen masks
    T iou;              ///< of what is predicted of their IoU, or of that of all candidates
    T score;            ///< of the scores; 0 without `object_scores`
    double num_objects; ///< what was divided by
    std::size_t valid;  ///< pixels of candidates that counted: not ignored, weight > 0
};

/// Gradients by masks, predicted IoU and scores (`no_scores` where none were given).
template <class Masks, class Iou, class Scores>
struct sam2_gradients {
    Masks masks;   ///< of the shape of the masks
    Iou iou;       ///< of the shape of the predicted IoU
    Scores scores; ///< of the shape of the scores
};

/// An evaluation with choices and gradients.
template <class T, class Masks, class Iou, class Scores>
struct sam2_evaluation_and_grads : sam2_evaluation<T> {
    std::vector<std::size_t> chosen;          ///< of every object, the number of the best candidate
    sam2_gradients<Masks, Iou, Scores> grads; ///< by what the network gave
};

namespace engine {

/// The masks of sam2, the candidates of an object as the classes of a sample. No loss by itself: who divides
/// by the number of objects and adds the scores is `sam2_call`.
struct sam2_masks {
    static constexpr const char* name = sam2::name;
    static constexpr std::size_t variants = 2;
    static constexpr unsigned modes = modes::elementwise;
    static constexpr bool sees_predictions = true;
    static constexpr bool shares_target = true;

    sam2 loss{};

    /// What the candidates of an object give.
    template <class S>
    struct parts {
        S focal{}, dice{}, iou{};
        std::size_t chosen = 0;
    };

    template <class Focal>
    struct term {
        static constexpr const char* name = sam2::name;
        static constexpr unsigned sums = sums::own | sums::tp | sums::pred | sums::hard | sums::prediction;
        Focal focal_term;
        sam_mask::dice_term dice_term;
        const sam2& loss;

        template <class V>
        point<V> at(const pixel<V>& s) const {
            return as_points(focal_term.at(s))[0];
        }

        template <class S>
        S classes_loss(std::span<const region_sums<S>> candidates) const {
            const parts<S> all = parts_of(candidates);
            return loss.focal_weight * all.focal + loss.dice_weight * all.dice + loss.iou_weight * all.iou;
        }

        /// The components of an object.
        template <class S>
        parts<S> parts_of(std::span<const region_sums<S>> candidates) const {
            parts<S> all;
            all.chosen = best_of(candidates);
            if (loss.object_scores && !is_present(candidates))
                return all;
            const region_sums<S>& best = candidates[all.chosen];
            all.focal = focal_of(best);
            all.dice = dice_term.region_loss(best);
            if (!loss.supervise_all_iou) {
                all.iou = iou_of(best);
                return all;
            }
            for (const region_sums<S>& one : candidates)
                all.iou += iou_of(one) / static_cast<double>(candidates.size());
            return all;
        }

        /// Whether an object has a true pixel. Weights may leave it to some of the candidates.
        template <class S>
        static bool is_present(std::span<const region_sums<S>> candidates) {
            return std::any_of(candidates.begin(), candidates.end(),
                               [](const region_sums<S>& one) { return one.target > 0.0; });
        }

    private:
        template <class S>
        static S focal_of(const region_sums<S>& r) {
            return quotient(r.own, r.weight);
        }
        template <class S>
        S iou_of(const region_sums<S>& r) const {
            return r.weight == 0.0 ? S(0.0) : predicted_iou_loss(r, loss.iou_loss, iou_target::hard);
        }

        /// The first where focal and Dice are least; NaN is below all, what is wholly ignored above all.
        template <class S>
        std::size_t best_of(std::span<const region_sums<S>> candidates) const {
            const auto loss_of = [&](const region_sums<S>& r) {
                const S sum = loss.focal_weight * focal_of(r) + loss.dice_weight * dice_term.region_loss(r);
                return sum.value;
            };
            std::size_t best = 0;
            double least = loss_of(candidates[0]);
            for (std::size_t m = 1; m < candidates.size() && !std::isnan(least); ++m) {
                if (candidates[m].weight == 0.0)
                    continue;
                const double own = loss_of(candidates[m]);
                if (candidates[best].weight == 0.0 || !(least <= own)) {
                    best = m;
                    least = own;
                }
            }
            return best;
        }
    };

    template <class Run>
    auto bind(const survey& s, Run&& run) const {
        loss.check();
        return loss.mask_part().focal_part().bind(s, with_candidates(run));
    }

    template <class Run>
    auto bind_general(const survey& s, Run&& run) const {
        loss.check();
        return loss.mask_part().focal_part().bind_general(s, with_candidates(run));
    }

private:
    template <class Run>
    auto with_candidates(Run& run) const {
        return [this, &run]<class Focal>(const Focal& focal_term) {
            return run(term<Focal>{focal_term, loss.mask_part().dice_part(), loss});
        };
    }
};

/// Runs the masks, and notes what is found of every object.
template <class T, bool Gradient>
struct sam2_run {
    sink_ref<T> out;
    T* present;          // 1 where an object has a true pixel, else 0; null where nobody asks
    T* counts;           // 1 where any of its pixels counts
    std::size_t* chosen; // null where nobody asks

    struct sums {
        double value = 0.0, focal = 0.0, dice = 0.0, iou = 0.0;
        std::size_t valid = 0;
    };

    template <class Stages>
    sums operator()(Stages& stages) const {
        const report<1> r = stages.template run<Gradient, 1>(out);
        sums all;
        all.value = r.value;
        all.valid = r.valid;
        stages.each_group([&](const auto& term, std::size_t object, const auto& candidates) {
            const bool ignored = std::all_of(candidates.begin(), candidates.end(),
                                             [](const auto& one) { return one.weight == 0.0; });
            const auto parts = term.parts_of(candidates);
            if (present) {
                present[object] = term.is_present(candidates) ? T(1) : T(0);
                counts[object] = ignored ? T(0) : T(1);
            }
            if (chosen)
                chosen[object] = parts.chosen;
            if (ignored)
                return;
            all.focal += parts.focal.value;
            all.dice += parts.dice.value;
            all.iou += parts.iou.value;
        });
        return all;
    }
};

/// An evaluation of sam2: masks and scores run one after the other, all checks of both come first. `S`: the
/// type of the scores, or no_scores.
template <class X, class S>
class sam2_call {
    using mask_loss = criterion<mode::multilabel, sam2_masks>;
    using score_loss = criterion<mode::binary, focal>;
    static constexpr bool has_scores = !std::is_same_v<S, no_scores>;

public:
    using T = tensor::value_type_of<X>;
    static_assert(
        [] {
            if constexpr (has_scores)
                return std::is_same_v<tensor::value_type_of<S>, T>;
            return true;
        }(),
        "xloss: the scores of sam2 have the type of the masks, float or double");

    template <class I, class Y>
    sam2_call(const sam2& loss, const X& masks, const I& iou, const S* scores, const Y& y,
              const call_options& options)
        : loss_(loss), options_(with_memory(checked(options), own_)),
          mask_options_(options_), masked_loss_{{loss}, {.reduction = reduction::sum}},
          masks_(masked_loss_, masks, iou, y, mask_options_), scores_(scores),
          objects_(masks_.targets.geometry().samples), divisor_(loss.divisor(objects_)) {
        loss_.check();
        mask_options_.upstream = options_.upstream.factor() / divisor_;
        if (loss_.object_scores && !has_scores)
            tensor::raise<parameter_error>({"xloss::sam2: object_scores asks for the scores of the objects: "
                                            "sam_output{masks, iou, scores}"});
        if (scored()) {
            present_ = options_.workspace->get<T>(scratch::objects, 2 * objects_);
            counts_ = present_ + objects_;
            std::fill_n(present_, 2 * objects_, T(1));
            with_scores([](auto& request) { return request.run(check_run{}); });
        }
    }

    sam2_call(const sam2_call&) = delete; // refers to itself
    sam2_call& operator=(const sam2_call&) = delete;

    [[nodiscard]] std::size_t objects() const { return objects_; }

    sam2_evaluation<T> value() {
        const auto sums = masks_.run(sam2_run<T, false>{{}, present_, counts_, nullptr});
        double score = 0.0;
        if (scored())
            score = with_scores([](auto& request) { return request.run(forward_run<1>{}).value; });
        return evaluation_of(sums, score);
    }

    /// `scores`: the gradient by them, or null where there are none.
    sam2_evaluation<T> gradients_into(const tensor::sink<T>& masks, const tensor::sink<T>& iou,
                                      const tensor::sink<T>* scores, std::span<std::size_t> chosen) {
        masks_.check_sinks(masks, iou);
        if constexpr (has_scores)
            check_scores(masks, iou, *scores);
        masks_.predicted.to = &iou;
        const auto sums = masks_.run(
            sam2_run<T, true>{sink_ref<T>{&masks, options_.accumulate}, present_, counts_, chosen.data()});
        double score = 0.0;
        if (scored()) {
            const gradient_run<T, 1> run{sink_ref<T>{scores, options_.accumulate}};
            score = with_scores([&](auto& request) { return request.run(run).value; });
        } else if (scores && !options_.accumulate) {
            write_zeros(*scores);
        }
        return evaluation_of(sums, score);
    }

private:
    static const call_options& checked(const call_options& options) {
        check_recipe_upstream(&names_of<sam2>, options);
        return options;
    }

    [[nodiscard]] bool scored() const { return has_scores && loss_.object_scores; }

    /// Calls f(request) for the scores, with what is known of the objects as their target.
    template <class F>
    double with_scores(F&& f) const {
        if constexpr (has_scores) {
            const auto row = [this](T* of_objects) {
                return xt::adapt(of_objects, objects_, xt::no_ownership(), std::array{objects_});
            };
            const score_loss loss{loss_.score_focal(), {.reduction = reduction::sum}};
            call_options own = options_;
            own.upstream = options_.upstream.factor() * loss_.score_weight / divisor_;
            require_shape(&names_of<sam2>, "scores", tensor::shape_of(*scores_),
                          masks_.targets.geometry().sample_axes, masks_.x.shape());
            request<score_loss, std::remove_cv_t<S>> scores(loss, *scores_,
                                                            masked(row(present_), row(counts_)), own);
            return f(scores);
        } else {
            static_cast<void>(f);
            return 0.0;
        }
    }

    /// The gradient by the scores fits, and shares nothing with the others nor with what is read.
    void check_scores(const tensor::sink<T>& masks, const tensor::sink<T>& iou,
                      const tensor::sink<T>& scores) const {
        const loss_name name = &names_of<sam2>;
        const tensor::source<T> given(*scores_);
        check_gradient_shape(name, "scores", scores.shape(), given.shape());
        check_apart(name,
                    {{"masks", masks.memory()}, {"predicted IoU", iou.memory()}, {"scores", scores.memory()}},
                    {{"masks", masks_.x.memory()},
                     {"predicted IoU", masks_.iou.memory()},
                     {"scores", given.memory()}});
        check_target_apart(name, {"scores", scores.memory()}, masks_.targets);
    }

    [[nodiscard]] sam2_evaluation<T> evaluation_of(const auto& sums, double score) const {
        const auto over = [this](double sum) { return static_cast<T>(sum / divisor_); };
        return {over(sums.value + loss_.score_weight * score),
                over(sums.focal),
                over(sums.dice),
                over(sums.iou),
                over(score),
                divisor_,
                sums.valid};
    }

    const sam2& loss_;
    workspace own_;
    call_options options_, mask_options_;
    mask_loss masked_loss_;
    sam_request<mask_loss, X> masks_;
    const S* scores_;
    std::size_t objects_;
    double divisor_;
    T* present_ = nullptr; // 1 where an object has a true pixel
    T* counts_ = nullptr;  // 1 where any of its pixels counts
};

template <class M, class I, class S, class Y>
auto sam2_call_of(const sam2& loss, const sam_output<M, I, S>& x, const Y& y, const call_options& options) {
    const std::remove_cv_t<S>* scores = nullptr;
    if constexpr (sam_output<M, I, S>::has_scores)
        scores = std::addressof(x.scores()); // views have an & of their own
    return sam2_call<std::remove_cv_t<M>, std::remove_cv_t<S>>(loss, x.masks(), x.iou(), scores, y, options);
}

} // namespace engine

/// The value of `sam2` alone.
template <class M, class I, class S, class Y>
auto value(const sam2& loss, const sam_output<M, I, S>& x, const Y& y, const call_options& options = {}) {
    return engine::sam2_call_of(loss, x, y, options).value().value;
}

/// Value, components, choices and gradients of `sam2`.
template <class M, class I, class S, class Y>
auto value_and_grad(const sam2& loss, const sam_output<M, I, S>& x, const Y& y,
                    const call_options& options = {}) {
    using T = tensor::value_type_of<M>;
    call_options overwrite = options;
    overwrite.accumulate = false; // there is nothing yet to add to
    auto call = engine::sam2_call_of(loss, x, y, overwrite);
    auto masks = tensor::make_like<T>(x.masks());
    auto iou = tensor::make_like<T>(x.iou());
    auto scores = [&] {
        if constexpr (sam_output<M, I, S>::has_scores)
            return tensor::make_like<T>(x.scores());
        else
            return no_scores{};
    }();
    const tensor::sink<T> to_masks(masks), to_iou(iou);
    std::vector<std::size_t> chosen(call.objects());
    const auto e = [&] {
        if constexpr (sam_output<M, I, S>::has_scores) {
            const tensor::sink<T> to_scores(scores);
            return call.gradients_into(to_masks, to_iou, &to_scores, chosen);
        } else {
            return call.gradients_into(to_masks, to_iou, nullptr, chosen);
        }
    }();
    return sam2_evaluation_and_grads<T, decltype(masks), decltype(iou), decltype(scores)>{
        e, std::move(chosen), {std::move(masks), std::move(iou), std::move(scores)}};
}

/// As `value_and_grad`, into the caller's gradients: `sam_output{grad_masks, grad_iou}`. On an error both are
/// left as they were.
template <class GM, class GI, class M, class I, class S, class Y>
auto value_and_grad_into(sam_output<GM, GI> grads, const sam2& loss, const sam_output<M, I, S>& x, const Y& y,
                         const call_options& options = {}) {
    static_assert(!sam_output<M, I, S>::has_scores, "xloss: scores have a gradient: sam_output{masks, iou, "
                                                    "scores} of the gradients, too");
    const tensor::sink<tensor::value_type_of<M>> masks(grads.masks()), iou(grads.iou());
    return engine::sam2_call_of(loss, x, y, options).gradients_into(masks, iou, nullptr, {});
}

/// The same with scores: `sam_output{grad_masks, grad_iou, grad_scores}`.
template <class GM, class GI, class GS, class M, class I, class S, class Y>
auto value_and_grad_into(sam_output<GM, GI, GS> grads, const sam2& loss, const sam_output<M, I, S>& x,
                         const Y& y, const call_options& options = {}) {
    static_assert(sam_output<M, I, S>::has_scores, "xloss: there are no scores, and they have no gradient");
    using T = tensor::value_type_of<M>;
    const tensor::sink<T> masks(grads.masks()), iou(grads.iou()), scores(grads.scores());
    return engine::sam2_call_of(loss, x, y, options).gradients_into(masks, iou, &scores, {});
}

} // namespace xloss

#endif
