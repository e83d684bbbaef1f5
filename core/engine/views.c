/* SPDX-License-Identifier: Apache-2.0
 *
 * Views: other dims and strides over the same memory. They run no kernel; their gradients are views as well, but for
 * slices, whose gradient is zero outside. */
#include "engine/views.h"
#include "engine/autograd.h"
#include "engine/recorder.h"

#include <string.h>

/* A view and its place in the graph. attrs may be NULL. */
static tn_tensor *view_as(tn_tensor *x, const tn_op *op, const void *attrs, size_t attrs_size, tn_tensor_desc *desc,
                          uint64_t offset)
{
    for (uint32_t i = desc->rank; i < TN_MAX_RANK; i++) desc->dims[i] = desc->strides[i] = 0;
    tn_tensor *y = tn__view(x, desc, offset);
    if (tn_is_nil(y)) return y;
    if (x->ctx->recorder && !tn__note_view(x->ctx, op, attrs, attrs_size, x, y)) return tn__nil(x->ctx);
    return tn__record(x->ctx, op, attrs, attrs_size, 1, &x, 1, &y) ? y : tn__nil(x->ctx);
}

/* ---- reshape, and all that only cuts dims in another way */

static void reshape_grad(tn_grad *g)
{
    tn_send_grad(g, 0, tn_reshape(g->dy, tn_rank(g->in[0]), tn_dims(g->in[0])));
}

const tn_op tn__view_reshape = {.name = "reshape", .grad = reshape_grad};

/* Dims with a -1 filled in; false after raising. */
static bool resolve(tn_tensor *x, int rank, const int64_t *dims, int64_t *out)
{
    int64_t known = 1;
    int open = -1;
    bool ok = rank >= 0 && rank <= TN_MAX_RANK;
    for (int i = 0; ok && i < rank; i++) {
        out[i] = dims[i];
        if (dims[i] == -1 && open < 0)
            open = i;
        else
            ok = dims[i] >= 0 && !__builtin_mul_overflow(known, dims[i], &known);
    }
    if (ok && open >= 0) {
        ok = known > 0 && tn_numel(x) % known == 0;
        out[open] = ok ? tn_numel(x) / known : -1;
    } else
        ok = ok && known == tn_numel(x);
    if (!ok)
        tn_raise(x->ctx, TN_INVALID, "reshape: x of shape %s (%lld elements) cannot have shape %s", TN_SHAPE_OF(x),
                 (long long)tn_numel(x), TN_DIMS_OF(rank, dims));
    return ok;
}

/* Strides for new dims without moving elements: runs of old dims that are contiguous among themselves are cut anew.
 * False if that is not possible. */
static bool restride(const tn_tensor_desc *old, tn_tensor_desc *new)
{
    int o = (int)old->rank - 1, n = (int)new->rank - 1;
    while (n >= 0 || o >= 0) {
        while (o >= 0 && old->dims[o] == 1) o--;
        if (o < 0) {
            for (; n >= 0; n--) new->strides[n] = 1; /* only dims of 1 are left */
            return true;
        }
        int64_t stride = old->strides[o], run = old->dims[o], filled = 1;
        for (o--; o >= 0 && (old->dims[o] == 1 || old->strides[o] == stride * run); o--) run *= old->dims[o];
        while (n >= 0 && filled < run) {
            new->strides[n] = stride *filled;
            filled *= new->dims[n--];
        }
        if (filled != run) return false;
    }
    return true;
}

tn_tensor *tn_reshape(tn_tensor *x, int rank, const int64_t *dims)
{
    tn_tensor_desc desc = x->desc;
    int64_t resolved[TN_MAX_RANK] = {0};
    if (tn_is_nil(x) || !resolve(x, rank, dims, resolved)) return tn__nil(x->ctx);
    desc.rank = (uint32_t)rank;
    memcpy(desc.dims, resolved, sizeof desc.dims);
    tn__row_major(&desc);
    if (tn_numel(x) && !tn_is_contiguous(x) && !restride(&x->desc, &desc)) {
        x = tn_contiguous(x);
        if (tn_is_nil(x)) return x;
        tn__row_major(&desc);
    }
    return view_as(x, &tn__view_reshape, NULL, 0, &desc, x->offset);
}

