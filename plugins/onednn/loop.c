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

tn_status dn_loop_create(const tn_op_desc *desc, dn_loop_fn run, uint64_t extra_bytes, dn_loop **loop, tn_error *error)
{
    const uint64_t tensors = desc->n_in + desc->n_out;
    uint64_t attrs_bytes = 0;
    if (desc->attrs) memcpy(&attrs_bytes, desc->attrs, sizeof attrs_bytes);
    const uint64_t extra_at = dn_round_up(sizeof **loop, DN_ALIGNMENT),
                   descs_at = extra_at + dn_round_up(extra_bytes, DN_ALIGNMENT),
                   arrays_at = descs_at + tensors * sizeof(tn_tensor_desc),
                   attrs_at = arrays_at + tensors * sizeof(tn_tensor_desc *), bytes = attrs_at + attrs_bytes;
    char *block = dn_host->alloc(bytes, DN_ALIGNMENT);
    if (!block)
        return tn_fail(error, TN_OUT_OF_MEMORY, 0, "%s: no memory for a plan of %llu bytes", desc->name,
                       (unsigned long long)bytes);
    memset(block, 0, bytes);

    tn_tensor_desc *descs = (tn_tensor_desc *)(block + descs_at);
    const tn_tensor_desc **arrays = (const tn_tensor_desc **)(block + arrays_at);
    for (uint64_t i = 0; i < tensors; i++) {
        const tn_tensor_desc *x = i < desc->n_in ? desc->in[i] : desc->out[i - desc->n_in];
        if (!x) continue;
        copy_struct(&descs[i], x, sizeof descs[i]);
        arrays[i] = &descs[i];
    }
    if (attrs_bytes) memcpy(block + attrs_at, desc->attrs, attrs_bytes);

    *loop = (dn_loop *)block;
    **loop = (dn_loop){
        .plan = {.struct_size = sizeof(tn_plan),
                 .execute = execute,
                 .destroy = destroy,
                 .implementation = "tenon:loop",
                 .flops = first_numel(desc),
                 .bytes_moved = dn_bytes_moved(desc),
                 .flags = TN_PLAN_DETERMINISTIC | TN_PLAN_CONCURRENT},
        .run = run,
        .desc = {.struct_size = sizeof(tn_op_desc),
                 .name = NULL, /* the caller's string does not outlive the call */
                 .attrs = attrs_bytes ? block + attrs_at : NULL,
                 .in = arrays,
                 .out = arrays + desc->n_in,
                 .n_in = desc->n_in,
                 .n_out = desc->n_out,
                 .flags = desc->flags},
        .extra = block + extra_at,
    };
    return TN_OK;
}
