/* SPDX-License-Identifier: Apache-2.0
 *
 * Does not say that it is out of memory. */
#include "vendor.h"

NOTE;

static tn_status memory_alloc(tn_device *device, uint32_t kind, uint64_t bytes, void **memory, tn_error *error)
{
    const tn_status status = vendor_memory_alloc(device, kind, bytes, memory, error);
    return status == TN_OK ? status : tn_fail(error, TN_INTERNAL, 12, "the allocator failed with code 12");
}

QUERY
{
    vendor.memory_alloc = memory_alloc;
    return vendor_query(host, plugin, error);
}
