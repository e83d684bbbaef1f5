/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d_max_pool2d_relu and its gradients by the kernels in simd/: the convolution's result never goes to memory, and
 * only the elements that pooling chose are multiplied on the way back. For weights, channels-last is O KH KW I. */
#include "image.h"
#include "isa.h"
#include "simd/pooled.h"

#include <string.h>

static const char *const implementations[DN_ISAS] = {"direct:portable", "direct:avx2", "direct:avx512"};

typedef void (*body_fn)(void *job, int64_t begin, int64_t end);

enum { WORTH_A_THREAD = 1000000 }; /* operations */

/* Pieces of work so that each thread has enough. */
static int64_t grain_of(uint64_t flops, int64_t pieces)
{
    return dn_max(1, (int64_t)WORTH_A_THREAD * pieces / (int64_t)(flops + 1));
}

/* ---- the gradients: both have the attributes in one struct, dy and its index first */

static dn_conv_pool describe(const tn_conv2d_max_pool2d_grad_attrs *a, const tn_tensor_desc *x, const tn_tensor_desc *y)
{
    return (dn_conv_pool){.images = x->dims[0],
                          .in = x->dims[1],
                          .out = y->dims[1],
                          .height = x->dims[2],
                          .width = x->dims[3],
                          .rows = y->dims[2],
                          .columns = y->dims[3],
                          .step = {a->pool_stride[0], a->pool_stride[1]}};
}

static int both_are(const int64_t pair[2], int64_t value)
{
    return pair[0] == value && pair[1] == value;
}

static tn_status check_grad(const tn_op_desc *desc, const tn_tensor_desc *x, const tn_tensor_desc *w, tn_error *error)
{
    const tn_conv2d_max_pool2d_grad_attrs *a = desc->attrs;
    DN_TRY(dn_dtype_in(desc, desc->in[0]->dtype, DN_BIT(TN_F32), error));
    if (tn_desc_numel(desc->in[0]) == 0) return TN_OK;
    if (tn_desc_numel(x) == 0) return tn_fail(error, TN_UNSUPPORTED, 0, "%s: there are no input channels", desc->name);
    if (!both_are(w->dims + 2, 3) || !both_are(a->stride, 1) || !both_are(a->dilation, 1) || !both_are(a->padding, 0) ||
        a->groups != 1 || !both_are(a->pool_kernel, 2))
        return tn_fail(error, TN_UNSUPPORTED, 0,
                       "%s: only weights of 3 x 3 without stride, padding, dilation and groups, and pooling of 2 x 2",
                       desc->name);
    if (tn_desc_numel(x) / x->dims[0] > INT32_MAX)
        return tn_fail(error, TN_UNSUPPORTED, 0, "%s: images are too large", desc->name);
    return TN_OK;
}

/* ---- for the weight */

enum { MOST_SHARES = 8 }; /* of the images, each with a sum of its own: results do not depend on the threads */

typedef struct weight_extra {
    dn_images images;
    dn_conv_pool_grad_weight_job job;
    uint64_t sums_at; /* in the workspace */
    int64_t grain;
    body_fn body;
} weight_extra;

static int64_t weights_of(const dn_conv_pool *at)
{
    return at->out * DN_TAPS * at->in;
}

typedef struct adding {
    const dn_conv_pool_grad_weight_job *job;
    float *dw, *db;
} adding;

/* Elements [begin, end) of dw and db, as if these were one. */
static void add_shares(void *arg, int64_t begin, int64_t end)
{
    const adding *all = arg;
    const dn_conv_pool_grad_weight_job *job = all->job;
    const int64_t weights = weights_of(&job->at);
    for (int64_t share = 0; share < job->shares; share++) {
        const float *sum = job->sums + share * job->sum_size;
        for (int64_t i = begin; i < dn_min(end, weights); i++) all->dw[i] = share ? all->dw[i] + sum[i] : sum[i];
        for (int64_t i = dn_max(begin, weights); i < end; i++)
            all->db[i - weights] = share ? all->db[i - weights] + sum[i] : sum[i];
    }
}

static tn_status run_weight(const dn_loop *loop, const tn_bindings *at, tn_error *error)
{
    enum { GRAIN = 8192 };
    const weight_extra *extra = loop->extra;
    dn_conv_pool_grad_weight_job job = extra->job;
    void *where[5];
    (void)error;
    dn_images_enter(&extra->images, at, where);
    job.dy = where[0];
    job.index = where[1];
    job.x = where[2];
    job.sums = (float *)((char *)at->workspace + extra->sums_at);
    dn_host->parallel_for(job.shares, extra->grain, extra->body, &job);
    adding sums = {&job, where[3], where[4]};
    dn_host->parallel_for(weights_of(&job.at) + job.at.out, GRAIN, add_shares, &sums);
    dn_images_leave(&extra->images, at, where);
    return TN_OK;
}

tn_status dn_conv_pool_grad_weight_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc,
                                         tn_error *error)
{
    (void)self, (void)device;
    if (desc->out[1]->strides[0] != 1 && desc->out[1]->dims[0] > 1)
        return tn_fail(error, TN_UNSUPPORTED, 0, "%s: db has gaps", desc->name);
    return check_grad(desc, desc->in[2], desc->out[0], error);
}

tn_status dn_conv_pool_grad_weight_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc,
                                        tn_plan **plan, tn_error *error)
{
    const tn_tensor_desc *dy = desc->in[0], *x = desc->in[2], *dw = desc->out[0];
    const dn_isa isa = dn_isa_best();
    DN_TRY(dn_conv_pool_grad_weight_check(self, device, desc, error));
    if (tn_desc_numel(dy) == 0) return dn_zero_plan(desc, plan, error);
    dn_loop *loop;
    DN_TRY(dn_loop_create(desc, run_weight, sizeof(weight_extra), &loop, error));
    weight_extra *extra = loop->extra;
    dn_images_init(&extra->images, loop);
    extra->job.at = describe(desc->attrs, x, dy);
    extra->job.shares = dn_min(MOST_SHARES, x->dims[0]);
    extra->job.sum_size = (int64_t)dn_round_up((uint64_t)(tn_desc_numel(dw) + dw->dims[0]), 16);
    extra->sums_at = loop->plan.workspace_bytes;
    loop->plan.workspace_bytes += (uint64_t)(extra->job.shares * extra->job.sum_size) * sizeof(float);
    loop->plan.flops = 2 * (uint64_t)(tn_desc_numel(dy) * x->dims[1] * DN_TAPS);
    loop->plan.implementation = implementations[isa];
    extra->body = DN_PICK(dn_conv_pool_grad_weight, isa);
    extra->grain = grain_of(loop->plan.flops, extra->job.shares);
    *plan = &loop->plan;
    return TN_OK;
}
