/* SPDX-License-Identifier: Apache-2.0
 *
 * nll_loss: the mean over the batch of minus the log-probability of the target. x: N C */
#include "ops/index.h"

static tn_status run(const tn_run *run, tn_error *error)
{
    const tn_tensor_desc *x = run->in_desc[0];
    int64_t n = x->dims[0], classes = x->dims[1];
    const int64_t *target = run->in[1];
    tn_status status = tn__check_index("target", target, n, classes, "classes", error);
    if (status != TN_OK) return status;

    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t at = i * classes + target[i];
        sum -= x->dtype == TN_F32 ? ((const float *)run->in[0])[at] : ((const double *)run->in[0])[at];
    }
    if (x->dtype == TN_F32)
        *(float *)run->out[0] = (float)(sum / (double)n);
    else
        *(double *)run->out[0] = sum / (double)n;
    return TN_OK;
}

static void grad(tn_grad *g)
{
    tn_tensor *x = g->in[0];
    tn_tensor *hit = tn_cast(tn_one_hot(g->in[1], tn_dim(x, 1)), tn_dtype_of(x));
    tn_send_grad(g, 0, tn_mul(hit, tn_mul_scalar(g->dy, -1 / (double)tn_dim(x, 0))));
}

static uint64_t flops(const tn_run *run)
{
    return (uint64_t)run->in_desc[0]->dims[0];
}

const tn_op tn__op_nll_loss = {
    .name = "nll_loss",
    .run = run,
    .flops = flops,
    .grad = grad,
    .samples = TN_SAMPLES("x[4,10] target[4]{0,10}", "x[1,5] target[1]", "x[3,1] target[3]{0,1}",
                          "x[5,1000] target[5]{0,1000}", "x[0,10] target[0]", "x[1030,2] target[1030]{0,2}"),
};

tn_tensor *tn_nll_loss(tn_tensor *log_probabilities, tn_tensor *target)
{
    return TN_APPLY(tn_context_of(log_probabilities), nll_loss, NULL, log_probabilities, target);
}
