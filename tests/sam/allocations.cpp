// With a workspace that has seen the shape the SAM losses allocate nothing.

#include "sam/masks.hpp"
#include "support/counting.hpp"

#include <xloss/sam/sam.hpp>
#include <xloss/sam/sam2.hpp>
#include <xloss/sam/spatial_relevance.hpp>

using masks::array;
using masks::byte_array;
using masks::extents;
using xloss::sam_output;

namespace {

const extents shape{3, 3, 17, 31}, iou_shape{3, 3};
const array x = masks::logits(shape), iou = masks::scores(iou_shape), scores = masks::logits({3});
const byte_array y = masks::target(shape), shared = masks::target({3, 17, 31});
array gm = masks::untouched(shape), gi = masks::untouched(iou_shape), gs = masks::untouched({3});

/// `call(options)` allocates once for a workspace, and no more.
template <class Call>
void check(const char* name, const Call& call) {
    INFO(name);
    xloss::workspace memory;
    const auto allocations = [&](bool accumulate) {
        const counting::since start;
        call({.accumulate = accumulate, .workspace = &memory});
        return start.allocations();
    };
    CHECK(allocations(false) > 0);
    CHECK(allocations(false) == 0);
    CHECK(allocations(true) == 0);
    CHECK(memory.bytes() < 256 * 1024); // grows with tiles and masks, not with pixels
}

} // namespace

TEST_CASE("sam, sam2 and spatial_relevance allocate nothing in a workspace that has seen the shape",
          "[sam]") {
    for (const auto target : {xloss::iou_target::hard, xloss::iou_target::soft}) {
        xloss::sam loss;
        loss.target = target;
        check("sam", [&](const xloss::call_options& options) {
            value_and_grad_into(sam_output{gm, gi}, loss, sam_output{x, iou}, y, options);
        });
        check("sam, one target for all masks", [&](const xloss::call_options& options) {
            value_and_grad_into(sam_output{gm, gi}, loss, sam_output{x, iou}, shared, options);
        });
        check("sam, value", [&](const xloss::call_options& options) {
            xloss::value(loss, sam_output{x, iou}, y, options);
        });
    }
    const xloss::sam2 scored{.score_weight = 1.0, .object_scores = true};
    check("sam2", [&](const xloss::call_options& options) {
        value_and_grad_into(sam_output{gm, gi, gs}, scored, sam_output{x, iou, scores}, shared, options);
    });
    check("sam2, value", [&](const xloss::call_options& options) {
        xloss::value(scored, sam_output{x, iou, scores}, shared, options);
    });
    const array fits(extents{3}, 0.5);
    check("spatial_relevance", [&](const xloss::call_options& options) {
        value_and_grad_into(xloss::spatial_output{gm, gi, gs}, xloss::spatial_relevance{},
                            xloss::spatial_output{x, iou, scores}, xloss::spatial_target{y, fits}, options);
    });
}

TEST_CASE("without a workspace the number of allocations does not depend on pixels", "[sam]") {
    const auto count = [](std::size_t rows) {
        const array m = masks::logits({3, 3, rows, 31});
        const byte_array t = masks::target({3, rows, 31});
        array to = masks::untouched({3, 3, rows, 31});
        const counting::since start;
        value_and_grad_into(sam_output{to, gi, gs}, xloss::sam2{.object_scores = true},
                            sam_output{m, iou, scores}, t);
        return start.allocations();
    };
    CHECK(count(3) == count(50));
}
