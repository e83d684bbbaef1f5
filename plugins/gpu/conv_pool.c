/* SPDX-License-Identifier: Apache-2.0
 *
 * A convolution and max pooling in one, and its gradients. In one kernel where that can be: forward, if a window has four
 * cells, which one thread then holds; for the input, if windows do not overlap and the convolution has no stride; for the
 * weight always. Else the convolution's result, or its gradient, goes through the workspace, channels-last. */
#include "conv.h"
#include "plugin.h"
#include "pool.h"

static void set_pool(gpu_conv *c, const int64_t kernel[2], const int64_t stride[2])
{
    for (int i = 0; i < 2; i++) {
        c->pool_kernel[i] = kernel[i];
        c->pool_stride[i] = stride[i];
    }
}

static gpu_conv forward_of(const tn_op_desc *desc)
{
    const tn_conv2d_max_pool2d_relu_attrs *how = desc->attrs;
    gpu_conv c =
        gpu_conv_of(desc->in[0], desc->in[1], desc->out[0], how->stride, how->padding, how->dilation, how->groups);
    set_pool(&c, how->pool_kernel, how->pool_stride);
    return c;
}

static gpu_conv grad_of(const tn_op_desc *desc, const tn_tensor_desc *x, const tn_tensor_desc *w)
{
    const tn_conv2d_max_pool2d_grad_attrs *how = desc->attrs;
    gpu_conv c = gpu_conv_of(x, w, desc->in[0], how->stride, how->padding, how->dilation, how->groups);
    set_pool(&c, how->pool_kernel, how->pool_stride);
    return c;
}

/* ---- the convolution's result, when it is made */

/* Of the size that the windows reach over, or of that which the convolution has; dense and channels-last. */
static tn_tensor_desc between(const gpu_conv *c, int whole)
{
    tn_tensor_desc z = *c->y;
    for (int i = 0; i < 2; i++) {
        int64_t reach = c->dilation[i] * (c->w->dims[2 + i] - 1) + 1;
        z.dims[2 + i] = whole ? (c->x->dims[2 + i] + 2 * c->padding[i] - reach) / c->stride[i] + 1
                              : (c->y->dims[2 + i] - 1) * c->pool_stride[i] + c->pool_kernel[i];
    }
    z.strides[1] = 1;
    z.strides[3] = z.dims[1];
    z.strides[2] = z.dims[3] * z.strides[3];
    z.strides[0] = z.dims[2] * z.strides[2];
    z.alignment = 256;
    return z;
}

/* The convolution alone, with z in the place of y. */
static gpu_conv without_pool(const gpu_conv *c, const tn_tensor_desc *z)
{
    static const int64_t ones[2] = {1, 1};
    gpu_conv alone = *c;
    alone.y = z;
    set_pool(&alone, ones, ones);
    return alone;
}

static gpu_pool_args pool_of(gpu_pooling what, const gpu_conv *c, const tn_tensor_desc *z, const tn_tensor_desc *index)
{
    static const int64_t none[2] = {0, 0};
    gpu_pool_args args = gpu_pool_of(what, z, c->y, index);
    gpu_pool_set(&args, c->pool_kernel, c->pool_stride, none, NULL);
    return args;
}

/* Can the index be read, or written, at the offsets of y? */
static int same_places(const tn_tensor_desc *y, const tn_tensor_desc *index)
{
    if (index->dtype != TN_U8) return 0;
    for (uint32_t d = 0; d < y->rank; d++)
        if (y->dims[d] != 1 && y->strides[d] != index->strides[d]) return 0;
    return 1;
}

static tn_status check_sizes(const tn_op_desc *desc, const gpu_conv *c, tn_error *error)
{
    static const int64_t none[2] = {0, 0};
    const tn_tensor_desc z = between(c, 1);
    GPU_TRY(gpu_conv_check_sizes(desc->name, c, error));
    return gpu_pool_check_sizes(desc->name, &z, c->y, c->pool_kernel, c->pool_stride, none, NULL, error);
}

/* ---- forward */

tn_status gpu_conv_pool_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    gpu_conv c = forward_of(desc);
    (void)self, (void)device;
    return check_sizes(desc, &c, error);
}

