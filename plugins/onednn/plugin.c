/* SPDX-License-Identifier: Apache-2.0
 *
 * Tenon's oneDNN plugin: what it offers, and its entry symbol. Large products and plain convolutions are oneDNN's; small
 * products, convolutions with pooling and the rest are the plugin's own kernels (those in simd/ for each instruction set),
 * since oneDNN either has nothing for it or is slower.
 *
 * All operators of the catalogue are here. Not taken, and left to the reference backend, which the core asks if it may:
 *   f64 in matmul, linear, conv2d and its gradients, pooling, batch_norm2d, softmax, log_softmax, nll_loss,
 *   softmax_cross_entropy, index_add, dropout, sgd_step, adam_step;
 *   a linear over no elements that has a bias; a convolution of nothing that has an output.
 * Of conv2d_max_pool2d_relu and its gradients, conv_pool.c and conv_pool_grad.c take what they are fast with; the parts,
 * which are here, do the rest. */
#include "device.h"
#include "map.h"
#include "reduce.h"

const tn_host_api *dn_host;

static char library[64]; /* "oneDNN 2.6.3" */

static const void *get_extension(const char *name TN_UNUSED, uint32_t version TN_UNUSED)
{
    return NULL;
}

/* Nothing is process-wide but oneDNN's cache of generated code, which is its own affair. */
static void shutdown(void)
{
}

static const char yes[] = "yes"; /* data of the second member of a pair of kernels */

