/* SPDX-License-Identifier: Apache-2.0
 *
 * Chains of oneDNN primitives: building them, running them. */
#include "chain.h"
#include "copy.h"
#include "map.h"
#include "threads.h"

#include <assert.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

enum { SETS = 8 };

typedef struct slot {
    dn_own_md md;
    dn_place place;
    uint64_t at; /* index of the tensor, or offset into the workspace */
} slot;

typedef struct step step;
struct step {
    tn_status (*run)(const dn_chain *chain, const step *self, const tn_bindings *bindings, dnnl_stream_t stream,
                     dnnl_exec_arg_t *args, tn_error *error);
    dnnl_primitive_t primitive;
    int first_arg, n_args;
    void *own;    /* what a copy or a relu has prepared */
    int to, from; /* slots, or for a copy's far side -1 */
    uint64_t tensor;
};

/* What one execution binds addresses to. */
typedef struct set {
    atomic_flag busy;
    dnnl_memory_t memory[DN_MAX_SLOTS];
    dnnl_exec_arg_t args[DN_MAX_ARGS];
} set;

struct dn_chain {
    tn_plan plan;
    tn_device *device;
    const tn_op_desc *desc; /* while building only */
    tn_status status;       /* while building only, with *error */
    tn_error *error;
    dnnl_primitive_attr_t attr;
    int threads, outer_threads;
    int n_slots, n_steps, n_args, n_late;
    slot slots[DN_MAX_SLOTS];
    step steps[DN_MAX_STEPS];
    step late[DN_MAX_STEPS]; /* copies to outputs, which end the chain */
    dn_arg args[DN_MAX_ARGS];
    set *sets;
    char name[64];
};

/* ---- building */

static void destroy(tn_plan *plan);

int dn_chain_try(dn_chain *chain, dnnl_status_t status, const char *call)
{
    if (!chain->status) chain->status = dn_status(status, chain->desc->name, call, chain->error);
    return !chain->status;
}

static void *allocate(dn_chain *chain, uint64_t bytes)
{
    void *memory = dn_host->alloc(bytes, DN_ALIGNMENT);
    if (!memory && !chain->status)
        chain->status = tn_fail(chain->error, TN_OUT_OF_MEMORY, 0, "%s: no memory for a plan", chain->desc->name);
    return memory;
}

dn_chain *dn_chain_begin(tn_device *device, const tn_op_desc *desc, uint64_t flops, tn_error *error)
{
    dn_chain *chain = dn_host->alloc(sizeof *chain, DN_ALIGNMENT);
    if (!chain) {
        tn_fail(error, TN_OUT_OF_MEMORY, 0, "%s: no memory for a plan", desc->name);
        return NULL;
    }
    *chain = (dn_chain){
        .plan = {.struct_size = sizeof(tn_plan),
                 .destroy = destroy,
                 .flops = flops,
                 .bytes_moved = dn_bytes_moved(desc),
                 .flags = TN_PLAN_DETERMINISTIC | TN_PLAN_CONCURRENT},
        .device = device,
        .desc = desc,
        .error = error,
        .threads = dn_threads_for(flops),
    };
    chain->outer_threads = dn_threads_set(chain->threads);
    dn_chain_try(chain, dn_attr_create(&chain->attr), "dnnl_primitive_attr_create");
    return chain;
}

dnnl_engine_t dn_chain_engine(const dn_chain *chain)
{
    return chain->device->engine;
}

dnnl_primitive_attr_t dn_chain_attr(const dn_chain *chain)
{
    return chain->attr;
}

dn_md dn_chain_md(const dn_chain *chain, int at)
{
    return chain->status || at < 0 ? NULL : dn_md_of(&chain->slots[at].md);
}

/* The next slot; its descriptor is to be filled in. */
static slot *new_slot(dn_chain *chain, dn_place place, uint64_t at, uint64_t bytes)
{
    assert(chain->n_slots < DN_MAX_SLOTS);
    slot *s = &chain->slots[chain->n_slots++];
    if (place == DN_WORKSPACE) {
        at = chain->plan.workspace_bytes;
        chain->plan.workspace_bytes += dn_round_up(bytes, DN_ALIGNMENT);
    }
    s->place = place;
    s->at = at;
    return s;
}

static step *new_step(step *steps, int *n)
{
    assert(*n < DN_MAX_STEPS);
    step *s = &steps[(*n)++];
    *s = (step){.to = -1, .from = -1};
    return s;
}

static tn_status run_copy(const dn_chain *chain, const step *self, const tn_bindings *bindings, dnnl_stream_t stream,
                          dnnl_exec_arg_t *args, tn_error *error);

/* A copy between tensor and slot, whichever way the place demands. */
static void add_copy(dn_chain *chain, dn_place place, uint64_t index, int at, const tn_tensor_desc *stored)
{
    dn_copy *copy = allocate(chain, sizeof *copy);
    if (!copy) return;
    step *s = place == DN_INPUT ? new_step(chain->steps, &chain->n_steps) : new_step(chain->late, &chain->n_late);
    s->run = run_copy;
    s->own = copy;
    s->tensor = index;
    if (place == DN_INPUT) {
        s->to = at;
        dn_copy_init(copy, stored, chain->desc->in[index]);
    } else {
        s->from = at;
        dn_copy_init(copy, chain->desc->out[index], stored);
    }
}

