#include <xloss/tensor/source.hpp>

#include "support/catch.hpp"
#include "tensor/kinds.hpp"

#include <cstddef>
#include <cstdint>
#include <thread>
#include <type_traits>
#include <vector>

using kinds::layout_type;
using kinds::numbered;
using xloss::tensor::shape_of;
using xloss::tensor::source;
using xt::all;
using xt::range;

namespace {

/// Every start and many lengths against elements made one by one; the element after is left alone.
template <class T>
void check(const source<T>& x, const std::vector<T>& expected, bool in_place) {
    REQUIRE(x.size() == expected.size());
    REQUIRE(x.in_place() == in_place);
    const T untouched = -77;
    std::size_t wrong = 0;
    for (std::size_t first = 0; first <= expected.size(); ++first) {
        for (const std::size_t n : kinds::lengths(x.shape(), first)) {
            std::vector<T> buffer(n + 1, untouched);
            const T* read = x.read(first, n, buffer.data());
            wrong += buffer[n] != untouched;
            wrong += !in_place && read != buffer.data();
            for (std::size_t i = 0; i < n; ++i) {
                wrong += !(read[i] == expected[first + i]);
            }
        }
    }
    REQUIRE(wrong == 0);
}

template <class T, class E>
void check_reads(const E& e, bool in_place) {
    check(source<T>(e), kinds::by_index<T>(e), in_place);
}

/// Against the evaluation of the whole expression by xtensor.
template <class E>
void check_lazy(const E& e) {
    const xt::xarray<typename E::value_type, layout_type::row_major> whole = e;
    check(source<float>(e), kinds::by_index<float>(whole), false);
}

template <class E>
void check_staged(const E& e) {
    check_reads<float>(e, false);
}

} // namespace

TEST_CASE("a source owns nothing and is copied by its bytes", "[tensor][source]") {
    static_assert(std::is_trivially_copyable_v<source<float>>);
    static_assert(std::is_trivially_destructible_v<source<double>>);
    SUCCEED();
}

TEST_CASE("dense row-major data of the same type is read in place", "[tensor][source]") {
    const auto t = numbered<float>({3, 4, 5});
    check_reads<float>(t, true);
    const std::vector<std::size_t> extents{3, 4, 5};
    xt::xarray<float> dynamic(extents);
    check_reads<float>(kinds::fill(dynamic), true);
    xt::xarray<float, layout_type::dynamic> either(extents, layout_type::row_major);
    check_reads<float>(kinds::fill(either), true);
    xt::xtensor_fixed<float, xt::xshape<3, 4, 5>> fixed;
    check_reads<float>(kinds::fill(fixed), true);
    check_reads<float>(xt::adapt(t.data(), 60, xt::no_ownership(), std::array<std::size_t, 2>{12, 5}), true);
    check_reads<float>(xt::adapt(std::vector<float>(60, 2.0f), std::vector<std::size_t>{6, 10}), true);
    check_reads<float>(xt::view(t, 1), true);
    check_reads<float>(xt::view(t, range(1, 3)), true);
    check_reads<float>(xt::view(t, all(), xt::newaxis(), all()), true);
    check_reads<float>(xt::view(xt::view(t, range(1, 3)), 1, range(1, 3)), true);
    check_reads<float>(xt::expand_dims(t, 1), true);

    std::vector<float> buffer(60);
    REQUIRE(source<float>(t).read(7, 3, buffer.data()) == t.data() + 7);
    REQUIRE(source<float>(xt::view(t, 1)).read(7, 3, buffer.data()) == t.data() + 27);
    REQUIRE(source<float>(t).memory().begin == reinterpret_cast<const std::byte*>(t.data()));
    REQUIRE(source<float>(t).memory().end == reinterpret_cast<const std::byte*>(t.data() + 60));
}

TEMPLATE_TEST_CASE("every element type is read as float and as double", "[tensor][source]", bool, std::int8_t,
                   std::uint8_t, std::int16_t, std::uint16_t, std::int32_t, std::uint32_t, std::int64_t,
                   std::uint64_t, float, double) {
    const auto t = numbered<TestType>({2, 9, 11});
    check_reads<float>(t, std::is_same_v<TestType, float>);
    check_reads<double>(t, std::is_same_v<TestType, double>);
    const auto column = numbered<TestType, layout_type::column_major>({3, 4, 5});
    check_reads<float>(column, false);
    check_reads<double>(column, false);
}

