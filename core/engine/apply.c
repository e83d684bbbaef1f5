/* SPDX-License-Identifier: Apache-2.0
 *
 * Running one operator: check, infer, choose the outputs' memory order, plan, allocate, execute, record. */
#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/recorder.h"
#include "ops/schema.h"

#include <stdlib.h>
#include <string.h>

enum { FEW = 24 }; /* inputs that fit on the stack; only lists have more */

/* One call under way. */
typedef struct call {
    tn_context *tn;
    const tn_op *op;
    const void *attrs;
    const tn_schema *schema;
    tn_dev *dev;
    int n_in, n_out;
    tn_tensor *const *in;
    tn_tensor **out;
    tn_tensor *into; /* output 0 if it exists already */
    const tn_tensor_desc **in_desc;
    void **in_data;
    const tn_tensor_desc *few_desc[FEW];
    void *few_data[FEW];
    tn_tensor_desc out_desc[TN_MAX_OUT];
} call;

/* ---- checks */

static bool same_device(call *c)
{
    for (int i = 0; i < c->n_in; i++) {
        tn_tensor *x = c->in[i];
        if (!x) continue;
        if (!c->dev) c->dev = tn__dev_of(x);
        if (x->ctx != c->tn) {
            tn_raise(c->tn, TN_INVALID, "%s: its inputs belong to different contexts", c->op->name);
            return false;
        }
        if (tn__dev_of(x) != c->dev) {
            tn_raise(c->tn, TN_INVALID, "%s: its inputs are on %s and on %s; tn_to moves a tensor", c->op->name,
                     c->dev->name, tn__dev_of(x)->name);
            return false;
        }
    }
    return true;
}

static bool in_place(const call *c, int i)
{
    return c->schema->in[tn__schema_arg_index(c->schema, c->n_in, i)].in_place;
}

static bool may_write(call *c)
{
    if (c->into && !tn__may_write(c->into, c->op->name)) return false;
    if (c->n_out && !strchr(c->schema->text, '!')) return true;
    for (int i = 0; i < c->n_in; i++)
        if (c->in[i] && in_place(c, i) && !tn__may_write(c->in[i], c->op->name)) return false;
    return true;
}

/* ---- memory order of the outputs */

/* Elementwise results follow the first dense input of their shape, so that channels-last stays channels-last. */
static bool follow_input(call *c, tn_tensor_desc *out)
{
    for (int i = 0; i < c->n_in; i++) {
        const tn_tensor_desc *in = c->in[i] ? &c->in[i]->desc : NULL;
        if (!in || in->rank != out->rank || memcmp(in->dims, out->dims, sizeof in->dims) != 0) continue;
        if (!tn__is_dense(in)) continue;
        memcpy(out->strides, in->strides, sizeof out->strides);
        return true;
    }
    return false;
}

static void choose_strides(call *c)
{
    for (int i = 0; i < c->n_out; i++) {
        tn_tensor_desc *out = &c->out_desc[i];
        if (i == 0 && c->into)
            *out = c->into->desc;
        else if (c->op->flags & TN_OP_ELEMENTWISE)
            follow_input(c, out);
        else if (c->op->flags & TN_OP_IMAGE && out->rank == 4 && c->dev->info.image_layout == TN_LAYOUT_NHWC)
            tn__channels_last(out);
        if (!(i == 0 && c->into)) out->alignment = 64;
    }
}

static bool infer(call *c)
{
    tn_infer i = {.ctx = c->tn, .op = c->op, .attrs = c->attrs, .in = c->in, .n_in = c->n_in};
    if (!tn__infer(&i)) return false;
    c->n_out = i.n_out;
    memcpy(c->out_desc, i.out, sizeof c->out_desc);
    if (c->into && (c->into->desc.rank != i.out[0].rank || c->into->desc.dtype != i.out[0].dtype ||
                    memcmp(c->into->desc.dims, i.out[0].dims, sizeof i.out[0].dims) != 0)) {
        tn_raise(c->tn, TN_INVALID, "%s: a result of shape %s (%s) cannot be written to a tensor of shape %s (%s)",
                 c->op->name, TN_DESC_OF(&i.out[0]), tn_dtype_name(i.out[0].dtype), TN_SHAPE_OF(c->into),
                 tn_dtype_name(c->into->desc.dtype));
        return false;
    }
    choose_strides(c);
    return true;
}

/* ---- execution */

static bool allocate(call *c)
{
    for (int i = 0; i < c->n_out; i++) {
        c->out[i] = i == 0 && c->into ? c->into : tn__new(c->dev, &c->out_desc[i]);
        if (tn_is_nil(c->out[i])) return false;
    }
    return true;
}

