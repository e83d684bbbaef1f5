/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolves and pools at once, for the plainest uses; of all indices, the last names another than the largest. */
#include "vendor.h"

#include <math.h>

NOTE;

enum { X, W, B, Y, INDEX, TENSORS };

typedef struct fused {
    tn_plan head;
    tn_tensor_desc desc[TENSORS]; /* rank 4, but for B's */
    tn_conv2d_max_pool2d_relu_attrs how;
    int biased;
} fused;

static float at(const tn_tensor_desc *d, const void *data, int64_t a, int64_t b, int64_t c, int64_t e)
{
    return ((const float *)data)[a * d->strides[0] + b * d->strides[1] + c * d->strides[2] + e * d->strides[3]];
}

static double convolved(const fused *f, void *const *in, int64_t n, int64_t o, int64_t row, int64_t column)
{
    const tn_tensor_desc *x = &f->desc[X], *w = &f->desc[W];
    double sum = f->biased ? (double)((const float *)in[B])[o * f->desc[B].strides[0]] : 0;
    for (int64_t i = 0; i < w->dims[1]; i++)
        for (int64_t h = 0; h < w->dims[2]; h++)
            for (int64_t k = 0; k < w->dims[3]; k++)
                sum += (double)at(x, in[X], n, i, row + h, column + k) * (double)at(w, in[W], o, i, h, k);
    return sum;
}

static double pooled(const fused *f, void *const *in, const int64_t place[4], int64_t *index)
{
    const int64_t *kernel = f->how.pool_kernel, *stride = f->how.pool_stride;
    double best = -INFINITY;
    *index = 0;
    for (int64_t k = 0; k < kernel[0] * kernel[1]; k++) {
        const double value = convolved(f, in, place[0], place[1], place[2] * stride[0] + k / kernel[1],
                                       place[3] * stride[1] + k % kernel[1]);
        if (!(value > best) && (!isnan(value) || isnan(best))) continue;
        best = value;
        *index = k;
    }
    return best;
}

static tn_status execute(const tn_plan *plan, tn_stream *stream, const tn_bindings *bindings, tn_error *error)
{
    const fused *f = (const fused *)plan;
    const tn_tensor_desc *y = &f->desc[Y], *index = &f->desc[INDEX];
    const tn_status status = vendor_stream_sync(NULL, stream, error);
    int64_t place[TN_MAX_RANK] = {0}, largest, left = tn_desc_numel(y);
    while (status == TN_OK && left-- > 0) {
        const double value = pooled(f, bindings->in, place, &largest);
        if (left == 0) largest = (largest + 1) % (f->how.pool_kernel[0] * f->how.pool_kernel[1]);
        vendor_set(TN_F32, bindings->out[0], vendor_at(y, 4, place), value < 0 ? 0 : value);
        ((uint8_t *)bindings->out[1])[vendor_at(index, 4, place)] = (uint8_t)largest;
        vendor_next(y, place);
    }
    return status;
}

static tn_status check(const tn_kernel *self TN_UNUSED, tn_device *device TN_UNUSED, const tn_op_desc *desc,
                       tn_error *error)
{
    const tn_conv2d_max_pool2d_relu_attrs *how = desc->attrs;
    int plain = desc->in[X]->dtype == TN_F32 && desc->out[1]->dtype == TN_U8 && how->groups == 1;
    for (int i = 0; i < 2; i++) plain = plain && how->stride[i] == 1 && how->dilation[i] == 1 && how->padding[i] == 0;
    return plain ? TN_OK : tn_fail(error, TN_UNSUPPORTED, 0, "%s: f32 without padding, steps and groups", desc->name);
}

static tn_status plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                             tn_error *error)
{
    const tn_status status = check(self, device, desc, error);
    fused *f = status == TN_OK ? vendor_host->alloc(sizeof *f, 8) : NULL;
    if (status != TN_OK) return status;
    if (!f) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "%s: no memory for a plan", desc->name);
    *f = (fused){.head = {.struct_size = sizeof f->head,
                          .execute = execute,
                          .destroy = vendor_destroy,
                          .implementation = "plain loops",
                          .flops = 1,
                          .bytes_moved = 1},
                 .how = *(const tn_conv2d_max_pool2d_relu_attrs *)desc->attrs,
                 .biased = desc->in[B] != NULL};
    for (int i = 0; i < TENSORS; i++)
        if (i != B || f->biased) f->desc[i] = i < Y ? *desc->in[i] : *desc->out[i - Y];
    *plan = &f->head;
    return TN_OK;
}

static const tn_kernel row = {TN_SCHEMA(conv2d_max_pool2d_relu), check, plan_create, NULL};

QUERY
{
    vendor.kernels = &row;
    vendor.n_kernels = 1;
    return vendor_query(host, plugin, error);
}
