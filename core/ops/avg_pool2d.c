/* SPDX-License-Identifier: Apache-2.0
 *
 * Average pooling. x: N C H W, y: N C P Q. */
#include "ops/pool2d.h"

typedef struct job {
    tn_pool2d pool;
    bool include_pad;
    const void *from;
    void *to;
} job;

/* ---- reference kernels */

/* The pixels of a window, and what their sum is divided by: 0 if there are none. */
typedef struct box {
    int64_t top, bottom, left, right, divisor;
} box;

/* Cuts one axis of a window to the image; returns its size in the divisor. What ceil_mode lets reach over the right
 * padding does not count. */
static inline int64_t cut(const job *j, int axis, int64_t i, int64_t *first, int64_t *last)
{
    const tn_window w = j->pool.window[axis];
    int64_t size = j->pool.image[axis], begin = i * w.stride - w.padding, end = begin + w.kernel;
    if (end > size + w.padding) end = size + w.padding;
    int64_t padded = end - begin;
    *first = begin < 0 ? 0 : begin;
    *last = end > size ? size : end;
    if (*last <= *first) return 0;
    return j->include_pad ? padded : *last - *first;
}

static inline box box_of(const job *j, int64_t row, int64_t col)
{
    box b;
    int64_t height = cut(j, 0, row, &b.top, &b.bottom), width = cut(j, 1, col, &b.left, &b.right);
    b.divisor = height * width;
    return b;
}

#define TEMPLATE "ops/avg_pool2d_template.h"
#include "ops/for_each_real.h"

static const int64_t no_dilation[2] = {1, 1};

static tn_status run(const tn_run *run, tn_error *error TN_UNUSED)
{
    const tn_avg_pool2d_attrs *how = run->attrs;
    job j = {.include_pad = how->count_include_pad != 0, .from = run->in[0], .to = run->out[0]};
    tn__pool2d_window(j.pool.window, how->kernel, how->stride, how->padding, no_dilation);
    tn__pool2d_shape(&j.pool, run->in_desc[0], run->out_desc[0]);
    tn__for_planes(j.pool.planes, j.pool.out[0] * j.pool.out[1] * how->kernel[0] * how->kernel[1],
                   run->in_desc[0]->dtype == TN_F32 ? mean_planes_f32 : mean_planes_f64, &j);
    return TN_OK;
}

static tn_status run_grad(const tn_run *run, tn_error *error TN_UNUSED)
{
    const tn_avg_pool2d_grad_attrs *how = run->attrs;
    job j = {.include_pad = how->count_include_pad != 0, .from = run->in[0], .to = run->out[0]};
    tn__pool2d_window(j.pool.window, how->kernel, how->stride, how->padding, no_dilation);
    tn__pool2d_shape(&j.pool, run->out_desc[0], run->in_desc[0]);
    tn__for_planes(j.pool.planes, j.pool.out[0] * j.pool.out[1] * how->kernel[0] * how->kernel[1],
                   run->in_desc[0]->dtype == TN_F32 ? spread_planes_f32 : spread_planes_f64, &j);
    return TN_OK;
}

static uint64_t flops(const tn_run *run)
{
    const tn_avg_pool2d_attrs *how = run->attrs;
    return (uint64_t)(tn_desc_numel(run->out_desc[0]) * how->kernel[0] * how->kernel[1]);
}

static uint64_t flops_of_grad(const tn_run *run)
{
    const tn_avg_pool2d_grad_attrs *how = run->attrs;
    return (uint64_t)(tn_desc_numel(run->in_desc[0]) * how->kernel[0] * how->kernel[1]);
}

/* ---- inference */

static bool infer(tn_infer *infer)
{
    const tn_avg_pool2d_attrs *how = infer->attrs;
    tn_window window[2];
    tn__pool2d_window(window, how->kernel, how->stride, how->padding, no_dilation);
    return tn__pool2d_windows(infer, window, tn_dims(infer->in[0]) + 2, how->ceil_mode != 0, infer->out[0].dims + 2);
}

static bool infer_grad(tn_infer *infer)
{
    const tn_avg_pool2d_grad_attrs *how = infer->attrs;
    tn_window window[2];
    tn__pool2d_window(window, how->kernel, how->stride, how->padding, no_dilation);
    infer->out[0].dims[2] = how->size[0];
    infer->out[0].dims[3] = how->size[1];
    return tn__pool2d_check(infer, window, how->size, tn_dims(infer->in[0]) + 2);
}

/* ---- gradients: each is the other's */

