/* SPDX-License-Identifier: Apache-2.0
 *
 * Elementwise operators of one input: a row is a name, the value of x, and the gradient from x, y = value and dy.
 * Integer arithmetic goes through uint64_t, so that it wraps without undefined behaviour. */
#include "ops/elementwise.h"

#include <math.h>
#include <tgmath.h> /* exp of a float is expf */

/* clang-format off */
#define WRAP(v)       ((uint64_t)(v))
#define ZERO          tn_zeros_like(dy)
#define HALF(t)       tn_mul_scalar(t, 0.5)
#define ONE_MINUS(t)  tn_rsub_scalar(t, 1)
#define RELU_GRAD     TN_APPLY(dy->ctx, relu_grad, NULL, dy, y)

/* Reals only, loops that vectorise.
 *     name        value                         gradient                                 domain     shapes */
#define REAL_ROWS(ROW)                                                                                     \
   ROW(sqrt,       sqrt(x),                      tn_div(HALF(dy), y),                     "{0.1,4}", NULL) \
   ROW(rsqrt,      1 / sqrt(x),                  tn_mul(dy, rsqrt_slope(y)),              "{0.1,4}", NULL) \
   ROW(reciprocal, 1 / x,                        tn_neg(tn_mul(dy, tn_square(y))),        "{0.5,4}", NULL) \
   ROW(relu,       x < 0 ? 0 : x,                RELU_GRAD,                               "", RELU_SHAPES) \
   ROW(step,       x > 0 ? 1 : x <= 0 ? 0 : x,   ZERO,                                    "",        NULL)
#define RELU_SHAPES TN_SAMPLES("x[N,128]", "x[N,32,13,13]", "x[N,64,5,5]")

/* Reals only, by the C library. gelu takes the upper tail from erfc: 1 + erf would cancel far left.
 *     name        value                         gradient                                 domain */
#define LIBM_ROWS(ROW)                                                                                     \
   ROW(exp,        exp(x),                       tn_mul(dy, y),                           "")              \
   ROW(log,        log(x),                       tn_div(dy, x),                           "{0.1,4}")       \
   ROW(sin,        sin(x),                       tn_mul(dy, tn_cos(x)),                   "")              \
   ROW(cos,        cos(x),                       tn_neg(tn_mul(dy, tn_sin(x))),           "")              \
   ROW(tanh,       tanh(x),                      tn_mul(dy, ONE_MINUS(tn_square(y))),     "")              \
   ROW(sigmoid,    1 / (1 + exp(-x)),            tn_mul(dy, tn_mul(y, ONE_MINUS(y))),     "")              \
   ROW(erf,        erf(x),                       tn_mul(dy, erf_slope(x)),                "")              \
   ROW(gelu,       x / 2 * erfc(-x * ROOT_HALF), tn_mul(dy, gelu_slope(x)),               "")
#define ROOT_HALF ((T)M_SQRT1_2)

/* Reals and signed integers.
 *     name        value of reals                value of integers                        gradient */
#define SIGNED_ROWS(ROW)                                                                                   \
   ROW(neg,        -x,                           0 - WRAP(x),                             tn_neg(dy))      \
   ROW(abs,        fabs(x),                      x < 0 ? 0 - WRAP(x) : WRAP(x),           tn_mul(dy, tn_sign(x))) \
   ROW(sign,       x > 0 ? 1 : x < 0 ? -1 : x,   (x > 0) - (x < 0),                       ZERO)
/* clang-format on */

static tn_tensor *rsqrt_slope(tn_tensor *y)
{
    return tn_mul_scalar(tn_mul(y, tn_square(y)), -0.5);
}

/* 2 / sqrt(pi) exp(-x^2) */
static tn_tensor *erf_slope(tn_tensor *x)
{
    return tn_mul_scalar(tn_exp(tn_neg(tn_square(x))), M_2_SQRTPI);
}

/* Phi(x) + x phi(x), with Phi and phi the normal distribution and density: those of erf, stretched by sqrt(2). */
static tn_tensor *gelu_slope(tn_tensor *x)
{
    tn_tensor *z = tn_mul_scalar(x, M_SQRT1_2);
    tn_tensor *distribution = HALF(tn_add_scalar(tn_erf(z), 1));
    tn_tensor *density = tn_mul_scalar(erf_slope(z), M_SQRT1_2 / 2);
    return tn_add(distribution, tn_mul(x, density));
}

#define GRADIENT(op, gradient)                                          \
    static void op##_grad(tn_grad *g)                                   \
    {                                                                   \
        TN_UNUSED tn_tensor *x = g->in[0], *y = g->out[0], *dy = g->dy; \
        tn_send_grad(g, 0, gradient);                                   \
    }

