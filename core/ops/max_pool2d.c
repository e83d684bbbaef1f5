/* SPDX-License-Identifier: Apache-2.0
 *
 * Max pooling. x: N C H W, y and index: N C P Q. An index is the place in the window, kh * kernel[1] + kw. A window
 * that lies outside the image altogether (only dilation makes such) has y = -inf and no gradient. */
#include "ops/pool2d.h"

#include <math.h>

enum { STRIP = 64 }; /* windows of a row at a time */

typedef struct job {
    const tn_run *run;
    tn_pool2d pool;
    bool wide; /* indices are i32, not u8 */
} job;

/* ---- reference kernels */

/* Of n windows whose cells lie at col + i * stride, [*begin, *end) have them in [0, width). */
static void inside(int64_t col, int64_t stride, int64_t width, int64_t n, int64_t *begin, int64_t *end)
{
    *begin = 0;
    *end = n;
    if (col >= 0 && col + (n - 1) * stride < width) return; /* spares the divisions */
    int64_t first = col < 0 ? (stride - 1 - col) / stride : 0, last = col < width ? (width - 1 - col) / stride + 1 : 0;
    *end = last < n ? last : n;
    *begin = first < *end ? first : *end;
}

/* The first cell that lies inside the image along one axis, the window beginning at `start`. */
static int64_t first_cell(tn_window window, int64_t start)
{
    int64_t cell = start < 0 ? (window.dilation - 1 - start) / window.dilation : 0;
    return cell < window.kernel ? cell : 0;
}

static void start_cells(const tn_pool2d *pool, int64_t top, int64_t first, int64_t n, int32_t *cell)
{
    const tn_window wide = pool->window[1];
    int64_t kh = first_cell(pool->window[0], top), left = first * wide.stride - wide.padding;
    for (int64_t i = 0; i < n; i++) cell[i] = (int32_t)(kh * wide.kernel + first_cell(wide, left + i * wide.stride));
}

static void store_cells(const job *j, int64_t at, int64_t n, const int32_t *cell)
{
    if (j->wide)
        for (int64_t i = 0; i < n; i++) ((int32_t *)j->run->out[1])[at + i] = cell[i];
    else
        for (int64_t i = 0; i < n; i++) ((uint8_t *)j->run->out[1])[at + i] = (uint8_t)cell[i];
}

/* Where in its plane the cell lies that index[at] names, -1 if outside. */
static inline int64_t pixel_of(const job *j, int64_t at, int64_t out_row, int64_t out_col)
{
    const tn_window *w = j->pool.window;
    const uint32_t kernel = (uint32_t)w[1].kernel;
    uint32_t cell = j->wide ? ((const uint32_t *)j->run->in[1])[at] : ((const uint8_t *)j->run->in[1])[at];
    int64_t row = out_row * w[0].stride - w[0].padding + cell / kernel * w[0].dilation;
    int64_t col = out_col * w[1].stride - w[1].padding + cell % kernel * w[1].dilation;
    bool is_inside = row >= 0 && row < j->pool.image[0] && col >= 0 && col < j->pool.image[1];
    return is_inside ? row * j->pool.image[1] + col : -1;
}

#define TEMPLATE "ops/max_pool2d_template.h"
#include "ops/for_each_real.h"

static int64_t pixels(const tn_pool2d *pool)
{
    return pool->image[0] * pool->image[1] + pool->out[0] * pool->out[1];
}

static tn_status run(const tn_run *run, tn_error *error TN_UNUSED)
{
    const tn_max_pool2d_attrs *how = run->attrs;
    job j = {.run = run, .wide = run->out_desc[1]->dtype == TN_I32};
    tn__pool2d_window(j.pool.window, how->kernel, how->stride, how->padding, how->dilation);
    tn__pool2d_shape(&j.pool, run->in_desc[0], run->out_desc[0]);
    tn__for_planes(j.pool.planes, pixels(&j.pool) * how->kernel[0] * how->kernel[1],
                   run->in_desc[0]->dtype == TN_F32 ? max_planes_f32 : max_planes_f64, &j);
    return TN_OK;
}

