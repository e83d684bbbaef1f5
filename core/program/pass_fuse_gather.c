/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of bytes that are gathered, made f32 and scaled, as a batch of images is, in one pass: gather_scale. */
#include "program/program.h"

static double number_of(const tn_trace_step *step)
{
    return ((const tn_scalar_attrs *)step->attrs)->value;
}

/* mul is what scales; add, what shifts the result, or mul itself if nothing does. */
static int fuse(tn_trace *trace, int mul, int add)
{
    int cast = tn__trace_maker(trace, trace->steps[mul].in[0], &tn__op_cast, mul, true);
    if (cast < 0 || trace->tensors[trace->steps[cast].out[0]].desc.dtype != TN_F32) return 0;
    int select = tn__trace_maker(trace, trace->steps[cast].in[0], &tn__op_index_select, cast, true);
    if (select < 0 || trace->tensors[trace->steps[select].out[0]].desc.dtype != TN_U8) return 0;
    if (!tn__trace_can_sink(trace, select, add)) return 0;
    tn_gather_scale_attrs attrs = {sizeof attrs, number_of(&trace->steps[mul]), 0};
    if (add != mul) attrs.shift = number_of(&trace->steps[add]);
    tn_trace_step fused = trace->steps[select];
    fused.op = &tn__op_gather_scale;
    fused.attrs = &attrs;
    fused.attrs_size = sizeof attrs;
    fused.out[0] = trace->steps[add].out[0];
    if (!tn__trace_takes_joined(trace, &fused)) return 0;
    if (!tn__trace_replace(trace, add, &fused)) return tn__trace_no_memory(trace);
    tn__trace_drop(trace, select);
    tn__trace_drop(trace, cast);
    if (mul != add) tn__trace_drop(trace, mul);
    return 1;
}

static int fuse_shifted(tn_trace *trace, int add)
{
    int mul = tn__trace_maker(trace, trace->steps[add].in[0], &tn__op_mul_scalar, add, true);
    return mul < 0 ? 0 : fuse(trace, mul, add);
}

/* Shifted ones first, since the rest of them looks like one that is not. */
static int run(tn_trace *trace)
{
    int fused = 0;
    for (int i = 0; i < 2 * trace->n_steps; i++) {
        bool second = i >= trace->n_steps;
        int at = second ? i - trace->n_steps : i;
        const tn_op *op = trace->steps[at].op;
        int n = !second && op == &tn__op_add_scalar  ? fuse_shifted(trace, at)
                : second && op == &tn__op_mul_scalar ? fuse(trace, at, at)
                                                     : 0;
        if (n < 0) return n;
        fused += n;
    }
    return fused;
}

const tn_pass tn__pass_fuse_gather = {"fuse_gather", "gathering bytes, conversion and scaling in one operator", run};