tn_tensor *tn_flatten(tn_tensor *x, int start_dim, int end_dim)
{
    int64_t dims[TN_MAX_RANK];
    int rank = tn_rank(x), n = 0;
    if (tn_is_nil(x)) return x;
    if (rank == 0) return tn_reshape(x, TN_SHAPE(1));
    int start = tn__wrap_dim(x, "flatten", start_dim, rank), end = tn__wrap_dim(x, "flatten", end_dim, rank);
    if (start < 0 || end < 0) return tn__nil(x->ctx);
    if (start > end)
        return tn_raise(x->ctx, TN_INVALID, "flatten: start dim %d comes after end dim %d", start_dim, end_dim);
    for (int i = 0; i < rank; i++)
        if (i > start && i <= end)
            dims[n - 1] *= x->desc.dims[i];
        else
            dims[n++] = x->desc.dims[i];
    return tn_reshape(x, n, dims);
}

tn_tensor *tn_squeeze(tn_tensor *x, int dim)
{
    int64_t dims[TN_MAX_RANK];
    int rank = tn_rank(x), n = 0;
    if (tn_is_nil(x)) return x;
    dim = tn__wrap_dim(x, "squeeze", dim, rank);
    if (dim < 0) return tn__nil(x->ctx);
    if (x->desc.dims[dim] != 1) return x;
    for (int i = 0; i < rank; i++)
        if (i != dim) dims[n++] = x->desc.dims[i];
    return tn_reshape(x, n, dims);
}

tn_tensor *tn_unsqueeze(tn_tensor *x, int dim)
{
    int64_t dims[TN_MAX_RANK + 1];
    int rank = tn_rank(x), n = 0;
    if (tn_is_nil(x)) return x;
    dim = tn__wrap_dim(x, "unsqueeze", dim, rank + 1);
    if (dim < 0) return tn__nil(x->ctx);
    for (int i = 0; i <= rank; i++) dims[i] = i == dim ? 1 : x->desc.dims[n++];
    return tn_reshape(x, rank + 1, dims);
}

/* ---- permute */

static void permute_grad(tn_grad *g)
{
    const tn_permute_attrs *attrs = g->attrs;
    int64_t inverse[TN_MAX_RANK];
    for (int i = 0; i < tn_rank(g->in[0]); i++) inverse[attrs->order[i]] = i;
    tn_send_grad(g, 0, tn_permute(g->dy, tn_rank(g->in[0]), inverse));
}

const tn_op tn__view_permute = {.name = "permute", .grad = permute_grad};

tn_tensor *tn_permute(tn_tensor *x, int rank, const int64_t *order)
{
    tn_permute_attrs attrs = {.struct_size = sizeof attrs};
    tn_tensor_desc desc = x->desc;
    uint32_t seen = 0;
    if (tn_is_nil(x)) return x;
    bool ok = rank == tn_rank(x);
    for (int i = 0; ok && i < rank; i++) {
        int64_t from = order[i] < 0 ? order[i] + rank : order[i];
        ok = from >= 0 && from < rank && !(seen >> from & 1);
        if (!ok) break;
        seen |= 1u << from;
        attrs.order[i] = from;
        desc.dims[i] = x->desc.dims[from];
        desc.strides[i] = x->desc.strides[from];
    }
    if (!ok)
        return tn_raise(x->ctx, TN_INVALID, "permute: %s is no order of the %d dims of x (%s)", TN_DIMS_OF(rank, order),
                        tn_rank(x), TN_SHAPE_OF(x));
    return view_as(x, &tn__view_permute, &attrs, sizeof attrs, &desc, x->offset);
}

tn_tensor *tn_transpose(tn_tensor *x, int dim0, int dim1)
{
    int64_t order[TN_MAX_RANK];
    int rank = tn_rank(x);
    if (tn_is_nil(x)) return x;
    dim0 = tn__wrap_dim(x, "transpose", dim0, rank);
    dim1 = tn__wrap_dim(x, "transpose", dim1, rank);
    if (dim0 < 0 || dim1 < 0) return tn__nil(x->ctx);
    for (int i = 0; i < rank; i++) order[i] = i == dim0 ? dim1 : i == dim1 ? dim0 : i;
    return tn_permute(x, rank, order);
}

