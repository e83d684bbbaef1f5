/* SPDX-License-Identifier: Apache-2.0
 *
 * dropout: zeros with probability p, and the rest scaled so that the mean stays. The mask depends on the row-major
 * index alone, not on the memory order. */
#include "ops/elementwise.h"
#include "ops/random.h"

#include <math.h>

typedef struct lottery {
    tn_rng rng;
    double p;
    tn_loop scale;
} lottery;

/* y = kept ? x / share : 0. Operands: y, kept (dense), x; arg: share. */
#define EACH(T, y_step, x_step)                             \
    for (int64_t i = 0; i < n; i++) {                       \
        const T scaled = TN_AT(2, const T, x_step) / share; \
        TN_AT(0, T, y_step) = at1[i] ? scaled : 0;          \
    }
#define SCALE(function, T)                                          \
    TN_MULTIVERSION static void function(const tn_span *span)       \
    {                                                               \
        const T share = (T) * (const double *)span->arg;            \
        const int64_t n = span->n;                                  \
        char *restrict at0 = span->at[0];                           \
        const char *restrict at1 = span->at[1], *at2 = span->at[2]; \
        if (TN_DENSE(0, T) && TN_DENSE(2, T))                       \
            EACH(T, sizeof(T), sizeof(T))                           \
        else                                                        \
            EACH(T, span->step[0], span->step[2])                   \
    }
SCALE(scale_f32, float)
SCALE(scale_f64, double)

/* u >= p, decided in whole numbers: both are multiplied by 2^24. */
static void draw(const lottery *of, int64_t first, int64_t n, uint8_t *kept)
{
    const uint32_t threshold = (uint32_t)ceil(of->p * 0x1p24);
    uint32_t buffer[TN_RNG_BUFFER];
    const uint32_t *words = tn__rng_words(of->rng, first, n, buffer);
    for (int64_t i = 0; i < n; i++) kept[i] = words[i] >> 8 >= threshold;
}

/* Operands: y, mask, x. */
static void drop(const tn_span *span)
{
    const lottery *of = span->arg;
    const double share = 1 - of->p;
    const int64_t *step = span->step;
    uint8_t kept[TN_RNG_AT_ONCE];
    for (int64_t done = 0; done < span->n; done += TN_RNG_AT_ONCE) {
        const int64_t left = span->n - done, n = left < TN_RNG_AT_ONCE ? left : TN_RNG_AT_ONCE;
        char *y = span->at[0] + done * step[0], *mask = span->at[1] + done * step[1], *x = span->at[2] + done * step[2];
        draw(of, span->first + done, n, kept);
        for (int64_t i = 0; i < n; i++) mask[i * step[1]] = (char)kept[i];
        of->scale(&(tn_span){.n = n, .at = {y, (char *)kept, x}, .step = {step[0], 1, step[2]}, .arg = &share});
    }
}

static tn_status run(const tn_run *run, tn_error *error TN_UNUSED)
{
    const tn_dropout_attrs *attrs = run->attrs;
    const lottery of = {tn__rng_of(run, attrs->call), attrs->p,
                        run->in_desc[0]->dtype == TN_F32 ? scale_f32 : scale_f64};
    const tn_operand operands[] = {
        {run->out_desc[0], run->out[0]}, {run->out_desc[1], run->out[1]}, {run->in_desc[0], run->in[0]}};
    tn__elementwise_indexed(3, operands, TN_GRAIN_COSTLY, drop, &of);
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
    tn_dropout_attrs attrs = {sizeof attrs, p, 0};
    tn_tensor *rng = tn__rng(tn__dev_of(x), &attrs.call);
    return TN_APPLY(tn, dropout, &attrs, x, rng);
}
