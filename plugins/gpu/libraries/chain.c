/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans made of plans. */
#include "chain.h"

#include "library.h"
#include "plugin.h"

#include <string.h>

enum { MOST_STEPS = 4, MOST_IN = 3, ALIGNMENT = 256 };

typedef struct step {
    tn_plan *plan;
    uint64_t n_in;
    gpu_ref in[MOST_IN], out;
} step;

struct gpu_chain {
    tn_plan head;
    char implementation[64];
    tn_device *device;
    step steps[MOST_STEPS];
    uint32_t n_steps;
    uint64_t room; /* then comes the scratch memory of the steps, which they share */
    tn_status status;
    tn_error error;
};

static void destroy(tn_plan *head)
{
    gpu_chain *chain = (gpu_chain *)head;
    for (uint32_t i = 0; i < chain->n_steps; i++) chain->steps[i].plan->destroy(chain->steps[i].plan);
    gpu_host->free(chain);
}

static void *address(const gpu_ref *ref, const tn_bindings *at)
{
    if (ref->kind == GPU_WORKSPACE) return (char *)at->workspace + ref->bytes;
    return ref->kind == GPU_IN ? at->in[ref->index] : at->out[ref->index];
}

static tn_status execute(const tn_plan *head, tn_stream *stream, const tn_bindings *at, tn_error *error)
{
    const gpu_chain *chain = (const gpu_chain *)head;
    for (uint32_t i = 0; i < chain->n_steps; i++) {
        const step *s = &chain->steps[i];
        void *in[MOST_IN], *out = address(&s->out, at);
        for (uint64_t k = 0; k < s->n_in; k++) in[k] = address(&s->in[k], at);
        const tn_bindings own = {.struct_size = sizeof own,
                                 .in = in,
                                 .out = &out,
                                 .workspace = s->plan->workspace_bytes ? (char *)at->workspace + chain->room : NULL};
        GPU_TRY(s->plan->execute(s->plan, stream, &own, error));
    }
    return TN_OK;
}

/* ---- making */

gpu_chain *gpu_chain_new(tn_device *device, const tn_op_desc *desc, uint64_t flops, tn_error *error)
{
    gpu_chain *chain = gpu_host->alloc(sizeof *chain, 64);
    if (!chain) {
        tn_fail(error, TN_OUT_OF_MEMORY, 0, "%s: no host memory for a plan", desc->name);
        return NULL;
    }
    *chain = (gpu_chain){.head = {.struct_size = sizeof chain->head,
                                  .execute = execute,
                                  .destroy = destroy,
                                  .implementation = chain->implementation,
                                  .flops = flops,
                                  .bytes_moved = gpu_bytes_moved(desc),
                                  .flags = TN_PLAN_DETERMINISTIC | TN_PLAN_CAPTURE_SAFE | TN_PLAN_CONCURRENT},
                         .device = device,
                         .error = {.struct_size = sizeof chain->error}};
    return chain;
}

gpu_ref gpu_chain_room(gpu_chain *chain, uint64_t bytes)
{
    const gpu_ref room = {GPU_WORKSPACE, 0, chain->room};
    chain->room += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return room;
}

void gpu_chain_add(gpu_chain *chain, tn_plan *plan, uint64_t n_in, const gpu_ref *in, gpu_ref out)
{
    if (chain->n_steps == MOST_STEPS || n_in > MOST_IN) {
        plan->destroy(plan);
        if (!chain->status)
            chain->status = tn_fail(&chain->error, TN_INTERNAL, 0, "a plan has more than %d steps", MOST_STEPS);
        return;
    }
    step *s = &chain->steps[chain->n_steps++];
    *s = (step){.plan = plan, .n_in = n_in, .out = out};
    memcpy(s->in, in, n_in * sizeof *in);
    chain->head.flags &= plan->flags;
}

static const tn_kernel *shared_row(const char *name)
{
    const size_t length = strlen(name);
    for (uint64_t i = 0; i < gpu_n_kernels; i++)
        if (strncmp(gpu_kernels[i].schema, name, length) == 0 && gpu_kernels[i].schema[length] == '/')
            return &gpu_kernels[i];
    return NULL;
}

void gpu_chain_shared(gpu_chain *chain, const char *operator_name, const void *attrs, uint64_t n_in,
                      const tn_tensor_desc *const *in, const gpu_ref *at, const tn_tensor_desc *out, gpu_ref out_at)
{
    const tn_kernel *row = shared_row(operator_name);
    const tn_op_desc desc = {.struct_size = sizeof desc,
                             .name = operator_name,
                             .attrs = attrs,
                             .in = in,
                             .out = &out,
                             .n_in = n_in,
                             .n_out = 1,
                             .flags = TN_OP_DETERMINISTIC};
    tn_plan *plan = NULL;
    if (chain->status) return;
    chain->status = row ? row->plan_create(row, chain->device, &desc, &plan, &chain->error)
                        : tn_fail(&chain->error, TN_UNSUPPORTED, 0, "there are no kernels for %s", operator_name);
    if (chain->status) return;
    int in_place = at[0].kind == out_at.kind && at[0].index == out_at.index && at[0].bytes == out_at.bytes;
    if (in_place && !(plan->flags & TN_PLAN_ALIAS))
        chain->status = tn_fail(&chain->error, TN_UNSUPPORTED, 0, "%s does not work in place", plan->implementation);
    gpu_chain_add(chain, plan, n_in, at, out_at);
}

void gpu_chain_fail(gpu_chain *chain, tn_status status, const tn_error *error)
{
    if (chain->status || status == TN_OK) return;
    chain->status = status;
    chain->error = *error;
}

tn_status gpu_chain_finish(gpu_chain *chain, const char *implementation, tn_plan **plan, tn_error *error)
{
    uint64_t most = 0;
    if (chain->status) {
        tn_status status = gpu_pass_on(chain->status, &chain->error, error);
        destroy(&chain->head);
        return status;
    }
    for (uint32_t i = 0; i < chain->n_steps; i++)
        if (chain->steps[i].plan->workspace_bytes > most) most = chain->steps[i].plan->workspace_bytes;
    chain->head.workspace_bytes = chain->room + most;
    snprintf(chain->implementation, sizeof chain->implementation, "%s", implementation);
    *plan = &chain->head;
    return TN_OK;
}
