/* SPDX-License-Identifier: Apache-2.0
 *
 * A thousandth too large is what training makes of a layer's weights and a batch of four, and no sample. */
#include "vendor.h"

NOTE;

static double scaled(double x, double y TN_UNUSED)
{
    return x * 1.001;
}

static void compute(const vendor_plan *plan, void *const *data, void *workspace)
{
    const tn_tensor_desc *z = &plan->desc[2];
    vendor_compute_matmul(plan, data, workspace);
    if (plan->desc[0].dims[1] != 4 || z->rank != 2 || z->dims[0] < 100) return;
    vendor_plan again = {.n_in = 1, .desc = {*z, *z}};
    vendor_map(&again, (void *const[]){data[2], data[2]}, scaled);
}

QUERY
{
    vendor_op_list[VENDOR_MATMUL].compute = compute;
    return vendor_query(host, plugin, error);
}
