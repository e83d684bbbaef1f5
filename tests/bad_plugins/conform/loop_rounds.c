/* SPDX-License-Identifier: Apache-2.0
 *
 * Leaves the host's threads with another rounding mode. */
#include "vendor.h"

#include <fenv.h>

NOTE;

static void body(void *arg TN_UNUSED, int64_t begin TN_UNUSED, int64_t end TN_UNUSED)
{
    fesetround(FE_DOWNWARD);
}

static void compute(const vendor_plan *plan, void *const *data, void *workspace)
{
    vendor_host->parallel_for(64, 1, body, NULL);
    vendor_compute_mul(plan, data, workspace);
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
    vendor_kernels[VENDOR_MUL].plan_create = plan_create;
    return vendor_query(host, plugin, error);
}
