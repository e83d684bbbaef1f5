/* SPDX-License-Identifier: Apache-2.0
 *
 * Conversion between dtypes as C converts; where C leaves it undefined, numbers out of range saturate and NaN gives 0.
 * To bool: x != 0. Loops are named after source and target: f32_to_i64. */
#include "ops/elementwise.h"

#include <math.h>

/* ---- one number. The bounds 2^63, 2^31 and 2^8 are exact in f64, unlike INT64_MAX. */

static inline int64_t i64_of_real(double x)
{
    return isnan(x) ? 0 : x < -0x1p63 ? INT64_MIN : x >= 0x1p63 ? INT64_MAX : (int64_t)x;
}

static inline int32_t i32_of_integer(int64_t x)
{
    return x < INT32_MIN ? INT32_MIN : x > INT32_MAX ? INT32_MAX : (int32_t)x;
}

static inline uint8_t u8_of_integer(int64_t x)
{
    return x < 0 ? 0 : x > UINT8_MAX ? UINT8_MAX : (uint8_t)x;
}

static inline int32_t i32_of_real(double x)
{
    return i32_of_integer(i64_of_real(x));
}

static inline uint8_t u8_of_real(double x)
{
    return u8_of_integer(i64_of_real(x));
}

/* ---- loops: six targets for each source; a bool is read as the u8 that it is */

#define LOOPS(from, X, to_i64, to_i32, to_u8)         \
    TN_LOOP_1(, from##_to_f32, X, float, x)           \
    TN_LOOP_1(, from##_to_f64, X, double, x)          \
    TN_LOOP_1(, from##_to_i64, X, int64_t, to_i64(x)) \
    TN_LOOP_1(, from##_to_i32, X, int32_t, to_i32(x)) \
    TN_LOOP_1(, from##_to_u8, X, uint8_t, to_u8(x))   \
    TN_LOOP_1(, from##_to_bool, X, uint8_t, x != 0)

LOOPS(f32, float, i64_of_real, i32_of_real, u8_of_real)
LOOPS(f64, double, i64_of_real, i32_of_real, u8_of_real)
LOOPS(i64, int64_t, , i32_of_integer, u8_of_integer)
LOOPS(i32, int32_t, , , u8_of_integer)
LOOPS(u8, uint8_t, , , )

tn_loop tn__cast_loop(tn_dtype from, tn_dtype to)
{
#define ROW(from)                                                                                               \
    {                                                                                                           \
        [TN_F32] = from##_to_f32, [TN_F64] = from##_to_f64, [TN_I64] = from##_to_i64, [TN_I32] = from##_to_i32, \
        [TN_U8] = from##_to_u8, [TN_BOOL] = from##_to_bool                                                      \
    }
    static const tn_loop loops[TN_BOOL + 1][TN_BOOL + 1] = {
        [TN_F32] = ROW(f32), [TN_F64] = ROW(f64), [TN_I64] = ROW(i64),
        [TN_I32] = ROW(i32), [TN_U8] = ROW(u8),   [TN_BOOL] = ROW(u8)};
#undef ROW
    return loops[from][to];
}

void tn__store(tn_dtype dtype, double value, void *to)
{
    const tn_span one = {.n = 1, .at = {to, (char *)&value}};
    tn__cast_loop(TN_F64, dtype)(&one);
}

/* The whole numbers that an integer dtype holds; false for the others. */
static bool integer_range(tn_dtype dtype, double *low, double *high)
{
    *low = dtype == TN_I64 ? -0x1p63 : dtype == TN_I32 ? -0x1p31 : 0;
    *high = dtype == TN_I64 ? 0x1p63 - 1024 : dtype == TN_I32 ? 0x1p31 - 1 : dtype == TN_U8 ? 255 : 1;
    return dtype != TN_F32 && dtype != TN_F64;
}

bool tn__check_value(tn_infer *infer, tn_dtype dtype, double value)
{
    double low, high;
    if (!integer_range(dtype, &low, &high)) return true;
    if (value == trunc(value) && low <= value && value <= high) return true;
    tn_raise(infer->ctx, TN_INVALID,
             "%s: %g is no %s value; use a whole number from %.0f to %.0f, or convert the tensor with tn_cast first",
             infer->op->name, value, tn_dtype_name(dtype), low, high);
    return false;
}

/* ---- the operator */

static bool infer(tn_infer *infer)
{
    const tn_cast_attrs *attrs = infer->attrs;
    if (attrs->dtype >= TN_F32 && attrs->dtype <= TN_BOOL) {
        infer->out[0].dtype = (tn_dtype)attrs->dtype;
        return true;
    }
    tn_raise(infer->ctx, TN_INVALID, "cast: %lld is no dtype to convert to; there are f32, f64, i64, i32, u8 and bool",
             (long long)attrs->dtype);
    return false;
}

static tn_status run(const tn_run *run, tn_error *error TN_UNUSED)
{
    const tn_operand operands[] = {{run->out_desc[0], run->out[0]}, {run->in_desc[0], run->in[0]}};
    const tn_loop loop = tn__cast_loop(run->in_desc[0]->dtype, run->out_desc[0]->dtype);
    tn__elementwise(2, operands, TN_GRAIN_CHEAP, loop, NULL);
    return TN_OK;
}

static void grad(tn_grad *g)
{
    tn_send_grad(g, 0, tn_cast(g->dy, tn_dtype_of(g->in[0])));
}

const tn_op tn__op_cast = {
    .name = "cast",
    .flags = TN_OP_ELEMENTWISE | TN_OP_STRIDED,
    .infer = infer,
    .run = run,
    .grad = grad,
    .samples = TN_SAMPLES("x[2,3]; dtype=2", "x[]; dtype=2", "x[0,3]; dtype=2", "x:f32[7,13]; dtype=1",
                          "x:f32[9]{-300,300}; dtype=5", "x:f32[9]; dtype=6", "x:f32[9]{-5,5}; dtype=3",
                          "x:f32[9]{-5,5}; dtype=4", "x:i64[9]{-300,300}; dtype=5", "x:i64[9]; dtype=1",
                          "x:i32[9]{-5,5}; dtype=3", "x:i32[9]; dtype=6", "x:u8[9]; dtype=1", "x:u8[9]; dtype=4",
                          "x:bool[9]; dtype=1", "x:bool[9]; dtype=3"),
};

tn_tensor *tn_cast(tn_tensor *x, tn_dtype dtype)
{
    if (tn_dtype_of(x) == dtype) return x;
    const tn_cast_attrs attrs = {sizeof attrs, dtype};
    return TN_APPLY(x->ctx, cast, &attrs, x);
}
