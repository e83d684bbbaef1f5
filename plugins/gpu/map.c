/* SPDX-License-Identifier: Apache-2.0
 *
 * Elementwise operators of one or two inputs, or of one and a number: the kernels of map.h. */
#include "map.h"

#include "number.h"
#include "plugin.h"
#include "walk.h"

enum { X, X_Y, X_NUMBER, NUMBER_X, X_RANGE };

#define BIT(dtype) (1u << (dtype))
enum {
    REALS = BIT(TN_F32) | BIT(TN_F64),
    SIGNED = REALS | BIT(TN_I64) | BIT(TN_I32),
    NUMBERS = SIGNED | BIT(TN_U8),
    BOOLS = BIT(TN_BOOL),
    ALL = NUMBERS | BOOLS
};

const gpu_map_row gpu_map_rows[GPU_MAPS] = {
#define GPU_MAP(name, computes, of, dtypes) [GPU_MAP_##name] = {GPU_DO_##computes, of, dtypes},
#include "map_rows.h"
#undef GPU_MAP
};

/* bool is the u8 that it is. */
static const gpu_kernel cheap[] = {
    [TN_F32] = GPU_map_f32, [TN_F64] = GPU_map_f64, [TN_I64] = GPU_map_i64,
    [TN_I32] = GPU_map_i32, [TN_U8] = GPU_map_u8,   [TN_BOOL] = GPU_map_u8,
};

tn_status gpu_map_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    const gpu_map_row *row = self->data;
    tn_dtype dtype = desc->in[0]->dtype;
    (void)device;
    if (dtype <= TN_BOOL && row->dtypes & BIT(dtype)) return TN_OK;
    return tn_fail(error, TN_UNSUPPORTED, 0, "%s does not take dtype %u", desc->name, dtype);
}

static void number_into(gpu_map_args *args, const gpu_map_row *row, const tn_op_desc *desc)
{
    tn_dtype dtype = desc->in[0]->dtype;
    args->fixed = row->of == X_Y ? 0 : row->of == NUMBER_X ? 1 << 1 : 1 << 2;
    if (row->of == X_NUMBER || row->of == NUMBER_X)
        args->number = gpu_bits_of(dtype, ((const tn_scalar_attrs *)desc->attrs)->value);
    if (row->of == X_RANGE) {
        const tn_clamp_attrs *attrs = desc->attrs;
        args->number = gpu_bits_of(dtype, attrs->min);
        args->high = gpu_bits_of(dtype, attrs->max);
    }
}

tn_status gpu_map_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out, tn_error *error)
{
    const gpu_map_row *row = self->data;
    tn_dtype dtype = desc->in[0]->dtype;
    GPU_TRY(gpu_map_check(self, device, desc, error));
    gpu_walked of[3] = {{desc->out[0], GPU_OUT, 0, 0}, {desc->in[0], GPU_IN, 0, 0}, {NULL, GPU_IN, 0, 0}};
    gpu_map_args args = {.op = row->op};
    gpu_plan *plan = gpu_plan_new(desc, row->op < GPU_DO_EXP ? "gpu:map" : "gpu:math", error);
    if (!plan) return TN_OUT_OF_MEMORY;
    number_into(&args, row, desc);
    if (row->of == X_Y) of[2] = (gpu_walked){desc->in[1], GPU_IN, 1, 0};
    if (row->of == NUMBER_X) of[2] = of[1], of[1].desc = NULL;
    gpu_route route = gpu_route_of(3, of);
    gpu_walk_kernel how = {.kernel = cheap[dtype]};
    if (row->op >= GPU_DO_EXP)
        how = dtype == TN_F32 ? (gpu_walk_kernel){.kernel = GPU_math_f32}
                              : (gpu_walk_kernel){.kernel = GPU_math_f64, .each = 1};
    gpu_route_launch(plan, device, &route, &how, &args, sizeof args);
    gpu_plan_head(plan)->flags |= TN_PLAN_ALIAS;
    return gpu_plan_finish(plan, out, error);
}
