/* SPDX-License-Identifier: Apache-2.0
 *
 * Elementwise operators of a tensor and a number. The number becomes an operand of one element, so that these are the
 * binary operators' loops again: a row is a name, those loops, which side the number is on, and the gradient for x
 * from x, y = value, dy and v, the number. STEPS: an optimizer counts its steps. */
#include "ops/binary.h"

/* clang-format off */
enum { RIGHT = 2, LEFT = 1 }; /* the number's operand */

/*     name            loops    number  gradient                                      shapes  samples */
#define ROWS(ROW)                                                                                                      \
   ROW(add_scalar,     add,     RIGHT,  dy,                                           STEPS,  NUMBERS("value=1.5"))    \
   ROW(mul_scalar,     mul,     RIGHT,  tn_mul_scalar(dy, v),                         NULL,   NUMBERS("value=-2.5"))   \
   ROW(rsub_scalar,    sub,     LEFT,   tn_neg(dy),                                   NULL,   NUMBERS("value=1.5"))    \
   ROW(rdiv_scalar,    div,     LEFT,   tn_neg(tn_div(tn_mul(dy, y), x)),             NULL,   REALS("{0.5,4}", "value=3")) \
   ROW(pow_scalar,     pow,     RIGHT,  tn_mul(dy, pow_slope(x, v)),                  NULL,   POWERS)                  \
   ROW(maximum_scalar, maximum, RIGHT,  tn_where(tn_ge_scalar(x, v), dy, ZERO),       NULL,   NUMBERS("value=0.5"))    \
   ROW(minimum_scalar, minimum, RIGHT,  tn_where(tn_le_scalar(x, v), dy, ZERO),       NULL,   NUMBERS("value=0.5"))
#define ZERO tn_zeros_like(dy)

/* No gradients.
 *     name            loops */
#define TEST_ROWS(ROW)                                                                                              \
   ROW(eq_scalar,      eq)                                                                                          \
   ROW(ne_scalar,      ne)                                                                                          \
   ROW(lt_scalar,      lt)                                                                                          \
   ROW(le_scalar,      le)                                                                                          \
   ROW(gt_scalar,      gt)                                                                                          \
   ROW(ge_scalar,      ge)

#define REALS(domain, v) "x[2,3]" domain "; " v, "x[]" domain "; " v, "x[0,3]" domain "; " v, "x[7,1,13]" domain "; " v
#define NUMBERS(v)       REALS("", v), "x:i64[3,5]; value=2", "x:i32[9]; value=-3", "x:u8[7]; value=250"
#define STEPS            TN_SAMPLES("x:i64[]; value=1")
#define POWERS           REALS("", "value=2"), "x[5]; value=1", "x[5]; value=0", "x[5]{0.5,4}; value=-1.5"
/* clang-format on */

/* v x^(v - 1); of no slope where x^0 is meant, even at 0. */
static tn_tensor *pow_slope(tn_tensor *x, double v)
{
    return v == 0 ? tn_zeros_like(x) : tn_mul_scalar(tn_pow_scalar(x, v - 1), v);
}

static bool infer_scalar(tn_infer *infer)
{
    const tn_scalar_attrs *attrs = infer->attrs;
    return tn__elementwise_infer(infer) && tn__check_value(infer, tn_dtype_of(infer->in[0]), attrs->value);
}

static tn_status run_scalar(const tn_run *run, const tn_loops *loops, int side)
{
    const tn_dtype dtype = run->in_desc[0]->dtype;
    uint64_t number;
    tn__store(dtype, ((const tn_scalar_attrs *)run->attrs)->value, &number);
    tn_operand operands[3] = {{run->out_desc[0], run->out[0]}};
    operands[side] = (tn_operand){&(tn_tensor_desc){.struct_size = sizeof(tn_tensor_desc), .dtype = dtype}, &number};
    operands[RIGHT + LEFT - side] = (tn_operand){run->in_desc[0], run->in[0]};
    tn__elementwise(3, operands, loops->grain, loops->of[dtype], NULL);
    return TN_OK;
}

static tn_tensor *apply(const tn_op *op, tn_tensor *x, double value)
{
    return tn__apply(x->ctx, op, &(tn_scalar_attrs){sizeof(tn_scalar_attrs), value}, 1, &x);
}

#define OPERATOR(op, loops, side, gradient, uses, ...)                      \
    static tn_status op##_run(const tn_run *run, tn_error *error TN_UNUSED) \
    {                                                                       \
        return run_scalar(run, &tn__##loops##_loops, side);                 \
    }                                                                       \
    const tn_op tn__op_##op = {                                             \
        .name = #op,                                                        \
        .flags = TN_OP_ELEMENTWISE | TN_OP_STRIDED,                         \
        .infer = infer_scalar,                                              \
        .run = op##_run,                                                    \
        .grad = gradient,                                                   \
        .samples = TN_SAMPLES(__VA_ARGS__),                                 \
        .shapes = uses,                                                     \
        .data = &tn__##loops##_loops,                                       \
    };                                                                      \
    tn_tensor *tn_##op(tn_tensor *x, double value)                          \
    {                                                                       \
        return apply(&tn__op_##op, x, value);                               \
    }

#define ROW(op, loops, side, gradient, ...)                                    \
    static void op##_grad(tn_grad *g)                                          \
    {                                                                          \
        TN_UNUSED tn_tensor *x = g->in[0], *y = g->out[0], *dy = g->dy;        \
        TN_UNUSED const double v = ((const tn_scalar_attrs *)g->attrs)->value; \
        tn_send_grad(g, 0, gradient);                                          \
    }                                                                          \
    OPERATOR(op, loops, side, op##_grad, __VA_ARGS__)
ROWS(ROW)

#define TEST_ROW(op, loops) OPERATOR(op, loops, RIGHT, NULL, NULL, NUMBERS("value=0.5"), "x:i64[9]; value=3")
TEST_ROWS(TEST_ROW)
