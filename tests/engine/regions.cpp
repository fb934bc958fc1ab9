// Losses that see a region as a whole, several regions or several parts of one at a time: the same bits for
// every number of threads, and no more memory without them.

#include "support/catch.hpp"
#include "support/executors.hpp"
#include "support/expressions.hpp"
#include "support/pool.hpp"

#include <xloss/criterion/call.hpp>
#include <xloss/criterion/mode.hpp>
#include <xloss/losses/cl_dice.hpp>
#include <xloss/losses/hausdorff_dt.hpp>
#include <xloss/losses/lovasz.hpp>
#include <xloss/losses/sobel_boundary.hpp>

#include <array>
#include <cstddef>
#include <string>

namespace {

/// No bit changes with the executor, whatever the order of pieces, in a workspace that has seen other calls.
template <class Loss, class X, class Y>
void check_threads(const std::string& name, const Loss& loss, const X& x, const Y& y) {
    INFO(name);
    const auto expected = xloss::value_and_grad(loss, x, y);
    xloss::workspace memory;
    const auto agrees = [&](const xloss::executor_ref& executor) {
        const auto found = xloss::value_and_grad(loss, x, y, {.workspace = &memory, .executor = executor});
        CHECK(made_up::same_evaluation(found, expected));
        CHECK(made_up::same_elements(found.grad, expected.grad));
    };
    executors::backwards backwards;
    executors::shuffled shuffled;
    agrees(backwards);
    CHECK(backwards.pieces > 4);
    CHECK(xloss::value(loss, x, y, {.workspace = &memory, .executor = shuffled}) == expected.value);
    for (const std::size_t threads : {2U, 3U, 7U}) {
        INFO(threads << " threads");
        executors::pool pool(threads);
        agrees(pool);
    }
}

constexpr std::array<std::size_t, 4> mask_shape{3, 1, 61, 97};   // enough to be shared
constexpr std::array<std::size_t, 4> large_shape{3, 1, 97, 263}; // a region of the batch is ranked in pieces

} // namespace

TEST_CASE("masks with any number of threads", "[engine][regions]") {
    const auto x = made_up::logits<float>(mask_shape);
    const auto y = made_up::labels<unsigned char>(mask_shape);
    for (const auto over : {xloss::region::sample, xloss::region::batch}) {
        INFO("over " << static_cast<int>(over));
        check_threads("cl_dice", xloss::cl_dice{.iterations = 1, .over = over}, x, y);
        check_threads("hausdorff_dt", xloss::hausdorff_dt{.over = over}, x, y);
    }
    check_threads("sobel_boundary", xloss::sobel_boundary{}, x, y);
    check_threads("lovasz_hinge", xloss::lovasz_hinge{}, x, y);
}

TEST_CASE("a large region with any number of threads", "[engine][regions]") {
    const auto x = made_up::logits<float>(large_shape);
    check_threads("lovasz_hinge", xloss::lovasz_hinge{.over = xloss::region::batch}, x,
                  made_up::labels<unsigned char>(large_shape));
}

TEST_CASE("weights and ignored pixels with any number of threads", "[engine][regions]") {
    const auto x = made_up::logits<float>(mask_shape);
    const auto y = made_up::labels<int>(mask_shape, 3);
    const auto w = made_up::weights<float>(mask_shape);
    const xloss::mode_options options{.ignore_index = 2};
    check_threads("lovasz_hinge", xloss::binary(xloss::lovasz_hinge{}, options), x, xloss::weighted(y, w));
    check_threads("sobel_boundary", xloss::binary(xloss::sobel_boundary{}, options), x, y);
}

TEST_CASE("classes with any number of threads", "[engine][regions]") {
    const std::array<std::size_t, 4> shape{2, 9, 61, 67};
    const auto x = made_up::logits<float>(shape);
    const auto y = made_up::labels<int>(std::array<std::size_t, 3>{2, 61, 67}, 9);
    check_threads("lovasz_softmax", xloss::multiclass(xloss::lovasz_softmax{}), x, y);
    check_threads("lovasz_softmax, by sample",
                  xloss::multiclass(xloss::lovasz_softmax{.over = xloss::region::sample}), x, y);
}

TEST_CASE("a workspace that has seen the shape has room for every worker", "[engine][regions]") {
    const auto x = made_up::logits<float>(mask_shape);
    const auto y = made_up::labels<unsigned char>(mask_shape);
    const auto w = made_up::weights<float>(mask_shape);
    xloss::workspace memory;
    executors::backwards backwards; // all regions are the last worker's
    const auto held = [&](const xloss::executor_ref& executor) {
        static_cast<void>(xloss::value(xloss::lovasz_hinge{}, x, xloss::weighted(y, w),
                                       {.workspace = &memory, .executor = executor}));
        return memory.bytes();
    };
    const std::size_t first = held(backwards);
    executors::pool three(3);
    CHECK(held(three) == first);
    CHECK(first > 3 * (16 + 12) * mask_shape[2] * mask_shape[3]);
}

TEST_CASE("workers have memory with an executor alone, and it is bounded", "[engine][regions]") {
    const auto held = [](std::size_t samples, const xloss::executor_ref& executor) {
        const std::array<std::size_t, 4> shape{samples, 1, 64, 64};
        xloss::workspace memory;
        static_cast<void>(xloss::value(xloss::lovasz_hinge{}, made_up::logits<float>(shape),
                                       made_up::labels<bool>(shape),
                                       {.workspace = &memory, .executor = executor}));
        return memory.bytes();
    };
    constexpr std::size_t of_region = 16 * 64 * 64, rest = 24 * 1024;
    CHECK(held(64, {}) < of_region + rest);
    executors::backwards backwards;
    CHECK(held(64, backwards) > 8 * of_region);
    CHECK(held(64, backwards) < 8 * of_region + 8 * rest);
    const auto in_order = [](std::size_t n, const xloss::piece_body& body) {
        for (std::size_t i = 0; i < n; ++i)
            body(i);
    };
    CHECK(held(2, in_order) < of_region + rest); // too little to share, unless the executor says otherwise
    CHECK(held(4, in_order) > 4 * of_region);
}
