/* SPDX-License-Identifier: Apache-2.0
 *
 * Tensors and their storage: descriptors, making and freeing, looking. */
#include "tensor/tensor.h"

#include "tensor/notes.h"

#include <stdlib.h>
#include <string.h>

/* ---- dtypes */

const char *tn_dtype_name(tn_dtype dtype)
{
    static const char *const names[] = {"none", "f32", "f64", "i64", "i32", "u8", "bool", "bf16", "f16"};
    return dtype < sizeof names / sizeof *names ? names[dtype] : "unknown";
}

/* ---- descriptors */

const char *tn__format_dims(int rank, const int64_t *dims, char *buffer)
{
    size_t used = 0;
    for (int i = 0; i < rank && i < TN_MAX_RANK; i++)
        used += (size_t)snprintf(buffer + used, TN_SHAPE_TEXT - used, "%s%lld", i ? ", " : "[", (long long)dims[i]);
    snprintf(buffer + used, TN_SHAPE_TEXT - used, rank > 0 ? "]" : "[]");
    return buffer;
}

const char *tn_format_shape(const tn_tensor *x, char *buffer)
{
    return tn__format_dims((int)x->desc.rank, x->desc.dims, buffer);
}

void tn__row_major(tn_tensor_desc *desc)
{
    int64_t stride = 1;
    for (uint32_t i = desc->rank; i-- > 0;) {
        desc->strides[i] = stride;
        stride *= desc->dims[i] ? desc->dims[i] : 1;
    }
}

void tn__channels_last(tn_tensor_desc *desc)
{
    static const int order[] = {1, 3, 2, 0}; /* fastest first: C W H N */
    int64_t stride = 1;
    for (int i = 0; i < 4; i++) {
        desc->strides[order[i]] = stride;
        stride *= desc->dims[order[i]] ? desc->dims[order[i]] : 1;
    }
}

bool tn__is_dense(const tn_tensor_desc *desc)
{
    uint32_t used = 0;
    int64_t expected = 1;
    for (uint32_t step = 0; step < desc->rank; step++) {
        uint32_t i = 0;
        while (i < desc->rank && (used >> i & 1 || (desc->dims[i] != 1 && desc->strides[i] != expected))) i++;
        if (i == desc->rank) return tn_desc_numel(desc) == 0;
        used |= 1u << i;
        expected *= desc->dims[i];
    }
    return true;
}

bool tn__desc(tn_context *tn, tn_tensor_desc *desc, tn_dtype dtype, int rank, const int64_t *dims)
{
    *desc = (tn_tensor_desc){.struct_size = sizeof *desc, .dtype = dtype};
    if (!tn_dtype_size(dtype) || dtype > TN_BOOL) {
        tn_raise(tn, TN_INVALID, "dtype %u (%s) cannot be used for tensors yet", dtype, tn_dtype_name(dtype));
        return false;
    }
    if (rank < 0 || rank > TN_MAX_RANK) {
        tn_raise(tn, TN_INVALID, "a tensor has 0 to %d dims, not %d", TN_MAX_RANK, rank);
        return false;
    }
    int64_t numel = 1;
    bool too_large = false;
    desc->rank = (uint32_t)rank;
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0) {
            tn_raise(tn, TN_INVALID, "dim %d of shape %s is negative", i, TN_DIMS_OF(rank, dims));
            return false;
        }
        desc->dims[i] = dims[i];
        too_large |= __builtin_mul_overflow(numel, dims[i] ? dims[i] : 1, &numel);
    }
    if (too_large || numel > INT64_MAX / 8) {
        tn_raise(tn, TN_OUT_OF_MEMORY, "shape %s has too many elements for any memory", TN_DIMS_OF(rank, dims));
        return false;
    }
    tn__row_major(desc);
    return true;
}

/* ---- making and freeing */

static tn_tensor *attach(tn_context *tn, tn_storage *storage, const tn_tensor_desc *desc, uint64_t offset)
{
    tn_tensor *x = calloc(1, sizeof *x);
    if (!x) return NULL;
    x->refs = 1;
    x->ctx = tn;
    x->storage = storage;
    x->offset = offset;
    x->desc = *desc;
    x->desc.struct_size = sizeof x->desc;
    uint64_t size = tn_dtype_size(desc->dtype);
    x->desc.alignment = ((uintptr_t)tn__data(x) & 63) == 0 ? 64 : size;
    storage->refs++;
    tn__scope_add(tn, x);
    return x;
}

