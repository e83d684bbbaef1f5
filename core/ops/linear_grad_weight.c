/* SPDX-License-Identifier: Apache-2.0
 *
 * linear_grad_weight: the gradients of a linear layer for its weight and its bias, both from the same dy, in one. dy: N O,
 * x: N I; a layer's other dims count as rows, too. */
#include "ops/op.h"

static void decompose(tn_context *tn, const void *attrs, tn_tensor *const *in, int n_in, tn_tensor **out)
{
    (void)tn, (void)attrs, (void)n_in;
    out[0] = tn_matmul(tn_transpose(in[0], 0, 1), in[1]);
    out[1] = tn_sum(in[0], TN_OVER(0), false);
}

static uint64_t flops(const tn_run *run)
{
    const int64_t *x = run->in_desc[1]->dims;
    return (uint64_t)tn_desc_numel(run->in_desc[0]) * (2 * (uint64_t)x[1] + 1);
}

const tn_op tn__op_linear_grad_weight = {
    .name = "linear_grad_weight",
    .flops = flops,
    .decompose = decompose,
    .samples = TN_SAMPLES("dy[4,5] x[4,3]", "dy[1,1] x[1,1]", "dy[7,4] x[7,8]", "dy[9,35] x[9,40]", "dy[3,5]' x[3,4]",
                          "dy[3,5] x[3,4]'", "dy[0,3] x[0,2]", "dy[2,0] x[2,3]", "dy[2,3] x[2,0]",
                          "dy:f32[64,33] x:f32[64,300]", "dy:f32[300,10] x:f32[300,77]",
                          "dy:f32[130,70]' x:f32[130,65]'", "dy:f32[70,128] x:f32[70,132]"),
    .shapes = TN_SAMPLES("dy[N,10] x[N,128]"),
};
