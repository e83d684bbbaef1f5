/* SPDX-License-Identifier: Apache-2.0
 *
 * sgd_step: one step of gradient descent, with momentum where there is a list of velocities. A velocity starts at 0,
 * which without dampening is PyTorch's first step. Inputs: all p, all g, all v, lr */
#include "ops/step_lists.h"

enum { P = TN_STEP_PARAM, G = TN_STEP_GRAD, V, N_LISTS };

typedef struct sgd {
    const tn_sgd_step_attrs *attrs;
    double lr;
} sgd;

#define TEMPLATE "ops/sgd_step_template.h"
#include "ops/for_each_real.h"

static int count(int n_in)
{
    return (n_in - 1) / N_LISTS;
}

static tn_status run(const tn_run *run, tn_error *error)
{
    sgd s = {run->attrs, *(const double *)run->in[run->n_in - 1]};
    (void)error;
    tn__step_each(run, N_LISTS, count(run->n_in), update_f32, update_f64, &s);
    return TN_OK;
}

/* Without the velocities, momentum would silently do nothing. */
static bool infer(tn_infer *infer)
{
    const tn_sgd_step_attrs *how = infer->attrs;
    int n = count(infer->n_in);
    for (int i = 0; i < n; i++)
        if (!infer->in[V * n + i] && (how->momentum != 0 || how->nesterov)) {
            tn_raise(infer->ctx, TN_INVALID, "sgd_step: momentum is %g, but parameter %d has no momentum buffer v",
                     how->momentum, i);
            return false;
        }
    return true;
}

static uint64_t flops(const tn_run *run)
{
    return tn__step_flops(run, count(run->n_in), 6);
}

/* One parameter by ordinary operators; v is NULL without momentum. A decay of 0 counts as well, as in the kernel: it
 * makes an infinite weight NaN. */
static void step_one(const tn_sgd_step_attrs *how, tn_tensor *p, tn_tensor *g, tn_tensor *v, tn_tensor *lr)
{
    g = tn_add(g, tn_mul_scalar(p, how->weight_decay));
    tn_tensor *slope = v ? tn_add(tn_mul_scalar(v, how->momentum), g) : g;
    if (v) tn_copy_(v, slope);
    if (how->nesterov) slope = tn_add(g, tn_mul_scalar(slope, how->momentum));
    tn_copy_(p, tn_sub(p, tn_mul(tn_cast(lr, tn_dtype_of(p)), slope)));
}

static void decompose(tn_context *tn, const void *attrs, tn_tensor *const *in, int n_in, tn_tensor **out)
{
    int n = count(n_in);
    (void)tn, (void)out;
    for (int i = 0; i < n; i++) step_one(attrs, in[P * n + i], in[G * n + i], in[V * n + i], in[n_in - 1]);
}

#define PLAIN(LIST) LIST("p", "") LIST("g", "") "lr[]{0.01,0.01}"
#define MOMENTUM(LIST) LIST("p", "") LIST("g", "") LIST("v", "") "lr[]{0.01,0.01}; momentum=0.9"

const tn_op tn__op_sgd_step = {
    .name = "sgd_step",
    .flags = TN_OP_STRIDED,
    .infer = infer,
    .run = run,
    .decompose = decompose,
    .flops = flops,
    .samples = TN_SAMPLES("p[3,5] g[3,5] lr[]{0.01,0.1}", "p[7] p[2,3] g[7] g[2,3] lr[]{0.01,0.1}; weight_decay=0.1",
                          "p[33] g[33] v[33] lr[]{0.01,0.1}; momentum=0.9",
                          "p[4] p[1] p[2,2,2] g[4] g[1] g[2,2,2] v[4] v[1] v[2,2,2] lr[]{0.01,0.1}; momentum=0.9 "
                          "weight_decay=0.01 nesterov=1",
                          "p[] g[] v[] lr[]{0.01,0.1}; momentum=0.5", "p[0] g[0] lr[]{0.01,0.1}",
                          "p[300,70] g[300,70] v[300,70] lr[]{0.01,0.1}; momentum=0.9 weight_decay=0.001"),
    .shapes = TN_SAMPLES(PLAIN(TN_SIMPLENET_LIST), PLAIN(TN_CONVNET_LIST), MOMENTUM(TN_SIMPLENET_LIST),
                         MOMENTUM(TN_CONVNET_LIST)),
};
