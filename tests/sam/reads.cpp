// How often masks are read: once, and for the gradient once more if they are too large for the cache; of
// candidates the chosen alone.

#include "sam/masks.hpp"
#include "support/catch.hpp"

#include <xloss/sam/sam.hpp>
#include <xloss/sam/sam2.hpp>

#include <cstddef>
#include <vector>

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

/// Reads of one mask for a value, and for value and gradients.
void check_reads(const std::vector<std::size_t>& shape, std::size_t for_gradients) {
    const masks::array x = masks::logits(shape);
    const masks::byte_array y = masks::target(shape);
    const masks::array iou = masks::scores({shape[0], shape[1]});
    for (const auto target : {xloss::iou_target::hard, xloss::iou_target::soft}) {
        const xloss::sam loss{.target = target};
        std::size_t reads = 0;
        value(loss, xloss::sam_output{counted(x, reads), iou}, y);
        CHECK(reads == x.size());
        reads = 0;
        value_and_grad(loss, xloss::sam_output{counted(x, reads), iou}, y);
        CHECK(reads == for_gradients * x.size());
    }
}

} // namespace

TEST_CASE("sam: masks in the cache are read once for value and gradients, IoU sums included", "[sam]") {
    check_reads({2, 3, 37, 41}, 1);
}

TEST_CASE("sam: larger masks are read twice for the gradients", "[sam]") {
    check_reads({1, 1, 400, 400}, 2); // of double: more than 1 MB
}

TEST_CASE("sam2: of three candidates two are read once and the chosen one twice", "[sam][sam2]") {
    const masks::array x = masks::logits({2, 3, 37, 41});
    const masks::byte_array y = masks::target({2, 37, 41});
    const masks::array iou = masks::scores({2, 3});
    std::size_t reads = 0;
    value_and_grad(xloss::sam2{}, xloss::sam_output{counted(x, reads), iou}, y);
    CHECK(reads == x.size() + x.size() / 3);
}
