// The soft skeleton: by hand, against plain loops, its slopes against differences, memory, and the public
// call.

#include "distance/image.hpp"
#include "support/catch.hpp"
#include "support/expressions.hpp"

#include <xloss/distance/soft_skeleton.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

using namespace filters;

template <class T>
using numbers = std::vector<T>;

/// Forward and backward on memory that begins as NaN and ends in a number that nobody may touch.
template <class T>
class runner {
public:
    runner(const grid& g, std::size_t iterations, bool differentiable = true)
        : size_(xloss::distance::soft_skeleton<T>::memory(g, iterations, differentiable)),
          memory_(size_ + 1, std::numeric_limits<T>::quiet_NaN()),
          filter_(g, iterations, memory_.data(), differentiable) {
        memory_.back() = T(7);
    }

    numbers<T> forward(const numbers<T>& x) {
        numbers<T> skeleton(x.size());
        filter_.forward(x.data(), skeleton.data());
        return skeleton;
    }
    numbers<T> backward(const numbers<T>& slopes) {
        numbers<T> result(slopes.size(), T(99)); // is written, not added to
        filter_.backward(slopes.data(), result.data());
        return result;
    }
    [[nodiscard]] bool stayed_inside() const { return memory_.back() == T(7); }

private:
    std::size_t size_;
    numbers<T> memory_;
    xloss::distance::soft_skeleton<T> filter_;
};

template <class T>
numbers<T> skeleton_of(const grid& g, const numbers<T>& x, std::size_t iterations) {
    return runner<T>(g, iterations).forward(x);
}

numbers<double> eroded(const grid& g, const numbers<double>& x) {
    numbers<double> result = x;
    for (std::size_t i = 0; i < x.size(); ++i)
        each_in_window(g, i, [&](auto dz, auto dy, auto dx, std::size_t at) {
            if (std::abs(dz) + std::abs(dy) + std::abs(dx) <= 1)
                result[i] = std::min(result[i], x[at]);
        });
    return result;
}

numbers<double> opened(const grid& g, const numbers<double>& x) {
    const numbers<double> low = eroded(g, x);
    numbers<double> result = low;
    for (std::size_t i = 0; i < x.size(); ++i)
        each_in_window(g, i,
                       [&](auto, auto, auto, std::size_t at) { result[i] = std::max(result[i], low[at]); });
    return result;
}

numbers<double> naive_skeleton(const grid& g, numbers<double> x, std::size_t iterations) {
    numbers<double> k(x.size());
    for (std::size_t j = 0; j <= iterations; ++j) {
        const numbers<double> open = opened(g, x);
        for (std::size_t i = 0; i < x.size(); ++i) {
            const double d = std::max(0.0, x[i] - open[i]);
            k[i] += std::max(0.0, d - k[i] * d);
        }
        x = eroded(g, x);
    }
    return k;
}

} // namespace

