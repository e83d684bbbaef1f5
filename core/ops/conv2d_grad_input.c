/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradient of conv2d for its input: for blocks of windows, what each cell of each window contributed, w^T dy, is added
 * to the place where the cell lies. */
#include "ops/conv2d.h"

#include <string.h>

static bool infer(tn_infer *infer)
{
    const tn_conv2d_grad_attrs *how = infer->attrs;
    const int64_t *w = tn_dims(infer->in[1]);
    tn_conv2d_attrs forward = tn__conv2d_attrs_of(how);
    tn_tensor_desc *dx = &infer->out[0];
    if (!tn__conv2d_check_groups(infer, how->groups, w[0], "dy")) return false;
    dx->dims[1] = w[1] * how->groups;
    dx->dims[2] = how->size[0];
    dx->dims[3] = how->size[1];
    return tn__conv2d_check_dy(infer, &forward, how->size, w + 2);
}

/* ---- reference kernel */

typedef struct job {
    const tn_run *run;
    tn_conv2d_shape s;
    int64_t width, block;                           /* of a panel of windows; windows in a block */
    int64_t parts, slots;                           /* a part is one group of one image */
    uint64_t weight_bytes, panel_bytes, slot_bytes; /* a slot: the panels of dy, then the matrix of cells */
} job;

static job describe(const tn_run *run)
{
    job j = {.run = run};
    tn_conv2d_attrs how = tn__conv2d_attrs_of(run->attrs);
    j.s = tn__conv2d_shape(run->out_desc[0], run->in_desc[1], run->in_desc[0], &how);
    j.width = tn__gemm_tile(j.s.dtype).cols;
    j.block = tn__conv2d_block(&j.s, (j.s.cells + j.s.out) * j.s.size);
    j.parts = j.s.images * j.s.groups;
    j.slots = j.parts < TN_GEMM_SLOTS ? j.parts : TN_GEMM_SLOTS;
    j.weight_bytes = tn__conv2d_weight_bytes(&j.s, true);
    j.panel_bytes = tn__panel_bytes(j.s.dtype, j.width, j.block, j.s.out);
    j.slot_bytes = j.panel_bytes + tn__panel_bytes(j.s.dtype, 1, j.s.cells, j.block);
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
    return tn__conv2d_flops(&j.s);
}

static void run_part(const job *j, int64_t part, const char *weights, char *slot)
{
    const tn_conv2d_shape *s = &j->s;
    char *dx = tn__element(s, j->run->out[0], part * s->x_part), *matrix = tn__bytes_on(slot, j->panel_bytes);
    memset(dx, 0, (size_t)(s->x_part * s->size));
    for (int64_t first = 0; first < s->windows && s->out > 0; first += j->block) {
        int64_t count = s->windows - first < j->block ? s->windows - first : j->block;
        memset(matrix, 0, (size_t)(s->cells * count * s->size));
        tn__pack(s->dtype, j->width, count, s->out, tn__element(s, j->run->in[0], part * s->y_part + first), 1,
                 s->windows, slot);
        tn__multiply_packed(s->dtype, s->cells, count, s->out, weights + (uint64_t)(part % s->groups) * j->weight_bytes,
                            slot, matrix, count, 1);
        tn__add_windows(s->dtype, &s->patches, matrix, first, count, dx);
    }
}

static void run_slots(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const char *weights = j->run->scratch;
    uint64_t before = (uint64_t)j->s.groups * j->weight_bytes + (uint64_t)begin * j->slot_bytes;
    char *slot = tn__bytes_on(weights, before);
    for (int64_t part = j->parts * begin / j->slots; part < j->parts * end / j->slots; part++)
        run_part(j, part, weights, slot);
}

static tn_status run(const tn_run *run, tn_error *error TN_UNUSED)
{
    job j = describe(run);
    if (tn_desc_numel(run->out_desc[0]) == 0) return TN_OK;
    if (j.s.out) tn__conv2d_pack_weights(&j.s, run->in[1], true, run->scratch);
    tn__for_slots(j.slots, flops(run), run_slots, &j);
    return TN_OK;
}

/* ---- gradient: conv2d_grad_input is linear in both inputs */

static void grad(tn_grad *g)
{
    tn_conv2d_attrs how = tn__conv2d_attrs_of(g->attrs);
    tn_tensor *dy = g->in[0], *w = g->in[1];
    if (tn_wants_grad(g, 0)) tn_send_grad(g, 0, tn_conv2d(g->dy, w, NULL, &how));
    if (tn_wants_grad(g, 1)) tn_send_grad(g, 1, tn__conv2d_grad_weight(dy, g->dy, w, &how, NULL));
}

const tn_op tn__op_conv2d_grad_input = {
    .name = "conv2d_grad_input",
    .flags = TN_OP_IMAGE | TN_OP_PADS,
    .infer = infer,
    .run = run,
    .scratch = scratch,
    .flops = flops,
    .grad = grad,
    .samples = TN_SAMPLES(
        "dy[2,6,8,8] w[6,3,3,3]; size=8,8 padding=1,1", "dy[2,5,3,3] w[5,2,3,3]; size=8,8 stride=2,2",
        "dy[1,4,4,5] w[4,2,3,2]; size=7,9 stride=2,2 padding=1,1 dilation=1,2",
        "dy[2,4,5,5] w[4,1,3,3]; size=5,5 padding=1,1 groups=4", "dy[1,6,4,4] w[6,2,2,2]; size=5,5 groups=3",
        "dy[3,4,1,1] w[4,2,5,4]; size=5,4", "dy[2,3,1,1] w[3,2,1,1]; size=1,1", "dy[0,3,4,4] w[3,2,3,3]; size=6,6",
        "dy[1,2,3,3] w[2,1,1,1]; size=6,6 stride=2,2", "dy:f32[2,64,11,11] w:f32[64,32,3,3]; size=13,13"),
    .shapes = TN_SAMPLES("dy[N,64,11,11] w[64,32,3,3]; size=13,13"),
};

tn_tensor *tn__conv2d_grad_input(tn_tensor *dy, tn_tensor *w, tn_tensor *x, const tn_conv2d_attrs *how)
{
    tn_conv2d_grad_attrs attrs = tn__conv2d_grad_attrs(how, x);
    return TN_APPLY(dy->ctx, conv2d_grad_input, &attrs, dy, w);
}
