// Denormal results are 0 inside a scope, and the thread is afterwards what it was.

#include "support/catch.hpp"

#include <xloss/simd/flush.hpp>

#include <limits>

namespace {

/// At run time, whatever the compiler knows.
float product(float a, float b) {
    volatile float x = a, y = b;
    return x * y;
}

constexpr float smallest = std::numeric_limits<float>::min();

} // namespace

#if defined(__SSE2__)

TEST_CASE("results that would be denormal are 0 while denormals are flushed", "[simd][flush]") {
    REQUIRE(product(smallest, 0.5F) > 0.0F);
    {
        const xloss::simd::flush_denormals flush;
        CHECK(product(smallest, 0.5F) == 0.0F);
        CHECK(product(smallest, 1.0F) == smallest);
        {
            const xloss::simd::flush_denormals again;
            CHECK(product(smallest, 0.5F) == 0.0F);
        }
        CHECK(product(smallest, 0.5F) == 0.0F);
        // An input may be denormal.
        CHECK(product(0x1p-140F, 0x1p60F) == 0x1p-80F);
    }
    CHECK(product(smallest, 0.5F) > 0.0F);
}

TEST_CASE("flushing leaves the other modes of the processor alone", "[simd][flush]") {
    const unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x6000); // round towards 0
    {
        const xloss::simd::flush_denormals flush;
        CHECK((_mm_getcsr() & 0x6000U) == 0x6000U);
    }
    CHECK((_mm_getcsr() & 0xE000U) == 0x6000U);
    _mm_setcsr(before);
}

#else

TEST_CASE("where denormals cannot be flushed they stay", "[simd][flush]") {
    const xloss::simd::flush_denormals flush;
    CHECK(product(smallest, 0.5F) > 0.0F);
}

#endif
