/* SPDX-License-Identifier: Apache-2.0
 *
 * index_select: the rows of x that index names; an embedding is the same with an index of any shape. */
#include "ops/index.h"

#include <string.h>

enum { GRAIN_BYTES = 1 << 17 };

typedef struct job {
    const char *x;
    char *y;
    const int64_t *index;
    int64_t row; /* bytes */
} job;

static void copy_rows(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    for (int64_t i = begin; i < end; i++) memcpy(j->y + i * j->row, j->x + j->index[i] * j->row, (size_t)j->row);
}

static tn_status run(const tn_run *run, tn_error *error)
{
    const tn_tensor_desc *x = run->in_desc[0], *y = run->out_desc[0];
    job j = {.x = run->in[0], .y = run->out[0], .index = run->in[1]};
    int64_t n = y->dims[0], elements = tn_desc_numel(y);
    tn_status status = tn__check_index("index", j.index, n, x->dims[0], "rows", error);
    if (status != TN_OK || elements == 0) return status;
    j.row = elements / n * (int64_t)tn_dtype_size(x->dtype);
    tn__parallel_for(n, GRAIN_BYTES / j.row + 1, copy_rows, &j);
    return TN_OK;
}

static void grad(tn_grad *g)
{
    tn_index_add_attrs how = {sizeof how, tn_dim(g->in[0], 0)};
    tn_send_grad(g, 0, TN_APPLY(g->ctx, index_add, &how, g->dy, g->in[1]));
}

const tn_op tn__op_index_select = {
    .name = "index_select",
    .run = run,
    .bytes = tn__gather_bytes,
    .grad = grad,
    .samples = TN_SAMPLES("x[5,3] index[4]", "x[5] index[9]", "x[10,2,3] index[6]{0,10}", "x[1,7] index[3]{0,1}",
                          "x[5,0] index[2]", "x[5,3] index[0]", "x[0,3] index[0]", "x:u8[5,9] index[4]",
                          "x:i64[1000] index[50]{0,1000}", "x:i32[5,2] index[3]", "x:bool[5,2] index[3]"),
    .shapes = TN_SAMPLES("x:i64[60000]{0,10} index[N]{0,60000}"),
};

tn_tensor *tn_index_select(tn_tensor *x, tn_tensor *index)
{
    return TN_APPLY(tn_context_of(x), index_select, NULL, x, index);
}

tn_tensor *tn_embedding(tn_tensor *index, tn_tensor *weight)
{
    tn_context *tn = tn_context_of(index);
    if (tn_is_nil(index) || tn_is_nil(weight)) return tn__nil(tn);
    int rank = tn_rank(index);
    if (tn_rank(weight) != 2 || rank + 1 > TN_MAX_RANK)
        return tn_raise(tn, TN_INVALID,
                        "embedding: weight must have 2 dims and index at most %d (index: %s, weight: %s)",
                        TN_MAX_RANK - 1, TN_SHAPE_OF(index), TN_SHAPE_OF(weight));
    int64_t dims[TN_MAX_RANK];
    for (int d = 0; d < rank; d++) dims[d] = tn_dims(index)[d];
    dims[rank] = tn_dim(weight, 1);
    tn_tensor *flat = tn_reshape(index, TN_SHAPE(tn_numel(index)));
    return tn_reshape(tn_index_select(weight, flat), rank + 1, dims);
}
