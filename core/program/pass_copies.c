/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies that are not needed: the second of two that are the same, one of a copy (the original serves as well), and one
 * that leaves everything in its order. What made the original could also write in the order of the copy, but an operator
 * that reads in one order and writes in another takes longer than it and a copy do, each at its best (measured: relu by
 * a quarter). */
#include "program/program.h"

#include <string.h>

/* Do the two look the same, and begin at addresses that x promises at least as much of as y does? */
static bool same_look(const tn_traced *x, const tn_traced *y)
{
    const tn_tensor_desc *a = &x->desc, *b = &y->desc;
    if (a->dtype != b->dtype || a->rank != b->rank || a->alignment < b->alignment) return false;
    for (uint32_t d = 0; d < a->rank; d++)
        if (a->dims[d] != b->dims[d] || (a->dims[d] != 1 && a->strides[d] != b->strides[d])) return false;
    return true;
}

static bool same_place(const tn_trace *trace, int x, int y)
{
    const tn_traced *a = &trace->tensors[x], *b = &trace->tensors[y];
    return x == y || (a->value == b->value && a->offset == b->offset && same_look(a, b));
}

/* Does copy `at` alone make the memory that its result lies in, from the start, for others to read? */
static bool makes_temporary(const tn_trace *trace, int at)
{
    int y = trace->steps[at].out[0];
    const tn_traced *copy = &trace->tensors[y];
    return tn__traced_is_temporary(trace, y) && copy->offset == 0 && tn__trace_writer(trace, copy->value) == at &&
           tn__trace_next_reader(trace, copy->value, at) >= 0;
}

/* Whoever looks at y's memory looks at x's instead. */
static void replace_all(tn_trace *trace, int y, int x)
{
    const tn_traced from = trace->tensors[y], to = trace->tensors[x];
    for (int s = 0; s < trace->n_steps; s++)
        for (int i = 0; i < trace->steps[s].n_in; i++)
            if (trace->steps[s].in[i] == y) trace->steps[s].in[i] = x;
    for (int i = 0; i < trace->n_tensors; i++) {
        if (trace->tensors[i].value != from.value) continue;
        trace->tensors[i].value = to.value;
        trace->tensors[i].offset += to.offset;
    }
}

/* x stays as it is while the copy is read. */
static bool stays(const tn_trace *trace, int x, int at)
{
    int last;
    tn__trace_readers(trace, trace->tensors[trace->steps[at].out[0]].value, &last);
    return !tn__trace_written_between(trace, trace->tensors[x].value, at, last + 1);
}

/* The copy is what it was made of. */
static bool is_idle(const tn_trace *trace, int at)
{
    int x = trace->steps[at].in[0], y = trace->steps[at].out[0];
    return same_look(&trace->tensors[x], &trace->tensors[y]) && makes_temporary(trace, at) && stays(trace, x, at);
}

/* An earlier copy that is the same; -1 if there is none. */
static int find_twin(const tn_trace *trace, int at)
{
    const tn_trace_step *copy = &trace->steps[at];
    for (int i = 0; i < at; i++) {
        const tn_trace_step *other = &trace->steps[i];
        if (other->op != &tn__op_copy || !same_place(trace, other->in[0], copy->in[0])) continue;
        if (!same_look(&trace->tensors[other->out[0]], &trace->tensors[copy->out[0]])) continue;
        if (!tn__traced_is_temporary(trace, other->out[0]) || trace->tensors[other->out[0]].offset != 0) continue;
        if (tn__trace_writer(trace, trace->tensors[other->out[0]].value) != i) continue;
        if (!tn__trace_written_between(trace, trace->tensors[copy->in[0]].value, i, at)) return i;
    }
    return -1;
}

/* Lets the copy of a copy begin at the original; the first may then be dead. */
static bool skip_first(tn_trace *trace, int at)
{
    tn_trace_step copy = trace->steps[at];
    int y = copy.in[0];
    if (!tn__traced_is_temporary(trace, y)) return false;
    int first = tn__trace_writer(trace, trace->tensors[y].value);
    if (first < 0 || first >= at || trace->steps[first].op != &tn__op_copy) return false;
    int x = trace->steps[first].in[0];
    if (!same_place(trace, trace->steps[first].out[0], y)) return false;
    if (tn__trace_written_between(trace, trace->tensors[x].value, first, at)) return false;
    copy.in = &x;
    if (!tn__trace_takes(trace, &copy)) return false;
    trace->steps[at].in[0] = x;
    return true;
}

static bool simplify(tn_trace *trace, int at)
{
    int y = trace->steps[at].out[0], twin;
    if (is_idle(trace, at))
        replace_all(trace, y, trace->steps[at].in[0]);
    else if (makes_temporary(trace, at) && (twin = find_twin(trace, at)) >= 0)
        replace_all(trace, y, trace->steps[twin].out[0]);
    else
        return skip_first(trace, at);
    tn__trace_drop(trace, at);
    return true;
}

static int run(tn_trace *trace)
{
    int n = 0;
    for (int i = 0; i < trace->n_steps; i++)
        if (trace->steps[i].op == &tn__op_copy) n += simplify(trace, i);
    return n;
}

const tn_pass tn__pass_copies = {"copies", "one copy instead of several, none where the order is right already", run};
