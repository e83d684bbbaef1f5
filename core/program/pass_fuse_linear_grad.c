/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradients of a linear layer, matmul(dy^T, x) for its weight and sum(dy, 0) for its bias, become linear_grad_weight.
 * dy: N O. The sum moves to the product. */
#include "program/program.h"

/* Is x the matrix y, transposed? */
static bool is_transposed(const tn_traced *x, const tn_traced *y)
{
    if (x->value != y->value || x->offset != y->offset || x->desc.rank != 2 || y->desc.rank != 2) return false;
    for (int d = 0; d < 2; d++)
        if (x->desc.dims[d] != y->desc.dims[1 - d] || x->desc.strides[d] != y->desc.strides[1 - d]) return false;
    return true;
}

static bool sums_columns(const tn_trace_step *step)
{
    const tn_reduce_attrs *how = step->attrs;
    return step->op == &tn__op_sum && how->dims == 1 && !how->keepdim;
}

/* May what step `sum` does be done at step `at`, whichever comes first? */
static bool can_move(const tn_trace *trace, int sum, int at)
{
    int first = sum < at ? sum : at, last = sum < at ? at : sum;
    int dy = trace->tensors[trace->steps[sum].in[0]].value, db = trace->tensors[trace->steps[sum].out[0]].value;
    return !tn__trace_written_between(trace, dy, first, last) && !tn__trace_touched_between(trace, db, first, last);
}

/* The step that adds up the dy of step `at`, a matmul; -1 if there is none that could be done there. */
static int find_sum(const tn_trace *trace, int at)
{
    const tn_trace_step *product = &trace->steps[at];
    const tn_traced *dy = &trace->tensors[product->in[0]], *x = &trace->tensors[product->in[1]];
    for (int i = 0; i < trace->n_steps && x->desc.rank == 2; i++) {
        const tn_trace_step *sum = &trace->steps[i];
        if (sum->op && sums_columns(sum) && is_transposed(dy, &trace->tensors[sum->in[0]]) && can_move(trace, i, at))
            return i;
    }
    return -1;
}

/* at: matmul */
static int fuse(tn_trace *trace, int at)
{
    int sum = find_sum(trace, at);
    if (sum < 0) return 0;
    int in[2] = {trace->steps[sum].in[0], trace->steps[at].in[1]};
    tn_trace_step fused = trace->steps[at];
    fused.op = &tn__op_linear_grad_weight;
    fused.in = in;
    fused.n_out = 2;
    fused.out[1] = trace->steps[sum].out[0];
    if (!tn__trace_takes_joined(trace, &fused)) return 0;
    if (!tn__trace_replace(trace, at, &fused)) return tn__trace_no_memory(trace);
    tn__trace_drop(trace, sum);
    return 1;
}

static int run(tn_trace *trace)
{
    int fused = 0;
    for (int i = 0; i < trace->n_steps; i++) {
        int n = trace->steps[i].op == &tn__op_matmul ? fuse(trace, i) : 0;
        if (n < 0) return n;
        fused += n;
    }
    return fused;
}

const tn_pass tn__pass_fuse_linear_grad = {"fuse_linear_grad",
                                           "a linear layer's gradients for weight and bias in one operator", run};