static bool execute(call *c, tn_dev *dev, tn_use *use, bool fell_back)
{
    void *out_data[TN_MAX_OUT] = {0};
    for (int i = 0; i < c->n_in; i++) c->in_data[i] = c->in[i] ? tn__data(c->in[i]) : NULL;
    for (int i = 0; i < c->n_out; i++) out_data[i] = tn__data(c->out[i]);
    tn_bindings bindings = {sizeof bindings, c->in_data, out_data, NULL};

    tn_error error = TN_ERROR_INIT;
    uint64_t bytes = use->plan->workspace_bytes;
    if (bytes && !(bindings.workspace = tn__pool_alloc(dev->pool, &bytes, &error))) {
        tn__raise_error(c->tn, c->op->name, &error);
        return false;
    }
    uint64_t start, spent = 0;
    tn_status status = tn__timer_start(dev, &start, &error);
    if (status == TN_OK) status = use->plan->execute(use->plan, dev->stream, &bindings, &error);
    if (status == TN_OK) status = tn__timer_stop(dev, start, &spent, &error);
    tn__pool_free(dev->pool, bindings.workspace, bytes); /* the stream is in order: its next user comes later */
    tn__placed(c->tn, use, c->op, dev, fell_back, spent);
    if (status != TN_OK) {
        tn__raise_error(c->tn, c->op->name, &error);
        return false;
    }
    if (!c->tn->recorder) return true;
    return tn__note_ran(c->tn, &(tn_ran){c->op, c->attrs, c->schema->attrs_size, c->n_in, c->n_out, c->in, c->out, dev,
                                         fell_back, use->plan->workspace_bytes});
}

static tn_use *plan_on(call *c, tn_dev *dev)
{
    const tn_tensor_desc *out[TN_MAX_OUT] = {&c->out_desc[0], &c->out_desc[1], &c->out_desc[2]};
    tn_op_desc desc = {sizeof desc, c->op->name,       c->attrs,           c->in_desc,
                       out,         (uint64_t)c->n_in, (uint64_t)c->n_out, c->tn->op_flags};
    return tn__plan(dev, c->op, &desc);
}

/* ---- fallback to the reference backend */

static bool fallback_allowed(call *c, const char *why)
{
    if (c->tn->fallback == TN_FALLBACK_ERROR) {
        tn_raise(c->tn, TN_UNSUPPORTED, "%s cannot run on %s: %s. TENON_FALLBACK=warn lets the reference backend do it",
                 c->op->name, c->dev->name, why);
        return false;
    }
    return true;
}

/* Where the host can reach the device's memory, the reference kernel works on it directly. */
static bool run_on_host_memory(call *c, tn_dev *reference)
{
    if (tn__sync(c->dev) != TN_OK || !allocate(c)) return false;
    tn_use *use = plan_on(c, reference);
    return use && execute(c, reference, use, true);
}

/* Elsewhere inputs travel to the host, and results (in-place inputs among them) back. */
static bool run_by_copies(call *c, tn_dev *reference)
{
    if (c->tn->recorder)
        tn__give_up_recording(c->tn, "%s does not run on %s but on the host, where its inputs travel", c->op->name,
                              c->dev->name);
    if (c->op == &tn__op_copy) { /* what travels is copied at both ends */
        tn_raise(c->tn, TN_UNSUPPORTED,
                 "%s does not copy this tensor (%s), and its memory cannot be reached from outside", c->dev->name,
                 TN_SHAPE_OF(c->in[0]));
        return false;
    }
    tn_tensor *outs[TN_MAX_OUT] = {0}, **ins = calloc((size_t)c->n_in + 1, sizeof *ins);
    if (!ins) {
        tn_raise(c->tn, TN_OUT_OF_MEMORY, "%s: no host memory to move its inputs", c->op->name);
        return false;
    }
    for (int i = 0; i < c->n_in; i++) ins[i] = c->in[i] ? tn_to(c->in[i], reference->name) : NULL;
    bool ok = allocate(c) && tn__apply_all(c->tn, c->op, c->attrs, c->n_in, ins, outs);
    for (int i = 0; ok && i < c->n_out; i++) tn_copy_(c->out[i], outs[i]);
    for (int i = 0; ok && i < c->n_in; i++)
        if (c->in[i] && in_place(c, i)) tn_copy_(c->in[i], ins[i]);
    free(ins);
    for (int i = 0; ok && i < c->tn->n_placements; i++) /* the row that the call above wrote */
        if (c->tn->placements[i].op == c->op->name && c->tn->placements[i].device == reference->name)
            c->tn->placements[i].fell_back = true;
    return ok && tn_check(c->tn) == TN_OK;
}