/* Do both have their elements in the same places? (Dims are equal; the stride of a dim of one does not matter.) */
static int same_places(const tn_tensor_desc *a, const tn_tensor_desc *b)
{
    for (uint32_t i = 0; i < a->rank; i++)
        if (a->dims[i] != 1 && a->strides[i] != b->strides[i]) return 0;
    return 1;
}

int dn_chain_slot(dn_chain *chain, dn_place place, uint64_t index, const tn_tensor_desc *stored, int rank,
                  const int64_t *dims, const int64_t *strides)
{
    const tn_tensor_desc *tensor = place == DN_INPUT ? chain->desc->in[index] : chain->desc->out[index];
    const uint64_t bytes = (uint64_t)tn_desc_numel(stored) * sizeof(float);
    if (chain->status) return -1;
    const int at = chain->n_slots, own = same_places(stored, tensor);
    slot *s = new_slot(chain, own ? place : DN_WORKSPACE, index, bytes);
    dnnl_dims_t all_dims = {0}, all_strides = {0};
    memcpy(all_dims, dims, (size_t)rank * sizeof *dims);
    memcpy(all_strides, strides, (size_t)rank * sizeof *strides);
    dn_chain_try(chain, dn_md_strided(&s->md, rank, all_dims, dnnl_f32, all_strides), "memory descriptor");
    if (!own) add_copy(chain, place, index, at, stored);
    return at;
}

int dn_chain_tensor(dn_chain *chain, dn_place place, uint64_t index, const tn_tensor_desc *stored)
{
    return dn_chain_slot(chain, place, index, stored, (int)stored->rank, stored->dims, stored->strides);
}

int dn_chain_scratch(dn_chain *chain, dn_md md)
{
    if (chain->status) return -1;
    slot *s = new_slot(chain, DN_WORKSPACE, 0, dnnl_memory_desc_get_size(md));
    dn_chain_try(chain, dn_md_copy(&s->md, md), "memory descriptor");
    return chain->n_slots - 1;
}

static tn_status run_primitive(const dn_chain *chain, const step *self, const tn_bindings *bindings,
                               dnnl_stream_t stream, dnnl_exec_arg_t *args, tn_error *error)
{
    (void)bindings;
    const int before = dn_threads_set(chain->threads);
    const dnnl_status_t status = dnnl_primitive_execute(self->primitive, stream, self->n_args, args + self->first_arg);
    dn_threads_set(before);
    return dn_status(status, chain->name, "dnnl_primitive_execute", error);
}

static void add_primitive(dn_chain *chain, dnnl_primitive_desc_t pd, int n, const dn_arg *args)
{
    step *s = new_step(chain->steps, &chain->n_steps);
    s->run = run_primitive;
    s->first_arg = chain->n_args;
    for (int i = 0; i < n; i++)
        if (args[i].slot >= 0) chain->args[chain->n_args++] = args[i];
    dn_md scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    if (scratch && dnnl_memory_desc_get_size(scratch))
        chain->args[chain->n_args++] = (dn_arg){DNNL_ARG_SCRATCHPAD, dn_chain_scratch(chain, scratch)};
    s->n_args = chain->n_args - s->first_arg;
    dn_chain_try(chain, dnnl_primitive_create(&s->primitive, pd), "dnnl_primitive_create");
}

void dn_chain_primitive(dn_chain *chain, dnnl_primitive_desc_t pd, int n, const dn_arg *args)
{
    const char *name = NULL;
    if (!chain->status) {
        add_primitive(chain, pd, n, args);
        dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, (void *)&name);
        snprintf(chain->name, sizeof chain->name, "%s", name ? name : "oneDNN");
    }
    if (pd) dnnl_primitive_desc_destroy(pd);
}

