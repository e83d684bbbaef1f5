/* SPDX-License-Identifier: Apache-2.0
 *
 * Leaves the caller with a processor that flushes small numbers to zero. */
#include "vendor.h"

#include <fenv.h>

NOTE;

static tn_status execute(const tn_plan *plan, tn_stream *stream, const tn_bindings *bindings, tn_error *error)
{
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);
#else
    fesetround(FE_UPWARD);
#endif
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
    vendor_kernels[VENDOR_MUL].plan_create = plan_create;
    return vendor_query(host, plugin, error);
}
