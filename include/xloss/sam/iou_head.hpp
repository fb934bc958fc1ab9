#ifndef XLOSS_SAM_IOU_HEAD_HPP
#define XLOSS_SAM_IOU_HEAD_HPP

#include <xloss/engine/options.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/region.hpp>
#include <xloss/engine/survey.hpp>
#include <xloss/losses/l1.hpp>
#include <xloss/losses/mse.hpp>
#include <xloss/losses/smooth_l1.hpp>

#include <cstddef>

namespace xloss {

/// How a predicted IoU is compared with the actual one.
enum class iou_loss {
    mse,      ///< (predicted - actual)^2
    l1,       ///< |predicted - actual|
    smooth_l1 ///< `smooth_l1` with beta 1
};

/// Which IoU of mask and target is the actual one.
enum class iou_target {
    hard,         ///< of the pixels with p > 1/2; no gradient to the masks
    soft,         ///< sum p y / (P + Y - sum p y + 1e-8); its gradient flows to the masks too
    soft_detached ///< the same without that gradient
};

namespace engine {

/// A dual number without its derivatives.
template <class S>
S detached(const S& number) {
    return S(number.value);
}

/// The IoU of a mask with its target.
template <class S>
S actual_iou(const region_sums<S>& r, iou_target target) {
    if (target == iou_target::hard) {
        const double either = r.hard + r.target - r.hard_tp;
        return S(either > 0.0 ? r.hard_tp / either : 0.0);
    }
    const S iou = r.tp / (r.pred + r.target - r.tp + 1e-8);
    return target == iou_target::soft ? iou : detached(iou);
}

/// The loss of what a network predicts of the IoU of a mask.
template <class S>
S predicted_iou_loss(const region_sums<S>& r, iou_loss loss, iou_target target) {
    pixel<S> s{};
    s.x = r.prediction;
    s.y = actual_iou(r, target);
    if (loss == iou_loss::l1)
        return l1::at(s).value;
    return loss == iou_loss::mse ? mse::at(s).value : smooth_l1::term{}.at(s).value;
}

} // namespace engine

/// The loss of a head that predicts how good its network's masks are: mse, l1 or smooth_l1 between the
/// predicted and the actual IoU of every mask, mean over masks.
///
/// **Shapes and modes.** Called with `sam_output{masks, iou}` in place of logits: masks `[B, N, ...]` and
/// their predicted IoU `[B, N]`; targets `[B, N, ...]`, or `[B, ...]` where they are the same for all N. By
/// itself multimask; also binary (IoU `[B]`), multilabel and one_vs_rest (`[B, C]`). In sums as any other
/// loss: `20.0 * focal{} + dice{} + iou_head{}` reads the masks no more often than without it.
///
/// **Parameters.** `loss`; `target`: which IoU is the actual one. Predictions may be any numbers.
///
/// **Gradient.** By the predicted IoU, and with `iou_target::soft` by the masks. l1 and its kin: 0 where both
/// are equal.
///
/// **Empty.** The actual IoU of nothing with nothing is 0, hard and soft. All pixels of a mask ignored: 0,
/// with gradient 0, and the mask counts.
///
/// **Source.** Kirillov et al. 2023, arXiv 2304.02643 (mse, hard); SAM 2: Ravi et al. 2024, arXiv 2408.00714
/// (l1).
///
/// **Elsewhere.** Where targets are not 0 or 1, SAM 2 takes those above 0 for true; here a target counts by
/// what it is.
struct iou_head {
    static constexpr const char* name = "iou_head";
    static constexpr std::size_t variants = 2;
    static constexpr unsigned modes = modes::elementwise;
    static constexpr mode natural_mode = mode::multimask;
    static constexpr bool sees_predictions = true;

    iou_loss loss = iou_loss::mse;        ///< how both are compared
    iou_target target = iou_target::hard; ///< which IoU is the actual one

    template <unsigned Sums>
    struct term {
        static constexpr const char* name = iou_head::name;
        static constexpr unsigned sums = Sums | sums::prediction;
        iou_loss loss = iou_loss::mse;
        iou_target target = iou_target::hard;

        template <class S>
        S region_loss(const region_sums<S>& r) const {
            return engine::predicted_iou_loss(r, loss, target);
        }
    };

    static constexpr unsigned soft_sums = sums::tp | sums::pred;

    template <class Run>
    auto bind(const survey&, Run&& run) const {
        if (target == iou_target::hard)
            return run(term<sums::hard>{loss, target});
        return run(term<soft_sums>{loss, target});
    }

    template <class Run>
    auto bind_general(const survey&, Run&& run) const {
        return run(term<soft_sums | sums::hard>{loss, target});
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

} // namespace xloss

#endif
