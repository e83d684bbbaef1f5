/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients are a thousandth too large. */
#include "vendor.h"

NOTE;

static double scaled(double dy, double y)
{
    return y > 0 ? dy * 1.001 : 0;
}

static void compute(const vendor_plan *plan, void *const *data, void *workspace TN_UNUSED)
{
    vendor_map(plan, data, scaled);
}

QUERY
{
    vendor_op_list[VENDOR_RELU_GRAD].compute = compute;
    return vendor_query(host, plugin, error);
}
