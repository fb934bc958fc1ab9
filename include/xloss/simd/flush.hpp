#ifndef XLOSS_SIMD_FLUSH_HPP
#define XLOSS_SIMD_FLUSH_HPP

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace xloss::simd {

/// While it lives, results of this thread that would be denormal are 0.
///
/// A processor may take a hundred cycles for a denormal number, and saturated logits are full of them: of a
/// focal loss at a logit of -30, (1 - p_t)^2 CE is one. They are below 1.2e-38 in float: a probability
/// under that is 0. Inputs are not touched: a denormal weight is a weight.
class flush_denormals {
public:
#if defined(__SSE2__)
    flush_denormals() : before_(_mm_getcsr() & to_zero) {
        _mm_setcsr(_mm_getcsr() | to_zero);
    }
    ~flush_denormals() {
        _mm_setcsr((_mm_getcsr() & ~to_zero) | before_);
    }
#else
    flush_denormals() {} // not defaulted: an object of this class is there for its lifetime
    ~flush_denormals() {}
#endif
    flush_denormals(const flush_denormals&) = delete;
    flush_denormals& operator=(const flush_denormals&) = delete;

private:
#if defined(__SSE2__)
    static constexpr unsigned to_zero = 0x8000;
    unsigned before_;
#endif
};

} // namespace xloss::simd

#endif
