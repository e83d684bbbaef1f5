/* SPDX-License-Identifier: Apache-2.0
 *
 * Dead code: steps whose results nobody reads, and which change nothing that stays. */
#include "program/program.h"

/* Does anybody but the step itself look at the value afterwards? Earlier steps count as well: they may read what a
 * run before has left only in kept values, so for temporaries it is enough to ask those that follow. */
static bool is_read_later(const tn_trace *trace, int value, int step)
{
    if (trace->values[value].kind != TN_VALUE_TEMPORARY) return true;
    for (int i = step + 1; i < trace->n_steps; i++)
        if (tn__step_reads(trace, &trace->steps[i], value)) return true;
    return false;
}

static bool matters(const tn_trace *trace, int at)
{
    const tn_trace_step *step = &trace->steps[at];
    for (int i = 0; i < step->n_out; i++)
        if (is_read_later(trace, trace->tensors[step->out[i]].value, at)) return true;
    for (int i = 0; i < step->n_in; i++)
        if (step->in[i] >= 0 && tn__step_input_in_place(step, i) &&
            is_read_later(trace, trace->tensors[step->in[i]].value, at))
            return true;
    return false;
}

static int run(tn_trace *trace)
{
    int dropped = 0;
    for (int i = trace->n_steps - 1; i >= 0; i--) { /* readers go before what they read */
        if (!trace->steps[i].op || trace->steps[i].view || matters(trace, i)) continue;
        tn__trace_drop(trace, i);
        dropped++;
    }
    return dropped;
}

const tn_pass tn__pass_dead = {"dead", "takes out what nobody reads", run};
