// What a call allocates: nothing that grows with the pixels, nothing at all with a workspace that has seen
// the shape.

#include "support/catch.hpp"
#include "support/counting.hpp"
#include "support/executors.hpp"
#include "support/expressions.hpp"
#include "support/own_losses.hpp"

#include <xloss/engine/ranking.hpp>
#include <xloss/xloss.hpp>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <tuple>
#include <vector>

namespace {

const auto mask_loss = 20.0 * xloss::focal{} + xloss::dice{};
const auto label_loss =
    xloss::multiclass(xloss::cross_entropy{} + 1.5 * xloss::dice{}, {.ignore_index = 255});

// Without optimization, as under sanitizers, four million pixels take minutes.
#ifdef __OPTIMIZE__
constexpr std::size_t small_side = 256, large_side = 2048, several_pieces = 300;
#else
constexpr std::size_t small_side = 64, large_side = 160, several_pieces = 140;
#endif

/// What a call did.
struct cost {
    std::size_t allocations, peak;

    friend bool operator==(const cost&, const cost&) = default;
};

template <class G, class Loss, class X, class Y>
cost cost_of(G&& grad, const Loss& loss, const X& x, const Y& y, const xloss::call_options& options = {}) {
    const counting::since start;
    xloss::value_and_grad_into(grad, loss, x, y, options);
    return {start.allocations(), start.peak()};
}

/// The same call on logits and a gradient of every kind.
template <class Loss, class Y>
void costs_of_kinds(std::vector<cost>& costs, const Loss& loss, std::array<std::size_t, 4> shape, const Y& y,
                    const xloss::call_options& options = {}) {
    const auto x = made_up::logits<float>(shape);
    auto grad = xt::xtensor<float, 4>::from_shape(shape);
    costs.push_back(cost_of(grad, loss, x, y, options));
    costs.push_back(cost_of(grad, loss, 0.5f * x + 1.0f, y, options)); // lazy
    {
        const xt::xtensor<float, 4, xt::layout_type::column_major> column = x;
        xt::xtensor<float, 4, xt::layout_type::column_major> column_grad(shape);
        costs.push_back(cost_of(column_grad, loss, column, y, options));
    }
    auto wide = xt::xtensor<float, 4>::from_shape({shape[0], shape[1], shape[2], 2 * shape[3]});
    wide.fill(0.25f);
    const auto every_second = xt::view(wide, xt::all(), xt::all(), xt::all(), xt::range(0, 2 * shape[3], 2));
    auto other_second = xt::view(wide, xt::all(), xt::all(), xt::all(), xt::range(1, 2 * shape[3], 2));
    costs.push_back(cost_of(other_second, loss, every_second, y, options));
}

std::vector<cost> costs_at(std::size_t side, const xloss::call_options& options = {}) {
    std::vector<cost> costs;
    costs_of_kinds(costs, mask_loss, {1, 1, side, side}, made_up::labels<bool, 4>({1, 1, side, side}),
                   options);
    costs_of_kinds(costs, label_loss, {1, 2, side, side}, made_up::labels<unsigned char, 3>({1, side, side}),
                   options);
    return costs;
}

/// Bytes of p (1 - p) that call i of `costs_at` keeps between its sweeps, for the one sample of up to 1 MB
/// that is in the cache: sums of overlaps with other losses, into a gradient that holds the slopes of the
/// others.
std::size_t variances(std::size_t i, std::size_t side) {
    const std::size_t bytes = side * side * sizeof(float);
    return i < 2 && bytes <= (std::size_t{1} << 20) ? bytes : 0;
}

} // namespace

TEST_CASE("the count sees every way to allocate", "[engine][workspace]") {
    const counting::since start;
    auto* volatile plain = new int(1);
    delete plain;
    auto* volatile many = new int[100];
    delete[] many;
    struct alignas(128) wide {
        char bytes[128];
    };
    auto* volatile aligned = new wide;
    CHECK(reinterpret_cast<std::size_t>(aligned) % 128 == 0);
    delete aligned;
    auto* volatile quiet = new (std::nothrow) wide[3];
    delete[] quiet;
    CHECK(start.allocations() >= 4);
    CHECK(start.peak() >= 3 * sizeof(wide));
#ifdef XLOSS_TESTS_COUNT_MALLOC
    void* volatile direct = std::malloc(10);
    std::free(direct);
    CHECK(start.mallocs() >= 1);
#endif
}

TEST_CASE("peak memory of a call does not grow with the pixels", "[engine][workspace]") {
    const std::vector<cost> small = costs_at(small_side), large = costs_at(large_side);
    REQUIRE(small.size() == large.size());
    for (std::size_t i = 0; i < small.size(); ++i) {
        INFO("call " << i);
        const std::size_t of_small = variances(i, small_side), of_large = variances(i, large_side);
        CHECK(small[i].peak - of_small == large[i].peak - of_large);
        CHECK(small[i].allocations - (of_small > 0) == large[i].allocations - (of_large > 0));
        CHECK(small[i].peak - of_small < 256 * 1024);
    }
}

