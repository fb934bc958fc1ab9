// Boundary weights and spread masks: by hand, against plain loops, any type and expression, what is ignored.

#include "distance/image.hpp"
#include "support/catch.hpp"
#include "support/expressions.hpp"

#include <xloss/distance/boundary_weights.hpp>
#include <xloss/distance/dilate_mask.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <vector>

namespace {

using namespace filters;
using made_up::same_elements;

/// Of one sample: 2 where two labels that are not ignored differ.
template <class L>
std::vector<float> naive_weights(const grid& g, const L* labels, std::optional<std::int64_t> ignore) {
    const auto counts = [&](std::size_t i) {
        return !ignore || static_cast<std::int64_t>(labels[i]) != *ignore;
    };
    std::vector<float> weights(g.size(), 1.0F);
    for (std::size_t i = 0; i < g.size(); ++i)
        each_in_window(g, i, [&](auto, auto, auto, std::size_t at) {
            if (counts(i) && counts(at) && labels[i] != labels[at])
                weights[i] = 2.0F;
        });
    return weights;
}

template <class Labels>
void compare(const Labels& labels, std::optional<std::int64_t> ignore) {
    const grid g("test", xloss::tensor::shape_of(labels), 1, {});
    const auto found = xloss::boundary_weights(labels, {.ignore_index = ignore});
    REQUIRE(found.size() == labels.size());
    for (std::size_t b = 0; b < labels.shape(0); ++b) {
        const float* first = found.data() + b * g.size();
        INFO("rank " << g.rank << ", rows of " << g.extent[2] << ", sample " << b);
        CHECK(std::vector<float>(first, first + g.size()) ==
              naive_weights(g, labels.data() + b * g.size(), ignore));
    }
}

} // namespace

TEST_CASE("boundary weights by hand", "[distance][boundary_weights]") {
    const xt::xtensor<std::uint8_t, 3> labels{{{0, 0, 0, 1, 1}, {0, 0, 0, 1, 1}, {0, 0, 0, 0, 0}},
                                              {{2, 2, 2, 2, 2}, {2, 2, 2, 2, 2}, {2, 2, 2, 2, 2}}};
    const xt::xtensor<float, 3> expected{{{1, 1, 2, 2, 1}, {1, 1, 2, 2, 2}, {1, 1, 2, 2, 2}},
                                         {{1, 1, 1, 1, 1}, {1, 1, 1, 1, 1}, {1, 1, 1, 1, 1}}};
    const auto weights = xloss::boundary_weights(labels);
    STATIC_REQUIRE(std::is_same_v<std::remove_cv_t<decltype(weights)>, xt::xtensor<float, 3>>);
    CHECK(same_elements(weights, expected));

    // The same picture in which the 1 is not known: no boundary is left.
    CHECK(same_elements(xloss::boundary_weights(labels, {.ignore_index = 1}),
                        xt::eval(xt::ones<float>({2, 3, 5}))));
    // Two classes across an ignored line do not touch; diagonally they do.
    const xt::xtensor<int, 2> line{{3, 3, 255, 4, 4, 3}};
    CHECK(same_elements(xloss::boundary_weights(line, {.ignore_index = 255}),
                        xt::xtensor<float, 2>{{1, 1, 1, 1, 2, 2}}));
    CHECK(same_elements(xloss::boundary_weights(line), xt::xtensor<float, 2>{{1, 2, 2, 2, 2, 2}}));
    const xt::xtensor<bool, 3> diagonal{{{true, false}, {false, false}, {false, false}}};
    CHECK(same_elements(xloss::boundary_weights(diagonal), xt::xtensor<float, 3>{{{2, 2}, {2, 2}, {1, 1}}}));
}

TEMPLATE_TEST_CASE("boundary weights as by plain loops", "[distance][boundary_weights]", std::uint8_t,
                   std::int64_t) {
    using L = TestType;
    const std::optional<std::int64_t> nothing;
    compare(made_up::labels<L, 2>({3, 150}, 2), nothing);
    compare(made_up::labels<L, 2>({2, 1}, 2), nothing);
    for (const auto& ignore : {nothing, std::optional<std::int64_t>(0)}) {
        compare(made_up::labels<L, 3>({2, 1, 5}, 3), ignore);
        compare(made_up::labels<L, 3>({2, 9, 140}, 3), ignore);
        compare(made_up::labels<L, 4>({2, 3, 4, 70}, 3), ignore);
        compare(made_up::labels<L, 4>({1, 4, 2, 1}, 2), ignore);
    }
    // A label that the type cannot hold is ignored nowhere, not even where its low bits are a label's.
    compare(made_up::labels<L, 3>({1, 6, 70}, 3), std::optional<std::int64_t>(std::int64_t{1} << 40));
}

TEST_CASE("boundary weights of any expression", "[distance][boundary_weights]") {
    const auto labels = made_up::labels<std::int32_t, 4>({2, 3, 9, 11}, 3);
    const auto all = xloss::boundary_weights(labels);
    CHECK(same_elements(xloss::boundary_weights(labels * 7 - 7), all));
    CHECK(same_elements(xloss::boundary_weights(xt::xarray<std::int32_t>(labels)), all));
    const auto part = xt::view(labels, xt::all(), xt::range(1, 3), xt::range(2, 8), xt::range(0, 11, 2));
    CHECK(same_elements(xloss::boundary_weights(part), xloss::boundary_weights(xt::eval(part))));
    const auto turned = xt::transpose(labels, {0, 3, 2, 1});
    const xt::xtensor<std::int32_t, 4> copy = turned;
    CHECK(same_elements(xloss::boundary_weights(turned), xloss::boundary_weights(copy)));
    CHECK(xloss::boundary_weights(xt::xtensor<int, 3>::from_shape({2, 0, 4})).size() == 0);
    CHECK_THROWS_WITH(xloss::boundary_weights(xt::xtensor<int, 1>{1, 2}),
                      "xloss::boundary_weights: [2] has 0 spatial axes; distances and neighbours need one to "
                      "three");
}

TEST_CASE("spread masks as by plain loops", "[distance][dilate_mask]") {
    auto every = grids();
    every.push_back(grid_of({5, 140}));
    for (const grid& g : every) {
        made_up::sequence numbers(5);
        std::vector<std::uint8_t> absent(g.size()), expected(g.size()), found(g.size(), 9);
        for (std::uint8_t& a : absent)
            a = numbers.next() % 12 == 0;
        for (std::size_t i = 0; i < g.size(); ++i)
            each_in_window(g, i, [&](auto, auto, auto, std::size_t at) {
                expected[i] = std::max(expected[i], absent[at]);
            });
        xloss::distance::dilate_mask(g, absent.data(), found.data());
        INFO("rank " << g.rank << ", " << g.extent[0] << " x " << g.extent[1] << " x " << g.extent[2]);
        CHECK(found == expected);
    }
}