/* ---- slices */

static tn_tensor *slice(tn_tensor *x, const tn_slice_attrs *how);

/* Zeros with dy at the slice's place. */
static tn_tensor *unslice(tn_tensor *dy, const tn_slice_attrs *how);

static void slice_grad(tn_grad *g)
{
    tn_send_grad(g, 0, unslice(g->dy, g->attrs));
}

static void unslice_grad(tn_grad *g)
{
    tn_send_grad(g, 0, slice(g->dy, g->attrs));
}

const tn_op tn__view_slice = {.name = "slice", .grad = slice_grad};
static const tn_op unslice_op = {.name = "slice_grad", .grad = unslice_grad};

static tn_tensor *slice(tn_tensor *x, const tn_slice_attrs *how)
{
    tn_tensor_desc desc = x->desc;
    if (tn_is_nil(x)) return x;
    int64_t skipped = how->length ? how->start * desc.strides[how->dim] : 0;
    desc.dims[how->dim] = how->length;
    desc.strides[how->dim] *= how->step;
    return view_as(x, &tn__view_slice, how, sizeof *how, &desc,
                   x->offset + (uint64_t)skipped * tn_dtype_size(desc.dtype));
}

static tn_tensor *unslice(tn_tensor *dy, const tn_slice_attrs *how)
{
    tn_context *tn = dy->ctx;
    tn_tensor_desc desc = dy->desc;
    desc.dims[how->dim] = how->size;
    tn__row_major(&desc);
    bool recording = tn_set_grad_enabled(tn, false);
    tn_tensor *dx = tn__new(tn__dev_of(dy), &desc);
    tn_fill_(dx, 0);
    if (!tn_is_nil(dx)) tn_copy_(slice(dx, how), dy);
    tn_set_grad_enabled(tn, recording);
    if (tn_check(tn) != TN_OK) return tn__nil(tn);
    return tn__record(tn, &unslice_op, how, sizeof *how, 1, &dy, 1, &dx) ? dx : tn__nil(tn);
}

tn_tensor *tn_slice(tn_tensor *x, int dim, int64_t start, int64_t stop, int64_t step)
{
    if (tn_is_nil(x)) return x;
    dim = tn__wrap_dim(x, "slice", dim, tn_rank(x));
    if (dim < 0) return tn__nil(x->ctx);
    if (step < 1) return tn_raise(x->ctx, TN_INVALID, "slice: a step of %lld is not possible", (long long)step);
    int64_t size = x->desc.dims[dim];
    if (start < 0) start += size;
    if (stop < 0) stop += size;
    start = start < 0 ? 0 : start > size ? size : start; /* as in Python */
    stop = stop < start ? start : stop > size ? size : stop;
    tn_slice_attrs how = {sizeof how, dim, start, (stop - start + step - 1) / step, step, size};
    return slice(x, &how);
}

tn_tensor *tn_narrow(tn_tensor *x, int dim, int64_t start, int64_t length)
{
    if (tn_is_nil(x)) return x;
    int d = tn__wrap_dim(x, "narrow", dim, tn_rank(x));
    if (d < 0) return tn__nil(x->ctx);
    int64_t size = x->desc.dims[d];
    if (start < 0) start += size;
    if (start < 0 || length < 0 || length > size || start > size - length)
        return tn_raise(x->ctx, TN_INVALID, "narrow: %lld elements from %lld do not lie within dim %d of x (%s)",
                        (long long)length, (long long)start, d, TN_SHAPE_OF(x));
    tn_slice_attrs how = {sizeof how, d, start, length, 1, size};
    return slice(x, &how);
}

