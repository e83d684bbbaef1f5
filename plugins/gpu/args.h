/* SPDX-License-Identifier: Apache-2.0
 *
 * The argument structs of all kernels: the only types that the host side and the kernels share. Strides and counts are
 * in elements. */
#ifndef GPU_ARGS_H
#define GPU_ARGS_H

#include <stdint.h>

enum { GPU_DIMS = 8 };

/* A walk over the elements of one shape in up to four tensors. dims run from slowest to fastest; neighbours that any
 * tensor steps through evenly have been joined (nest.c). */
typedef struct gpu_nest {
    int64_t n; /* elements */
    int32_t rank;
    int32_t operands;
    int64_t dims[GPU_DIMS];
    int64_t strides[4][GPU_DIMS];
} gpu_nest;

/* ---- elementwise, copies, fills, random numbers */

typedef struct gpu_fill_args {
    void *y;
    uint64_t bits;  /* of the value, in y's dtype */
    uint64_t bytes; /* of an element */
    gpu_nest nest;
} gpu_fill_args;

/* ---- reductions, classification, rows, optimizer steps */

/* ---- products, convolution, pooling, normalisation */

#endif
