/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d, conv2d_relu and the gradients of conv2d. */
#include "conv.h"
#include "plugin.h"

/* Of the forward operators. */
static gpu_conv describe(const tn_op_desc *desc)
{
    const tn_conv2d_attrs *how = desc->attrs;
    return gpu_conv_of(desc->in[0], desc->in[1], desc->out[0], how->stride, how->padding, how->dilation, how->groups);
}

static gpu_conv describe_grad(const tn_op_desc *desc, const tn_tensor_desc *x, const tn_tensor_desc *w)
{
    const tn_conv2d_grad_attrs *how = desc->attrs;
    return gpu_conv_of(x, w, desc->in[0], how->stride, how->padding, how->dilation, how->groups);
}

/* Makes the plan of one product. */
static tn_status finish(tn_device *device, const tn_op_desc *desc, gpu_product_plan *p, uint64_t flops, tn_plan **out,
                        tn_error *error)
{
    gpu_plan *plan = gpu_plan_new(desc, "gpu:implicit_gemm", error);
    if (!plan) return TN_OUT_OF_MEMORY;
    gpu_plan_head(plan)->flops = flops;
    gpu_plan_product(plan, device, p);
    return gpu_plan_finish(plan, out, error);
}

/* ---- conv2d, conv2d_relu; self->data is not NULL for relu */

tn_status gpu_conv2d_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    gpu_conv c = describe(desc);
    (void)self, (void)device;
    return gpu_conv_check_sizes(desc->name, &c, error);
}

tn_status gpu_conv2d_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                          tn_error *error)
{
    gpu_conv c = describe(desc);
    gpu_product_plan p = gpu_conv_forward(&c);
    const tn_tensor_desc *bias = desc->in[2];
    p.a = gpu_slot_in(0);
    p.b = gpu_slot_in(1);
    p.y = gpu_slot_out(0);
    gpu_conv_set_bias(&p, bias, 2);
    p.args.out.relu = self->data != NULL;
    return finish(device, desc, &p, gpu_conv_flops(&c) + (bias ? (uint64_t)tn_desc_numel(c.y) : 0), out, error);
}

/* ---- conv2d_grad_input */

tn_status gpu_conv2d_grad_input_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    gpu_conv c = describe_grad(desc, desc->out[0], desc->in[1]);
    (void)self, (void)device;
    return gpu_conv_check_sizes(desc->name, &c, error);
}

tn_status gpu_conv2d_grad_input_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                                     tn_error *error)
{
    gpu_conv c = describe_grad(desc, desc->out[0], desc->in[1]);
    gpu_product_plan p = gpu_conv_grad_input(&c);
    (void)self;
    p.a = gpu_slot_in(0);
    p.b = gpu_slot_in(1);
    p.y = gpu_slot_out(0);
    return finish(device, desc, &p, gpu_conv_flops(&c), out, error);
}

/* ---- conv2d_grad_weight */

tn_status gpu_conv2d_grad_weight_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc,
                                       tn_error *error)
{
    gpu_conv c = describe_grad(desc, desc->in[1], desc->out[0]);
    (void)self, (void)device;
    return gpu_conv_check_sizes(desc->name, &c, error);
}

tn_status gpu_conv2d_grad_weight_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                                      tn_error *error)
{
    gpu_conv c = describe_grad(desc, desc->in[1], desc->out[0]);
    gpu_product_plan p = gpu_conv_grad_weight(&c);
    (void)self;
    p.a = gpu_slot_in(0);
    p.b = gpu_slot_in(1);
    p.y = gpu_slot_out(0);
    gpu_conv_set_sums(&p, desc->out[1], 1);
    return finish(device, desc, &p, gpu_conv_flops(&c), out, error);
}
