/* SPDX-License-Identifier: Apache-2.0
 *
 * linear_grad_weight: dw = dy^T x, as a product with one column more, of ones beside x, which adds up dy. dy: N O,
 * x: N I. */
#include "plugin.h"
#include "product.h"

tn_status gpu_linear_grad_weight_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc,
                                       tn_error *error)
{
    const int64_t n = desc->in[0]->dims[0], o = desc->in[0]->dims[1], i = desc->in[1]->dims[1];
    (void)self, (void)device;
    if (gpu_fits_index(n) && gpu_fits_index(o) && gpu_fits_index(i + 1)) return TN_OK;
    return tn_fail(error, TN_UNSUPPORTED, 0, "%s: a dim of the product is larger than %d: %lld x %lld x %lld",
                   desc->name, GPU_MOST_INDICES, (long long)o, (long long)n, (long long)i + 1);
}

static gpu_product_plan describe(const tn_op_desc *desc)
{
    const tn_tensor_desc *dy = desc->in[0], *x = desc->in[1], *dw = desc->out[0];
    const int64_t n = dy->dims[0], o = dy->dims[1], i = x->dims[1];
    gpu_product_plan p = gpu_product_of(GPU_MATMUL_SUMS, dy, x, dw);
    gpu_product_args *args = &p.args;
    p.a = gpu_slot_in(0);
    p.b = gpu_slot_in(1);
    p.y = gpu_slot_out(0);
    p.sums = gpu_slot_out(1);
    gpu_axis_add(&args->a.major, o, dy->strides[1], 0, 0);
    gpu_axis_add(&args->a.inner, n, dy->strides[0], 0, 0);
    gpu_axis_add(&args->b.major, i, x->strides[1], 0, 0);
    gpu_axis_add(&args->b.inner, n, x->strides[0], 0, 0);
    gpu_axis_add(&args->out.row, o, dw->strides[0], 0, 0);
    gpu_axis_add(&args->out.col, i, dw->strides[1], 0, 0);
    args->b.ones = (uint32_t)i;
    args->out.sum_stride = desc->out[1]->strides[0];
    args->out.m = (uint32_t)o;
    args->out.n = (uint32_t)i + 1;
    args->out.batch = 1;
    args->out.walk = (gpu_nest){.n = 1, .operands = 4};
    args->k = (uint32_t)n;
    return p;
}

tn_status gpu_linear_grad_weight_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                                      tn_error *error)
{
    gpu_product_plan p = describe(desc);
    gpu_plan *plan = gpu_plan_new(desc, "gpu:tiles", error);
    (void)self;
    if (!plan) return TN_OUT_OF_MEMORY;
    gpu_plan_head(plan)->flops = (uint64_t)tn_desc_numel(desc->in[0]) * (2 * (uint64_t)desc->in[1]->dims[1] + 1);
    gpu_plan_product(plan, device, &p);
    return gpu_plan_finish(plan, out, error);
}