/* max_pool2d_grad and max_pool2d_gather differ in which of dy and x they read. */
static job describe_indexed(const tn_run *run, const tn_tensor_desc *x)
{
    const tn_max_pool2d_grad_attrs *how = run->attrs;
    job j = {.run = run, .wide = run->in_desc[1]->dtype == TN_I32};
    tn__pool2d_window(j.pool.window, how->kernel, how->stride, how->padding, how->dilation);
    tn__pool2d_shape(&j.pool, x, run->in_desc[1]);
    return j;
}

static tn_status run_grad(const tn_run *run, tn_error *error TN_UNUSED)
{
    job j = describe_indexed(run, run->out_desc[0]);
    tn__for_planes(j.pool.planes, pixels(&j.pool), run->in_desc[0]->dtype == TN_F32 ? grad_planes_f32 : grad_planes_f64,
                   &j);
    return TN_OK;
}

static tn_status run_gather(const tn_run *run, tn_error *error TN_UNUSED)
{
    job j = describe_indexed(run, run->in_desc[0]);
    tn__for_planes(j.pool.planes, pixels(&j.pool),
                   run->in_desc[0]->dtype == TN_F32 ? gather_planes_f32 : gather_planes_f64, &j);
    return TN_OK;
}

static uint64_t flops(const tn_run *run)
{
    const tn_max_pool2d_attrs *how = run->attrs;
    return (uint64_t)(tn_desc_numel(run->out_desc[0]) * how->kernel[0] * how->kernel[1]);
}

/* ---- inference */

static bool infer(tn_infer *infer)
{
    const tn_max_pool2d_attrs *how = infer->attrs;
    tn_tensor_desc *y = &infer->out[0], *index = &infer->out[1];
    tn_window window[2];
    tn__pool2d_window(window, how->kernel, how->stride, how->padding, how->dilation);
    if (!tn__pool2d_windows(infer, window, tn_dims(infer->in[0]) + 2, how->ceil_mode != 0, y->dims + 2)) return false;
    if (!(index->dtype = tn__pool2d_index_dtype(infer, how->kernel))) return false;
    index->dims[2] = y->dims[2];
    index->dims[3] = y->dims[3];
    return true;
}

/* Of max_pool2d_grad and max_pool2d_gather: input 1 is the index. */
static bool infer_indexed(tn_infer *infer)
{
    const tn_max_pool2d_grad_attrs *how = infer->attrs;
    const tn_tensor *index = infer->in[1];
    tn_window window[2];
    tn__pool2d_window(window, how->kernel, how->stride, how->padding, how->dilation);
    return tn__pool2d_check(infer, window, how->size, tn_dims(index) + 2) &&
           tn__pool2d_check_index(infer, how->kernel, index);
}

static bool infer_grad(tn_infer *infer)
{
    const tn_max_pool2d_grad_attrs *how = infer->attrs;
    infer->out[0].dims[2] = how->size[0];
    infer->out[0].dims[3] = how->size[1];
    return infer_indexed(infer);
}

static bool infer_gather(tn_infer *infer)
{
    const tn_max_pool2d_grad_attrs *how = infer->attrs;
    const int64_t *x = tn_dims(infer->in[0]) + 2;
    if (x[0] != how->size[0] || x[1] != how->size[1])
        return tn__refuse(infer, "x must be %lld x %lld", (long long)how->size[0], (long long)how->size[1]);
    return infer_indexed(infer);
}

/* ---- gradients: each of the last two is the other's */

static void grad(tn_grad *g)
{
    const tn_max_pool2d_attrs *how = g->attrs;
    tn_max_pool2d_grad_attrs attrs = {.struct_size = sizeof attrs};
    for (int i = 0; i < 2; i++) {
        attrs.size[i] = tn_dim(g->in[0], 2 + i);
        attrs.kernel[i] = how->kernel[i];
        attrs.stride[i] = how->stride[i];
        attrs.padding[i] = how->padding[i];
        attrs.dilation[i] = how->dilation[i];
    }
    tn_send_grad(g, 0, TN_APPLY(g->ctx, max_pool2d_grad, &attrs, g->dy, g->out[1]));
}

static void grad_of_grad(tn_grad *g)
{
    if (tn_wants_grad(g, 0)) tn_send_grad(g, 0, TN_APPLY(g->ctx, max_pool2d_gather, g->attrs, g->dy, g->in[1]));
}