TEST_CASE("ranking allocates what it says, and with a workspace nothing", "[engine][workspace]") {
    constexpr std::size_t n = 10'000;
    const std::vector<float> error(n, 0.25f), y(n, 1.0f), m(n, 2.0f);
    xloss::workspace memory;
    const auto rank = [&](const float* weights) {
        const counting::since start;
        xloss::engine::jaccard_ranking<float> ranking(n, {}, memory);
        ranking.add(error.data(), y.data(), y.data(), weights, n, 0); // slopes that are not looked at
        ranking.each_slope([](std::size_t, float) {});
        CHECK(ranking.value() == 0.25);
        return cost{start.allocations(), start.peak()};
    };
    constexpr std::size_t fixed = 17 * 1024; // counters
    CHECK(rank(nullptr).peak < 16 * n + fixed);
    CHECK(rank(m.data()).allocations == 1);
    CHECK(memory.bytes() < 28 * n + fixed);
    CHECK(rank(nullptr) == cost{0, 0});
    CHECK(rank(m.data()) == cost{0, 0});
}

TEST_CASE("a workspace that has seen the shape leaves nothing to allocate", "[engine][workspace]") {
    xloss::workspace memory;
    const xloss::call_options with_memory{.workspace = &memory};
    costs_at(100, with_memory);
    const std::size_t held = memory.bytes();
    for (const cost& one : costs_at(100, with_memory))
        CHECK(one == cost{0, 0});
    CHECK(memory.bytes() == held);
    CHECK(held > 0);
}

TEST_CASE("with an executor a workspace does so too", "[engine][workspace]") {
    xloss::workspace memory;
    executors::backwards backwards;
    const xloss::call_options options{.workspace = &memory, .executor = backwards};
    costs_at(several_pieces, options);
    for (const cost& one : costs_at(several_pieces, options))
        CHECK(one == cost{0, 0});
}

TEST_CASE("without a workspace the number of allocations is the same for every shape",
          "[engine][workspace]") {
    const auto allocations = [](const auto& loss, std::array<std::size_t, 4> shape, const auto& y) {
        auto grad = xt::xtensor<float, 4>::from_shape(shape);
        return cost_of(grad, loss, made_up::logits<float>(shape), y).allocations;
    };
    const std::array<std::array<std::size_t, 4>, 4> shapes{
        {{1, 2, 3, 5}, {7, 3, 40, 50}, {2, 60, 33, 9}, {40, 21, 2, 2}}};
    const auto same_for_all = [&](const char* name, const auto& loss) {
        INFO(name);
        std::vector<std::size_t> counts;
        for (const auto& shape : shapes) {
            const std::array<std::size_t, 3> map{shape[0], shape[2], shape[3]};
            counts.push_back(allocations(loss, shape, made_up::labels<int>(map)));
        }
        CHECK(counts == std::vector<std::size_t>(counts.size(), counts[0]));
        CHECK(counts[0] < 12);
    };
    same_for_all("cross_entropy + dice", label_loss);
    same_for_all("weighted cross_entropy",
                 xloss::multiclass(xloss::cross_entropy{.class_weights = 2.0} + user::uneven{}));
    same_for_all("one_vs_rest", xloss::one_vs_rest(xloss::weighted_bce{} + xloss::generalized_dice{}));
}

TEST_CASE("a loss without a gradient, and one in parts, allocate as little", "[engine][workspace]") {
    xloss::workspace memory;
    const auto x = made_up::logits<float, 4>({2, 1, 30, 40});
    const auto y = made_up::labels<float, 4>({2, 1, 30, 40});
    const auto evaluate = [&] {
        const counting::since start;
        static_cast<void>(xloss::value(mask_loss, x, y, {.workspace = &memory}));
        return start.allocations();
    };
    evaluate();
    CHECK(evaluate() == 0);
}

TEST_CASE("several heads allocate nothing either", "[engine][workspace]") {
    xloss::workspace memory;
    const auto heads = xloss::deep_supervision(mask_loss, {1.0, 0.0, 0.5});
    const auto x = made_up::logits<float, 4>({2, 1, 30, 40}),
               small = made_up::logits<float, 4>({2, 1, 15, 20});
    const auto y = made_up::labels<float, 4>({2, 1, 30, 40}),
               fewer = made_up::labels<float, 4>({2, 1, 15, 20});
    auto grad = x, skipped = x, small_grad = small;
    const auto evaluate = [&] {
        const counting::since start;
        xloss::value_and_grad_into(std::tie(grad, skipped, small_grad), heads, std::tie(x, x, small),
                                   std::tie(y, y, fewer), {.workspace = &memory});
        return start.allocations();
    };
    evaluate();
    CHECK(evaluate() == 0);
}

TEST_CASE("a scratch buffer grows and does not shrink", "[engine][workspace]") {
    xloss::workspace memory;
    CHECK(memory.bytes() == 0);
    double* first = memory.zeros(xloss::engine::scratch::region_sums, 10);
    CHECK(reinterpret_cast<std::size_t>(first) % 64 == 0);
    first[3] = 2.0;
    CHECK(memory.zeros(xloss::engine::scratch::region_sums, 10) == first);
    CHECK(first[3] == 0.0);
    memory.get<float>(xloss::engine::scratch::region_sums, 4);
    CHECK(memory.bytes() == 80);
    memory.get<float>(xloss::engine::scratch::tiles, 5);
    CHECK(memory.bytes() == 100);
}
