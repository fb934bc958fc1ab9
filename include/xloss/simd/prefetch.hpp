#ifndef XLOSS_SIMD_PREFETCH_HPP
#define XLOSS_SIMD_PREFETCH_HPP

#include <xloss/config.hpp>

namespace xloss::simd {

/// Asks for a cache line that will be read.
XLOSS_INLINE void prefetch_to_read([[maybe_unused]] const void* line) {
#if defined(__GNUC__)
    __builtin_prefetch(line, 0, 2);
#endif
}

/// Asks for a cache line that will be written.
XLOSS_INLINE void prefetch_to_write([[maybe_unused]] const void* line) {
#if defined(__GNUC__)
    __builtin_prefetch(line, 1, 2);
#endif
}

} // namespace xloss::simd

#endif
