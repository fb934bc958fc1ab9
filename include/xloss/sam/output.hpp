#ifndef XLOSS_SAM_OUTPUT_HPP
#define XLOSS_SAM_OUTPUT_HPP

#include <xloss/criterion/call.hpp>
#include <xloss/criterion/components.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/region_set.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/like.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/sink.hpp>
#include <xloss/tensor/source.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace xloss {

/// In place of the scores of objects, where there are none.
struct no_scores {};

/// What a promptable network gives: the logits of masks, what it predicts of their IoU, and for `sam2` the
/// logits that say whether an object is there. Also the gradients by these, as tensors to be written. Refers
/// to the tensors, which must outlive the call.
template <class Masks, class Iou, class Scores = no_scores>
class sam_output {
public:
    /// Of masks and their predicted IoU.
    template <class M, class I>
    sam_output(M&& masks, I&& iou) : masks_(std::addressof(masks)), iou_(std::addressof(iou)) {}

    /// With the scores of the objects.
    template <class M, class I, class S>
    sam_output(M&& masks, I&& iou, S&& scores)
        : masks_(std::addressof(masks)), iou_(std::addressof(iou)), scores_(std::addressof(scores)) {}

    static constexpr bool has_scores = !std::is_same_v<Scores, no_scores>; ///< whether they were given

    /// `[B, N, ...]`, in sam2 `[N, M, ...]`.
    [[nodiscard]] Masks& masks() const { return *masks_; }
    /// `[B, N]`, in sam2 `[N, M]`.
    [[nodiscard]] Iou& iou() const { return *iou_; }
    /// `[N]`; only where they were given.
    [[nodiscard]] Scores& scores() const { return *scores_; }

private:
    Masks* masks_;
    Iou* iou_;
    Scores* scores_ = nullptr;
};

template <class M, class I>
sam_output(M&&, I&&) -> sam_output<std::remove_reference_t<M>, std::remove_reference_t<I>>;

template <class M, class I, class S>
sam_output(M&&, I&&, S&&)
    -> sam_output<std::remove_reference_t<M>, std::remove_reference_t<I>, std::remove_reference_t<S>>;

/// Gradients by masks and predicted IoU.
template <class Masks, class Iou>
struct sam_gradients {
    Masks masks; ///< of the shape of the masks
    Iou iou;     ///< of the shape of the predicted IoU
};

/// An evaluation with the gradients by masks and predicted IoU.
template <class T, std::size_t N, class Masks, class Iou>
struct evaluation_and_sam_grads : evaluation<T, N> {
    sam_gradients<Masks, Iou> grads; ///< by the masks and by their predicted IoU
};

namespace engine {

/// Throws where a tensor that goes with the masks has not this shape.
inline void require_shape(loss_name loss, const char* what, const tensor::shape& given,
                          const tensor::shape& expected, const tensor::shape& masks) {
    if (given != expected)
        tensor::raise<shape_error>(
            {loss(), ": ", what, " ", given, " does not fit masks ", masks, ", which ask for ", expected});
}

/// A call with masks and predicted IoU.
template <class Loss, class X>
struct sam_request : request<Loss, X, true> {
    using base = request<Loss, X, true>;
    using typename base::T;

    template <class I, class Y>
    sam_request(const Loss& asked, const X& masks, const I& predicted_iou, const Y& y,
                const call_options& how)
        : base(asked, masks, y, how), iou(predicted_iou) {
        require_shape(&names_of<Loss>, "predicted IoU", iou.shape(), regions(), this->x.shape());
        this->predicted.given = &iou;
    }

    sam_request(const sam_request&) = delete; // refers to itself
    sam_request& operator=(const sam_request&) = delete;

    /// One number for every mask.
    [[nodiscard]] tensor::shape regions() const {
        return region_set({}, this->targets.geometry(), false).unreduced_shape(base::md);
    }

