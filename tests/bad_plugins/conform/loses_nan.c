/* SPDX-License-Identifier: Apache-2.0
 *
 * Compares the wrong way round: NaN becomes 0. */
#include "vendor.h"

NOTE;

static double positive(double x, double y TN_UNUSED)
{
    return x > 0 ? x : 0;
}

static void compute(const vendor_plan *plan, void *const *data, void *workspace TN_UNUSED)
{
    vendor_map(plan, data, positive);
}

QUERY
{
    vendor_op_list[VENDOR_RELU].compute = compute;
    return vendor_query(host, plugin, error);
}
