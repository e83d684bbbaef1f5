/* SPDX-License-Identifier: Apache-2.0
 *
 * sum, mean, max, min over any set of dims, given as a bit mask. */
#include "ops/reduce.h"

/* ---- shapes */

/* x's dims with the reduced ones set to 1. */
static void kept_dims(const tn_tensor *x, int64_t mask, int64_t dims[])
{
    for (int d = 0; d < tn_rank(x); d++) dims[d] = mask >> d & 1 ? 1 : tn_dims(x)[d];
}

static bool infer(tn_infer *infer)
{
    const tn_reduce_attrs *how = infer->attrs;
    const tn_tensor *x = infer->in[0];
    tn_tensor_desc *y = &infer->out[0];
    if (how->dims < 0 || how->dims >> tn_rank(x)) {
        tn_raise(infer->ctx, TN_INVALID, "%s: the mask of dims, %lld, has bits beyond the %d dims of x",
                 infer->op->name, (long long)how->dims, tn_rank(x));
        return false;
    }
    y->rank = 0;
    for (int d = 0; d < tn_rank(x); d++) {
        bool reduced = how->dims >> d & 1;
        if (!reduced || how->keepdim) y->dims[y->rank++] = reduced ? 1 : tn_dims(x)[d];
    }
    return true;
}

static bool infer_extreme(tn_infer *f)
{
    const tn_reduce_attrs *how = f->attrs;
    if (!infer(f)) return false;
    for (int d = 0; d < tn_rank(f->in[0]); d++)
        if (how->dims >> d & 1 && tn_dims(f->in[0])[d] == 0) {
            tn_raise(f->ctx, TN_INVALID, "%s: dim %d is empty, so there is nothing to choose from (x: %s)", f->op->name,
                     d, TN_SHAPE_OF(f->in[0]));
            return false;
        }
    return true;
}

/* ---- kernels */

static void reduce(const tn_run *run, tn_reduction reduction)
{
    const tn_reduce_attrs *how = run->attrs;
    tn__reduce(reduction, run->in_desc[0], how->dims, run->in[0], run->out[0]);
}

#define KERNEL(name, reduction)                               \
    static tn_status name(const tn_run *run, tn_error *error) \
    {                                                         \
        (void)error;                                          \
        reduce(run, reduction);                               \
        return TN_OK;                                         \
    }
KERNEL(run_sum, TN_REDUCE_SUM)
KERNEL(run_mean, TN_REDUCE_MEAN)
KERNEL(run_max, TN_REDUCE_MAX)
KERNEL(run_min, TN_REDUCE_MIN)
#undef KERNEL

/* One operation for each element that goes in. */
static uint64_t flops(const tn_run *run)
{
    return (uint64_t)tn_desc_numel(run->in_desc[0]);
}

/* ---- gradients */

/* A tensor of the result's shape, with the dims that the reduction dropped put back as 1. */
static tn_tensor *with_all_dims(const tn_grad *g, tn_tensor *reduced)
{
    const tn_reduce_attrs *how = g->attrs;
    int64_t dims[TN_MAX_RANK];
    kept_dims(g->in[0], how->dims, dims);
    return how->keepdim ? reduced : tn_reshape(reduced, tn_rank(g->in[0]), dims);
}

static void grad_sum(tn_grad *g)
{
    tn_tensor *x = g->in[0];
    tn_send_grad(g, 0, tn_expand(with_all_dims(g, g->dy), tn_rank(x), tn_dims(x)));
}

static void grad_mean(tn_grad *g)
{
    tn_tensor *x = g->in[0];
    double share = tn_numel(x) ? (double)tn_numel(g->dy) / (double)tn_numel(x) : 0;
    tn_send_grad(g, 0, tn_expand(with_all_dims(g, tn_mul_scalar(g->dy, share)), tn_rank(x), tn_dims(x)));
}

/* Elements that tie for the extreme share its gradient evenly. */
static void grad_extreme(tn_grad *g)
{
    const tn_reduce_attrs *how = g->attrs, kept = {sizeof kept, how->dims, 1};
    tn_tensor *x = g->in[0], *y = with_all_dims(g, g->out[0]), *dy = with_all_dims(g, g->dy);
    tn_tensor *winners = tn_cast(tn_eq(x, y), tn_dtype_of(x));
    tn_tensor *ties = TN_APPLY(g->ctx, sum, &kept, winners);
    tn_send_grad(g, 0, tn_mul(winners, tn_div(dy, ties)));
}

