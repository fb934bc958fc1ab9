// Soft skeletons and Sobel edges with their slopes, as PyTorch's, with all the ties of masks.

#include "distance/image.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"

#include <xloss/distance/sobel.hpp>
#include <xloss/distance/soft_skeleton.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace {

using namespace filters;

/// Input, slopes by the result, result, slopes by the input, one after the other.
template <class T>
struct stored {
    grid g;
    std::vector<T> all;

    explicit stored(const std::string& name) {
        const auto numbers = golden::load_as<T, double>("filters/" + name);
        g = grid("test", xloss::tensor::shape_of(numbers), 1, {});
        all.assign(numbers.begin(), numbers.end());
    }
    const T* part(std::size_t i) const { return all.data() + i * g.size(); }
    std::vector<T> copy(std::size_t i) const { return {part(i), part(i + 1)}; }
};

template <class T, class Forward, class Backward>
void compare(const stored<T>& s, const Forward& forward, const Backward& backward) {
    std::vector<T> result(s.g.size()), slopes(s.g.size());
    forward(s.part(0), result.data());
    backward(s.part(0), s.part(1), slopes.data());
    CHECK(distance_between(result, s.copy(2)) <= rounding<T>);
    CHECK(distance_between(slopes, s.copy(3)) <= rounding<T>);
}

template <class T>
void compare_skeleton(const std::string& name, std::size_t iterations) {
    INFO(name);
    const stored<T> s(name);
    std::vector<T> memory(xloss::distance::soft_skeleton<T>::memory(s.g, iterations));
    xloss::distance::soft_skeleton<T> filter(s.g, iterations, memory.data());
    compare(
        s, [&](const T* x, T* k) { filter.forward(x, k); },
        [&](const T*, const T* by, T* to) { filter.backward(by, to); });
}

template <class T>
void compare_sobel(const std::string& name) {
    INFO(name);
    const stored<T> s(name);
    std::vector<T> scratch(xloss::distance::sobel_scratch<T>(s.g));
    compare(
        s, [&](const T* v, T* e) { xloss::distance::sobel_edges(s.g, v, e, scratch.data()); },
        [&](const T* v, const T* by, T* to) {
            xloss::distance::sobel_edges_backward(s.g, v, by, to, scratch.data());
        });
}

} // namespace

TEMPLATE_TEST_CASE("golden soft skeletons", "[distance][golden]", float, double) {
    compare_skeleton<TestType>("skeleton_line", 2);
    compare_skeleton<TestType>("skeleton_mask", 3);
    compare_skeleton<TestType>("skeleton_levels", 1);
    compare_skeleton<TestType>("skeleton_saturated", 3);
    compare_skeleton<TestType>("skeleton_once", 0);
    compare_skeleton<TestType>("skeleton_volume_mask", 2);
    compare_skeleton<TestType>("skeleton_volume_levels", 1);
    compare_skeleton<TestType>("skeleton_flat_volume", 2);
}

TEMPLATE_TEST_CASE("golden Sobel edges", "[distance][golden]", float, double) {
    compare_sobel<TestType>("sobel_line");
    compare_sobel<TestType>("sobel_image");
    compare_sobel<TestType>("sobel_volume");
}
