/* SPDX-License-Identifier: Apache-2.0
 *
 * cat: joins a list of tensors along one dim. Seen along that dim, each is a number of contiguous blocks. */
#include "ops/axis.h"

#include <string.h>

enum { GRAIN_BYTES = 1 << 17 };

typedef struct job {
    const tn_run *run;
    int64_t block;        /* bytes of one block of y */
    int64_t *first, *len; /* of each input's block within it, in bytes */
} job;

static void copy_blocks(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    for (int64_t i = begin; i < end; i++) {
        int64_t k = i % j->run->n_in, outer = i / j->run->n_in;
        char *to = (char *)j->run->out[0] + outer * j->block + j->first[k];
        if (j->len[k]) memcpy(to, (const char *)j->run->in[k] + outer * j->len[k], (size_t)j->len[k]);
    }
}

static tn_status run(const tn_run *run, tn_error *error)
{
    const tn_dim_attrs *how = run->attrs;
    const tn_tensor_desc *y = run->out_desc[0];
    tn_axis axis = tn__axis(y, how->dim);
    job j = {.run = run, .first = run->scratch};
    int64_t slice = axis.inner * (int64_t)tn_dtype_size(y->dtype); /* bytes of one step along the dim */
    (void)error;
    if (tn_desc_numel(y) == 0) return TN_OK;
    j.len = j.first + run->n_in;
    for (int k = 0; k < run->n_in; k++) {
        j.first[k] = j.block;
        j.len[k] = run->in_desc[k]->dims[how->dim] * slice;
        j.block += j.len[k];
    }
    tn__parallel_for(axis.outer * run->n_in, GRAIN_BYTES * run->n_in / j.block + 1, copy_blocks, &j);
    return TN_OK;
}

static uint64_t scratch(const tn_run *run)
{
    return 2 * (uint64_t)run->n_in * sizeof(int64_t);
}

/* Nothing is computed. */
static uint64_t flops(const tn_run *run)
{
    (void)run;
    return 0;
}

static bool same_but_for(const tn_tensor *x, const tn_tensor *y, int64_t dim)
{
    if (tn_rank(x) != tn_rank(y)) return false;
    for (int d = 0; d < tn_rank(x); d++)
        if (d != dim && tn_dims(x)[d] != tn_dims(y)[d]) return false;
    return true;
}

static bool infer(tn_infer *infer)
{
    int64_t dim = ((const tn_dim_attrs *)infer->attrs)->dim;
    tn_tensor_desc *y = &infer->out[0];
    const tn_tensor *first = infer->in[0];
    if (!tn__check_axis(infer, dim)) return false;
    y->rank = (uint32_t)tn_rank(first);
    memcpy(y->dims, tn_dims(first), y->rank * sizeof *y->dims);
    for (int i = 1; i < infer->n_in; i++) {
        const tn_tensor *x = infer->in[i];
        if (!same_but_for(first, x, dim)) {
            tn_raise(infer->ctx, TN_INVALID, "cat: shapes must agree but for dim %lld, number 0 is %s, number %d is %s",
                     (long long)dim, TN_SHAPE_OF(first), i, TN_SHAPE_OF(x));
            return false;
        }
        if (__builtin_add_overflow(y->dims[dim], tn_dims(x)[dim], &y->dims[dim])) {
            tn_raise(infer->ctx, TN_INVALID, "cat: the result would be too large");
            return false;
        }
    }
    return true;
}

static void grad(tn_grad *g)
{
    int dim = (int)((const tn_dim_attrs *)g->attrs)->dim;
    for (int64_t i = 0, start = 0, length; i < g->n_in; i++, start += length) {
        length = tn_dim(g->in[i], dim);
        if (tn_wants_grad(g, (int)i)) tn_send_grad(g, (int)i, tn_narrow(g->dy, dim, start, length));
    }
}

const tn_op tn__op_cat = {
    .name = "cat",
    .infer = infer,
    .run = run,
    .scratch = scratch,
    .flops = flops,
    .grad = grad,
    .samples = TN_SAMPLES("x[2,3] x[2,1] x[2,4]; dim=1", "x[2,3] x[1,3]; dim=0", "x[5]; dim=0",
                          "x[2,3,4] x[2,5,4]; dim=1", "x[2,3,1] x[2,3,2] x[2,3,1]; dim=2", "x[2,0] x[2,3]; dim=1",
                          "x[0,3] x[0,2]; dim=1", "x:u8[3] x[4]; dim=0", "x:i64[3,2] x[3,1]; dim=1",
                          "x:bool[3] x[1]; dim=0", "x:i32[1,2] x[1,2]; dim=0"),
};

tn_tensor *tn_cat(int n, tn_tensor *const *xs, int dim)
{
    if (n < 1 || !xs) {
        tn_log_line(TN_LOG_ERROR, "tn_cat: there are %d tensors, at least 1 is needed", n);
        return NULL; /* without a tensor there is no context to keep the error */
    }
    tn_context *tn = tn_context_of(xs[0]);
    tn_dim_attrs how = {sizeof how, dim};
    if (tn_is_nil(xs[0])) return xs[0];
    how.dim = tn__wrap_dim(xs[0], "cat", dim, tn_rank(xs[0]));
    return how.dim < 0 ? tn__nil(tn) : tn__apply(tn, &tn__op_cat, &how, n, xs);
}