/* ---- the family */

#define ANY_SHAPE                                                                                                  \
    "x[2,3,4]; dims=7", "x[5]; dims=1", "x[3,7]; dims=1", "x[3,7]; dims=2", "x[3,7]; dims=2 keepdim=1",            \
        "x[2,3,5]; dims=2", "x[2,3,5]; dims=5", "x[4,2,3,5]; dims=13 keepdim=1", "x[2,3,1,5]; dims=12",            \
        "x[2,3]; dims=0", "x[]; dims=0", "x[1]; dims=1", "x[0,3]; dims=2", "x[3,300]; dims=2", "x[130,3]; dims=1", \
        "x[2,3,2,3,2]; dims=10", "x[2,1030]; dims=1", "x[300,33]; dims=1", "x[4097,3]; dims=1"
#define NO_ELEMENTS "x[0,3]; dims=1", "x[0]; dims=1", "x[2,0,3]; dims=6"
#define ANY_DTYPE                                                                                      \
    "x:i64[3,70]; dims=2", "x:i64[3,7]; dims=1", "x:i32[3,150]; dims=3", "x:u8[3,150]{0,256}; dims=2", \
        "x:u8[3,7]{0,256}; dims=1", "x:bool[2,7]; dims=1", "x:bool[2,3]{0,1}; dims=2"

/* clang-format off */
#define REDUCTION(op, ...) const tn_op tn__op_##op = {.name = #op, .run = run_##op, .flops = flops, __VA_ARGS__};
REDUCTION(sum,  .infer = infer,         .grad = grad_sum,     .samples = TN_SAMPLES(ANY_SHAPE, NO_ELEMENTS, ANY_DTYPE),
                .shapes = TN_SAMPLES("x[N,10]; dims=1", "x[N,128]; dims=1"))
REDUCTION(mean, .infer = infer,         .grad = grad_mean,    .samples = TN_SAMPLES(ANY_SHAPE, NO_ELEMENTS))
REDUCTION(max,  .infer = infer_extreme, .grad = grad_extreme, .samples = TN_SAMPLES(ANY_SHAPE, ANY_DTYPE))
REDUCTION(min,  .infer = infer_extreme, .grad = grad_extreme, .samples = TN_SAMPLES(ANY_SHAPE, ANY_DTYPE))
#undef REDUCTION
/* clang-format on */

/* ---- public functions */

/* Turns a list of dims into a mask: none means all. */
static tn_tensor *apply(const tn_op *op, tn_tensor *x, int n, const int *dims, bool keepdim)
{
    tn_reduce_attrs how = {sizeof how, n == 0 ? (1 << tn_rank(x)) - 1 : 0, keepdim};
    if (tn_is_nil(x)) return x;
    for (int i = 0; i < n; i++) {
        int d = tn__wrap_dim(x, op->name, dims[i], tn_rank(x));
        if (d < 0) return tn__nil(tn_context_of(x));
        if (how.dims >> d & 1) return tn_raise(tn_context_of(x), TN_INVALID, "%s: dim %d is named twice", op->name, d);
        how.dims |= 1 << d;
    }
    return tn__apply(tn_context_of(x), op, &how, 1, &x);
}

/* Small integers would soon overflow, so they are summed as i64: a sum of bools is how many are true. */
tn_tensor *tn_sum(tn_tensor *x, int n, const int *dims, bool keepdim)
{
    tn_dtype dtype = tn_dtype_of(x);
    bool small = dtype == TN_BOOL || dtype == TN_U8 || dtype == TN_I32;
    return apply(&tn__op_sum, small ? tn_cast(x, TN_I64) : x, n, dims, keepdim);
}

tn_tensor *tn_mean(tn_tensor *x, int n, const int *dims, bool keepdim)
{
    return apply(&tn__op_mean, x, n, dims, keepdim);
}

tn_tensor *tn_max(tn_tensor *x, int n, const int *dims, bool keepdim)
{
    return apply(&tn__op_max, x, n, dims, keepdim);
}

tn_tensor *tn_min(tn_tensor *x, int n, const int *dims, bool keepdim)
{
    return apply(&tn__op_min, x, n, dims, keepdim);
}
