/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators by name, on inputs drawn for a sample. */
#include "engine/backend.h"
#include "ops/sample.h"

#include <stdlib.h>

struct tn_op_call {
    tn_context *tn;
    const tn_op *op;
    tn_op_call_options how;
    tn_sample sample;
    tn_tensor *in[TN_SAMPLE_INPUTS]; /* retained; NULL where absent */
    tn_op_operand inputs[TN_SAMPLE_INPUTS], results[TN_MAX_OUT + TN_SAMPLE_INPUTS];
};

static void release(void *object)
{
    tn_op_call *call = object;
    for (int i = 0; i < call->sample.n_in; i++) tn_release(call->in[i]);
    free(call);
}

void tn_op_call_close(tn_op_call *call)
{
    if (!call) return;
    tn__forget_close(call->tn, call);
    release(call);
}

/* ---- opening */

static const tn_op *find(tn_context *tn, const char *name)
{
    int index = name ? tn__op_index(name) : -1;
    if (index >= 0) return tn__catalogue[index];
    tn_raise(tn, TN_NOT_FOUND, "there is no operator \"%s\"; tn_ops lists them", name ? name : "");
    return NULL;
}

static bool good_choices(tn_context *tn, const tn_op *op, const char *sample, const tn_op_call_options *how)
{
    if (!sample)
        tn_raise(tn, TN_INVALID, "%s: the sample is NULL", op->name);
    else if (how->batch < 1)
        tn_raise(tn, TN_INVALID, "%s: a batch of %lld; it must be at least 1", op->name, (long long)how->batch);
    else if (how->dtype > TN_BOOL)
        tn_raise(tn, TN_INVALID, "%s: samples cannot be drawn in %s", op->name, tn_dtype_name(how->dtype));
    else if (how->layout < 0 || how->layout >= TN_OP_LAYOUTS)
        tn_raise(tn, TN_INVALID, "%s: there is no layout %d", op->name, (int)how->layout);
    else
        return true;
    return false;
}

static tn_op_call_options complete(const tn_op_call_options *given)
{
    tn_op_call_options how = given ? *given : (tn_op_call_options){0};
    if (!how.batch) how.batch = 1;
    if (!how.dtype) how.dtype = TN_F32;
    if (!how.seed) how.seed = 1;
    return how;
}

static bool read_sample(tn_op_call *call, const char *text)
{
    char why[TN_SAMPLE_WHY];
    if (tn__sample_parse(call->op, text, call->how.batch, &call->sample, why)) return true;
    tn_raise(call->tn, TN_INVALID, "%s: the sample does not fit: %s", call->op->name, why);
    return false;
}

static bool make_inputs(tn_op_call *call)
{
    const tn_sample *s = &call->sample;
    for (int i = 0; i < s->n_in; i++) {
        if (s->in[i].present) call->in[i] = tn_retain(tn__sample_tensor(call->tn, s, i, &call->how, NULL));
        call->inputs[i] = (tn_op_operand){s->in[i].arg->name, call->in[i]};
    }
    return tn_check(call->tn) == TN_OK;
}

/* Do the inputs go together? */
static bool fits(tn_op_call *call)
{
    return tn__infer(&(tn_infer){.ctx = call->tn,
                                 .op = call->op,
                                 .attrs = tn__sample_attrs_of(&call->sample),
                                 .in = call->in,
                                 .n_in = call->sample.n_in});
}

static bool fill(tn_op_call *call, const char *sample)
{
    tn_mark mark = tn_begin(call->tn);
    bool ok = read_sample(call, sample) && make_inputs(call) && fits(call);
    tn_end(call->tn, mark, NULL);
    return ok;
}

tn_op_call *tn_op_call_open(tn_context *tn, const char *name, const char *sample, const tn_op_call_options *options)
{
    const tn_op_call_options how = complete(options);
    const tn_op *op = tn_check(tn) == TN_OK ? find(tn, name) : NULL;
    if (!op || !good_choices(tn, op, sample, &how)) return NULL;
    tn_op_call *call = calloc(1, sizeof *call);
    if (!call) {
        tn_raise(tn, TN_OUT_OF_MEMORY, "%s: no host memory for a call", op->name);
        return NULL;
    }
    call->tn = tn;
    call->op = op;
    call->how = how;
    if (!fill(call, sample)) {
        release(call);
        return NULL;
    }
    call->sample.text = NULL; /* the caller's */
    tn_on_close(tn, release, call);
    return tn_check(tn) == TN_OK ? call : NULL;
}

const tn_op_operand *tn_op_call_inputs(const tn_op_call *call, int *n)
{
    *n = call->sample.n_in;
    return call->inputs;
}

const void *tn_op_call_attrs(const tn_op_call *call)
{
    return tn__sample_attrs_of(&call->sample);
}

/* ---- running */

/* copy is there to change the memory order: to row-major, where any other operator may choose. */
static tn_tensor *copy(tn_op_call *call)
{
    tn_tensor_desc desc = call->in[0]->desc;
    tn__row_major(&desc);
    tn_tensor *out = tn__new(tn__dev_of(call->in[0]), &desc);
    tn__apply_into(call->tn, call->op, NULL, 1, call->in, out);
    return out;
}

static void apply(tn_op_call *call, tn_tensor **out)
{
    bool was = tn_set_grad_enabled(call->tn, false);
    if (call->op == &tn__op_copy)
        out[0] = copy(call);
    else
        tn__apply_all(call->tn, call->op, tn__sample_attrs_of(&call->sample), call->sample.n_in, call->in, out);
    tn_set_grad_enabled(call->tn, was);
}

tn_status tn_op_call_run(tn_op_call *call)
{
    if (!call) return TN_INVALID;
    tn_context *tn = call->tn;
    if (tn_check(tn) != TN_OK) return tn_check(tn);
    tn_tensor *out[TN_MAX_OUT];
    tn_mark mark = tn_begin(tn);
    apply(call, out);
    tn_end(tn, mark, NULL);
    return tn_check(tn);
}

const tn_op_operand *tn_op_call_results(tn_op_call *call, int *n)
{
    *n = 0;
    if (!call || tn_check(call->tn) != TN_OK) return NULL;
    const tn_sample *s = &call->sample;
    tn_tensor *out[TN_MAX_OUT] = {0};
    apply(call, out);
    if (tn_check(call->tn) != TN_OK) return NULL;
    for (int i = 0; i < s->schema->n_out; i++) call->results[(*n)++] = (tn_op_operand){s->schema->out[i].name, out[i]};
    for (int i = 0; i < s->n_in; i++)
        if (call->in[i] && s->in[i].arg->in_place) call->results[(*n)++] = call->inputs[i];
    return call->results;
}