/* What every row ends in, given op##_loops. */
#define OPERATOR(op, gradient, model_shapes, ...)                           \
    static tn_status op##_run(const tn_run *run, tn_error *error TN_UNUSED) \
    {                                                                       \
        return tn__elementwise_run(run, &op##_loops);                       \
    }                                                                       \
    const tn_op tn__op_##op = {                                             \
        .name = #op,                                                        \
        .flags = TN_OP_ELEMENTWISE | TN_OP_STRIDED,                         \
        .infer = tn__elementwise_infer,                                     \
        .run = op##_run,                                                    \
        .grad = gradient,                                                   \
        .samples = TN_SAMPLES(__VA_ARGS__),                                 \
        .shapes = model_shapes,                                             \
        .data = &op##_loops,                                                \
    };                                                                      \
    tn_tensor *tn_##op(tn_tensor *x)                                        \
    {                                                                       \
        return TN_APPLY(x->ctx, op, NULL, x);                               \
    }

#define REAL_SAMPLES(domain) "x[2,3]" domain, "x[]" domain, "x[0,3]" domain, "x[7,1,13]" domain, "x:f32[257]" domain

#define REAL_LOOPS(version, op, value)                \
    TN_LOOP_1(version, op##_f32, float, float, value) \
    TN_LOOP_1(version, op##_f64, double, double, value)

#define INTEGER_LOOPS(op, value)                   \
    TN_LOOP_1(, op##_i64, int64_t, int64_t, value) \
    TN_LOOP_1(, op##_i32, int32_t, int32_t, value)

#define REAL_ROW(op, value, gradient, domain, shapes)                                                \
    REAL_LOOPS(TN_MULTIVERSION, op, value)                                                           \
    static const tn_loops op##_loops = {{[TN_F32] = op##_f32, [TN_F64] = op##_f64}, TN_GRAIN_CHEAP}; \
    GRADIENT(op, gradient)                                                                           \
    OPERATOR(op, op##_grad, shapes, REAL_SAMPLES(domain))
REAL_ROWS(REAL_ROW)

#define LIBM_ROW(op, value, gradient, domain)                                                         \
    REAL_LOOPS(, op, value)                                                                           \
    static const tn_loops op##_loops = {{[TN_F32] = op##_f32, [TN_F64] = op##_f64}, TN_GRAIN_COSTLY}; \
    GRADIENT(op, gradient)                                                                            \
    OPERATOR(op, op##_grad, NULL, REAL_SAMPLES(domain))
LIBM_ROWS(LIBM_ROW)

#define SIGNED_ROW(op, real, integer, gradient)                                                                \
    REAL_LOOPS(TN_MULTIVERSION, op, real)                                                                      \
    INTEGER_LOOPS(op, integer)                                                                                 \
    static const tn_loops op##_loops = {                                                                       \
        {[TN_F32] = op##_f32, [TN_F64] = op##_f64, [TN_I64] = op##_i64, [TN_I32] = op##_i32}, TN_GRAIN_CHEAP}; \
    GRADIENT(op, gradient)                                                                                     \
    OPERATOR(op, op##_grad, NULL, REAL_SAMPLES(""), "x:i64[3,5]{-5,5}", "x:i32[9]{-5,5}")
SIGNED_ROWS(SIGNED_ROW)

/* square takes every number, u8 too. */
REAL_LOOPS(TN_MULTIVERSION, square, (x * x))
INTEGER_LOOPS(square, WRAP(x) * WRAP(x))
TN_LOOP_1(, square_u8, uint8_t, uint8_t, WRAP(x) * WRAP(x))
static const tn_loops square_loops = {
    {[TN_F32] = square_f32, [TN_F64] = square_f64, [TN_I64] = square_i64, [TN_I32] = square_i32, [TN_U8] = square_u8},
    TN_GRAIN_CHEAP};
GRADIENT(square, tn_mul(dy, tn_mul_scalar(x, 2)))
OPERATOR(square, square_grad, NULL, REAL_SAMPLES(""), "x:i64[3,5]{-5,5}", "x:i32[9]{-5,5}", "x:u8[7]{0,200}")

TN_LOOP_1(TN_MULTIVERSION, logical_not_bool, uint8_t, uint8_t, !x)
static const tn_loops logical_not_loops = {{[TN_BOOL] = logical_not_bool}, TN_GRAIN_CHEAP};
OPERATOR(logical_not, NULL, NULL, "x[2,3]", "x[]", "x[0,3]", "x[257]")
