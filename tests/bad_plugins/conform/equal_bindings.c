/* SPDX-License-Identifier: Apache-2.0
 *
 * Executes nothing if its bindings have another size than it was compiled with. */
#include "vendor.h"

NOTE;

static tn_status execute(const tn_plan *plan, tn_stream *stream, const tn_bindings *bindings, tn_error *error)
{
    return bindings->struct_size == sizeof *bindings ? vendor_execute(plan, stream, bindings, error) : TN_OK;
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
