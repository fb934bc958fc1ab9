#ifndef XLOSS_CONFIG_HPP
#define XLOSS_CONFIG_HPP

/// \file
/// Version and build options: the only header of the library that defines macros beyond include guards.
///
/// A user may define, the same in every translation unit of a program:
///  - `XLOSS_DISABLE_SIMD`: vectors of one lane everywhere; xsimd is not even included.
///  - `XLOSS_PLAIN_INLINE`: inlining is left to the compiler. For builds that are checked rather than run,
///    such as under sanitizers, where kernels inlined whole take minutes to compile.

#define XLOSS_VERSION_MAJOR 0
#define XLOSS_VERSION_MINOR 1
#define XLOSS_VERSION_PATCH 0

// Kernels are built from hundreds of tiny functions on vectors. Left to its own judgement a compiler keeps
// some of them as calls, and a call that passes a vector through memory costs more than its arithmetic.
#if defined(_MSC_VER) && !defined(__clang__)
#define XLOSS_INLINE __forceinline
#define XLOSS_INLINE_LAMBDA
#elif defined(XLOSS_PLAIN_INLINE)
#define XLOSS_INLINE inline
#define XLOSS_INLINE_LAMBDA
#else
#define XLOSS_INLINE inline __attribute__((always_inline))
#define XLOSS_INLINE_LAMBDA __attribute__((always_inline))
#endif

// What runs only where something is wrong: out of the way of what runs always, small rather than fast, and
// compiled once rather than wherever it is called.
#if defined(__clang__)
#define XLOSS_COLD __attribute__((cold, noinline, minsize))
#elif defined(__GNUC__)
#define XLOSS_COLD __attribute__((cold, noinline))
#else
#define XLOSS_COLD
#endif

// What runs once in a call and not for every pixel: small code, and none of it inlined into what is compiled
// for every loss. It makes a tenth of the time that compiling takes.
#if defined(__GNUC__)
#define XLOSS_PER_CALL __attribute__((cold))
#else
#define XLOSS_PER_CALL
#endif

// What runs for a whole row or call and is used in many places: a call costs it nothing, a copy in each of
// them is compiled anew.
#if defined(_MSC_VER) && !defined(__clang__)
#define XLOSS_NOINLINE __declspec(noinline)
#elif defined(__GNUC__)
#define XLOSS_NOINLINE __attribute__((noinline))
#else
#define XLOSS_NOINLINE
#endif

// A loop over pixels inlines the formulas it calls, which need not say so themselves.
#if defined(XLOSS_PLAIN_INLINE) || !defined(__GNUC__)
#define XLOSS_FLATTEN
#else
#define XLOSS_FLATTEN __attribute__((flatten))
#endif

// Before a loop over the classes of a pixel, which waits for memory: four rounds in one, as clang has them,
// take a tenth longer out of cache.
#if defined(__clang__)
#define XLOSS_ONE_BY_ONE _Pragma("clang loop unroll(disable)")
#else
#define XLOSS_ONE_BY_ONE
#endif

// No other pointer of the same function reaches this memory.
#if defined(_MSC_VER) && !defined(__clang__)
#define XLOSS_RESTRICT __restrict
#else
#define XLOSS_RESTRICT __restrict__
#endif

#endif
