/* SPDX-License-Identifier: Apache-2.0
 *
 * The loops behind sum, mean, max and min. */
#ifndef TENON_REDUCE_H
#define TENON_REDUCE_H

#include "ops/op.h"

typedef enum tn_reduction { TN_REDUCE_SUM, TN_REDUCE_MEAN, TN_REDUCE_MAX, TN_REDUCE_MIN } tn_reduction;

/* Reduces the dims whose bit is set in `dims`. x is row-major, and so is y, of x's dtype. f32 is summed in f64;
 * integers wrap; a sum of bools is whether any is set. No dtype but f32 and f64 has a mean. */
void tn__reduce(tn_reduction reduction, const tn_tensor_desc *desc, int64_t dims, const void *x, void *y);

#endif
