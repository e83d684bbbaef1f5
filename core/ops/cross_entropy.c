/* SPDX-License-Identifier: Apache-2.0
 *
 * softmax_cross_entropy: log_softmax and nll_loss in one pass that keeps the probabilities, from which
 * softmax_cross_entropy_grad has the gradient at once. x, p: N C */
#include "ops/index.h"

#include <math.h>

enum { GRAIN = 2048 };

typedef struct job {
    const void *x; /* logits; backward: probabilities */
    void *y;       /* probabilities; backward: dx */
    const void *dy;
    const int64_t *target;
    double *losses; /* of each row: summed in order afterwards, whatever the number of threads */
    int64_t n, classes;
} job;

#define TEMPLATE "ops/cross_entropy_template.h"
#include "ops/for_each_real.h"

static tn_status run(const tn_run *run, tn_error *error)
{
    const tn_tensor_desc *x = run->in_desc[0];
    job j = {.x = run->in[0], .y = run->out[1], .target = run->in[1], .losses = run->scratch};
    j.n = x->dims[0];
    j.classes = x->dims[1];
    tn_status status = tn__check_index("target", j.target, j.n, j.classes, "classes", error);
    if (status != TN_OK) return status;

    bool f32 = x->dtype == TN_F32;
    double sum = 0;
    tn__parallel_for(j.n, GRAIN / (j.classes + 1) + 1, f32 ? forward_f32 : forward_f64, &j);
    for (int64_t i = 0; i < j.n; i++) sum += j.losses[i];
    if (f32)
        *(float *)run->out[0] = (float)(sum / (double)j.n);
    else
        *(double *)run->out[0] = sum / (double)j.n;
    return TN_OK;
}

static uint64_t scratch(const tn_run *run)
{
    return (uint64_t)run->in_desc[0]->dims[0] * sizeof(double);
}

/* As softmax: subtract, exponentiate, add, divide. */
static uint64_t flops(const tn_run *run)
{
    return 4 * (uint64_t)tn_desc_numel(run->in_desc[0]);
}

static void decompose(tn_context *tn, const void *attrs, tn_tensor *const *in, int n_in, tn_tensor **out)
{
    (void)tn, (void)attrs, (void)n_in;
    out[0] = tn_nll_loss(tn_log_softmax(in[0], 1), in[1]);
    out[1] = tn_softmax(in[0], 1);
}

/* (p - one_hot(target)) * dy / N, with operators that have gradients themselves. */
static tn_tensor *gradient(tn_tensor *dy, tn_tensor *p, tn_tensor *target)
{
    tn_tensor *hit = tn_cast(tn_one_hot(target, tn_dim(p, 1)), tn_dtype_of(p));
    return tn_mul(tn_sub(p, hit), tn_mul_scalar(dy, 1 / (double)tn_dim(p, 0)));
}

static void grad(tn_grad *g)
{
    tn_tensor *x = g->in[0], *target = g->in[1], *p = g->out[1];
    tn_send_grad(g, 0,
                 g->create_graph ? gradient(g->dy, tn_softmax(x, 1), target)
                                 : TN_APPLY(g->ctx, softmax_cross_entropy_grad, NULL, g->dy, p, target));
}

const tn_op tn__op_softmax_cross_entropy = {
    .name = "softmax_cross_entropy",
    .run = run,
    .scratch = scratch,
    .flops = flops,
    .grad = grad,
    .decompose = decompose,
    .samples = TN_SAMPLES("x[4,10] target[4]{0,10}", "x[1,5] target[1]", "x[3,1] target[3]{0,1}",
                          "x[5,1000] target[5]{0,1000}", "x[7,3]{-60,60} target[7]{0,3}", "x[0,10] target[0]"),
    .shapes = TN_SAMPLES("x[N,10] target[N]{0,10}"),
};

tn_tensor *tn_cross_entropy(tn_tensor *logits, tn_tensor *target)
{
    return TN_APPLY(tn_context_of(logits), softmax_cross_entropy, NULL, logits, target);
}

static tn_status run_grad(const tn_run *run, tn_error *error)
{
    const tn_tensor_desc *p = run->in_desc[1];
    job j = {.dy = run->in[0], .x = run->in[1], .y = run->out[0], .target = run->in[2]};
    j.n = p->dims[0];
    j.classes = p->dims[1];
    tn_status status = tn__check_index("target", j.target, j.n, j.classes, "classes", error);
    if (status != TN_OK) return status;
    tn__parallel_for(j.n, GRAIN / (j.classes + 1) + 1, p->dtype == TN_F32 ? backward_f32 : backward_f64, &j);
    return TN_OK;
}

static void decompose_grad(tn_context *tn, const void *attrs, tn_tensor *const *in, int n_in, tn_tensor **out)
{
    (void)tn, (void)attrs, (void)n_in;
    out[0] = gradient(in[0], in[1], in[2]);
}

const tn_op tn__op_softmax_cross_entropy_grad = {
    .name = "softmax_cross_entropy_grad",
    .run = run_grad,
    .decompose = decompose_grad,
    .samples =
        TN_SAMPLES("dy[] p[4,10]{0,1} target[4]{0,10}", "dy[] p[1,5]{0,1} target[1]", "dy[] p[3,1]{0,1} target[3]{0,1}",
                   "dy[] p[5,1000]{0,1} target[5]{0,1000}", "dy[] p[0,10] target[0]"),
    .shapes = TN_SAMPLES("dy[] p[N,10]{0,1} target[N]{0,10}"),
};
