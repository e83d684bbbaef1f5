/* SPDX-License-Identifier: Apache-2.0
 *
 * The operators of the shared part, for the table of each plugin that is made of it. */
#ifndef GPU_PLUGIN_H
#define GPU_PLUGIN_H

#include "gpu.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Every operator of the catalogue. A vendor that has a faster way for one puts its own row in its stead. */
extern const tn_kernel gpu_kernels[];
extern const uint64_t gpu_n_kernels;

/* Keeps the host's functions, or declines a host that is not of this ABI. */
tn_status gpu_check_host(const tn_host_api *host, tn_error *error);

typedef struct gpu_reduction gpu_reduction;
typedef struct gpu_step_lists gpu_step_lists;

/* A maker of plans for each family, named in plugin.c; and a check, where not all that a schema allows is done. */
#define GPU_OP(name)                                                                                              \
    tn_status gpu_##name##_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan, \
                                tn_error *error);
#define GPU_CHECKED_OP(name)                                                                                         \
    tn_status gpu_##name##_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error); \
    GPU_OP(name)
/* elementwise, copies, fills, random numbers */
GPU_CHECKED_OP(map)
GPU_OP(where)
GPU_OP(cast)
GPU_OP(copy)
GPU_OP(fill)
GPU_OP(arange)
GPU_OP(random)
GPU_OP(dropout)
extern const uint32_t gpu_uniform, gpu_normal; /* which of random */

/* reductions, classification, rows, optimizer steps */
GPU_OP(reduce)
GPU_OP(relu_grad_sum)
GPU_OP(argmax)
GPU_OP(softmax)
GPU_OP(nll_loss)
GPU_OP(cross_entropy)
GPU_OP(cross_entropy_grad)
GPU_OP(one_hot)
GPU_OP(index_select)
GPU_OP(index_add)
GPU_OP(gather_scale)
GPU_OP(cat)
GPU_OP(step)
extern const gpu_reduction gpu_reduction_sum, gpu_reduction_mean, gpu_reduction_max,
    gpu_reduction_min;                                   /* data of reduce */
extern const gpu_step_lists gpu_step_sgd, gpu_step_adam; /* data of step */
extern const int gpu_softmax_log;                        /* data of softmax: log_softmax */

/* products, convolution, pooling, normalisation */
GPU_CHECKED_OP(matmul)
GPU_CHECKED_OP(linear_grad_weight)
GPU_CHECKED_OP(conv2d)
GPU_CHECKED_OP(conv2d_grad_input)
GPU_CHECKED_OP(conv2d_grad_weight)
GPU_CHECKED_OP(conv_pool)
GPU_CHECKED_OP(conv_pool_grad)
GPU_CHECKED_OP(pool2d)
extern const struct gpu_pool_kind gpu_max_pool2d, gpu_max_pool2d_grad, gpu_max_pool2d_gather, gpu_avg_pool2d,
    gpu_avg_pool2d_grad;
GPU_OP(batch_norm2d)
GPU_OP(batch_norm2d_grad)

#undef GPU_CHECKED_OP
#undef GPU_OP

#ifdef __cplusplus
}
#endif
#endif
