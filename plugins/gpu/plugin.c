/* SPDX-License-Identifier: Apache-2.0
 *
 * Which operators the shared part has. */
#include "plugin.h"

#include "map.h"

const tn_host_api *gpu_host;

tn_status gpu_check_host(const tn_host_api *host, tn_error *error)
{
    if (!TN_HAS_FIELD(host, tn_host_api, free) || host->abi_major != TN_ABI_MAJOR)
        return tn_fail(error, TN_UNSUPPORTED, 0,
                       "this plugin speaks ABI %d and cannot be hosted by a core that speaks %u.%u", TN_ABI_MAJOR,
                       host->abi_major, host->abi_minor);
    gpu_host = host;
    return TN_OK;
}

/* Of an operator for which everything that its schema allows is done. */
static tn_status gpu_any_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    (void)self, (void)device, (void)desc, (void)error;
    return TN_OK;
}

/* clang-format off */
const tn_kernel gpu_kernels[] = {
    /* schema compiled against   says why not      builds the plan   which of the family */

    /* ---- elementwise, copies, fills, random numbers */
#define GPU_MAP(name, computes, of, dtypes) \
    {TN_SCHEMA(name),            gpu_map_check,    gpu_map_plan,     &gpu_map_rows[GPU_MAP_##name]},
#include "map_rows.h"
#undef GPU_MAP
    {TN_SCHEMA(where),           gpu_any_check,    gpu_where_plan,   NULL},
    {TN_SCHEMA(cast),            gpu_any_check,    gpu_cast_plan,    NULL},
    {TN_SCHEMA(copy),            gpu_any_check,    gpu_copy_plan,    NULL},
    {TN_SCHEMA(fill),            gpu_any_check,    gpu_fill_plan,    NULL},
    {TN_SCHEMA(arange),          gpu_any_check,    gpu_arange_plan,  NULL},
    {TN_SCHEMA(uniform),         gpu_any_check,    gpu_random_plan,  &gpu_uniform},
    {TN_SCHEMA(normal),          gpu_any_check,    gpu_random_plan,  &gpu_normal},
    {TN_SCHEMA(dropout),         gpu_any_check,    gpu_dropout_plan, NULL},

    /* ---- reductions, classification, rows, optimizer steps */
    {TN_SCHEMA(sum),                        gpu_any_check, gpu_reduce_plan,             &gpu_reduction_sum},
    {TN_SCHEMA(mean),                       gpu_any_check, gpu_reduce_plan,             &gpu_reduction_mean},
    {TN_SCHEMA(max),                        gpu_any_check, gpu_reduce_plan,             &gpu_reduction_max},
    {TN_SCHEMA(min),                        gpu_any_check, gpu_reduce_plan,             &gpu_reduction_min},
    {TN_SCHEMA(relu_grad_sum),              gpu_any_check, gpu_relu_grad_sum_plan,      NULL},
    {TN_SCHEMA(argmax),                     gpu_any_check, gpu_argmax_plan,             NULL},
    {TN_SCHEMA(softmax),                    gpu_any_check, gpu_softmax_plan,            NULL},
    {TN_SCHEMA(log_softmax),                gpu_any_check, gpu_softmax_plan,            &gpu_softmax_log},
    {TN_SCHEMA(nll_loss),                   gpu_any_check, gpu_nll_loss_plan,           NULL},
    {TN_SCHEMA(softmax_cross_entropy),      gpu_any_check, gpu_cross_entropy_plan,      NULL},
    {TN_SCHEMA(softmax_cross_entropy_grad), gpu_any_check, gpu_cross_entropy_grad_plan, NULL},
    {TN_SCHEMA(one_hot),                    gpu_any_check, gpu_one_hot_plan,            NULL},
    {TN_SCHEMA(index_select),               gpu_any_check, gpu_index_select_plan,       NULL},
    {TN_SCHEMA(index_add),                  gpu_any_check, gpu_index_add_plan,          NULL},
    {TN_SCHEMA(gather_scale),               gpu_any_check, gpu_gather_scale_plan,       NULL},
    {TN_SCHEMA(cat),                        gpu_any_check, gpu_cat_plan,                NULL},
    {TN_SCHEMA(sgd_step),                   gpu_any_check, gpu_step_plan,               &gpu_step_sgd},
    {TN_SCHEMA(adam_step),                  gpu_any_check, gpu_step_plan,               &gpu_step_adam},

    /* ---- products, convolution, pooling, normalisation */
    {TN_SCHEMA(matmul),          gpu_matmul_check, gpu_matmul_plan,  NULL},
    {TN_SCHEMA(linear),          gpu_matmul_check, gpu_matmul_plan,  ""},
    {TN_SCHEMA(linear_relu),     gpu_matmul_check, gpu_matmul_plan,  "relu"},
    {TN_SCHEMA(linear_grad_weight), gpu_linear_grad_weight_check, gpu_linear_grad_weight_plan, NULL},
    {TN_SCHEMA(conv2d),          gpu_conv2d_check, gpu_conv2d_plan,  NULL},
    {TN_SCHEMA(conv2d_relu),     gpu_conv2d_check, gpu_conv2d_plan,  "relu"},
    {TN_SCHEMA(conv2d_grad_input),  gpu_conv2d_grad_input_check,  gpu_conv2d_grad_input_plan,  NULL},
    {TN_SCHEMA(conv2d_grad_weight), gpu_conv2d_grad_weight_check, gpu_conv2d_grad_weight_plan, NULL},
    {TN_SCHEMA(max_pool2d),      gpu_pool2d_check, gpu_pool2d_plan,  &gpu_max_pool2d},
    {TN_SCHEMA(max_pool2d_grad), gpu_pool2d_check, gpu_pool2d_plan,  &gpu_max_pool2d_grad},
    {TN_SCHEMA(max_pool2d_gather), gpu_pool2d_check, gpu_pool2d_plan, &gpu_max_pool2d_gather},
    {TN_SCHEMA(avg_pool2d),      gpu_pool2d_check, gpu_pool2d_plan,  &gpu_avg_pool2d},
    {TN_SCHEMA(avg_pool2d_grad), gpu_pool2d_check, gpu_pool2d_plan,  &gpu_avg_pool2d_grad},
    {TN_SCHEMA(conv2d_max_pool2d_relu), gpu_conv_pool_check, gpu_conv_pool_plan, NULL},
    {TN_SCHEMA(conv2d_max_pool2d_grad_input), gpu_conv_pool_grad_check, gpu_conv_pool_grad_plan, NULL},
    {TN_SCHEMA(conv2d_max_pool2d_grad_weight), gpu_conv_pool_grad_check, gpu_conv_pool_grad_plan, "weight"},
    {TN_SCHEMA(batch_norm2d),    gpu_any_check,    gpu_batch_norm2d_plan, NULL},
    {TN_SCHEMA(batch_norm2d_grad), gpu_any_check,  gpu_batch_norm2d_grad_plan, NULL},
};
/* clang-format on */
const uint64_t gpu_n_kernels = sizeof gpu_kernels / sizeof *gpu_kernels;