static bool fall_back(call *c, const tn_use *use)
{
    if (!fallback_allowed(c, use->why)) return false;
    bool seen = false;
    for (int i = 0; i < c->tn->n_placements; i++)
        seen |= c->tn->placements[i].fell_back && c->tn->placements[i].op == c->op->name;
    if (!seen && c->tn->fallback == TN_FALLBACK_WARN)
        tn_log_line(TN_LOG_WARN, "%s runs on the reference backend instead of %s: %s", c->op->name, c->dev->name,
                    use->why);
    tn_dev *reference = tn__reference_dev(c->tn);
    if (!reference) return false;
    bool recording = tn_set_grad_enabled(c->tn, false);
    bool ok =
        c->dev->info.flags & TN_DEVICE_HOST_MEMORY ? run_on_host_memory(c, reference) : run_by_copies(c, reference);
    tn_set_grad_enabled(c->tn, recording);
    return ok;
}

/* ---- the call */

static void count_writes(call *c)
{
    if (c->into) c->into->storage->version++;
    if (c->n_out && !strchr(c->schema->text, '!')) return;
    for (int i = 0; i < c->n_in; i++)
        if (c->in[i] && in_place(c, i)) c->in[i]->storage->version++;
}

static bool decompose(call *c)
{
    c->op->decompose(c->tn, c->attrs, c->in, c->n_in, c->out);
    for (int i = 0; i < c->n_out; i++)
        if (!c->out[i] || tn_is_nil(c->out[i])) return false;
    return tn_check(c->tn) == TN_OK;
}

static bool run(call *c)
{
    if (!same_device(c) || !infer(c) || !may_write(c)) return false;
    for (int i = 0; i < c->n_in; i++) c->in_desc[i] = c->in[i] ? &c->in[i]->desc : NULL;
    tn_use *use = plan_on(c, c->dev);
    if (!use) return false;
    if (use->route == TN_ROUTE_DECOMPOSE) return decompose(c);
    bool ok = use->route == TN_ROUTE_FALLBACK ? fall_back(c, use) : allocate(c) && execute(c, c->dev, use, false);
    if (!ok) return false;
    count_writes(c);
    return c->into || tn__record(c->tn, c->op, c->attrs, c->schema->attrs_size, c->n_in, c->in, c->n_out, c->out);
}

static bool begin(call *c)
{
    for (int i = 0; i < c->n_in; i++)
        if (c->in[i] && tn_is_nil(c->in[i])) return false;
    c->schema = tn__op_schema(c->op);
    c->in_desc = c->few_desc;
    c->in_data = c->few_data;
    if (c->n_in <= FEW) return run(c);

    c->in_desc = calloc((size_t)c->n_in, sizeof *c->in_desc);
    c->in_data = calloc((size_t)c->n_in, sizeof *c->in_data);
    bool ok = c->in_desc && c->in_data;
    if (!ok) tn_raise(c->tn, TN_OUT_OF_MEMORY, "%s: no host memory for %d inputs", c->op->name, c->n_in);
    ok = ok && run(c);
    free(c->in_desc);
    free(c->in_data);
    return ok;
}

bool tn__apply_all(tn_context *tn, const tn_op *op, const void *attrs, int n_in, tn_tensor *const *in, tn_tensor **out)
{
    call c = {.tn = tn, .op = op, .attrs = attrs, .n_in = n_in, .in = in, .out = out};
    if (begin(&c)) return true;
    for (int i = 0; i < tn__op_schema(op)->n_out; i++) out[i] = tn__nil(tn);
    return false;
}

tn_tensor *tn__apply(tn_context *tn, const tn_op *op, const void *attrs, int n_in, tn_tensor *const *in)
{
    tn_tensor *out[TN_MAX_OUT] = {0};
    tn__apply_all(tn, op, attrs, n_in, in, out);
    return out[0];
}

bool tn__apply_into(tn_context *tn, const tn_op *op, const void *attrs, int n_in, tn_tensor *const *in, tn_tensor *out)
{
    tn_tensor *outs[TN_MAX_OUT] = {0};
    if (tn_is_nil(out)) return false;
    call c = {.tn = tn, .op = op, .attrs = attrs, .n_in = n_in, .in = in, .out = outs, .into = out};
    return begin(&c);
}
