/* SPDX-License-Identifier: Apache-2.0
 *
 * Batch normalisation and its gradient, on channels-last images: a matrix of pixels times channels. Sums over pixels
 * are taken in f64, by pieces of a fixed number of pixels, whose partial sums are added in order. */
#include "image.h"

#include <math.h>
#include <string.h>

enum { ENOUGH = 32768, FACTORS = 4 }; /* elements of a piece; numbers per channel that an element is computed with */

typedef struct norm_extra {
    dn_images images;
    int64_t pixels, channels;
    int64_t piece, pieces; /* pixels of a piece; how many there are */
    uint64_t sums_at;      /* in the workspace: two sums per channel for each piece ... */
    uint64_t factors_at;   /* ... and the factors, one kind after the other */
} norm_extra;

typedef struct job {
    const norm_extra *norm;
    const float *x, *dy; /* dy: NULL going forward */
    float *y;            /* or dx */
    double *sums;
    float *factors;
} job;

/* Element c of an optional vector. */
static float *place(const tn_tensor_desc *x, void *at, int64_t c)
{
    return (float *)at + c * x->strides[0];
}
static double element(const tn_tensor_desc *x, void *at, int64_t c, double otherwise)
{
    return x ? (double)*place(x, at, c) : otherwise;
}

/* ---- sums over the pixels of pieces */

/* Of x and of x^2. */
DN_INLINE void add_moments(const float *x, int64_t channels, double *sums)
{
    DN_INDEPENDENT for (int64_t c = 0; c < channels; c++)
    {
        const double v = (double)x[c];
        sums[c] += v;
        sums[channels + c] += v * v;
    }
}

/* Of dy and of dy (x - mean) rstd. */
DN_INLINE void add_products(const float *dy, const float *x, const float *mean, const float *rstd, int64_t channels,
                            double *sums)
{
    DN_INDEPENDENT for (int64_t c = 0; c < channels; c++)
    {
        sums[c] += (double)dy[c];
        sums[channels + c] += (double)dy[c] * (((double)x[c] - (double)mean[c]) * (double)rstd[c]);
    }
}

DN_MULTIVERSION static void sum_pieces(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const norm_extra *norm = j->norm;
    const int64_t channels = norm->channels;
    for (int64_t i = begin; i < end; i++) {
        double *sums = j->sums + 2 * channels * i;
        const int64_t last = dn_min((i + 1) * norm->piece, norm->pixels);
        memset(sums, 0, (size_t)(2 * channels) * sizeof *sums);
        for (int64_t at = i * norm->piece * channels; at < last * channels; at += channels) {
            if (j->dy)
                add_products(j->dy + at, j->x + at, j->factors, j->factors + channels, channels, sums);
            else
                add_moments(j->x + at, channels, sums);
        }
    }
}

/* Leaves the sums over all pixels in the first piece's place. */
static void sum_all(const job *j)
{
    const int64_t n = 2 * j->norm->channels;
    dn_host->parallel_for(j->norm->pieces, 1, sum_pieces, (void *)(uintptr_t)j);
    for (int64_t i = 1; i < j->norm->pieces; i++)
        for (int64_t k = 0; k < n; k++) j->sums[k] += j->sums[i * n + k];
}

/* ---- forward */

/* y = (x - mean) scale + bias */
DN_MULTIVERSION static void normalise(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const int64_t channels = j->norm->channels;
    const float *mean = j->factors, *scale = mean + channels, *bias = scale + channels;
    for (int64_t pixel = begin; pixel < end; pixel++) {
        const float *x = j->x + pixel * channels;
        float *y = j->y + pixel * channels;
        DN_INDEPENDENT for (int64_t c = 0; c < channels; c++) y[c] = (x[c] - mean[c]) * scale[c] + bias[c];
    }
}

/* running = (1 - momentum) running + momentum value */
static void follow(const tn_tensor_desc *running, void *at, int64_t c, double momentum, double value)
{
    if (running) *place(running, at, c) = (float)((1 - momentum) * (double)*place(running, at, c) + momentum * value);
}

/* Statistics of channel c, written where they are wanted. */
static void settle_channel(const dn_loop *loop, const tn_bindings *at, const job *j, int64_t c)
{
    const tn_batch_norm2d_attrs *attrs = loop->desc.attrs;
    const tn_tensor_desc *const *in = loop->desc.in, *const *out = loop->desc.out;
    const int64_t channels = j->norm->channels;
    const double count = (double)j->norm->pixels;
    double mean = element(in[3], at->in[3], c, 0), variance = element(in[4], at->in[4], c, 0);
    if (attrs->training && count > 0) {
        mean = j->sums[c] / count;
        variance = j->sums[channels + c] / count - mean * mean;
        if (variance < 0) variance = 0; /* rounding; NaN stays */
        follow(in[3], at->in[3], c, attrs->momentum, mean);
        follow(in[4], at->in[4], c, attrs->momentum, variance * count / (count - 1));
    }
    const double rstd = 1 / sqrt(variance + attrs->eps);
    j->factors[c] = *place(out[1], at->out[1], c) = (float)mean;
    *place(out[2], at->out[2], c) = (float)rstd;
    j->factors[channels + c] = (float)(rstd * element(in[1], at->in[1], c, 1));
    j->factors[2 * channels + c] = (float)element(in[2], at->in[2], c, 0);
}

static int64_t pixel_grain(const norm_extra *norm)
{
    return dn_max(1, ENOUGH / dn_max(1, norm->channels));
}

