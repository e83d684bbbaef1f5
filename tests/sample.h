/* SPDX-License-Identifier: Apache-2.0
 *
 * Tensors as arrays of doubles, for the tests that compare operators on samples. */
#ifndef TENON_TEST_SAMPLE_H
#define TENON_TEST_SAMPLE_H

#include "ops/sample.h"

/* A row-major tensor of these values. */
tn_tensor *sample_tensor(tn_context *tn, tn_dtype dtype, int rank, const int64_t *dims, const double *values);
/* All elements of x as doubles, row-major; the caller frees. NULL if x cannot be read. */
double *sample_read(tn_tensor *x);

#endif