/* clang-format off */
static const tn_kernel kernels[] = {
    /* schema compiled against         says why not                 builds the plan              which of the family */
    {TN_SCHEMA(matmul),                dn_matmul_check,             dn_matmul_plan,              NULL},
    {TN_SCHEMA(linear),                dn_linear_check,             dn_linear_plan,              NULL},
    {TN_SCHEMA(linear_relu),           dn_linear_check,             dn_linear_plan,              yes},
    {TN_SCHEMA(conv2d),                dn_conv2d_check,             dn_conv2d_plan,              NULL},
    {TN_SCHEMA(conv2d_relu),           dn_conv2d_check,             dn_conv2d_plan,              yes},
    {TN_SCHEMA(conv2d_grad_input),     dn_conv2d_grad_input_check,  dn_conv2d_grad_input_plan,   NULL},
    {TN_SCHEMA(conv2d_grad_weight),    dn_conv2d_grad_weight_check, dn_conv2d_grad_weight_plan,  NULL},
    {TN_SCHEMA(conv2d_max_pool2d_relu), dn_conv_pool_check,         dn_conv_pool_plan,           NULL},
    {TN_SCHEMA(conv2d_max_pool2d_grad_input), dn_conv_pool_grad_input_check, dn_conv_pool_grad_input_plan, NULL},
    {TN_SCHEMA(conv2d_max_pool2d_grad_weight), dn_conv_pool_grad_weight_check, dn_conv_pool_grad_weight_plan, NULL},

    {TN_SCHEMA(max_pool2d),            dn_max_pool2d_check,         dn_max_pool2d_plan,          NULL},
    {TN_SCHEMA(max_pool2d_grad),       dn_max_pool2d_grad_check,    dn_max_pool2d_grad_plan,     NULL},
    {TN_SCHEMA(max_pool2d_gather),     dn_max_pool2d_gather_check,  dn_max_pool2d_gather_plan,   NULL},
    {TN_SCHEMA(avg_pool2d),            dn_avg_pool2d_check,         dn_avg_pool2d_plan,          NULL},
    {TN_SCHEMA(avg_pool2d_grad),       dn_avg_pool2d_grad_check,    dn_avg_pool2d_grad_plan,     NULL},
    {TN_SCHEMA(batch_norm2d),          dn_batch_norm2d_check,       dn_batch_norm2d_plan,        NULL},
    {TN_SCHEMA(batch_norm2d_grad),     dn_batch_norm2d_grad_check,  dn_batch_norm2d_grad_plan,   NULL},

    {TN_SCHEMA(softmax),               dn_softmax_check,            dn_softmax_plan,             NULL},
    {TN_SCHEMA(log_softmax),           dn_softmax_check,            dn_softmax_plan,             yes},
    {TN_SCHEMA(nll_loss),              dn_nll_loss_check,           dn_nll_loss_plan,            NULL},
    {TN_SCHEMA(softmax_cross_entropy), dn_cross_entropy_check,      dn_cross_entropy_plan,       NULL},
    {TN_SCHEMA(softmax_cross_entropy_grad), dn_cross_entropy_grad_check, dn_cross_entropy_grad_plan, NULL},
    {TN_SCHEMA(one_hot),               dn_one_hot_check,            dn_one_hot_plan,             NULL},

    {TN_SCHEMA(sgd_step),              dn_sgd_step_check,           dn_sgd_step_plan,            NULL},
    {TN_SCHEMA(adam_step),             dn_adam_step_check,          dn_adam_step_plan,           NULL},

    {TN_SCHEMA(index_select),          dn_index_select_check,       dn_index_select_plan,        NULL},
    {TN_SCHEMA(index_add),             dn_index_add_check,          dn_index_add_plan,           NULL},
    {TN_SCHEMA(gather_scale),          dn_gather_scale_check,       dn_gather_scale_plan,        NULL},
    {TN_SCHEMA(cat),                   dn_cat_check,                dn_cat_plan,                 NULL},
    {TN_SCHEMA(copy),                  dn_copy_check,               dn_copy_plan,                NULL},
    {TN_SCHEMA(cast),                  dn_cast_check,               dn_cast_plan,                NULL},

    {TN_SCHEMA(fill),                  dn_fill_check,               dn_fill_plan,                NULL},
    {TN_SCHEMA(arange),                dn_arange_check,             dn_arange_plan,              NULL},
    {TN_SCHEMA(uniform),               dn_random_check,             dn_random_plan,              NULL},
    {TN_SCHEMA(normal),                dn_random_check,             dn_random_plan,              yes},
    {TN_SCHEMA(dropout),               dn_dropout_check,            dn_dropout_plan,             NULL},

    {TN_SCHEMA(sum),                   dn_reduce_check,             dn_reduce_plan,              &dn_sum},
    {TN_SCHEMA(mean),                  dn_reduce_check,             dn_reduce_plan,              &dn_mean},
    {TN_SCHEMA(max),                   dn_reduce_check,             dn_reduce_plan,              &dn_largest},
    {TN_SCHEMA(min),                   dn_reduce_check,             dn_reduce_plan,              &dn_smallest},
    {TN_SCHEMA(argmax),                dn_argmax_check,             dn_argmax_plan,              NULL},

    {TN_SCHEMA(neg),                   dn_map_check,                dn_map_plan,                 &dn_neg},
    {TN_SCHEMA(abs),                   dn_map_check,                dn_map_plan,                 &dn_abs},
    {TN_SCHEMA(square),                dn_map_check,                dn_map_plan,                 &dn_square},
    {TN_SCHEMA(sign),                  dn_map_check,                dn_map_plan,                 &dn_sign},
    {TN_SCHEMA(exp),                   dn_map_check,                dn_map_plan,                 &dn_exp},
    {TN_SCHEMA(log),                   dn_map_check,                dn_map_plan,                 &dn_log},
    {TN_SCHEMA(sqrt),                  dn_map_check,                dn_map_plan,                 &dn_sqrt},
    {TN_SCHEMA(rsqrt),                 dn_map_check,                dn_map_plan,                 &dn_rsqrt},
    {TN_SCHEMA(reciprocal),            dn_map_check,                dn_map_plan,                 &dn_reciprocal},
    {TN_SCHEMA(sin),                   dn_map_check,                dn_map_plan,                 &dn_sin},
    {TN_SCHEMA(cos),                   dn_map_check,                dn_map_plan,                 &dn_cos},
    {TN_SCHEMA(tanh),                  dn_map_check,                dn_map_plan,                 &dn_tanh},
    {TN_SCHEMA(sigmoid),               dn_map_check,                dn_map_plan,                 &dn_sigmoid},
    {TN_SCHEMA(relu),                  dn_map_check,                dn_map_plan,                 &dn_relu},
    {TN_SCHEMA(gelu),                  dn_map_check,                dn_map_plan,                 &dn_gelu},
    {TN_SCHEMA(erf),                   dn_map_check,                dn_map_plan,                 &dn_erf},
    {TN_SCHEMA(step),                  dn_map_check,                dn_map_plan,                 &dn_step},
    {TN_SCHEMA(logical_not),           dn_map_check,                dn_map_plan,                 &dn_logical_not},

    {TN_SCHEMA(add),                   dn_map_check,                dn_map_plan,                 &dn_add},
    {TN_SCHEMA(sub),                   dn_map_check,                dn_map_plan,                 &dn_sub},
    {TN_SCHEMA(mul),                   dn_map_check,                dn_map_plan,                 &dn_mul},
    {TN_SCHEMA(div),                   dn_map_check,                dn_map_plan,                 &dn_div},
    {TN_SCHEMA(maximum),               dn_map_check,                dn_map_plan,                 &dn_maximum},
    {TN_SCHEMA(minimum),               dn_map_check,                dn_map_plan,                 &dn_minimum},
    {TN_SCHEMA(pow),                   dn_map_check,                dn_map_plan,                 &dn_pow},
    {TN_SCHEMA(eq),                    dn_map_check,                dn_map_plan,                 &dn_eq},
    {TN_SCHEMA(ne),                    dn_map_check,                dn_map_plan,                 &dn_ne},
    {TN_SCHEMA(lt),                    dn_map_check,                dn_map_plan,                 &dn_lt},
    {TN_SCHEMA(le),                    dn_map_check,                dn_map_plan,                 &dn_le},
    {TN_SCHEMA(gt),                    dn_map_check,                dn_map_plan,                 &dn_gt},
    {TN_SCHEMA(ge),                    dn_map_check,                dn_map_plan,                 &dn_ge},
    {TN_SCHEMA(logical_and),           dn_map_check,                dn_map_plan,                 &dn_logical_and},
    {TN_SCHEMA(logical_or),            dn_map_check,                dn_map_plan,                 &dn_logical_or},
    {TN_SCHEMA(logical_xor),           dn_map_check,                dn_map_plan,                 &dn_logical_xor},
    {TN_SCHEMA(relu_grad),             dn_map_check,                dn_map_plan,                 &dn_relu_grad},
    {TN_SCHEMA(where),                 dn_map_check,                dn_map_plan,                 &dn_where},
    {TN_SCHEMA(clamp),                 dn_clamp_check,              dn_clamp_plan,               NULL},

    {TN_SCHEMA(add_scalar),            dn_scalar_check,             dn_scalar_plan,              &dn_add_scalar},
    {TN_SCHEMA(mul_scalar),            dn_scalar_check,             dn_scalar_plan,              &dn_mul_scalar},
    {TN_SCHEMA(rsub_scalar),           dn_scalar_check,             dn_scalar_plan,              &dn_rsub_scalar},
    {TN_SCHEMA(rdiv_scalar),           dn_scalar_check,             dn_scalar_plan,              &dn_rdiv_scalar},
    {TN_SCHEMA(pow_scalar),            dn_scalar_check,             dn_scalar_plan,              &dn_pow_scalar},
    {TN_SCHEMA(maximum_scalar),        dn_scalar_check,             dn_scalar_plan,              &dn_maximum_scalar},
    {TN_SCHEMA(minimum_scalar),        dn_scalar_check,             dn_scalar_plan,              &dn_minimum_scalar},
    {TN_SCHEMA(eq_scalar),             dn_scalar_check,             dn_scalar_plan,              &dn_eq_scalar},
    {TN_SCHEMA(ne_scalar),             dn_scalar_check,             dn_scalar_plan,              &dn_ne_scalar},
    {TN_SCHEMA(lt_scalar),             dn_scalar_check,             dn_scalar_plan,              &dn_lt_scalar},
    {TN_SCHEMA(le_scalar),             dn_scalar_check,             dn_scalar_plan,              &dn_le_scalar},
    {TN_SCHEMA(gt_scalar),             dn_scalar_check,             dn_scalar_plan,              &dn_gt_scalar},
    {TN_SCHEMA(ge_scalar),             dn_scalar_check,             dn_scalar_plan,              &dn_ge_scalar},
};
/* clang-format on */

