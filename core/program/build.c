/* SPDX-License-Identifier: Apache-2.0
 *
 * From a recording to what runs: passes, plans, places, addresses. */
#include "program/build.h"

#include <stdlib.h>
#include <string.h>

static bool no_memory(tn_context *tn, const char *name)
{
    tn_raise(tn, TN_OUT_OF_MEMORY, "program %s: no host memory to build it", name);
    return false;
}

/* ---- plans */

static void drop_views(tn_trace *trace)
{
    int n = 0;
    for (int i = 0; i < trace->n_steps; i++) {
        if (!trace->steps[i].view)
            trace->steps[n++] = trace->steps[i];
        else
            tn__trace_drop(trace, i);
    }
    trace->n_steps = n;
}

static tn_plan *make_plan(tn_built *built, const tn_trace_step *step, uint64_t *nanoseconds)
{
    const tn_trace *trace = &built->trace;
    const tn_tensor_desc **in = calloc((size_t)step->n_in + 1, sizeof *in), *out[TN_MAX_OUT];
    tn_error error = TN_ERROR_INIT;
    tn_plan *plan = NULL;
    if (!in) {
        tn_raise(trace->tn, TN_OUT_OF_MEMORY, "%s: no host memory for a plan", step->op->name);
        return NULL;
    }
    tn_op_desc desc = tn__trace_describe(trace, step, in, out);
    if (tn__plan_create(step->dev, step->op, &desc, &plan, nanoseconds, &error) != TN_OK)
        tn__raise_error(trace->tn, step->op->name, &error);
    free(in);
    return plan;
}

static bool make_plans(tn_built *built, const char *name, tn_plan **plans)
{
    tn_trace *trace = &built->trace;
    built->execs = calloc((size_t)trace->n_steps + 1, sizeof *built->execs);
    if (!built->execs) return no_memory(built->tn, name);
    for (int i = 0; i < trace->n_steps; i++) {
        tn_exec *exec = &built->execs[i];
        *exec = (tn_exec){.stream = trace->steps[i].dev->stream, .step = &trace->steps[i], .use = {.placement = -1}};
        uint64_t nanoseconds;
        if (!(plans[i] = make_plan(built, &trace->steps[i], &nanoseconds))) return false;
        exec->plan = exec->use.plan = plans[i];
        tn__planned(built->tn, &exec->use, exec->step->op, exec->step->dev, nanoseconds);
        built->n_execs++;
    }
    return true;
}

/* Steps that have been dropped take their plans with them. */
static void drop_gone(tn_built *built, tn_plan **plans)
{
    tn_trace *trace = &built->trace;
    int n = 0;
    for (int i = 0; i < trace->n_steps; i++) {
        if (!trace->steps[i].op) {
            plans[i]->destroy(plans[i]);
            continue;
        }
        trace->steps[n] = trace->steps[i];
        built->execs[n] = built->execs[i];
        built->execs[n].step = &trace->steps[n];
        plans[n++] = plans[i];
    }
    trace->n_steps = built->n_execs = n;
}

static void reuse(tn_built *built, tn_plan **plans)
{
    built->reused = tn__reuse_in_place(&built->trace, plans);
    drop_gone(built, plans);
}

/* ---- places and addresses */

static bool place(tn_built *built, const char *name, tn_plan *const *plans, uint64_t *workspace)
{
    tn_trace *trace = &built->trace;
    uint64_t *bytes = calloc((size_t)trace->n_steps + 1, sizeof *bytes);
    if (!bytes) return no_memory(built->tn, name);
    tn_dev *dev = NULL;
    bool several = false;
    for (int i = 0; i < trace->n_steps; i++) {
        bytes[i] = plans[i]->workspace_bytes;
        /* The reference backend works in the memory of a device that the host can reach, and the other way. */
        if (!trace->steps[i].fell_back) {
            several |= dev && dev != trace->steps[i].dev;
            dev = trace->steps[i].dev;
        }
    }
    uint64_t size = tn__place(trace, bytes, workspace);
    free(bytes);
    if (size == UINT64_MAX) return no_memory(built->tn, name);
    if (several) {
        tn_raise(built->tn, TN_UNSUPPORTED, "program %s: its operators run on several devices", name);
        return false;
    }
    built->arena_bytes = size;
    if (size == 0) return true;
    tn_tensor_desc desc;
    if (!dev) dev = trace->steps[0].dev;
    if (!tn__desc(built->tn, &desc, TN_U8, TN_SHAPE((int64_t)size))) return false;
    tn__pool_trim(dev->pool); /* what the function took while it was recorded: replays do without */
    tn_mark mark = tn_begin(built->tn);
    tn_tensor *arena = tn_retain(tn__new(dev, &desc));
    tn_end(built->tn, mark, NULL);
    if (tn_is_nil(arena)) return false;
    built->arena = arena;
    return true;
}

