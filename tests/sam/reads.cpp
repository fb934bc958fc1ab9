// How often masks are read: once for a value, once more for the gradient, and of candidates the chosen alone.

#include "sam/masks.hpp"
#include "support/catch.hpp"

#include <xloss/sam/sam.hpp>
#include <xloss/sam/sam2.hpp>

#include <cstddef>

namespace {

/// A mask tensor that counts how many of its elements are asked for.
template <class X>
auto counted(const X& x, std::size_t& reads) {
    return xt::make_lambda_xfunction(
        [&reads](double logit) {
            ++reads;
            return logit;
        },
        x);
}

} // namespace

TEST_CASE("sam: masks are read once for the value and twice for the gradients, IoU sums included", "[sam]") {
    const masks::array x = masks::logits({2, 3, 37, 41});
    const masks::byte_array y = masks::target({2, 3, 37, 41});
    const masks::array iou = masks::scores({2, 3});
    for (const auto target : {xloss::iou_target::hard, xloss::iou_target::soft}) {
        const xloss::sam loss{.target = target};
        std::size_t reads = 0;
        value(loss, xloss::sam_output{counted(x, reads), iou}, y);
        CHECK(reads == x.size());
        reads = 0;
        value_and_grad(loss, xloss::sam_output{counted(x, reads), iou}, y);
        CHECK(reads == 2 * x.size());
    }
}

TEST_CASE("sam2: of three candidates two are read once and the chosen one twice", "[sam][sam2]") {
    const masks::array x = masks::logits({2, 3, 37, 41});
    const masks::byte_array y = masks::target({2, 37, 41});
    const masks::array iou = masks::scores({2, 3});
    std::size_t reads = 0;
    value_and_grad(xloss::sam2{}, xloss::sam_output{counted(x, reads), iou}, y);
    CHECK(reads == x.size() + x.size() / 3);
}
