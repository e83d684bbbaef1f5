/* SPDX-License-Identifier: Apache-2.0
 *
 * Running a script: each line is applied to real tensors by the engine, which infers shapes, chooses memory orders and
 * takes gradients as ever. A program records that once for each kind of inputs, so what is slow here is slow once. */
#include "program/script.h"

#include <stdlib.h>
#include <string.h>

typedef struct running {
    const tn_script *script;
    tn_context *tn;
    tn_tensor **at; /* by number; results of lines are retained until their last use */
} running;

/* ---- one line, by its kind: sets out[0 .. n_out - 1]; after raising, what it sets does not matter */

typedef void (*run_kind)(running *r, const tn_line *line, tn_tensor **out);

static tn_tensor *input(const running *r, const tn_line *line, int i)
{
    return line->in[i] < 0 ? NULL : r->at[line->in[i]];
}

static void run_op(running *r, const tn_line *line, tn_tensor **out)
{
    tn_tensor **in = calloc((size_t)line->n_in + 1, sizeof *in);
    if (!in) {
        tn_raise(r->tn, TN_OUT_OF_MEMORY, "%s: no host memory for its inputs", line->op->name);
        return;
    }
    for (int i = 0; i < line->n_in; i++) in[i] = input(r, line, i);
    tn__apply_all(r->tn, line->op, line->attrs, line->n_in, in, out);
    free(in);
}

static void run_reshape(running *r, const tn_line *line, tn_tensor **out)
{
    tn_tensor *x = input(r, line, 0);
    int64_t dims[TN_MAX_RANK];
    memcpy(dims, line->dims, sizeof dims);
    if (dims[0] == TN_SAME_DIM && line->rank > 0) {
        if (tn_rank(x) == 0) {
            tn_raise(r->tn, TN_INVALID, "reshape: x has no dim 0 that could stay, it is a scalar");
            return;
        }
        dims[0] = tn_dims(x)[0];
    }
    tn_tensor *y = out[0] = tn_reshape(x, line->rank, dims);
    if (!tn_is_nil(y) && y->storage != x->storage && r->script->written[r->script->root[line->in[0]]])
        tn_raise(
            r->tn, TN_UNSUPPORTED,
            "reshape: x (%s) is written to and lies in memory in another order than where the program was recorded",
            TN_SHAPE_OF(x));
}

static void run_expand(running *r, const tn_line *line, tn_tensor **out)
{
    out[0] = tn_expand(input(r, line, 0), line->rank, line->dims);
}

static void run_permute(running *r, const tn_line *line, tn_tensor **out)
{
    out[0] = tn_permute(input(r, line, 0), line->rank, line->dims);
}

/* As recorded, or not at all: what reaches beyond a smaller x is not cut off as tn_slice does. */
static void run_slice(running *r, const tn_line *line, tn_tensor **out)
{
    tn_tensor *x = input(r, line, 0);
    const tn_slice_attrs *how = &line->slice;
    int64_t size = how->dim < tn_rank(x) ? tn_dims(x)[how->dim] : -1;
    bool fits = how->start <= size &&
                (how->length == 0 || (how->start < size && how->length - 1 <= (size - 1 - how->start) / how->step));
    if (!fits) {
        tn_raise(
            r->tn, TN_INVALID, "slice: %lld elements from %lld in steps of %lld do not lie within dim %lld of x (%s)",
            (long long)how->length, (long long)how->start, (long long)how->step, (long long)how->dim, TN_SHAPE_OF(x));
        return;
    }
    int64_t stop = how->length ? how->start + (how->length - 1) * how->step + 1 : how->start;
    out[0] = tn_slice(x, (int)how->dim, how->start, stop, how->step);
}

/* x itself is as good as a copy if nobody writes to either, and nobody outside gets the one for the other. */
static void run_contiguous(running *r, const tn_line *line, tn_tensor **out)
{
    const tn_script *script = r->script;
    int from = script->root[line->in[0]], to = line->first_out;
    bool apart = script->written[from] || script->written[to] || (!script->made[from] && script->given[to]);
    out[0] = (apart ? tn_clone : tn_contiguous)(input(r, line, 0));
}

