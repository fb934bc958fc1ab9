#include <xloss/tensor/labels.hpp>

#include "support/catch.hpp"
#include "tensor/kinds.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>
#include <vector>

using kinds::numbered;
using xloss::tensor::label_source;
using xt::all;
using xt::range;

namespace {

template <class T, class E>
std::vector<T> read_all(const label_source<T>& labels, const E& e) {
    std::vector<T> buffer(e.size());
    REQUIRE(labels.read(0, e.size(), buffer.data()) == buffer.data());
    return buffer;
}

/// Labels of an initializer list, read as numbers.
template <class L>
std::vector<float> read_labels(std::vector<L> values, std::size_t classes,
                               std::optional<std::int64_t> ignore = {}) {
    const auto map = xt::adapt(values, std::array<std::size_t, 1>{values.size()});
    return read_all(label_source<float>(map, classes, ignore), map);
}

/// The rule of the header, one label at a time and in wide integers.
template <class T, class L>
T by_rule(L label, std::size_t classes, std::optional<std::int64_t> ignore) {
    const bool negative = std::is_signed_v<L> && label < L{};
    const auto as_signed = static_cast<std::int64_t>(label);
    const bool wraps = !std::is_signed_v<L> && as_signed < 0;
    if (ignore && !wraps && *ignore == as_signed) {
        return T(-1);
    }
    return !negative && static_cast<std::uint64_t>(label) < classes ? static_cast<T>(label) : T(-2);
}

/// Every start and many lengths; the element after is left alone.
template <class T>
void check(const label_source<T>& labels, const std::vector<T>& expected) {
    REQUIRE(labels.size() == expected.size());
    std::size_t wrong = 0;
    for (std::size_t first = 0; first <= expected.size(); ++first) {
        for (const std::size_t n : kinds::lengths(labels.shape(), first)) {
            std::vector<T> buffer(n + 1, T(-77));
            const T* read = labels.read(first, n, buffer.data());
            wrong += !(buffer[n] == T(-77));
            for (std::size_t i = 0; i < n; ++i) {
                wrong += !(read[i] == expected[first + i]);
            }
        }
    }
    REQUIRE(wrong == 0);
}

template <class T, class E>
void check_labels(const E& e, std::size_t classes, std::optional<std::int64_t> ignore) {
    std::vector<T> expected;
    using element = typename E::value_type;
    kinds::each_by_index(e, [&](element label) { expected.push_back(by_rule<T>(label, classes, ignore)); });
    check(label_source<T>(e, classes, ignore), expected);
}

const float ignored = -1;
const float outside = -2;

} // namespace

TEST_CASE("labels in range are themselves, the ignored one is -1, others are -2", "[tensor][labels]") {
    using values = std::vector<float>;
    REQUIRE(read_labels<int>({0, 1, 2, 3, -1}, 3) == values{0, 1, 2, outside, outside});
    REQUIRE(read_labels<int>({0, 1, 2, 3, -1}, 3, -1) == values{0, 1, 2, outside, ignored});
    REQUIRE(read_labels<std::uint8_t>({0, 18, 19, 255}, 19, 255) == values{0, 18, outside, ignored});
    REQUIRE(read_labels<std::uint8_t>({0, 18, 19, 255}, 19) == values{0, 18, outside, outside});
}

TEST_CASE("an ignored class is ignored though it is in range", "[tensor][labels]") {
    REQUIRE(read_labels<int>({0, 1, 2}, 3, 0) == std::vector<float>{ignored, 1, 2});
    REQUIRE(read_labels<std::uint8_t>({0, 1, 2}, 3, 2) == std::vector<float>{0, 1, ignored});
}

TEST_CASE("wide labels never wrap into the range", "[tensor][labels]") {
    constexpr std::int64_t wide = std::int64_t{1} << 32;
    REQUIRE(read_labels<std::int64_t>({wide, wide + 1, -wide, 1}, 3) ==
            std::vector<float>{outside, outside, outside, 1});
    REQUIRE(read_labels<std::int64_t>({wide, wide + 1, 1}, 3, wide + 1) ==
            std::vector<float>{outside, ignored, 1});
    REQUIRE(read_labels<std::int64_t>({std::numeric_limits<std::int64_t>::min(), 0}, 3,
                                      std::numeric_limits<std::int64_t>::min()) ==
            std::vector<float>{ignored, 0});
    REQUIRE(read_labels<std::uint64_t>({std::numeric_limits<std::uint64_t>::max(), 2}, 3) ==
            std::vector<float>{outside, 2});
    REQUIRE(read_labels<std::uint32_t>({std::numeric_limits<std::uint32_t>::max(), 2}, 3) ==
            std::vector<float>{outside, 2});
}

