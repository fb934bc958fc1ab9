// Every case of tests/golden/sam.py, in double and in float: value, components and gradients, and the choice
// of SAM 2.

#include "support/golden.hpp"

#include <xloss/xloss.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

namespace {

using xloss::iou_loss;
using xloss::iou_target;
using xloss::sam_output;

/// What is stored of a case: rows as golden::reference has them, without normalizers.
struct stored {
    std::string name;
    xt::xarray<double> rows;

    explicit stored(const std::string& case_name)
        : name("sam/" + case_name), rows(golden::load<double>(name + ".value")) {}

    template <class T>
    [[nodiscard]] golden::tolerance tolerance() const {
        return golden::tolerance::of_power<T>(rows(0, 1));
    }
    [[nodiscard]] golden::number number(std::size_t i) const { return {rows(i + 1, 0), rows(i + 1, 1), 0.0}; }

    /// The value and its components.
    template <class T>
    void check_values(std::initializer_list<T> found) const {
        REQUIRE(rows.shape()[0] == found.size() + 1);
        std::size_t i = 0;
        for (const T v : found) {
            INFO(name << ", number " << i << (std::is_same_v<T, double> ? ", double" : ", float"));
            golden::check_value(number(i++), static_cast<double>(v), tolerance<T>());
        }
    }

    /// The gradient by one of the tensors.
    template <class Grad>
    void check_grad(const std::string& tensor, const Grad& found) const {
        using T = typename Grad::value_type;
        INFO(name << ", gradient by " << tensor << (std::is_same_v<T, double> ? ", double" : ", float"));
        const auto both = golden::load<double>(name + "." + tensor);
        const xt::xarray<double> expected = xt::view(both, 0), scale = xt::view(both, 1);
        golden::check_tensor(expected, scale, found, tolerance<T>());
    }
};

template <class T>
xt::xarray<T> input(const std::string& name, const std::string& tensor) {
    return golden::load_as<T, double>("sam/inputs/" + name + "." + tensor);
}

auto mask_of(const std::string& name) {
    return golden::load<std::uint8_t>("sam/inputs/" + name + ".target");
}

// --- sam -----------------------------------------------------------------------------------------

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

// --- sam2 ----------------------------------------------------------------------------------------

template <class T>
void compare_sam2(const std::string& name, const std::string& from, const xloss::sam2& loss) {
    const stored expected("sam2/" + name);
    const auto x = input<T>(from, "masks"), iou = input<T>(from, "iou"), scores = input<T>(from, "scores");
    const auto y = mask_of(from);
    const auto chosen = golden::load<std::int64_t>(expected.name + ".chosen");
    const auto check = [&](const auto& r) {
        expected.check_values<T>({r.value, r.focal, r.dice, r.iou, r.score});
        expected.check_grad("masks", r.grads.masks);
        expected.check_grad("iou", r.grads.iou);
        CHECK(std::equal(r.chosen.begin(), r.chosen.end(), chosen.begin(), chosen.end(),
                         [](std::size_t a, std::int64_t b) { return static_cast<std::int64_t>(a) == b; }));
    };
    const auto r = xloss::value_and_grad(loss, sam_output{x, iou, scores}, y, {});
    check(r);
    expected.check_values<T>(
        {xloss::value(loss, sam_output{x, iou, scores}, y), r.focal, r.dice, r.iou, r.score});
    if (loss.object_scores)
        expected.check_grad("scores", r.grads.scores);
    else
        CHECK(r.grads.scores == xt::xarray<T>(xt::zeros<T>(scores.shape())));
    if (!loss.object_scores)
        check(xloss::value_and_grad(loss, sam_output{x, iou}, y));
}

void check_sam2(const std::string& name, const std::string& from, const xloss::sam2& loss = {}) {
    compare_sam2<double>(name, from, loss);
    compare_sam2<float>(name, from, loss);
}

xloss::sam2 with_scores(double weight = 1.0, double alpha = -1.0, double gamma = 0.0) {
    xloss::sam2 loss;
    loss.object_scores = true;
    loss.score_weight = weight;
    loss.score_alpha = alpha;
    loss.score_gamma = gamma;
    return loss;
}

xloss::sam2 supervising_all(xloss::sam2 loss = {}) {
    loss.supervise_all_iou = true;
    return loss;
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

TEST_CASE("golden sam2", "[sam][golden]") {
    for (const char* name : {"objects", "objects_line", "objects_volume", "one_candidate"})
        check_sam2(name, name);
    check_sam2("all_iou", "objects", supervising_all());
    check_sam2("all_iou_l1", "objects", {.supervise_all_iou = true, .iou_loss = iou_loss::l1});
    check_sam2("iou_l1", "objects", {.iou_loss = iou_loss::l1});
    check_sam2("by_dice", "objects", {.focal_weight = 0.0, .dice_weight = 1.0});
    check_sam2("by_focal", "objects", {.focal_weight = 1.0, .dice_weight = 0.0});
    check_sam2("parameters", "objects",
               {.focal_weight = 5.0, .dice_weight = 2.0, .iou_weight = 0.5, .alpha = -1.0, .gamma = 1.5});
}

TEST_CASE("golden sam2: scores of objects", "[sam][golden]") {
    check_sam2("scores", "objects", with_scores());
    check_sam2("scores_one_candidate", "one_candidate", supervising_all(with_scores()));
    check_sam2("scores_all_iou", "objects_line", supervising_all(with_scores()));
    check_sam2("scores_focal", "objects", with_scores(0.75, 0.25, 2.0));
    check_sam2("scores_gamma", "objects_volume", with_scores(1.0, -1.0, 0.5));
    check_sam2("scores_unweighted", "objects", with_scores(0.0));
    auto loss = with_scores();
    loss.num_objects = 7.5;
    check_sam2("num_objects", "objects", loss);
    check_sam2("objects_extreme", "objects_extreme", with_scores());
}
