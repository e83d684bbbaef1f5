/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeps in the plan what it is to work on. */
#include "vendor.h"

NOTE;

static void *bound[VENDOR_TENSORS];

static void compute(const vendor_plan *plan, void *const *data TN_UNUSED, void *workspace)
{
    vendor_compute_mul(plan, bound, workspace);
}

static tn_status execute(const tn_plan *plan, tn_stream *stream, const tn_bindings *bindings, tn_error *error)
{
    for (int i = 0; i < 2; i++) bound[i] = bindings->in[i];
    bound[2] = bindings->out[0];
    const tn_status status = vendor_execute(plan, stream, bindings, error);
    return status == TN_OK ? vendor_stream_sync(NULL, stream, error) : status;
}

static tn_status plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                             tn_error *error)
{
    const tn_status status = vendor_plan_create(self, device, desc, plan, error);
    if (status != TN_OK) return status;
    ((vendor_plan *)*plan)->compute = compute;
    (*plan)->execute = execute;
    return TN_OK;
}

QUERY
{
    vendor_kernels[VENDOR_MUL].plan_create = plan_create;
    return vendor_query(host, plugin, error);
}