TEST_CASE("dense bytes can be had as they stand", "[tensor][source]") {
    const auto bytes = numbered<std::uint8_t>({3, 4, 5});
    const auto bools = numbered<bool>({3, 4, 5});
    CHECK(source<float>(bytes).bytes(7) == bytes.data() + 7);
    CHECK(source<double>(bytes).bytes(0) == bytes.data());
    CHECK(source<float>(xt::view(bytes, 1)).bytes(3) == bytes.data() + 23);
    CHECK(static_cast<const void*>(source<float>(bools).bytes(7)) == bools.data() + 7);
    CHECK(source<float>(xt::view(bytes, all(), all(), range(0, 5, 2))).bytes(0) == nullptr);
    CHECK(source<float>(numbered<std::uint8_t, layout_type::column_major>({3, 4, 5})).bytes(0) == nullptr);
    CHECK(source<float>(bytes + bytes).bytes(0) == nullptr);
    CHECK(source<float>(numbered<std::int8_t>({3, 4, 5})).bytes(0) == nullptr);
    CHECK(source<float>(numbered<float>({3, 4, 5})).bytes(0) == nullptr);
}

TEST_CASE("negative integers and large ones convert as a cast does", "[tensor][source]") {
    const xt::xtensor<std::int8_t, 1> small{-128, -1, 0, 127};
    check_staged(small);
    const xt::xtensor<std::int64_t, 1> large{std::int64_t{1} << 40, -(std::int64_t{1} << 40), 16777217};
    check_staged(large);
    const xt::xtensor<std::uint64_t, 1> largest{~std::uint64_t{0}, 3};
    check_staged(largest);
}

TEST_CASE("strided, transposed and reversed views and column-major containers are staged",
          "[tensor][source]") {
    const auto t = numbered<float>({3, 4, 5});
    check_staged(xt::view(t, all(), 1));
    check_staged(xt::view(t, all(), all(), 2));
    check_staged(xt::view(t, all(), all(), range(1, 4)));
    check_staged(xt::view(t, range(0, 3, 2), range(1, 4, 2), range(0, 5, 3)));
    check_staged(xt::view(xt::view(t, all(), range(1, 4)), all(), 1));
    check_staged(xt::transpose(t));
    check_staged(xt::transpose(t, {0, 2, 1}));
    check_staged(xt::flip(t, 0));
    check_staged(xt::flip(t, 2));
    check_staged(xt::strided_view(t, {xt::ellipsis(), range(4, xt::placeholders::_, -2)}));
    check_staged(numbered<float, layout_type::column_major>({3, 4, 5}));
    xt::xarray<float, layout_type::dynamic> either(std::vector<std::size_t>{2, 3}, layout_type::column_major);
    check_staged(kinds::fill(either));
    check_staged(xt::adapt(t.data(), 24, xt::no_ownership(), std::array<std::size_t, 2>{4, 6},
                           std::array<std::ptrdiff_t, 2>{1, 4}));
    REQUIRE(source<float>(xt::view(t, all(), 1)).memory().begin ==
            reinterpret_cast<const std::byte*>(&t(0, 1, 0)));
}

TEST_CASE("views that have no strides are staged", "[tensor][source]") {
    const auto t = numbered<float>({3, 4, 5});
    check_staged(xt::view(t, all(), xt::keep(3, 0, 2)));
    check_staged(xt::view(t, xt::drop(1), all(), xt::keep(4, 1)));
    check_staged(xt::reshape_view(t, std::vector<std::size_t>{5, 12}));
    check_staged(xt::reshape_view(xt::transpose(t), std::vector<std::size_t>{10, 6}));
    REQUIRE(source<float>(xt::view(t, xt::keep(0, 2))).memory().empty());
}

TEST_CASE("broadcasts are staged", "[tensor][source]") {
    const auto t = numbered<float>({3, 1, 5});
    check_staged(xt::broadcast(t, {3, 4, 5}));
    check_staged(xt::broadcast(t, {2, 3, 4, 5}));
    check_staged(xt::broadcast(xt::transpose(t), {5, 2, 3}));
    check_staged(xt::broadcast(xt::xtensor<float, 0>(4.0f), {2, 3}));
}

