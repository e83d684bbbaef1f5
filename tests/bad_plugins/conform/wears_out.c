/* SPDX-License-Identifier: Apache-2.0
 *
 * Loses gradients once it has computed forty products. */
#include "vendor.h"

NOTE;

static int products;

static void multiply(const vendor_plan *plan, void *const *data, void *workspace)
{
    __atomic_fetch_add(&products, 1, __ATOMIC_RELAXED);
    vendor_compute_matmul(plan, data, workspace);
}

static double lost(double dy TN_UNUSED, double y TN_UNUSED)
{
    return 0;
}

static void compute(const vendor_plan *plan, void *const *data, void *workspace TN_UNUSED)
{
    vendor_map(plan, data, __atomic_load_n(&products, __ATOMIC_RELAXED) > 40 ? lost : vendor_relu_grad);
}

QUERY
{
    vendor_op_list[VENDOR_MATMUL].compute = multiply;
    vendor_op_list[VENDOR_RELU_GRAD].compute = compute;
    return vendor_query(host, plugin, error);
}
