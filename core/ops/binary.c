/* SPDX-License-Identifier: Apache-2.0
 *
 * Elementwise operators of two inputs, broadcast as in NumPy: a row is a name, the value of x and y, and the
 * gradients for x and y from x, y, z = value and dz. Integer arithmetic goes through uint64_t, so that it wraps
 * without undefined behaviour. */
#include "ops/binary.h"

#include <tgmath.h> /* pow of floats is powf */

/* clang-format off */
#define WRAP(v) ((uint64_t)(v))

/* Reals and integers.
 *     name     of reals   of integers         gradient for x   gradient for y */
#define NUMBER_ROWS(ROW)                                                                \
   ROW(add,     x + y,     WRAP(x) + WRAP(y),  dz,              dz)                     \
   ROW(sub,     x - y,     WRAP(x) - WRAP(y),  dz,              tn_neg(dz))             \
   ROW(mul,     x * y,     WRAP(x) * WRAP(y),  tn_mul(dz, y),   tn_mul(dz, x))

/* Everything that can be compared. If x or y is NaN neither is larger, and their sum is the NaN that must come out.
 *     name     value                                  x gets nothing   y gets nothing */
#define CHOICE_ROWS(ROW)                                                                \
   ROW(maximum, x > y ? x : x <= y ? y : x + y,        tn_lt(x, y),     tn_gt(x, y))    \
   ROW(minimum, x < y ? x : x >= y ? y : x + y,        tn_gt(x, y),     tn_lt(x, y))

/* No gradients.
 *     name     value */
#define EQUALITY_ROWS(ROW)                                                              \
   ROW(eq,      x == y)                                                                 \
   ROW(ne,      x != y)
#define ORDER_ROWS(ROW)                                                                 \
   ROW(lt,      x < y)                                                                  \
   ROW(le,      x <= y)                                                                 \
   ROW(gt,      x > y)                                                                  \
   ROW(ge,      x >= y)
#define LOGICAL_ROWS(ROW)                                                               \
   ROW(logical_and, x & y)                                                              \
   ROW(logical_or,  x | y)                                                              \
   ROW(logical_xor, x ^ y)
/* clang-format on */

/* dz to the operand that was chosen, half of it to each where they are equal. */
static tn_tensor *share(tn_tensor *dz, tn_tensor *lost, tn_tensor *tie)
{
    return tn_where(lost, tn_zeros_like(dz), tn_where(tie, tn_mul_scalar(dz, 0.5), dz));
}

/* y x^(y - 1). At x = y = 0 the power would be infinite, though x^0 is constant; there the exponent is made 1. */
static tn_tensor *pow_slope(tn_tensor *x, tn_tensor *y)
{
    tn_tensor *origin = tn_logical_and(tn_eq_scalar(x, 0), tn_eq_scalar(y, 0));
    tn_tensor *exponent = tn_where(origin, tn_ones_like(y), tn_add_scalar(y, -1));
    return tn_mul(y, tn_pow(x, exponent));
}

/* x^y log(x), and 0 where x is 0 and y is not negative: there the logarithm is taken of 1. */
static tn_tensor *pow_exponent_slope(tn_tensor *x, tn_tensor *y, tn_tensor *z)
{
    tn_tensor *flat = tn_logical_and(tn_eq_scalar(x, 0), tn_ge_scalar(y, 0));
    return tn_mul(z, tn_log(tn_where(flat, tn_ones_like(x), x)));
}

