/* SPDX-License-Identifier: Apache-2.0
 *
 * Max and average pooling and their gradients. */
#include "pool.h"
#include "plugin.h"

static int writes_x(int32_t what)
{
    return what == GPU_POOL_MAX_GRAD || what == GPU_POOL_AVG_GRAD;
}

gpu_pool_args gpu_pool_of(gpu_pooling what, const tn_tensor_desc *x, const tn_tensor_desc *y,
                          const tn_tensor_desc *index)
{
    const tn_tensor_desc *result = writes_x((int32_t)what) ? x : y;
    const int64_t channels = result->dims[1], rows = result->dims[2], cols = result->dims[3];
    gpu_pool_args args = {.what = (int32_t)what,
                          .wide = index && index->dtype == TN_I32,
                          .images = result->dims[0],
                          .channels_last = result->strides[1] == 1 && channels > 1};
    for (int i = 0; i < 2; i++) {
        args.image[i] = (int32_t)x->dims[2 + i];
        args.out[i] = (int32_t)y->dims[2 + i];
    }
    for (int d = 0; d < 4; d++) {
        args.x_strides[d] = x->strides[d];
        args.y_strides[d] = y->strides[d];
        args.index_strides[d] = index ? index->strides[d] : 0;
    }
    if (gpu_fits_index(channels * rows * cols)) args.elements = (uint32_t)(channels * rows * cols);
    if (args.elements == 0) return args;
    args.inner = gpu_divisor_of((uint32_t)(args.channels_last ? channels : cols));
    args.middle = gpu_divisor_of((uint32_t)(args.channels_last ? cols : rows));
    return args;
}

void gpu_pool_set(gpu_pool_args *args, const int64_t kernel[2], const int64_t stride[2], const int64_t padding[2],
                  const int64_t dilation[2])
{
    for (int i = 0; i < 2; i++) {
        args->kernel[i] = (int32_t)kernel[i];
        args->stride[i] = (int32_t)stride[i];
        args->padding[i] = (int32_t)padding[i];
        args->dilation[i] = dilation ? (int32_t)dilation[i] : 1;
    }
}

void gpu_plan_pool(gpu_plan *plan, const tn_device *device, tn_dtype dtype, const gpu_pool_args *args, gpu_slot x,
                   gpu_slot y, gpu_slot index)
{
    enum { MOST_ROWS = 65535 };
    if (args->elements == 0 || args->images == 0) return;
    gpu_grid grid = gpu_grid_for(device, args->elements, GPU_POOL_THREADS, 1);
    grid.y = args->images < MOST_ROWS ? (uint32_t)args->images : MOST_ROWS;
    gpu_plan_launch(plan, dtype == TN_F64 ? GPU_pool_f64 : GPU_pool_f32, grid, args, sizeof *args);
    gpu_plan_bind(plan, offsetof(gpu_pool_args, x), x.kind, x.index, x.bytes);
    gpu_plan_bind(plan, offsetof(gpu_pool_args, y), y.kind, y.index, y.bytes);
    if (index.used) gpu_plan_bind(plan, offsetof(gpu_pool_args, index), index.kind, index.index, index.bytes);
}

tn_status gpu_pool_check_sizes(const char *name, const tn_tensor_desc *x, const tn_tensor_desc *y,
                               const int64_t kernel[2], const int64_t stride[2], const int64_t padding[2],
                               const int64_t dilation[2], tn_error *error)
{
    int64_t most = x->dims[1] * x->dims[2] * x->dims[3], of_y = y->dims[1] * y->dims[2] * y->dims[3];
    if (of_y > most) most = of_y;
    for (int i = 0; i < 2; i++) {
        int64_t reach = x->dims[2 + i] + 2 * padding[i] + (dilation ? dilation[i] : 1) * kernel[i] + stride[i];
        if (reach > most) most = reach;
    }
    if (gpu_fits_index(most)) return TN_OK;
    return tn_fail(error, TN_UNSUPPORTED, 0, "%s: an image, or the reach of a window, comes to %lld, more than %d",
                   name, (long long)most, GPU_MOST_INDICES);
}

