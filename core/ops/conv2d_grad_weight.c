/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient of conv2d for its weight and bias. The images are cut into shares; each share adds up its own dw, and these
 * are added in order, so that the result does not depend on the number of threads. */
#include "ops/conv2d.h"
#include "ops/reduce.h"
#include "ops/window.h"

#include <string.h>

static bool infer(tn_infer *infer)
{
    const tn_conv2d_grad_attrs *how = infer->attrs;
    const int64_t *dy = tn_dims(infer->in[0]), *x = tn_dims(infer->in[1]);
    tn_conv2d_attrs forward = tn__conv2d_attrs_of(how);
    tn_tensor_desc *dw = &infer->out[0];
    if (!tn__conv2d_check_groups(infer, how->groups, x[1], "x") ||
        !tn__conv2d_check_groups(infer, how->groups, dy[1], "dy"))
        return false;
    dw->dims[1] = x[1] / how->groups;
    dw->dims[2] = how->size[0];
    dw->dims[3] = how->size[1];
    return tn__conv2d_check_dy(infer, &forward, x + 2, how->size);
}

/* ---- reference kernel */

typedef struct job {
    const tn_run *run;
    tn_conv2d_shape s;
    tn_tile tile;
    int64_t block;                            /* windows at a time */
    int64_t shares;                           /* of the images; each has a sum of its own, unless there is only one */
    uint64_t sum_bytes, dy_bytes, slot_bytes; /* a slot: a sum, the panels of dy, the panels of cells */
} job;

/* At least two shares, at most as many as images, and not too much memory. */
static int64_t count_shares(const tn_conv2d_shape *s, uint64_t sum_bytes)
{
    enum { MOST = 16, MEMORY = 64 << 20 };
    int64_t n = sum_bytes * MOST > MEMORY ? (int64_t)(MEMORY / sum_bytes) : MOST;
    if (n < 2) n = 2;
    return n < s->images ? n : s->images;
}

static job describe(const tn_run *run)
{
    job j = {.run = run};
    tn_conv2d_attrs how = tn__conv2d_attrs_of(run->attrs);
    j.s = tn__conv2d_shape(run->in_desc[1], run->out_desc[0], run->in_desc[0], &how);
    j.tile = tn__gemm_tile(j.s.dtype);
    j.block = tn__conv2d_block(&j.s, (j.s.cells + j.s.out) * j.s.size);
    j.sum_bytes = tn__panel_bytes(j.s.dtype, 1, j.s.groups * j.s.out, j.s.cells);
    j.shares = count_shares(&j.s, j.sum_bytes);
    j.dy_bytes = tn__panel_bytes(j.s.dtype, j.tile.rows, j.s.out, j.block);
    j.slot_bytes = j.sum_bytes + j.dy_bytes + tn__panel_bytes(j.s.dtype, j.tile.cols, j.s.cells, j.block);
    return j;
}

static uint64_t scratch(const tn_run *run)
{
    job j = describe(run);
    return (uint64_t)j.shares * j.slot_bytes;
}

static uint64_t flops(const tn_run *run)
{
    job j = describe(run);
    return tn__conv2d_flops(&j.s) + (uint64_t)tn_desc_numel(run->in_desc[0]);
}

/* dw of one part += dy x^T */
static void add_part(const job *j, int64_t part, char *dw, char *panels)
{
    const tn_conv2d_shape *s = &j->s;
    for (int64_t first = 0; first < s->windows; first += j->block) {
        int64_t count = s->windows - first < j->block ? s->windows - first : j->block;
        tn__pack(s->dtype, j->tile.rows, s->out, count, tn__element(s, j->run->in[0], part * s->y_part + first),
                 s->windows, 1, panels);
        tn__pack_cells(s->dtype, &s->patches, tn__element(s, j->run->in[1], part * s->x_part), first, count,
                       j->tile.cols, panels + j->dy_bytes);
        tn__multiply_packed(s->dtype, s->out, s->cells, count, panels, panels + j->dy_bytes,
                            tn__element(s, dw, part % s->groups * s->w_group), s->cells, 1);
    }
}

static void run_shares(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const tn_conv2d_shape *s = &j->s;
    for (int64_t share = begin; share < end; share++) {
        char *sum = (char *)j->run->scratch + (uint64_t)share * j->slot_bytes;
        int64_t first = s->images * share / j->shares, last = s->images * (share + 1) / j->shares;
        memset(sum, 0, j->sum_bytes);
        for (int64_t part = first * s->groups; part < last * s->groups; part++)
            add_part(j, part, sum, sum + j->sum_bytes);
    }
}