static tn_status run_forward(const dn_loop *loop, const tn_bindings *at, tn_error *error TN_UNUSED)
{
    const tn_batch_norm2d_attrs *attrs = loop->desc.attrs;
    const norm_extra *norm = loop->extra;
    void *where[DN_MAX_IMAGES];
    dn_images_enter(&norm->images, at, where);
    job j = {.norm = norm,
             .x = where[0],
             .y = where[5],
             .sums = (double *)((char *)at->workspace + norm->sums_at),
             .factors = (float *)((char *)at->workspace + norm->factors_at)};
    if (attrs->training) sum_all(&j);
    for (int64_t c = 0; c < norm->channels; c++) settle_channel(loop, at, &j, c);
    dn_host->parallel_for(norm->pixels, pixel_grain(norm), normalise, &j);
    dn_images_leave(&norm->images, at, where);
    return TN_OK;
}

/* ---- gradient */

/* dx = scale dy + slope (x - mean) + shift */
DN_MULTIVERSION static void spread(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const int64_t channels = j->norm->channels;
    const float *mean = j->factors, *scale = mean + channels, *slope = scale + channels, *shift = slope + channels;
    for (int64_t pixel = begin; pixel < end; pixel++) {
        const float *x = j->x + pixel * channels, *dy = j->dy + pixel * channels;
        float *dx = j->y + pixel * channels;
        DN_INDEPENDENT for (int64_t c = 0; c < channels; c++) dx[c] =
            scale[c] * dy[c] + slope[c] * (x[c] - mean[c]) + shift[c];
    }
}

static void settle_gradient(const dn_loop *loop, const tn_bindings *at, const job *j, int64_t c)
{
    const tn_tensor_desc *const *in = loop->desc.in, *const *out = loop->desc.out;
    const int64_t channels = j->norm->channels;
    const double count = (double)j->norm->pixels, rstd = element(in[4], at->in[4], c, 1);
    const double of_dy = j->sums[c], of_products = j->sums[channels + c];
    const double scale = rstd * element(in[2], at->in[2], c, 1);
    const int training = ((const tn_batch_norm2d_grad_attrs *)loop->desc.attrs)->training && count > 0;
    *place(out[1], at->out[1], c) = (float)of_products;
    *place(out[2], at->out[2], c) = (float)of_dy;
    j->factors[channels + c] = (float)scale;
    j->factors[2 * channels + c] = training ? (float)(-scale * rstd * of_products / count) : 0;
    j->factors[3 * channels + c] = training ? (float)(-scale * of_dy / count) : 0;
}

static tn_status run_gradient(const dn_loop *loop, const tn_bindings *at, tn_error *error TN_UNUSED)
{
    const norm_extra *norm = loop->extra;
    void *where[DN_MAX_IMAGES];
    dn_images_enter(&norm->images, at, where);
    job j = {.norm = norm,
             .dy = where[0],
             .x = where[1],
             .y = where[5],
             .sums = (double *)((char *)at->workspace + norm->sums_at),
             .factors = (float *)((char *)at->workspace + norm->factors_at)};
    for (int64_t c = 0; c < norm->channels; c++) {
        j.factors[c] = *place(loop->desc.in[3], at->in[3], c);
        j.factors[norm->channels + c] = *place(loop->desc.in[4], at->in[4], c);
    }
    sum_all(&j);
    for (int64_t c = 0; c < norm->channels; c++) settle_gradient(loop, at, &j, c);
    dn_host->parallel_for(norm->pixels, pixel_grain(norm), spread, &j);
    dn_images_leave(&norm->images, at, where);
    return TN_OK;
}

/* ---- kernels */

static tn_status make(const tn_op_desc *desc, dn_loop_fn run, uint64_t flops_each, tn_plan **plan, tn_error *error)
{
    const tn_tensor_desc *x = desc->in[0];
    dn_loop *loop;
    DN_TRY(dn_loop_create(desc, run, sizeof(norm_extra), &loop, error));
    norm_extra *norm = loop->extra;
    norm->pixels = x->dims[0] * x->dims[2] * x->dims[3];
    norm->channels = x->dims[1];
    norm->piece = pixel_grain(norm);
    norm->pieces = dn_max(1, (norm->pixels + norm->piece - 1) / norm->piece);
    dn_images_init(&norm->images, loop);
    norm->sums_at = loop->plan.workspace_bytes;
    norm->factors_at =
        norm->sums_at + dn_round_up((uint64_t)(2 * norm->channels * norm->pieces) * sizeof(double), DN_ALIGNMENT);
    loop->plan.workspace_bytes = norm->factors_at + (uint64_t)(FACTORS * norm->channels) * sizeof(float);
    loop->plan.flops = flops_each * (uint64_t)tn_desc_numel(x);
    *plan = &loop->plan;
    return TN_OK;
}

tn_status dn_batch_norm2d_check(const tn_kernel *self TN_UNUSED, tn_device *device TN_UNUSED, const tn_op_desc *desc,
                                tn_error *error)
{
    return dn_dtype_in(desc, desc->in[0]->dtype, DN_BIT(TN_F32), error);
}

tn_status dn_batch_norm2d_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                               tn_error *error)
{
    DN_TRY(dn_batch_norm2d_check(self, device, desc, error));
    return make(desc, run_forward, 8, plan, error);
}

tn_status dn_batch_norm2d_grad_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    return dn_batch_norm2d_check(self, device, desc, error);
}

tn_status dn_batch_norm2d_grad_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                                    tn_error *error)
{
    DN_TRY(dn_batch_norm2d_grad_check(self, device, desc, error));
    return make(desc, run_gradient, 10, plan, error);
}