TEST_CASE("soft skeletons by hand", "[distance][soft_skeleton]") {
    const grid g = grid_of({5, 7});
    const numbers<float> bar{0, 0, 0, 0, 0, 0, 0, //
                             1, 1, 1, 1, 1, 1, 1, //
                             1, 1, 1, 1, 1, 1, 1, //
                             1, 1, 1, 1, 1, 1, 1, //
                             0, 0, 0, 0, 0, 0, 0};
    const numbers<float> line{0, 0, 0, 0, 0, 0, 0, //
                              0, 0, 0, 0, 0, 0, 0, //
                              1, 1, 1, 1, 1, 1, 1, //
                              0, 0, 0, 0, 0, 0, 0, //
                              0, 0, 0, 0, 0, 0, 0};
    const numbers<float> frame{0, 0, 0, 0, 0, 0, 0, //
                               0, 1, 1, 1, 1, 1, 0, //
                               0, 1, 0, 0, 0, 1, 0, //
                               0, 1, 1, 1, 1, 1, 0, //
                               0, 0, 0, 0, 0, 0, 0};
    CHECK(skeleton_of(g, line, 3) == line);
    CHECK(skeleton_of(g, frame, 3) == frame);
    CHECK(skeleton_of(g, bar, 0) == numbers<float>(35));
    CHECK(skeleton_of(g, bar, 1) == line); // after one erosion
    CHECK(skeleton_of(g, bar, 3) == line);

    // A block of 3 x 5 that touches no border: its corners go at once, being no part of its opening.
    const numbers<float> block{0, 0, 0, 0, 0, 0, 0, //
                               0, 1, 1, 1, 1, 1, 0, //
                               0, 1, 1, 1, 1, 1, 0, //
                               0, 1, 1, 1, 1, 1, 0, //
                               0, 0, 0, 0, 0, 0, 0};
    const numbers<float> middle{0, 0, 0, 0, 0, 0, 0, //
                                0, 0, 0, 0, 0, 0, 0, //
                                0, 0, 1, 1, 1, 0, 0, //
                                0, 0, 0, 0, 0, 0, 0, //
                                0, 0, 0, 0, 0, 0, 0};
    CHECK(skeleton_of(g, block, 1) == middle);
    CHECK(skeleton_of(g, numbers<float>(35, 0.75F), 3) == numbers<float>(35)); // constant
    CHECK(skeleton_of(grid_of({5}), numbers<float>{0, 1, 1, 1, 0}, 1) == numbers<float>{0, 0, 1, 0, 0});
}

TEST_CASE("the slopes of a single pixel by hand", "[distance][soft_skeleton]") {
    // k = relu(x - max of erode x). The largest of nine equal zeros is the first, at (1, 1). Its own minima
    // are zeros too: along the column the first is (0, 1), along the row (1, 0), half of the slope to each.
    const grid g = grid_of({5, 5});
    numbers<double> x(25), slopes(25, 4.0), expected(25);
    x[12] = 1.0;
    expected[12] = 4.0;
    expected[1] = expected[5] = -2.0;
    runner<double> run(g, 0);
    CHECK(run.forward(x) == x);
    CHECK(run.backward(slopes) == expected);

    // At the border the first that is inside: x(1, 1) = 1 alone; (0, 0) is the first zero, of itself as well.
    expected.assign(25, 0.0);
    x.assign(25, 0.0);
    x[6] = 1.0;
    expected[6] = 4.0;
    expected[0] = -4.0;
    CHECK(run.forward(x) == x);
    CHECK(run.backward(slopes) == expected);

    // A volume: a quarter to the slowest axis, a quarter to the middle one, a half to the fastest.
    const grid volume = grid_of({5, 5, 5});
    numbers<double> v(125), by(125, 4.0), back(125);
    v[62] = 1.0;
    back[62] = 4.0;
    back[6] = back[26] = -1.0; // (0, 1, 1), (1, 0, 1)
    back[30] = -2.0;           // (1, 1, 0)
    runner<double> in_volume(volume, 0);
    CHECK(in_volume.forward(v) == v);
    CHECK(in_volume.backward(by) == back);
}

TEMPLATE_TEST_CASE("soft skeletons as by plain loops", "[distance][soft_skeleton]", float, double) {
    using T = TestType;
    for (const grid& g : grids())
        for (const std::size_t iterations : {0U, 1U, 4U}) {
            const numbers<T> x = without_ties<T>(g);
            const numbers<double> wide(x.begin(), x.end());
            runner<T> run(g, iterations), alone(g, iterations, false);
            const numbers<T> found = run.forward(x);
            INFO("rank " << g.rank << ", " << g.extent[0] << " x " << g.extent[1] << " x " << g.extent[2]
                         << ", " << iterations << " iterations");
            CHECK(distance_between(found, naive_skeleton(g, wide, iterations)) <= rounding<T>);
            CHECK(alone.forward(x) == found);
            const numbers<T> by = slopes<T>(g), back = run.backward(by);
            CHECK(run.backward(by) == back);
            CHECK((run.stayed_inside() && alone.stayed_inside()));
        }
}

