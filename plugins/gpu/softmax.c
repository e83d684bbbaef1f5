/* SPDX-License-Identifier: Apache-2.0
 *
 * softmax, log_softmax along any dim. */
#include "plugin.h"
#include "teams.h"

enum { EACH = 1, FLOPS_EACH = 4 }; /* of an element: subtract, exponentiate, add, divide */

const int gpu_softmax_log = 1;

tn_status gpu_softmax_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                           tn_error *error)
{
    const int64_t dim = ((const tn_dim_attrs *)desc->attrs)->dim;
    const tn_tensor_desc *x = desc->in[0], *y = desc->out[0];
    gpu_softmax_args args = {.kept = gpu_nest_kept(y, x, INT64_C(1) << dim, 1),
                             .n = x->dims[dim],
                             .y_stride = y->strides[dim],
                             .x_stride = x->strides[dim],
                             .dtype = x->dtype,
                             .logarithm = self->data == &gpu_softmax_log};
    gpu_plan *plan = gpu_plan_new(desc, args.logarithm ? "gpu:log_softmax" : "gpu:softmax", error);
    if (!plan) return TN_OUT_OF_MEMORY;
    gpu_plan_head(plan)->flops = FLOPS_EACH * (uint64_t)tn_desc_numel(x);
    if (args.kept.n && args.n) {
        int columns = gpu_teams_in_columns(args.kept.n, gpu_nest_step(&args.kept, 1), args.n, args.x_stride);
        args.teams = gpu_teams_for(args.kept.n, args.n, EACH, columns, GPU_SOFTMAX_THREADS);
        gpu_plan_launch(plan, GPU_softmax, gpu_teams_grid(device, args.teams, args.kept.n), &args, sizeof args);
        gpu_plan_bind(plan, offsetof(gpu_softmax_args, x), GPU_IN, 0, 0);
        gpu_plan_bind(plan, offsetof(gpu_softmax_args, y), GPU_OUT, 0, 0);
    }
    return gpu_plan_finish(plan, out, error);
}
