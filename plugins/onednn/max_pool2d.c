/* SPDX-License-Identifier: Apache-2.0
 *
 * max_pool2d, its gradient, and the gradient of that. One piece of work is a row: of y going forward, of dx going
 * backward, so that no two threads add to the same element and sums have one order. */
#include "image.h"
#include "window.h"

#include <math.h>
#include <string.h>

typedef struct pool_extra {
    dn_window window;
    dn_images images;
    int64_t rows, grain;
    void (*body)(void *arg, int64_t begin, int64_t end);
} pool_extra;

typedef struct job {
    dn_window window;
    void *at[3]; /* inputs, then outputs */
} job;

enum { BLOCK = 64 }; /* channels at a time */

/* The cells of a window along one axis that lie inside the image, and where cell 0 lies. */
typedef struct span {
    int64_t origin, first, end;
} span;

DN_INLINE span span_of(const dn_window *w, int axis, int64_t out)
{
    const int64_t size = axis ? w->width : w->height;
    span s = {.origin = dn_window_cell(w, axis, out, 0), .end = w->kernel[axis]};
    while (s.first < s.end && s.origin + s.first * w->dilation[axis] < 0) s.first++;
    while (s.end > s.first && s.origin + (s.end - 1) * w->dilation[axis] >= size) s.end--;
    return s;
}

/* Where cell (kh, kw) of a window lies in an image. */
DN_INLINE int64_t place(const dn_window *w, const span *down, const span *across, int64_t kh, int64_t kw)
{
    return ((down->origin + kh * w->dilation[0]) * w->width + across->origin + kw * w->dilation[1]) * w->channels;
}

/* best and which before any cell has been looked at, in a way that the first cell need not win. A window that lies
 * outside the image altogether, which only dilation makes, keeps -inf. */
DN_INLINE void start(const dn_window *w, const float *image, const span *down, const span *across, int64_t n,
                     float *best, int32_t *which)
{
    const int empty = down->first == down->end || across->first == across->end;
    const float *x = empty ? NULL : image + place(w, down, across, down->first, across->first);
    const int64_t cell = down->first % w->kernel[0] * w->kernel[1] + across->first % w->kernel[1];
    for (int64_t c = 0; c < n; c++) best[c] = empty ? -INFINITY : x[c];
    for (int64_t c = 0; c < n; c++) which[c] = (int32_t)cell;
}

/* The first largest wins, NaN before all. */
DN_INLINE void keep_larger(int64_t n, const float *x, int32_t cell, float *best, int32_t *which)
{
    DN_INDEPENDENT for (int64_t c = 0; c < n; c++)
    {
        const int wins = x[c] > best[c] || (x[c] != x[c] && best[c] == best[c]);
        best[c] = wins ? x[c] : best[c];
        which[c] = wins ? cell : which[c];
    }
}

#define INDEX uint8_t
#define FN(name) name##_u8
#include "max_pool_rows.h"
#undef INDEX
#undef FN
#define INDEX int32_t
#define FN(name) name##_i32
#include "max_pool_rows.h"
#undef INDEX
#undef FN

typedef void (*rows_fn)(void *arg, int64_t begin, int64_t end);

static tn_status run(const dn_loop *loop, const tn_bindings *at, tn_error *error TN_UNUSED)
{
    const pool_extra *pool = loop->extra;
    job all = {.window = pool->window};
    dn_images_enter(&pool->images, at, all.at);
    dn_host->parallel_for(pool->rows, pool->grain, pool->body, &all);
    dn_images_leave(&pool->images, at, all.at);
    return TN_OK;
}

static tn_status check(const tn_op_desc *desc, const tn_tensor_desc *index, tn_error *error)
{
    DN_TRY(dn_dtype_in(desc, desc->in[0]->dtype, DN_BIT(TN_F32), error));
    return dn_dtype_in(desc, index->dtype, DN_BIT(TN_U8) | DN_BIT(TN_I32), error);
}

/* x and y: what the windows are of, and their results. by_x: rows are those of x. */
static tn_status make(const tn_op_desc *desc, dn_window window, int by_x, rows_fn body, tn_plan **plan, tn_error *error)
{
    dn_loop *loop;
    DN_TRY(dn_loop_create(desc, run, sizeof(pool_extra), &loop, error));
    pool_extra *pool = loop->extra;
    pool->window = window;
    pool->rows = window.n * (by_x ? window.height : window.out_height);
    pool->grain = dn_window_grain(&window, by_x ? window.width : window.out_width);
    pool->body = body;
    dn_images_init(&pool->images, loop);
    loop->plan.flops = (uint64_t)(window.n * window.channels * window.out_height * window.out_width * window.kernel[0] *
                                  window.kernel[1]);
    *plan = &loop->plan;
    return TN_OK;
}

tn_status dn_max_pool2d_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    (void)self, (void)device;
    return check(desc, desc->out[1], error);
}

tn_status dn_max_pool2d_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                             tn_error *error)
{
    const tn_max_pool2d_attrs *a = desc->attrs;
    DN_TRY(dn_max_pool2d_check(self, device, desc, error));
    return make(desc, dn_window_of(desc->in[0], desc->out[0], a->kernel, a->stride, a->padding, a->dilation), 0,
                desc->out[1]->dtype == TN_U8 ? largest_rows_u8 : largest_rows_i32, plan, error);
}

tn_status dn_max_pool2d_grad_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    (void)self, (void)device;
    return check(desc, desc->in[1], error);
}

tn_status dn_max_pool2d_grad_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                                  tn_error *error)
{
    const tn_max_pool2d_grad_attrs *a = desc->attrs;
    DN_TRY(dn_max_pool2d_grad_check(self, device, desc, error));
    return make(desc, dn_window_of(desc->out[0], desc->in[0], a->kernel, a->stride, a->padding, a->dilation), 1,
                desc->in[1]->dtype == TN_U8 ? grad_rows_u8 : grad_rows_i32, plan, error);
}

tn_status dn_max_pool2d_gather_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    return dn_max_pool2d_grad_check(self, device, desc, error);
}

tn_status dn_max_pool2d_gather_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                                    tn_error *error)
{
    const tn_max_pool2d_grad_attrs *a = desc->attrs;
    DN_TRY(dn_max_pool2d_gather_check(self, device, desc, error));
    return make(desc, dn_window_of(desc->in[0], desc->out[0], a->kernel, a->stride, a->padding, a->dilation), 0,
                desc->in[1]->dtype == TN_U8 ? gather_rows_u8 : gather_rows_i32, plan, error);
}
