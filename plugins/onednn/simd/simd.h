/* SPDX-License-Identifier: Apache-2.0
 *
 * Vectors of the widest instruction set that this file is compiled for. Every source in simd/ is compiled once for each
 * set (CMakeLists.txt), and what it exports has the set's name at its end: DN_SIMD(dn_gemm) is dn_gemm_avx512. Callers
 * take the version that dn_isa names. Vector types, not intrinsics: the portable version is the same source. Include
 * no header here that has functions with external linkage: they would be compiled for the wrong machine. */
#ifndef DN_SIMD_H
#define DN_SIMD_H

#include <stdint.h>

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

#define DN_INLINE static inline __attribute__((always_inline))

DN_INLINE dn_vec dn_load(const float *x)
{
    return *(const dn_loose *)x;
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

#endif
