#ifndef XLOSS_SIMD_LANES_HPP
#define XLOSS_SIMD_LANES_HPP

#include <xloss/config.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#ifndef XLOSS_DISABLE_SIMD
#include <xsimd/xsimd.hpp>
#endif

/// \file
/// What number.hpp is made of: a register of W lanes and the operations that C++ has no operator for. Two
/// versions, a plain T and an xsimd batch. This is the one file that knows xsimd, from 8.1 to 14.

namespace xloss::simd::detail {

template <class T>
constexpr std::size_t width_of() {
#ifdef XLOSS_DISABLE_SIMD
    return 1;
#else
    // Without a supported architecture there is no usable batch, and 32-bit NEON has float but no double.
    if constexpr (!std::is_same_v<T, float> && !std::is_same_v<T, double>) {
        return 1;
    } else if constexpr (!xsimd::types::has_simd_register<T, xsimd::default_arch>::value) {
        return 1;
    } else {
        return sizeof(xsimd::types::simd_register<T, xsimd::default_arch>) / sizeof(T);
    }
#endif
}

// A fused multiply-add that the target has not got would be emulated, a hundred times slower: then a multiply
// and an add take its place. The kernels in math.hpp keep their accuracy either way.
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__aarch64__) || defined(__FP_FAST_FMA)
inline constexpr bool has_fma = true;
#else
inline constexpr bool has_fma = false;
#endif

/// Unsigned integer of T's size.
template <class T>
using bits_of = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

template <class T, std::size_t W>
struct lanes;

/// Without SIMD.
template <class T>
struct lanes<T, 1> {
    using type = T;
    using flags = bool;
    using bits = bits_of<T>;

    static XLOSS_INLINE type load(const T* from) { return *from; }
    static XLOSS_INLINE type load_bytes(const std::uint8_t* from) { return static_cast<T>(*from); }
    static XLOSS_INLINE void store(type a, T* to) { *to = a; }
    static XLOSS_INLINE T at(type a, std::size_t) { return a; }
    static XLOSS_INLINE T sum(type a) { return a; }

    static XLOSS_INLINE type fma(type a, type b, type c) {
        if constexpr (has_fma && !std::is_same_v<T, long double>) {
            return std::fma(a, b, c);
        } else {
            return a * b + c;
        }
    }
    static XLOSS_INLINE type fnma(type a, type b, type c) { return fma(-a, b, c); }
    static XLOSS_INLINE type minus(type a) { return -a; }
    static XLOSS_INLINE type abs(type a) { return std::fabs(a); }
    static XLOSS_INLINE type copysign(type a, type sign) { return std::copysign(a, sign); }
    static XLOSS_INLINE type minus_abs(type a) { return -std::fabs(a); }
    static XLOSS_INLINE type flip_sign(type a, type sign) { return std::signbit(sign) ? -a : a; }
    static XLOSS_INLINE flags signbit(type a) { return std::signbit(a); }
    static XLOSS_INLINE type add(type a, type b) { return a + b; }
    static XLOSS_INLINE type subtract(type a, type b) { return a - b; }
    static XLOSS_INLINE type multiply(type a, type b) { return a * b; }
    static XLOSS_INLINE type divide(type a, type b) { return a / b; }
    static XLOSS_INLINE type sqrt(type a) { return std::sqrt(a); }
    static XLOSS_INLINE type lesser(type a, type b) { return a < b ? a : b; }
    static XLOSS_INLINE type greater(type a, type b) { return a > b ? a : b; }

    static XLOSS_INLINE flags both(flags a, flags b) { return a && b; }
    static XLOSS_INLINE flags either(flags a, flags b) { return a || b; }
    static XLOSS_INLINE flags differ(flags a, flags b) { return a != b; }
    static XLOSS_INLINE flags negate(flags a) { return !a; }
    static XLOSS_INLINE flags unequal(type a, type b) { return !(a == b); }
    static XLOSS_INLINE bool any(flags a) { return a; }
    static XLOSS_INLINE bool all(flags a) { return a; }
    static XLOSS_INLINE type select(flags m, type a, type b) { return m ? a : b; }
    static XLOSS_INLINE type select(flags m, type a) { return m ? a : type(0); }
    static XLOSS_INLINE void exchange(flags m, type& a, type& b) {
        const type first = m ? b : a;
        b = m ? a : b;
        a = first;
    }

