/* SPDX-License-Identifier: Apache-2.0
 *
 * Claims to be deterministic, but every other time the first number is a little smaller. */
#include "vendor.h"

NOTE;

static void compute(const vendor_plan *plan, void *const *data, void *workspace)
{
    static unsigned calls;
    const tn_tensor_desc *z = &plan->desc[2];
    vendor_compute_mul(plan, data, workspace);
    if (__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED) % 2 && tn_desc_numel(z))
        vendor_set(z->dtype, data[2], 0, vendor_get(z->dtype, data[2], 0) * (1 - 0x1p-24));
}

QUERY
{
    vendor_op_list[VENDOR_MUL].compute = compute;
    return vendor_query(host, plugin, error);
}