void tn__storage_release(tn_storage *storage)
{
    if (!storage || --storage->refs > 0) return;
    tn_context *tn = storage->dev->ctx;
    if (tn->recorder) tn__note_freed(tn, storage);
    if (!storage->borrowed) tn__pool_free(storage->dev->pool, storage->data, storage->bytes);
    free(storage);
}

tn_tensor *tn__new(tn_dev *dev, const tn_tensor_desc *desc)
{
    tn_context *tn = dev->ctx;
    uint64_t bytes = (uint64_t)tn_desc_numel(desc) * tn_dtype_size(desc->dtype);
    tn_storage *storage = calloc(1, sizeof *storage);
    if (!storage) return tn_raise(tn, TN_OUT_OF_MEMORY, "no host memory for a tensor");
    *storage = (tn_storage){.refs = 1, .dev = dev, .bytes = bytes};
    if (bytes) {
        tn_error error = TN_ERROR_INIT;
        storage->data = tn__pool_alloc(dev->pool, &storage->bytes, &error);
        if (!storage->data) {
            free(storage);
            return tn_raise(tn, error.status ? error.status : TN_OUT_OF_MEMORY,
                            "%s has no %.3f GB for a tensor of shape %s: %s", dev->name, (double)bytes / 1e9,
                            TN_DESC_OF(desc), error.message);
        }
    }
    if (tn->recorder) tn__note_allocated(tn, storage);
    tn_tensor *x = attach(tn, storage, desc, 0);
    tn__storage_release(storage);
    return x ? x : tn_raise(tn, TN_OUT_OF_MEMORY, "no host memory for a tensor");
}

tn_tensor *tn__borrow(tn_tensor *x)
{
    tn_context *tn = x->ctx;
    tn_storage *storage = calloc(1, sizeof *storage);
    if (!storage) return tn_raise(tn, TN_OUT_OF_MEMORY, "no host memory for a tensor");
    *storage = (tn_storage){.refs = 1, .dev = x->storage->dev, .data = tn__data(x), .borrowed = true};
    storage->bytes = x->storage->bytes - x->offset;
    tn_tensor *y = attach(tn, storage, &x->desc, 0);
    tn__storage_release(storage);
    return y ? y : tn_raise(tn, TN_OUT_OF_MEMORY, "no host memory for a tensor");
}

tn_tensor *tn__view(tn_tensor *x, const tn_tensor_desc *desc, uint64_t offset)
{
    if (tn_is_nil(x)) return x;
    tn_tensor *view = attach(x->ctx, x->storage, desc, offset);
    return view ? view : tn_raise(x->ctx, TN_OUT_OF_MEMORY, "no host memory for a view");
}

void tn__free(tn_tensor *x)
{
    tn__node_free(x->node);
    tn_release(x->grad);
    tn__storage_release(x->storage);
    free(x);
}

/* ---- looking */

bool tn_is_nil(const tn_tensor *x)
{
    return x->storage == NULL;
}

tn_context *tn_context_of(const tn_tensor *x)
{
    return x->ctx;
}

const char *tn_device_of(const tn_tensor *x)
{
    return tn_is_nil(x) ? "" : tn__dev_of(x)->name;
}

tn_dtype tn_dtype_of(const tn_tensor *x)
{
    return x->desc.dtype;
}

int tn_rank(const tn_tensor *x)
{
    return (int)x->desc.rank;
}

int64_t tn_dim(const tn_tensor *x, int dim)
{
    int rank = tn_rank(x);
    return dim < -rank || dim >= rank ? 1 : x->desc.dims[dim < 0 ? dim + rank : dim];
}

const int64_t *tn_dims(const tn_tensor *x)
{
    return x->desc.dims;
}

const int64_t *tn_strides(const tn_tensor *x)
{
    return x->desc.strides;
}

int64_t tn_numel(const tn_tensor *x)
{
    return tn_desc_numel(&x->desc);
}

bool tn_is_contiguous(const tn_tensor *x)
{
    return tn_desc_contiguous(&x->desc);
}

int tn__wrap_dim(tn_tensor *x, const char *what, int dim, int rank)
{
    if (dim >= -rank && dim < rank) return dim < 0 ? dim + rank : dim;
    tn_raise(x->ctx, TN_INVALID, "%s: dim %d is not one of the %d dims (x: %s)", what, dim, rank, TN_SHAPE_OF(x));
    return -1;
}
