/* SPDX-License-Identifier: Apache-2.0
 *
 * fill: the value is converted here, so that the kernel only knows how many bytes an element has. */
#include "nest.h"
#include "plugin.h"

#include <string.h>

/* value as an element of dtype: out of range saturates, NaN gives 0, fractions are cut off. */
static uint64_t bits_of(tn_dtype dtype, double value)
{
    uint64_t bits = 0;
    int64_t whole = value >= 0x1p63 ? INT64_MAX : value < -0x1p63 ? INT64_MIN : value != value ? 0 : (int64_t)value;
    float single = (float)value;
    switch (dtype) {
    case TN_F32: memcpy(&bits, &single, sizeof single); break;
    case TN_F64: memcpy(&bits, &value, sizeof value); break;
    case TN_I64: bits = (uint64_t)whole; break;
    case TN_I32: bits = (uint32_t)(whole > INT32_MAX ? INT32_MAX : whole < INT32_MIN ? INT32_MIN : whole); break;
    case TN_U8: bits = (uint64_t)(whole > 255 ? 255 : whole < 0 ? 0 : whole); break;
    default: bits = value != 0;
    }
    return bits;
}

tn_status gpu_fill_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    (void)self, (void)device, (void)desc, (void)error;
    return TN_OK;
}

tn_status gpu_fill_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                        tn_error *error)
{
    const tn_scalar_attrs *attrs = desc->attrs;
    const tn_tensor_desc *y = desc->in[0];
    gpu_fill_args args = {
        .bits = bits_of(y->dtype, attrs->value), .bytes = tn_dtype_size(y->dtype), .nest = gpu_nest_of_tensors(1, &y)};
    gpu_plan *plan = gpu_plan_new(desc, "gpu:fill", error);
    (void)self;
    if (!plan) return TN_OUT_OF_MEMORY;
    if (args.nest.n) {
        gpu_plan_launch(plan, GPU_fill, gpu_grid_for(device, args.nest.n, 256, 4), &args, sizeof args);
        gpu_plan_bind(plan, offsetof(gpu_fill_args, y), GPU_IN, 0, 0);
    }
    return gpu_plan_finish(plan, out, error);
}
