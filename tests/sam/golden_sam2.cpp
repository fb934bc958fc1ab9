// Every case of `sam2` in tests/golden/sam.py, in double and in float: value, components and gradients, and
// the choice.

#include "sam/stored.hpp"

#include <xloss/sam/sam2.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

namespace {

using namespace sam_golden;
using xloss::iou_loss;
using xloss::sam_output;

template <class T, class Y>
void compare_sam2(const std::string& name, const std::string& from, const xloss::sam2& loss, const Y& y) {
    const stored expected("sam2/" + name);
    const auto x = input<T>(from, "masks"), iou = input<T>(from, "iou"), scores = input<T>(from, "scores");
    const auto chosen = golden::load<std::int64_t>(expected.name + ".chosen");
    const auto check = [&](const auto& r) {
        expected.check_values<T>({r.value, r.focal, r.dice, r.iou, r.score});
        expected.check_grad("masks", r.grads.masks);
        expected.check_grad("iou", r.grads.iou);
        CHECK(std::equal(r.chosen.begin(), r.chosen.end(), chosen.begin(), chosen.end(),
                         [](std::size_t a, std::int64_t b) { return static_cast<std::int64_t>(a) == b; }));
    };
    const auto r = xloss::value_and_grad(loss, sam_output{x, iou, scores}, y);
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
    const auto y = mask_of(from);
    compare_sam2<double>(name, from, loss, y);
    compare_sam2<float>(name, from, loss, y);
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

TEST_CASE("golden sam2: ignored pixels, one object with no other", "[sam][golden]") {
    const char* from = "objects_ignored";
    const auto y = mask_of(from);
    const xt::xarray<bool> valid = xt::not_equal(y, std::uint8_t{255});
    compare_sam2<double>(from, from, with_scores(), xloss::masked(y, valid));
    compare_sam2<double>("objects_ignored_counted", from, supervising_all(), xloss::masked(y, valid));
}

TEST_CASE("golden sam2: the steps and frames of a video", "[sam][golden]") {
    for (const char* step : {"frame_0_0", "frame_0_1", "frame_1_0", "frame_1_1"})
        check_sam2(step, step, supervising_all(with_scores()));
}
