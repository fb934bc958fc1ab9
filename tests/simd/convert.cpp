#include <xloss/simd/convert.hpp>

#include "../support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

using xloss::simd::convert;

namespace {

/// Values at the ends of a type and between, those where a conversion by halves or through 32 bits would go
/// wrong included.
template <class From>
From value_at(std::size_t i) {
    using limits = std::numeric_limits<From>;
    if constexpr (std::is_same_v<From, bool>) {
        return (i * i + i / 3) % 2 == 1;
    } else if constexpr (std::is_floating_point_v<From>) {
        return static_cast<From>(static_cast<double>(i) * 0.7 - 50);
    } else {
        const auto step = static_cast<From>(i);
        const auto middle = static_cast<From>(limits::max() / 2);
        switch (i % 7) {
        case 0:
            return limits::max();
        case 1:
            return limits::lowest();
        case 2:
            return static_cast<From>(limits::max() - step % 5);
        case 3:
            return static_cast<From>(middle + step % 9);
        default:
            return step;
        }
    }
}

/// Lengths around the blocks, at every misalignment that matters, the neighbours untouched.
template <class From, class To, class Value>
void check(Value value) {
    for (const std::size_t n : {0u, 1u, 7u, 8u, 9u, 15u, 63u, 64u, 65u, 127u, 128u, 200u, 1001u}) {
        for (const std::size_t offset : {0u, 1u, 3u}) {
            const auto from = std::make_unique<From[]>(n + offset);
            std::vector<To> to(n + offset + 1, To(-7));
            for (std::size_t i = 0; i < n; ++i) {
                from[offset + i] = value(i);
            }
            convert(from.get() + offset, to.data() + offset, n);
            bool right = to.back() == To(-7);
            for (std::size_t i = 0; i < offset; ++i) {
                right = right && to[i] == To(-7);
            }
            for (std::size_t i = 0; i < n; ++i) {
                right = right && to[offset + i] == static_cast<To>(from[offset + i]);
            }
            CAPTURE(n, offset);
            CHECK(right);
        }
    }
}

} // namespace

TEMPLATE_TEST_CASE("convert gives what a plain cast gives", "[simd][convert]", bool, std::uint8_t,
                   std::int8_t, std::uint16_t, std::int16_t, std::uint32_t, std::int32_t, std::uint64_t,
                   std::int64_t, float, double) {
    check<TestType, float>([](std::size_t i) { return value_at<TestType>(i); });
    check<TestType, double>([](std::size_t i) { return value_at<TestType>(i); });
}

TEMPLATE_TEST_CASE("64-bit integers that fit into 32 bits, and blocks with one that does not",
                   "[simd][convert]", std::int64_t, std::uint64_t) {
    check<TestType, float>([](std::size_t i) { return static_cast<TestType>(i % 2); });
    for (const std::int64_t odd :
         {std::int64_t{1} << 31, (std::int64_t{1} << 32) + 1, std::int64_t{1} << 62}) {
        const auto mostly_small = [odd](std::size_t i) {
            return static_cast<TestType>(i % 97 == 50 ? odd : 3);
        };
        check<TestType, float>(mostly_small);
        check<TestType, double>(mostly_small);
    }
    if constexpr (std::is_same_v<TestType, std::int64_t>) {
        for (const std::int64_t beyond : {std::int64_t{0}, std::int64_t{1}}) {
            const std::int64_t low = std::numeric_limits<std::int32_t>::lowest() - beyond;
            check<TestType, double>([low](std::size_t i) { return i % 97 == 50 ? low : -1; });
        }
    }
}
