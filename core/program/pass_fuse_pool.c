/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution, max pooling and relu in one operator, conv2d_max_pool2d_relu, which finds the same index. On the way
 * back max_pool2d_grad joins the gradients of the convolution that read it. Relu may come before the pooling only if
 * nobody asks for the index; in training sink_relu has moved it. */
#include "program/program.h"

/* ---- attributes. The gradients' differ from the forward operator's by one field: size. */

static bool is_plain(const int64_t padding[2], const int64_t dilation[2])
{
    return padding[0] == 0 && padding[1] == 0 && dilation[0] == 1 && dilation[1] == 1;
}

static tn_conv2d_max_pool2d_relu_attrs joined(const tn_conv2d_attrs *conv, const tn_max_pool2d_attrs *pool)
{
    return (tn_conv2d_max_pool2d_relu_attrs){
        .struct_size = sizeof(tn_conv2d_max_pool2d_relu_attrs),
        .stride = {conv->stride[0], conv->stride[1]},
        .padding = {conv->padding[0], conv->padding[1]},
        .dilation = {conv->dilation[0], conv->dilation[1]},
        .groups = conv->groups,
        .pool_kernel = {pool->kernel[0], pool->kernel[1]},
        .pool_stride = {pool->stride[0], pool->stride[1]},
    };
}

static tn_conv2d_max_pool2d_grad_attrs joined_grad(const tn_conv2d_grad_attrs *conv,
                                                   const tn_max_pool2d_grad_attrs *pool)
{
    return (tn_conv2d_max_pool2d_grad_attrs){
        .struct_size = sizeof(tn_conv2d_max_pool2d_grad_attrs),
        .size = {conv->size[0], conv->size[1]},
        .stride = {conv->stride[0], conv->stride[1]},
        .padding = {conv->padding[0], conv->padding[1]},
        .dilation = {conv->dilation[0], conv->dilation[1]},
        .groups = conv->groups,
        .pool_kernel = {pool->kernel[0], pool->kernel[1]},
        .pool_stride = {pool->stride[0], pool->stride[1]},
    };
}

/* ---- forward */

/* The steps to join; relu is -1 where the convolution has one in itself. */
typedef struct found {
    int conv, pool, relu;
} found;

static bool is_unread(const tn_trace *trace, int tensor)
{
    int last;
    return tn__traced_is_temporary(trace, tensor) && tn__trace_readers(trace, trace->tensors[tensor].value, &last) == 0;
}

/* conv2d, max_pool2d, relu; step `at` is relu. */
static bool find_relu_last(const tn_trace *trace, int at, found *f)
{
    int pool = tn__trace_maker(trace, trace->steps[at].in[0], &tn__op_max_pool2d, at, true);
    if (pool < 0) return false;
    int conv = tn__trace_maker(trace, trace->steps[pool].in[0], &tn__op_conv2d, pool, true);
    *f = (found){conv, pool, at};
    return conv >= 0 && !tn__trace_touched_between(trace, trace->tensors[trace->steps[pool].out[1]].value, pool, at);
}

/* conv2d, relu, max_pool2d, or conv2d_relu, max_pool2d; step `at` is max_pool2d. */
static bool find_relu_inside(const tn_trace *trace, int at, found *f)
{
    const tn_trace_step *pool = &trace->steps[at];
    *f = (found){tn__trace_maker(trace, pool->in[0], &tn__op_conv2d_relu, at, true), at, -1};
    if (f->conv < 0) {
        f->relu = tn__trace_maker(trace, pool->in[0], &tn__op_relu, at, true);
        if (f->relu < 0) return false;
        f->conv = tn__trace_maker(trace, trace->steps[f->relu].in[0], &tn__op_conv2d, f->relu, true);
    }
    return f->conv >= 0 && is_unread(trace, pool->out[1]);
}

