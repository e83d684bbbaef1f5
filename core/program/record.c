/* SPDX-License-Identifier: Apache-2.0
 *
 * Recording: a function runs once, for real, and all that it does to tensors is written down. Memory is told apart by
 * storage: what exists before is kept, what is made and freed on the way is temporary, and what is made and still alive
 * at the end (results, gradients) is kept as well: later runs write it anew. */
#include "program/program.h"

#include "ops/schema.h"

#include <stdlib.h>
#include <string.h>

/* A leaf whose gradient the function touched. */
typedef struct touched {
    tn_tensor *x, *before; /* both held: the gradient that it had; NULL: none */
    bool matters;          /* it was used before it was set */
} touched;

struct tn_recorder {
    tn_context *tn;
    const char *name;
    uint64_t id; /* of this recording: storages and tensors that bear it have been seen */
    tn_recorded *out;
    touched *touched;
    int n_touched, touched_room;
    uint64_t live;  /* bytes of fresh values */
    char *given_up; /* why; NULL: it has not been */
};

/* ---- values and tensors */

static bool no_memory(tn_recorder *r)
{
    tn_raise(r->tn, TN_OUT_OF_MEMORY, "program %s: no host memory to record it", r->name);
    return false;
}

static void hold(tn_storage *storage)
{
    storage->refs++;
}

static bool is_known(const tn_recorder *r, const tn_storage *storage)
{
    return storage->recording == r->id;
}

static int add_value(tn_recorder *r, tn_storage *storage, const tn_value *value)
{
    int index = tn__trace_add_value(&r->out->trace, value);
    if (index < 0) return -1;
    storage->recording = r->id;
    storage->value = index;
    return index;
}

/* Memory that was there before. */
static int kept_value(tn_recorder *r, tn_storage *storage)
{
    tn_value value = {
        .kind = TN_VALUE_KEPT, .dev = storage->dev, .bytes = storage->bytes, .storage = storage, .alias = -1};
    int index = add_value(r, storage, &value);
    if (index >= 0) hold(storage);
    return index;
}

/* x as steps see it; -1 after raising. */
static int traced(tn_recorder *r, tn_tensor *x)
{
    if (!x) return -1;
    if (x->recording == r->id) return x->traced;
    int value = is_known(r, x->storage) ? x->storage->value : kept_value(r, x->storage);
    int index = value < 0 ? -1 : tn__trace_add_tensor(&r->out->trace, value, x->offset, &x->desc);
    if (index < 0) return no_memory(r), -1;
    x->recording = r->id;
    x->traced = index;
    return index;
}

void tn__note_allocated(tn_context *tn, tn_storage *storage)
{
    tn_recorder *r = tn->recorder;
    tn_value value = {.kind = TN_VALUE_TEMPORARY,
                      .dev = storage->dev,
                      .bytes = storage->bytes,
                      .storage = storage,
                      .fresh = true,
                      .alias = -1};
    if (add_value(r, storage, &value) < 0) no_memory(r);
    r->live += storage->bytes;
    if (r->live > r->out->eager_bytes) r->out->eager_bytes = r->live;
}

void tn__note_freed(tn_context *tn, tn_storage *storage)
{
    tn_recorder *r = tn->recorder;
    if (!is_known(r, storage)) return;
    tn_value *value = &r->out->trace.values[storage->value];
    if (value->fresh) r->live -= storage->bytes;
    value->storage = NULL;
}

/* ---- steps */

static bool may_change(const tn_recorder *r, const tn_op *op, const tn_tensor *x)
{
    if (!r->out->trace.values[x->storage->value].constant) return true;
    tn_raise(r->tn, TN_UNSUPPORTED,
             "program %s: %s writes to a tensor %s that was made of the host's data while recording, and a second run "
             "would find it changed; make it before, or copy it first",
             r->name, op->name, TN_SHAPE_OF(x));
    return false;
}

