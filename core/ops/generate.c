/* SPDX-License-Identifier: Apache-2.0
 *
 * Fills by formula, a handful of values at a time: the formula knows nothing of dtypes and strides. */
#include "ops/generate.h"

#include "ops/elementwise.h"

typedef struct filling {
    tn_formula formula;
    const void *arg;
    tn_loop store;
} filling;

static void fill_span(const tn_span *span)
{
    const filling *how = span->arg;
    double values[TN_GENERATE_AT_ONCE];
    for (int64_t done = 0; done < span->n; done += TN_GENERATE_AT_ONCE) {
        const int64_t left = span->n - done, n = left < TN_GENERATE_AT_ONCE ? left : TN_GENERATE_AT_ONCE;
        how->formula(how->arg, span->first + done, n, values);
        how->store(&(tn_span){.n = n,
                              .at = {span->at[0] + done * span->step[0], (char *)values},
                              .step = {span->step[0], sizeof *values}});
    }
}

void tn__generate(const tn_tensor_desc *desc, void *y, tn_formula formula, const void *arg)
{
    const filling how = {formula, arg, tn__cast_loop(TN_F64, desc->dtype)};
    tn__elementwise_indexed(1, &(tn_operand){desc, y}, TN_GRAIN_COSTLY, fill_span, &how);
}