static void add(tn_dtype dtype, void *to, const void *from, int64_t n)
{
    if (dtype == TN_F32)
        for (int64_t i = 0; i < n; i++) ((float *)to)[i] += ((const float *)from)[i];
    else
        for (int64_t i = 0; i < n; i++) ((double *)to)[i] += ((const double *)from)[i];
}

/* Elements [begin, end) of dw: the sum of all shares. */
static void add_shares(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    char *dw = tn__element(&j->s, j->run->out[0], begin);
    for (int64_t share = 0; share < j->shares; share++) {
        const char *sum = (const char *)j->run->scratch + (uint64_t)share * j->slot_bytes + begin * j->s.size;
        if (share == 0)
            memcpy(dw, sum, (size_t)((end - begin) * j->s.size));
        else
            add(j->s.dtype, dw, sum, end - begin);
    }
}

static void bias_gradient(const tn_run *run)
{
    const tn_tensor_desc *dy = run->in_desc[0];
    if (tn_desc_numel(dy))
        tn__reduce(TN_REDUCE_SUM, dy, 1 << 0 | 1 << 2 | 1 << 3, run->in[0], run->out[1]);
    else if (dy->dims[1])
        memset(run->out[1], 0, (size_t)dy->dims[1] * tn_dtype_size(dy->dtype));
}

static tn_status run(const tn_run *run, tn_error *error TN_UNUSED)
{
    enum { GRAIN = 1 << 14 }; /* elements that are worth a thread */
    job j = describe(run);
    int64_t n = tn_desc_numel(run->out_desc[0]);
    bias_gradient(run);
    if (n == 0) return TN_OK;
    tn__for_slots(j.shares, flops(run), run_shares, &j);
    if (j.shares)
        tn__parallel_for(n, GRAIN, add_shares, &j);
    else
        memset(run->out[0], 0, (size_t)(n * j.s.size));
    return TN_OK;
}

/* ---- gradient: dw is linear in both inputs */

static void grad(tn_grad *g)
{
    tn_conv2d_attrs how = tn__conv2d_attrs_of(g->attrs);
    tn_tensor *dy = g->in[0], *x = g->in[1];
    if (tn_wants_grad(g, 0)) tn_send_grad(g, 0, tn_conv2d(x, g->dy, NULL, &how));
    if (tn_wants_grad(g, 1)) tn_send_grad(g, 1, tn__conv2d_grad_input(dy, g->dy, x, &how));
}

const tn_op tn__op_conv2d_grad_weight = {
    .name = "conv2d_grad_weight",
    .infer = infer,
    .run = run,
    .scratch = scratch,
    .flops = flops,
    .grad = grad,
    .samples = TN_SAMPLES(
        "dy[2,6,8,8] x[2,3,8,8]; size=3,3 padding=1,1", "dy[2,5,3,3] x[2,2,8,8]; size=3,3 stride=2,2",
        "dy[1,4,4,5] x[1,2,7,9]; size=3,2 stride=2,2 padding=1,1 dilation=1,2",
        "dy[2,4,5,5] x[2,4,5,5]; size=3,3 padding=1,1 groups=4", "dy[1,6,4,4] x[1,6,5,5]; size=2,2 groups=3",
        "dy[3,4,1,1] x[3,2,5,4]; size=5,4", "dy[2,3,1,1] x[2,2,1,1]; size=1,1", "dy[0,3,4,4] x[0,2,6,6]; size=3,3",
        "dy[21,2,3,3] x[21,1,6,6]; size=1,1 stride=2,2", "dy:f32[5,32,26,26] x:f32[5,1,28,28]; size=3,3"),
    .shapes = TN_SAMPLES("dy[N,32,26,26] x[N,1,28,28]; size=3,3", "dy[N,64,11,11] x[N,32,13,13]; size=3,3"),
};

tn_tensor *tn__conv2d_grad_weight(tn_tensor *dy, tn_tensor *x, tn_tensor *w, const tn_conv2d_attrs *how, tn_tensor **db)
{
    tn_conv2d_grad_attrs attrs = tn__conv2d_grad_attrs(how, w);
    tn_tensor *in[] = {dy, x}, *out[TN_MAX_OUT];
    tn__apply_all(dy->ctx, &tn__op_conv2d_grad_weight, &attrs, 2, in, out);
    if (db) *db = out[1];
    return out[0];
}