bool tn__note_ran(tn_context *tn, const tn_ran *ran)
{
    tn_recorder *r = tn->recorder;
    tn_recorded *out = r->out;
    if (r->live + ran->workspace_bytes > out->eager_bytes) out->eager_bytes = r->live + ran->workspace_bytes;
    int *in = calloc((size_t)ran->n_in + 1, sizeof *in);
    if (!in) return no_memory(r);
    tn_trace_step step = {.op = ran->op,
                          .fell_back = ran->fell_back,
                          .dev = ran->dev,
                          .attrs = (void *)ran->attrs,
                          .attrs_size = ran->attrs_size,
                          .n_in = ran->n_in,
                          .n_out = ran->n_out,
                          .in = in,
                          .out = {-1, -1, -1},
                          .workspace_bytes = ran->workspace_bytes};
    for (int i = 0; i < ran->n_in; i++) in[i] = traced(r, ran->in[i]);
    for (int i = 0; i < ran->n_out; i++) step.out[i] = traced(r, ran->out[i]);
    bool ok = tn_check(tn) == TN_OK && (tn__trace_add_step(&out->trace, &step) || no_memory(r));
    free(in);
    for (int i = 0; ok && i < ran->n_in; i++)
        if (ran->in[i] && tn__step_input_in_place(&step, i)) ok = may_change(r, ran->op, ran->in[i]);
    for (int i = 0; ok && i < ran->n_out; i++) ok = may_change(r, ran->op, ran->out[i]);
    return ok;
}

bool tn__note_view(tn_context *tn, const tn_op *op, const void *attrs, size_t attrs_size, tn_tensor *x, tn_tensor *y)
{
    tn_recorder *r = tn->recorder;
    int from = traced(r, x);
    if (from < 0) return false;
    if (!op) {
        y->recording = r->id;
        y->traced = from;
        return true;
    }
    int to = traced(r, y);
    if (to < 0) return false;
    tn_trace_step step = {.op = op,
                          .view = true,
                          .dev = tn__dev_of(x),
                          .attrs = (void *)attrs,
                          .attrs_size = attrs_size,
                          .n_in = 1,
                          .n_out = 1,
                          .in = &from,
                          .out = {to, -1, -1}};
    return tn__trace_add_step(&r->out->trace, &step) || no_memory(r);
}

/* ---- the host */

void tn__give_up_recording(tn_context *tn, const char *format, ...)
{
    tn_recorder *r = tn->recorder;
    va_list args;
    va_start(args, format);
    if (!r->given_up && vasprintf(&r->given_up, format, args) < 0) r->given_up = NULL, no_memory(r);
    va_end(args);
}

/* What made the value, in words. */
static const char *origin(const tn_recorder *r, const tn_storage *storage)
{
    const tn_trace *trace = &r->out->trace;
    if (!is_known(r, storage)) return "was made before";
    if (trace->values[storage->value].kind == TN_VALUE_INPUT) return "is an input";
    for (int i = trace->n_steps - 1; i >= 0; i--)
        if (tn__step_writes(trace, &trace->steps[i], storage->value)) return trace->steps[i].op->name;
    return "was made before";
}

bool tn__note_host_read(tn_tensor *x, const char *what)
{
    tn_recorder *r = x->ctx->recorder;
    if (r->given_up) return true;
    const char *from = origin(r, x->storage);
    bool by_op = strchr(from, ' ') == NULL;
    tn_raise(
        x->ctx, TN_UNSUPPORTED,
        "program %s: %s on a tensor %s that %s%s: while a function is recorded the host cannot look at values, since "
        "later runs would not; compute with tensors, or %s after the run",
        r->name, what, TN_SHAPE_OF(x), by_op ? "comes from " : "", from, what);
    return false;
}

bool tn__note_host_write(tn_tensor *x, const char *what)
{
    tn_recorder *r = x->ctx->recorder;
    tn_trace *trace = &r->out->trace;
    if (r->given_up) return true;
    if (is_known(r, x->storage) && trace->values[x->storage->value].fresh) {
        int value = x->storage->value;
        bool used = false;
        for (int i = 0; i < trace->n_steps && !used; i++)
            used = tn__step_writes(trace, &trace->steps[i], value) || tn__step_reads(trace, &trace->steps[i], value);
        if (!used) {
            if (!trace->values[value].constant) hold(x->storage);
            trace->values[value].constant = true;
            return true;
        }
    }
    tn_raise(
        x->ctx, TN_UNSUPPORTED,
        "program %s: %s to a tensor %s that is in use: the host's data would be the same in every run; write before "
        "the run, or give the data as an input",
        r->name, what, TN_SHAPE_OF(x));
    return false;
}

