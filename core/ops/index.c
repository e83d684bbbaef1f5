/* SPDX-License-Identifier: Apache-2.0
 *
 * The range check of indices. */
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