/* Where a tensor lies; for one in an input, where that input lies now, and *at is noted. */
static void *bind(tn_built *built, int tensor, void **at)
{
    const tn_traced *x = &built->trace.tensors[tensor];
    const tn_value *value = &built->trace.values[tn__value_root(&built->trace, x->value)];
    switch (value->kind) {
    case TN_VALUE_TEMPORARY:
        return built->arena ? (char *)tn__data(built->arena) + value->offset + x->offset : NULL; /* all are empty */
    case TN_VALUE_INPUT: built->patches[built->n_patches++] = (tn_patch){at, value->input, x->offset}; break;
    default: break;
    }
    return value->storage->data ? (char *)value->storage->data + x->offset : NULL;
}

static bool bind_all(tn_built *built, const char *name, const uint64_t *workspace)
{
    const tn_trace *trace = &built->trace;
    size_t operands = 0;
    for (int i = 0; i < trace->n_steps; i++) operands += (size_t)(trace->steps[i].n_in + trace->steps[i].n_out);
    void **at = built->addresses = calloc(operands + 1, sizeof *at);
    built->patches = calloc(operands + 1, sizeof *built->patches);
    if (!built->addresses || !built->patches) return no_memory(built->tn, name);
    for (int s = 0; s < trace->n_steps; s++) {
        const tn_trace_step *step = &trace->steps[s];
        tn_exec *exec = &built->execs[s];
        exec->bindings = (tn_bindings){sizeof exec->bindings, at, at + step->n_in, NULL};
        if (exec->plan->workspace_bytes) exec->bindings.workspace = (char *)tn__data(built->arena) + workspace[s];
        for (int i = 0; i < step->n_in; i++, at++)
            if (step->in[i] >= 0) *at = bind(built, step->in[i], at);
        for (int i = 0; i < step->n_out; i++, at++) *at = bind(built, step->out[i], at);
    }
    return true;
}

/* Kept memory and inputs that steps write to. */
static bool list_written(tn_built *built, const char *name)
{
    const tn_trace *trace = &built->trace;
    built->written = calloc((size_t)trace->n_values + 1, sizeof *built->written);
    built->writes_input = calloc((size_t)built->recorded.n_in + 1, sizeof *built->writes_input);
    if (!built->written || !built->writes_input) return no_memory(built->tn, name);
    for (int v = 0; v < trace->n_values; v++) {
        const tn_value *value = &trace->values[v];
        if (value->kind == TN_VALUE_TEMPORARY || !tn__trace_writes(trace, v)) continue;
        if (value->kind == TN_VALUE_INPUT)
            built->writes_input[value->input] = true;
        else
            built->written[built->n_written++] = (struct tn_written){value->storage, value->fresh};
    }
    return true;
}

bool tn__build(tn_context *tn, const char *name, const char *passes, tn_recorded *recorded, tn_built *built)
{
    *built = (tn_built){.tn = tn, .recorded = *recorded};
    *recorded = (tn_recorded){0};
    tn_plan **plans = NULL;
    uint64_t *workspace = NULL;
    bool ok = tn__trace_copy(&built->trace, &built->recorded.trace) || no_memory(tn, name);
    ok = ok && tn__passes_run(&built->trace, passes);
    if (ok) {
        drop_views(&built->trace);
        plans = calloc((size_t)built->trace.n_steps + 1, sizeof *plans);
        workspace = calloc((size_t)built->trace.n_steps + 1, sizeof *workspace);
        ok = (plans && workspace) || no_memory(tn, name);
    }
    ok = ok && make_plans(built, name, plans);
    if (ok && tn__passes_have(passes, "in_place")) reuse(built, plans);
    ok = ok && place(built, name, plans, workspace) && bind_all(built, name, workspace) && list_written(built, name);
    free(plans);
    free(workspace);
    if (!ok) tn__built_release(built);
    return ok;
}

/* Nothing may be released that work in a queue still uses. */
static void wait_for_devices(const tn_built *built)
{
    for (int i = 0; i < built->n_execs; i++) {
        const tn_dev *dev = built->execs[i].step->dev;
        tn_error ignored = TN_ERROR_INIT;
        if (dev->info.flags & TN_DEVICE_SYNCHRONOUS || (i > 0 && dev == built->execs[i - 1].step->dev)) continue;
        dev->plugin->stream_sync(dev->handle, dev->stream, &ignored);
    }
}

void tn__built_release(tn_built *built)
{
    wait_for_devices(built);
    tn__graph_release(built);
    for (int i = 0; i < built->n_execs; i++) {
        tn_plan *plan = built->execs[i].use.plan;
        plan->destroy(plan);
    }
    tn_release(built->arena);
    tn__trace_release(&built->trace);
    tn__recorded_release(&built->recorded);
    free(built->execs);
    free(built->addresses);
    free(built->patches);
    free(built->written);
    free(built->writes_input);
    *built = (tn_built){0};
}

