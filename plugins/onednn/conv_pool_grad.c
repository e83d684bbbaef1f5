/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of conv2d_max_pool2d_relu: only the elements that pooling chose are multiplied. Both operators have their
 * attributes in the same struct, and dy and its index as the first inputs. */
#include "conv_pool.h"

#include <string.h>

static dn_conv_pool describe(const tn_conv2d_max_pool2d_grad_attrs *a, const tn_tensor_desc *x, const tn_tensor_desc *y)
{
    dn_conv_pool at = dn_conv_pool_sizes(x, y);
    for (int i = 0; i < 2; i++) at.step[i] = a->pool_stride[i];
    return at;
}

static tn_status check_grad(const tn_op_desc *desc, const tn_tensor_desc *x, const tn_tensor_desc *w, tn_error *error)
{
    const tn_conv2d_max_pool2d_grad_attrs *a = desc->attrs;
    DN_TRY(dn_dtype_in(desc, desc->in[0]->dtype, DN_BIT(TN_F32), error));
    if (tn_desc_numel(desc->in[0]) == 0) return TN_OK;
    DN_TRY(dn_refuse_hollow(desc, x, error));
    if (!dn_both_are(w->dims + 2, 3) || !dn_both_are(a->stride, 1) || !dn_both_are(a->dilation, 1) ||
        !dn_both_are(a->padding, 0) || a->groups != 1 || !dn_both_are(a->pool_kernel, 2))
        return tn_fail(error, TN_UNSUPPORTED, 0,
                       "%s: only weights of 3 x 3 without stride, padding, dilation and groups, and pooling of 2 x 2",
                       desc->name);
    if (tn_desc_numel(x) / x->dims[0] > INT32_MAX)
        return tn_fail(error, TN_UNSUPPORTED, 0, "%s: images are too large", desc->name);
    return TN_OK;
}

/* ---- for the input */

typedef struct input_extra {
    dn_images images;
    dn_conv_pool_grad_input_job job;
    int64_t width;       /* of a vector */
    uint64_t weights_at; /* in the workspace */
    int64_t grain;
    dn_body_fn body;
} input_extra;

typedef struct spreading {
    const tn_tensor_desc *w;
    const float *from;
    int64_t width;
    float *to;
} spreading;

/* Blocks [begin, end) of `width` input channels. */
static void spread(void *arg, int64_t begin, int64_t end)
{
    const spreading *all = arg;
    const int64_t *dims = all->w->dims, *stride = all->w->strides, width = all->width;
    for (int64_t block = begin; block < end; block++) {
        float *to = all->to + block * dims[0] * DN_TAPS * width;
        const int64_t n = dn_min(width, dims[1] - block * width);
        if (n < width) memset(to, 0, (size_t)(dims[0] * DN_TAPS * width) * sizeof *to);
        for (int64_t o = 0; o < dims[0]; o++)
            for (int64_t tap = 0; tap < DN_TAPS; tap++, to += width) {
                const float *from =
                    all->from + o * stride[0] + block * width * stride[1] + tap / 3 * stride[2] + tap % 3 * stride[3];
                for (int64_t i = 0; i < n; i++) to[i] = from[i * stride[1]];
            }
    }
}

static tn_status run_input(const dn_loop *loop, const tn_bindings *at, tn_error *error)
{
    const input_extra *extra = loop->extra;
    dn_conv_pool_grad_input_job job = extra->job;
    void *where[4];
    (void)error;
    dn_images_enter(&extra->images, at, where);
    float *const weights = (float *)((char *)at->workspace + extra->weights_at);
    spreading w = {loop->desc.in[2], where[2], extra->width, weights};
    dn_host->parallel_for((job.at.in + extra->width - 1) / extra->width,
                          DN_ENOUGH_TO_COPY / (extra->width * job.at.out * DN_TAPS) + 1, spread, &w);
    job.dy = where[0];
    job.index = where[1];
    job.w = weights;
    job.dx = where[3];
    dn_host->parallel_for(job.at.images, extra->grain, extra->body, &job);
    dn_images_leave(&extra->images, at, where);
    return TN_OK;
}

tn_status dn_conv_pool_grad_input_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc,
                                        tn_error *error)
{
    (void)self, (void)device;
    DN_TRY(check_grad(desc, desc->out[0], desc->in[2], error));
    if (desc->in[0]->dims[1] <= DN_POOLED_MOST_OUT) return TN_OK;
    return tn_fail(error, TN_UNSUPPORTED, 0, "%s: at most %d output channels", desc->name, DN_POOLED_MOST_OUT);
}

