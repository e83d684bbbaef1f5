/* SPDX-License-Identifier: Apache-2.0
 *
 * Optimizer steps of the same kind become one over all their parameters. They need not follow each other: the earlier
 * moves to the later, if nothing in between minds. */
#include "program/program.h"

#include "ops/schema.h"

#include <stdlib.h>
#include <string.h>

/* Does one of the steps write what the other writes or reads? */
static bool conflict(const tn_trace *trace, const tn_trace_step *a, const tn_trace_step *b)
{
    for (int k = 0; k < 2; k++) {
        const tn_trace_step *writer = k ? b : a, *other = k ? a : b;
        for (int i = 0; i < writer->n_in + writer->n_out; i++) {
            int x = i < writer->n_in ? writer->in[i] : writer->out[i - writer->n_in];
            int value = x < 0 ? -1 : trace->tensors[x].value;
            if (value < 0 || !tn__step_writes(trace, writer, value)) continue;
            if (tn__step_writes(trace, other, value) || tn__step_reads(trace, other, value)) return true;
        }
    }
    return false;
}

static int lists_of(const tn_schema *schema)
{
    int n = 0;
    for (int i = 0; i < schema->n_in; i++) n += schema->in[i].list;
    return n;
}

/* Are the two the same but for the parameters? */
static bool alike(const tn_trace *trace, const tn_trace_step *a, const tn_trace_step *b)
{
    const tn_schema *schema = tn__op_schema(a->op);
    int lists = lists_of(schema), scalars = schema->n_in - lists;
    if (a->op != b->op || a->dev != b->dev || memcmp(a->attrs, b->attrs, a->attrs_size) != 0) return false;
    for (int i = 1; i <= scalars; i++)
        if (a->in[a->n_in - i] != b->in[b->n_in - i]) return false;
    int n = (a->n_in - scalars) / lists, m = (b->n_in - scalars) / lists;
    for (int i = 0; i < lists; i++) /* a list is there, or not, for all */
        if ((a->in[i * n] < 0) != (b->in[i * m] < 0)) return false;
    return trace->tensors[a->in[0]].desc.dtype == trace->tensors[b->in[0]].desc.dtype;
}

/* List by list, first a's elements and then b's; then the scalars. */
static void join(const tn_trace_step *a, const tn_trace_step *b, int *in)
{
    const tn_schema *schema = tn__op_schema(a->op);
    int lists = lists_of(schema), scalars = schema->n_in - lists, at = 0;
    int n = (a->n_in - scalars) / lists, m = (b->n_in - scalars) / lists;
    for (int i = 0; i < lists; i++) {
        memcpy(in + at, a->in + i * n, (size_t)n * sizeof *in);
        memcpy(in + at + n, b->in + i * m, (size_t)m * sizeof *in);
        at += n + m;
    }
    memcpy(in + at, a->in + lists * n, (size_t)scalars * sizeof *in);
}

static int fuse(tn_trace *trace, int first, int second)
{
    tn_trace_step *a = &trace->steps[first], *b = &trace->steps[second], both = *b;
    const tn_schema *schema = tn__op_schema(a->op);
    both.n_in = a->n_in + b->n_in - (schema->n_in - lists_of(schema));
    both.in = calloc((size_t)both.n_in, sizeof *both.in);
    if (!both.in) return tn__trace_no_memory(trace);
    join(a, b, both.in);
    bool taken = tn__trace_takes(trace, &both), ok = taken && tn__trace_replace(trace, second, &both);
    free(both.in);
    if (taken && !ok) return tn__trace_no_memory(trace);
    if (ok) tn__trace_drop(trace, first);
    return ok;
}

/* Joins step `first` with the next one like it. */
static int fuse_with_later(tn_trace *trace, int first)
{
    for (int i = first + 1; i < trace->n_steps; i++) {
        const tn_trace_step *a = &trace->steps[first], *b = &trace->steps[i];
        if (!b->op || b->view) continue;
        if (conflict(trace, a, b)) return 0;
        if (b->op == a->op && alike(trace, a, b)) return fuse(trace, first, i);
    }
    return 0;
}

static int run(tn_trace *trace)
{
    int fused = 0;
    for (int i = 0; i < trace->n_steps; i++) {
        const tn_op *op = trace->steps[i].op;
        int n = op == &tn__op_sgd_step || op == &tn__op_adam_step ? fuse_with_later(trace, i) : 0;
        if (n < 0) return n;
        fused += n;
    }
    return fused;
}

const tn_pass tn__pass_fuse_optimizer = {"fuse_optimizer", "optimizer steps of one kind in one operator", run};
