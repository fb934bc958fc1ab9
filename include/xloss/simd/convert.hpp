#ifndef XLOSS_SIMD_CONVERT_HPP
#define XLOSS_SIMD_CONVERT_HPP

#include <xloss/config.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

/// \file
/// Widening of stored numbers to the type of the computation.

namespace xloss::simd {

namespace detail {

// A constant trip count and no aliasing: all that g++ -O2 asks for to turn the loop into widening vector
// loads. The converting loads of xsimd go lane by lane and take ten times as long for one-byte types.
template <std::size_t N, class From, class To>
XLOSS_INLINE void convert_block(const From* XLOSS_RESTRICT from, To* XLOSS_RESTRICT to) {
    for (std::size_t i = 0; i < N; ++i) {
        to[i] = static_cast<To>(from[i]);
    }
}

// 64-bit integers have no vector conversion before AVX-512. Masks and counts fit into 32 bits, which have
// one: where a whole block does, it goes that way.
template <std::size_t N, class From, class To>
XLOSS_INLINE void convert_wide_block(const From* XLOSS_RESTRICT from, To* XLOSS_RESTRICT to) {
    std::int32_t narrow[N];
    std::uint64_t lost = 0;
    for (std::size_t i = 0; i < N; ++i) {
        const auto wide = static_cast<std::uint64_t>(from[i]);
        narrow[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(wide));
        lost |= (wide + 0x80000000u) >> 32;
    }
    if (lost == 0) {
        convert_block<N>(narrow, to);
    } else {
        convert_block<N>(from, to);
    }
}

template <std::size_t N, class From, class To>
XLOSS_INLINE void convert_any_block(const From* from, To* to) {
    if constexpr (std::is_integral_v<From> && sizeof(From) == 8) {
        convert_wide_block<N>(from, to);
    } else {
        convert_block<N>(from, to);
    }
}

// Whole blocks of N, the last of them moved back to end at n: it writes some values a second time instead of
// leaving up to N - 1 to a scalar loop. Needs n >= N.
template <std::size_t N, class From, class To>
XLOSS_INLINE void convert_blocks(const From* from, To* to, std::size_t n) {
    std::size_t i = 0;
    for (; i + N <= n; i += N) {
        convert_any_block<N>(from + i, to + i);
    }
    if (i < n) {
        convert_any_block<N>(from + (n - N), to + (n - N));
    }
}

} // namespace detail

/// to[i] = from[i] for i < n, each value rounded once to To; bool gives 0 and 1. The two must not overlap.
template <class From, class To>
inline void convert(const From* from, To* to, std::size_t n) {
    static_assert(std::is_arithmetic_v<From>, "convert reads bool, integers and floating-point numbers");
    static_assert(std::is_floating_point_v<To>, "convert writes floating-point numbers");
    if constexpr (std::is_same_v<From, To>) {
        std::copy_n(from, n, to);
    } else if constexpr (std::is_same_v<From, bool> && sizeof(bool) == 1) {
        // Not vectorised as bool. A bool is stored as 0 or 1, and its byte may be read.
        convert(reinterpret_cast<const unsigned char*>(from), to, n);
    } else if (n >= 64) {
        detail::convert_blocks<64>(from, to, n);
    } else if (n >= 8) {
        detail::convert_blocks<8>(from, to, n);
    } else {
        for (std::size_t i = 0; i < n; ++i) {
            to[i] = static_cast<To>(from[i]);
        }
    }
}

} // namespace xloss::simd

#endif