void dn_chain_reorder(dn_chain *chain, int from, int to)
{
    dnnl_primitive_desc_t pd = NULL;
    if (chain->status || from == to) return;
    dnnl_engine_t engine = chain->device->engine;
    if (dn_chain_try(chain,
                     dnnl_reorder_primitive_desc_create(&pd, dn_chain_md(chain, from), engine, dn_chain_md(chain, to),
                                                        engine, chain->attr),
                     "dnnl_reorder_primitive_desc_create"))
        add_primitive(chain, pd, 2, (dn_arg[]){{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
    if (pd) dnnl_primitive_desc_destroy(pd);
}

int dn_chain_chosen(dn_chain *chain, int at, dn_md md)
{
    return chain->status || dnnl_memory_desc_equal(dn_chain_md(chain, at), md) ? at : dn_chain_scratch(chain, md);
}

int dn_chain_reordered(dn_chain *chain, int at, dn_md md)
{
    const int chosen = dn_chain_chosen(chain, at, md);
    dn_chain_reorder(chain, at, chosen);
    return chosen;
}

/* ---- running */

static void *address(const dn_chain *chain, int at, const tn_bindings *bindings)
{
    const slot *s = &chain->slots[at];
    switch (s->place) {
    case DN_INPUT: return bindings->in[s->at];
    case DN_OUTPUT: return bindings->out[s->at];
    default: return (char *)bindings->workspace + s->at;
    }
}

static tn_status run_copy(const dn_chain *chain, const step *self, const tn_bindings *bindings, dnnl_stream_t stream,
                          dnnl_exec_arg_t *args, tn_error *error)
{
    (void)stream, (void)args, (void)error;
    if (self->to >= 0)
        dn_copy_run(self->own, address(chain, self->to, bindings), bindings->in[self->tensor]);
    else
        dn_copy_run(self->own, bindings->out[self->tensor], address(chain, self->from, bindings));
    return TN_OK;
}

static tn_status run_relu(const dn_chain *chain, const step *self, const tn_bindings *bindings, dnnl_stream_t stream,
                          dnnl_exec_arg_t *args, tn_error *error)
{
    void *y = address(chain, self->to, bindings);
    (void)stream, (void)args, (void)error;
    dn_nest_run(self->own, dn_relu.grain, (void *const[]){y, y}, dn_relu.row[TN_F32], NULL);
    return TN_OK;
}

void dn_chain_relu(dn_chain *chain, int at, const tn_tensor_desc *stored)
{
    dn_nest *nest = chain->status ? NULL : allocate(chain, sizeof *nest);
    if (!nest) return;
    dn_nest_over(nest, 2, (const tn_tensor_desc *const[]){stored, stored});
    step *s = new_step(chain->steps, &chain->n_steps);
    s->run = run_relu;
    s->own = nest;
    s->to = at;
}

static set *take(const dn_chain *chain)
{
    for (;; sched_yield())
        for (int i = 0; i < SETS; i++)
            if (!atomic_flag_test_and_set_explicit(&chain->sets[i].busy, memory_order_acquire)) return &chain->sets[i];
}

static tn_status execute(const tn_plan *plan, tn_stream *stream, const tn_bindings *bindings, tn_error *error)
{
    const dn_chain *chain = (const dn_chain *)plan;
    set *own = take(chain);
    tn_status status = TN_OK;
    for (int i = 0; i < chain->n_slots; i++) dnnl_memory_set_data_handle(own->memory[i], address(chain, i, bindings));
    for (int i = 0; i < chain->n_steps && !status; i++)
        status = chain->steps[i].run(chain, &chain->steps[i], bindings, stream->stream, own->args, error);
    atomic_flag_clear_explicit(&own->busy, memory_order_release);
    return status;
}

/* ---- ending */

static void make_sets(dn_chain *chain)
{
    chain->sets = allocate(chain, SETS * sizeof *chain->sets);
    if (!chain->sets) return;
    memset(chain->sets, 0, SETS * sizeof *chain->sets);
    for (set *s = chain->sets; s < chain->sets + SETS; s++) {
        atomic_flag_clear(&s->busy);
        for (int i = 0; i < chain->n_slots; i++)
            dn_chain_try(
                chain,
                dnnl_memory_create(&s->memory[i], dn_chain_md(chain, i), chain->device->engine, DNNL_MEMORY_NONE),
                "dnnl_memory_create");
        for (int i = 0; i < chain->n_args; i++)
            s->args[i] = (dnnl_exec_arg_t){chain->args[i].arg, s->memory[chain->args[i].slot]};
    }
}

static void destroy(tn_plan *plan)
{
    dn_chain *chain = (dn_chain *)plan;
    for (int i = 0; chain->sets && i < SETS * DN_MAX_SLOTS; i++) {
        dnnl_memory_t memory = chain->sets[i / DN_MAX_SLOTS].memory[i % DN_MAX_SLOTS];
        if (memory) dnnl_memory_destroy(memory);
    }
    for (int i = 0; i < chain->n_steps; i++) {
        if (chain->steps[i].primitive) dnnl_primitive_destroy(chain->steps[i].primitive);
        dn_host->free(chain->steps[i].own);
    }
    for (int i = 0; i < chain->n_slots; i++) dn_md_release(&chain->slots[i].md);
    dn_host->free(chain->sets);
    dn_host->free(chain);
}

tn_status dn_chain_end(dn_chain *chain, tn_plan **plan)
{
    memcpy(chain->steps + chain->n_steps, chain->late, (size_t)chain->n_late * sizeof *chain->late);
    chain->n_steps += chain->n_late;
    if (!chain->status) make_sets(chain);
    if (chain->attr) dnnl_primitive_attr_destroy(chain->attr);
    dn_threads_set(chain->outer_threads);
    const tn_status status = chain->status;
    chain->desc = NULL;
    chain->error = NULL;
    if (status) {
        destroy(&chain->plan);
        return status;
    }
    chain->plan.execute = execute;
    chain->plan.implementation = chain->name;
    *plan = &chain->plan;
    return TN_OK;
}