static void plan_forward(gpu_plan *plan, const tn_device *device, const gpu_conv *c, const tn_op_desc *desc)
{
    const int fused = c->pool_kernel[0] * c->pool_kernel[1] == 4 && same_places(c->y, desc->out[1]);
    tn_tensor_desc z = between(c, 0);
    gpu_conv alone = without_pool(c, &z);
    gpu_product_plan p = gpu_conv_forward(fused ? c : &alone);
    p.a = gpu_slot_in(0);
    p.b = gpu_slot_in(1);
    gpu_conv_set_bias(&p, desc->in[2], 2);
    if (fused) {
        p.y = gpu_slot_out(0);
        p.y_index = gpu_slot_out(1);
        gpu_plan_product(plan, device, &p);
        return;
    }
    p.y = gpu_slot_workspace(gpu_plan_workspace(plan, gpu_bytes_of(&z)));
    gpu_plan_product(plan, device, &p);
    gpu_pool_args pool = pool_of(GPU_POOL_MAX, c, &z, desc->out[1]);
    pool.relu = 1;
    gpu_plan_pool(plan, device, z.dtype, &pool, p.y, gpu_slot_out(0), gpu_slot_out(1));
}

tn_status gpu_conv_pool_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                             tn_error *error)
{
    gpu_conv c = forward_of(desc);
    gpu_plan *plan = gpu_plan_new(desc, "gpu:implicit_gemm", error);
    (void)self;
    if (!plan) return TN_OUT_OF_MEMORY;
    gpu_plan_head(plan)->flops = gpu_conv_flops(&c);
    if (tn_desc_numel(c.y) > 0) plan_forward(plan, device, &c, desc);
    return gpu_plan_finish(plan, out, error);
}

/* ---- gradients; self->data is not NULL for the weight's */

/* dz into the workspace. */
static gpu_slot scatter(gpu_plan *plan, const tn_device *device, const gpu_conv *c, const tn_tensor_desc *z,
                        const tn_op_desc *desc)
{
    gpu_slot dz = gpu_slot_workspace(gpu_plan_workspace(plan, gpu_bytes_of(z)));
    gpu_pool_args pool = pool_of(GPU_POOL_MAX_GRAD, c, z, desc->in[1]);
    gpu_plan_pool(plan, device, z->dtype, &pool, dz, gpu_slot_in(0), gpu_slot_in(1));
    return dz;
}

static int windows_apart(const gpu_conv *c)
{
    return c->pool_stride[0] >= c->pool_kernel[0] && c->pool_stride[1] >= c->pool_kernel[1];
}

static int fuses(const gpu_conv *c, const tn_op_desc *desc, int weight)
{
    if (!same_places(c->y, desc->in[1])) return 0;
    return weight || (windows_apart(c) && c->stride[0] == 1 && c->stride[1] == 1);
}

static gpu_conv grad_desc(const tn_kernel *self, const tn_op_desc *desc)
{
    return self->data ? grad_of(desc, desc->in[2], desc->out[0]) : grad_of(desc, desc->out[0], desc->in[2]);
}

tn_status gpu_conv_pool_grad_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    gpu_conv c = grad_desc(self, desc);
    (void)device;
    return check_sizes(desc, &c, error);
}

tn_status gpu_conv_pool_grad_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                                  tn_error *error)
{
    const int weight = self->data != NULL;
    gpu_conv c = grad_desc(self, desc);
    const int fused = fuses(&c, desc, weight);
    tn_tensor_desc z = between(&c, 1);
    gpu_conv alone = without_pool(&c, &z);
    gpu_product_plan p = weight ? gpu_conv_grad_weight(fused ? &c : &alone) : gpu_conv_grad_input(fused ? &c : &alone);
    gpu_plan *plan = gpu_plan_new(desc, "gpu:implicit_gemm", error);
    if (!plan) return TN_OUT_OF_MEMORY;
    gpu_plan_head(plan)->flops = 2 * (uint64_t)(tn_desc_numel(c.y) * c.w->dims[1] * c.w->dims[2] * c.w->dims[3]);
    p.a = fused ? gpu_slot_in(0) : scatter(plan, device, &c, &z, desc);
    if (fused) p.a_index = gpu_slot_in(1);
    p.a_index_alignment = desc->in[1]->alignment;
    p.b = gpu_slot_in(2);
    p.y = gpu_slot_out(0);
    if (weight) gpu_conv_set_sums(&p, desc->out[1], 1);
    gpu_plan_product(plan, device, &p);
    return gpu_plan_finish(plan, out, error);
}