/* What is read and written at once is read first. */
static void run_copy(running *r, const tn_line *line, tn_tensor **out)
{
    const int *root = r->script->root;
    (void)out;
    tn_tensor *from = input(r, line, 0);
    tn_copy_(input(r, line, 1), root[line->in[0]] == root[line->in[1]] ? tn_clone(from) : from);
}

static void run_empty(running *r, const tn_line *line, tn_tensor **out)
{
    tn_tensor_desc desc;
    if (tn__desc(r->tn, &desc, line->dtype, line->rank, line->dims)) out[0] = tn__new(r->script->dev, &desc);
}

static const run_kind kinds[TN_LINE_KINDS] = {
    [TN_LINE_OP] = run_op,           [TN_LINE_RESHAPE] = run_reshape,       [TN_LINE_EXPAND] = run_expand,
    [TN_LINE_PERMUTE] = run_permute, [TN_LINE_SLICE] = run_slice,           [TN_LINE_COPY] = run_copy,
    [TN_LINE_EMPTY] = run_empty,     [TN_LINE_CONTIGUOUS] = run_contiguous,
};

/* ---- all lines */

/* Says where in the program the error was. */
static void tell_line(const running *r, int l)
{
    tn_error error = r->tn->error;
    tn_clear(r->tn);
    tn_raise(r->tn, error.status, "program %s, step %d: %s", r->script->name, l, error.message);
}

/* The results of a line outlive its scope, but not their last use. */
static bool run_line(running *r, int l)
{
    const tn_line *line = &r->script->lines[l];
    tn_tensor *out[TN_MAX_OUT] = {0};
    tn_mark mark = tn_begin(r->tn);
    kinds[line->kind](r, line, out);
    bool ok = tn_check(r->tn) == TN_OK;
    for (int i = 0; ok && i < line->n_out; i++) r->at[line->first_out + i] = tn_retain(out[i]);
    tn_end(r->tn, mark, NULL);
    if (!ok) tell_line(r, l);
    return ok;
}

static void release_after(running *r, int l)
{
    const tn_line *line = &r->script->lines[l];
    const int fixed = r->script->n_in + r->script->n_weights;
    for (int i = 0; i < line->n_in + line->n_out; i++) {
        int x = i < line->n_in ? line->in[i] : line->first_out + i - line->n_in;
        if (x < fixed || r->script->last[x] != l || !r->at[x]) continue;
        tn_release(r->at[x]);
        r->at[x] = NULL;
    }
}

/* What is left belongs to the current scope, unless it belongs to another (an input that was contiguous already). */
static void settle(running *r)
{
    for (int i = r->script->n_in + r->script->n_weights; i < r->script->n_tensors; i++) {
        tn_tensor *x = r->at[i];
        if (!x || tn_is_nil(x)) continue;
        if (x->scope)
            tn_release(x);
        else
            tn__scope_add(r->tn, x);
    }
}

static bool good_inputs(const running *r, tn_tensor *const *in)
{
    for (int i = 0; i < r->script->n_in; i++) {
        const tn_tensor_desc *wanted = &r->script->in[i], *got = &in[i]->desc;
        if (got->dtype == wanted->dtype && got->rank == wanted->rank) continue;
        tn_raise(r->tn, TN_INVALID, "program %s: input %d is %s%s, but it was recorded with %s%s", r->script->name, i,
                 tn_dtype_name(got->dtype), TN_DESC_OF(got), tn_dtype_name(wanted->dtype), TN_DESC_OF(wanted));
        return false;
    }
    return true;
}

void tn__script_run(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    const tn_script *script = arg;
    running r = {script, script->dev->ctx, calloc((size_t)script->n_tensors + 1, sizeof(tn_tensor *))};
    if (!r.at) {
        tn_raise(r.tn, TN_OUT_OF_MEMORY, "program %s: no host memory for a list of its tensors", script->name);
        return;
    }
    if (script->n_in) memcpy(r.at, in, (size_t)script->n_in * sizeof(tn_tensor *));
    for (int i = 0; i < script->n_weights; i++) r.at[script->n_in + i] = script->weights[i].tensor;
    bool ok = good_inputs(&r, in);
    for (int l = 0; ok && l < script->n_lines; l++) {
        ok = run_line(&r, l);
        if (ok) release_after(&r, l);
    }
    settle(&r);
    for (int i = 0; ok && i < script->n_out; i++) out[i] = r.at[script->out[i]];
    free(r.at);
}
