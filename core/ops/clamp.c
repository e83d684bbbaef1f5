/* SPDX-License-Identifier: Apache-2.0
 *
 * clamp: min(max(x, min), max), a piece at a time by the loops of maximum and minimum. NaN stays NaN. */
#include "ops/binary.h"

#include <math.h>

enum { AT_ONCE = 2048 };

typedef struct limits {
    tn_dtype dtype;
    uint64_t low, high; /* one element of dtype each */
} limits;

static void clamp_span(const tn_span *span)
{
    const limits *bounds = span->arg;
    const tn_loop maximum = tn__maximum_loops.of[bounds->dtype], minimum = tn__minimum_loops.of[bounds->dtype];
    const int64_t to = span->step[0], from = span->step[1];
    for (int64_t done = 0; done < span->n; done += AT_ONCE) {
        const int64_t left = span->n - done, n = left < AT_ONCE ? left : AT_ONCE;
        char *y = span->at[0] + done * to, *x = span->at[1] + done * from;
        maximum(&(tn_span){.n = n, .at = {y, x, (char *)&bounds->low}, .step = {to, from, 0}});
        minimum(&(tn_span){.n = n, .at = {y, y, (char *)&bounds->high}, .step = {to, to, 0}});
    }
}

/* An infinite bound is none, of integers too. */
static bool check_bound(tn_infer *infer, const char *which, double bound)
{
    if (isnan(bound)) tn_raise(infer->ctx, TN_INVALID, "clamp: %s must be a number, but is NaN", which);
    return !isnan(bound) && (isinf(bound) || tn__check_value(infer, tn_dtype_of(infer->in[0]), bound));
}

static bool infer(tn_infer *infer)
{
    const tn_clamp_attrs *attrs = infer->attrs;
    return tn__elementwise_infer(infer) && check_bound(infer, "min", attrs->min) &&
           check_bound(infer, "max", attrs->max);
}

static tn_status run(const tn_run *run, tn_error *error TN_UNUSED)
{
    const tn_clamp_attrs *attrs = run->attrs;
    const tn_operand operands[] = {{run->out_desc[0], run->out[0]}, {run->in_desc[0], run->in[0]}};
    limits bounds = {.dtype = run->in_desc[0]->dtype};
    tn__store(bounds.dtype, attrs->min, &bounds.low);
    tn__store(bounds.dtype, attrs->max, &bounds.high);
    tn__elementwise(2, operands, TN_GRAIN_CHEAP, clamp_span, &bounds);
    return TN_OK;
}

static void grad(tn_grad *g)
{
    const tn_clamp_attrs *attrs = g->attrs;
    tn_tensor *x = g->in[0];
    tn_tensor *inside = tn_logical_and(tn_ge_scalar(x, attrs->min), tn_le_scalar(x, attrs->max));
    tn_send_grad(g, 0, tn_where(inside, g->dy, tn_zeros_like(g->dy)));
}

const tn_op tn__op_clamp = {
    .name = "clamp",
    .flags = TN_OP_ELEMENTWISE | TN_OP_STRIDED,
    .infer = infer,
    .run = run,
    .grad = grad,
    .samples = TN_SAMPLES("x[2,3]; min=-1 max=0.5", "x[]; min=0 max=1", "x[0,3]; min=0 max=1", "x[7,1,13]; min=1 max=0",
                          "x:f32[257]; min=-0.5 max=0.5", "x:i64[9]{-9,9}; min=-2 max=3", "x:i32[3,5]; min=1 max=3",
                          "x:u8[7]; min=1 max=3"),
    .data = &tn__maximum_loops,
};

tn_tensor *tn_clamp(tn_tensor *x, double min, double max)
{
    return TN_APPLY(x->ctx, clamp, &((tn_clamp_attrs){sizeof(tn_clamp_attrs), min, max}), x);
}
