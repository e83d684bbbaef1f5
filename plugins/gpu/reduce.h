/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums in two stages for other operators: what blocks have left in the workspace becomes one number. */
#ifndef GPU_REDUCE_H
#define GPU_REDUCE_H

#include "gpu.h"

/* Appends to plan: output `out`, one element of dtype, = sum of the n f64 numbers at `bytes` in the workspace, divided
 * by `divisor`. */
void gpu_plan_sum_of_partials(gpu_plan *plan, tn_device *device, uint64_t bytes, int64_t n, double divisor,
                              uint64_t out, tn_dtype dtype);

#endif
