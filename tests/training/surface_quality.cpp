// Distances between surfaces: by hand, against brute force in NumPy (tests/golden/distances.py), empty masks,
// label maps, and what is refused.

#include "support/catch.hpp"
#include "support/executors.hpp"
#include "support/expressions.hpp"
#include "support/golden.hpp"
#include "support/pool.hpp"

#include <xloss/training/surface_quality.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace xloss;
using mask = xt::xtensor<std::uint8_t, 2>;

void check_golden(const std::string& name) {
    INFO(name);
    const auto truth = golden::load<std::uint8_t>("distance/" + name + ".mask");
    const auto predicted = golden::load<std::uint8_t>("distance/" + name + ".predicted");
    const auto stored = golden::load<double>("distance/" + name + ".spacing");
    const auto expected = golden::load<double>("distance/" + name + ".surface");
    const surface_quality s(predicted, truth, {.spacing = {stored.begin(), stored.end()}});
    const std::array<double, 9> found{s.hausdorff(),       s.hausdorff(95),          s.hausdorff(50),
                                      s.average(),         s.average_of_predicted(), s.average_of_truth(),
                                      s.surface_dice(0.0), s.surface_dice(1.0),      s.surface_dice(2.0)};
    REQUIRE(expected.size() == found.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
        INFO(i);
        CHECK(std::abs(found[i] - expected(i)) <= 1e-14 * (1.0 + expected(i)));
    }
}

} // namespace

TEST_CASE("distances between surfaces are those of a brute force", "[training][surface_quality]") {
    for (const char* name : {"line", "line_spaced", "plane", "plane_noise", "plane_spaced", "volume",
                             "volume_same", "volume_spaced"})
        check_golden(name);
}

TEST_CASE("surfaces of a block and a pixel, by hand", "[training][surface_quality]") {
    // The block has eight surface pixels, its middle is none. The pixel is in its first row.
    const mask block{{0, 0, 0, 0, 0}, {0, 1, 1, 1, 0}, {0, 1, 1, 1, 0}, {0, 1, 1, 1, 0}};
    const mask pixel{{0, 0, 0, 0, 0}, {0, 0, 1, 0, 0}, {0, 0, 0, 0, 0}, {0, 0, 0, 0, 0}};
    const surface_quality s(block, pixel);
    const double one = std::sqrt(2.0), two = std::sqrt(5.0);
    CHECK(s.from_predicted() == std::vector<double>{0, 1, 1, one, one, 2, two, two});
    CHECK(s.from_truth() == std::vector<double>{0});
    CHECK(s.hausdorff() == two);
    CHECK(s.hausdorff(50) == 0.5 * (one + one));
    CHECK(s.hausdorff(0) == 0.0);
    CHECK(s.average_of_predicted() == (4 + 2 * one + 2 * two) / 8);
    CHECK(s.average_of_truth() == 0.0);
    CHECK(s.average() == (4 + 2 * one + 2 * two) / 9);
    CHECK(s.surface_dice(0) == 2.0 / 9.0);
    CHECK(s.surface_dice(1) == 4.0 / 9.0);
    CHECK(s.surface_dice(3) == 1.0);
    CHECK(!s.one_is_empty());
    const surface_quality exchanged(pixel, block);
    CHECK(exchanged.hausdorff(50) == s.hausdorff(50));
    CHECK(exchanged.average_of_truth() == s.average_of_predicted());
    CHECK(surface_quality(block, pixel, {.spacing = {3, 1}}).hausdorff() == std::sqrt(37.0));
}

TEST_CASE("the border of the image is surface", "[training][surface_quality]") {
    const mask full = xt::ones<std::uint8_t>({5, 5});
    mask middle = xt::zeros<std::uint8_t>({5, 5});
    middle(2, 2) = 1;
    const surface_quality s(full, middle);
    CHECK(s.from_predicted().size() == 16);
    CHECK(s.from_truth() == std::vector<double>{2});
    // An axis of the image counts, if it is one pixel long too.
    CHECK(surface_quality(xt::xtensor<bool, 3>(xt::ones<bool>({1, 5, 5})),
                          xt::xtensor<bool, 3>(xt::ones<bool>({1, 5, 5})))
              .from_truth()
              .size() == 25);
}

