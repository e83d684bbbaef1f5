/* SPDX-License-Identifier: Apache-2.0
 *
 * Which version of the kernels in simd/ this CPU runs. */
#ifndef DN_ISA_H
#define DN_ISA_H

typedef enum dn_isa { DN_PORTABLE, DN_AVX2, DN_AVX512, DN_ISAS } dn_isa;

/* The best set that the CPU and the operating system have, or what TENON_ONEDNN_ISA=portable|avx2|avx512 asks for if
 * that is less. */
dn_isa dn_isa_best(void);
const char *dn_isa_name(dn_isa isa); /* "avx512" */

/* The version of `name` for a set: DN_PICK(dn_gemm, dn_isa_best()). */
#if defined(__x86_64__)
#define DN_PICK(name, isa) ((isa) == DN_AVX512 ? name##_avx512 : (isa) == DN_AVX2 ? name##_avx2 : name##_portable)
#else
#define DN_PICK(name, isa) ((void)(isa), name##_portable)
#endif
/* Declares all versions: DN_DECLARE(void, dn_gemm, (const dn_gemm_job *job, int64_t begin, int64_t end)) */
#define DN_DECLARE(result, name, arguments) \
    result name##_portable arguments, name##_avx2 arguments, name##_avx512 arguments

#endif
