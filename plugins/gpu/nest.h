/* SPDX-License-Identifier: Apache-2.0
 *
 * Walks over tensors, host side: which dims are left once neighbours have been joined, and how large a grid is wanted. */
#ifndef GPU_NEST_H
#define GPU_NEST_H

#include "args.h"
#include "gpu.h"

/* A walk over `rank` dims with n operands, n <= 4; strides[k] are those of operand k, 0 where it is broadcast. */
gpu_nest gpu_nest_of(uint32_t rank, const int64_t *dims, int n, const int64_t *const *strides);
/* Stride along dim d of a shape of that rank, to which desc broadcasts; NULL: a number. */
int64_t gpu_stride_of(const tn_tensor_desc *desc, uint32_t rank, uint32_t d);
/* Do all operands step by one through memory, in one dim? */
int gpu_nest_dense(const gpu_nest *nest);

/* Division by `by`, at least 1, of numbers below 2^31. */
gpu_divisor gpu_divisor_of(uint32_t by);

/* Blocks of `threads` threads for n elements, `each` to a thread, no more of them than keep the device busy: kernels
 * stride over what is left. At least one. */
gpu_grid gpu_grid_for(const tn_device *device, int64_t n, uint32_t threads, uint32_t each);

#endif
