/* SPDX-License-Identifier: Apache-2.0
 *
 * gather_scale: picks a batch of byte rows (images) and makes numbers of them, in one pass. */
#include "ops/index.h"

enum { GRAIN = 1 << 15 };

typedef struct job {
    const uint8_t *x;
    float *y;
    const int64_t *index;
    int64_t row;
    float scale, shift;
} job;

TN_MULTIVERSION static void scale_row(float *restrict y, const uint8_t *restrict x, int64_t n, float scale, float shift)
{
    for (int64_t i = 0; i < n; i++) y[i] = (float)x[i] * scale + shift;
}

static void scale_rows(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    for (int64_t i = begin; i < end; i++)
        scale_row(j->y + i * j->row, j->x + j->index[i] * j->row, j->row, j->scale, j->shift);
}

static tn_status run(const tn_run *run, tn_error *error)
{
    const tn_gather_scale_attrs *how = run->attrs;
    const tn_tensor_desc *x = run->in_desc[0], *y = run->out_desc[0];
    job j = {run->in[0], run->out[0], run->in[1], 0, (float)how->scale, (float)how->shift};
    int64_t n = y->dims[0], elements = tn_desc_numel(y);
    tn_status status = tn__check_index("index", j.index, n, x->dims[0], "rows", error);
    if (status != TN_OK || elements == 0) return status;
    j.row = elements / n;
    tn__parallel_for(n, GRAIN / j.row + 1, scale_rows, &j);
    return TN_OK;
}

static void decompose(tn_context *tn, const void *attrs, tn_tensor *const *in, int n_in, tn_tensor **out)
{
    const tn_gather_scale_attrs *how = attrs;
    (void)tn, (void)n_in;
    tn_tensor *rows = tn_cast(tn_index_select(in[0], in[1]), TN_F32);
    out[0] = tn_add_scalar(tn_mul_scalar(rows, how->scale), how->shift);
}

/* A multiplication and an addition for each element. */
static uint64_t flops(const tn_run *run)
{
    return 2 * (uint64_t)tn_desc_numel(run->out_desc[0]);
}

const tn_op tn__op_gather_scale = {
    .name = "gather_scale",
    .run = run,
    .bytes = tn__gather_bytes,
    .flops = flops,
    .decompose = decompose,
    .samples =
        TN_SAMPLES("x[5,1,28,28]{0,256} index[3]; scale=0.00392156862745098",
                   "x[10,3]{0,256} index[7]{0,10}; scale=0.5 shift=-1.25", "x[5]{0,256} index[9]; scale=2",
                   "x[5,33]{0,256} index[4]; scale=0 shift=3", "x[5,3] index[0]; scale=1", "x[5,0] index[2]; scale=1"),
    .shapes = TN_SAMPLES("x[60000,1,28,28]{0,256} index[N]{0,60000}; scale=0.00392156862745098"),
};

tn_tensor *tn_gather_scale(tn_tensor *x, tn_tensor *index, double scale, double shift)
{
    tn_gather_scale_attrs attrs = {sizeof attrs, scale, shift};
    return TN_APPLY(tn_context_of(x), gather_scale, &attrs, x, index);
}
