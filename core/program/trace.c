/* SPDX-License-Identifier: Apache-2.0
 *
 * Traces: the lists that recording writes and passes change, and the questions that passes ask. */
#include "program/program.h"

#include "ops/schema.h"

#include <stdlib.h>
#include <string.h>

/* ---- holding */

static void step_release(tn_trace_step *step)
{
    free(step->attrs);
    free(step->in);
    *step = (tn_trace_step){0};
}

void tn__trace_release(tn_trace *trace)
{
    for (int i = 0; i < trace->n_steps; i++) step_release(&trace->steps[i]);
    for (int i = 0; i < trace->n_values; i++)
        if (trace->values[i].kind != TN_VALUE_TEMPORARY) tn__storage_release(trace->values[i].storage);
    free(trace->values);
    free(trace->tensors);
    free(trace->steps);
    *trace = (tn_trace){.tn = trace->tn};
}

void *tn__more(void *list, int n, int *room, size_t size)
{
    if (n < *room) return list;
    int wanted = *room ? 2 * *room : 64;
    void *grown = realloc(list, (size_t)wanted * size);
    if (grown) *room = wanted;
    return grown;
}

int tn__trace_add_value(tn_trace *trace, const tn_value *value)
{
    tn_value *values = tn__more(trace->values, trace->n_values, &trace->value_room, sizeof *values);
    if (!values) return -1;
    trace->values = values;
    values[trace->n_values] = *value;
    return trace->n_values++;
}

int tn__value_root(const tn_trace *trace, int value)
{
    while (trace->values[value].alias >= 0) value = (int)trace->values[value].alias;
    return value;
}

int tn__trace_add_tensor(tn_trace *trace, int value, uint64_t offset, const tn_tensor_desc *desc)
{
    tn_traced *tensors = tn__more(trace->tensors, trace->n_tensors, &trace->tensor_room, sizeof *tensors);
    if (!tensors) return -1;
    trace->tensors = tensors;
    tensors[trace->n_tensors] = (tn_traced){value, offset, *desc};
    return trace->n_tensors++;
}

int tn__trace_add_temporary(tn_trace *trace, tn_dev *dev, const tn_tensor_desc *desc)
{
    tn_tensor_desc own = *desc;
    uint64_t bytes = (uint64_t)tn_desc_numel(desc) * tn_dtype_size(desc->dtype);
    if (!tn__is_dense(&own)) tn__row_major(&own);
    own.alignment = 64;
    int value = tn__trace_add_value(
        trace,
        &(tn_value){
            .kind = TN_VALUE_TEMPORARY, .dev = dev, .bytes = (bytes + 63) / 64 * 64, .fresh = true, .alias = -1});
    return value < 0 ? -1 : tn__trace_add_tensor(trace, value, 0, &own);
}

static bool copy_step(tn_trace_step *to, const tn_trace_step *from)
{
    *to = *from;
    to->attrs = from->attrs_size ? malloc(from->attrs_size) : NULL;
    to->in = calloc((size_t)from->n_in + 1, sizeof *to->in);
    if ((from->attrs_size && !to->attrs) || !to->in) {
        step_release(to);
        return false;
    }
    if (from->attrs_size) memcpy(to->attrs, from->attrs, from->attrs_size);
    if (from->n_in) memcpy(to->in, from->in, (size_t)from->n_in * sizeof *to->in);
    return true;
}

bool tn__trace_insert(tn_trace *trace, int at, const tn_trace_step *step)
{
    tn_trace_step copy, *steps = tn__more(trace->steps, trace->n_steps, &trace->step_room, sizeof *steps);
    if (!steps) return false;
    trace->steps = steps;
    if (!copy_step(&copy, step)) return false;
    memmove(steps + at + 1, steps + at, (size_t)(trace->n_steps - at) * sizeof *steps);
    steps[at] = copy;
    trace->n_steps++;
    return true;
}

bool tn__trace_add_step(tn_trace *trace, const tn_trace_step *step)
{
    return tn__trace_insert(trace, trace->n_steps, step);
}

bool tn__trace_replace(tn_trace *trace, int at, const tn_trace_step *step)
{
    tn_trace_step copy;
    if (!copy_step(&copy, step)) return false;
    step_release(&trace->steps[at]);
    trace->steps[at] = copy;
    return true;
}

