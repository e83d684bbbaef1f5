/* SPDX-License-Identifier: Apache-2.0
 *
 * A row-major tensor seen along one dim: outer blocks of `size` slices of `inner` elements each. */
#ifndef TENON_AXIS_H
#define TENON_AXIS_H

#include "ops/op.h"

typedef struct tn_axis {
    int64_t outer, size, inner;
} tn_axis;

static inline tn_axis tn__axis(const tn_tensor_desc *x, int64_t dim)
{
    tn_axis axis = {1, x->dims[dim], 1};
    for (int64_t i = 0; i < dim; i++) axis.outer *= x->dims[i];
    for (int64_t i = dim + 1; i < x->rank; i++) axis.inner *= x->dims[i];
    return axis;
}

/* For infer: does the attribute `dim` name a dim of input 0? False after raising. */
static inline bool tn__check_axis(const tn_infer *infer, int64_t dim)
{
    int rank = tn_rank(infer->in[0]);
    if (dim >= 0 && dim < rank) return true;
    tn_raise(infer->ctx, TN_INVALID, "%s: dim is %lld, but x has %d dims", infer->op->name, (long long)dim, rank);
    return false;
}

#endif
