// With a workspace, a call on boxes allocates nothing.

#include "support/counting.hpp"

#include "detection/box_cases.hpp"

#include <xloss/losses/l1.hpp>

TEST_CASE("box losses: none with a workspace, and without one a number that does not depend on boxes") {
    using namespace box_cases;
    const many_boxes<float> b(9001), few(3);
    xt::xtensor<float, 1> w = xt::ones<float>({9001});
    auto grad = b.predicted, few_grads = few.predicted;
    const auto loss = 5.0 * xloss::l1{} + 2.0 * xloss::giou{};
    xloss::workspace memory;
    const auto call = [&](xloss::workspace* kept) {
        const counting::since begin;
        value_and_grad_into(grad, loss, b.predicted, xloss::weighted(b.target, w), {.workspace = kept});
        return begin.allocations();
    };
    CHECK(call(&memory) <= 1);
    CHECK(call(&memory) == 0);
    const std::size_t many = call(nullptr);
    const counting::since begin;
    value_and_grad_into(few_grads, loss, few.predicted, few.target);
    CHECK(begin.allocations() == many);
}
