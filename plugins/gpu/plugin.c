/* SPDX-License-Identifier: Apache-2.0
 *
 * Which operators the shared part has. */
#include "plugin.h"

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

/* clang-format off */
const tn_kernel gpu_kernels[] = {
    /* schema compiled against   says why not      builds the plan   which of the family */

    /* ---- elementwise, copies, fills, random numbers */
    {TN_SCHEMA(fill),            gpu_fill_check,   gpu_fill_plan,    NULL},

    /* ---- reductions, classification, rows, optimizer steps */

    /* ---- products, convolution, pooling, normalisation */
};
/* clang-format on */
const uint64_t gpu_n_kernels = sizeof gpu_kernels / sizeof *gpu_kernels;