static const tn_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_major = TN_ABI_MAJOR,
    .abi_minor = TN_ABI_MINOR,
    .name = TN_PLUGIN_NAME,
    .version = TN_PLUGIN_VERSION,
    .vendor = TN_PLUGIN_VENDOR,
    .library = library,
    .kernels = kernels,
    .n_kernels = sizeof kernels / sizeof *kernels,
    .device_count = dn_device_count,
    .device_info = dn_device_info,
    .device_open = dn_device_open,
    .device_close = dn_device_close,
    .memory_alloc = dn_memory_alloc,
    .memory_free = dn_memory_free,
    .memory_copy = dn_memory_copy,
    .memory_fill = dn_memory_fill,
    .memory_info = dn_memory_info,
    .stream_create = dn_stream_create,
    .stream_destroy = dn_stream_destroy,
    .stream_sync = dn_stream_sync,
    .event_create = dn_event_create,
    .event_destroy = dn_event_destroy,
    .event_record = dn_event_record,
    .event_wait = dn_event_wait,
    .event_query = dn_event_query,
    .event_elapsed = dn_event_elapsed,
    .get_extension = get_extension,
    .shutdown = shutdown,
};

tn_status tn_plugin_query_v1(const tn_host_api *host, const tn_plugin **result, tn_error *error)
{
    const dnnl_version_t *version = dnnl_version();
    if (host->abi_major != TN_ABI_MAJOR || !TN_HAS_FIELD(host, tn_host_api, thread_count))
        return tn_fail(error, TN_UNSUPPORTED, 0,
                       "this plugin speaks ABI %d and cannot be hosted by a core that speaks %u.%u", TN_ABI_MAJOR,
                       host->abi_major, host->abi_minor);
    if (version->major != DNNL_VERSION_MAJOR)
        return tn_fail(error, TN_UNSUPPORTED, 0,
                       "this plugin was compiled for oneDNN %d, but oneDNN %d.%d.%d was found at run time",
                       DNNL_VERSION_MAJOR, version->major, version->minor, version->patch);
    dn_device_init();
    snprintf(library, sizeof library, "oneDNN %d.%d.%d", version->major, version->minor, version->patch);
    dn_host = host;
    *result = &plugin;
    return TN_OK;
}
