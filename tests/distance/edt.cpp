// The transforms of one image against the definition: masks, both sides, label maps; 1-D to 3-D.

#include "distance/brute_force.hpp"
#include "support/catch.hpp"
#include "support/ulp.hpp"

#include <xloss/distance/edt.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

using namespace xloss;
using brute_force::grid_of;

using mask_of = std::vector<std::uint8_t>;

constexpr executor_ref one_thread{};

constexpr std::array<std::array<std::size_t, 3>, 8> extents{
    {{1, 1, 1}, {1, 1, 70}, {1, 67, 1}, {1, 7, 69}, {1, 31, 9}, {11, 1, 13}, {6, 7, 9}, {5, 3, 14}}};
constexpr std::array<std::array<double, 3>, 4> spacings{
    {{1.0, 1.0, 1.0}, {0.7, 0.7, 0.7}, {2.5, 0.7, 1.3}, {0.1, 1.0, 10.0}}};
// Shares of inside pixels: empty, single ones, noise, single holes, full.
constexpr std::array<double, 7> shares{0.0, 0.01, 0.3, 0.7, 0.97, 0.995, 1.0};

/// The largest error in units in the last place; where it is exact, that is 0.
template <class T>
double worst(const std::vector<T>& found, const std::vector<double>& exact) {
    double most = 0.0;
    for (std::size_t i = 0; i < found.size(); ++i)
        most = std::max(most, testing::ulp_error(found[i], exact[i]));
    return most;
}

template <class T>
std::vector<T> rooted(const std::vector<T>& squares) {
    std::vector<T> roots;
    roots.reserve(squares.size());
    for (const T v : squares)
        roots.push_back(std::sqrt(v));
    return roots;
}

template <class T>
void check_mask(const tensor::grid& g, const mask_of& inside) {
    const auto other = [](auto a, auto b) { return (a != 0) != (b != 0); };
    const std::vector<double> border = brute_force::squares(g, inside, other);
    std::vector<double> squares = border, sides = rooted(border), kervadec = sides;
    for (std::size_t i = 0; i < squares.size(); ++i) {
        squares[i] = inside[i] != 0 ? border[i] : 0.0;
        const bool bordered = std::isfinite(border[i]);
        const double d = bordered ? sides[i] : 0.0;
        kervadec[i] = bordered && inside[i] != 0 ? 1.0 - d : d;
        sides[i] = inside[i] != 0 ? -d : d;
    }
    // Whole squares are exact and rounded once, like their roots; a spacing rounds a time more.
    const bool whole = g.spacing == spacings[0];
    const double once = 0.5, more = std::is_same_v<T, float> ? 1.0 : 2.0;
    std::vector<T> found(g.size(), T(-1));
    workspace memory;
    const engine::filter_place place{g, one_thread, memory};
    distance::squared_distances(place, inside.data(), found.data());
    CHECK(worst(found, squares) <= (whole ? 0.0 : more));
    distance::distances(place, inside.data(), found.data());
    CHECK(worst(found, rooted(squares)) <= (whole ? once : more));
    distance::signed_distances(place, inside.data(), distance_convention::pixel, found.data());
    CHECK(worst(found, sides) <= (whole ? once : more));
    distance::signed_distances(place, inside.data(), distance_convention::kervadec, found.data());
    for (std::size_t i = 0; i < found.size(); ++i) // 1 - d cancels: in units of d
        REQUIRE(std::abs(static_cast<double>(found[i]) - kervadec[i]) <=
                more * (1.0 + std::abs(kervadec[i])) * std::numeric_limits<T>::epsilon());
}

template <class T>
void check_labels(const tensor::grid& g, const std::vector<std::int32_t>& labels) {
    std::vector<double> squares = brute_force::squares(g, labels, [](auto a, auto b) { return a != b; });
    for (std::size_t i = 0; i < squares.size(); ++i)
        squares[i] = labels[i] < 0 ? 0.0 : squares[i];
    std::vector<T> found(g.size());
    workspace memory;
    const engine::filter_place place{g, one_thread, memory};
    const double more = std::is_same_v<T, float> ? 1.0 : 2.0;
    distance::label_distances(place, labels.data(), true, found.data());
    CHECK(worst(found, squares) <= (g.spacing == spacings[0] ? 0.0 : more));
    distance::label_distances(place, labels.data(), false, found.data());
    CHECK(worst(found, rooted(squares)) <= (g.spacing == spacings[0] ? 0.5 : more));
}

} // namespace

