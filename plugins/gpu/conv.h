/* SPDX-License-Identifier: Apache-2.0
 *
 * A convolution and its gradients as products, group by group: rows of the result are pixels (or channels of y), columns
 * channels (or cells of w), and no matrix of windows is ever built: the index of a product tells the place. */
#ifndef GPU_CONV_H
#define GPU_CONV_H

#include "product.h"

/* x: N I H W, w: O J KH KW, y: N O P Q; only of two of them descriptors are real tensors' in a gradient. Axes:
 * 0 height, 1 width. */
typedef struct gpu_conv {
    const tn_tensor_desc *x, *w, *y;
    int64_t stride[2], padding[2], dilation[2], groups;
    /* Pooling of what would be y. P and Q of y then count its windows. Without: all 1. */
    int64_t pool_kernel[2], pool_stride[2];
} gpu_conv;

/* Without pooling. */
gpu_conv gpu_conv_of(const tn_tensor_desc *x, const tn_tensor_desc *w, const tn_tensor_desc *y, const int64_t stride[2],
                     const int64_t padding[2], const int64_t dilation[2], int64_t groups);

/* TN_OK, or the reason why sizes are too large. */
tn_status gpu_conv_check_sizes(const char *name, const gpu_conv *c, tn_error *error);

/* The three products, without slots. */
gpu_product_plan gpu_conv_forward(const gpu_conv *c);
gpu_product_plan gpu_conv_grad_input(const gpu_conv *c);
gpu_product_plan gpu_conv_grad_weight(const gpu_conv *c);

/* Adds the bias, input `index` (NULL: none), to the forward product; db, output `index`, to that for the weight. */
void gpu_conv_set_bias(gpu_product_plan *p, const tn_tensor_desc *bias, uint64_t index);
void gpu_conv_set_sums(gpu_product_plan *p, const tn_tensor_desc *db, uint64_t index);

uint64_t gpu_conv_flops(const gpu_conv *c);

#endif
