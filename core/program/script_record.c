/* SPDX-License-Identifier: Apache-2.0
 *
 * Scripts of recordings. What was recorded over places in memory is told again over numbered tensors: memory that was
 * there before becomes weights, and all else is what a line gives. */
#include "program/script.h"

#include <stdlib.h>
#include <string.h>

typedef struct writing {
    tn_context *tn;
    const tn_recorded *recorded;
    const tn_trace *trace;
    const tn_names *names;
    tn_script *script;
    int *number; /* of each traced tensor; -1: none yet */
    bool *made;  /* is each traced tensor the result of a step? */
    bool *begun; /* has each value got a tensor with a number? */
    int constants;
} writing;

static bool no_memory(const writing *w)
{
    tn_raise(w->tn, TN_OUT_OF_MEMORY, "program %s: no host memory to save it", w->script->name);
    return false;
}

/* ---- what cannot be saved */

static const tn_traced *traced(const writing *w, int x)
{
    return &w->trace->tensors[x];
}

static const tn_value *value_of(const writing *w, int x)
{
    return &w->trace->values[traced(w, x)->value];
}

/* Was it there before the function ran, or made of the host's data? */
static bool stays(const tn_value *value)
{
    return value->kind == TN_VALUE_KEPT && (!value->fresh || value->constant);
}

/* Is x that very part of its memory? */
static bool lies_at(const tn_traced *x, uint64_t offset, const tn_tensor_desc *desc)
{
    return x->offset == offset && x->desc.dtype == desc->dtype && x->desc.rank == desc->rank &&
           memcmp(x->desc.dims, desc->dims, sizeof desc->dims) == 0 &&
           memcmp(x->desc.strides, desc->strides, sizeof desc->strides) == 0;
}

/* What somebody calls the memory of x; whole: x must be that very tensor. -1: nobody does. */
static int find_name(const writing *w, int x, bool whole)
{
    for (int i = 0; w->names && i < w->names->n; i++) {
        const tn_tensor *named = w->names->tensors[i];
        if (named->storage != value_of(w, x)->storage) continue;
        if (!whole || lies_at(traced(w, x), named->offset, &named->desc)) return i;
    }
    return -1;
}

static const char *describe(const writing *w, int x, char *text, size_t size)
{
    int name = value_of(w, x)->storage ? find_name(w, x, false) : -1;
    if (value_of(w, x)->kind == TN_VALUE_INPUT)
        snprintf(text, size, "input %d", value_of(w, x)->input);
    else if (name >= 0)
        snprintf(text, size, "%s", w->names->names[name]);
    else
        snprintf(text, size, "a tensor %s that was made before", TN_DESC_OF(&traced(w, x)->desc));
    return text;
}

/* How much it tells that step writes to x: nothing if x is the function's own; more if it is known by name, and not
 * the bookkeeping that copies and fills are for. */
static int telling(const writing *w, const tn_trace_step *step, int x)
{
    const tn_value *value = value_of(w, x);
    if (value->kind != TN_VALUE_INPUT && !stays(value)) return 0;
    bool known = value->kind == TN_VALUE_INPUT || find_name(w, x, false) >= 0;
    return 1 + known + 2 * (step->op != &tn__op_copy && step->op != &tn__op_fill);
}

/* The most telling tensor that the step writes to; -1: none. */
static int telling_write(const writing *w, const tn_trace_step *step, int *score)
{
    int found = -1;
    *score = 0;
    for (int i = 0; !step->view && i < step->n_in + step->n_out; i++) {
        int x = i < step->n_in ? step->in[i] : step->out[i - step->n_in];
        if (x < 0 || (i < step->n_in && !tn__step_input_in_place(step, i))) continue;
        int own = telling(w, step, x);
        if (own <= *score) continue;
        *score = own;
        found = x;
    }
    return found;
}

static bool refuse_writes(const writing *w)
{
    const tn_trace_step *culprit = NULL;
    char what[300];
    int most = 1, changed = -1;
    for (int s = 0; s < w->trace->n_steps; s++) {
        int score, x = telling_write(w, &w->trace->steps[s], &score);
        if (x < 0 || score < most) continue;
        most = score;
        changed = x;
        culprit = &w->trace->steps[s];
    }
    if (!culprit && w->recorded->n_grads == 0) return false;
    if (!culprit)
        tn_raise(w->tn, TN_UNSUPPORTED,
                 "program %s: it sets gradients; only programs that change nothing but their results can be saved",
                 w->script->name);
    else
        tn_raise(w->tn, TN_UNSUPPORTED,
                 "program %s: %s changes %s; only programs that change nothing but their results can be saved%s",
                 w->script->name, culprit->op->name, describe(w, changed, what, sizeof what),
                 culprit->op == &tn__op_batch_norm2d ? " (in evaluation mode, tn_nn_train(model, false), it changes "
                                                       "nothing)"
                                                     : "");
    return true;
}