bool tn_is_recording(const tn_context *tn)
{
    return tn->recorder != NULL;
}

/* ---- gradients */

static void touch(tn_recorder *r, tn_tensor *x, bool matters)
{
    if (tn_is_nil(x)) return;
    for (int i = 0; i < r->n_touched; i++)
        if (r->touched[i].x == x) return;
    touched *all = tn__more(r->touched, r->n_touched, &r->touched_room, sizeof *all);
    if (!all) {
        no_memory(r);
        return;
    }
    r->touched = all;
    r->touched[r->n_touched++] = (touched){tn_retain(x), tn_retain(x->grad), matters};
}

void tn__note_grad_set(tn_tensor *x)
{
    touch(x->ctx->recorder, x, false);
}

void tn__note_grad_used(tn_tensor *x)
{
    touch(x->ctx->recorder, x, true);
}

bool tn__accumulates_in_place(const tn_tensor *x)
{
    const tn_recorder *r = x->ctx->recorder;
    if (!r || !x->grad) return false;
    const tn_storage *storage = x->grad->storage;
    return !is_known(r, storage) || !r->out->trace.values[storage->value].fresh;
}

/* ---- random numbers */

static tn_tensor *make_rng(tn_recorder *r, tn_dev *dev)
{
    tn_context *tn = r->tn;
    tn_tensor_desc desc;
    uint64_t state[2] = {tn->seed, tn->rng_offset};
    if (!tn__desc(tn, &desc, TN_I64, TN_SHAPE(2))) return tn__nil(tn);
    tn->recorder = NULL; /* it is no part of the function */
    tn_tensor *rng = tn_retain(tn__new(dev, &desc));
    if (!tn_is_nil(rng)) tn_write(rng, state, sizeof state);
    tn->recorder = r;
    return rng;
}

tn_tensor *tn__recorded_rng(tn_dev *dev, int64_t *call)
{
    tn_recorder *r = dev->ctx->recorder;
    tn_recorded *out = r->out;
    if (!out->rng) out->rng = make_rng(r, dev);
    if (!tn_is_nil(out->rng) && tn__dev_of(out->rng) != dev)
        return tn_raise(r->tn, TN_UNSUPPORTED, "program %s: it draws random numbers on %s and on %s", r->name,
                        tn__dev_of(out->rng)->name, dev->name);
    uint64_t seed, offset;
    tn__next_rng(r->tn, &seed, &offset);
    *call = out->rng_calls++;
    return out->rng;
}

/* ---- a recording */

/* x's memory under a storage of its own, so that each input is told from all other memory. */
static tn_tensor *stand_in(tn_recorder *r, tn_tensor *x, int i)
{
    tn_recorded *out = r->out;
    if (tn_is_nil(x)) return x;
    tn_tensor *y = tn__borrow(x);
    if (tn_is_nil(y)) return y;
    tn_storage *storage = y->storage;
    tn_value value = {.kind = TN_VALUE_INPUT,
                      .dev = storage->dev,
                      .bytes = storage->bytes,
                      .storage = storage,
                      .input = i,
                      .alias = -1};
    if (add_value(r, storage, &value) < 0) return no_memory(r), tn__nil(r->tn);
    hold(storage);
    out->inputs[i] = storage;
    out->in[i] = traced(r, y);
    return y;
}

static bool take_results(tn_recorder *r, tn_tensor **out)
{
    tn_context *tn = r->tn;
    for (int i = 0; i < r->out->n_out; i++) {
        if (tn_check(tn) == TN_OK && !out[i])
            tn_raise(tn, TN_INVALID, "program %s: the function has set no result %d of %d", r->name, i, r->out->n_out);
        if (tn_check(tn) != TN_OK || tn_is_nil(out[i])) return false;
        r->out->out[i] = tn_retain(tn_detach(out[i]));
        r->out->out_traced[i] = traced(r, r->out->out[i]);
    }
    return tn_check(tn) == TN_OK;
}

