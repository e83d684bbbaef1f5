/* SPDX-License-Identifier: Apache-2.0
 *
 * Lets an exception out when memory is short; throw_it.cpp throws it. */
#include "vendor.h"

NOTE;

void throw_it(void);

static tn_status memory_alloc(tn_device *device, uint32_t kind, uint64_t bytes, void **memory, tn_error *error)
{
    const tn_status status = vendor_memory_alloc(device, kind, bytes, memory, error);
    if (status != TN_OK) throw_it();
    return status;
}

QUERY
{
    vendor.memory_alloc = memory_alloc;
    return vendor_query(host, plugin, error);
}
