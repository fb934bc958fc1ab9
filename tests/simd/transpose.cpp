#include "support/catch.hpp"

#include <xloss/simd/transpose.hpp>

#include <array>
#include <cstddef>

namespace {

template <class T, std::size_t W>
void check() {
    using V = xloss::simd::number<T, W>;
    std::array<T, W * W> numbers{};
    for (std::size_t i = 0; i < numbers.size(); ++i)
        numbers[i] = static_cast<T>(i);
    std::array<V, W> rows;
    for (std::size_t i = 0; i < W; ++i)
        rows[i] = V::load(numbers.data() + i * W);
    rows = xloss::simd::transpose(rows);
    for (std::size_t i = 0; i < W; ++i)
        for (std::size_t j = 0; j < W; ++j)
            CHECK(rows[i][j] == numbers[j * W + i]);
}

} // namespace

TEST_CASE("rows become columns", "[simd]") {
    check<float, xloss::simd::native_width<float>>();
    check<double, xloss::simd::native_width<double>>();
    check<float, 1>();
    check<double, 1>();
}
