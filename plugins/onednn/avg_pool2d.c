/* SPDX-License-Identifier: Apache-2.0
 *
 * avg_pool2d and its gradient, on channels-last images. Work is cut into rows as in max_pool2d. */
#include "image.h"
#include "window.h"

#include <string.h>

typedef struct pool_extra {
    dn_window window;
    dn_images images;
    int count_padding;
} pool_extra;

typedef struct job {
    const pool_extra *pool;
    void *at[2]; /* input, output */
} job;

/* The part of a window along one axis: first and last + 1 row inside the image, and how many count in the divisor:
 * those, or those in the padding, too, but never what lies beyond it. */
typedef struct span {
    int64_t first, end, counted;
} span;

DN_INLINE span span_of(const pool_extra *pool, int axis, int64_t out)
{
    const dn_window *w = &pool->window;
    const int64_t size = axis ? w->width : w->height, start = dn_window_cell(w, axis, out, 0);
    const int64_t end = dn_min(start + w->kernel[axis], size + w->padding[axis]);
    span s = {.first = dn_max(start, 0), .end = dn_min(end, size)};
    s.counted = pool->count_padding ? end - start : s.end - s.first;
    return s;
}

/* Rows of y, counted over all images. */
DN_MULTIVERSION static void mean_rows(void *arg, int64_t begin, int64_t end)
{
    const job *all = arg;
    const dn_window *w = &all->pool->window;
    const int64_t channels = w->channels;
    for (int64_t row = begin; row < end; row++) {
        const float *image = (const float *)all->at[0] + row / w->out_height * w->height * w->width * channels;
        const span down = span_of(all->pool, 0, row % w->out_height);
        for (int64_t q = 0; q < w->out_width; q++) {
            const span across = span_of(all->pool, 1, q);
            const float share = 1 / (float)(down.counted * across.counted);
            float *y = (float *)all->at[1] + (row * w->out_width + q) * channels;
            for (int64_t c = 0; c < channels; c++) y[c] = 0;
            for (int64_t h = down.first; h < down.end; h++)
                for (int64_t column = across.first; column < across.end; column++) {
                    const float *x = image + (h * w->width + column) * channels;
                    for (int64_t c = 0; c < channels; c++) y[c] += x[c];
                }
            for (int64_t c = 0; c < channels; c++) y[c] *= share;
        }
    }
}

/* Rows of dx, counted over all images. */
DN_MULTIVERSION static void spread_rows(void *arg, int64_t begin, int64_t end)
{
    const job *all = arg;
    const dn_window *w = &all->pool->window;
    const int64_t channels = w->channels;
    for (int64_t row = begin; row < end; row++) {
        float *dx = (float *)all->at[1] + row * w->width * channels;
        memset(dx, 0, (size_t)(w->width * channels) * sizeof *dx);
        for (int64_t kh = 0; kh < w->kernel[0]; kh++) {
            const int64_t p = dn_window_of_row(w, row % w->height, kh);
            if (p < 0) continue;
            const span down = span_of(all->pool, 0, p);
            const float *dy =
                (const float *)all->at[0] + (row / w->height * w->out_height + p) * w->out_width * channels;
            for (int64_t q = 0; q < w->out_width; q++, dy += channels) {
                const span across = span_of(all->pool, 1, q);
                const float share = 1 / (float)(down.counted * across.counted);
                for (int64_t column = across.first; column < across.end; column++)
                    for (int64_t c = 0; c < channels; c++) dx[column * channels + c] += dy[c] * share;
            }
        }
    }
}

static tn_status run_mean(const dn_loop *loop, const tn_bindings *at, tn_error *error TN_UNUSED)
{
    const pool_extra *pool = loop->extra;
    const dn_window *w = &pool->window;
    job all = {.pool = pool};
    dn_images_enter(&pool->images, at, all.at);
    dn_host->parallel_for(w->n * w->out_height, dn_window_grain(w, w->out_width), mean_rows, &all);
    dn_images_leave(&pool->images, at, all.at);
    return TN_OK;
}

static tn_status run_spread(const dn_loop *loop, const tn_bindings *at, tn_error *error TN_UNUSED)
{
    const pool_extra *pool = loop->extra;
    const dn_window *w = &pool->window;
    job all = {.pool = pool};
    dn_images_enter(&pool->images, at, all.at);
    dn_host->parallel_for(w->n * w->height, dn_window_grain(w, w->width), spread_rows, &all);
    dn_images_leave(&pool->images, at, all.at);
    return TN_OK;
}

static tn_status make(const tn_op_desc *desc, dn_loop_fn run, dn_window window, int64_t count_padding, tn_plan **plan,
                      tn_error *error)
{
    dn_loop *loop;
    DN_TRY(dn_loop_create(desc, run, sizeof(pool_extra), &loop, error));
    pool_extra *pool = loop->extra;
    pool->window = window;
    pool->count_padding = count_padding != 0;
    dn_images_init(&pool->images, loop);
    loop->plan.flops = (uint64_t)(window.n * window.channels * window.out_height * window.out_width * window.kernel[0] *
                                  window.kernel[1]);
    *plan = &loop->plan;
    return TN_OK;
}

static const int64_t no_dilation[2] = {1, 1};

tn_status dn_avg_pool2d_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    (void)self, (void)device;
    return dn_dtype_in(desc, desc->in[0]->dtype, DN_BIT(TN_F32), error);
}

tn_status dn_avg_pool2d_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                             tn_error *error)
{
    const tn_avg_pool2d_attrs *a = desc->attrs;
    DN_TRY(dn_avg_pool2d_check(self, device, desc, error));
    return make(desc, run_mean, dn_window_of(desc->in[0], desc->out[0], a->kernel, a->stride, a->padding, no_dilation),
                a->count_include_pad, plan, error);
}

tn_status dn_avg_pool2d_grad_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    return dn_avg_pool2d_check(self, device, desc, error);
}

tn_status dn_avg_pool2d_grad_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                                  tn_error *error)
{
    const tn_avg_pool2d_grad_attrs *a = desc->attrs;
    DN_TRY(dn_avg_pool2d_grad_check(self, device, desc, error));
    return make(desc, run_spread,
                dn_window_of(desc->out[0], desc->in[0], a->kernel, a->stride, a->padding, no_dilation),
                a->count_include_pad, plan, error);
}