tn_tensor *tn_select(tn_tensor *x, int dim, int64_t index)
{
    if (tn_is_nil(x)) return x;
    int d = tn__wrap_dim(x, "select", dim, tn_rank(x));
    if (d < 0) return tn__nil(x->ctx);
    if (index < -x->desc.dims[d] || index >= x->desc.dims[d])
        return tn_raise(x->ctx, TN_INVALID, "select: index %lld is not within dim %d of x (%s)", (long long)index, d,
                        TN_SHAPE_OF(x));
    return tn_squeeze(tn_narrow(x, d, index, 1), d);
}

/* ---- expand */

static void expand_grad(tn_grad *g)
{
    tn_send_grad(g, 0, tn__unbroadcast(g->dy, g->in[0]));
}

const tn_op tn__view_expand = {.name = "expand", .grad = expand_grad};

tn_tensor *tn_expand(tn_tensor *x, int rank, const int64_t *dims)
{
    int old_rank = tn_rank(x), more = rank - old_rank;
    tn_tensor_desc desc = {.struct_size = sizeof desc, .dtype = x->desc.dtype, .rank = (uint32_t)rank};
    if (tn_is_nil(x)) return x;
    bool ok = more >= 0 && rank <= TN_MAX_RANK;
    for (int i = 0; ok && i < rank; i++) {
        int64_t size = i < more ? 1 : x->desc.dims[i - more];
        desc.dims[i] = dims[i] == -1 && i >= more ? size : dims[i];
        desc.strides[i] = i < more || (size == 1 && desc.dims[i] != 1) ? 0 : x->desc.strides[i - more];
        ok = desc.dims[i] >= 0 && (size == 1 || size == desc.dims[i]);
    }
    tn_tensor_desc checked;
    if (!ok)
        return tn_raise(x->ctx, TN_INVALID, "expand: x of shape %s cannot be stretched to %s", TN_SHAPE_OF(x),
                        TN_DIMS_OF(rank, dims));
    if (!tn__desc(x->ctx, &checked, desc.dtype, rank, desc.dims)) return tn__nil(x->ctx);
    return view_as(x, &tn__view_expand, NULL, 0, &desc, x->offset);
}

/* ---- copies, and leaving the graph */

/* Do all indices lead to the same distance from the first element? Of tensors of one shape. */
static bool same_places(const tn_tensor_desc *a, const tn_tensor_desc *b)
{
    for (uint32_t i = 0; i < a->rank; i++)
        if (a->dims[i] != 1 && a->strides[i] != b->strides[i]) return false;
    return true;
}

static tn_tensor *copy_as(tn_tensor *x, const tn_tensor_desc *desc)
{
    tn_context *tn = x->ctx;
    tn_tensor *y = tn__new(tn__dev_of(x), desc);
    if (tn_is_nil(y) || !tn__apply_into(tn, &tn__op_copy, NULL, 1, &x, y)) return tn__nil(tn);
    return tn__record(tn, &tn__op_copy, NULL, 0, 1, &x, 1, &y) ? y : tn__nil(tn);
}

tn_tensor *tn_contiguous(tn_tensor *x)
{
    tn_tensor_desc desc = x->desc;
    if (tn_is_nil(x) || tn_is_contiguous(x)) return x;
    tn__row_major(&desc);
    return copy_as(x, &desc);
}

tn_tensor *tn__ordered_like(tn_tensor *x, const tn_tensor *like)
{
    if (tn_is_nil(x) || !tn__is_dense(&like->desc) || same_places(&x->desc, &like->desc)) return x;
    tn_tensor_desc desc = x->desc;
    memcpy(desc.strides, like->desc.strides, sizeof desc.strides);
    return copy_as(x, &desc);
}

tn_tensor *tn_clone(tn_tensor *x)
{
    tn_tensor_desc desc = x->desc;
    if (tn_is_nil(x)) return x;
    if (!tn__is_dense(&desc)) tn__row_major(&desc);
    return copy_as(x, &desc);
}

tn_tensor *tn_detach(tn_tensor *x)
{
    tn_tensor *y = tn__view(x, &x->desc, x->offset);
    if (tn_is_nil(y) || !x->ctx->recorder || tn__note_view(x->ctx, NULL, NULL, 0, x, y)) return y;
    return tn__nil(x->ctx);
}
