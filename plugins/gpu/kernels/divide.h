/* SPDX-License-Identifier: Apache-2.0
 *
 * Division of indices by multiplication (Granlund and Montgomery, Division by Invariant Integers using Multiplication,
 * PLDI 1994). */
#ifndef GPU_KERNELS_DIVIDE_H
#define GPU_KERNELS_DIVIDE_H

/* n / d.by, for n below 2^31. */
GPU_DEVICE uint32_t gpu_divide(uint32_t n, const gpu_divisor &d)
{
    return ((uint32_t)(((uint64_t)n * d.factor) >> 32) + n) >> d.shift;
}

#endif