TEST_CASE("slopes of soft skeletons are differences", "[distance][soft_skeleton]") {
    for (const grid& g : grids())
        for (const std::size_t iterations : {0U, 2U}) {
            const numbers<double> x = without_ties<double>(g), by = slopes<double>(g);
            runner<double> run(g, iterations);
            run.forward(x);
            const auto expected =
                differences([&](const auto& v) { return naive_skeleton(g, v, iterations); }, x, by);
            INFO("rank " << g.rank << ", " << g.extent[0] << " x " << g.extent[1] << " x " << g.extent[2]);
            CHECK(distance_between(run.backward(by), expected) <= 1e-8);
        }
}

TEST_CASE("soft skeletons in place, of nothing, and of NaN", "[distance][soft_skeleton]") {
    const grid g = grid_of({6, 11});
    const numbers<float> x = without_ties<float>(g), by = slopes<float>(g);
    numbers<float> memory(xloss::distance::soft_skeleton<float>::memory(g, 2));
    xloss::distance::soft_skeleton<float> filter(g, 2, memory.data());
    numbers<float> apart(x.size()), back(x.size()), same = x, same_back = by;
    filter.forward(x.data(), apart.data());
    filter.backward(by.data(), back.data());
    filter.forward(same.data(), same.data());
    filter.backward(same_back.data(), same_back.data());
    CHECK(same == apart);
    CHECK(same_back == back);

    runner<float> nothing(grid_of({3, 0}), 2);
    CHECK(nothing.forward({}).empty());
    CHECK(nothing.backward({}).empty());

    numbers<float> broken = x;
    broken[40] = std::numeric_limits<float>::quiet_NaN();
    CHECK(std::isnan(skeleton_of(g, broken, 2)[40]));
}

TEST_CASE("soft_skeleton of tensors", "[distance][soft_skeleton]") {
    auto p = made_up::weights<double, 4>({2, 3, 6, 9}); // of a few levels
    p /= 2.0;
    const auto all = xloss::soft_skeleton(p, {.iterations = 2});
    STATIC_REQUIRE(std::is_same_v<std::remove_cv_t<decltype(all)>, xt::xtensor<double, 4>>);
    const grid g = grid_of({6, 9});
    for (std::size_t image = 0; image < 6; ++image) {
        const numbers<double> one(p.data() + image * 54, p.data() + (image + 1) * 54);
        const numbers<double> found(all.data() + image * 54, all.data() + (image + 1) * 54);
        CHECK(found == skeleton_of(g, one, 2));
    }
    CHECK(made_up::same_elements(all, xloss::soft_skeleton(p * 1.0, {.iterations = 2})));
    const auto two = xt::view(p, xt::all(), xt::range(1, 3));
    CHECK(made_up::same_elements(xloss::soft_skeleton(two, {.iterations = 2}),
                                 xt::eval(xt::view(all, xt::all(), xt::range(1, 3)))));
    const auto image = xt::view(p, 0, 0);
    CHECK(made_up::same_elements(xloss::soft_skeleton(image, {.iterations = 2, .first_axis = 0}),
                                 xt::eval(xt::view(all, 0, 0))));

    // Of a mask, in float; one that is thin stays.
    const xt::xtensor<std::uint8_t, 3> mask{{{0, 1, 0, 0}, {0, 0, 1, 0}}};
    const auto thin = xloss::soft_skeleton(mask, {.first_axis = 1});
    CHECK(numbers<float>(thin.begin(), thin.end()) == numbers<float>{0, 1, 0, 0, 0, 0, 1, 0});
    CHECK(xloss::soft_skeleton(xt::xtensor<float, 4>::from_shape({0, 2, 3, 3})).size() == 0);
    CHECK_THROWS_WITH(xloss::soft_skeleton(xt::xtensor<float, 2>::from_shape({3, 2})),
                      "xloss::soft_skeleton: [3, 2] has 0 spatial axes; distances and neighbours need one to "
                      "three");
}
