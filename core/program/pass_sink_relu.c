/* SPDX-License-Identifier: Apache-2.0
 *
 * relu behind max_pool2d instead of before it, where it has a fraction of the elements, and the same on the way back:
 *     t = relu(x)                y0, i = max_pool2d(x)       dt = max_pool2d_grad(dy, i)   dy' = relu_grad(dy, y)
 *     y, i = max_pool2d(t)  ->   y = relu(y0)                dx = relu_grad(dt, t)      -> dx = max_pool2d_grad(dy', i)
 * The index differs only where y is 0, and there relu lets no gradient pass. A window of padding alone, which dilation
 * makes, would be -inf before and 0 behind: left as it is. */
#include "program/program.h"

typedef struct found {
    int relu, pool;
    int pool_grad, relu_grad; /* -1: there is no way back */
} found;

static bool only_reader(const tn_trace *trace, int tensor, int step)
{
    int last;
    if (!tn__traced_is_temporary(trace, tensor)) return false;
    int n = tn__trace_readers(trace, trace->tensors[tensor].value, &last);
    return step < 0 ? n == 0 : n == 1 && last == step;
}

/* The way back that begins with what step `at` reads of t, which it may not be the gradient of. */
static bool find_way_back(const tn_trace *trace, int t, int index, int at, found *f)
{
    const tn_trace_step *grad = &trace->steps[at];
    if (grad->op != &tn__op_relu_grad || grad->in[1] != t || grad->in[0] == t) return false;
    int pool_grad = tn__trace_maker(trace, grad->in[0], &tn__op_max_pool2d_grad, at, true);
    if (pool_grad < 0 || trace->steps[pool_grad].in[1] != index) return false;
    f->pool_grad = pool_grad;
    f->relu_grad = at;
    return true;
}

/* All that reads the result of relu, or conv2d_relu, step `at`: a pooling, and at most one gradient of both. */
static bool find(const tn_trace *trace, int at, found *f)
{
    int t = trace->steps[at].out[0], value = trace->tensors[t].value, last;
    *f = (found){at, -1, -1, -1};
    if (!tn__traced_is_temporary(trace, t) || tn__trace_writer(trace, value) != at) return false;
    int pool = tn__trace_next_reader(trace, value, at), n = tn__trace_readers(trace, value, &last);
    if (n < 1 || n > 2 || trace->steps[pool].op != &tn__op_max_pool2d || trace->steps[pool].in[0] != t) return false;
    const tn_max_pool2d_attrs *how = trace->steps[pool].attrs;
    if (how->dilation[0] != 1 || how->dilation[1] != 1) return false;
    f->pool = pool;
    int index = trace->steps[pool].out[1];
    if (n == 2 && !find_way_back(trace, t, index, last, f)) return false;
    int y = trace->tensors[trace->steps[pool].out[0]].value;
    return only_reader(trace, index, f->pool_grad) && tn__trace_writer(trace, y) == pool;
}

/* Without a way back, a relu that becomes part of a convolution costs nothing where it is. */
static bool better_in_convolution(const tn_trace *trace, const found *f)
{
    if (f->relu_grad >= 0) return false;
    const tn_trace_step *relu = &trace->steps[f->relu];
    if (relu->op == &tn__op_conv2d_relu) return true;
    int conv = tn__trace_maker(trace, relu->in[0], &tn__op_conv2d, f->relu, true);
    if (conv < 0) return false;
    tn_trace_step fused = trace->steps[conv];
    fused.op = &tn__op_conv2d_relu;
    fused.out[0] = relu->out[0];
    return tn__trace_takes_joined(trace, &fused);
}

/* A temporary like tensor x. */
static int like(tn_trace *trace, int x)
{
    const tn_tensor_desc desc = trace->tensors[x].desc;
    return tn__trace_add_temporary(trace, trace->values[trace->tensors[x].value].dev, &desc);
}

/* The steps that come in the places of those found: each of a pair takes the other's place in the list. */
typedef struct swapped {
    tn_trace_step relu, pool, pool_grad, relu_grad;
    int pool_in[1], relu_in[1], pool_grad_in[2], relu_grad_in[2];
} swapped;