/* ---- the operators: self->data is a gpu_pool_kind */

/* What an operator does, and where its operands are. */
typedef struct gpu_pool_kind {
    gpu_pooling what;
    gpu_slot x, y, index;
} gpu_pool_kind;

/* clang-format off */
#define IN(index)  {1, GPU_IN, index, 0}
#define OUT(index) {1, GPU_OUT, index, 0}
#define NONE       {0, GPU_IN, 0, 0}
/*                                             what                 x       y       index */
const gpu_pool_kind gpu_max_pool2d        = {GPU_POOL_MAX,        IN(0),  OUT(0), OUT(1)};
const gpu_pool_kind gpu_max_pool2d_grad   = {GPU_POOL_MAX_GRAD,   OUT(0), IN(0),  IN(1)};
const gpu_pool_kind gpu_max_pool2d_gather = {GPU_POOL_MAX_GATHER, IN(0),  OUT(0), IN(1)};
const gpu_pool_kind gpu_avg_pool2d        = {GPU_POOL_AVG,        IN(0),  OUT(0), NONE};
const gpu_pool_kind gpu_avg_pool2d_grad   = {GPU_POOL_AVG_GRAD,   OUT(0), IN(0),  NONE};
#undef IN
#undef OUT
#undef NONE
/* clang-format on */

static const tn_tensor_desc *operand(const tn_op_desc *desc, const gpu_slot *slot)
{
    return !slot->used ? NULL : slot->kind == GPU_IN ? desc->in[slot->index] : desc->out[slot->index];
}

/* The windows that the attributes describe; of averages, dilation is NULL. */
typedef struct windows {
    const int64_t *kernel, *stride, *padding, *dilation;
    int64_t include_pad;
} windows;

static windows windows_of(const gpu_pool_kind *kind, const void *attrs)
{
    const tn_max_pool2d_attrs *max = attrs;
    const tn_max_pool2d_grad_attrs *max_grad = attrs;
    const tn_avg_pool2d_attrs *avg = attrs;
    const tn_avg_pool2d_grad_attrs *avg_grad = attrs;
    switch (kind->what) {
    case GPU_POOL_MAX: return (windows){max->kernel, max->stride, max->padding, max->dilation, 0};
    case GPU_POOL_AVG: return (windows){avg->kernel, avg->stride, avg->padding, NULL, avg->count_include_pad};
    case GPU_POOL_AVG_GRAD:
        return (windows){avg_grad->kernel, avg_grad->stride, avg_grad->padding, NULL, avg_grad->count_include_pad};
    default: return (windows){max_grad->kernel, max_grad->stride, max_grad->padding, max_grad->dilation, 0};
    }
}

tn_status gpu_pool2d_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    const gpu_pool_kind *kind = self->data;
    const tn_tensor_desc *x = operand(desc, &kind->x), *y = operand(desc, &kind->y);
    const windows w = windows_of(kind, desc->attrs);
    (void)device;
    return gpu_pool_check_sizes(desc->name, x, y, w.kernel, w.stride, w.padding, w.dilation, error);
}

tn_status gpu_pool2d_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                          tn_error *error)
{
    const gpu_pool_kind *kind = self->data;
    const tn_tensor_desc *x = operand(desc, &kind->x), *y = operand(desc, &kind->y);
    const windows w = windows_of(kind, desc->attrs);
    gpu_pool_args args = gpu_pool_of(kind->what, x, y, operand(desc, &kind->index));
    gpu_plan *plan = gpu_plan_new(desc, "gpu:pool", error);
    if (!plan) return TN_OUT_OF_MEMORY;
    gpu_pool_set(&args, w.kernel, w.stride, w.padding, w.dilation);
    args.include_pad = w.include_pad != 0;
    if (kind->what != GPU_POOL_MAX_GATHER)
        gpu_plan_head(plan)->flops = (uint64_t)(tn_desc_numel(y) * w.kernel[0] * w.kernel[1]);
    gpu_plan_pool(plan, device, x->dtype, &args, kind->x, kind->y, kind->index);
    return gpu_plan_finish(plan, out, error);
}
