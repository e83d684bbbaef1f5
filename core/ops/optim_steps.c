/* SPDX-License-Identifier: Apache-2.0
 *
 * The public functions of sgd_step and adam_step: their lists are flattened one after the other. */
#include "ops/op.h"

#include <stdlib.h>

/* The inputs of one step: `lists` of n tensors (a NULL list: n absent ones), then the scalars. */
static void step(const tn_op *op, const void *attrs, int n, int n_lists, tn_tensor *const *const *lists, int n_scalars,
                 tn_tensor *const *scalars)
{
    tn_context *tn = tn_context_of(scalars[0]);
    if (n < 1) {
        tn_raise(tn, TN_INVALID, "%s: there are %d parameters, at least 1 is needed", op->name, n);
        return;
    }
    int n_in = n * n_lists + n_scalars, at = 0;
    tn_tensor **in = calloc((size_t)n_in, sizeof *in);
    if (!in) {
        tn_raise(tn, TN_OUT_OF_MEMORY, "%s: no memory for a list of %d tensors", op->name, n_in);
        return;
    }
    for (int list = 0; list < n_lists; list++)
        for (int i = 0; i < n; i++) in[at++] = lists[list] ? lists[list][i] : NULL;
    for (int i = 0; i < n_scalars; i++) in[at++] = scalars[i];
    tn__apply(tn, op, attrs, n_in, in);
    free(in);
}

void tn_sgd_step_(int n, tn_tensor *const *params, tn_tensor *const *grads, tn_tensor *const *momentum, tn_tensor *lr,
                  const tn_sgd_step_attrs *attrs)
{
    step(&tn__op_sgd_step, attrs, n, 3, (tn_tensor *const *const[]){params, grads, momentum}, 1, &lr);
}

void tn_adam_step_(int n, tn_tensor *const *params, tn_tensor *const *grads, tn_tensor *const *exp_avg,
                   tn_tensor *const *exp_avg_sq, tn_tensor *lr, tn_tensor *step_count, const tn_adam_step_attrs *attrs)
{
    step(&tn__op_adam_step, attrs, n, 4, (tn_tensor *const *const[]){params, grads, exp_avg, exp_avg_sq}, 2,
         (tn_tensor *const[]){lr, step_count});
}
