/* SPDX-License-Identifier: Apache-2.0
 *
 * Ends the process that it cannot serve. */
#include "vendor.h"

NOTE;

static tn_status plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                             tn_error *error)
{
    if (desc->in[0]->dtype == TN_F64) exit(3);
    return vendor_plan_create(self, device, desc, plan, error);
}

QUERY
{
    vendor_kernels[VENDOR_ADD].plan_create = plan_create;
    return vendor_query(host, plugin, error);
}
