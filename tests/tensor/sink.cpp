#include <xloss/tensor/sink.hpp>

#include "support/catch.hpp"
#include "tensor/kinds.hpp"

#include <cstddef>
#include <type_traits>
#include <vector>

using kinds::layout_type;
using kinds::numbered;
using xloss::tensor::sink;
using xt::all;
using xt::range;

namespace {

/// Writes new elements through a sink in pieces of several lengths, and one by one into a copy: both must
/// be the same afterwards, the elements that are not part of the view included.
/// @param make gives the tensor to be written: the base itself or a view of it
template <class T, class Base, class Make>
void check_writes(const Base& original, Make make, bool in_place) {
    for (const std::size_t tile :
         {std::size_t{1}, std::size_t{3}, std::size_t{5}, std::size_t{7}, std::size_t{1000}}) {
        for (const bool add : {false, true}) {
            Base written = original;
            Base expected = original;
            auto&& by_hand = make(expected);
            std::size_t next = 0;
            kinds::each_by_index(by_hand, [&](auto& element) {
                using element_type = std::decay_t<decltype(element)>;
                const auto value = static_cast<element_type>(1000 + next++);
                element = add ? element + value : value;
            });

            auto&& target = make(written);
            const sink<T> g(target);
            REQUIRE(g.in_place() == in_place);
            REQUIRE(g.size() == next);
            for (std::size_t first = 0; first < g.size(); first += tile) {
                const std::size_t n = std::min(tile, g.size() - first);
                std::vector<T> buffer(n, T(-77));
                T* out = g.begin(first, n, buffer.data(), add);
                REQUIRE((out == buffer.data()) == !in_place);
                for (std::size_t i = 0; i < n; ++i) {
                    const T value = static_cast<T>(1000 + first + i);
                    out[i] = add ? out[i] + value : value;
                }
                g.commit(first, n, out);
            }
            CAPTURE(tile, add);
            REQUIRE(
                std::equal(written.storage().begin(), written.storage().end(), expected.storage().begin()));
        }
    }
}

template <class Base, class Make>
void check_staged(const Base& original, Make make) {
    check_writes<float>(original, make, false);
}

constexpr auto itself = [](auto& base) -> auto& {
    return base;
};

} // namespace

TEST_CASE("dense row-major gradients of the same type are written in place", "[tensor][sink]") {
    const auto t = numbered<float>({3, 4, 5});
    check_writes<float>(t, itself, true);
    check_writes<double>(numbered<double>({3, 4, 5}), itself, true);
    check_writes<float>(xt::xarray<float>(t), itself, true);
    check_writes<float>(xt::xtensor_fixed<float, xt::xshape<3, 4, 5>>(t), itself, true);
    check_writes<float>(
        t, [](auto& base) { return xt::view(base, 1); }, true);
    check_writes<float>(
        t, [](auto& base) { return xt::view(base, range(1, 3), all(), all()); }, true);
    const auto adaptor = [](auto& base) {
        return xt::adapt(base.data(), 60, xt::no_ownership(), std::array<std::size_t, 2>{12, 5});
    };
    check_writes<float>(t, adaptor, true);
    static_assert(std::is_trivially_copyable_v<sink<float>>);
}

TEST_CASE("gradients of the other type are converted", "[tensor][sink]") {
    check_writes<double>(numbered<float>({3, 4, 5}), itself, false);
    check_writes<float>(numbered<double>({3, 4, 5}), itself, false);
}

TEST_CASE("strided, transposed, reversed and column-major gradients are staged", "[tensor][sink]") {
    const auto t = numbered<float>({3, 4, 5});
    check_staged(t, [](auto& base) { return xt::view(base, all(), 1); });
    check_staged(t, [](auto& base) { return xt::view(base, all(), all(), 2); });
    check_staged(t, [](auto& base) { return xt::view(base, all(), all(), range(1, 4)); });
    check_staged(t,
                 [](auto& base) { return xt::view(base, range(0, 3, 2), range(1, 4, 2), range(0, 5, 3)); });
    check_staged(t, [](auto& base) { return xt::transpose(base); });
    check_staged(t, [](auto& base) { return xt::flip(base, 2); });
    check_staged(t, [](auto& base) { return xt::flip(base, 0); });
    check_staged(t, [](auto& base) { return xt::strided_view(base, {xt::ellipsis(), 3}); });
    check_staged(numbered<float, layout_type::column_major>({3, 4, 5}), itself);
    check_writes<double>(numbered<float, layout_type::column_major>({3, 4, 5}), itself, false);
    check_staged(xt::xarray<float, layout_type::column_major>(t), itself);
}

