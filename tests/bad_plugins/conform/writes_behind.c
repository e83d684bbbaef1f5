/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes one element too many. */
#include "vendor.h"

NOTE;

static void compute(const vendor_plan *plan, void *const *data, void *workspace)
{
    const tn_tensor_desc *y = &plan->desc[1];
    vendor_compute_relu(plan, data, workspace);
    if (tn_desc_contiguous(y)) vendor_set(y->dtype, data[1], tn_desc_numel(y), 0);
}

static tn_status plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                             tn_error *error)
{
    const tn_status status = vendor_plan_create(self, device, desc, plan, error);
    if (status == TN_OK) ((vendor_plan *)*plan)->compute = compute;
    return status;
}

QUERY
{
    vendor_kernels[VENDOR_RELU].plan_create = plan_create;
    return vendor_query(host, plugin, error);
}
