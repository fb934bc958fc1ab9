// sam/rank_masks.hpp.

#include "sam/masks.hpp"
#include "support/golden.hpp"

#include <xloss/sam/rank_masks.hpp>

using namespace cases;
using masks::array;
using masks::extents;
using masks::same;
using xloss::rank_masks;

namespace {

using ranks = xt::xtensor<std::size_t, 2>;

} // namespace

TEST_CASE("rank_masks: best first, equal ones by index, NaN last", "[sam][rank_masks]") {
    const array iou = masks::tensor({4, 4}, {0.1, 0.4, 0.2, 0.3,           //
                                             0.5, 0.5, 0.9, 0.5,           //
                                             -1.0, 2.0, not_a_number, 0.0, //
                                             not_a_number, infinity, not_a_number, -infinity});
    CHECK(same(rank_masks(iou), ranks{{1, 3, 2, 0}, {2, 0, 1, 3}, {1, 3, 0, 2}, {1, 3, 0, 2}}));
    CHECK(same(rank_masks(xt::xarray<float>(iou)), rank_masks(iou)));
    CHECK(same(rank_masks(2.0 * iou), rank_masks(iou)));
    CHECK(same(rank_masks(xt::view(iou, xt::all(), xt::range(1, 3))), ranks{{0, 1}, {1, 0}, {0, 1}, {0, 1}}));
    CHECK(rank_masks(xt::transpose(iou))(0, 0) == 1);
    CHECK(same(rank_masks(array(extents{3, 1}, 0.5)), ranks{{0}, {0}, {0}}));
    CHECK(rank_masks(array(extents{0, 3})).size() == 0);
    CHECK(rank_masks(array(extents{2, 0})).size() == 0);
    CHECK(rank_masks(array(extents{1, 40}, 0.0))(0, 39) == 39); // more than a sort by insertion takes
}

TEST_CASE("golden ranks: torch's stable descending sort", "[sam][golden]") {
    const auto expected = golden::load<std::int64_t>("sam/ranking.order");
    CHECK(same(rank_masks(golden::load<double>("sam/ranking.iou")), ranks(xt::cast<std::size_t>(expected))));
}

TEST_CASE("rank_masks: only rows of scores", "[sam][rank_masks]") {
    for (const extents& bad : {extents{3}, extents{2, 3, 4}})
        CHECK(throws<xloss::shape_error>([&] { rank_masks(masks::scores(bad)); },
                                         {"xloss::rank_masks", "[B, N]"}));
}