    static XLOSS_INLINE void part(flags m, type a, type& where, type& elsewhere) {
        where = m ? a : T(0);
        elsewhere = m ? T(0) : a;
    }

    static XLOSS_INLINE bits to_bits(type a) { return std::bit_cast<bits>(a); }
    static XLOSS_INLINE type from_bits(bits a) { return std::bit_cast<type>(a); }
    template <int N>
    static XLOSS_INLINE bits shift_left(bits a) {
        return a << N;
    }
    template <int N>
    static XLOSS_INLINE bits shift_right(bits a) {
        return a >> N;
    }
    static XLOSS_INLINE type gather(const T* table, bits index) { return table[index]; }
};

#ifndef XLOSS_DISABLE_SIMD
// The AVX-512 intrinsics of g++ 12 read a variable that they set to itself, and warn about it wherever they
// are inlined.
#if defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

/// A register of the target.
template <class T, std::size_t W>
struct lanes {
    using type = xsimd::batch<T>;
    using flags = xsimd::batch_bool<T>;
    using bits = xsimd::batch<bits_of<T>>;
    using signed_bits = xsimd::batch<std::make_signed_t<bits_of<T>>>;

    static XLOSS_INLINE bits sign_bit() { return bits(std::bit_cast<bits_of<T>>(T(-0.0))); }
    static XLOSS_INLINE type load(const T* from) { return type::load_unaligned(from); }
    // The converting loads of xsimd go lane by lane, and of the loop at the end g++ 12 makes five times as
    // many instructions as these.
    static XLOSS_INLINE type load_bytes(const std::uint8_t* from) {
#if defined(__AVX512F__)
        if constexpr (sizeof(type) == 64) {
            if constexpr (std::is_same_v<T, float>) {
                const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
                return type(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)));
            } else {
                const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
                return type(_mm512_cvtepi32_pd(_mm256_cvtepu8_epi32(bytes)));
            }
        }
#endif
#if defined(__AVX2__)
        if constexpr (sizeof(type) == 32) {
            if constexpr (std::is_same_v<T, float>) {
                const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
                return type(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)));
            } else {
                return type(_mm256_cvtepi32_pd(_mm_cvtepu8_epi32(four_bytes(from))));
            }
        }
#endif
#if defined(__SSE2__)
        if constexpr (sizeof(type) == 16 && std::is_same_v<T, float>) {
            const __m128i zero = _mm_setzero_si128();
            const __m128i words = _mm_unpacklo_epi8(four_bytes(from), zero);
            return type(_mm_cvtepi32_ps(_mm_unpacklo_epi16(words, zero)));
        }
#endif
        std::array<T, W> wide;
        for (std::size_t i = 0; i < W; ++i)
            wide[i] = static_cast<T>(from[i]);
        return load(wide.data());
    }
#if defined(__SSE2__)
    static XLOSS_INLINE __m128i four_bytes(const std::uint8_t* from) {
        std::int32_t all;
        std::memcpy(&all, from, sizeof(all));
        return _mm_cvtsi32_si128(all);
    }
