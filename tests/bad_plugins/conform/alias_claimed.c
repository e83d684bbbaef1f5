/* SPDX-License-Identifier: Apache-2.0
 *
 * Clears its result before it reads, though it claims that the result may lie on an input. */
#include "vendor.h"

NOTE;

static double zero(double x TN_UNUSED, double y TN_UNUSED)
{
    return 0;
}

static void compute(const vendor_plan *plan, void *const *data, void *workspace)
{
    vendor_map(plan, (void *const[]){data[2], data[2], data[2]}, zero);
    vendor_compute_relu_grad(plan, data, workspace);
}

QUERY
{
    vendor_op_list[VENDOR_RELU_GRAD].compute = compute;
    return vendor_query(host, plugin, error);
}
