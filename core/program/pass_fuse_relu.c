/* SPDX-License-Identifier: Apache-2.0
 *
 * relu(linear(x, w, b)) becomes linear_relu(x, w, b), and the same for conv2d. Backward takes relu's gradient from its
 * result, so nobody else looks at what lies between the two, in training as well. */
#include "program/program.h"

static const struct {
    const tn_op *plain, *fused;
} pairs[] = {
    {&tn__op_linear, &tn__op_linear_relu},
    {&tn__op_conv2d, &tn__op_conv2d_relu},
};

/* relu is step `at`. */
static int fuse(tn_trace *trace, int at)
{
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        int from = tn__trace_maker(trace, trace->steps[at].in[0], pairs[i].plain, at, true);
        if (from < 0 || !tn__trace_can_sink(trace, from, at)) continue;
        tn_trace_step fused = trace->steps[from];
        fused.op = pairs[i].fused;
        fused.out[0] = trace->steps[at].out[0];
        if (!tn__trace_takes_joined(trace, &fused)) continue;
        if (!tn__trace_replace(trace, at, &fused)) return tn__trace_no_memory(trace);
        tn__trace_drop(trace, from);
        return 1;
    }
    return 0;
}

static int run(tn_trace *trace)
{
    int fused = 0;
    for (int i = 0; i < trace->n_steps; i++) {
        int n = trace->steps[i].op == &tn__op_relu ? fuse(trace, i) : 0;
        if (n < 0) return n;
        fused += n;
    }
    return fused;
}

const tn_pass tn__pass_fuse_relu = {"fuse_relu", "linear + relu, and conv2d + relu, in one operator", run};
