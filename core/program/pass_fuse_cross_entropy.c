/* SPDX-License-Identifier: Apache-2.0
 *
 * nll_loss(log_softmax(x, 1), target) becomes softmax_cross_entropy, and the operators that are their gradient
 *     hit = cast(one_hot(target))   dl = hit * (dy * (-1 / N))   dx = dl - exp(l) * sum(dl, 1)
 * become softmax_cross_entropy_grad. l: what log_softmax gives, p: the probabilities, N C. */
#include "program/program.h"

typedef struct found {
    int log_softmax, loss;
    int target;    /* a tensor */
    bool has_grad; /* then: */
    int dy;        /* a tensor; */
    int dx;        /* the step that makes it; */
    int parts[7];  /* steps that are not needed any more */
    int n_parts;
} found;

/* The maker of operand i of step `by`, which nobody else reads unless `shared`; counted among the parts. */
static int part(const tn_trace *trace, found *f, int by, int i, const tn_op *op, bool shared)
{
    if (by < 0) return -1;
    int at = tn__trace_maker(trace, trace->steps[by].in[i], op, by, !shared);
    if (at >= 0) f->parts[f->n_parts++] = at;
    return at;
}

static bool sums_rows(const tn_trace_step *sum)
{
    const tn_reduce_attrs *how = sum->attrs;
    return how->dims == 2 && how->keepdim;
}

/* dl, as nll_loss makes it. */
static bool find_dl(const tn_trace *trace, int dl, found *f)
{
    int cast = part(trace, f, dl, 0, &tn__op_cast, false);
    int hit = part(trace, f, cast, 0, &tn__op_one_hot, false);
    int scale = part(trace, f, dl, 1, &tn__op_mul_scalar, false);
    if (hit < 0 || scale < 0 || trace->steps[hit].in[0] != f->target) return false;
    const tn_scalar_attrs *factor = trace->steps[scale].attrs;
    const int64_t *dims = trace->tensors[trace->steps[f->loss].in[0]].desc.dims;
    f->dy = trace->steps[scale].in[0];
    const tn_one_hot_attrs *one_hot = trace->steps[hit].attrs;
    if (factor->value != -1 / (double)dims[0] || one_hot->classes != dims[1]) return false;
    return !tn__trace_written_between(trace, trace->tensors[f->dy].value, scale, f->dx);
}

/* From exp(l), step `at`, to dx. */
static bool find_grad(const tn_trace *trace, int at, found *f)
{
    int last, e = trace->steps[at].out[0], l = trace->steps[f->log_softmax].out[0];
    if (trace->steps[at].op != &tn__op_exp || trace->steps[at].in[0] != l) return false;
    f->parts[f->n_parts++] = at;
    int mul = tn__trace_next_reader(trace, trace->tensors[e].value, at);
    if (mul < 0 || trace->steps[mul].op != &tn__op_mul || tn__trace_maker(trace, e, &tn__op_exp, mul, true) != at ||
        trace->steps[mul].in[0] != e)
        return false;
    int sum = part(trace, f, mul, 1, &tn__op_sum, false);
    int product = trace->tensors[trace->steps[mul].out[0]].value;
    f->parts[f->n_parts++] = mul;
    f->dx = tn__trace_next_reader(trace, product, mul);
    if (sum < 0 || f->dx < 0 || trace->steps[f->dx].op != &tn__op_sub || !sums_rows(&trace->steps[sum])) return false;
    if (tn__trace_maker(trace, trace->steps[f->dx].in[1], &tn__op_mul, f->dx, true) != mul) return false;
    int dl = part(trace, f, f->dx, 0, &tn__op_mul, true);
    return dl >= 0 && trace->steps[sum].in[0] == trace->steps[dl].out[0] &&
           tn__trace_readers(trace, trace->tensors[trace->steps[dl].out[0]].value, &last) == 2 && find_dl(trace, dl, f);
}

static bool find(const tn_trace *trace, int at, found *f)
{
    int l = trace->steps[at].in[0], last;
    *f = (found){.loss = at, .target = trace->steps[at].in[1]};
    f->log_softmax = tn__trace_maker(trace, l, &tn__op_log_softmax, at, false);
    if (f->log_softmax < 0 || ((const tn_dim_attrs *)trace->steps[f->log_softmax].attrs)->dim != 1) return false;
    if (!tn__trace_can_sink(trace, f->log_softmax, at)) return false;
    int n = tn__trace_readers(trace, trace->tensors[l].value, &last);
    f->has_grad = n == 2 && last > at;
    if (n == 1) return true;
    return f->has_grad && find_grad(trace, last, f) &&
           !tn__trace_written_between(trace, trace->tensors[f->target].value, at, f->dx);
}

/* at: nll_loss */
static int fuse(tn_trace *trace, int at)
{
    found f;
    if (!find(trace, at, &f)) return 0;
    tn_trace_step loss = trace->steps[at], grad = {0};
    const tn_tensor_desc desc = trace->tensors[loss.in[0]].desc;
    int p = tn__trace_add_temporary(trace, trace->values[trace->tensors[loss.in[0]].value].dev, &desc);
    if (p < 0) return tn__trace_no_memory(trace);
    int in[2] = {trace->steps[f.log_softmax].in[0], f.target}, grad_in[3] = {f.dy, p, f.target};
    loss.op = &tn__op_softmax_cross_entropy;
    loss.in = in;
    loss.n_out = 2;
    loss.out[1] = p;
    if (!tn__trace_takes_joined(trace, &loss)) return 0;
    if (f.has_grad) {
        grad = trace->steps[f.dx];
        grad.op = &tn__op_softmax_cross_entropy_grad;
        grad.n_in = 3;
        grad.in = grad_in;
        if (!tn__trace_takes_joined(trace, &grad)) return 0;
        if (!tn__trace_replace(trace, f.dx, &grad)) return tn__trace_no_memory(trace);
    }
    if (!tn__trace_replace(trace, at, &loss)) return tn__trace_no_memory(trace);
    tn__trace_drop(trace, f.log_softmax);
    for (int i = 0; i < f.n_parts; i++) tn__trace_drop(trace, f.parts[i]);
    return 1;
}

static int run(tn_trace *trace)
{
    int fused = 0;
    for (int i = 0; i < trace->n_steps; i++) {
        int n = trace->steps[i].op == &tn__op_nll_loss ? fuse(trace, i) : 0;
        if (n < 0) return n;
        fused += n;
    }
    return fused;
}

const tn_pass tn__pass_fuse_cross_entropy = {
    "fuse_cross_entropy", "log_softmax and nll_loss, and their gradients, in one operator each", run};
