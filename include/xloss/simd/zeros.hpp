#ifndef XLOSS_SIMD_ZEROS_HPP
#define XLOSS_SIMD_ZEROS_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace xloss::simd {

/// Sets bytes to 0, past the caches: a line of cache that is wholly overwritten need not be read first, which
/// takes half of the time of memory that is in no cache. For what is too large to be there.
inline void stream_zeros(void* first, std::size_t bytes) {
#if defined(__SSE2__)
    constexpr std::size_t line = 64;
    auto* to = static_cast<std::byte*>(first);
    const std::size_t before = (line - reinterpret_cast<std::uintptr_t>(to) % line) % line;
    if (bytes < before + line) {
        std::memset(to, 0, bytes);
        return;
    }
    std::memset(to, 0, before);
    to += before;
    bytes -= before;
    const __m128i zeros = _mm_setzero_si128();
    for (; bytes >= line; to += line, bytes -= line)
        for (std::size_t i = 0; i < line; i += sizeof(zeros))
            _mm_stream_si128(reinterpret_cast<__m128i*>(to + i), zeros);
    std::memset(to, 0, bytes);
    _mm_sfence(); // whoever is told of it by another thread shall see it
#else
    std::memset(first, 0, bytes);
#endif
}

} // namespace xloss::simd

#endif
