#include <xloss/tensor/layout.hpp>

#include "support/catch.hpp"
#include "tensor/kinds.hpp"

#include <cstddef>
#include <vector>

using namespace xloss::tensor;

namespace {

/// The storage positions of a container in the row-major order of its layout, by runs.
std::vector<std::ptrdiff_t> positions(const layout& where, std::size_t first, std::size_t n) {
    std::vector<std::ptrdiff_t> result;
    for_each_run(where, first, n,
                 [&](std::ptrdiff_t offset, std::ptrdiff_t stride, std::size_t done, std::size_t length) {
                     REQUIRE(done == result.size());
                     REQUIRE(length > 0);
                     for (std::size_t i = 0; i < length; ++i) {
                         result.push_back(offset + static_cast<std::ptrdiff_t>(i) * stride);
                     }
                 });
    return result;
}

/// The same from the addresses of the elements.
template <class E>
std::vector<std::ptrdiff_t> positions_by_index(const E& e) {
    std::vector<std::ptrdiff_t> result;
    const auto* first = e.data() + static_cast<std::ptrdiff_t>(e.data_offset());
    kinds::each_by_index(e, [&](const auto& element) { result.push_back(&element - first); });
    return result;
}

template <class E>
void check_runs(const E& e) {
    const layout where = layout_of(e);
    const auto expected = positions_by_index(e);
    REQUIRE(positions(where, 0, expected.size()) == expected);
    for (std::size_t first = 0; first <= expected.size(); ++first) {
        for (const std::size_t n : kinds::lengths(shape_of(e), first)) {
            const auto begin = expected.begin() + static_cast<std::ptrdiff_t>(first);
            REQUIRE(positions(where, first, n) ==
                    std::vector<std::ptrdiff_t>(begin, begin + static_cast<std::ptrdiff_t>(n)));
        }
    }
}

} // namespace

TEST_CASE("axes that continue each other become one run", "[tensor][layout]") {
    const auto t = kinds::numbered<float>({3, 4, 5});
    REQUIRE(layout_of(t).rank == 1);
    REQUIRE(layout_of(t).contiguous());
    REQUIRE(layout_of(xt::view(t, 1)).contiguous());
    REQUIRE(layout_of(xt::view(t, xt::range(1, 3))).contiguous());
    REQUIRE(layout_of(xt::view(t, xt::all(), xt::newaxis())).contiguous());
    REQUIRE(layout_of(xt::view(t, 1, xt::range(0, 1), xt::range(2, 4))).contiguous());

    const layout channel = layout_of(xt::view(t, xt::all(), 1));
    REQUIRE(channel.rank == 2);
    REQUIRE(channel.extent[1] == 5);
    REQUIRE_FALSE(channel.contiguous());

    const layout last = layout_of(xt::view(t, xt::all(), xt::all(), 1));
    REQUIRE(last.rank == 1);
    REQUIRE(last.stride[0] == 5);
    REQUIRE_FALSE(last.contiguous());
}

TEST_CASE("one element is contiguous, and none is", "[tensor][layout]") {
    REQUIRE(layout_of(xt::xtensor<float, 0>()).contiguous());
    REQUIRE(layout_of(xt::xtensor<float, 2, xt::layout_type::column_major>(std::array<std::size_t, 2>{1, 1}))
                .contiguous());
    REQUIRE(layout_of(xt::xtensor<float, 2>(std::array<std::size_t, 2>{0, 3})).contiguous());
    REQUIRE(layout_of(xt::xtensor<float, 2, xt::layout_type::column_major>(std::array<std::size_t, 2>{5, 1}))
                .contiguous());
    REQUIRE_FALSE(layout{}.contiguous());
}

TEST_CASE("runs reach each element once and in row-major order", "[tensor][layout]") {
    const auto t = kinds::numbered<float>({3, 4, 5});
    check_runs(t);
    check_runs(xt::view(t, xt::all(), 1));
    check_runs(xt::view(t, xt::all(), xt::all(), xt::range(1, 4)));
    check_runs(xt::view(t, xt::range(0, 3, 2), xt::range(1, 4, 2), xt::range(0, 5, 3)));
    check_runs(xt::transpose(t));
    check_runs(xt::flip(t, 2));
    check_runs(xt::flip(t, 0));
    check_runs(kinds::numbered<float, xt::layout_type::column_major>({3, 4, 5}));
    check_runs(kinds::numbered<float, xt::layout_type::column_major>({3, 1, 5}));
}

TEST_CASE("the covering range goes from the lowest to the highest element", "[tensor][layout]") {
    const auto t = kinds::numbered<float>({3, 4, 5});
    const auto range_of = [](const auto& e) {
        return covering_range(e.data() + static_cast<std::ptrdiff_t>(e.data_offset()), layout_of(e));
    };
    const auto bytes = [&](std::size_t begin, std::size_t end, std::size_t period, std::size_t block) {
        return memory_range{reinterpret_cast<const std::byte*>(t.data() + begin),
                            reinterpret_cast<const std::byte*>(t.data() + end), 4 * period, 4 * block};
    };
    REQUIRE(range_of(t) == bytes(0, 60, 0, 60));
    REQUIRE(range_of(xt::flip(t, 1)) == bytes(0, 60, 5, 5));
    REQUIRE(range_of(xt::transpose(t)) == bytes(0, 60, 1, 1));
    REQUIRE(range_of(xt::view(t, xt::all(), 1)) == bytes(5, 50, 20, 5));
    REQUIRE(range_of(xt::view(t, xt::all(), xt::all(), 2)) == bytes(2, 58, 5, 1));
    REQUIRE(range_of(xt::xtensor<float, 2>(std::array<std::size_t, 2>{0, 3})).empty());
}

TEST_CASE("channels, halves and rows of one buffer do not overlap", "[tensor][layout]") {
    const auto t = kinds::numbered<float>({3, 4, 6});
    const auto meet = [](const auto& a, const auto& b) {
        return overlap(covering_range(a.data() + static_cast<std::ptrdiff_t>(a.data_offset()), layout_of(a)),
                       covering_range(b.data() + static_cast<std::ptrdiff_t>(b.data_offset()), layout_of(b)));
    };
    using xt::all;
    using xt::range;
    REQUIRE_FALSE(meet(xt::view(t, all(), 1), xt::view(t, all(), 2)));
    REQUIRE_FALSE(meet(xt::view(t, all(), range(0, 2)), xt::view(t, all(), range(2, 4))));
    REQUIRE_FALSE(meet(xt::view(t, all(), all(), range(0, 3)), xt::view(t, all(), all(), range(3, 6))));
    REQUIRE_FALSE(meet(xt::view(t, all(), all(), range(0, 6, 2)), xt::view(t, all(), all(), range(1, 6, 2))));
    REQUIRE(meet(xt::view(t, all(), 1), xt::view(t, all(), range(0, 2))));
    REQUIRE(meet(xt::view(t, all(), all(), range(0, 4)), xt::view(t, all(), all(), range(3, 6))));
    REQUIRE(meet(t, xt::view(t, 1, 1)));
    REQUIRE(meet(xt::flip(t, 2), t));
}

TEST_CASE("an axis of stride 0 repeats its elements", "[tensor][layout]") {
    layout where;
    where.append(4, 0);
    where.append(5, 1);
    REQUIRE(where.repeats());
    REQUIRE_FALSE(layout_of(kinds::numbered<float>({3, 1, 5})).repeats());
}
