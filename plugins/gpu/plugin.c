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

    /* ---- products, convolution, pooling, normalisation */
};
/* clang-format on */
const uint64_t gpu_n_kernels = sizeof gpu_kernels / sizeof *gpu_kernels;
