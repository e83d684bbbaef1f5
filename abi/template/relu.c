/* SPDX-License-Identifier: Apache-2.0
 *
 * relu: y = max(x, 0), for f32 without gaps. The pattern of every operator: check says why not, the plan keeps what
 * execute needs, execute allocates nothing. */
#include "plugin.h"

typedef struct relu {
    tn_plan head; /* first, so that a pointer to one is a pointer to the other */
    int64_t n;
} relu;

typedef struct arrays {
    const float *x;
    float *y;
} arrays;

static void piece(void *arg, int64_t begin, int64_t end)
{
    const arrays *a = arg;
    for (int64_t i = begin; i < end; i++) a->y[i] = a->x[i] <= 0 ? 0 : a->x[i]; /* NaN stays NaN */
}

static tn_status execute(const tn_plan *plan, tn_stream *stream, const tn_bindings *bindings, tn_error *error)
{
    arrays a = {.x = bindings->in[0], .y = bindings->out[0]};
    (void)stream, (void)error;
    host->parallel_for(((const relu *)plan)->n, 1 << 15, piece, &a);
    return TN_OK;
}

static void destroy(tn_plan *plan)
{
    host->free(plan);
}

/* Its sentence is what people read who ask why an operator did not run here. */
tn_status relu_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    (void)self, (void)device;
    const tn_tensor_desc *x = desc->in[0], *y = desc->out[0];
    if (x->dtype != TN_F32) return tn_fail(error, TN_UNSUPPORTED, 0, "relu: " TN_PLUGIN_NAME " takes f32 only");
    if (!tn_desc_contiguous(x) || !tn_desc_contiguous(y))
        return tn_fail(error, TN_UNSUPPORTED, 0, "relu: " TN_PLUGIN_NAME " takes row-major tensors without gaps only");
    return TN_OK;
}

tn_status relu_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan, tn_error *error)
{
    tn_status status = relu_check(self, device, desc, error);
    if (status != TN_OK) return status;
    relu *made = host->alloc(sizeof *made, ALIGNMENT);
    if (!made) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "relu: no host memory for a plan");
    const uint64_t n = (uint64_t)tn_desc_numel(desc->in[0]);
    *made = (relu){.n = (int64_t)n,
                   .head = {.struct_size = sizeof made->head,
                            .execute = execute,
                            .destroy = destroy,
                            .implementation = "plain C",
                            .flops = n,
                            .bytes_moved = 2 * n * sizeof(float),
                            .flags = TN_PLAN_DETERMINISTIC | TN_PLAN_ALIAS | TN_PLAN_CONCURRENT}};
    *plan = &made->head;
    return TN_OK;
}