static bool describe_forward(tn_trace *trace, const found *f, swapped *s)
{
    int y = trace->steps[f->pool].out[0], y0 = like(trace, y);
    if (y0 < 0) return false;
    s->relu = trace->steps[f->relu];
    s->pool = trace->steps[f->pool];
    s->pool_in[0] = s->relu.in[0];
    s->relu_in[0] = s->pool.out[0] = y0;
    s->relu.out[0] = y;
    s->pool.in = s->pool_in;
    s->relu.in = s->relu_in;
    return true;
}

static bool describe_way_back(tn_trace *trace, const found *f, swapped *s)
{
    if (f->relu_grad < 0) return true;
    int dy = trace->steps[f->pool_grad].in[0], masked = like(trace, dy);
    if (masked < 0) return false;
    s->pool_grad = trace->steps[f->pool_grad];
    s->relu_grad = trace->steps[f->relu_grad];
    s->pool_grad_in[0] = masked;
    s->pool_grad_in[1] = s->pool_grad.in[1];
    s->pool_grad.out[0] = s->relu_grad.out[0];
    s->relu_grad_in[0] = dy;
    s->relu_grad_in[1] = s->relu.out[0];
    s->relu_grad.out[0] = masked;
    s->pool_grad.in = s->pool_grad_in;
    s->relu_grad.in = s->relu_grad_in;
    return true;
}

/* What is replaced first must not be read afterwards: pooling has attributes, relu has none. */
static bool put(tn_trace *trace, const found *f, const swapped *s)
{
    return tn__trace_replace(trace, f->relu, &s->pool) && tn__trace_replace(trace, f->pool, &s->relu) &&
           (f->relu_grad < 0 || (tn__trace_replace(trace, f->relu_grad, &s->pool_grad) &&
                                 tn__trace_replace(trace, f->pool_grad, &s->relu_grad)));
}

static int sink(tn_trace *trace, const found *f)
{
    swapped s;
    if (!describe_forward(trace, f, &s) || !describe_way_back(trace, f, &s)) return tn__trace_no_memory(trace);
    if (!tn__trace_takes(trace, &s.pool) || !tn__trace_takes(trace, &s.relu)) return 0;
    if (f->relu_grad >= 0 && (!tn__trace_takes(trace, &s.relu_grad) || !tn__trace_takes(trace, &s.pool_grad))) return 0;
    return put(trace, f, &s) ? 1 : tn__trace_no_memory(trace);
}

/* conv2d_relu, step `at`, becomes two steps; 0 if the device does not take them. */
static int unfuse(tn_trace *trace, int at)
{
    tn_trace_step conv = trace->steps[at];
    int t = conv.out[0], x = like(trace, t);
    if (x < 0) return tn__trace_no_memory(trace);
    conv.op = &tn__op_conv2d;
    conv.out[0] = x;
    const tn_trace_step relu = {.op = &tn__op_relu,
                                .fell_back = conv.fell_back,
                                .dev = conv.dev,
                                .n_in = 1,
                                .n_out = 1,
                                .in = &x,
                                .out = {t, -1, -1}};
    if (!tn__trace_takes(trace, &conv) || !tn__trace_takes(trace, &relu)) return 0;
    if (!tn__trace_replace(trace, at, &conv) || !tn__trace_insert(trace, at + 1, &relu))
        return tn__trace_no_memory(trace);
    return 1;
}

static int try(tn_trace *trace, int at)
{
    found f;
    const tn_op *op = trace->steps[at].op;
    if ((op != &tn__op_relu && op != &tn__op_conv2d_relu) || !find(trace, at, &f)) return 0;
    if (better_in_convolution(trace, &f)) return 0;
    int n = op == &tn__op_relu ? 1 : unfuse(trace, at);
    if (n <= 0) return n;
    if (op != &tn__op_relu && !find(trace, at + 1, &f)) return n;
    return sink(trace, &f);
}

static int run(tn_trace *trace)
{
    int sunk = 0;
    for (int i = 0; i < trace->n_steps; i++) {
        int n = try(trace, i);
        if (n < 0) return n;
        sunk += n;
    }
    return sunk;
}

const tn_pass tn__pass_sink_relu = {"sink_relu", "relu behind max_pool2d, where it has less to do", run};