#endif
    static XLOSS_INLINE void store(const type& a, T* to) {
        a.store_unaligned(to);
    }
    static XLOSS_INLINE T at(const type& a, std::size_t i) {
        return a.get(i);
    }
    static XLOSS_INLINE T sum(const type& a) {
#if XSIMD_VERSION_MAJOR < 9
        return xsimd::hadd(a);
#else
        return xsimd::reduce_add(a);
#endif
    }

    static XLOSS_INLINE type fma(const type& a, const type& b, const type& c) {
#if defined(__AVX512F__)
        if constexpr (sizeof(type) == 64) { // xsimd 8.1 multiplies and adds here
            if constexpr (std::is_same_v<T, float>) {
                return type(_mm512_fmadd_ps(a, b, c));
            } else {
                return type(_mm512_fmadd_pd(a, b, c));
            }
        }
#endif
        return xsimd::fma(a, b, c);
    }
    static XLOSS_INLINE type fnma(const type& a, const type& b, const type& c) {
#if defined(__AVX512F__)
        if constexpr (sizeof(type) == 64) {
            if constexpr (std::is_same_v<T, float>) {
                return type(_mm512_fnmadd_ps(a, b, c));
            } else {
                return type(_mm512_fnmadd_pd(a, b, c));
            }
        }
#endif
        return xsimd::fnma(a, b, c);
    }
    // In 8.1 the minus of AVX-512 is 0 - a, which has the wrong sign for 0.
    static XLOSS_INLINE type minus(const type& a) {
        return from_bits(to_bits(a) ^ sign_bit());
    }
    static XLOSS_INLINE type abs(const type& a) {
        return xsimd::abs(a);
    }
    static XLOSS_INLINE type copysign(const type& a, const type& sign) {
        return xsimd::copysign(a, sign);
    }
    static XLOSS_INLINE type minus_abs(const type& a) {
        return from_bits(to_bits(a) | sign_bit());
    }
    static XLOSS_INLINE type flip_sign(const type& a, const type& sign) {
        return from_bits(to_bits(a) ^ (to_bits(sign) & sign_bit()));
    }
    static XLOSS_INLINE flags signbit(const type& a) {
        return std::bit_cast<flags>(std::bit_cast<signed_bits>(a) < signed_bits(0));
    }
#if defined(__GNUC__)
    // By the compiler's own operators: xsimd's are four calls deep, a twentieth to a tenth of the time that
    // compiling takes. And on 64-bit ARM, xsimd 8.1 divides by estimates, some ULP off.
    static XLOSS_INLINE type add(const type& a, const type& b) {
        return type(a.data + b.data);
    }
    static XLOSS_INLINE type subtract(const type& a, const type& b) {
        return type(a.data - b.data);
    }
    static XLOSS_INLINE type multiply(const type& a, const type& b) {
        return type(a.data * b.data);
    }
    static XLOSS_INLINE type divide(const type& a, const type& b) {
        return type(a.data / b.data);
    }
#else
    static XLOSS_INLINE type add(const type& a, const type& b) {
        return a + b;
    }
    static XLOSS_INLINE type subtract(const type& a, const type& b) {
        return a - b;
    }
    static XLOSS_INLINE type multiply(const type& a, const type& b) {
        return a * b;
    }
    static XLOSS_INLINE type divide(const type& a, const type& b) {
        return a / b;
    }
