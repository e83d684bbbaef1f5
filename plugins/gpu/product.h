/* SPDX-License-Identifier: Apache-2.0
 *
 * Products, host side: matmul, linear and the convolutions say how their operands are read; here tiles are chosen and
 * launches made. */
#ifndef GPU_PRODUCT_H
#define GPU_PRODUCT_H

#include "nest.h"

typedef enum gpu_family { GPU_MATMUL, GPU_MATMUL_SUMS, GPU_CONV, GPU_CONV_BACK, GPU_CONV_WEIGHT } gpu_family;

/* An operand's place among the plan's, for gpu_plan_bind. */
typedef struct gpu_slot {
    int used;
    gpu_operand kind;
    uint64_t index, bytes;
} gpu_slot;

TN_UNUSED static inline gpu_slot gpu_slot_in(uint64_t index)
{
    return (gpu_slot){1, GPU_IN, index, 0};
}

TN_UNUSED static inline gpu_slot gpu_slot_out(uint64_t index)
{
    return (gpu_slot){1, GPU_OUT, index, 0};
}

TN_UNUSED static inline gpu_slot gpu_slot_workspace(uint64_t bytes)
{
    return (gpu_slot){1, GPU_WORKSPACE, 0, bytes};
}

/* A product to be made. sides' alignment: of a, b and y, in bytes. */
typedef struct gpu_product_plan {
    gpu_family family;
    tn_dtype dtype;
    gpu_product_args args;
    gpu_slot a, a_index, b, y, y_index, sums, bias;
    uint64_t a_alignment, a_index_alignment, b_alignment, y_alignment;
} gpu_product_plan;

/* A product of a and b into y with nothing described yet: no slots, no axes. */
gpu_product_plan gpu_product_of(gpu_family family, const tn_tensor_desc *a, const tn_tensor_desc *b,
                                const tn_tensor_desc *y);
/* Adds a dim, faster than those before it; joins it to the last one if that is a step of the same kind. */
void gpu_axis_add(gpu_axis *axis, int64_t size, int64_t stride, int64_t rows, int64_t cols);
/* A dimension of a product may have at most this many elements, and an image as many rows and columns. */
enum { GPU_MOST_INDICES = 1 << 30 };
int gpu_fits_index(int64_t n);

/* Chooses directions, tiles and splits, and adds the launches. args: sides, result and k; walk and batch are set. */
void gpu_plan_product(gpu_plan *plan, const tn_device *device, gpu_product_plan *product);

#endif
