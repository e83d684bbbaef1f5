/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes all plans in the same memory, from which it copies them. */
#include "vendor.h"

#include <sched.h>

NOTE;

static vendor_plan place;

static tn_status plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                             tn_error *error)
{
    const tn_status status = vendor_plan_create(self, device, desc, plan, error);
    if (status != TN_OK) return status;
    memcpy(&place, *plan, sizeof place);
    sched_yield();
    memcpy(*plan, &place, sizeof place);
    return TN_OK;
}

QUERY
{
    vendor_kernels[VENDOR_ADD].plan_create = plan_create;
    vendor_kernels[VENDOR_MUL].plan_create = plan_create;
    return vendor_query(host, plugin, error);
}
