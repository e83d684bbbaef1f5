/* SPDX-License-Identifier: Apache-2.0
 *
 * Dtypes, and numbers of attributes as elements. */
#ifndef GPU_NUMBER_H
#define GPU_NUMBER_H

#include "tenon_abi.h"

/* Is it one of the two floating-point dtypes? */
TN_UNUSED static inline int gpu_dtype_is_real(tn_dtype dtype)
{
    return dtype == TN_F32 || dtype == TN_F64;
}

/* The bits of value as an element of dtype: out of range saturates, NaN gives 0, fractions are cut off. */
uint64_t gpu_bits_of(tn_dtype dtype, double value);

#endif
