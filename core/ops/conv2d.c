/* SPDX-License-Identifier: Apache-2.0
 *
 * 2-D convolution. x: N I H W, w: O I/groups KH KW, y: N O P Q. The kernel packs the weights once, then takes blocks
 * of windows of each image: their cells are gathered straight into the panels of the matrix product. */
#include "ops/conv2d.h"

#include <string.h>

typedef struct job {
    const tn_run *run;
    tn_conv2d_shape s;
    int64_t width;         /* of a panel of windows */
    int64_t block, blocks; /* windows in a block, blocks of a part */
    int64_t units, slots;  /* a unit of work is one block */
    uint64_t weight_bytes, slot_bytes;
} job;

static job describe(const tn_run *run)
{
    job j = {.run = run};
    j.s = tn__conv2d_shape(run->in_desc[0], run->in_desc[1], run->out_desc[0], run->attrs);
    j.width = tn__gemm_tile(j.s.dtype).cols;
    j.block = tn__conv2d_block(&j.s, j.s.cells * j.s.size);
    j.blocks = (j.s.windows + j.block - 1) / j.block;
    j.units = j.s.images * j.s.groups * j.blocks;
    j.slots = j.units < TN_GEMM_SLOTS ? j.units : TN_GEMM_SLOTS;
    j.weight_bytes = tn__conv2d_weight_bytes(&j.s, false);
    j.slot_bytes = tn__panel_bytes(j.s.dtype, j.width, j.block, j.s.cells);
    return j;
}

static uint64_t scratch(const tn_run *run)
{
    job j = describe(run);
    return (uint64_t)j.s.groups * j.weight_bytes + (uint64_t)j.slots * j.slot_bytes;
}

static uint64_t flops(const tn_run *run)
{
    job j = describe(run);
    return tn__conv2d_flops(&j.s) + (run->in_desc[2] ? (uint64_t)tn_desc_numel(run->out_desc[0]) : 0);
}

/* Sets n elements to one value, or to 0. */
static void fill(tn_dtype dtype, void *to, int64_t n, const void *value)
{
    if (!value)
        memset(to, 0, (size_t)n * tn_dtype_size(dtype));
    else if (dtype == TN_F32)
        for (int64_t i = 0; i < n; i++) ((float *)to)[i] = *(const float *)value;
    else
        for (int64_t i = 0; i < n; i++) ((double *)to)[i] = *(const double *)value;
}

static void run_unit(const job *j, int64_t unit, const char *weights, void *panels)
{
    const tn_conv2d_shape *s = &j->s;
    int64_t part = unit / j->blocks, group = part % s->groups, first = unit % j->blocks * j->block;
    int64_t count = s->windows - first < j->block ? s->windows - first : j->block;
    char *y = tn__element(s, j->run->out[0], part * s->y_part + first);
    for (int64_t o = 0; o < s->out; o++)
        fill(s->dtype, tn__element(s, y, o * s->windows), count,
             j->run->in_desc[2] ? tn__element(s, j->run->in[2], group * s->out + o) : NULL);
    if (s->cells == 0) return;
    tn__pack_windows(s->dtype, &s->patches, tn__element(s, j->run->in[0], part * s->x_part), first, count, j->width,
                     panels);
    tn__multiply_packed(s->dtype, s->out, count, s->cells, weights + (uint64_t)group * j->weight_bytes, panels, y,
                        s->windows, 1);
}

static void run_slots(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const char *weights = j->run->scratch;
    uint64_t before = (uint64_t)j->s.groups * j->weight_bytes + (uint64_t)begin * j->slot_bytes;
    char *panels = tn__bytes_on(weights, before);
    for (int64_t unit = j->units * begin / j->slots; unit < j->units * end / j->slots; unit++)
        run_unit(j, unit, weights, panels);
}

static tn_status run(const tn_run *run, tn_error *error TN_UNUSED)
{
    job j = describe(run);
    if (tn_desc_numel(run->out_desc[0]) == 0) return TN_OK;
    if (j.s.cells) tn__conv2d_pack_weights(&j.s, run->in[1], false, run->scratch);
    tn__for_slots(j.slots, flops(run), run_slots, &j);
    return TN_OK;
}

/* ---- gradient */

void tn__conv2d_send_grads(tn_grad *g, tn_tensor *dz)
{
    const tn_conv2d_attrs *how = g->attrs;
    tn_tensor *x = g->in[0], *w = g->in[1], *db = NULL;
    bool want_db = tn_wants_grad(g, 2), second_output = want_db && tn_wants_grad(g, 1) && !g->create_graph;
    if (tn_wants_grad(g, 0)) tn_send_grad(g, 0, tn__conv2d_grad_input(dz, w, x, how));
    if (tn_wants_grad(g, 1)) tn_send_grad(g, 1, tn__conv2d_grad_weight(dz, x, w, how, second_output ? &db : NULL));
    if (want_db) tn_send_grad(g, 2, second_output ? db : tn_sum(dz, TN_OVER(0, 2, 3), false));
}

static void grad(tn_grad *g)
{
    tn__conv2d_send_grads(g, g->dy);
}

const tn_op tn__op_conv2d = {
    .name = "conv2d",
    .flags = TN_OP_IMAGE,
    .infer = tn__conv2d_infer,
    .run = run,
    .scratch = scratch,
    .flops = flops,
    .grad = grad,
    .samples = TN_SAMPLES(TN_CONV2D_SAMPLES),
    .shapes = TN_SAMPLES("x[N,1,28,28] w[32,1,3,3] b[32]", "x[N,32,13,13] w[64,32,3,3] b[64]"),
};

tn_tensor *tn_conv2d(tn_tensor *x, tn_tensor *w, tn_tensor *b, const tn_conv2d_attrs *attrs)
{
    tn_conv2d_attrs how = tn__conv2d_defaults(attrs);
    return TN_APPLY(x->ctx, conv2d, &how, x, w, b);
}