#endif
    // On 64-bit ARM by estimates too.
    static XLOSS_INLINE type sqrt(const type& a) {
#if defined(__aarch64__)
        if constexpr (std::is_same_v<T, float>) {
            return type(vsqrtq_f32(a));
        }
#endif
        return xsimd::sqrt(a);
    }
    // x86 returns its second operand when one is NaN; xsimd 14 exchanged the operands.
    static XLOSS_INLINE type lesser(const type& a, const type& b) {
#if XSIMD_VERSION_MAJOR < 14
        return xsimd::min(a, b);
#else
        return xsimd::min(b, a);
#endif
    }
    static XLOSS_INLINE type greater(const type& a, const type& b) {
#if XSIMD_VERSION_MAJOR < 14
        return xsimd::max(a, b);
#else
        return xsimd::max(b, a);
#endif
    }

    static XLOSS_INLINE flags both(const flags& a, const flags& b) {
        return a & b;
    }
    static XLOSS_INLINE flags either(const flags& a, const flags& b) {
        return a | b;
    }
    // In 8.1, != of masks is wrong on SSE2, and ^ of masks is | on AVX-512.
    static XLOSS_INLINE flags differ(const flags& a, const flags& b) {
        return (a & ~b) | (b & ~a);
    }
    // On bits, so that compilers join it to what follows.
    static XLOSS_INLINE flags negate(const flags& a) {
        if constexpr (sizeof(flags) == sizeof(bits))
            return std::bit_cast<flags>(~std::bit_cast<bits>(a));
        else
            return ~a;
    }
    // True of NaN; xsimd's is false with AVX.
    static XLOSS_INLINE flags unequal(const type& a, const type& b) {
#if defined(__AVX512F__)
        if constexpr (sizeof(type) == 64) {
            if constexpr (std::is_same_v<T, float>) {
                return flags(_mm512_cmp_ps_mask(a, b, _CMP_NEQ_UQ));
            } else {
                return flags(_mm512_cmp_pd_mask(a, b, _CMP_NEQ_UQ));
            }
        }
#endif
        return negate(a == b);
    }
    static XLOSS_INLINE bool any(const flags& a) {
        return xsimd::any(a);
    }
    static XLOSS_INLINE bool all(const flags& a) {
        return xsimd::all(a);
    }
    static XLOSS_INLINE type select(const flags& m, const type& a, const type& b) {
        return xsimd::select(m, a, b);
    }
    // One operation on bits where a blend is three micro-operations on recent x86 cores.
    static XLOSS_INLINE type select(const flags& m, const type& a) {
        if constexpr (sizeof(flags) == sizeof(bits))
            return from_bits(to_bits(a) & std::bit_cast<bits>(m));
        else
            return select(m, a, type(T(0)));
    }

    // Two blends are six micro-operations on recent x86 cores, this exchange is four.
    static XLOSS_INLINE void exchange(const flags& m, type& a, type& b) {
        if constexpr (sizeof(flags) == sizeof(bits)) {
            const bits difference = (to_bits(a) ^ to_bits(b)) & std::bit_cast<bits>(m);
            a = from_bits(to_bits(a) ^ difference);
            b = from_bits(to_bits(b) ^ difference);
        } else { // AVX-512 keeps one bit per lane, and blends in one
            const type first = select(m, b, a);
            b = select(m, a, b);
            a = first;
        }
    }

    // Two operations on bits, where compilers make two blends or comparisons of two selections.
    static XLOSS_INLINE void part(const flags& m, const type& a, type& where, type& elsewhere) {
        if constexpr (sizeof(flags) == sizeof(bits)) {
            const bits all = to_bits(a), some = all & std::bit_cast<bits>(m);
            where = from_bits(some);
            elsewhere = from_bits(all ^ some);
        } else {
            where = select(m, a, type(T(0)));
            elsewhere = select(m, type(T(0)), a);
        }
    }

    // bitwise_cast changed its spelling between versions; this one has no instruction in any of them.
    static XLOSS_INLINE bits to_bits(const type& a) {
        return std::bit_cast<bits>(a);
    }
    static XLOSS_INLINE type from_bits(const bits& a) {
        return std::bit_cast<type>(a);
    }
    template <int N>
    static XLOSS_INLINE bits shift_left(const bits& a) {
        return a << N;
    }
    template <int N>
    static XLOSS_INLINE bits shift_right(const bits& a) {
        return a >> N;
    }
    // xsimd 8.1 has no use for the instructions of AVX-512, nor for those of AVX2 where FMA is on too: four
    // times as many others.
    static XLOSS_INLINE type gather(const T* table, const bits& index) {
#if defined(__AVX512F__)
        if constexpr (sizeof(type) == sizeof(__m512i)) {
            const auto at = std::bit_cast<__m512i>(index);
            if constexpr (std::is_same_v<T, float>) {
                return type(_mm512_i32gather_ps(at, table, sizeof(T)));
            } else {
                return type(_mm512_i64gather_pd(at, table, sizeof(T)));
            }
        }
#endif
#if defined(__AVX2__)
        if constexpr (sizeof(type) == sizeof(__m256i)) {
            const auto at = std::bit_cast<__m256i>(index);
            if constexpr (std::is_same_v<T, float>) {
                return type(_mm256_i32gather_ps(table, at, sizeof(T)));
            } else {
                return type(_mm256_i64gather_pd(table, at, sizeof(T)));
            }
        }
#endif
        return type::gather(table, std::bit_cast<signed_bits>(index));
    }
};

#if defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif

} // namespace xloss::simd::detail

#endif
