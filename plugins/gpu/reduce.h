/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums in two stages for other operators: what blocks have left in the workspace becomes the result. */
#ifndef GPU_REDUCE_H
#define GPU_REDUCE_H

#include "nest.h"

/* The results of n pieces: for each piece, f64 numbers at `bytes` in the workspace in the order of the elements of `kept`
 * (operand 0: the output). */
typedef struct gpu_partials {
    gpu_nest kept;
    uint64_t bytes;
    int64_t n;
} gpu_partials;

/* Appends to plan: each element of output `out`, of dtype, = the sum of its results of all pieces, divided by `divisor`. */
void gpu_plan_sum_of_partials(gpu_plan *plan, tn_device *device, const gpu_partials *partials, double divisor,
                              uint64_t out, tn_dtype dtype);

#endif
