/* SPDX-License-Identifier: Apache-2.0
 *
 * fill and arange: y in place, from a number or from the index. */
#include "ops/copy.h"
#include "ops/elementwise.h"
#include "ops/generate.h"

#include <math.h>

/* ---- fill */

static bool fill_infer(tn_infer *infer)
{
    const tn_scalar_attrs *attrs = infer->attrs;
    return tn__check_value(infer, tn_dtype_of(infer->in[0]), attrs->value);
}

/* A copy of one element to all. */
static tn_status fill_run(const tn_run *run, tn_error *error TN_UNUSED)
{
    const tn_tensor_desc number = {.struct_size = sizeof number, .dtype = run->in_desc[0]->dtype};
    uint64_t value;
    tn__store(number.dtype, ((const tn_scalar_attrs *)run->attrs)->value, &value);
    tn__copy(run->in_desc[0], run->in[0], &number, &value);
    return TN_OK;
}

const tn_op tn__op_fill = {
    .name = "fill",
    .flags = TN_OP_ELEMENTWISE | TN_OP_STRIDED,
    .infer = fill_infer,
    .run = fill_run,
    .samples = TN_SAMPLES("y[2,3]; value=1.5", "y[]; value=-1", "y[0,3]; value=1", "y:i64[7]; value=-3",
                          "y:i32[7]; value=5", "y:u8[3,5]; value=255", "y:bool[9]; value=1"),
    .shapes = TN_SAMPLES("y[]; value=1"),
};

/* ---- arange */

static bool arange_infer(tn_infer *infer)
{
    const tn_arange_attrs *attrs = infer->attrs;
    if (isfinite(attrs->start) && isfinite(attrs->step)) return true;
    tn_raise(infer->ctx, TN_INVALID, "arange: start and step must be finite, but are %g and %g", attrs->start,
             attrs->step);
    return false;
}

static void arange_formula(const void *arg, int64_t first, int64_t n, double *values)
{
    const tn_arange_attrs *attrs = arg;
    for (int64_t i = 0; i < n; i++) values[i] = tn__scaled(attrs->start, (double)(first + i), attrs->step);
}

static tn_status arange_run(const tn_run *run, tn_error *error TN_UNUSED)
{
    tn__generate(run->in_desc[0], run->in[0], arange_formula, run->attrs);
    return TN_OK;
}

const tn_op tn__op_arange = {
    .name = "arange",
    .flags = TN_OP_ELEMENTWISE | TN_OP_STRIDED,
    .infer = arange_infer,
    .run = arange_run,
    .samples = TN_SAMPLES("y[7]; start=1 step=0.5", "y[0]; start=1 step=1", "y[300]; start=-0.1 step=0.3",
                          "y:i64[9]; start=-4 step=1", "y:i32[9]; start=0 step=2.5", "y:u8[5]; start=253 step=1"),
};
