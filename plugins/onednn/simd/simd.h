/* SPDX-License-Identifier: Apache-2.0
 *
 * Vectors of the widest instruction set that this file is compiled for. Every source in simd/ is compiled once for each
 * set (CMakeLists.txt), and what it exports has the set's name at its end: DN_SIMD(dn_gemm) is dn_gemm_avx512. Callers
 * take the version that dn_isa names. Vector types, not intrinsics: the portable version is the same source. Include
 * no header here that has functions with external linkage: they would be compiled for the wrong machine. */
#ifndef DN_SIMD_H
#define DN_SIMD_H

#include <stdint.h>
#include <string.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define DN_SIMD(name) name##_avx512
enum { DN_LANES = 16, DN_REGISTERS = 32 };
#elif defined(__AVX2__) && defined(__FMA__)
#define DN_SIMD(name) name##_avx2
enum { DN_LANES = 8, DN_REGISTERS = 16 };
#else
#define DN_SIMD(name) name##_portable
enum { DN_LANES = 4, DN_REGISTERS = 16 };
#endif

/* Headers that declare kernels use DN_DECLARE: here it means this version, in isa.h all of them. */
#define DN_DECLARE(result, name, arguments) \
    result DN_SIMD(name)                    \
    arguments

typedef float dn_vec __attribute__((vector_size(4 * DN_LANES)));
typedef int32_t dn_mask __attribute__((vector_size(4 * DN_LANES)));                       /* of comparisons: 0 or -1 */
typedef float dn_loose __attribute__((vector_size(4 * DN_LANES), aligned(4), may_alias)); /* at any address */

typedef uint8_t dn_bytes __attribute__((vector_size(DN_LANES)));

#define DN_INLINE static inline __attribute__((always_inline))

/* The loop that follows is unrolled as a whole, so that arrays that it indexes can be registers. */
#if defined(__clang__)
#define DN_UNROLL _Pragma("clang loop unroll(full)")
#else
#define DN_UNROLL _Pragma("GCC unroll 32")
#endif
/* The rounds of the loop that follows do not depend on each other. */
#if defined(__clang__)
#define DN_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define DN_INDEPENDENT _Pragma("GCC ivdep")
#endif
/* Keeps v in a register, where gcc would rather read it from memory again for each use. */
#if defined(__x86_64__)
#define DN_KEEP(v) __asm__("" : "+v"(v))
#else
#define DN_KEEP(v) (void)(v)
#endif

DN_INLINE dn_vec dn_load(const float *x)
{
    return *(const dn_loose *)x;
}
/* The first n lanes, the rest 0. */
DN_INLINE dn_vec dn_load_some(const float *x, int64_t n)
{
    dn_vec v = {0};
    if (n >= DN_LANES) return dn_load(x);
    memcpy(&v, x, (size_t)n * sizeof *x);
    return v;
}
/* The same of bytes, widened; and the first n lanes as bytes. By intrinsics, since gcc 12 converts lane by lane. */
DN_INLINE dn_mask dn_load_bytes(const uint8_t *x, int64_t n)
{
    dn_bytes v = {0};
    if (n >= DN_LANES)
        memcpy(&v, x, sizeof v);
    else
        memcpy(&v, x, (size_t)n);
#if defined(__AVX512F__)
    return (dn_mask)_mm512_cvtepu8_epi32((__m128i)v);
#elif defined(__AVX2__)
    return (dn_mask)_mm256_cvtepu8_epi32(_mm_cvtsi64_si128((int64_t)v));
#else
    return __builtin_convertvector(v, dn_mask);
#endif
}
DN_INLINE void dn_store_bytes(uint8_t *x, dn_mask v, int64_t n)
{
#if defined(__AVX512F__)
    const dn_bytes narrow = (dn_bytes)_mm512_cvtepi32_epi8((__m512i)v);
#else
    const dn_bytes narrow = __builtin_convertvector(v, dn_bytes);
#endif
    if (n >= DN_LANES)
        memcpy(x, &narrow, sizeof narrow);
    else
        memcpy(x, &narrow, (size_t)n);
}
DN_INLINE void dn_store(float *x, dn_vec v)
{
    *(dn_loose *)x = v;
}
/* p, but the compiler does not know: addresses are counted from here. gcc would else sum up each of them anew. */
DN_INLINE const float *dn_base(const float *p)
{
    __asm__("" : "+r"(p));
    return p;
}
DN_INLINE dn_vec dn_all(float x)
{
    return x - (dn_vec){0};
}
DN_INLINE void dn_store_some(float *x, dn_vec v, int64_t n)
{
    if (n >= DN_LANES)
        dn_store(x, v);
    else
        memcpy(x, &v, (size_t)n * sizeof *x);
}

/* Those lanes of v whose mask is -1, one after the other; there is room for DN_LANES at `to`. Returns how many. */
DN_INLINE int64_t dn_pack(dn_mask mask, dn_mask v, int32_t *to)
{
#if defined(__AVX512F__)
    const __mmask16 bits = _mm512_movepi32_mask((__m512i)mask);
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi32(bits, (__m512i)v));
    return __builtin_popcount(bits);
#else
    int64_t n = 0;
    for (int k = 0; k < DN_LANES; k++) {
        to[n] = v[k];
        n -= mask[k];
    }
    return n;
#endif
}
/* The last n lanes of v (0 <= n <= DN_LANES), zeros before them. */
DN_INLINE dn_vec dn_last(dn_vec v, int64_t n)
{
    static const int32_t lanes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    dn_mask lane;
    memcpy(&lane, lanes, sizeof lane);
    return (dn_vec)((dn_mask)v & (lane >= DN_LANES - (int32_t)n));
}

#endif
