/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers of attributes as elements. */
#ifndef GPU_NUMBER_H
#define GPU_NUMBER_H

#include "tenon_abi.h"

/* The bits of value as an element of dtype: out of range saturates, NaN gives 0, fractions are cut off. */
uint64_t gpu_bits_of(tn_dtype dtype, double value);

#endif
