/* SPDX-License-Identifier: Apache-2.0
 *
 * New tensors, and writing to them in place. */
#include "engine/recorder.h"

#include <math.h>
#include <string.h>

tn_tensor *tn_empty(tn_context *tn, tn_dtype dtype, int rank, const int64_t *dims)
{
    tn_tensor_desc desc;
    if (!tn->default_dev || !tn__desc(tn, &desc, dtype, rank, dims)) return tn__nil(tn);
    return tn__new(tn->default_dev, &desc);
}

tn_tensor *tn_from(tn_context *tn, const void *data, tn_dtype dtype, int rank, const int64_t *dims)
{
    tn_tensor *x = tn_empty(tn, dtype, rank, dims);
    if (!tn_is_nil(x)) tn_write(x, data, (size_t)tn_numel(x) * tn_dtype_size(dtype));
    return tn_check(tn) == TN_OK ? x : tn__nil(tn);
}

static tn_tensor *zero(tn_tensor *x)
{
    tn_error error = TN_ERROR_INIT;
    if (tn_is_nil(x) || tn_numel(x) == 0) return x;
    if (x->ctx->recorder) { /* which takes down operators only */
        tn_fill_(x, 0);
        return tn_check(x->ctx) == TN_OK ? x : tn__nil(x->ctx);
    }
    tn_dev *dev = tn__dev_of(x);
    uint64_t bytes = (uint64_t)tn_numel(x) * tn_dtype_size(x->desc.dtype);
    if (dev->plugin->memory_fill(dev->handle, dev->stream, tn__data(x), 0, bytes, &error) == TN_OK) return x;
    return tn__raise_error(x->ctx, "zeros", &error);
}

tn_tensor *tn_zeros(tn_context *tn, tn_dtype dtype, int rank, const int64_t *dims)
{
    return zero(tn_empty(tn, dtype, rank, dims));
}

tn_tensor *tn_full(tn_context *tn, tn_dtype dtype, double value, int rank, const int64_t *dims)
{
    tn_tensor *x = tn_empty(tn, dtype, rank, dims);
    tn_fill_(x, value);
    return x;
}

tn_tensor *tn_ones(tn_context *tn, tn_dtype dtype, int rank, const int64_t *dims)
{
    return tn_full(tn, dtype, 1, rank, dims);
}

tn_tensor *tn_scalar(tn_context *tn, tn_dtype dtype, double value)
{
    return tn_full(tn, dtype, value, TN_SCALAR);
}

/* On x's device and, where x is dense, in x's memory order. */
static tn_tensor *empty_like(tn_tensor *x)
{
    if (tn_is_nil(x)) return x;
    tn_tensor_desc desc = x->desc;
    if (!tn__is_dense(&desc)) tn__row_major(&desc);
    return tn__new(tn__dev_of(x), &desc);
}

tn_tensor *tn_zeros_like(tn_tensor *x)
{
    return zero(empty_like(x));
}

tn_tensor *tn_ones_like(tn_tensor *x)
{
    tn_tensor *y = empty_like(x);
    tn_fill_(y, 1);
    return y;
}

tn_tensor *tn_arange(tn_context *tn, tn_dtype dtype, double start, double stop, double step)
{
    double count = step != 0 ? ceil((stop - start) / step) : -1;
    if (!(count >= 0 && count < 9e15))
        return tn_raise(tn, TN_INVALID, "arange: from %g to %g in steps of %g has no end", start, stop, step);
    tn_tensor *x = tn_empty(tn, dtype, TN_SHAPE((int64_t)count));
    tn_arange_attrs attrs = {sizeof attrs, start, step};
    if (!tn_is_nil(x)) TN_APPLY(tn, arange, &attrs, x);
    return tn_check(tn) == TN_OK ? x : tn__nil(tn);
}

/* ---- in place */

void tn_fill_(tn_tensor *x, double value)
{
    tn_scalar_attrs attrs = {sizeof attrs, value};
    TN_APPLY(x->ctx, fill, &attrs, x);
}

tn_tensor *tn__rng(tn_dev *dev, int64_t *call)
{
    uint64_t state[2];
    tn_context *tn = dev->ctx;
    tn_tensor_desc desc;
    *call = 0;
    if (tn->recorder) return tn__recorded_rng(dev, call);
    tn__next_rng(tn, &state[0], &state[1]);
    if (!tn__desc(tn, &desc, TN_I64, TN_SHAPE(2))) return tn__nil(tn);
    tn_tensor *rng = tn__new(dev, &desc);
    tn_write(rng, state, sizeof state);
    return rng;
}

static void fill_random(tn_tensor *x, const tn_op *op, double a, double b)
{
    tn_random_attrs attrs = {sizeof attrs, a, b, 0};
    if (tn_is_nil(x)) return;
    tn_tensor *rng = tn__rng(tn__dev_of(x), &attrs.call);
    tn__apply(x->ctx, op, &attrs, 2, (tn_tensor *[]){x, rng});
}

void tn_uniform_(tn_tensor *x, double low, double high)
{
    fill_random(x, &tn__op_uniform, low, high);
}

void tn_normal_(tn_tensor *x, double mean, double std)
{
    fill_random(x, &tn__op_normal, mean, std);
}

tn_tensor *tn_uniform(tn_context *tn, tn_dtype dtype, double low, double high, int rank, const int64_t *dims)
{
    tn_tensor *x = tn_empty(tn, dtype, rank, dims);
    tn_uniform_(x, low, high);
    return x;
}

tn_tensor *tn_normal(tn_context *tn, tn_dtype dtype, double mean, double std, int rank, const int64_t *dims)
{
    tn_tensor *x = tn_empty(tn, dtype, rank, dims);
    tn_normal_(x, mean, std);
    return x;
}

void tn_copy_(tn_tensor *x, tn_tensor *from)
{
    tn_context *tn = x->ctx;
    if (tn_is_nil(x) || tn_is_nil(from)) return;
    if (from->requires_grad && tn->grad_enabled) {
        tn_raise(tn, TN_INVALID,
                 "copy_: from requires a gradient, which writing in place would lose; use tn_detach(from)");
        return;
    }
    from = tn_to(tn_cast(from, x->desc.dtype), tn_device_of(x));
    tn__apply_into(tn, &tn__op_copy, NULL, 1, &from, x);
}
