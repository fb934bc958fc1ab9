// Sobel edges: by hand, against plain loops, their slopes against differences, and the smallest numbers.

#include "distance/image.hpp"
#include "support/catch.hpp"

#include <xloss/distance/sobel.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace {

using namespace filters;

template <class T>
using numbers = std::vector<T>;

/// Scratch memory that begins as NaN and ends in a number that nobody may touch.
template <class T>
class scratch {
public:
    explicit scratch(const grid& g)
        : memory_(xloss::distance::sobel_scratch<T>(g) + 1, std::numeric_limits<T>::quiet_NaN()) {
        memory_.back() = T(7);
    }
    T* data() { return memory_.data(); }
    [[nodiscard]] bool stayed_inside() const { return memory_.back() == T(7); }

private:
    numbers<T> memory_;
};

template <class T>
numbers<T> edges_of(const grid& g, const numbers<T>& v) {
    scratch<T> memory(g);
    numbers<T> edges(v.size());
    xloss::distance::sobel_edges(g, v.data(), edges.data(), memory.data());
    CHECK(memory.stayed_inside());
    return edges;
}

template <class T>
numbers<T> edges_back(const grid& g, const numbers<T>& v, const numbers<T>& slopes) {
    scratch<T> memory(g);
    numbers<T> result(v.size(), T(99)); // is written, not added to
    xloss::distance::sobel_edges_backward(g, v.data(), slopes.data(), result.data(), memory.data());
    CHECK(memory.stayed_inside());
    return result;
}

/// The factor of a neighbour `offsets` away in the component along `axis`; 0 beyond the plane of a lower
/// rank.
double factor(const grid& g, const std::array<std::ptrdiff_t, 3>& offsets, std::size_t axis) {
    double product = 1.0;
    for (std::size_t a = 0; a < 3; ++a) {
        const auto offset = static_cast<double>(offsets[a]);
        if (a < 3 - g.rank)
            product *= offset == 0.0 ? 1.0 : 0.0;
        else
            product *= a == axis ? offset : 2.0 - std::abs(offset);
    }
    return product;
}

double component(const grid& g, const numbers<double>& v, std::size_t at, std::size_t axis) {
    const auto n = [&](std::size_t a) { return static_cast<std::ptrdiff_t>(g.extent[a]); };
    const auto i = static_cast<std::ptrdiff_t>(at);
    const std::array<std::ptrdiff_t, 3> here{i / (n(1) * n(2)), i / n(2) % n(1), i % n(2)};
    double sum = 0.0;
    for (std::ptrdiff_t k = 0; k < 27; ++k) {
        const std::array<std::ptrdiff_t, 3> offsets{k / 9 - 1, k / 3 % 3 - 1, k % 3 - 1};
        std::ptrdiff_t where = 0;
        for (std::size_t a = 0; a < 3; ++a)
            where = where * n(a) + std::clamp<std::ptrdiff_t>(here[a] + offsets[a], 0, n(a) - 1);
        sum += factor(g, offsets, axis) * v[static_cast<std::size_t>(where)];
    }
    return sum;
}

numbers<double> naive_edges(const grid& g, const numbers<double>& v) {
    numbers<double> edges(v.size());
    for (std::size_t i = 0; i < v.size(); ++i) {
        double squares = 0.0;
        for (std::size_t axis = 3 - g.rank; axis < 3; ++axis)
            squares += std::pow(component(g, v, i, axis), 2);
        edges[i] = std::min(1.0, std::sqrt(squares) / std::pow(4.0, static_cast<double>(g.rank) - 1.0));
    }
    return edges;
}

} // namespace

TEST_CASE("Sobel edges by hand", "[distance][sobel]") {
    // A step, and one pixel of it: components (0, 4), and (1, 3), (2, 2) around the corner, over 4.
    const numbers<double> step{0, 0, 1, 1, 0, 0, 1, 1};
    CHECK(edges_of(grid_of({2, 4}), step) == numbers<double>{0, 1, 1, 0, 0, 1, 1, 0});
    const numbers<double> pixel{0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0};
    const double corner = std::sqrt(2.0) / 4.0;
    CHECK(edges_of(grid_of({3, 4}), pixel) ==
          numbers<double>{0, corner, 0.5, corner, 0, 0.5, 0, 0.5, 0, corner, 0.5, corner});

    CHECK(edges_of(grid_of({4}), numbers<float>{0, 0.25F, 0.5F, 2}) == numbers<float>{0.25F, 0.5F, 1, 1});
    CHECK(edges_of(grid_of({3, 2, 2}), numbers<float>{0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1}) ==
          numbers<float>{1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0});
    CHECK(edges_of(grid_of({3, 5}), numbers<float>(15, 0.7F)) == numbers<float>(15));
    CHECK(edges_of(grid_of({2, 0}), numbers<float>{}).empty());
    CHECK(edges_back(grid_of({0, 2}), numbers<float>{}, numbers<float>{}).empty());
}