static void grad(tn_grad *g)
{
    const tn_avg_pool2d_attrs *how = g->attrs;
    tn_avg_pool2d_grad_attrs attrs = {.struct_size = sizeof attrs, .count_include_pad = how->count_include_pad};
    for (int i = 0; i < 2; i++) {
        attrs.size[i] = tn_dim(g->in[0], 2 + i);
        attrs.kernel[i] = how->kernel[i];
        attrs.stride[i] = how->stride[i];
        attrs.padding[i] = how->padding[i];
    }
    tn_send_grad(g, 0, TN_APPLY(g->ctx, avg_pool2d_grad, &attrs, g->dy));
}

/* Without ceil_mode, would an axis have fewer windows than dy? */
static bool rounded_up(const tn_avg_pool2d_grad_attrs *how, const tn_tensor *dy)
{
    for (int i = 0; i < 2; i++) {
        int64_t room = how->size[i] + 2 * how->padding[i] - how->kernel[i];
        if (room < 0 || room / how->stride[i] + 1 < tn_dim(dy, 2 + i)) return true;
    }
    return false;
}

static void grad_of_grad(tn_grad *g)
{
    const tn_avg_pool2d_grad_attrs *how = g->attrs;
    tn_avg_pool2d_attrs attrs = {.struct_size = sizeof attrs,
                                 .count_include_pad = how->count_include_pad,
                                 .ceil_mode = rounded_up(how, g->in[0])};
    for (int i = 0; i < 2; i++) {
        attrs.kernel[i] = how->kernel[i];
        attrs.stride[i] = how->stride[i];
        attrs.padding[i] = how->padding[i];
    }
    tn_send_grad(g, 0, TN_APPLY(g->ctx, avg_pool2d, &attrs, g->dy));
}

const tn_op tn__op_avg_pool2d = {
    .name = "avg_pool2d",
    .flags = TN_OP_IMAGE,
    .infer = infer,
    .run = run,
    .flops = flops,
    .grad = grad,
    .samples =
        TN_SAMPLES("x[2,3,8,8]; kernel=2,2 stride=2,2", "x[2,3,7,9]; kernel=3,2 stride=2,1",
                   "x[1,2,7,7]; kernel=3,3 stride=2,2 padding=1,1 count_include_pad=1",
                   "x[1,2,7,7]; kernel=3,3 stride=2,2 padding=1,1", "x[1,2,8,6]; kernel=2,3 stride=3,2 ceil_mode=1",
                   "x[1,2,6,6]; kernel=3,3 stride=2,2 padding=1,1 ceil_mode=1 count_include_pad=1",
                   "x[1,2,2,2]; kernel=3,3 stride=2,2 ceil_mode=1", "x[2,1,1,1]; kernel=1,1", "x[2,2,4,5]; kernel=4,5",
                   "x[0,3,4,4]; kernel=2,2 stride=2,2", "x:f32[2,4,26,26]; kernel=2,2 stride=2,2"),
};

const tn_op tn__op_avg_pool2d_grad = {
    .name = "avg_pool2d_grad",
    .flags = TN_OP_IMAGE,
    .infer = infer_grad,
    .run = run_grad,
    .flops = flops_of_grad,
    .grad = grad_of_grad,
    .samples = TN_SAMPLES("dy[2,3,4,4]; size=8,8 kernel=2,2 stride=2,2",
                          "dy[1,2,4,4]; size=7,7 kernel=3,3 stride=2,2 padding=1,1 count_include_pad=1",
                          "dy[1,2,4,4]; size=7,7 kernel=3,3 stride=2,2 padding=1,1",
                          "dy[1,2,3,3]; size=8,6 kernel=2,3 stride=3,2",
                          "dy[1,2,4,4]; size=6,6 kernel=3,3 stride=2,2 padding=1,1 count_include_pad=1",
                          "dy[1,2,1,1]; size=2,2 kernel=3,3 stride=2,2", "dy[0,3,2,2]; size=4,4 kernel=2,2 stride=2,2"),
};

tn_tensor *tn_avg_pool2d(tn_tensor *x, const tn_avg_pool2d_attrs *attrs)
{
    tn_avg_pool2d_attrs how = attrs ? *attrs : (tn_avg_pool2d_attrs){0};
    how.struct_size = sizeof how;
    for (int i = 0; i < 2; i++)
        if (how.stride[i] == 0) how.stride[i] = how.kernel[i];
    return TN_APPLY(x->ctx, avg_pool2d, &how, x);
}