static bool run_function(tn_recorder *r, tn_program_fn fn, void *arg, int n_in, tn_tensor *const *in, tn_tensor **out)
{
    tn_context *tn = r->tn;
    tn_tensor **ins = calloc((size_t)n_in + 1, sizeof *ins);
    if (!ins) return no_memory(r);
    tn_mark mark = tn_begin(tn);
    tn->recorder = NULL; /* the stand-ins are inputs, not made by the function */
    for (int i = 0; i < n_in; i++) ins[i] = stand_in(r, in[i], i);
    tn->recorder = r;
    for (int i = 0; i < r->out->n_out; i++) out[i] = NULL;
    if (tn_check(tn) == TN_OK) fn(arg, ins, out);
    bool ok = tn_check(tn) == TN_OK && take_results(r, out);
    tn_end(tn, mark, NULL);
    free(ins);
    return ok;
}

/* What is still alive was made to stay. */
static void settle_values(tn_trace *trace)
{
    for (int i = 0; i < trace->n_values; i++) {
        tn_value *value = &trace->values[i];
        if (!value->fresh || !value->storage) continue;
        value->kind = TN_VALUE_KEPT;
        if (!value->constant) hold(value->storage);
    }
}

static bool settle_grads(tn_recorder *r)
{
    tn_recorded *out = r->out;
    out->grads = calloc((size_t)r->n_touched + 1, sizeof *out->grads);
    if (!out->grads) return no_memory(r);
    for (int i = 0; i < r->n_touched; i++) {
        touched *t = &r->touched[i]; /* whose holds move to the list */
        out->grads[out->n_grads++] = (struct tn_touched_grad){t->x, t->before, tn_retain(t->x->grad), t->matters};
    }
    return true;
}

static bool make_room(tn_recorder *r)
{
    tn_recorded *out = r->out;
    size_t in = (size_t)out->n_in + 1, results = (size_t)out->n_out + 1;
    out->inputs = calloc(in, sizeof *out->inputs);
    out->in = calloc(in, sizeof *out->in);
    out->out = calloc(results, sizeof *out->out);
    out->out_traced = calloc(results, sizeof *out->out_traced);
    return out->inputs && out->in && out->out && out->out_traced ? true : no_memory(r);
}

bool tn__record_function(tn_context *tn, const char *name, tn_program_fn fn, void *arg, int n_in, tn_tensor *const *in,
                         int n_out, tn_tensor **out, tn_recorded *recorded, char **given_up)
{
    *recorded = (tn_recorded){.trace.tn = tn, .n_in = n_in, .n_out = n_out};
    tn_recorder r = {.tn = tn, .name = name, .id = ++tn->recordings, .out = recorded};
    bool ok = make_room(&r) && run_function(&r, fn, arg, n_in, in, out);
    tn->recorder = NULL;
    settle_values(&recorded->trace);
    ok = ok && settle_grads(&r);
    for (int i = 0; !recorded->grads && i < r.n_touched; i++) {
        tn_release(r.touched[i].x);
        tn_release(r.touched[i].before);
    }
    free(r.touched);
    for (int i = 0; i < n_out; i++) out[i] = ok ? recorded->out[i] : tn__nil(tn);
    for (int i = 0; i < n_out && ok && r.given_up; i++) tn_retain(out[i]);
    if (!ok || r.given_up) tn__recorded_release(recorded);
    *given_up = r.given_up;
    return ok;
}

void tn__recorded_release(tn_recorded *recorded)
{
    for (int i = 0; i < recorded->n_grads; i++) {
        tn_release(recorded->grads[i].x);
        tn_release(recorded->grads[i].before);
        tn_release(recorded->grads[i].grad);
    }
    for (int i = 0; recorded->out && i < recorded->n_out; i++) tn_release(recorded->out[i]);
    if (recorded->rng) tn_release(recorded->rng);
    free(recorded->grads);
    free(recorded->inputs);
    free(recorded->in);
    free(recorded->out);
    free(recorded->out_traced);
    tn__trace_release(&recorded->trace);
    *recorded = (tn_recorded){0};
}
