/* SPDX-License-Identifier: Apache-2.0
 *
 * Indices (i64, 1-D or more) as kernels read them. The core promises that they are in range; following one that is not
 * would write over somebody's memory, and a look at each is cheap. */
#ifndef DN_INDEX_H
#define DN_INDEX_H

#include "common.h"

/* TN_OK if the n indices, `stride` elements apart, lie in [0, limit), else TN_INVALID and a sentence that says which
 * does not: "<input>[3] is 12, but there are 10 <things>". */
tn_status dn_check_index(const char *input, const int64_t *index, int64_t n, int64_t stride, int64_t limit,
                         const char *things, tn_error *error);

#endif
