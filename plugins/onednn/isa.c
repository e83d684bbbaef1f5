/* SPDX-License-Identifier: Apache-2.0
 *
 * The instruction sets of this CPU, as far as the kernels in simd/ know them. */
#include "isa.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[DN_ISAS] = {"portable", "avx2", "avx512"};

const char *dn_isa_name(dn_isa isa)
{
    return names[isa];
}

static dn_isa of_cpu(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init(); /* the operating system's say is part of it */
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return DN_PORTABLE;
    int wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    return wide ? DN_AVX512 : DN_AVX2;
#else
    return DN_PORTABLE;
#endif
}

dn_isa dn_isa_best(void)
{
    dn_isa best = of_cpu();
    const char *wanted = secure_getenv("TENON_ONEDNN_ISA");
    for (int isa = 0; wanted && isa < (int)best; isa++)
        if (strcmp(wanted, names[isa]) == 0) return (dn_isa)isa;
    return best;
}
