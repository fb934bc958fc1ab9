// What losses of whole regions allocate: with a workspace that has seen the shape, nothing; and what it holds
// is what their documentation says.

#include "losses/differences.hpp"
#include "support/counting.hpp"
#include "support/executors.hpp"

using namespace differences;

namespace {

const std::vector<std::size_t> shape{2, 3, 33, 31};
constexpr std::size_t pixels = 33 * 31;

/// Bytes that the workspace holds after a call on `x`.
template <class Loss, class Y>
std::size_t bytes_of(const Loss& loss, const array& x, const Y& y) {
    xloss::workspace memory;
    array grad = array::from_shape(shape);
    const auto call = [&](bool accumulate) {
        const counting::since start;
        xloss::value_and_grad_into(grad, loss, x, y, {.accumulate = accumulate, .workspace = &memory});
        return start.allocations();
    };
    CHECK(call(false) > 0);
    CHECK(call(false) == 0);
    const std::size_t bytes = memory.bytes();
    call(true); // slopes apart from the gradient
    CHECK(call(true) == 0);
    {
        const counting::since start;
        xloss::value(loss, x, y, {.workspace = &memory});
        CHECK(start.allocations() == 0);
    }
    return bytes;
}

/// Allocations of a call whose regions the first worker evaluates, after one where it was the last.
template <class Loss, class Y>
std::size_t allocations_of_another_worker(const Loss& loss, const array& x, const Y& y) {
    xloss::workspace memory;
    array grad = array::from_shape(shape);
    const executors::forwards first;
    executors::backwards last;
    xloss::value_and_grad_into(grad, loss, x, y, {.workspace = &memory, .executor = last});
    const counting::since start;
    xloss::value_and_grad_into(grad, loss, x, y, {.workspace = &memory, .executor = first});
    return start.allocations();
}

} // namespace

TEST_CASE("losses of whole regions allocate nothing in a workspace that has seen the shape") {
    // What grows with samples and classes, not with pixels: the channels of a block, counters of a sort,
    // rows.
    constexpr std::size_t rest = 128 * 1024;
    const array x = irregular_logits<double>(shape);
    const auto y = reshaped<std::uint8_t>(cases::mask(x.size()), shape);
    const auto labels = reshaped<int>(cases::labels(3, x.size() / 3), {2, 33, 31});
    const auto check = [&](const char* name, const auto& loss, const auto& target, std::size_t expected) {
        INFO(name);
        const std::size_t bytes = bytes_of(loss, x, target);
        CHECK(bytes <= expected + rest);
        CHECK(bytes >= expected);
    };
    const std::size_t number = sizeof(double), plane = pixels * number, sample_region = pixels,
                      batch_region = 2 * pixels, elements = 6 * pixels * number;
    check("lovasz_hinge", multilabel(xloss::lovasz_hinge{}), y, 32 * sample_region);
    check("lovasz_sigmoid", multilabel(xloss::lovasz_sigmoid{}), y, 32 * batch_region);
    check("lovasz_softmax", multiclass(xloss::lovasz_softmax{}), labels, 32 * batch_region + elements);
    check("boundary", multiclass(xloss::boundary{}), labels, elements);
    check("region_boundary", multilabel(xloss::region_boundary{}), y, elements);
    check("hausdorff_dt", multilabel(xloss::hausdorff_dt{}), y, 3 * plane + 5 * plane);
    check("hausdorff_dt of a batch", multiclass(xloss::hausdorff_dt{.over = xloss::region::batch}), labels,
          3 * plane + 2 * 5 * plane + elements);
    check("sobel_boundary", multilabel(xloss::sobel_boundary{}), y, 8 * plane);
    check("cl_dice", multilabel(xloss::cl_dice{}), y, (2 * 3 + 8) * plane + 5 * plane);
}

TEST_CASE("with an executor too, whichever worker does which region") {
    const array x = irregular_logits<double>(shape);
    const auto y = reshaped<std::uint8_t>(cases::mask(x.size()), shape);
    const array soft = 0.25 + 0.5 * y;
    const auto check = [&](const char* name, const auto& loss, const auto& target) {
        INFO(name);
        CHECK(allocations_of_another_worker(loss, x, target) == 0);
    };
    check("lovasz_hinge", multilabel(xloss::lovasz_hinge{}), y);
    check("lovasz_hinge, soft", multilabel(xloss::lovasz_hinge{}), soft);
    check("boundary", multilabel(xloss::boundary{}), y);
    check("hausdorff_dt", multilabel(xloss::hausdorff_dt{}), y);
    check("cl_dice of a batch", multilabel(xloss::cl_dice{.over = xloss::region::batch}), y);
}