TEST_CASE("gradients that have no strides are written element by element", "[tensor][sink]") {
    const auto t = numbered<float>({3, 4, 5});
    check_staged(t, [](auto& base) { return xt::view(base, all(), xt::keep(3, 0, 2)); });
    check_staged(t, [](auto& base) { return xt::view(base, xt::drop(1), all(), xt::keep(4, 1)); });
    const std::vector<std::size_t> extents{5, 12};
    check_staged(t, [&](auto& base) { return xt::reshape_view(base, extents); });
}

TEST_CASE("rank 0, one element and none", "[tensor][sink]") {
    check_writes<float>(xt::xtensor<float, 0>(3.0f), itself, true);
    check_writes<double>(xt::xtensor<float, 0>(3.0f), itself, false);
    check_writes<float>(numbered<float>({1, 1, 1}), itself, true);
    check_writes<float>(numbered<float>({2, 0, 3}), itself, true);
    check_writes<float>(numbered<float, layout_type::column_major>({1, 7, 1}), itself, true);
}

TEST_CASE("without load the buffer is handed over as it is", "[tensor][sink]") {
    auto column = numbered<float, layout_type::column_major>({3, 4, 5});
    const sink<float> g(column);
    std::vector<float> buffer(4, -77.0f);
    REQUIRE(g.begin(5, 4, buffer.data(), false) == buffer.data());
    REQUIRE(buffer == std::vector<float>(4, -77.0f));
    g.begin(5, 3, buffer.data(), true);
    REQUIRE(buffer == std::vector<float>{column(0, 1, 0), column(0, 1, 1), column(0, 1, 2), -77.0f});
}

TEST_CASE("the memory of a gradient is that of its tensor", "[tensor][sink]") {
    auto t = numbered<float>({3, 4, 5});
    auto turned = xt::transpose(t);
    auto kept = xt::view(t, xt::keep(0, 2));
    REQUIRE(sink<float>(t).memory().begin == reinterpret_cast<const std::byte*>(t.data()));
    REQUIRE(sink<float>(t).memory().end == reinterpret_cast<const std::byte*>(t.data() + 60));
    REQUIRE(xloss::tensor::overlap(sink<float>(turned).memory(), xloss::tensor::source<float>(t).memory()));
    REQUIRE(sink<float>(kept).memory().empty());
}

TEST_CASE("plain memory is written in place", "[tensor][sink]") {
    std::vector<float> memory(12, 1.0F);
    xloss::tensor::shape box;
    box.rank = 2;
    box[0] = 2;
    box[1] = 3;
    const sink<float> g(memory.data(), box);
    CHECK(g.in_place());
    CHECK(g.size() == 6);
    CHECK(g.shape() == box);
    CHECK(g.begin(4, 2, nullptr, true) == memory.data() + 4);
    CHECK(xloss::tensor::overlap(g.memory(), sink<float>(memory.data() + 5, box).memory()));
    CHECK_FALSE(xloss::tensor::overlap(g.memory(), sink<float>(memory.data() + 6, box).memory()));
}

TEST_CASE("a gradient whose elements share memory is refused", "[tensor][sink]") {
    std::vector<float> data(5);
    auto repeated = xt::adapt(data.data(), 20, xt::no_ownership(), std::array<std::size_t, 2>{4, 5},
                              std::array<std::ptrdiff_t, 2>{0, 1});
    REQUIRE_THROWS_AS(sink<float>(repeated), xloss::alias_error);
    REQUIRE_THROWS_WITH(sink<float>(repeated), "the tensor to be written, of shape [4, 5], has an axis of "
                                               "stride 0: its elements share memory");
}

TEST_CASE("const tensors and lazy expressions cannot be written", "[tensor][sink]") {
    using container = xt::xtensor<float, 2>;
    using lazy = decltype(std::declval<container&>() + std::declval<container&>());
    using broadcast = decltype(xt::broadcast(std::declval<container&>(), std::array<std::size_t, 3>{}));
    using view = decltype(xt::view(std::declval<container&>(), xt::all(), 1));
    using view_of_const = decltype(xt::view(std::declval<const container&>(), xt::all(), 1));
    using kept = decltype(xt::view(std::declval<container&>(), xt::keep(0, 1)));
    using kept_of_const = decltype(xt::view(std::declval<const container&>(), xt::keep(0, 1)));
    using xloss::tensor::detail::writable;
    static_assert(writable<container>() && writable<view>() && writable<kept>());
    static_assert(!writable<const container>() && !writable<view_of_const>() && !writable<kept_of_const>());
    static_assert(!writable<lazy>() && !writable<broadcast>());
    static_assert(!writable<decltype(xt::adapt(std::declval<const float*>(), 6, xt::no_ownership(),
                                               std::array<std::size_t, 2>{2, 3}))>());
    SUCCEED();
}
