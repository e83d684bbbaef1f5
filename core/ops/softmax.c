/* SPDX-License-Identifier: Apache-2.0
 *
 * softmax and log_softmax along any dim: a block of `inner` columns at a time. */
#include "ops/axis.h"

#include <math.h>

enum { WIDTH = 32, GRAIN = 2048 };

#define TEMPLATE "ops/softmax_template.h"
#include "ops/for_each_real.h"

typedef struct job {
    void (*columns)(const void *x, void *y, int64_t size, int64_t stride, int64_t n, bool logarithm);
    tn_axis axis;
    const char *x;
    char *y;
    int64_t element; /* bytes */
    int64_t pieces;  /* of WIDTH columns, for each block */
    bool logarithm;
} job;

static void do_pieces(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    for (int64_t i = begin; i < end; i++) {
        int64_t block = i / j->pieces, first = i % j->pieces * WIDTH, rest = j->axis.inner - first;
        int64_t offset = (block * j->axis.size * j->axis.inner + first) * j->element;
        j->columns(j->x + offset, j->y + offset, j->axis.size, j->axis.inner, rest < WIDTH ? rest : WIDTH,
                   j->logarithm);
    }
}

static tn_status run(const tn_run *run, bool logarithm)
{
    const tn_dim_attrs *how = run->attrs;
    const tn_tensor_desc *x = run->in_desc[0];
    job j = {.axis = tn__axis(x, how->dim), .x = run->in[0], .y = run->out[0], .logarithm = logarithm};
    j.columns = x->dtype == TN_F32 ? columns_f32 : columns_f64;
    j.element = (int64_t)tn_dtype_size(x->dtype);
    j.pieces = (j.axis.inner + WIDTH - 1) / WIDTH;
    int64_t width = j.axis.inner < WIDTH ? j.axis.inner : WIDTH;
    if (tn_desc_numel(x) > 0)
        tn__parallel_for(j.axis.outer * j.pieces, GRAIN / (j.axis.size * width) + 1, do_pieces, &j);
    return TN_OK;
}

static tn_status run_softmax(const tn_run *r, tn_error *error)
{
    (void)error;
    return run(r, false);
}

static tn_status run_log_softmax(const tn_run *r, tn_error *error)
{
    (void)error;
    return run(r, true);
}

static bool infer(tn_infer *infer)
{
    return tn__check_axis(infer, ((const tn_dim_attrs *)infer->attrs)->dim);
}

/* Subtract, exponentiate, add, divide. */
static uint64_t flops(const tn_run *run)
{
    return 4 * (uint64_t)tn_desc_numel(run->in_desc[0]);
}

static void grad_softmax(tn_grad *g)
{
    int dim = (int)((const tn_dim_attrs *)g->attrs)->dim;
    tn_tensor *y = g->out[0], *weighted = tn_mul(g->dy, y);
    tn_send_grad(g, 0, tn_sub(weighted, tn_mul(y, tn_sum(weighted, TN_OVER(dim), true))));
}

static void grad_log_softmax(tn_grad *g)
{
    int dim = (int)((const tn_dim_attrs *)g->attrs)->dim;
    tn_tensor *p = tn_exp(g->out[0]);
    tn_send_grad(g, 0, tn_sub(g->dy, tn_mul(p, tn_sum(g->dy, TN_OVER(dim), true))));
}

#define SAMPLES                                                                                                      \
    TN_SAMPLES("x[4,10]; dim=1", "x[4,10]; dim=0", "x[7]; dim=0", "x[3,1]; dim=1", "x[2,3,4]; dim=1",                \
               "x[2,5,37]; dim=1", "x[2,3,4]; dim=2", "x[2,1000]; dim=1", "x[3,5]{-80,80}; dim=1", "x[0,10]; dim=1", \
               "x[2,0]; dim=1", "x[2,3,0]; dim=1")

const tn_op tn__op_softmax = {
    .name = "softmax",
    .infer = infer,
    .run = run_softmax,
    .flops = flops,
    .grad = grad_softmax,
    .samples = SAMPLES,
};

const tn_op tn__op_log_softmax = {
    .name = "log_softmax",
    .infer = infer,
    .run = run_log_softmax,
    .flops = flops,
    .grad = grad_log_softmax,
    .samples = SAMPLES,
};

static tn_tensor *apply(const tn_op *op, tn_tensor *x, int dim)
{
    if (tn_is_nil(x)) return x;
    tn_dim_attrs how = {sizeof how, tn__wrap_dim(x, op->name, dim, tn_rank(x))};
    return how.dim < 0 ? tn__nil(tn_context_of(x)) : tn__apply(tn_context_of(x), op, &how, 1, &x);
}

tn_tensor *tn_softmax(tn_tensor *x, int dim)
{
    return apply(&tn__op_softmax, x, dim);
}

tn_tensor *tn_log_softmax(tn_tensor *x, int dim)
{
    return apply(&tn__op_log_softmax, x, dim);
}