void tn__trace_drop(tn_trace *trace, int at)
{
    step_release(&trace->steps[at]);
}

bool tn__trace_copy(tn_trace *to, const tn_trace *from)
{
    *to = (tn_trace){.tn = from->tn};
    bool ok = true;
    for (int i = 0; ok && i < from->n_values; i++) {
        ok = tn__trace_add_value(to, &from->values[i]) >= 0;
        if (ok && from->values[i].kind != TN_VALUE_TEMPORARY) from->values[i].storage->refs++;
    }
    for (int i = 0; ok && i < from->n_tensors; i++) {
        const tn_traced *x = &from->tensors[i];
        ok = tn__trace_add_tensor(to, x->value, x->offset, &x->desc) >= 0;
    }
    for (int i = 0; ok && i < from->n_steps; i++) ok = tn__trace_add_step(to, &from->steps[i]);
    if (!ok) tn__trace_release(to);
    return ok;
}

/* ---- looking */

/* In evaluation batch_norm2d only reads the statistics that it may update. */
bool tn__writes_input(const tn_op *op, const void *attrs, int n_in, int i)
{
    const tn_schema *schema = tn__op_schema(op);
    if (!schema || !schema->in[tn__schema_arg_index(schema, n_in, i)].in_place) return false;
    return op != &tn__op_batch_norm2d || ((const tn_batch_norm2d_attrs *)attrs)->training;
}

bool tn__step_input_in_place(const tn_trace_step *step, int i)
{
    return !step->view && tn__writes_input(step->op, step->attrs, step->n_in, i);
}

static bool is_of(const tn_trace *trace, int tensor, int value)
{
    return tensor >= 0 && trace->tensors[tensor].value == value;
}

bool tn__step_writes(const tn_trace *trace, const tn_trace_step *step, int value)
{
    if (!step->op || step->view) return false;
    for (int i = 0; i < step->n_out; i++)
        if (is_of(trace, step->out[i], value)) return true;
    for (int i = 0; i < step->n_in; i++)
        if (is_of(trace, step->in[i], value) && tn__step_input_in_place(step, i)) return true;
    return false;
}

bool tn__step_reads(const tn_trace *trace, const tn_trace_step *step, int value)
{
    if (!step->op || step->view) return false;
    for (int i = 0; i < step->n_in; i++)
        if (is_of(trace, step->in[i], value)) return true;
    return false;
}

int tn__trace_writer(const tn_trace *trace, int value)
{
    int writer = -1;
    for (int i = 0; i < trace->n_steps; i++) {
        if (!tn__step_writes(trace, &trace->steps[i], value)) continue;
        if (writer >= 0) return -1;
        writer = i;
    }
    return writer;
}

bool tn__trace_writes(const tn_trace *trace, int value)
{
    for (int v = 0; v < trace->n_values; v++)
        for (int i = 0; i < trace->n_steps && tn__value_root(trace, v) == value; i++)
            if (tn__step_writes(trace, &trace->steps[i], v)) return true;
    return false;
}

int tn__trace_readers(const tn_trace *trace, int value, int *last)
{
    int n = 0;
    *last = -1;
    for (int s = 0; s < trace->n_steps; s++) {
        const tn_trace_step *step = &trace->steps[s];
        if (!step->op || step->view) continue;
        for (int i = 0; i < step->n_in; i++) {
            if (!is_of(trace, step->in[i], value)) continue;
            n++;
            *last = s;
        }
    }
    return n;
}

int tn__trace_next_reader(const tn_trace *trace, int value, int after)
{
    for (int i = after + 1; i < trace->n_steps; i++)
        if (tn__step_reads(trace, &trace->steps[i], value)) return i;
    return -1;
}

bool tn__trace_touched_between(const tn_trace *trace, int value, int after, int before)
{
    int reader = tn__trace_next_reader(trace, value, after);
    return (reader >= 0 && reader < before) || tn__trace_written_between(trace, value, after, before);
}

bool tn__trace_written_between(const tn_trace *trace, int value, int after, int before)
{
    for (int i = after + 1; i < before; i++)
        if (tn__step_writes(trace, &trace->steps[i], value)) return true;
    return false;
}

