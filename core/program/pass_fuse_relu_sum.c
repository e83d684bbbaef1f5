/* SPDX-License-Identifier: Apache-2.0
 *
 * The gradient of relu and, of a bias that was added before, its sum over all dims but the last become relu_grad_sum. The
 * sum moves to the gradient, since others wait for that. */
#include "program/program.h"

static int64_t last_dim(const tn_tensor_desc *desc)
{
    return desc->dims[desc->rank - 1];
}

/* Is x as y, or the rows of y as a matrix? */
static bool is_same_rows(const tn_traced *x, const tn_traced *y)
{
    return x->value == y->value && x->offset == y->offset && last_dim(&x->desc) == last_dim(&y->desc) &&
           tn_desc_numel(&x->desc) == tn_desc_numel(&y->desc) && tn_desc_contiguous(&x->desc) &&
           tn_desc_contiguous(&y->desc);
}

/* The step that makes what step `at`, a sum, adds up row by row; -1 if that is no relu_grad. */
static int find(const tn_trace *trace, int at)
{
    const tn_trace_step *sum = &trace->steps[at];
    const tn_reduce_attrs *how = sum->attrs;
    const tn_traced *x = &trace->tensors[sum->in[0]];
    if (x->desc.rank < 2 || how->dims != (1 << (x->desc.rank - 1)) - 1 || how->keepdim) return -1;
    int grad = tn__traced_is_temporary(trace, sum->in[0]) ? tn__trace_writer(trace, x->value) : -1;
    if (grad < 0 || grad > at || trace->steps[grad].op != &tn__op_relu_grad) return -1;
    int dz = trace->steps[grad].out[0];
    return dz == sum->in[0] || is_same_rows(x, &trace->tensors[dz]) ? grad : -1;
}

/* at: sum */
static int fuse(tn_trace *trace, int at)
{
    int grad = find(trace, at), db = trace->steps[at].out[0];
    if (grad < 0 || tn__trace_touched_between(trace, trace->tensors[db].value, grad, at)) return 0;
    tn_trace_step fused = trace->steps[grad];
    fused.op = &tn__op_relu_grad_sum;
    fused.n_out = 2;
    fused.out[1] = db;
    if (!tn__trace_takes_joined(trace, &fused)) return 0;
    if (!tn__trace_replace(trace, grad, &fused)) return tn__trace_no_memory(trace);
    tn__trace_drop(trace, at);
    return 1;
}

static int run(tn_trace *trace)
{
    int fused = 0;
    for (int i = 0; i < trace->n_steps; i++) {
        int n = trace->steps[i].op == &tn__op_sum ? fuse(trace, i) : 0;
        if (n < 0) return n;
        fused += n;
    }
    return fused;
}

const tn_pass tn__pass_fuse_relu_sum = {"fuse_relu_sum",
                                        "the gradients of relu and of a bias before it in one operator", run};
