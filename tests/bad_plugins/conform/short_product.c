/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums no more than 256 products. */
#include "vendor.h"

NOTE;

static void compute(const vendor_plan *plan, void *const *data, void *workspace)
{
    vendor_plan changed = *plan;
    int64_t *depth = &changed.desc[0].dims[changed.desc[0].rank - 1];
    if (*depth > 256) *depth = 256;
    vendor_compute_matmul(&changed, data, workspace);
}

QUERY
{
    vendor_op_list[VENDOR_MATMUL].compute = compute;
    return vendor_query(host, plugin, error);
}
