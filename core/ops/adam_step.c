/* SPDX-License-Identifier: Apache-2.0
 *
 * adam_step: one step of Adam or AdamW. Arithmetic in the order of PyTorch's optimizers, whose results it follows to
 * rounding. Inputs: all p, all g, all m, all v, lr, step */
#include "ops/step_lists.h"

#include <math.h>

enum { P = TN_STEP_PARAM, G = TN_STEP_GRAD, M, V, N_LISTS };

/* The numbers of one step, in f64. */
typedef struct adam {
    double beta1, beta2, eps;
    double keep;  /* AdamW: the part of a weight that decay leaves, else 1 */
    double decay; /* Adam: the part of a weight that is added to its gradient, else 0 */
    double rate;  /* learning rate / bias correction of m */
    double root;  /* square root of the bias correction of v */
} adam;

#define TEMPLATE "ops/adam_step_template.h"
#include "ops/for_each_real.h"

static int count(int n_in)
{
    return (n_in - 2) / N_LISTS;
}

static tn_status run(const tn_run *run, tn_error *error)
{
    const tn_adam_step_attrs *how = run->attrs;
    double lr = *(const double *)run->in[run->n_in - 2];
    int64_t step = *(const int64_t *)run->in[run->n_in - 1];
    if (step < 1) return tn_fail(error, TN_INVALID, 0, "steps count from 1, but step is %lld", (long long)step);

    adam a = {.beta1 = how->beta1, .beta2 = how->beta2, .eps = how->eps, .keep = 1};
    if (how->decoupled)
        a.keep = 1 - lr * how->weight_decay;
    else
        a.decay = how->weight_decay;
    a.rate = lr / (1 - pow(how->beta1, (double)step));
    a.root = sqrt(1 - pow(how->beta2, (double)step));
    tn__step_each(run, N_LISTS, count(run->n_in), update_f32, update_f64, &a);
    return TN_OK;
}

static uint64_t flops(const tn_run *run)
{
    return tn__step_flops(run, count(run->n_in), 15);
}

/* 1 - beta^step, as an f64 scalar on the device. */
static tn_tensor *bias_correction(double beta, tn_tensor *step)
{
    return tn_rsub_scalar(tn_exp(tn_mul_scalar(tn_cast(step, TN_F64), log(beta))), 1);
}

/* One parameter by ordinary operators: at[k] belongs to list k. A decay of 0 counts as well, as in the kernel: it makes
 * an infinite weight NaN. */
static void step_one(const tn_adam_step_attrs *how, tn_tensor *const at[N_LISTS], tn_tensor *lr, tn_tensor *step)
{
    tn_tensor *p = at[P], *g = at[G];
    tn_dtype dtype = tn_dtype_of(p);
    tn_tensor *rate = tn_cast(tn_div(lr, bias_correction(how->beta1, step)), dtype);
    tn_tensor *root = tn_cast(tn_sqrt(bias_correction(how->beta2, step)), dtype);
    if (how->decoupled) p = tn_mul(p, tn_cast(tn_rsub_scalar(tn_mul_scalar(lr, how->weight_decay), 1), dtype));
    g = tn_add(g, tn_mul_scalar(p, how->decoupled ? 0 : how->weight_decay));
    tn_tensor *m = tn_add(tn_mul_scalar(at[M], how->beta1), tn_mul_scalar(g, 1 - how->beta1));
    tn_tensor *v = tn_add(tn_mul_scalar(at[V], how->beta2), tn_mul_scalar(tn_square(g), 1 - how->beta2));
    tn_tensor *length = tn_add_scalar(tn_div(tn_sqrt(v), root), how->eps);
    tn_copy_(at[M], m);
    tn_copy_(at[V], v);
    tn_copy_(at[P], tn_sub(p, tn_mul(rate, tn_div(m, length))));
}

static void decompose(tn_context *tn, const void *attrs, tn_tensor *const *in, int n_in, tn_tensor **out)
{
    int n = count(n_in);
    (void)tn, (void)out;
    for (int i = 0; i < n; i++)
        step_one(attrs, (tn_tensor *const[]){in[i], in[n + i], in[M * n + i], in[V * n + i]}, in[n_in - 2],
                 in[n_in - 1]);
}

#define THOUSANDTH_STEP "lr[]{0.001,0.001} step[]{1000,1001}; beta1=0.9 beta2=0.999 eps=1e-8"
#define MODEL_SHAPE(LIST) LIST("p", "") LIST("g", "") LIST("m", "") LIST("v", "{0,1}") THOUSANDTH_STEP

const tn_op tn__op_adam_step = {
    .name = "adam_step",
    .flags = TN_OP_STRIDED,
    .run = run,
    .decompose = decompose,
    .flops = flops,
    .samples = TN_SAMPLES(
        "p[3,5] g[3,5] m[3,5] v[3,5]{0,1} lr[]{0.001,0.01} step[]{1,5}; beta1=0.9 beta2=0.999 eps=1e-8",
        "p[7] p[2,3] g[7] g[2,3] m[7] m[2,3] v[7]{0,1} v[2,3]{0,1} lr[]{0.001,0.01} step[]{1,5}; beta1=0.9 "
        "beta2=0.999 eps=1e-8 weight_decay=0.1",
        "p[33] g[33] m[33] v[33]{0,1} lr[]{0.001,0.01} step[]{1,500}; beta1=0.8 beta2=0.99 eps=1e-6 weight_decay=0.1 "
        "decoupled=1",
        "p[] g[] m[] v[]{0,1} lr[]{0.001,0.01} step[]{1,5}; beta1=0.9 beta2=0.999 eps=1e-8",
        "p[0] g[0] m[0] v[0] lr[]{0.001,0.01} step[]{1,5}; beta1=0.9 beta2=0.999 eps=1e-8",
        "p[300,70] g[300,70] m[300,70] v[300,70]{0,1} lr[]{0.001,0.01} step[]{1,5}; beta1=0.9 beta2=0.999 eps=1e-8"),
    .shapes = TN_SAMPLES(MODEL_SHAPE(TN_SIMPLENET_LIST), MODEL_SHAPE(TN_CONVNET_LIST)),
};
