/* SPDX-License-Identifier: Apache-2.0
 *
 * What tells the reductions apart: a way to fold for each dtype. plugin.c gives them to the kernels. */
#ifndef DN_REDUCE_H
#define DN_REDUCE_H

#include "common.h"

typedef struct dn_fold dn_fold;

typedef struct dn_reduction {
    const dn_fold *of[TN_BOOL + 1]; /* by dtype; NULL: not taken */
    int is_mean;
} dn_reduction;

extern const dn_reduction dn_sum, dn_mean, dn_largest, dn_smallest;

#endif
