/* SPDX-License-Identifier: Apache-2.0
 *
 * Loses a few bytes with each execution. */
#include "vendor.h"

NOTE;

static void *volatile lost;

static tn_status execute(const tn_plan *plan, tn_stream *stream, const tn_bindings *bindings, tn_error *error)
{
    lost = malloc(24);
    return vendor_execute(plan, stream, bindings, error);
}

static tn_status plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                             tn_error *error)
{
    const tn_status status = vendor_plan_create(self, device, desc, plan, error);
    if (status == TN_OK) (*plan)->execute = execute;
    return status;
}

QUERY
{
    vendor_kernels[VENDOR_RELU].plan_create = plan_create;
    return vendor_query(host, plugin, error);
}
