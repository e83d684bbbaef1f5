/* SPDX-License-Identifier: Apache-2.0
 *
 * Between host memory and devices, and from device to device. */
#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/recorder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint64_t bytes_of(const tn_tensor *x)
{
    return (uint64_t)tn_numel(x) * tn_dtype_size(x->desc.dtype);
}

static bool size_fits(tn_tensor *x, const char *what, size_t bytes)
{
    if (tn_is_nil(x)) return false;
    if (bytes == bytes_of(x)) return true;
    tn_raise(x->ctx, TN_INVALID, "%s: x has shape %s of %s, %llu bytes, but %zu bytes are given", what, TN_SHAPE_OF(x),
             tn_dtype_name(x->desc.dtype), (unsigned long long)bytes_of(x), bytes);
    return false;
}

tn_status tn_read(tn_tensor *x, void *data, size_t bytes)
{
    tn_context *tn = x->ctx;
    if (!size_fits(x, "read", bytes) || bytes == 0) return tn_check(tn);
    if (tn->recorder && !tn__note_host_read(x, "read")) return tn_check(tn);
    tn_mark mark = tn_begin(tn);
    bool recording = tn_set_grad_enabled(tn, false);
    tn_tensor *flat = tn_contiguous(x);
    if (!tn_is_nil(flat)) {
        tn_dev *dev = tn__dev_of(flat);
        tn_error error = TN_ERROR_INIT;
        if (dev->plugin->memory_copy(dev->handle, dev->stream, data, tn__data(flat), bytes, TN_COPY_TO_HOST, &error) !=
            TN_OK)
            tn__raise_error(tn, "read", &error);
        else
            tn__sync(dev);
    }
    tn_set_grad_enabled(tn, recording);
    tn_end(tn, mark, NULL);
    return tn_check(tn);
}

/* Element i of an array of a dtype. */
static double element(tn_dtype dtype, const void *array, int64_t i)
{
    switch (dtype) {
    case TN_F64: return ((const double *)array)[i];
    case TN_F32: return (double)((const float *)array)[i];
    case TN_I64: return (double)((const int64_t *)array)[i];
    case TN_I32: return ((const int32_t *)array)[i];
    default: return ((const uint8_t *)array)[i];
    }
}

tn_status tn_read_f64(tn_tensor *x, double *values, int64_t count)
{
    tn_context *tn = x->ctx;
    if (tn_is_nil(x)) return tn_check(tn);
    if (count != tn_numel(x)) {
        tn_raise(tn, TN_INVALID, "read: x has shape %s, but there is room for %lld elements", TN_SHAPE_OF(x),
                 (long long)count);
        return tn_check(tn);
    }
    void *array = malloc((size_t)bytes_of(x) + 1);
    if (!array) {
        tn_raise(tn, TN_OUT_OF_MEMORY, "read: no host memory for the elements of x");
        return tn_check(tn);
    }
    if (tn_read(x, array, (size_t)bytes_of(x)) == TN_OK)
        for (int64_t i = 0; i < count; i++) values[i] = element(x->desc.dtype, array, i);
    free(array);
    return tn_check(tn);
}

static tn_status upload(tn_tensor *x, const void *data, size_t bytes)
{
    tn_dev *dev = tn__dev_of(x);
    tn_error error = TN_ERROR_INIT;
    if (dev->plugin->memory_copy(dev->handle, dev->stream, tn__data(x), data, bytes, TN_COPY_TO_DEVICE, &error) !=
        TN_OK)
        tn__raise_error(x->ctx, "write", &error);
    else if (!(dev->info.flags & TN_DEVICE_SYNCHRONOUS))
        tn__sync(dev); /* the caller may change its data as soon as we return */
    return tn_check(x->ctx);
}

tn_status tn_write(tn_tensor *x, const void *data, size_t bytes)
{
    tn_context *tn = x->ctx;
    if (!size_fits(x, "write", bytes) || bytes == 0 || !tn__may_write(x, "write")) return tn_check(tn);
    if (tn->recorder && !tn__note_host_write(x, "write")) return tn_check(tn);
    x->storage->version++;
    if (tn_is_contiguous(x)) return upload(x, data, bytes);

    tn_recorder *recorder = tn->recorder; /* takes no part in it: what is written now stays */
    tn->recorder = NULL;
    tn_mark mark = tn_begin(tn);
    tn_tensor_desc desc = x->desc;
    tn__row_major(&desc);
    tn_tensor *flat = tn__new(tn__dev_of(x), &desc);
    if (!tn_is_nil(flat) && upload(flat, data, bytes) == TN_OK) tn__apply_into(tn, &tn__op_copy, NULL, 1, &flat, x);
    tn_end(tn, mark, NULL);
    tn->recorder = recorder;
    return tn_check(tn);
}

/* ---- one value */

static bool one_element(tn_tensor *x)
{
    if (tn_is_nil(x)) return false;
    if (tn_numel(x) == 1) return true;
    tn_raise(x->ctx, TN_INVALID, "item: x must have one element, but has shape %s", TN_SHAPE_OF(x));
    return false;
}

double tn_item(tn_tensor *x)
{
    double value = NAN;
    if (one_element(x) && tn_read_f64(x, &value, 1) != TN_OK) return NAN;
    return value;
}

int64_t tn_item_i64(tn_tensor *x)
{
    int64_t value = 0;
    if (!tn_is_nil(x) && x->desc.dtype != TN_I64) return (int64_t)tn_item(x);
    return one_element(x) && tn_read(x, &value, sizeof value) == TN_OK ? value : 0;
}

/* ---- between devices */

static void to_grad(tn_grad *g)
{
    tn_send_grad(g, 0, tn_to(g->dy, tn_device_of(g->in[0])));
}

static const tn_op to_op = {.name = "to", .grad = to_grad};

static tn_tensor *convey(tn_tensor *x, tn_dev *dev)
{
    tn_tensor_desc desc = x->desc;
    size_t bytes = bytes_of(x);
    tn__row_major(&desc);
    tn_tensor *y = tn__new(dev, &desc);
    if (tn_is_nil(y) || bytes == 0) return y;
    if (tn__dev_of(x)->info.flags & TN_DEVICE_HOST_MEMORY && tn_is_contiguous(x)) {
        if (tn__sync(tn__dev_of(x)) == TN_OK) upload(y, tn__data(x), bytes);
        return y;
    }
    void *staging = malloc(bytes);
    if (!staging)
        return tn_raise(x->ctx, TN_OUT_OF_MEMORY, "to: no %.3f GB of host memory to pass through", (double)bytes / 1e9);
    if (tn_read(x, staging, bytes) == TN_OK) upload(y, staging, bytes);
    free(staging);
    return y;
}

tn_tensor *tn_to(tn_tensor *x, const char *device)
{
    tn_context *tn = x->ctx;
    if (tn_is_nil(x) || strcmp(device, tn_device_of(x)) == 0) return x;
    tn_dev *dev = tn__device(tn, device);
    if (!dev) return tn__nil(tn);
    if (dev == tn__dev_of(x)) return x;
    if (tn->recorder)
        tn__give_up_recording(tn, "a tensor %s moves from %s to %s", TN_SHAPE_OF(x), tn_device_of(x), dev->name);
    tn_tensor *y = convey(x, dev);
    if (tn_check(tn) != TN_OK || tn_is_nil(y)) return tn__nil(tn);
    return tn__record(tn, &to_op, NULL, 0, 1, &x, 1, &y) ? y : tn__nil(tn);
}
