/* SPDX-License-Identifier: Apache-2.0
 *
 * uniform, normal, dropout: the kernels of random.h. Which number an element gets depends on its row-major index, so one
 * operand of the walk counts. */
#include "plugin.h"
#include "walk.h"

#include <math.h>

const uint32_t gpu_uniform = 0, gpu_normal = 1;

tn_status gpu_random_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                          tn_error *error)
{
    const tn_random_attrs *attrs = desc->attrs;
    const tn_tensor_desc *y = desc->in[0], counter = gpu_counter(y);
    const gpu_walked of[2] = {{y, GPU_IN, 0, 0}, {&counter, GPU_IN, 0, 1}};
    const gpu_walk_kernel how = {.kernel = GPU_random, .rng = offsetof(gpu_random_args, rng)};
    gpu_random_args args = {.rng_stride = desc->in[1]->strides[0],
                            .call = attrs->call,
                            .a = attrs->a,
                            .b = attrs->b,
                            .normal = *(const uint32_t *)self->data,
                            .dtype = y->dtype};
    gpu_plan *plan = gpu_plan_new(desc, args.normal ? "gpu:normal" : "gpu:uniform", error);
    if (!plan) return TN_OUT_OF_MEMORY;
    gpu_route route = gpu_route_of(2, of);
    gpu_route_launch(plan, device, &route, &how, &args, sizeof args);
    return gpu_plan_finish(plan, out, error);
}

tn_status gpu_dropout_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                           tn_error *error)
{
    const tn_dropout_attrs *attrs = desc->attrs;
    const tn_tensor_desc *y = desc->out[0], counter = gpu_counter(y);
    const gpu_walked of[4] = {
        {y, GPU_OUT, 0, 0}, {desc->out[1], GPU_OUT, 1, 0}, {desc->in[0], GPU_IN, 0, 0}, {&counter, GPU_IN, 0, 1}};
    const gpu_walk_kernel how = {.kernel = GPU_dropout, .rng = offsetof(gpu_dropout_args, rng)};
    gpu_dropout_args args = {.rng_stride = desc->in[1]->strides[0],
                             .call = attrs->call,
                             .share = 1 - attrs->p,
                             .threshold = (uint32_t)ceil(attrs->p * 0x1p24),
                             .dtype = y->dtype};
    gpu_plan *plan = gpu_plan_new(desc, "gpu:dropout", error);
    (void)self;
    if (!plan) return TN_OUT_OF_MEMORY;
    gpu_route route = gpu_route_of(4, of);
    gpu_route_launch(plan, device, &route, &how, &args, sizeof args);
    gpu_plan_head(plan)->flags |= TN_PLAN_ALIAS;
    return gpu_plan_finish(plan, out, error);
}