static void grad_of_gather(tn_grad *g)
{
    if (tn_wants_grad(g, 0)) tn_send_grad(g, 0, TN_APPLY(g->ctx, max_pool2d_grad, g->attrs, g->dy, g->in[1]));
}

const tn_op tn__op_max_pool2d = {
    .name = "max_pool2d",
    .flags = TN_OP_IMAGE,
    .infer = infer,
    .run = run,
    .flops = flops,
    .grad = grad,
    .samples = TN_SAMPLES(
        "x[2,3,8,8]; kernel=2,2 stride=2,2", "x[2,3,7,9]; kernel=3,2 stride=2,1",
        "x[1,2,7,7]; kernel=3,3 stride=2,2 padding=1,1", "x[1,2,8,6]; kernel=2,3 stride=3,2 ceil_mode=1",
        "x[1,2,5,5]; kernel=2,2 stride=2,2 padding=1,1 ceil_mode=1",
        "x[1,1,3,3]; kernel=2,2 stride=3,3 padding=1,1 ceil_mode=1",
        "x[1,2,9,9]; kernel=3,3 stride=1,2 padding=1,0 dilation=2,3", "x[2,1,1,1]; kernel=1,1",
        "x[2,2,4,5]; kernel=4,5", "x[0,3,4,4]; kernel=2,2 stride=2,2", "x[1,1,20,20]; kernel=17,17 padding=8,8",
        "x:f32[2,4,26,26]; kernel=2,2 stride=2,2", "x:f32[1,1,3,200]; kernel=2,2"),
    .shapes = TN_SAMPLES("x[N,32,26,26]; kernel=2,2 stride=2,2", "x[N,64,11,11]; kernel=2,2 stride=2,2"),
};

const tn_op tn__op_max_pool2d_grad = {
    .name = "max_pool2d_grad",
    .flags = TN_OP_IMAGE,
    .infer = infer_grad,
    .run = run_grad,
    .grad = grad_of_grad,
    .samples = TN_SAMPLES("dy[2,3,4,4] index:u8[2,3,4,4]{0,4}; size=8,8 kernel=2,2 stride=2,2",
                          "dy[1,2,4,4] index:u8[1,2,4,4]{4,9}; size=7,7 kernel=3,3 stride=2,2 padding=1,1",
                          "dy[1,2,3,3] index:u8[1,2,3,3]{0,1}; size=8,7 kernel=3,3 stride=3,3",
                          "dy[1,2,6,6] index:u8[1,2,6,6]{0,4}; size=7,7 kernel=2,2",
                          "dy[0,3,2,2] index:u8[0,3,2,2]{0,4}; size=4,4 kernel=2,2 stride=2,2"),
    .shapes = TN_SAMPLES("dy[N,32,13,13] index:u8[N,32,13,13]{0,4}; size=26,26 kernel=2,2 stride=2,2",
                         "dy[N,64,5,5] index:u8[N,64,5,5]{0,4}; size=11,11 kernel=2,2 stride=2,2"),
};

const tn_op tn__op_max_pool2d_gather = {
    .name = "max_pool2d_gather",
    .flags = TN_OP_IMAGE,
    .infer = infer_gather,
    .run = run_gather,
    .grad = grad_of_gather,
    .samples = TN_SAMPLES("x[2,3,8,8] index:u8[2,3,4,4]{0,4}; size=8,8 kernel=2,2 stride=2,2",
                          "x[1,2,7,7] index:u8[1,2,4,4]{4,9}; size=7,7 kernel=3,3 stride=2,2 padding=1,1",
                          "x[1,2,7,7] index:u8[1,2,6,6]{0,4}; size=7,7 kernel=2,2",
                          "x[0,3,4,4] index:u8[0,3,2,2]{0,4}; size=4,4 kernel=2,2 stride=2,2"),
};

tn_tensor *tn_max_pool2d(tn_tensor *x, const tn_max_pool2d_attrs *attrs)
{
    tn_max_pool2d_attrs how = attrs ? *attrs : (tn_max_pool2d_attrs){0};
    how.struct_size = sizeof how;
    for (int i = 0; i < 2; i++) {
        if (how.stride[i] == 0) how.stride[i] = how.kernel[i];
        if (how.dilation[i] == 0) how.dilation[i] = 1;
    }
    return TN_APPLY(x->ctx, max_pool2d, &how, x);
}