#define REAL_LOOPS(version, op, value)                \
    TN_LOOP_2(version, op##_f32, float, float, value) \
    TN_LOOP_2(version, op##_f64, double, double, value)

#define INTEGER_LOOPS(op, value)                   \
    TN_LOOP_2(, op##_i64, int64_t, int64_t, value) \
    TN_LOOP_2(, op##_i32, int32_t, int32_t, value) \
    TN_LOOP_2(, op##_u8, uint8_t, uint8_t, value)

#define TEST_LOOPS(op, value)                      \
    TN_LOOP_2(, op##_f32, float, uint8_t, value)   \
    TN_LOOP_2(, op##_f64, double, uint8_t, value)  \
    TN_LOOP_2(, op##_i64, int64_t, uint8_t, value) \
    TN_LOOP_2(, op##_i32, int32_t, uint8_t, value) \
    TN_LOOP_2(, op##_u8, uint8_t, uint8_t, value)

#define OF_REALS(op) [TN_F32] = op##_f32, [TN_F64] = op##_f64
#define OF_NUMBERS(op) OF_REALS(op), [TN_I64] = op##_i64, [TN_I32] = op##_i32, [TN_U8] = op##_u8
#define OF_ALL(op) OF_NUMBERS(op), [TN_BOOL] = op##_u8

#define LOOPS(op, grain, ...) const tn_loops tn__##op##_loops = {{__VA_ARGS__}, grain};

#define GRADIENTS(op, for_x, for_y)                                                    \
    static void op##_grad(tn_grad *g)                                                  \
    {                                                                                  \
        TN_UNUSED tn_tensor *x = g->in[0], *y = g->in[1], *z = g->out[0], *dz = g->dy; \
        if (tn_wants_grad(g, 0)) tn_send_grad(g, 0, tn__unbroadcast(for_x, x));        \
        if (tn_wants_grad(g, 1)) tn_send_grad(g, 1, tn__unbroadcast(for_y, y));        \
    }

/* What every row ends in, given tn__<op>_loops. */
#define OPERATOR(op, gradients, ...)                                        \
    static tn_status op##_run(const tn_run *run, tn_error *error TN_UNUSED) \
    {                                                                       \
        return tn__elementwise_run(run, &tn__##op##_loops);                 \
    }                                                                       \
    const tn_op tn__op_##op = {                                             \
        .name = #op,                                                        \
        .flags = TN_OP_ELEMENTWISE | TN_OP_STRIDED,                         \
        .infer = tn__elementwise_infer,                                     \
        .run = op##_run,                                                    \
        .grad = gradients,                                                  \
        .samples = TN_SAMPLES(__VA_ARGS__),                                 \
        .data = &tn__##op##_loops,                                          \
    };                                                                      \
    tn_tensor *tn_##op(tn_tensor *x, tn_tensor *y)                          \
    {                                                                       \
        return TN_APPLY(x->ctx, op, NULL, x, y);                            \
    }

#define SAMPLES(xs, ys)                                                                           \
    "x[2,3]" xs " y[2,3]" ys, "x[]" xs " y[]" ys, "x[0,3]" xs " y[3]" ys, "x[4,1]" xs " y[3]" ys, \
        "x[]" xs " y[2,5]" ys, "x[2,3,1,4]" xs " y[3,5,1]" ys, "x[2,3,7]" xs " y[1,3,1]" ys,      \
        "x:f32[257]" xs " y[257]" ys
#define INTEGER_SAMPLES "x:i64[3,5]{-5,5} y[5]{-5,5}", "x:i32[9]{-5,5} y[9]{-5,5}", "x:u8[2,7] y[2,1]"

#define NUMBER_ROW(op, real, integer, for_x, for_y) \
    REAL_LOOPS(TN_MULTIVERSION, op, real)           \
    INTEGER_LOOPS(op, integer)                      \
    LOOPS(op, TN_GRAIN_CHEAP, OF_NUMBERS(op))       \
    GRADIENTS(op, for_x, for_y)                     \
    OPERATOR(op, op##_grad, SAMPLES("", ""), INTEGER_SAMPLES)
NUMBER_ROWS(NUMBER_ROW)

#define CHOICE_ROW(op, value, x_lost, y_lost)                                     \
    REAL_LOOPS(TN_MULTIVERSION, op, value)                                        \
    INTEGER_LOOPS(op, value)                                                      \
    LOOPS(op, TN_GRAIN_CHEAP, OF_ALL(op))                                         \
    GRADIENTS(op, share(dz, x_lost, tn_eq(x, y)), share(dz, y_lost, tn_eq(x, y))) \
    OPERATOR(op, op##_grad, SAMPLES("", ""), INTEGER_SAMPLES, "x:bool[2,3] y[3]")
CHOICE_ROWS(CHOICE_ROW)

#define EQUALITY_ROW(op, value)           \
    TEST_LOOPS(op, value)                 \
    LOOPS(op, TN_GRAIN_CHEAP, OF_ALL(op)) \
    OPERATOR(op, NULL, SAMPLES("", ""), INTEGER_SAMPLES, "x:bool[2,3] y[3]")
EQUALITY_ROWS(EQUALITY_ROW)

#define ORDER_ROW(op, value)                  \
    TEST_LOOPS(op, value)                     \
    LOOPS(op, TN_GRAIN_CHEAP, OF_NUMBERS(op)) \
    OPERATOR(op, NULL, SAMPLES("", ""), INTEGER_SAMPLES)
ORDER_ROWS(ORDER_ROW)

#define LOGICAL_ROW(op, value)                       \
    TN_LOOP_2(, op##_bool, uint8_t, uint8_t, value)  \
    LOOPS(op, TN_GRAIN_CHEAP, [TN_BOOL] = op##_bool) \
    OPERATOR(op, NULL, "x[2,3] y[2,3]", "x[] y[]", "x[0,3] y[3]", "x[2,1,5] y[3,1]")
LOGICAL_ROWS(LOGICAL_ROW)

REAL_LOOPS(TN_MULTIVERSION, div, x / y)
LOOPS(div, TN_GRAIN_CHEAP, OF_REALS(div))
GRADIENTS(div, tn_div(dz, y), tn_neg(tn_div(tn_mul(dz, z), y)))
OPERATOR(div, div_grad, SAMPLES("", "{0.5,3}"))

REAL_LOOPS(, pow, pow(x, y))
LOOPS(pow, TN_GRAIN_COSTLY, OF_REALS(pow))
GRADIENTS(pow, tn_mul(dz, pow_slope(x, y)), tn_mul(dz, pow_exponent_slope(x, y, z)))
OPERATOR(pow, pow_grad, SAMPLES("{0.3,3}", ""))
