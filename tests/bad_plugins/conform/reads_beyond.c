/* SPDX-License-Identifier: Apache-2.0
 *
 * Works in pairs: the last of an odd number of elements is made of the one behind it. */
#include "vendor.h"

NOTE;

static void compute(const vendor_plan *plan, void *const *data, void *workspace)
{
    const tn_tensor_desc *x = &plan->desc[0], *y = &plan->desc[1];
    const int64_t n = tn_desc_numel(x);
    vendor_compute_relu(plan, data, workspace);
    if (n % 2 && n > 8 && tn_desc_contiguous(x) && tn_desc_contiguous(y))
        vendor_set(y->dtype, data[1], n - 1, vendor_relu(vendor_get(x->dtype, data[0], n), 0));
}

QUERY
{
    vendor_op_list[VENDOR_RELU].compute = compute;
    return vendor_query(host, plugin, error);
}
