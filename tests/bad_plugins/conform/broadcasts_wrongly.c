/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a column that is stretched for a single number where the result has three dims. */
#include "vendor.h"

NOTE;

static void compute(const vendor_plan *plan, void *const *data, void *workspace)
{
    vendor_plan changed = *plan;
    tn_tensor_desc *y = &changed.desc[1];
    if (plan->desc[2].rank == 3 && y->rank == 3 && y->dims[0] == 1 && y->dims[2] == 1) y->strides[1] = 0;
    vendor_compute_add(&changed, data, workspace);
}

QUERY
{
    vendor_op_list[VENDOR_ADD].compute = compute;
    return vendor_query(host, plugin, error);
}
