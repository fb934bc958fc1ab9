// Every case of `sam` in tests/golden/sam.py, in double and in float: value, components and gradients.

#include "sam/stored.hpp"

#include <xloss/sam/sam.hpp>

#include <cstddef>
#include <string>

namespace {

using namespace sam_golden;
using xloss::iou_loss;
using xloss::iou_target;
using xloss::sam_output;

template <class T, class Y>
void compare_sam(const stored& expected, const xloss::sam& loss, const std::string& from, const Y& y) {
    const auto x = input<T>(from, "masks"), iou = input<T>(from, "iou");
    const auto r = xloss::value_and_grad(loss, sam_output{x, iou}, y);
    expected.check_values<T>({r.value, r.mask, r.focal, r.dice, r.iou});
    expected.check_values<T>({xloss::value(loss, sam_output{x, iou}, y), r.mask, r.focal, r.dice, r.iou});
    CHECK(r.valid == static_cast<std::size_t>(expected.rows(0, 0)));
    expected.check_grad("masks", r.grads.masks);
    expected.check_grad("iou", r.grads.iou);
}

/// A case of `sam` with a mask as target, in both formats.
void check_sam(const std::string& name, const std::string& from, const xloss::sam& loss = {}) {
    const stored expected("sam/" + name);
    const auto y = mask_of(from);
    compare_sam<double>(expected, loss, from, y);
    compare_sam<float>(expected, loss, from, y);
}

xloss::sam compared(iou_loss how, iou_target with = iou_target::hard) {
    xloss::sam loss;
    loss.iou_loss = how;
    loss.target = with;
    return loss;
}

xloss::sam soft() {
    return compared(iou_loss::mse, iou_target::soft);
}

} // namespace

TEST_CASE("golden sam", "[sam][golden]") {
    for (const char* name : {"line", "plane", "volume", "alone", "empty", "extreme"})
        check_sam(name, name);
    check_sam("l1", "plane", compared(iou_loss::l1));
    check_sam("smooth_l1", "plane", compared(iou_loss::smooth_l1));
    check_sam("soft_iou", "plane", soft());
    check_sam("soft_iou_l1", "line", compared(iou_loss::l1, iou_target::soft));
    auto volume = compared(iou_loss::smooth_l1, iou_target::soft);
    volume.iou_weight = 2.5;
    check_sam("soft_iou_volume", "volume", volume);
    check_sam("detached", "plane", compared(iou_loss::mse, iou_target::soft_detached));
    check_sam("weights_of_terms", "plane", {.focal_weight = 0.5, .dice_weight = 3.0, .iou_weight = 0.125});
    check_sam("parameters", "plane", {.alpha = -1.0, .gamma = 1.5, .smooth = 0.25});
    check_sam("empty_soft_iou", "empty", soft());
    check_sam("extreme_soft_iou", "extreme", compared(iou_loss::smooth_l1, iou_target::soft));
}

TEST_CASE("golden sam: the document's SAMSegmentationLoss, IoUPredictionLoss and SAMFullLoss",
          "[sam][golden]") {
    check_sam("batch", "plane", {.over = xloss::region::batch});
    auto full = soft();
    full.over = xloss::region::batch;
    check_sam("full", "plane", full);
    check_sam("full_line", "line", full);
}

TEST_CASE("golden sam: weights, soft targets, ignored pixels", "[sam][golden]") {
    const auto weighted = [](const char* name, const xloss::sam& loss) {
        const auto y = mask_of("weighted");
        const auto w = input<double>("weighted", "weights");
        compare_sam<double>(stored(std::string("sam/") + name), loss, "weighted", xloss::weighted(y, w));
    };
    weighted("weighted", {});
    weighted("weighted_soft_iou", soft());
    const auto y = input<double>("soft", "target");
    compare_sam<double>(stored("sam/soft_targets"), soft(), "soft", y);
    compare_sam<double>(stored("sam/soft_targets_hard_iou"), {}, "soft", y);
    compare_sam<float>(stored("sam/soft_targets"), soft(), "soft", y);

    const auto holed = mask_of("ignored");
    const xt::xarray<bool> valid = xt::not_equal(holed, std::uint8_t{255});
    const auto ignored = [&](const char* name, const xloss::sam& loss) {
        compare_sam<double>(stored(std::string("sam/") + name), loss, "ignored", xloss::masked(holed, valid));
    };
    ignored("ignored", {});
    ignored("ignored_soft_iou", soft());
    auto batch = compared(iou_loss::l1, iou_target::soft_detached);
    batch.over = xloss::region::batch;
    ignored("ignored_batch", batch);
}