tn_status dn_conv_pool_grad_input_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                                       tn_error *error)
{
    const tn_tensor_desc *dy = desc->in[0], *dx = desc->out[0];
    const dn_isa isa = dn_isa_best();
    DN_TRY(dn_conv_pool_grad_input_check(self, device, desc, error));
    if (tn_desc_numel(dy) == 0) return dn_zero_plan(desc, plan, error);
    dn_loop *loop;
    DN_TRY(dn_loop_create(desc, run_input, sizeof(input_extra), &loop, error));
    input_extra *extra = loop->extra;
    dn_images_init_but(&extra->images, loop, 2);
    extra->job.at = describe(desc->attrs, dx, dy);
    extra->width = DN_PICK(dn_conv_pool_lanes, isa)();
    extra->weights_at = loop->plan.workspace_bytes;
    loop->plan.workspace_bytes +=
        dn_round_up((uint64_t)dx->dims[1], (uint64_t)extra->width) * (uint64_t)dy->dims[1] * DN_TAPS * sizeof(float);
    loop->plan.flops = 2 * (uint64_t)(tn_desc_numel(dy) * dx->dims[1] * DN_TAPS);
    loop->plan.implementation = dn_direct_name(isa);
    extra->body = DN_PICK(dn_conv_pool_grad_input, isa);
    extra->grain = dn_grain_of(loop->plan.flops, dx->dims[0]);
    *plan = &loop->plan;
    return TN_OK;
}

/* ---- for the weight */

enum { MOST_SHARES = 8 }; /* of the images, each with a sum of its own: results do not depend on the threads */

typedef struct weight_extra {
    dn_images images;
    dn_conv_pool_grad_weight_job job;
    uint64_t sums_at; /* in the workspace */
    int64_t grain;
    dn_body_fn body;
} weight_extra;

/* All shares, and where their sum goes. */
typedef struct adding {
    const dn_conv_pool_grad_weight_job *job;
    float *dw, *db;
    const int64_t *stride; /* of dw: O I KH KW */
} adding;

/* dw and db of output channels [begin, end). */
static void add_shares(void *arg, int64_t begin, int64_t end)
{
    enum { BLOCK = 64 };
    const adding *all = arg;
    const dn_conv_pool_grad_weight_job *job = all->job;
    const int64_t in = job->at.in, row = DN_TAPS * in;
    for (int64_t o = begin; o < end; o++) {
        all->db[o] = 0;
        for (int64_t share = 0; share < job->shares; share++)
            all->db[o] += job->sums[share * job->sum_size + job->at.out * row + o];
        for (int64_t tap = 0; tap < DN_TAPS; tap++)
            for (int64_t first = 0; first < in; first += BLOCK) {
                const float *from = job->sums + o * row + tap * in + first;
                const int64_t n = dn_min(BLOCK, in - first);
                float sum[BLOCK];
                memcpy(sum, from, (size_t)n * sizeof *sum);
                for (int64_t share = 1; share < job->shares; share++)
                    for (int64_t i = 0; i < n; i++) sum[i] += from[share * job->sum_size + i];
                float *to = all->dw + o * all->stride[0] + first * all->stride[1] + tap / 3 * all->stride[2] +
                            tap % 3 * all->stride[3];
                for (int64_t i = 0; i < n; i++) to[i * all->stride[1]] = sum[i];
            }
    }
}

static tn_status run_weight(const dn_loop *loop, const tn_bindings *at, tn_error *error)
{
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
    adding sums = {&job, where[3], where[4], loop->desc.out[0]->strides};
    dn_host->parallel_for(job.at.out, DN_ENOUGH_TO_COPY / (job.sum_size / job.at.out + 1) + 1, add_shares, &sums);
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
    dn_images_init_but(&extra->images, loop, 3);
    extra->job.at = describe(desc->attrs, x, dy);
    extra->job.shares = dn_min(MOST_SHARES, x->dims[0]);
    extra->job.sum_size = (int64_t)dn_round_up((uint64_t)(tn_desc_numel(dw) + dw->dims[0]), 16);
    extra->sums_at = loop->plan.workspace_bytes;
    loop->plan.workspace_bytes += (uint64_t)(extra->job.shares * extra->job.sum_size) * sizeof(float);
    loop->plan.flops = 2 * (uint64_t)(tn_desc_numel(dy) * x->dims[1] * DN_TAPS);
    loop->plan.implementation = dn_direct_name(isa);
    extra->body = DN_PICK(dn_conv_pool_grad_weight, isa);
    extra->grain = dn_grain_of(loop->plan.flops, extra->job.shares);
    *plan = &loop->plan;
    return TN_OK;
}
