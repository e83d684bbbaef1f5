/* SPDX-License-Identifier: Apache-2.0
 *
 * dropout: zeros with probability p, and the rest scaled so that the mean stays. The mask depends on the row-major
 * index alone, not on the memory order. */
#include "ops/elementwise.h"
#include "ops/random.h"

typedef struct lottery {
    tn_rng rng;
    double p;
} lottery;

/* Operands: y, mask, x. */
#define LOOP(function, T)                                                                                 \
    static void function(const tn_span *span)                                                             \
    {                                                                                                     \
        const lottery *of = span->arg;                                                                    \
        const T share = (T)(1 - of->p);                                                                   \
        uint32_t words[4];                                                                                \
        for (int64_t i = 0; i < span->n; i++) {                                                           \
            const uint8_t keep = tn__rng_u(of->rng, (uint64_t)(span->first + i), i == 0, words) >= of->p; \
            const T x = *(const T *)(span->at[2] + i * span->step[2]);                                    \
            *(T *)(span->at[0] + i * span->step[0]) = keep ? x / share : 0;                               \
            *(uint8_t *)(span->at[1] + i * span->step[1]) = keep;                                         \
        }                                                                                                 \
    }
LOOP(dropout_f32, float)
LOOP(dropout_f64, double)

static tn_status run(const tn_run *run, tn_error *error TN_UNUSED)
{
    const tn_dropout_attrs *attrs = run->attrs;
    const lottery of = {tn__rng_of(run, attrs->call), attrs->p};
    const tn_operand operands[] = {
        {run->out_desc[0], run->out[0]}, {run->out_desc[1], run->out[1]}, {run->in_desc[0], run->in[0]}};
    const tn_loop loop = run->in_desc[0]->dtype == TN_F32 ? dropout_f32 : dropout_f64;
    tn__elementwise_indexed(3, operands, TN_GRAIN_COSTLY, loop, &of);
    return TN_OK;
}

/* The mask is a constant, whatever x is. */
static void grad(tn_grad *g)
{
    const tn_dropout_attrs *attrs = g->attrs;
    tn_tensor *mask = tn_cast(g->out[1], tn_dtype_of(g->dy));
    tn_send_grad(g, 0, tn_mul_scalar(tn_mul(g->dy, mask), 1 / (1 - attrs->p)));
}

static bool check_probability(tn_context *tn, double p)
{
    if (p >= 0 && p < 1) return true;
    tn_raise(tn, TN_INVALID, "dropout: p is the probability of a zero and must be at least 0 and below 1, but is %g",
             p);
    return false;
}

static bool infer(tn_infer *infer)
{
    return check_probability(infer->ctx, ((const tn_dropout_attrs *)infer->attrs)->p);
}

const tn_op tn__op_dropout = {
    .name = "dropout",
    .flags = TN_OP_ELEMENTWISE | TN_OP_STRIDED,
    .infer = infer,
    .run = run,
    .grad = grad,
    .samples = TN_SAMPLES("x[4,5] rng[2]; p=0.3", "x[] rng[2]; p=0.5", "x[0,3] rng[2]; p=0.5",
                          "x[7,1,13] rng[2]; p=0.9 call=3", "x[6] rng[2]; p=0"),
};

tn_tensor *tn_dropout(tn_tensor *x, double p, bool training)
{
    tn_context *tn = x->ctx;
    if (!check_probability(tn, p)) return tn__nil(tn);
    if (!training || p == 0 || tn_is_nil(x)) return x;
    uint64_t state[2];
    tn__next_rng(tn, &state[0], &state[1]);
    tn_tensor *rng = tn_to(tn_from(tn, state, TN_I64, TN_SHAPE(2)), tn_device_of(x));
    const tn_dropout_attrs attrs = {sizeof attrs, p, 0};
    return TN_APPLY(tn, dropout, &attrs, x, rng);
}
