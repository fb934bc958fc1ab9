#include <xloss/tensor/alias.hpp>

#include "support/catch.hpp"

#include <array>
#include <cstddef>

using xloss::tensor::memory_range;
using xloss::tensor::overlap;

namespace {

const std::array<std::byte, 100> bytes{};

memory_range range(std::size_t begin, std::size_t end, std::size_t period = 0, std::size_t block = 0) {
    return {bytes.data() + begin, bytes.data() + end, period, block};
}

/// The slow answer: marks the bytes of both.
bool share_a_byte(const memory_range& a, const memory_range& b) {
    const auto has = [](const memory_range& r, const std::byte* at) {
        return at >= r.begin && at < r.end &&
               (r.period == 0 || static_cast<std::size_t>(at - r.begin) % r.period < r.block);
    };
    for (const std::byte& at : bytes) {
        if (has(a, &at) && has(b, &at)) {
            return true;
        }
    }
    return false;
}

} // namespace

TEST_CASE("ranges overlap when they share a byte", "[tensor][alias]") {
    REQUIRE(overlap(range(0, 10), range(9, 20)));
    REQUIRE(overlap(range(9, 20), range(0, 10)));
    REQUIRE(overlap(range(0, 10), range(0, 10)));
    REQUIRE(overlap(range(0, 30), range(10, 20)));
    REQUIRE_FALSE(overlap(range(0, 10), range(10, 20)));
    REQUIRE_FALSE(overlap(range(10, 20), range(0, 10)));
}

TEST_CASE("an empty range overlaps nothing", "[tensor][alias]") {
    REQUIRE_FALSE(overlap({}, {}));
    REQUIRE_FALSE(overlap({}, range(0, 10)));
    REQUIRE_FALSE(overlap(range(5, 5), range(0, 10)));
}

TEST_CASE("blocks that interlock do not overlap, and a shared byte is never missed", "[tensor][alias]") {
    // Two channels of one buffer: 4 blocks of 10 bytes, 20 apart.
    REQUIRE_FALSE(overlap(range(0, 70, 20, 10), range(10, 80, 20, 10)));
    REQUIRE(overlap(range(0, 70, 20, 10), range(9, 79, 20, 10)));
    REQUIRE_FALSE(overlap(range(0, 70, 20, 10), range(10, 20)));

    const auto [period, other] =
        GENERATE(table<std::size_t, std::size_t>({{6, 6}, {6, 9}, {4, 10}, {12, 6}}));
    for (std::size_t start = 0; start < 30; ++start) {
        for (std::size_t block = 1; block < 4; ++block) {
            const memory_range a = range(7, 7 + 4 * period + block, period, block);
            const memory_range b = range(start, start + 3 * other + 2, other, 2);
            const memory_range whole = range(start, start + block);
            CAPTURE(period, other, start, block);
            REQUIRE((overlap(a, b) || !share_a_byte(a, b)));
            REQUIRE(overlap(a, b) == overlap(b, a));
            REQUIRE((overlap(a, whole) || !share_a_byte(a, whole)));
        }
    }
}
