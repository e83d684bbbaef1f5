/* SPDX-License-Identifier: Apache-2.0
 *
 * where: x where the condition holds, else y; all three broadcast. */
#include "ops/elementwise.h"

/* Operands: z, c, x, y. Written out, since its inputs differ in dtype. */
#define LOOP(function, T)                                                                                  \
    TN_MULTIVERSION static void function(const tn_span *span)                                              \
    {                                                                                                      \
        const int64_t n = span->n, step0 = span->step[0], step1 = span->step[1];                           \
        const int64_t step2 = span->step[2], step3 = span->step[3];                                        \
        char *at0 = span->at[0];                                                                           \
        const char *at1 = span->at[1], *at2 = span->at[2], *at3 = span->at[3];                             \
        if (TN_DENSE(0, T) && step1 == 1 && TN_DENSE(2, T) && TN_DENSE(3, T)) {                            \
            TN_INDEPENDENT                                                                                 \
            for (int64_t i = 0; i < n; i++) {                                                              \
                const T x = TN_AT(2, const T, sizeof(T)), y = TN_AT(3, const T, sizeof(T));                \
                TN_AT(0, T, sizeof(T)) = at1[i] ? x : y;                                                   \
            }                                                                                              \
        } else {                                                                                           \
            for (int64_t i = 0; i < n; i++)                                                                \
                TN_AT(0, T, step0) = at1[i * step1] ? TN_AT(2, const T, step2) : TN_AT(3, const T, step3); \
        }                                                                                                  \
    }
LOOP(where_f32, float)
LOOP(where_f64, double)
LOOP(where_i64, int64_t)
LOOP(where_i32, int32_t)
LOOP(where_u8, uint8_t)

static const tn_loops loops = {{[TN_F32] = where_f32,
                                [TN_F64] = where_f64,
                                [TN_I64] = where_i64,
                                [TN_I32] = where_i32,
                                [TN_U8] = where_u8,
                                [TN_BOOL] = where_u8},
                               TN_GRAIN_CHEAP};

static tn_status run(const tn_run *run, tn_error *error TN_UNUSED)
{
    return tn__elementwise_run(run, &loops);
}

static void grad(tn_grad *g)
{
    tn_tensor *c = g->in[0], *x = g->in[1], *y = g->in[2], *zero = tn_zeros_like(g->dy);
    if (tn_wants_grad(g, 1)) tn_send_grad(g, 1, tn__unbroadcast(tn_where(c, g->dy, zero), x));
    if (tn_wants_grad(g, 2)) tn_send_grad(g, 2, tn__unbroadcast(tn_where(c, zero, g->dy), y));
}

const tn_op tn__op_where = {
    .name = "where",
    .flags = TN_OP_ELEMENTWISE | TN_OP_STRIDED,
    .infer = tn__elementwise_infer,
    .run = run,
    .grad = grad,
    .samples = TN_SAMPLES("c[2,3] x[2,3] y[2,3]", "c[] x[] y[]", "c[0,3] x[3] y[]", "c[4,1] x[3] y[2,1,1]",
                          "c[5] x[7,5] y[7,1]", "c[] x[2,3] y[3]", "c[9] x:i64[9] y[]", "c[9] x:i32[9] y[9]",
                          "c[3,5] x:u8[3,1] y[5]", "c[9] x:bool[9] y[9]"),
    .data = &loops,
};

tn_tensor *tn_where(tn_tensor *condition, tn_tensor *x, tn_tensor *y)
{
    return TN_APPLY(x->ctx, where, NULL, condition, x, y);
}
