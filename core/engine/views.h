/* SPDX-License-Identifier: Apache-2.0
 *
 * Views as operators: what a recording and the graph call them. They are not in the catalogue, since no backend runs
 * them. */
#ifndef TENON_VIEWS_H
#define TENON_VIEWS_H

#include "ops/op.h"

/* reshape and expand have no attributes: the dims of the result tell all. */
extern const tn_op tn__view_reshape, tn__view_permute, tn__view_slice, tn__view_expand;

typedef struct tn_permute_attrs {
    uint64_t struct_size;
    int64_t order[TN_MAX_RANK]; /* dim i of the result is dim order[i] of x */
} tn_permute_attrs;

typedef struct tn_slice_attrs {
    uint64_t struct_size;
    int64_t dim, start, length, step;
    int64_t size; /* of dim before slicing */
} tn_slice_attrs;

#endif
