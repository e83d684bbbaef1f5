/* SPDX-License-Identifier: Apache-2.0
 *
 * index_add: the gradient of index_select. Each thread owns some rows of the result and goes through the whole index
 * for them, so that rows are added in the order of the index, whatever the number of threads. */
#include "ops/index.h"

#include <string.h>

enum { GRAIN = 1 << 15, PIECES = 16 };

typedef struct job {
    const void *dy;
    void *dx;
    const int64_t *index;
    int64_t n, row; /* rows of dy, elements of a row */
} job;

#define ADD(name, type)                                                                             \
    TN_MULTIVERSION static void name##_row(type *restrict to, const type *restrict from, int64_t n) \
    {                                                                                               \
        for (int64_t i = 0; i < n; i++) to[i] += from[i];                                           \
    }                                                                                               \
    static void name(void *arg, int64_t begin, int64_t end)                                         \
    {                                                                                               \
        const job *j = arg;                                                                         \
        const type *dy = j->dy;                                                                     \
        type *dx = j->dx;                                                                           \
        memset(dx + begin * j->row, 0, (size_t)((end - begin) * j->row) * sizeof *dx);              \
        for (int64_t i = 0; i < j->n; i++)                                                          \
            if (j->index[i] >= begin && j->index[i] < end)                                          \
                name##_row(dx + j->index[i] * j->row, dy + i * j->row, j->row);                     \
    }
ADD(add_f32, float)
ADD(add_f64, double)
#undef ADD

static tn_status run(const tn_run *run, tn_error *error)
{
    const tn_tensor_desc *dy = run->in_desc[0], *dx = run->out_desc[0];
    job j = {.dy = run->in[0], .dx = run->out[0], .index = run->in[1], .n = dy->dims[0]};
    int64_t rows = dx->dims[0];
    tn_status status = tn__check_index("index", j.index, j.n, rows, "rows", error);
    if (status != TN_OK || tn_desc_numel(dx) == 0) return status;
    j.row = tn_desc_numel(dx) / rows;
    int64_t grain = tn_desc_numel(dx) + j.n * j.row < GRAIN ? rows : rows / PIECES + 1;
    tn__parallel_for(rows, grain, dx->dtype == TN_F32 ? add_f32 : add_f64, &j);
    return TN_OK;
}

static bool infer(tn_infer *infer)
{
    int64_t rows = ((const tn_index_add_attrs *)infer->attrs)->rows;
    if (rows < 0) {
        tn_raise(infer->ctx, TN_INVALID, "index_add: rows must not be negative, but is %lld", (long long)rows);
        return false;
    }
    infer->out[0].dims[0] = rows;
    return true;
}

static void grad(tn_grad *g)
{
    tn_send_grad(g, 0, tn_index_select(g->dy, g->in[1]));
}

static uint64_t flops(const tn_run *run)
{
    return (uint64_t)tn_desc_numel(run->in_desc[0]);
}

const tn_op tn__op_index_add = {
    .name = "index_add",
    .infer = infer,
    .run = run,
    .flops = flops,
    .grad = grad,
    .samples = TN_SAMPLES("dy[4,3] index[4]; rows=5", "dy[9] index[9]; rows=5", "dy[6,2,3] index[6]{0,10}; rows=10",
                          "dy[3,7] index[3]{0,1}; rows=1", "dy[300,70] index[300]{0,40}; rows=40",
                          "dy[0,3] index[0]; rows=5", "dy[2,0] index[2]; rows=5", "dy[0,3] index[0]; rows=0"),
};
