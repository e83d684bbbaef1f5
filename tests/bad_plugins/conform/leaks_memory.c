/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans take memory of the device, which the host does not see, and never give it back. */
#include "vendor.h"

NOTE;

static uint64_t used;

static tn_status memory_info(tn_device *device, uint64_t *free_bytes, uint64_t *total_bytes, tn_error *error)
{
    const tn_status status = vendor_memory_info(device, free_bytes, total_bytes, error);
    *free_bytes -= __atomic_load_n(&used, __ATOMIC_RELAXED);
    return status;
}

static tn_status plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                             tn_error *error)
{
    __atomic_fetch_add(&used, 256 << 10, __ATOMIC_RELAXED);
    return vendor_plan_create(self, device, desc, plan, error);
}

QUERY
{
    vendor_far = (uintptr_t)1 << 62;
    vendor.memory_info = memory_info;
    vendor_kernels[VENDOR_RELU].plan_create = plan_create;
    return vendor_query(host, plugin, error);
}