TEST_CASE("lazy expressions are staged", "[tensor][source]") {
    const auto a = numbered<float>({3, 4, 5});
    const auto b = numbered<double>({3, 4, 5});
    const xt::xarray<float> dynamic = a;
    const xt::xtensor<float, 1> row{1, 2, 3, 4, 5};
    check_lazy(a * 2.0f + b);
    check_lazy(xt::abs(a - 50.0f));
    check_lazy(dynamic + a);
    check_lazy(a > 40.0f);
    check_lazy(a * row);
    check_lazy(a * xt::view(b, all(), all(), range(0, 1)));
    check_lazy(a + xt::transpose(numbered<float>({5, 4, 3})));
    check_lazy(a + numbered<float, layout_type::column_major>({3, 4, 5}));
    check_lazy(xt::view(a + b, all(), 2));
    check_lazy(xt::view(a + b, xt::keep(2, 0), all(), range(0, 5, 2)));
    check_lazy(xt::cast<int>(b));
    check_lazy(xt::where(a > 40.0f, a, -a));
    check_lazy(xt::ones<float>({2, 3}));
    check_lazy(xt::arange<float>(0.0f, 12.0f));
    check_lazy(xt::sum(b, {1}));
    check_lazy(xt::concatenate(xt::xtuple(a, a), 1));
}

TEST_CASE("a lazy expression that is dense in all operands is read by position", "[tensor][source]") {
    const auto a = numbered<float>({3, 1, 5});
    const auto column = numbered<float, layout_type::column_major>({3, 1, 5});
    REQUIRE(xloss::tensor::origin_of(a + a * 2.0f).linear);
    REQUIRE(xloss::tensor::origin_of(xt::xarray<float>(a) + 1.0f).linear);
    REQUIRE_FALSE(xloss::tensor::origin_of(a + column).linear);
    REQUIRE_FALSE(xloss::tensor::origin_of(a + numbered<float>({3, 2, 5})).linear);
    REQUIRE(source<float>(a + a).memory().empty());
}

TEST_CASE("rank 0 to 8 and axes of size 1 and 0", "[tensor][source]") {
    check_reads<float>(xt::xtensor<float, 0>(3.0f), true);
    check_reads<double>(xt::xtensor<float, 0>(3.0f), false);
    check_reads<float>(xt::xtensor<float, 0>(3.0f) + 1.0f, false);
    check_reads<float>(numbered<float>({1, 1, 1}), true);
    check_reads<float>(numbered<float>({5, 1, 1}) * 2.0f, false);
    check_reads<float>(numbered<float>({1, 5, 1}) + numbered<float, layout_type::column_major>({1, 5, 1}),
                       false);
    check_reads<float>(xt::transpose(numbered<float>({1, 5, 1})), true);
    check_reads<float>(numbered<float>({2, 0, 3}), true);
    check_staged(xt::transpose(numbered<float>({2, 0, 3})) + 1.0f);
    xt::xarray<float> eight(std::vector<std::size_t>{2, 1, 3, 1, 2, 1, 2, 3});
    kinds::fill(eight);
    check_reads<float>(eight, true);
    check_staged(xt::transpose(eight));
    check_staged(eight + xt::strided_view(eight, {xt::ellipsis(), range(0, 1)}));
    const xt::xarray<float> nine(std::vector<std::size_t>(9, 1));
    REQUIRE_THROWS_AS(source<float>(nine), xloss::shape_error);
    REQUIRE_THROWS_AS(source<float>(nine + 1.0f), xloss::shape_error);
}

TEST_CASE("several threads read one lazy expression", "[tensor][source]") {
    const auto t = numbered<float>({8, 16, 32});
    const auto e =
        xt::view(t, all(), range(0, 16, 2)) * 2.0f + xt::view(t, all(), xt::keep(1, 0, 3, 2, 5, 4, 7, 6));
    const source<float> x(e);
    const auto expected = kinds::by_index<float>(e);
    std::vector<float> result(expected.size());
    std::vector<std::thread> threads;
    constexpr std::size_t tile = 128;
    for (std::size_t k = 0; k < 4; ++k) {
        threads.emplace_back([&, k] {
            for (std::size_t first = k * tile; first < result.size(); first += 4 * tile) {
                x.read(first, tile, result.data() + first);
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    REQUIRE(result == expected);
}

TEST_CASE("views that keep no index have no element, and none is looked for", "[tensor][source]") {
    const auto x = numbered<float>({2, 3, 4});
    const std::vector<std::ptrdiff_t> none;
    const auto kept = xt::view(x, xt::keep(none), all(), all());
    const source<float> nothing(kept);
    REQUIRE(nothing.size() == 0);
    float untouched = -77.0F;
    static_cast<void>(nothing.read(0, 0, &untouched));
    REQUIRE(untouched == -77.0F);
}
