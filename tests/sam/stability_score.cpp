// sam/stability_score.hpp.

#include "sam/masks.hpp"
#include "support/executors.hpp"
#include "support/golden.hpp"

#include <xloss/sam/stability_score.hpp>

using namespace cases;
using masks::array;
using masks::extents;
using masks::one_mask;
using xloss::stability_score;

namespace {

/// The quotient of two counts, by hand.
double counted(const array& x, std::size_t mask, std::size_t pixels, double offset) {
    double above = 0.0, below = 0.0;
    for (std::size_t i = mask * pixels; i < (mask + 1) * pixels; ++i) {
        above += x.data()[i] > offset ? 1.0 : 0.0;
        below += x.data()[i] > -offset ? 1.0 : 0.0;
    }
    return below > 0.0 ? above / below : 0.0;
}

} // namespace

TEST_CASE("stability_score: pixels by hand, strictly above both thresholds", "[sam][stability_score]") {
    const array x = one_mask({2.0, 1.0, 0.5, -0.5, -1.0, -2.0});
    CHECK(stability_score(x)(0, 0) == 1.0 / 4.0);
    CHECK(stability_score(x, 0.5)(0, 0) == 2.0 / 3.0);
    CHECK(stability_score(x, 0.0)(0, 0) == 1.0);
    CHECK(stability_score(x, 2.0)(0, 0) == 0.0);
    CHECK(stability_score(x, 3.0)(0, 0) == 0.0);
    const array off = one_mask({-1.0, -2.0, -infinity}), on = one_mask({infinity, 2.0, float_max});
    CHECK(stability_score(off)(0, 0) == 0.0);
    CHECK(stability_score(on)(0, 0) == 1.0);
    CHECK(stability_score(one_mask({not_a_number, 2.0, 0.0}))(0, 0) == 0.5); // a NaN is above nothing
    CHECK(stability_score(one_mask({0.0, -0.0, 1.0}), 0.0)(0, 0) == 1.0);
}

TEST_CASE("golden stability scores: the document's compute_mask_stability_score", "[sam][golden]") {
    const auto x = golden::load<double>("sam/stability.masks");
    const auto check = [&](const char* name, double offset) {
        const auto expected = golden::load<double>(std::string("sam/stability.") + name);
        const array found = stability_score(x, offset);
        CHECK(masks::same(found, expected));
        const xt::xarray<float> single =
            stability_score(golden::load_as<float, double>("sam/stability.masks"), offset);
        CHECK(largest_error(single, expected) <= 1e-7);
    };
    check("1", 1.0);
    check("half", 0.5);
    check("0", 0.0);
}

TEST_CASE("stability_score: every length of a row, and several tiles", "[sam][stability_score]") {
    for (const double offset : {0.0, 0.75})
        for (const std::size_t n :
             {1U, 2U, 3U, 4U, 5U, 7U, 8U, 9U, 15U, 16U, 17U, 31U, 33U, 1023U, 1025U, 70001U}) {
            INFO(n << " pixels, offset " << offset);
            const array x = masks::logits({2, 2, n});
            const auto found = stability_score(x, offset);
            const auto single = stability_score(masks::logits<float>({2, 2, n}), offset);
            for (std::size_t mask = 0; mask < 4; ++mask) {
                CHECK(found.data()[mask] == counted(x, mask, n, offset));
                CHECK(single.data()[mask] == static_cast<float>(counted(x, mask, n, offset)));
            }
        }
}

TEST_CASE("stability_score: shapes, views and threads", "[sam][stability_score]") {
    const array x = masks::logits({2, 3, 4, 5}), volume = masks::logits({2, 3, 2, 2, 5});
    const auto found = stability_score(x);
    STATIC_REQUIRE(std::is_same_v<std::remove_cvref_t<decltype(found(0, 0))>, double>);
    CHECK(extents(found.shape().begin(), found.shape().end()) == extents{2, 3});
    CHECK(masks::same(stability_score(volume), found)); // the same numbers
    CHECK(masks::same(stability_score(xt::xarray<double, xt::layout_type::column_major>(x)), found));
    CHECK(masks::same(stability_score(-(-x)), found));
    executors::threads threads;
    CHECK(masks::same(stability_score(x, 1.0, threads), found));
    CHECK(stability_score(array(extents{0, 3, 4})).size() == 0);
    CHECK(stability_score(array(extents{2, 3}, 5.0))(1, 2) == 1.0); // masks of one pixel
    const auto nothing = stability_score(array(extents{2, 1, 0}));
    CHECK(nothing(1, 0) == 0.0);
}

TEST_CASE("stability_score: what is out of range is named", "[sam][stability_score]") {
    const array x = masks::logits({2, 3, 4});
    for (const double offset : {-1.0, not_a_number, infinity})
        CHECK(throws<xloss::parameter_error>([&] { stability_score(x, offset); },
                                             {"xloss::stability_score", "offset is"}));
    CHECK(throws<xloss::shape_error>([] { stability_score(masks::logits({5})); },
                                     {"xloss::stability_score", "[5]"}));
}
