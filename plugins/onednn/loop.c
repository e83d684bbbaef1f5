/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans that run the plugin's own loops. One block of memory holds the plan, a copy of the operator's description and
 * what the operator keeps for itself. */
#include "common.h"

#include <string.h>

static tn_status execute(const tn_plan *plan, tn_stream *stream, const tn_bindings *bindings, tn_error *error)
{
    const dn_loop *loop = (const dn_loop *)plan;
    (void)stream;
    return loop->run(loop, bindings, error);
}

static void destroy(tn_plan *plan)
{
    dn_host->free(plan);
}

uint64_t dn_bytes_moved(const tn_op_desc *desc)
{
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < desc->n_in + desc->n_out; i++) {
        const tn_tensor_desc *x = i < desc->n_in ? desc->in[i] : desc->out[i - desc->n_in];
        if (x) bytes += (uint64_t)tn_desc_numel(x) * tn_dtype_size(x->dtype);
    }
    return bytes;
}

static uint64_t first_numel(const tn_op_desc *desc)
{
    if (desc->n_out) return (uint64_t)tn_desc_numel(desc->out[0]);
    return desc->n_in && desc->in[0] ? (uint64_t)tn_desc_numel(desc->in[0]) : 0;
}

/* What a struct written by a newer or older header becomes in ours: its first bytes, the rest zero. */
static void copy_struct(void *to, const void *from, uint64_t our_size)
{
    uint64_t size;
    memcpy(&size, from, sizeof size);
    memcpy(to, from, size < our_size ? size : our_size);
    memcpy(to, &our_size, sizeof our_size);
}

/* Copies the descriptors of desc to room for all of them, and sets the arrays of `to` to point there. */
static void copy_tensors(tn_op_desc *to, const tn_op_desc *desc, tn_tensor_desc *room, const tn_tensor_desc **arrays)
{
    for (uint64_t i = 0; i < desc->n_in + desc->n_out; i++) {
        const tn_tensor_desc *x = i < desc->n_in ? desc->in[i] : desc->out[i - desc->n_in];
        if (!x) continue;
        copy_struct(&room[i], x, sizeof room[i]);
        arrays[i] = &room[i];
    }
    to->in = arrays;
    to->out = arrays + desc->n_in;
    to->n_in = desc->n_in;
    to->n_out = desc->n_out;
}

tn_status dn_loop_create(const tn_op_desc *desc, dn_loop_fn run, uint64_t extra_bytes, dn_loop **loop, tn_error *error)
{
    const uint64_t tensors = desc->n_in + desc->n_out;
    uint64_t attrs_bytes = 0;
    if (desc->attrs) memcpy(&attrs_bytes, desc->attrs, sizeof attrs_bytes); /* struct_size */
    const uint64_t extra_at = dn_round_up(sizeof **loop, DN_ALIGNMENT),
                   room_at = extra_at + dn_round_up(extra_bytes, DN_ALIGNMENT),
                   arrays_at = room_at + tensors * sizeof(tn_tensor_desc),
                   attrs_at = arrays_at + tensors * sizeof(tn_tensor_desc *), bytes = attrs_at + attrs_bytes;
    char *block = dn_host->alloc(bytes, DN_ALIGNMENT);
    if (!block) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "%s: no memory for a plan", desc->name);
    memset(block, 0, bytes);

    *loop = (dn_loop *)block;
    (*loop)->plan = (tn_plan){.struct_size = sizeof(tn_plan),
                              .execute = execute,
                              .destroy = destroy,
                              .implementation = "tenon:loop",
                              .flops = first_numel(desc),
                              .bytes_moved = dn_bytes_moved(desc),
                              .flags = TN_PLAN_DETERMINISTIC | TN_PLAN_CONCURRENT};
    (*loop)->run = run;
    (*loop)->extra = block + extra_at;
    (*loop)->desc = (tn_op_desc){.struct_size = sizeof(tn_op_desc), .flags = desc->flags};
    if (attrs_bytes) (*loop)->desc.attrs = memcpy(block + attrs_at, desc->attrs, attrs_bytes);
    copy_tensors(&(*loop)->desc, desc, (tn_tensor_desc *)(block + room_at),
                 (const tn_tensor_desc **)(block + arrays_at));
    return TN_OK;
}
