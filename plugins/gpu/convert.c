/* SPDX-License-Identifier: Apache-2.0
 *
 * cast and arange: the kernels of convert.h. */
#include "plugin.h"
#include "walk.h"

tn_status gpu_cast_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                        tn_error *error)
{
    const gpu_walked of[2] = {{desc->out[0], GPU_OUT, 0, 0}, {desc->in[0], GPU_IN, 0, 0}};
    const gpu_walk_kernel how = {.kernel = GPU_cast};
    gpu_cast_args args = {.from = desc->in[0]->dtype, .to = desc->out[0]->dtype};
    gpu_plan *plan = gpu_plan_new(desc, "gpu:cast", error);
    (void)self;
    if (!plan) return TN_OUT_OF_MEMORY;
    gpu_route route = gpu_route_of(2, of);
    gpu_route_launch(plan, device, &route, &how, &args, sizeof args);
    gpu_plan_head(plan)->flags |= TN_PLAN_ALIAS;
    return gpu_plan_finish(plan, out, error);
}

tn_status gpu_arange_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                          tn_error *error)
{
    const tn_arange_attrs *attrs = desc->attrs;
    const tn_tensor_desc *y = desc->in[0], counter = gpu_counter(y);
    const gpu_walked of[2] = {{y, GPU_IN, 0, 0}, {&counter, GPU_IN, 0, 1}};
    const gpu_walk_kernel how = {.kernel = GPU_arange};
    gpu_arange_args args = {.start = attrs->start, .step = attrs->step, .dtype = y->dtype};
    gpu_plan *plan = gpu_plan_new(desc, "gpu:arange", error);
    (void)self;
    if (!plan) return TN_OUT_OF_MEMORY;
    gpu_route route = gpu_route_of(2, of);
    gpu_route_launch(plan, device, &route, &how, &args, sizeof args);
    return gpu_plan_finish(plan, out, error);
}
