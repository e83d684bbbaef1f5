/* SPDX-License-Identifier: Apache-2.0
 *
 * Never releases a plan. */
#include "vendor.h"

NOTE;

static void destroy(tn_plan *plan TN_UNUSED)
{
}

static tn_status plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                             tn_error *error)
{
    const tn_status status = vendor_plan_create(self, device, desc, plan, error);
    if (status == TN_OK) (*plan)->destroy = destroy;
    return status;
}

QUERY
{
    vendor_kernels[VENDOR_MUL].plan_create = plan_create;
    return vendor_query(host, plugin, error);
}