TEST_CASE("an ignored label that the element type cannot hold matches nothing", "[tensor][labels]") {
    // -1 is all ones in two's complement, and so are 255 and the largest uint64.
    REQUIRE(read_labels<std::uint8_t>({255, 0}, 3, -1) == std::vector<float>{outside, 0});
    REQUIRE(read_labels<std::uint64_t>({std::numeric_limits<std::uint64_t>::max()}, 3, -1) ==
            std::vector<float>{outside});
    REQUIRE(read_labels<std::int8_t>({-1, 0}, 3, 255) == std::vector<float>{outside, 0});
    REQUIRE(read_labels<std::uint8_t>({0, 1}, 3, 256) == std::vector<float>{0, 1});
    REQUIRE(read_labels<std::uint8_t>({0, 128}, 3, -128) == std::vector<float>{0, outside});
}

TEST_CASE("more classes than the element type has values", "[tensor][labels]") {
    REQUIRE(read_labels<std::uint8_t>({0, 254, 255}, 1000) == std::vector<float>{0, 254, 255});
    REQUIRE(read_labels<std::int8_t>({0, 127, -128, -1}, 256) ==
            std::vector<float>{0, 127, outside, outside});
}

TEST_CASE("bool is a label map of two classes", "[tensor][labels]") {
    const xt::xtensor<bool, 1> map{false, true, true};
    REQUIRE(read_all(label_source<float>(map, 2, {}), map) == std::vector<float>{0, 1, 1});
    REQUIRE(read_all(label_source<float>(map, 1, {}), map) == std::vector<float>{0, outside, outside});
    REQUIRE(read_all(label_source<float>(map, 2, 0), map) == std::vector<float>{ignored, 1, 1});
    REQUIRE(read_all(label_source<float>(map, 2, 255), map) == std::vector<float>{0, 1, 1});
}

TEMPLATE_TEST_CASE("every integer type, storage, start and length", "[tensor][labels]", bool, std::int8_t,
                   std::uint8_t, std::int16_t, std::uint16_t, std::int32_t, std::uint32_t, std::int64_t,
                   std::uint64_t) {
    const auto map = numbered<TestType>({2, 9, 11});
    check_labels<float>(map, 60, 7);
    check_labels<float>(map, 60, {});
    check_labels<double>(map, 1, 1);
}

TEST_CASE("label maps without dense memory", "[tensor][labels]") {
    const auto map = numbered<int>({2, 9, 11});
    check_labels<float>(xt::transpose(map), 60, 7);
    check_labels<float>(xt::view(map, all(), range(0, 9, 2), range(1, 10)), 60, 61);
    check_labels<float>(map - 3, 60, -1);
    check_labels<float>(xt::view(map, all(), xt::keep(4, 2)), 60, 7);
    check_labels<float>(xt::broadcast(map, {2, 2, 9, 11}), 60, 7);
    check_labels<float>(numbered<float>({2, 3, 4}) > 40.0f, 2, {});
    check_labels<float>(numbered<int, xt::layout_type::column_major>({2, 3, 4}), 60, 7);
    // Longer than the blocks that a staged map is read in.
    const auto large = numbered<std::int64_t>({3, 20, 30});
    const auto turned = xt::transpose(large);
    const auto labels = read_all(label_source<float>(turned, 60, 7), turned);
    std::vector<float> expected;
    kinds::each_by_index(turned,
                         [&](std::int64_t label) { expected.push_back(by_rule<float>(label, 60, 7)); });
    REQUIRE(labels == expected);
}

TEST_CASE("a label in words is the value the user wrote", "[tensor][labels]") {
    const xt::xtensor<std::int64_t, 1> wide{-3, std::int64_t{1} << 40};
    REQUIRE(label_source<float>(wide, 3, {}).value_at(0) == "-3");
    REQUIRE(label_source<float>(wide, 3, {}).value_at(1) == "1099511627776");
    const xt::xtensor<std::uint64_t, 1> largest{std::numeric_limits<std::uint64_t>::max()};
    REQUIRE(label_source<float>(largest, 3, {}).value_at(0) == "18446744073709551615");
    const xt::xtensor<std::uint8_t, 1> bytes{65};
    REQUIRE(label_source<float>(bytes, 3, {}).value_at(0) == "65");
    const auto map = numbered<int>({2, 3, 4});
    REQUIRE(label_source<float>(xt::transpose(map), 3, {}).value_at(1) == std::to_string(map(1, 0, 0)));
    REQUIRE(label_source<float>(map + 1, 3, {}).value_at(5) == std::to_string(map(0, 1, 1) + 1));
}

TEST_CASE("the number of classes is one that the computation type can count", "[tensor][labels]") {
    const auto map = numbered<int>({2, 3, 4});
    REQUIRE_THROWS_AS(label_source<float>(map, 0, {}), xloss::parameter_error);
    REQUIRE_THROWS_AS(label_source<float>(map, (std::size_t{1} << 24) + 1, {}), xloss::parameter_error);
    REQUIRE_THROWS_WITH(label_source<double>(map, (std::size_t{1} << 31) + 1, {}),
                        "a label map of 2147483649 classes: between 1 and 2147483648 are supported");
    REQUIRE(read_labels<int>({16777215, 16777216}, std::size_t{1} << 24) ==
            std::vector<float>{16777215.0f, outside});
}
