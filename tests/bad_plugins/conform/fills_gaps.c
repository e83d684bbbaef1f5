/* SPDX-License-Identifier: Apache-2.0
 *
 * Clears all that lies between the first and the last element of a result. */
#include "vendor.h"

NOTE;

static void compute(const vendor_plan *plan, void *const *data, void *workspace)
{
    const tn_tensor_desc *z = &plan->desc[2];
    int64_t last = 0;
    for (uint32_t d = 0; d < z->rank; d++) last += (z->dims[d] - 1) * z->strides[d];
    if (tn_desc_numel(z) && data[2] != data[0] && data[2] != data[1])
        for (int64_t i = 0; i <= last; i++) vendor_set(z->dtype, data[2], i, 0);
    vendor_compute_add(plan, data, workspace);
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
    vendor_kernels[VENDOR_ADD].plan_create = plan_create;
    return vendor_query(host, plugin, error);
}
