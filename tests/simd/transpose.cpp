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

template <class T, std::size_t W>
void check_fours() {
    using V = xloss::simd::number<T, W>;
    std::array<T, 4 * W> rows{}, back{};
    for (std::size_t i = 0; i < rows.size(); ++i)
        rows[i] = static_cast<T>(i);
    const std::array<V, 4> columns = xloss::simd::load_fours<V>(rows.data());
    for (std::size_t c = 0; c < 4; ++c)
        for (std::size_t i = 0; i < W; ++i)
            CHECK(columns[c][i] == rows[4 * i + c]);
    xloss::simd::store_fours(columns, back.data());
    CHECK(back == rows);
}

} // namespace

TEST_CASE("rows of four become four columns and rows again", "[simd]") {
    check_fours<float, xloss::simd::native_width<float>>();
    check_fours<double, xloss::simd::native_width<double>>();
    check_fours<float, 1>();
}

TEST_CASE("rows become columns", "[simd]") {
    check<float, xloss::simd::native_width<float>>();
    check<double, xloss::simd::native_width<double>>();
    check<float, 1>();
    check<double, 1>();
}
