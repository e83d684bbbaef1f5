/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolution and relu, fused where a backend can. */
#include "ops/conv2d.h"

static uint64_t flops(const tn_run *run)
{
    return tn__op_conv2d.flops(run);
}

static void decompose(tn_context *tn TN_UNUSED, const void *attrs, tn_tensor *const *in, int n_in TN_UNUSED,
                      tn_tensor **out)
{
    out[0] = tn_relu(tn_conv2d(in[0], in[1], in[2], attrs));
}

static void grad(tn_grad *g)
{
    tn__conv2d_send_grads(g, TN_APPLY(g->ctx, relu_grad, NULL, g->dy, g->out[0]));
}

const tn_op tn__op_conv2d_relu = {
    .name = "conv2d_relu",
    .flags = TN_OP_IMAGE,
    .infer = tn__conv2d_infer,
    .flops = flops,
    .grad = grad,
    .decompose = decompose,
    .samples = TN_SAMPLES(TN_CONV2D_SAMPLES),
};

tn_tensor *tn_conv2d_relu(tn_tensor *x, tn_tensor *w, tn_tensor *b, const tn_conv2d_attrs *attrs)
{
    tn_conv2d_attrs how = tn__conv2d_defaults(attrs);
    return TN_APPLY(x->ctx, conv2d_relu, &how, x, w, b);
}
