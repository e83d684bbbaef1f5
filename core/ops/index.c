/* SPDX-License-Identifier: Apache-2.0
 *
 * What operators that follow indices share. */
#include "ops/index.h"

tn_status tn__check_index(const char *input, const int64_t *index, int64_t n, int64_t limit, const char *things,
                          tn_error *error)
{
    for (int64_t i = 0; i < n; i++)
        if (index[i] < 0 || index[i] >= limit)
            return tn_fail(error, TN_INVALID, 0, "%s[%lld] is %lld, but there are %lld %s, counted from 0", input,
                           (long long)i, (long long)index[i], (long long)limit, things);
    return TN_OK;
}

uint64_t tn__gather_bytes(const tn_run *run)
{
    const tn_tensor_desc *x = run->in_desc[0], *index = run->in_desc[1], *y = run->out_desc[0];
    uint64_t elements = (uint64_t)tn_desc_numel(y);
    return elements * (tn_dtype_size(x->dtype) + tn_dtype_size(y->dtype)) +
           (uint64_t)tn_desc_numel(index) * tn_dtype_size(index->dtype);
}
