/* SPDX-License-Identifier: Apache-2.0
 *
 * Adds one number after the other in f32. */
#include "vendor.h"

NOTE;

static void compute(const vendor_plan *plan, void *const *data, void *workspace)
{
    const tn_tensor_desc *x = &plan->desc[0], *y = &plan->desc[1];
    if (x->rank != 2 || x->dtype != TN_F32 || plan->attrs.reduce.dims != 1) {
        vendor_compute_sum(plan, data, workspace);
        return;
    }
    for (int64_t k = 0; k < x->dims[1]; k++) {
        float sum = 0;
        for (int64_t i = 0; i < x->dims[0]; i++) sum += ((const float *)data[0])[i * x->strides[0] + k * x->strides[1]];
        vendor_set(TN_F32, data[1], k * y->strides[y->rank - 1], (double)sum);
    }
}

QUERY
{
    vendor_op_list[VENDOR_SUM].compute = compute;
    return vendor_query(host, plugin, error);
}
