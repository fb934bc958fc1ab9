// simd/zeros.hpp: any beginning and end within lines of cache, and nothing beside them.

#include "support/catch.hpp"

#include <xloss/simd/zeros.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

TEST_CASE("stream_zeros writes what it is told and no byte more", "[simd]") {
    alignas(64) std::array<unsigned char, 320> bytes;
    std::size_t wrong = 0;
    for (std::size_t first = 0; first < 70; ++first)
        for (std::size_t n = 0; n <= 240; ++n) {
            bytes.fill(0xff);
            xloss::simd::stream_zeros(bytes.data() + first, n);
            for (std::size_t i = 0; i < bytes.size(); ++i)
                wrong += bytes[i] != (i >= first && i < first + n ? 0 : 0xff);
        }
    CHECK(wrong == 0);
}