bool tn__trace_can_sink(const tn_trace *trace, int from, int to)
{
    const tn_trace_step *step = &trace->steps[from];
    for (int i = 0; i < step->n_in; i++) {
        if (step->in[i] < 0) continue;
        if (tn__step_input_in_place(step, i)) return false;
        if (tn__trace_written_between(trace, trace->tensors[step->in[i]].value, from, to)) return false;
    }
    return true;
}

bool tn__traced_whole(const tn_trace *trace, int tensor)
{
    const tn_traced *x = &trace->tensors[tensor];
    uint64_t bytes = (uint64_t)tn_desc_numel(&x->desc) * tn_dtype_size(x->desc.dtype);
    for (int i = 0; i < trace->n_tensors; i++) { /* a storage may be larger: its allocator rounds up */
        const tn_traced *y = &trace->tensors[i];
        if (y->value != x->value) continue;
        if (y->offset != 0 || (uint64_t)tn_desc_numel(&y->desc) * tn_dtype_size(y->desc.dtype) > bytes) return false;
    }
    return x->offset == 0 && tn__is_dense(&x->desc);
}

bool tn__traced_is_temporary(const tn_trace *trace, int tensor)
{
    return tensor >= 0 && trace->values[trace->tensors[tensor].value].kind == TN_VALUE_TEMPORARY;
}

int tn__trace_maker(const tn_trace *trace, int tensor, const tn_op *op, int by, bool alone)
{
    if (!tn__traced_is_temporary(trace, tensor)) return -1;
    int value = trace->tensors[tensor].value, last;
    int writer = tn__trace_writer(trace, value);
    if (writer < 0 || writer >= by || (op && trace->steps[writer].op != op)) return -1;
    const tn_trace_step *step = &trace->steps[writer];
    for (int i = 0; i < step->n_out; i++) {
        if (step->out[i] != tensor) continue;
        if (alone && (tn__trace_readers(trace, value, &last) != 1 || last != by)) return -1;
        return writer;
    }
    return -1;
}

static bool overlaps(const tn_trace *trace, const tn_trace_step *step)
{
    for (int o = 0; o < step->n_out; o++)
        for (int i = 0; i < step->n_in; i++)
            if (is_of(trace, step->in[i], trace->tensors[step->out[o]].value)) return true;
    return false;
}

tn_op_desc tn__trace_describe(const tn_trace *trace, const tn_trace_step *step, const tn_tensor_desc **in,
                              const tn_tensor_desc **out)
{
    for (int i = 0; i < step->n_in; i++) in[i] = step->in[i] < 0 ? NULL : &trace->tensors[step->in[i]].desc;
    for (int i = 0; i < step->n_out; i++) out[i] = &trace->tensors[step->out[i]].desc;
    return (tn_op_desc){.struct_size = sizeof(tn_op_desc),
                        .name = step->op->name,
                        .attrs = step->attrs,
                        .in = in,
                        .out = out,
                        .n_in = (uint64_t)step->n_in,
                        .n_out = (uint64_t)step->n_out,
                        .flags = trace->tn->op_flags};
}

bool tn__trace_takes(const tn_trace *trace, const tn_trace_step *step)
{
    enum { MOST = 1024 };
    const tn_tensor_desc *in[MOST], *out[TN_MAX_OUT];
    const tn_kernel *kernel = step->dev->backend->kernels[tn__op_index_of(step->op)];
    if (!kernel || step->n_in > MOST || overlaps(trace, step)) return false;
    tn_op_desc desc = tn__trace_describe(trace, step, in, out);
    tn_error error = TN_ERROR_INIT;
    return kernel->check(kernel, step->dev->handle, &desc, &error) == TN_OK;
}

bool tn__trace_takes_joined(const tn_trace *trace, tn_trace_step *step)
{
    tn_trace_step at_home = *step;
    at_home.dev = trace->values[trace->tensors[step->out[0]].value].dev;
    at_home.fell_back = false;
    if (!tn__trace_takes(trace, &at_home)) return step->fell_back && tn__trace_takes(trace, step);
    *step = at_home;
    return true;
}

int tn__trace_no_memory(const tn_trace *trace)
{
    tn_raise(trace->tn, TN_OUT_OF_MEMORY, "program: no host memory for a pass");
    return -1;
}
