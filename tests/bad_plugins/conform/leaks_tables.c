/* SPDX-License-Identifier: Apache-2.0
 *
 * Loses a table with each plan. */
#include "vendor.h"

NOTE;

static void *volatile table;

static tn_status plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                             tn_error *error)
{
    const tn_status status = vendor_plan_create(self, device, desc, plan, error);
    if (status == TN_OK) table = malloc(16384);
    return status;
}

QUERY
{
    vendor_kernels[VENDOR_COPY].plan_create = plan_create;
    return vendor_query(host, plugin, error);
}