static int fuse_forward(tn_trace *trace, int at)
{
    found f;
    const tn_op *op = trace->steps[at].op;
    bool ok = op == &tn__op_relu         ? find_relu_last(trace, at, &f)
              : op == &tn__op_max_pool2d ? find_relu_inside(trace, at, &f)
                                         : false;
    if (!ok || !tn__trace_can_sink(trace, f.conv, at)) return 0;
    const tn_max_pool2d_attrs *pool = trace->steps[f.pool].attrs;
    if (!is_plain(pool->padding, pool->dilation) || pool->ceil_mode) return 0;
    const tn_conv2d_max_pool2d_relu_attrs attrs = joined(trace->steps[f.conv].attrs, pool);
    tn_trace_step fused = trace->steps[f.conv];
    fused.op = &tn__op_conv2d_max_pool2d_relu;
    fused.attrs = (void *)&attrs;
    fused.attrs_size = sizeof attrs;
    fused.n_out = 2;
    fused.out[0] = trace->steps[at].out[0];
    fused.out[1] = trace->steps[f.pool].out[1];
    if (!tn__trace_takes_joined(trace, &fused)) return 0;
    if (!tn__trace_replace(trace, at, &fused)) return tn__trace_no_memory(trace);
    tn__trace_drop(trace, f.conv);
    if (f.pool != at) tn__trace_drop(trace, f.pool);
    if (f.relu >= 0 && f.relu != at) tn__trace_drop(trace, f.relu);
    return 1;
}

/* ---- on the way back */

/* A gradient of a convolution that reads pool's result, with pool in itself. */
typedef struct joint {
    int at;
    tn_trace_step step;
    tn_conv2d_max_pool2d_grad_attrs attrs;
    int in[3];
} joint;

static bool describe(const tn_trace *trace, int pool_at, int at, joint *j)
{
    const tn_trace_step *conv = &trace->steps[at], *pool = &trace->steps[pool_at];
    bool of_weight = conv->op == &tn__op_conv2d_grad_weight;
    if ((!of_weight && conv->op != &tn__op_conv2d_grad_input) || conv->in[0] != pool->out[0]) return false;
    if (conv->in[1] == pool->out[0]) return false;
    for (int i = 0; i < 2; i++)
        if (tn__trace_written_between(trace, trace->tensors[pool->in[i]].value, pool_at, at)) return false;
    j->at = at;
    j->attrs = joined_grad(conv->attrs, pool->attrs);
    j->in[0] = pool->in[0];
    j->in[1] = pool->in[1];
    j->in[2] = conv->in[1];
    j->step = *conv;
    j->step.op = of_weight ? &tn__op_conv2d_max_pool2d_grad_weight : &tn__op_conv2d_max_pool2d_grad_input;
    j->step.attrs = &j->attrs;
    j->step.attrs_size = sizeof j->attrs;
    j->step.n_in = 3;
    j->step.in = j->in;
    return tn__trace_takes_joined(trace, &j->step);
}

/* Is the image pooled whole: are there just the windows that fit? ceil_mode makes one more. */
static bool fits(const tn_trace *trace, const tn_trace_step *pool)
{
    const tn_max_pool2d_grad_attrs *how = pool->attrs;
    const int64_t *windows = trace->tensors[pool->in[0]].desc.dims + 2;
    bool ok = is_plain(how->padding, how->dilation);
    for (int i = 0; i < 2; i++) ok = ok && windows[i] == (how->size[i] - how->kernel[i]) / how->stride[i] + 1;
    return ok;
}

static int fuse_backward(tn_trace *trace, int at)
{
    enum { MOST = 2 }; /* gradients for the input and for the weight */
    joint joints[MOST];
    const tn_trace_step *pool = &trace->steps[at];
    int value = trace->tensors[pool->out[0]].value, n = 0;
    if (!tn__traced_is_temporary(trace, pool->out[0]) || tn__trace_writer(trace, value) != at || !fits(trace, pool))
        return 0;
    for (int reader = at; (reader = tn__trace_next_reader(trace, value, reader)) >= 0; n++)
        if (n == MOST || !describe(trace, at, reader, &joints[n])) return 0;
    for (int i = 0; i < n; i++)
        if (!tn__trace_replace(trace, joints[i].at, &joints[i].step)) return tn__trace_no_memory(trace);
    if (n) tn__trace_drop(trace, at);
    return n;
}

static int run(tn_trace *trace)
{
    int fused = 0;
    for (int i = 0; i < trace->n_steps; i++) {
        const tn_op *op = trace->steps[i].op;
        int n = op == &tn__op_max_pool2d_grad ? fuse_backward(trace, i) : op ? fuse_forward(trace, i) : 0;
        if (n < 0) return n;
        fused += n;
    }
    return fused;
}

const tn_pass tn__pass_fuse_pool = {"fuse_pool",
                                    "convolution, max pooling and relu, and their gradients, in one operator", run};