    /// The gradients fit, and share memory with nothing that is read, nor with each other.
    void check_sinks(const tensor::sink<T>& masks, const tensor::sink<T>& by_iou) const {
        const loss_name name = &names_of<Loss>;
        check_sink(masks, this->x, this->targets, this->call);
        check_gradient_shape(name, "predicted IoU", by_iou.shape(), iou.shape());
        check_apart(name, {{"masks", masks.memory()}, {"predicted IoU", by_iou.memory()}},
                    {{"masks", this->x.memory()}, {"predicted IoU", iou.memory()}});
        check_target_apart(name, {"predicted IoU", by_iou.memory()}, this->targets);
        if (const auto& upstream = this->call.upstream.tensor())
            check_apart(name, {{"predicted IoU", by_iou.memory()}},
                        {{"upstream tensor", upstream->memory()}});
    }

    /// Value and gradients.
    auto run_into(const tensor::sink<T>& masks, const tensor::sink<T>& by_iou) {
        check_sinks(masks, by_iou);
        this->predicted.to = &by_iou;
        return this->run(gradient_run<T, base::size>{sink_ref<T>{&masks, this->call.accumulate}});
    }

    tensor::source<T> iou;
};

template <class Loss, class GM, class GI, class M, class I, class S, class Y>
auto evaluate_sam_into(GM& grad_masks, GI& grad_iou, const Loss& loss, const sam_output<M, I, S>& x,
                       const Y& y, const call_options& options) {
    static_assert(!sam_output<M, I, S>::has_scores,
                  "xloss: the scores of objects are for sam2; here sam_output{masks, iou}");
    using sam_request = engine::sam_request<Loss, std::remove_cv_t<M>>;
    using T = typename sam_request::T;
    sam_request r(loss, x.masks(), x.iou(), y, options);
    const tensor::sink<T> masks(grad_masks), iou(grad_iou);
    return as_evaluation<T>(r.run_into(masks, iou));
}

} // namespace engine

/// The forward pass of a loss or sum with an `iou_head`.
template <class Loss, class M, class I, class S, class Y>
auto value(const Loss& loss, const sam_output<M, I, S>& x, const Y& y, const call_options& options = {}) {
    static_assert(!sam_output<M, I, S>::has_scores,
                  "xloss: the scores of objects are for sam2; here sam_output{masks, iou}");
    using request = engine::sam_request<Loss, std::remove_cv_t<M>>;
    request r(loss, x.masks(), x.iou(), y, options);
    return static_cast<typename request::T>(r.run(engine::forward_run<request::size>{}).value);
}

/// Value and gradients of a loss or sum with an `iou_head`: `grads.masks`, `grads.iou`.
template <class Loss, class M, class I, class S, class Y>
auto value_and_grad(const Loss& loss, const sam_output<M, I, S>& x, const Y& y,
                    const call_options& options = {}) {
    using T = tensor::value_type_of<M>;
    call_options overwrite = options;
    overwrite.accumulate = false; // there is nothing yet to add to
    auto masks = tensor::make_like<T>(x.masks());
    auto iou = tensor::make_like<T>(x.iou());
    const auto e = engine::evaluate_sam_into(masks, iou, loss, x, y, overwrite);
    return evaluation_and_sam_grads<T, std::tuple_size_v<decltype(e.terms)>, decltype(masks), decltype(iou)>{
        e, {std::move(masks), std::move(iou)}};
}

/// As `value_and_grad`, into the caller's gradients: `sam_output{grad_masks, grad_iou}`. On an error both are
/// left as they were.
template <class GM, class GI, class GS, class Loss, class M, class I, class S, class Y>
auto value_and_grad_into(sam_output<GM, GI, GS> grads, const Loss& loss, const sam_output<M, I, S>& x,
                         const Y& y, const call_options& options = {}) {
    static_assert(!sam_output<GM, GI, GS>::has_scores,
                  "xloss: the scores of objects are for sam2; here sam_output{grad_masks, grad_iou}");
    return engine::evaluate_sam_into(grads.masks(), grads.iou(), loss, x, y, options);
}

} // namespace xloss

#endif