TEST_CASE("equal masks, and empty ones", "[training][surface_quality]") {
    mask m = xt::zeros<std::uint8_t>({4, 5});
    const mask empty = m;
    m(1, 1) = 1;
    m(3, 4) = 1;
    const surface_quality same(m, m), nothing(empty, empty), missed(empty, m, {.spacing = {1, 2}}),
        invented(m, empty);
    for (const auto* s : {&same, &nothing}) {
        CHECK(s->hausdorff() == 0.0);
        CHECK(s->hausdorff(95) == 0.0);
        CHECK(s->average() == 0.0);
        CHECK(s->average_of_predicted() == 0.0);
        CHECK(s->average_of_truth() == 0.0);
        CHECK(s->surface_dice(0.0) == 1.0);
        CHECK(!s->one_is_empty());
    }
    for (const auto& [s, longest] : {std::pair{&missed, std::hypot(3.0, 8.0)}, std::pair{&invented, 5.0}}) {
        CHECK(s->hausdorff() == longest);
        CHECK(s->hausdorff(95) == longest);
        CHECK(s->average() == longest);
        CHECK(s->average_of_predicted() == longest);
        CHECK(s->average_of_truth() == longest);
        CHECK(s->surface_dice(100.0) == 0.0);
        CHECK(s->one_is_empty());
    }
}

TEST_CASE("surfaces of all classes of label maps, without what is ignored", "[training][surface_quality]") {
    const xt::xtensor<int, 2> truth{{0, 0, 1, 1, 255}, {0, 0, 1, 1, 255}, {2, 2, 2, 2, 2}};
    const xt::xtensor<int, 2> predicted{{0, 1, 1, 1, 3}, {0, 0, 1, 1, 1}, {0, 2, 2, 2, 2}};
    const auto all = surface_qualities(predicted, truth, 4, {.ignore_index = 255});
    REQUIRE(all.size() == 4);
    const xt::xtensor<bool, 2> counts = xt::not_equal(truth, 255);
    for (int c = 0; c < 4; ++c) {
        const surface_quality one(xt::equal(predicted, c) && counts, xt::equal(truth, c));
        const auto& s = all[static_cast<std::size_t>(c)];
        CHECK(s.from_predicted() == one.from_predicted());
        CHECK(s.from_truth() == one.from_truth());
    }
    CHECK(all[1].hausdorff() == 1.0);
    CHECK(all[3].hausdorff() == 0.0); // predicted where nothing counts, and not there
    const xt::xtensor<int, 2> mask_truth{{0, 1, 255}}, mask_predicted{{0, 1, 1}};
    CHECK(surface_quality(mask_predicted, mask_truth, {.ignore_index = 255}).hausdorff() == 0.0);
    CHECK(surface_quality(mask_predicted, mask_truth).hausdorff() == 0.0); // 255 is not 0
    CHECK(surface_quality(mask_predicted, xt::xtensor<int, 2>{{0, 1, 0}}).hausdorff() == 1.0);
}

TEST_CASE("surfaces with any number of threads", "[training][surface_quality]") {
    // Many pieces of rows; the mask begins and ends in the midst of them.
    const std::array<std::size_t, 3> volume{5, 130, 210};
    auto truth = made_up::labels<int>(volume, 2), predicted = made_up::labels<int>(volume, 2);
    for (std::size_t y = 0; y < volume[1]; ++y)
        for (std::size_t x = 0; x < volume[2]; ++x) {
            truth(0, y, x) = predicted(0, y, x) = 0;
            predicted(4, y, x) = x > 7 ? predicted(4, y, x) : 0;
        }
    const xloss::surface_quality alone(predicted, truth, {.spacing = {2.5, 1.0, 0.5}});
    CHECK(alone.from_truth().size() > 1000);
    executors::backwards backwards;
    executors::pool three(3);
    for (const xloss::executor_ref executor : {xloss::executor_ref(backwards), xloss::executor_ref(three)}) {
        const xloss::surface_quality found(predicted, truth,
                                           {.spacing = {2.5, 1.0, 0.5}, .executor = executor});
        CHECK(found.from_predicted() == alone.from_predicted());
        CHECK(found.from_truth() == alone.from_truth());
    }
    CHECK(backwards.pieces > 8);
}

TEST_CASE("what surface qualities refuse", "[training][surface_quality]") {
    const mask a = xt::zeros<std::uint8_t>({2, 3}), b = xt::zeros<std::uint8_t>({3, 2});
    CHECK_THROWS_WITH(surface_quality(a, b),
                      "xloss::surface_quality: the prediction [2, 3] does not fit the truth [3, 2]");
    CHECK_THROWS_WITH(surface_qualities(a, b, 2),
                      "xloss::surface_qualities: predicted labels [2, 3] do not fit the label map [3, 2]");
    CHECK_THROWS_AS(surface_quality(a, a, {.spacing = {1}}), parameter_error);
    const surface_quality s(a, a);
    CHECK_THROWS_WITH(s.hausdorff(101),
                      "xloss::surface_quality: percentile is 101.000000, and is from 0 to 100");
    CHECK_THROWS_AS(s.hausdorff(std::nan("")), parameter_error);
    CHECK_THROWS_WITH(s.surface_dice(-1),
                      "xloss::surface_quality: tolerance is -1.000000, and is not negative");
    CHECK_THROWS_AS(surface_qualities(xt::xtensor<int, 1>{0, 5}, xt::xtensor<int, 1>{0, 1}, 2), label_error);
}
