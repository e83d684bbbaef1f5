/* SPDX-License-Identifier: Apache-2.0
 *
 * relu_grad: the gradient of relu from its result: dy where y is positive, else 0. */
#include "ops/elementwise.h"

TN_LOOP_2(TN_MULTIVERSION, relu_grad_f32, float, float, y > 0 ? x : 0)
TN_LOOP_2(TN_MULTIVERSION, relu_grad_f64, double, double, y > 0 ? x : 0)

static const tn_loops loops = {{[TN_F32] = relu_grad_f32, [TN_F64] = relu_grad_f64}, TN_GRAIN_CHEAP};

static tn_status run(const tn_run *run, tn_error *error TN_UNUSED)
{
    return tn__elementwise_run(run, &loops);
}

/* y has none: where it is positive does not change with it. */
static void grad(tn_grad *g)
{
    if (tn_wants_grad(g, 0)) tn_send_grad(g, 0, TN_APPLY(g->ctx, relu_grad, NULL, g->dy, g->in[1]));
}

const tn_op tn__op_relu_grad = {
    .name = "relu_grad",
    .flags = TN_OP_ELEMENTWISE | TN_OP_STRIDED,
    .infer = tn__elementwise_infer,
    .run = run,
    .grad = grad,
    .samples = TN_SAMPLES("dy[2,3] y[2,3]", "dy[] y[]", "dy[0,3] y[0,3]", "dy[7,1,13] y[7,1,13]", "dy:f32[257] y[257]"),
    .shapes = TN_SAMPLES("dy[N,128] y[N,128]", "dy[N,32,13,13] y[N,32,13,13]", "dy[N,64,5,5] y[N,64,5,5]"),
    .data = &loops,
};