TEMPLATE_TEST_CASE("distances of masks are those of the definition", "[distance][edt]", float, double) {
    unsigned seed = 1;
    for (const auto& extent : extents)
        for (const auto& spacing : spacings)
            for (const double share : shares) {
                CAPTURE(extent[0], extent[1], extent[2], spacing[0], share);
                const tensor::grid g = grid_of(extent, spacing);
                mask_of inside = brute_force::random_labels<std::uint8_t>(g.size(), 2, 2.0 * share, ++seed);
                if (share > 0.5) // most are inside, with any number that is not 0
                    for (std::uint8_t& v : inside)
                        v = share == 1.0 || seed++ % 40 != 0 ? std::uint8_t(1 + seed % 255) : std::uint8_t(0);
                check_mask<TestType>(g, inside);
            }
}

TEMPLATE_TEST_CASE("distances of label maps are those of the definition", "[distance][edt]", float, double) {
    unsigned seed = 1;
    for (const auto& extent : extents)
        for (const auto& spacing : spacings)
            for (const double share : shares) {
                CAPTURE(extent[0], extent[1], extent[2], spacing[0], share);
                const tensor::grid g = grid_of(extent, spacing);
                auto labels = brute_force::random_labels<std::int32_t>(g.size(), 4, share, ++seed);
                for (std::int32_t& label : labels)
                    label = label == 3 ? -1 : label;
                check_labels<TestType>(g, labels);
            }
}

TEST_CASE("squares that float cannot hold are summed as integers and rounded once", "[distance][edt]") {
    // A zero in a corner: the farthest square, 4999^2 + 39^2, has 25 bits, and its neighbours are odd.
    constexpr std::array<std::array<std::size_t, 2>, 2> sizes{{{40, 5000}, {5000, 40}}};
    for (const auto& [height, width] : sizes) {
        const tensor::grid g = grid_of({1, height, width}, {1.0, 1.0, 1.0});
        mask_of inside(g.size(), 1);
        inside[0] = 0;
        std::vector<float> squares(g.size()), distances(g.size());
        workspace memory;
        const engine::filter_place place{g, one_thread, memory};
        distance::squared_distances(place, inside.data(), squares.data());
        distance::distances(place, inside.data(), distances.data());
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < g.size(); ++i) {
            const std::size_t y = i / width, x = i % width, square = y * y + x * x;
            wrong += squares[i] != static_cast<float>(square) ? 1U : 0U;
            wrong += distances[i] != static_cast<float>(std::sqrt(static_cast<double>(square))) ? 1U : 0U;
        }
        CHECK(wrong == 0);
    }
}

TEST_CASE("between the passes of a volume, too", "[distance][edt]") {
    // Slices wide enough for squares above 2^24.
    constexpr std::size_t height = 12, width = 5001;
    const tensor::grid g = grid_of({2, height, width}, {1.0, 1.0, 1.0});
    mask_of inside(g.size(), 1);
    inside[0] = 0;
    std::vector<float> found(g.size());
    workspace memory;
    const engine::filter_place place{g, one_thread, memory};
    distance::signed_distances(place, inside.data(), distance_convention::pixel, found.data());
    std::size_t wrong = 0;
    for (std::size_t i = 1; i < found.size(); ++i) {
        const std::size_t z = i / (height * width), y = i / width % height, x = i % width;
        const auto exact = static_cast<float>(-std::sqrt(static_cast<double>(z * z + y * y + x * x)));
        wrong += found[i] != exact ? 1U : 0U;
    }
    CHECK(wrong == 0);
    CHECK(found[0] == 1.0F);
    inside[0] = 1; // no border at all
    distance::signed_distances(place, inside.data(), distance_convention::pixel, found.data());
    CHECK(std::all_of(found.begin(), found.end(), [](float d) { return d == 0.0F; }));
    distance::distances(place, inside.data(), found.data());
    CHECK(std::all_of(found.begin(), found.end(), [](float d) { return std::isinf(d) && d > 0.0F; }));
}
