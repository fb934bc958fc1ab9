#ifndef XLOSS_SAM_SPATIAL_RELEVANCE_HPP
#define XLOSS_SAM_SPATIAL_RELEVANCE_HPP

#include <xloss/criterion/call.hpp>
#include <xloss/criterion/components.hpp>
#include <xloss/criterion/sum.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/region.hpp>
#include <xloss/losses/bce.hpp>
#include <xloss/sam/iou_head.hpp>
#include <xloss/sam/output.hpp>
#include <xloss/sam/sam.hpp>
#include <xloss/tensor/like.hpp>
#include <xloss/tensor/sink.hpp>
#include <xloss/tensor/source.hpp>

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace xloss {

/// What a network that grounds text in images gives: logits of masks, their predicted IoU, and the logits of
/// how well each text fits each region. Also the gradients by these, as tensors to be written. Refers to the
/// tensors, which must outlive the call.
template <class Masks, class Iou, class Alignment>
class spatial_output {
public:
    /// Of the three.
    template <class M, class I, class A>
    spatial_output(M&& masks, I&& iou, A&& alignment)
        : masks_(std::addressof(masks)), iou_(std::addressof(iou)), alignment_(std::addressof(alignment)) {}

    /// `[B, N, ...]`.
    [[nodiscard]] Masks& masks() const { return *masks_; }
    /// `[B, N]`.
    [[nodiscard]] Iou& iou() const { return *iou_; }
    /// Any shape.
    [[nodiscard]] Alignment& alignment() const { return *alignment_; }

private:
    Masks* masks_;
    Iou* iou_;
    Alignment* alignment_;
};

template <class M, class I, class A>
spatial_output(M&&, I&&, A&&)
    -> spatial_output<std::remove_reference_t<M>, std::remove_reference_t<I>, std::remove_reference_t<A>>;

/// What it is compared with: targets of the masks (perhaps `weighted` or `masked`) and of the alignment.
template <class Masks, class Alignment>
class spatial_target {
public:
    /// Of both.
    template <class M, class A>
    spatial_target(M&& masks, A&& alignment)
        : masks_(std::addressof(masks)), alignment_(std::addressof(alignment)) {}

    /// As for `sam`.
    [[nodiscard]] const Masks& masks() const { return *masks_; }
    /// Of the shape of the alignment logits, in [0, 1].
    [[nodiscard]] const Alignment& alignment() const { return *alignment_; }

private:
    const Masks* masks_;
    const Alignment* alignment_;
};

template <class M, class A>
spatial_target(M&&, A&&) -> spatial_target<std::remove_cvref_t<M>, std::remove_cvref_t<A>>;

/// The loss of spatial grounding: `sam_mask` + iou_weight `iou_head` + alignment_weight `bce` of how text and
/// regions fit.
///
///     auto r = xloss::value_and_grad(xloss::spatial_relevance{},
///                                    xloss::spatial_output{masks, iou, alignment},
///                                    xloss::spatial_target{y, fits});
///     // r.value, r.mask, r.focal, r.dice, r.iou, r.alignment; r.grads.masks, r.grads.iou, r.grads.alignment
///
/// **Shapes.** Masks, predicted IoU and their targets as in `sam`; alignment logits and targets of one shape,
/// with at least one axis.
///
/// **Parameters.** Those of `sam`; `alignment_weight` >= 0.
///
/// **Gradient, empty.** As its parts have it.
///
/// **Source.** The recipe of ARR-COC for vision-language models on the losses of Segment Anything (Kirillov
/// et al. 2023, arXiv 2304.02643).
///
/// @throws what its parts throw, before anything is written.
struct spatial_relevance {
    static constexpr const char* name = "spatial_relevance";

    xloss::sam sam{};              ///< of the masks and their predicted IoU
    double alignment_weight = 1.0; ///< of the alignment

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

/// What an evaluation of `spatial_relevance` gives. The components are without their weights.
template <class T>
struct spatial_evaluation : sam_evaluation<T> {
    T alignment; ///< mean over the alignment logits
};

/// Gradients by masks, predicted IoU and alignment.
template <class Masks, class Iou, class Alignment>
struct spatial_gradients {
    Masks masks;         ///< of the shape of the masks
    Iou iou;             ///< of the shape of the predicted IoU
    Alignment alignment; ///< of the shape of the alignment logits
};

/// An evaluation with its gradients.
template <class T, class Masks, class Iou, class Alignment>
struct spatial_evaluation_and_grads : spatial_evaluation<T> {
    spatial_gradients<Masks, Iou, Alignment> grads; ///< by what the network gave
};

namespace engine {

/// An evaluation of spatial_relevance: masks and alignment run one after the other, all checks come first.
template <class X, class A>
class spatial_call {
    using mask_loss = decltype(std::declval<const sam&>().sum());

public:
    using T = tensor::value_type_of<X>;

    template <class I, class Y, class F>
    spatial_call(const spatial_relevance& loss, const X& masks, const I& iou, const A& alignment, const Y& y,
                 const F& fits, const call_options& options)
        : loss_(loss), mask_loss_(loss.sam.sum()), alignment_options_(scaled_options(loss, options)),
          masks_(mask_loss_, masks, iou, y, options), alignment_(bce_, alignment, fits, alignment_options_) {
        alignment_.run(check_run{});
    }

    spatial_call(const spatial_call&) = delete; // refers to itself
    spatial_call& operator=(const spatial_call&) = delete;

    spatial_evaluation<T> value() {
        const auto masks = masks_.run(forward_run<3>{});
        return evaluation_of(masks, alignment_.run(forward_run<1>{}));
    }

    spatial_evaluation<T> gradients_into(const tensor::sink<T>& masks, const tensor::sink<T>& iou,
                                         const tensor::sink<T>& alignment) {
        check_sink(alignment, alignment_.x, alignment_.targets, alignment_options_);
        check_apart(masks, iou, alignment);
        const auto r = masks_.run_into(masks, iou);
        return evaluation_of(
            r, alignment_.run(gradient_run<T, 1>{sink_ref<T>{&alignment, alignment_options_.accumulate}}));
    }

private:
    static call_options scaled_options(const spatial_relevance& loss, call_options options) {
        check_number(spatial_relevance::name, "alignment_weight", loss.alignment_weight);
        check_recipe_upstream(&names_of<spatial_relevance>, options);
        options.upstream = options.upstream.factor() * loss.alignment_weight;
        return options;
    }

    void check_apart(const tensor::sink<T>& masks, const tensor::sink<T>& iou,
                     const tensor::sink<T>& alignment) const {
        const loss_name name = &names_of<spatial_relevance>;
        const named_memory by_alignment{"alignment", alignment.memory()};
        engine::check_apart(name, {{"masks", masks.memory()}, {"predicted IoU", iou.memory()}, by_alignment},
                            {{"masks", masks_.x.memory()},
                             {"predicted IoU", masks_.iou.memory()},
                             {"alignment", alignment_.x.memory()}});
        check_target_apart(name, by_alignment, masks_.targets);
        check_target_apart(name, {"masks", masks.memory()}, alignment_.targets);
        check_target_apart(name, {"predicted IoU", iou.memory()}, alignment_.targets);
    }

    [[nodiscard]] spatial_evaluation<T> evaluation_of(const report<3>& masks,
                                                      const report<1>& alignment) const {
        spatial_evaluation<T> e;
        static_cast<sam_evaluation<T>&>(e) = sam_components<T>(loss_.sam, as_evaluation<T>(masks));
        e.value = static_cast<T>(masks.value + loss_.alignment_weight * alignment.value);
        e.alignment = static_cast<T>(alignment.value);
        return e;
    }

    const spatial_relevance& loss_;
    mask_loss mask_loss_;
    bce bce_{};
    call_options alignment_options_;
    sam_request<mask_loss, X> masks_;
    request<bce, A> alignment_;
};

template <class M, class I, class A, class Y, class F>
auto spatial_call_of(const spatial_relevance& loss, const spatial_output<M, I, A>& x,
                     const spatial_target<Y, F>& y, const call_options& options) {
    return spatial_call<std::remove_cv_t<M>, std::remove_cv_t<A>>(loss, x.masks(), x.iou(), x.alignment(),
                                                                  y.masks(), y.alignment(), options);
}

} // namespace engine

/// The value of `spatial_relevance` alone.
template <class M, class I, class A, class Y, class F>
auto value(const spatial_relevance& loss, const spatial_output<M, I, A>& x, const spatial_target<Y, F>& y,
           const call_options& options = {}) {
    return engine::spatial_call_of(loss, x, y, options).value().value;
}

/// Value, components and gradients of `spatial_relevance`.
template <class M, class I, class A, class Y, class F>
auto value_and_grad(const spatial_relevance& loss, const spatial_output<M, I, A>& x,
                    const spatial_target<Y, F>& y, const call_options& options = {}) {
    using T = tensor::value_type_of<M>;
    call_options overwrite = options;
    overwrite.accumulate = false; // there is nothing yet to add to
    auto call = engine::spatial_call_of(loss, x, y, overwrite);
    auto masks = tensor::make_like<T>(x.masks());
    auto iou = tensor::make_like<T>(x.iou());
    auto alignment = tensor::make_like<T>(x.alignment());
    const auto e =
        call.gradients_into(tensor::sink<T>(masks), tensor::sink<T>(iou), tensor::sink<T>(alignment));
    return spatial_evaluation_and_grads<T, decltype(masks), decltype(iou), decltype(alignment)>{
        e, {std::move(masks), std::move(iou), std::move(alignment)}};
}

/// As `value_and_grad`, into the caller's gradients: `spatial_output{grad_masks, grad_iou, grad_alignment}`.
/// On an error all are left as they were.
template <class GM, class GI, class GA, class M, class I, class A, class Y, class F>
auto value_and_grad_into(spatial_output<GM, GI, GA> grads, const spatial_relevance& loss,
                         const spatial_output<M, I, A>& x, const spatial_target<Y, F>& y,
                         const call_options& options = {}) {
    using T = tensor::value_type_of<M>;
    auto call = engine::spatial_call_of(loss, x, y, options);
    return call.gradients_into(tensor::sink<T>(grads.masks()), tensor::sink<T>(grads.iou()),
                               tensor::sink<T>(grads.alignment()));
}

} // namespace xloss

#endif
