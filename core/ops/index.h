/* SPDX-License-Identifier: Apache-2.0
 *
 * Indices and class targets, checked before a reference kernel follows them. */
#ifndef TENON_INDEX_H
#define TENON_INDEX_H

#include "ops/op.h"

/* TN_OK if all n indices lie in [0, limit), else TN_INVALID with "<input>[3] is 12, but there are 10 <things>". */
tn_status tn__check_index(const char *input, const int64_t *index, int64_t n, int64_t limit, const char *things,
                          tn_error *error);

/* Bytes that a gather of rows moves: the index, the rows of x that it names, and y. Inputs: x, index; output: y. */
uint64_t tn__gather_bytes(const tn_run *run);

#endif