static bool refuse_random(const writing *w)
{
    if (!w->recorded->rng) return false;
    const char *op = "it";
    for (int s = w->trace->n_steps; s-- > 0;)
        for (int i = 0; i < w->trace->steps[s].n_in; i++) {
            int x = w->trace->steps[s].in[i];
            if (x >= 0 && value_of(w, x)->storage == w->recorded->rng->storage) op = w->trace->steps[s].op->name;
        }
    tn_raise(w->tn, TN_UNSUPPORTED,
             "program %s: %s draws random numbers, which would be the same in every run of a saved program; switch the "
             "model to evaluation before it is recorded, tn_nn_train(model, false)",
             w->script->name, op);
    return true;
}

/* ---- inputs and weights */

static bool add_inputs(writing *w)
{
    tn_script *script = w->script;
    script->in = calloc((size_t)w->recorded->n_in + 1, sizeof *script->in);
    if (!script->in) return no_memory(w);
    script->n_in = script->n_tensors = w->recorded->n_in;
    for (int i = 0; i < script->n_in; i++) {
        int x = w->recorded->in[i];
        script->in[i] = traced(w, x)->desc;
        w->number[x] = i;
        w->begun[traced(w, x)->value] = true;
    }
    return true;
}

static bool is_taken(const writing *w, const char *name)
{
    for (int i = 0; w->names && i < w->names->n; i++)
        if (strcmp(w->names->names[i], name) == 0) return true;
    return false;
}

/* NULL if there is no memory. */
static char *constant_name(writing *w)
{
    char *name = NULL;
    do {
        free(name);
        if (asprintf(&name, "constant.%d", w->constants++) < 0) return NULL;
    } while (is_taken(w, name));
    return name;
}

/* Another tensor that is the same: its number; -1: none. */
static int find_twin(const writing *w, int x)
{
    const tn_traced *own = traced(w, x);
    for (int i = 0; i < w->trace->n_tensors; i++) {
        const tn_traced *other = traced(w, i);
        if (w->number[i] >= 0 && other->value == own->value && lies_at(own, other->offset, &other->desc))
            return w->number[i];
    }
    return -1;
}

static bool add_weight(writing *w, int x)
{
    const tn_traced *own = traced(w, x);
    tn_value *value = &w->trace->values[own->value];
    int twin = find_twin(w, x), named = find_name(w, x, true);
    w->number[x] = twin >= 0 ? twin : w->script->n_tensors;
    if (twin >= 0) return true;
    tn_tensor in_storage = {.ctx = w->tn, .storage = value->storage};
    tn_tensor *tensor = named >= 0 ? w->names->tensors[named] : tn__view(&in_storage, &own->desc, own->offset);
    if (tn_is_nil(tensor)) return false;
    char *name = named >= 0 ? strdup(w->names->names[named]) : constant_name(w);
    w->begun[own->value] = true;
    return tn__script_add_weight(w->script, name, tensor) || no_memory(w);
}

static bool add_weight_if(writing *w, int x)
{
    return x < 0 || w->number[x] >= 0 || w->made[x] || !stays(value_of(w, x)) || add_weight(w, x);
}

static bool add_weights(writing *w)
{
    for (int s = 0; s < w->trace->n_steps; s++) {
        const tn_trace_step *step = &w->trace->steps[s];
        for (int i = 0; i < step->n_in; i++)
            if (!add_weight_if(w, step->in[i])) return false;
        for (int i = 0; i < step->n_out; i++) w->made[step->out[i]] = true;
    }
    for (int i = 0; i < w->recorded->n_out; i++)
        if (!add_weight_if(w, w->recorded->out_traced[i])) return false;
    return true;
}

/* ---- lines */

/* What an operator updates may be memory that nothing has been written to: it must be made. */
static bool need(writing *w, int x, const char *by)
{
    if (x < 0 || w->number[x] >= 0) return true;
    const tn_traced *own = traced(w, x);
    if (w->begun[own->value] || own->offset != 0 || !tn__is_dense(&own->desc)) {
        tn_raise(w->tn, TN_UNSUPPORTED, "program %s: %s uses a part of memory (%s) in a way that cannot be saved",
                 w->script->name, by, TN_DESC_OF(&own->desc));
        return false;
    }
    tn_line line = {.kind = TN_LINE_EMPTY, .dtype = own->desc.dtype, .rank = (int)own->desc.rank, .n_out = 1};
    memcpy(line.dims, own->desc.dims, sizeof line.dims);
    line.in = calloc(1, sizeof *line.in);
    w->number[x] = w->script->n_tensors;
    w->begun[own->value] = true;
    return tn__script_add_line(w->script, &line) || no_memory(w);
}

static void *copy_of(const void *data, size_t size)
{
    void *copy = malloc(size + 1);
    if (copy && size) memcpy(copy, data, size);
    return copy;
}

static bool starts_alike(const tn_tensor_desc *x, const tn_tensor_desc *y)
{
    return x->rank > 0 && y->rank > 0 && x->dims[0] == y->dims[0];
}

