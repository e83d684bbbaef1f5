/* SPDX-License-Identifier: Apache-2.0
 *
 * Batch normalisation of images, x: N C H W. In training it updates the running statistics in place; an empty batch
 * leaves them as they are. */
#include "ops/window.h"

#include <math.h>

enum { LANES = 8 }; /* partial sums */

/* Optional arrays are NULL where absent. */
typedef struct job {
    const tn_run *run;
    int64_t images, channels, pixels;
    double count; /* values per channel */
    const void *weight, *bias;
    void *running_mean, *running_var;
} job;

#define TEMPLATE "ops/batch_norm2d_template.h"
#include "ops/for_each_real.h"

/* ---- reference kernels */

static job describe(const tn_run *run, const tn_tensor_desc *x)
{
    job j = {.run = run, .channels = x->dims[1], .pixels = x->dims[2] * x->dims[3]};
    j.images = j.pixels ? x->dims[0] : 0; /* images without pixels have no address */
    j.count = (double)(j.images * j.pixels);
    return j;
}

static void for_channels(job *j, void (*body)(void *arg, int64_t begin, int64_t end))
{
    enum { GRAIN = 1 << 14 };
    tn__parallel_for(j->channels, GRAIN / (j->images * j->pixels + 1) + 1, body, j);
}

static void *optional(const tn_run *run, int i)
{
    return run->in_desc[i] ? run->in[i] : NULL;
}

static tn_status run(const tn_run *run, tn_error *error TN_UNUSED)
{
    job j = describe(run, run->in_desc[0]);
    j.weight = optional(run, 1);
    j.bias = optional(run, 2);
    j.running_mean = optional(run, 3);
    j.running_var = optional(run, 4);
    for_channels(&j, run->in_desc[0]->dtype == TN_F32 ? forward_f32 : forward_f64);
    return TN_OK;
}

static tn_status run_grad(const tn_run *run, tn_error *error TN_UNUSED)
{
    job j = describe(run, run->in_desc[0]);
    j.weight = optional(run, 2);
    for_channels(&j, run->in_desc[0]->dtype == TN_F32 ? backward_f32 : backward_f64);
    return TN_OK;
}

static uint64_t flops(const tn_run *run)
{
    return 8 * (uint64_t)tn_desc_numel(run->in_desc[0]);
}

static uint64_t flops_of_grad(const tn_run *run)
{
    return 10 * (uint64_t)tn_desc_numel(run->in_desc[0]);
}

/* ---- inference */

static bool infer(tn_infer *infer)
{
    const tn_batch_norm2d_attrs *how = infer->attrs;
    const int64_t *x = tn_dims(infer->in[0]);
    if (!infer->in[3] != !infer->in[4]) return tn__refuse(infer, "running_mean and running_var must be given together");
    if (!how->training && !infer->in[3])
        return tn__refuse(infer, "in eval mode running_mean and running_var must be given");
    if (how->training && x[0] * x[2] * x[3] == 1)
        return tn__refuse(infer, "training needs more than one value per channel");
    if (!(how->eps >= 0)) return tn__refuse(infer, "eps is %g, it must be at least 0", how->eps);
    return true;
}

/* ---- gradient */

static tn_tensor *mean_of_channels(tn_tensor *x)
{
    return tn_mean(x, TN_OVER(0, 2, 3), true);
}

static tn_tensor *as_image(tn_tensor *per_channel)
{
    return tn_reshape(per_channel, TN_SHAPE(1, tn_numel(per_channel), 1, 1));
}

