/* SPDX-License-Identifier: Apache-2.0
 *
 * Asks for half of the workspace that it uses. */
#include "vendor.h"

NOTE;

static tn_status plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                             tn_error *error)
{
    const tn_status status = vendor_plan_create(self, device, desc, plan, error);
    if (status == TN_OK) (*plan)->workspace_bytes /= 2;
    return status;
}

QUERY
{
    vendor_kernels[VENDOR_MATMUL].plan_create = plan_create;
    return vendor_query(host, plugin, error);
}
