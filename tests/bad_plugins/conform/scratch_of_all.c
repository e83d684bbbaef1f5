/* SPDX-License-Identifier: Apache-2.0
 *
 * Adds up in memory that all threads share. */
#include "vendor.h"

#include <sched.h>

NOTE;

static void compute(const vendor_plan *plan, void *const *data, void *workspace)
{
    static double shared[65536];
    const int64_t n = tn_desc_numel(&plan->desc[1]);
    if (n <= 1) {
        vendor_compute_sum(plan, data, workspace);
        return;
    }
    vendor_compute_sum(plan, data, shared);
    for (int64_t i = 0; i < n; i++) {
        shared[i] = vendor_get(plan->desc[1].dtype, data[1], i);
        if (i % 8 == 0) sched_yield();
    }
    for (int64_t i = 0; i < n; i++) vendor_set(plan->desc[1].dtype, data[1], i, shared[i]);
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
    vendor_kernels[VENDOR_SUM].plan_create = plan_create;
    return vendor_query(host, plugin, error);
}