/* The gradient out of ordinary operators, which have gradients themselves. */
static void differentiable_grad(tn_grad *g)
{
    const tn_batch_norm2d_attrs *how = g->attrs;
    tn_tensor *dy = g->dy, *x = g->in[0], *weight = g->in[1];
    tn_tensor *centred = tn_sub(x, how->training ? mean_of_channels(x) : as_image(g->in[3]));
    tn_tensor *variance = how->training ? mean_of_channels(tn_square(centred)) : as_image(g->in[4]);
    tn_tensor *rstd = tn_rsqrt(tn_add_scalar(variance, how->eps)), *normal = tn_mul(centred, rstd);
    if (tn_wants_grad(g, 0)) {
        tn_tensor *dx = dy;
        if (how->training) {
            tn_tensor *along = tn_mul(normal, mean_of_channels(tn_mul(dy, normal)));
            dx = tn_sub(tn_sub(dy, mean_of_channels(dy)), along);
        }
        dx = tn_mul(dx, rstd);
        tn_send_grad(g, 0, weight ? tn_mul(dx, as_image(weight)) : dx);
    }
    if (tn_wants_grad(g, 1)) tn_send_grad(g, 1, tn_sum(tn_mul(dy, normal), TN_OVER(0, 2, 3), false));
    if (tn_wants_grad(g, 2)) tn_send_grad(g, 2, tn_sum(dy, TN_OVER(0, 2, 3), false));
}

static void grad(tn_grad *g)
{
    const tn_batch_norm2d_attrs *how = g->attrs;
    if (g->create_graph) {
        differentiable_grad(g);
        return;
    }
    tn_batch_norm2d_grad_attrs attrs = {sizeof attrs, how->training};
    tn_tensor *in[] = {g->dy, g->in[0], g->in[1], g->out[1], g->out[2]}, *out[TN_MAX_OUT];
    tn__apply_all(g->ctx, &tn__op_batch_norm2d_grad, &attrs, 5, in, out);
    for (int i = 0; i < 3; i++)
        if (tn_wants_grad(g, i)) tn_send_grad(g, i, out[i]);
}

const tn_op tn__op_batch_norm2d = {
    .name = "batch_norm2d",
    .flags = TN_OP_IMAGE,
    .infer = infer,
    .run = run,
    .flops = flops,
    .grad = grad,
    .samples = TN_SAMPLES(
        "x[4,3,5,5] weight[3] bias[3] running_mean[3] running_var[3]{0.5,2}; training=1 momentum=0.1 eps=1e-5",
        "x[4,3,5,5] weight[3] bias[3] running_mean[3] running_var[3]{0.5,2}; training=0 eps=1e-5",
        "x[4,3,5,5]; training=1 eps=1e-5", "x[4,3,2,7] weight[3] bias[3]; training=1 eps=0.1",
        "x[2,1,1,1] weight[1] bias[1]; training=1 eps=0.1",
        "x[3,2,4,4] running_mean[2] running_var[2]{0.5,2}; training=0 eps=1e-3",
        "x[1,2,3,5] weight[2]; training=1 eps=1e-5",
        "x[0,3,4,4] weight[3] bias[3] running_mean[3] running_var[3]{0.5,2}; training=1 momentum=0.1 eps=1e-5",
        "x:f32[8,16,13,13] weight[16] bias[16] running_mean[16] running_var[16]{0.5,2}; training=1 momentum=0.1 "
        "eps=1e-5"),
};

const tn_op tn__op_batch_norm2d_grad = {
    .name = "batch_norm2d_grad",
    .flags = TN_OP_IMAGE,
    .run = run_grad,
    .flops = flops_of_grad,
    .samples = TN_SAMPLES("dy[4,3,5,5] x[4,3,5,5] weight[3] mean[3]{-0.5,0.5} rstd[3]{0.5,2}; training=1",
                          "dy[4,3,5,5] x[4,3,5,5] weight[3] mean[3]{-0.5,0.5} rstd[3]{0.5,2}; training=0",
                          "dy[2,3,1,4] x[2,3,1,4] mean[3]{-0.5,0.5} rstd[3]{0.5,2}; training=1",
                          "dy[0,3,4,4] x[0,3,4,4] weight[3] mean[3]{-0.5,0.5} rstd[3]{0.5,2}; training=1"),
};

tn_tensor *tn_batch_norm2d(tn_tensor *x, tn_tensor *weight, tn_tensor *bias, tn_tensor *running_mean,
                           tn_tensor *running_var, bool training, double momentum, double eps)
{
    tn_batch_norm2d_attrs how = {sizeof how, training, momentum, eps};
    return TN_APPLY(x->ctx, batch_norm2d, &how, x, weight, bias, running_mean, running_var);
}
