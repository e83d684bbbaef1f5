/* SPDX-License-Identifier: Apache-2.0
 *
 * relu_grad_sum: the gradient of relu from its result, as relu_grad gives it, and that of a bias that was added before,
 * in one pass. */
#include "ops/op.h"

static void decompose(tn_context *tn, const void *attrs, tn_tensor *const *in, int n_in, tn_tensor **out)
{
    const tn_reduce_attrs rows = {sizeof rows, (1 << (tn_rank(in[0]) - 1)) - 1, 0};
    (void)attrs, (void)n_in;
    out[0] = TN_APPLY(tn, relu_grad, NULL, in[0], in[1]);
    out[1] = TN_APPLY(tn, sum, &rows, out[0]);
}

/* A comparison and an addition for each element. */
static uint64_t flops(const tn_run *run)
{
    return 2 * (uint64_t)tn_desc_numel(run->in_desc[0]);
}

const tn_op tn__op_relu_grad_sum = {
    .name = "relu_grad_sum",
    .flops = flops,
    .decompose = decompose,
    .samples = TN_SAMPLES("dy[4,3] y[4,3]", "dy[3] y[3]", "dy[1,1] y[1,1]", "dy[2,5,3] y[2,5,3]", "dy[0,3] y[0,3]",
                          "dy[3,0] y[3,0]", "dy[17,1] y[17,1]", "dy[5,7]' y[5,7]'", "dy[5,7]' y[5,7]",
                          "dy[2,3,2,33] y[2,3,2,33]", "dy:f32[64,128] y:f32[64,128]", "dy:f32[1030,6] y:f32[1030,6]"),
    .shapes = TN_SAMPLES("dy[N,128] y[N,128]"),
};
