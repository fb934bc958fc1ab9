// sam/multi_granularity.hpp.

#include "sam/masks.hpp"
#include "support/golden.hpp"

#include <xloss/sam/multi_granularity.hpp>

#include <array>
#include <tuple>

using namespace cases;
using masks::array;
using masks::byte_array;
using masks::same;
using xloss::multi_granularity;
using xloss::region;
using xloss::sam_mask;

namespace {

const array fine = masks::logits({2, 1, 8, 6}), medium = masks::logits({2, 3, 4, 3}),
            coarse = masks::logits({2, 2, 2, 3});
const byte_array fine_y = masks::target({2, 1, 8, 6}), medium_y = masks::target({2, 4, 3}),
                 coarse_y = masks::target({2, 2, 2, 3});

} // namespace

TEST_CASE("multi_granularity: sum of w sam_mask over the number of levels", "[sam][multi_granularity]") {
    const auto levels = multi_granularity({1.0, 0.5, 2.0});
    const auto r =
        value_and_grad(levels, std::tie(fine, medium, coarse), std::tie(fine_y, medium_y, coarse_y));
    const auto a = value_and_grad(sam_mask{}, fine, fine_y, {.upstream = 1.0 / 3.0});
    const auto b =
        value_and_grad(sam_mask{}, medium, medium_y, {.upstream = 0.5 / 3.0}); // one target for all
    const auto c = value_and_grad(sam_mask{}, coarse, coarse_y, {.upstream = 2.0 / 3.0});
    CHECK(error(r.value, (a.value + 0.5 * b.value + 2.0 * c.value) / 3.0) <= 1e-15);
    CHECK(r.heads[0].value == a.value);
    CHECK(r.heads[2].value == c.value);
    CHECK(largest_error(std::get<0>(r.grads), a.grad) <= 1e-14);
    CHECK(largest_error(std::get<1>(r.grads), b.grad) <= 1e-14);
    CHECK(largest_error(std::get<2>(r.grads), c.grad) <= 1e-14);
    CHECK(levels(std::tie(fine, medium, coarse), std::tie(fine_y, medium_y, coarse_y)) == r.value);

    array gradient(medium.shape(), 1.0);
    value_and_grad_into(std::tie(gradient), multi_granularity({0.5}), std::tie(medium), std::tie(medium_y),
                        {.accumulate = true});
    CHECK(largest_error(gradient, array(1.0 + 3.0 * b.grad)) <= 1e-14);
}

TEST_CASE("golden multi_granularity_loss of the document", "[sam][golden]") {
    const sam_mask of_call{.over = region::batch};
    const auto rows = golden::load<double>("sam/granularity.value");
    const std::array<array, 3> x{golden::load<double>("sam/inputs/level_0.masks"),
                                 golden::load<double>("sam/inputs/level_1.masks"),
                                 golden::load<double>("sam/inputs/level_2.masks")};
    const std::array<byte_array, 3> y{golden::load<std::uint8_t>("sam/inputs/level_0.target"),
                                      golden::load<std::uint8_t>("sam/inputs/level_1.target"),
                                      golden::load<std::uint8_t>("sam/inputs/level_2.target")};
    const auto r = value_and_grad(multi_granularity({1.0, 0.5, 2.0}, of_call), x, y);
    const auto t = golden::tolerance::of_power<double>(rows(0, 1));
    golden::check_value({rows(1, 0), rows(1, 1), 0.0}, r.value, t);
    for (std::size_t i = 0; i < 3; ++i) {
        INFO("level " << i);
        golden::check_value({rows(i + 2, 0), rows(i + 2, 1), 0.0}, r.heads[i].value, t);
        const auto both = golden::load<double>("sam/granularity.masks_" + std::to_string(i));
        const array expected = xt::view(both, 0), scale = xt::view(both, 1);
        golden::check_tensor(expected, scale, r.grads[i], t);
    }
}

TEST_CASE("multi_granularity: what does not fit is named", "[sam][multi_granularity]") {
    const auto call = [](std::vector<double> weights) {
        return [weights] {
            return xloss::value(multi_granularity(weights), std::tie(fine, medium),
                                std::tie(fine_y, medium_y));
        };
    };
    CHECK_NOTHROW(call({1.0, 2.0})());
    CHECK(throws<xloss::shape_error>(call({1.0, 2.0, 3.0}), {"3 weights", "2 heads"}));
    CHECK(throws<xloss::parameter_error>(call({1.0, infinity}), {"weight of head 1"}));
    CHECK(throws<xloss::shape_error>(
        [] {
            xloss::value(multi_granularity({1.0, 1.0}), std::tie(fine, medium), std::tie(fine_y, coarse_y));
        },
        {"head 1", "sam_mask", "[2, 3, 4, 3]", "[2, 2, 2, 3]"}));
}
