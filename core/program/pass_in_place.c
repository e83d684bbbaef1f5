/* SPDX-License-Identifier: Apache-2.0
 *
 * In-place reuse: a result takes the place of an input that is used up, where the plan allows the two to be one. Or it is
 * made where it would be copied to, and the copy goes. Runs after plans are made, since only they know. */
#include "program/program.h"

#include <string.h>

/* Do the two name their elements by the same addresses, if they begin at the same one? */
static bool same_places(const tn_tensor_desc *x, const tn_tensor_desc *y)
{
    return x->rank == y->rank && x->dtype == y->dtype && memcmp(x->dims, y->dims, sizeof x->dims) == 0 &&
           memcmp(x->strides, y->strides, sizeof x->strides) == 0;
}

/* ---- the place of an input */

/* Is step `at` the last that uses the value, or any that lies in its place? */
static bool ends(const tn_trace *trace, int value, int at)
{
    for (int v = 0; v < trace->n_values; v++) {
        if (tn__value_root(trace, v) != value) continue;
        for (int i = at + 1; i < trace->n_steps; i++)
            if (tn__step_reads(trace, &trace->steps[i], v) || tn__step_writes(trace, &trace->steps[i], v)) return false;
    }
    return true;
}

static int reuse(tn_trace *trace, int at)
{
    const tn_trace_step *step = &trace->steps[at];
    int y = step->out[0];
    if (!tn__traced_is_temporary(trace, y) || !tn__traced_whole(trace, y)) return 0;
    tn_value *to = &trace->values[trace->tensors[y].value];
    if (to->alias >= 0 || tn__trace_writer(trace, trace->tensors[y].value) != at) return 0;
    for (int i = 0; i < step->n_in; i++) {
        int x = step->in[i], value = x < 0 ? -1 : trace->tensors[x].value;
        if (!tn__traced_is_temporary(trace, x) || tn__step_input_in_place(step, i)) continue;
        if (!same_places(&trace->tensors[x].desc, &trace->tensors[y].desc) || !tn__traced_whole(trace, x)) continue;
        value = tn__value_root(trace, value);
        if (trace->values[value].kind != TN_VALUE_TEMPORARY || !ends(trace, value, at)) continue;
        bool twice = false; /* another input in the same memory, seen in another way */
        for (int k = 0; k < step->n_in; k++) {
            if (k == i || step->in[k] < 0) continue;
            int other = tn__value_root(trace, trace->tensors[step->in[k]].value);
            twice |= other == value && !same_places(&trace->tensors[step->in[k]].desc, &trace->tensors[x].desc);
        }
        if (twice) continue;
        to->alias = value;
        return 1;
    }
    return 0;
}

/* ---- the place of a copy */

/* May step `at`, whose plan it is, write its result x to k's memory? If it reads k, only where it may alias. */
static bool may_write_to(const tn_trace *trace, int at, int x, int k, const tn_plan *plan)
{
    const tn_trace_step *step = &trace->steps[at];
    int value = trace->tensors[k].value;
    if (tn__step_writes(trace, step, value)) return false;
    for (int i = 0; i < step->n_in; i++) {
        if (step->in[i] < 0 || trace->tensors[step->in[i]].value != value) continue;
        if (step->out[0] != x || !(plan->flags & TN_PLAN_ALIAS) || trace->tensors[step->in[i]].offset != 0 ||
            !same_places(&trace->tensors[step->in[i]].desc, &trace->tensors[k].desc))
            return false;
    }
    return true;
}

/* Step `at` copies x to k, which stays. */
static int write_through(tn_trace *trace, int at, tn_plan *const *plans)
{
    int x = trace->steps[at].in[0], k = trace->steps[at].out[0], last;
    const tn_traced *from = &trace->tensors[x], *to = &trace->tensors[k];
    if (!tn__traced_is_temporary(trace, x) || trace->values[to->value].kind == TN_VALUE_TEMPORARY) return 0;
    if (!same_places(&from->desc, &to->desc) || to->desc.alignment < from->desc.alignment || to->offset != 0) return 0;
    if (trace->values[from->value].alias >= 0) return 0; /* it has been copied elsewhere before */
    int maker = tn__trace_writer(trace, from->value);
    if (maker < 0 || maker >= at || !tn__traced_whole(trace, x)) return 0;
    tn__trace_readers(trace, from->value, &last);
    if (tn__trace_touched_between(trace, to->value, maker, at)) return 0;
    if (tn__trace_written_between(trace, to->value, at, last + 1)) return 0;
    if (!may_write_to(trace, maker, x, k, plans[maker])) return 0;
    trace->values[from->value].alias = to->value;
    tn__trace_drop(trace, at);
    return 1;
}

int tn__reuse_in_place(tn_trace *trace, tn_plan *const *plans)
{
    int n = 0;
    for (int i = 0; i < trace->n_steps; i++)
        if (trace->steps[i].op == &tn__op_copy) n += write_through(trace, i, plans);
    for (int i = 0; i < trace->n_steps; i++)
        if (trace->steps[i].op && trace->steps[i].n_out > 0 && plans[i]->flags & TN_PLAN_ALIAS) n += reuse(trace, i);
    return n;
}
