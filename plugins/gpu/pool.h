/* SPDX-License-Identifier: Apache-2.0
 *
 * Pooling, host side: what conv_pool.c needs as well. */
#ifndef GPU_POOL_H
#define GPU_POOL_H

#include "product.h"

/* x: N C H W, y and index: N C P Q. The rest of the arguments is the caller's to set. */
gpu_pool_args gpu_pool_of(gpu_pooling what, const tn_tensor_desc *x, const tn_tensor_desc *y,
                          const tn_tensor_desc *index);
void gpu_pool_set(gpu_pool_args *args, const int64_t kernel[2], const int64_t stride[2], const int64_t padding[2],
                  const int64_t dilation[2]);
/* TN_OK, or why sizes are too large. dilation may be NULL. */
tn_status gpu_pool_check_sizes(const char *name, const tn_tensor_desc *x, const tn_tensor_desc *y,
                               const int64_t kernel[2], const int64_t stride[2], const int64_t padding[2],
                               const int64_t dilation[2], tn_error *error);
/* Adds the launch. */
void gpu_plan_pool(gpu_plan *plan, const tn_device *device, tn_dtype dtype, const gpu_pool_args *args, gpu_slot x,
                   gpu_slot y, gpu_slot index);

#endif
