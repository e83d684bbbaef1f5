/* SPDX-License-Identifier: Apache-2.0
 *
 * In-place reuse: a result takes the place of an input that is used up, where the plan allows the two to be one. Runs
 * after plans are made, since only they know. */
#include "program/program.h"

#include <string.h>

/* Do the two name their elements by the same addresses, if they begin at the same one? */
static bool same_places(const tn_tensor_desc *x, const tn_tensor_desc *y)
{
    return x->rank == y->rank && x->dtype == y->dtype && memcmp(x->dims, y->dims, sizeof x->dims) == 0 &&
           memcmp(x->strides, y->strides, sizeof x->strides) == 0;
}

static bool is_temporary(const tn_trace *trace, int tensor)
{
    return tensor >= 0 && trace->values[trace->tensors[tensor].value].kind == TN_VALUE_TEMPORARY;
}

/* Is step `at` the last that uses the value, or any that lies in its place? */
static bool ends(const tn_trace *trace, int value, int at)
{
    for (int v = 0; v < trace->n_values; v++) {
        int root = v;
        while (root != value && trace->values[root].alias >= 0) root = (int)trace->values[root].alias;
        if (root != value) continue;
        for (int i = at + 1; i < trace->n_steps; i++)
            if (tn__step_reads(trace, &trace->steps[i], v) || tn__step_writes(trace, &trace->steps[i], v)) return false;
    }
    return true;
}

static int reuse(tn_trace *trace, int at)
{
    const tn_trace_step *step = &trace->steps[at];
    int y = step->out[0];
    if (!is_temporary(trace, y) || !tn__traced_whole(trace, y)) return 0;
    tn_value *to = &trace->values[trace->tensors[y].value];
    if (to->alias >= 0 || tn__trace_writer(trace, trace->tensors[y].value) != at) return 0;
    for (int i = 0; i < step->n_in; i++) {
        int x = step->in[i], value = x < 0 ? -1 : trace->tensors[x].value;
        if (!is_temporary(trace, x) || tn__step_input_in_place(step, i)) continue;
        if (!same_places(&trace->tensors[x].desc, &trace->tensors[y].desc) || !tn__traced_whole(trace, x)) continue;
        while (trace->values[value].alias >= 0) value = (int)trace->values[value].alias;
        if (!ends(trace, value, at)) continue;
        bool twice = false; /* another input in the same memory, seen in another way */
        for (int k = 0; k < step->n_in; k++) {
            int other = k == i || step->in[k] < 0 ? -1 : trace->tensors[step->in[k]].value;
            while (other >= 0 && trace->values[other].alias >= 0) other = (int)trace->values[other].alias;
            twice |= other == value && !same_places(&trace->tensors[step->in[k]].desc, &trace->tensors[x].desc);
        }
        if (twice) continue;
        to->alias = value;
        return 1;
    }
    return 0;
}

int tn__reuse_in_place(tn_trace *trace, tn_plan *const *plans)
{
    int n = 0;
    for (int i = 0; i < trace->n_steps; i++)
        if (!trace->steps[i].view && trace->steps[i].n_out > 0 && plans[i]->flags & TN_PLAN_ALIAS) n += reuse(trace, i);
    return n;
}
