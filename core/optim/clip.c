/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient clipping, by the norm of all gradients together or element by element. */
#include "tenon.h"

#include <math.h>

/* The i-th state of the model if it is a parameter with a gradient, else NULL. */
static tn_tensor *with_grad(tn_module *model, int i)
{
    bool is_parameter;
    tn_tensor *tensor = tn_nn_state(model, i, NULL, &is_parameter);
    return is_parameter && tn_has_grad(tensor) ? tensor : NULL;
}

/* Sum of the squares of all gradients; NULL if there is none. One number, so that the device is waited for once. */
static tn_tensor *squared_norm(tn_module *model)
{
    tn_tensor *total = NULL;
    int count = tn_nn_state_count(model);
    for (int i = 0; i < count; i++) {
        tn_tensor *param = with_grad(model, i);
        if (!param) continue;
        tn_tensor *sum = tn_sum(tn_square(tn_grad_of(param)), TN_ALL, false);
        if (total && tn_dtype_of(sum) != tn_dtype_of(total)) sum = tn_cast(sum, tn_dtype_of(total));
        total = total ? tn_add(total, sum) : sum;
    }
    return total;
}

static void scale(tn_module *model, double factor)
{
    int count = tn_nn_state_count(model);
    for (int i = 0; i < count; i++) {
        tn_tensor *param = with_grad(model, i);
        if (param) tn_set_grad(param, tn_mul_scalar(tn_grad_of(param), factor));
    }
}

double tn_clip_grad_norm(tn_module *model, double max_norm)
{
    tn_context *tn = tn_nn_context(model);
    if (!tn) return NAN;
    if (!(max_norm >= 0)) {
        tn_raise(tn, TN_INVALID, "tn_clip_grad_norm: max_norm is %g, it must be at least 0", max_norm);
        return NAN;
    }
    tn_mark mark = tn_begin(tn);
    bool was = tn_set_grad_enabled(tn, false);
    tn_tensor *squared = squared_norm(model);
    double norm = squared ? sqrt(tn_item(squared)) : 0;
    double factor = max_norm / (norm + 1e-6);
    if (!(factor >= 1)) scale(model, factor); /* a NaN spreads, as in PyTorch */
    tn_set_grad_enabled(tn, was);
    tn_end(tn, mark, NULL);
    return norm;
}

void tn_clip_grad_value(tn_module *model, double limit)
{
    tn_context *tn = tn_nn_context(model);
    if (!tn) return;
    if (!(limit >= 0)) {
        tn_raise(tn, TN_INVALID, "tn_clip_grad_value: the limit is %g, it must be at least 0", limit);
        return;
    }
    tn_mark mark = tn_begin(tn);
    bool was = tn_set_grad_enabled(tn, false);
    int count = tn_nn_state_count(model);
    for (int i = 0; i < count; i++) {
        tn_tensor *param = with_grad(model, i);
        if (param) tn_set_grad(param, tn_clamp(tn_grad_of(param), -limit, limit));
    }
    tn_set_grad_enabled(tn, was);
    tn_end(tn, mark, NULL);
}
