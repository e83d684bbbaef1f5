/* SPDX-License-Identifier: Apache-2.0
 *
 * NumPy's broadcasting: shapes are aligned at the right, and sizes of 1 are stretched; and the way back, for
 * gradients. */
#include "ops/op.h"

static void raise_clash(tn_infer *infer, int first, int n, uint32_t dim_from_end, int64_t a, int64_t b)
{
    char shapes[800] = "";
    size_t used = 0;
    for (int i = first; i < first + n && used < sizeof shapes; i++) {
        const char *glue = i == first ? "" : i == first + n - 1 ? " and " : ", ";
        used += (size_t)snprintf(shapes + used, sizeof shapes - used, "%s%s", glue, TN_SHAPE_OF(infer->in[i]));
    }
    tn_raise(infer->ctx, TN_INVALID,
             "%s: shapes %s do not broadcast: dim -%u is %lld in one and %lld in another; sizes must be equal or 1",
             infer->op->name, shapes, (unsigned)dim_from_end, (long long)a, (long long)b);
}

bool tn__broadcast(tn_infer *infer, int first, int n, tn_tensor_desc *out)
{
    out->rank = 0;
    for (int i = first; i < first + n; i++)
        if ((uint32_t)tn_rank(infer->in[i]) > out->rank) out->rank = (uint32_t)tn_rank(infer->in[i]);
    for (uint32_t d = 0; d < TN_MAX_RANK; d++) out->dims[d] = d < out->rank;
    for (int i = first; i < first + n; i++) {
        const uint32_t rank = (uint32_t)tn_rank(infer->in[i]), missing = out->rank - rank;
        for (uint32_t d = 0; d < rank; d++) {
            const int64_t size = tn_dims(infer->in[i])[d];
            int64_t *common = &out->dims[missing + d];
            if (*common == 1) *common = size;
            if (size == *common || size == 1) continue;
            raise_clash(infer, first, n, rank - d, *common, size);
            return false;
        }
    }
    return true;
}

tn_tensor *tn__unbroadcast(tn_tensor *dy, tn_tensor *x)
{
    const int rank = tn_rank(dy), missing = rank - tn_rank(x);
    int over[TN_MAX_RANK], n = 0;
    for (int d = 0; d < rank; d++)
        if (d < missing || (tn_dim(x, d - missing) == 1 && tn_dim(dy, d) != 1)) over[n++] = d;
    if (n > 0) dy = tn_sum(dy, n, over, true);
    return missing > 0 ? tn_reshape(dy, tn_rank(x), tn_dims(x)) : dy;
}