TEST_CASE("slopes of Sobel edges by hand", "[distance][sobel]") {
    // |v(i + 1) - v(i - 1)|: clipped at exactly 1 at pixel 2, flat at pixel 4.
    const grid line = grid_of({6});
    const numbers<double> v{0.5, 0.25, 0.0, 1.25, 0.5, 1.25}, by{1, 2, 4, 8, 16, 32};
    CHECK(edges_of(line, v) == numbers<double>{0.25, 0.5, 1, 0.5, 0, 0.75});
    CHECK(edges_back(line, v, by) == numbers<double>{1 + 2, -1, -2 - 8, 0, 8 - 32, 32});
    // A mask: edges of 0 and 1 alone.
    CHECK(edges_back(grid_of({2, 4}), numbers<float>{0, 0, 1, 1, 0, 0, 1, 1}, numbers<float>(8, 1.0F)) ==
          numbers<float>(8));
}

TEMPLATE_TEST_CASE("Sobel edges as by plain loops", "[distance][sobel]", float, double) {
    using T = TestType;
    for (const grid& g : grids()) {
        const numbers<T> v = without_ties<T>(g);
        INFO("rank " << g.rank << ", " << g.extent[0] << " x " << g.extent[1] << " x " << g.extent[2]);
        CHECK(distance_between(edges_of(g, v), naive_edges(g, {v.begin(), v.end()})) <= rounding<T>);
    }
}

TEST_CASE("slopes of Sobel edges are differences", "[distance][sobel]") {
    for (const grid& g : grids())
        for (const double size : {0.3, 1.3}) { // few and many that are clipped
            numbers<double> v = without_ties<double>(g);
            for (double& one : v)
                one *= size;
            const numbers<double> by = slopes<double>(g);
            const auto expected = differences([&](const auto& w) { return naive_edges(g, w); }, v, by);
            INFO("rank " << g.rank << ", " << g.extent[0] << " x " << g.extent[1] << " x " << g.extent[2]);
            CHECK(distance_between(edges_back(g, v, by), expected) <= 1e-8);
        }
}

TEMPLATE_TEST_CASE("Sobel edges of the smallest numbers have a direction", "[distance][sobel]", float,
                   double) {
    // Their squares are below the smallest number. In the middle the components are 4 * 2 and 4 * 6.
    using T = TestType;
    const grid g = grid_of({3, 3});
    const numbers<T> v{0, 1, 2, 3, 4, 5, 6, 7, 8}, by{0, 0, 0, 0, 1, 0, 0, 0, 0};
    const T tiny = std::numeric_limits<T>::min();
    for (const T size : {tiny, 1024 * tiny, T(std::sqrt(tiny)), T(1) / 1024}) {
        numbers<T> small = v;
        for (T& one : small)
            one *= size;
        CHECK(std::abs(edges_of(g, small)[4] / size / std::sqrt(T(40)) - 1) <= rounding<T>);
        const numbers<T> back = edges_back(g, small, by);
        CHECK(std::abs(back[5] * std::sqrt(T(40)) - 1) <= rounding<T>);
        CHECK(std::abs(back[7] * std::sqrt(T(40)) - 3) <= rounding<T>);
    }
    const T broken = std::numeric_limits<T>::quiet_NaN();
    const numbers<T> beside{0, 0, 0, 0, 0, broken, 0, 0, 0};
    CHECK(std::isnan(edges_of(g, beside)[4]));
    CHECK(std::isnan(edges_back(g, beside, by)[5]));
    // Without a slope where the window holds it, as for an ignored pixel, it does no harm.
    CHECK(edges_back(g, beside, numbers<T>(9)) == numbers<T>(9));
}