/* ---- running */

tn_meeting tn__built_meets(const tn_built *built, tn_tensor *const *in, int i)
{
    const tn_storage *storage = in[i]->storage;
    const tn_recorded *recorded = &built->recorded;
    for (int k = 0; k < built->n_written; k++)
        if (built->written[k].storage == storage)
            return built->written[k].fresh && !built->writes_input[i] ? TN_MEETS_RESULT : TN_MEETS_OTHERS;
    for (int k = 0; k < recorded->n_in && storage->borrowed; k++)
        if (recorded->inputs[k] == storage) return built->writes_input[i] ? TN_MEETS_OTHERS : TN_MEETS_RESULT;
    if (!built->writes_input[i]) return TN_MEETS_NOTHING;
    for (int k = 0; k < recorded->n_in; k++)
        if (k != i && in[k]->storage == storage) return TN_MEETS_OTHERS;
    for (int v = 0; v < built->trace.n_values; v++)
        if (built->trace.values[v].kind == TN_VALUE_KEPT && built->trace.values[v].storage == storage)
            return TN_MEETS_OTHERS;
    return TN_MEETS_NOTHING;
}

void tn__built_count_writes(const tn_built *built, tn_tensor *const *in)
{
    for (int i = 0; i < built->recorded.n_in; i++)
        if (built->writes_input[i]) in[i]->storage->version++;
}

static void note_inputs(const tn_built *built, tn_tensor *const *in)
{
    for (int i = 0; i < built->recorded.n_in; i++) built->recorded.inputs[i]->data = tn__data(in[i]);
}

void tn__built_bind_inputs(const tn_built *built)
{
    for (int i = 0; i < built->n_patches; i++) {
        const tn_patch *patch = &built->patches[i];
        char *start = built->recorded.inputs[patch->input]->data;
        *patch->at = start ? start + patch->offset : NULL;
    }
}

static bool write_rng(tn_built *built)
{
    tn_recorded *recorded = &built->recorded;
    if (!recorded->rng) return true;
    uint64_t state[2] = {built->tn->seed, built->tn->rng_offset};
    built->tn->rng_offset += (uint64_t)recorded->rng_calls;
    return tn_write(recorded->rng, state, sizeof state) == TN_OK;
}

static tn_status run_timed(tn_built *built, tn_error *error, const tn_exec **failed)
{
    for (int i = 0; i < built->n_execs; i++) {
        tn_exec *exec = &built->execs[i];
        uint64_t start, spent = 0;
        tn_dev *dev = exec->step->dev;
        *failed = exec;
        tn_status status = tn__timer_start(dev, &start, error);
        if (status == TN_OK) status = exec->plan->execute(exec->plan, exec->stream, &exec->bindings, error);
        if (status == TN_OK) status = tn__timer_stop(dev, start, &spent, error);
        if (status != TN_OK) return status;
        tn__placed(built->tn, &exec->use, exec->step->op, dev, exec->step->fell_back, spent);
    }
    return TN_OK;
}

static tn_status run_plain(const tn_built *built, tn_error *error, const tn_exec **failed)
{
    for (const tn_exec *exec = built->execs, *end = exec + built->n_execs; exec < end; exec++) {
        tn_status status = exec->plan->execute(exec->plan, exec->stream, &exec->bindings, error);
        if (status == TN_OK) continue;
        *failed = exec;
        return status;
    }
    return TN_OK;
}

static void set_grads(const tn_built *built)
{
    for (int i = 0; i < built->recorded.n_grads; i++) {
        const struct tn_touched_grad *set = &built->recorded.grads[i];
        if (set->x->grad != set->grad) tn_set_grad(set->x, set->grad);
    }
}

tn_status tn__built_run(tn_built *built, tn_tensor *const *in)
{
    tn_error error = TN_ERROR_INIT;
    const tn_exec *failed = NULL;
    tn_status status = TN_OK;
    note_inputs(built, in);
    if (!write_rng(built)) return tn_check(built->tn);
    if (built->tn->profiling || !tn__graph_run(built, in, &status, &error)) {
        tn__built_bind_inputs(built);
        status = built->tn->profiling ? run_timed(built, &error, &failed) : run_plain(built, &error, &failed);
    }
    for (int i = 0; i < built->n_written; i++) built->written[i].storage->version++;
    tn__built_count_writes(built, in);
    if (status != TN_OK)
        tn__raise_error(built->tn, failed ? failed->step->op->name : "a graph of operators", &error);
    else
        set_grads(built);
    return tn_check(built->tn);
}

void tn__built_account(tn_built *built, uint64_t runs)
{
    for (int i = 0; i < built->n_execs; i++) {
        tn_exec *exec = &built->execs[i];
        tn__placed_often(built->tn, &exec->use, exec->step->op, exec->step->dev, exec->step->fell_back, runs, 0);
    }
}