static void tell_view(const writing *w, const tn_trace_step *step, tn_line *line)
{
    const tn_tensor_desc *x = &traced(w, step->in[0])->desc, *y = &traced(w, step->out[0])->desc;
    line->rank = (int)y->rank;
    memcpy(line->dims, y->dims, sizeof line->dims);
    if (step->op == &tn__view_permute) {
        line->kind = TN_LINE_PERMUTE;
        memcpy(line->dims, ((const tn_permute_attrs *)step->attrs)->order, sizeof line->dims);
    } else if (step->op == &tn__view_slice) {
        line->kind = TN_LINE_SLICE;
        line->slice = *(const tn_slice_attrs *)step->attrs;
    } else {
        line->kind = step->op == &tn__view_reshape ? TN_LINE_RESHAPE : TN_LINE_EXPAND;
        bool aligned = line->kind == TN_LINE_RESHAPE || x->rank == y->rank;
        if (aligned && starts_alike(x, y)) line->dims[0] = TN_SAME_DIM;
    }
}

/* A copy to new memory changes its order alone, which is another backend's business; one to old memory does more. */
static bool tell_copy(const writing *w, const tn_trace_step *step, tn_line *line)
{
    bool is_new = w->number[step->out[0]] < 0;
    line->kind = is_new ? TN_LINE_CONTIGUOUS : TN_LINE_COPY;
    if (is_new) return true;
    line->n_in = 2;
    line->n_out = 0;
    int *in = realloc(line->in, 2 * sizeof *in);
    if (!in) return no_memory(w);
    line->in = in;
    in[1] = w->number[step->out[0]];
    return true;
}

static bool tell_op(const writing *w, const tn_trace_step *step, tn_line *line)
{
    line->op = step->op;
    if (step->attrs_size && !(line->attrs = copy_of(step->attrs, step->attrs_size))) return no_memory(w);
    for (int i = 0; i < step->n_out; i++) {
        if (w->number[step->out[i]] < 0 && !w->begun[traced(w, step->out[i])->value]) continue;
        tn_raise(w->tn, TN_UNSUPPORTED, "program %s: %s writes its result to memory in use, which cannot be saved",
                 w->script->name, step->op->name);
        return false;
    }
    return true;
}

static bool tell(const writing *w, const tn_trace_step *step, tn_line *line)
{
    if (!line->in) return no_memory(w);
    for (int i = 0; i < step->n_in; i++) line->in[i] = step->in[i] < 0 ? -1 : w->number[step->in[i]];
    if (step->op == &tn__op_copy) return tell_copy(w, step, line);
    if (!step->view) return tell_op(w, step, line);
    tell_view(w, step, line);
    return true;
}

static bool add_line(writing *w, const tn_trace_step *step)
{
    for (int i = 0; i < step->n_in; i++)
        if (!need(w, step->in[i], step->op->name)) return false;
    tn_line line = {.n_in = step->n_in, .n_out = step->n_out, .in = calloc((size_t)step->n_in + 1, sizeof *line.in)};
    if (!tell(w, step, &line)) {
        free(line.attrs);
        free(line.in);
        return false;
    }
    for (int i = 0; i < line.n_out; i++) {
        w->number[step->out[i]] = w->script->n_tensors + i;
        w->begun[traced(w, step->out[i])->value] = true;
    }
    return tn__script_add_line(w->script, &line) || no_memory(w);
}

static bool add_results(writing *w)
{
    tn_script *script = w->script;
    script->out = calloc((size_t)w->recorded->n_out + 1, sizeof *script->out);
    if (!script->out) return no_memory(w);
    script->n_out = w->recorded->n_out;
    for (int i = 0; i < script->n_out; i++) {
        if (!need(w, w->recorded->out_traced[i], "a result")) return false;
        script->out[i] = w->number[w->recorded->out_traced[i]];
    }
    return true;
}

static bool write_script(writing *w)
{
    if (refuse_writes(w) || refuse_random(w)) return false;
    bool ok = add_inputs(w) && add_weights(w);
    for (int s = 0; ok && s < w->trace->n_steps; s++) ok = add_line(w, &w->trace->steps[s]);
    return ok && add_results(w);
}

bool tn__script_record(tn_script *script, const char *name, const tn_recorded *recorded, const tn_names *names)
{
    const tn_trace *trace = &recorded->trace;
    *script = (tn_script){.name = strdup(name)};
    writing w = {.tn = trace->tn, .recorded = recorded, .trace = trace, .names = names, .script = script};
    size_t n = (size_t)trace->n_tensors + 1;
    w.number = malloc(n * sizeof *w.number);
    w.made = calloc(n, sizeof *w.made);
    w.begun = calloc((size_t)trace->n_values + 1, sizeof *w.begun);
    bool ok = w.number && w.made && w.begun && script->name;
    for (int i = 0; ok && i < trace->n_tensors; i++) w.number[i] = -1;
    if (!ok) tn_raise(trace->tn, TN_OUT_OF_MEMORY, "program %s: no host memory to save it", name);
    ok = ok && write_script(&w);
    free(w.number);
    free(w.made);
    free(w.begun);
    if (!ok) tn__script_release(script);
    return ok;
}
