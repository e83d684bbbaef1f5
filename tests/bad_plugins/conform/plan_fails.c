/* SPDX-License-Identifier: Apache-2.0
 *
 * Breaks down where it is asked for a plan that is deterministic. */
#include "vendor.h"

NOTE;

static tn_status plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                             tn_error *error)
{
    if (desc->flags & TN_OP_DETERMINISTIC)
        return tn_fail(error, TN_INTERNAL, 7, "%s: no kernel could be compiled", desc->name);
    return vendor_plan_create(self, device, desc, plan, error);
}

QUERY
{
    vendor_kernels[VENDOR_MUL].plan_create = plan_create;
    return vendor_query(host, plugin, error);
}
