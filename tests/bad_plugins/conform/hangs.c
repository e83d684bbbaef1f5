/* SPDX-License-Identifier: Apache-2.0
 *
 * Never tells how much memory there is. */
#include "vendor.h"

#include <unistd.h>

NOTE;

static tn_status memory_info(tn_device *device, uint64_t *free_bytes, uint64_t *total_bytes, tn_error *error)
{
    for (;;) pause();
    return vendor_memory_info(device, free_bytes, total_bytes, error);
}

QUERY
{
    vendor.memory_info = memory_info;
    return vendor_query(host, plugin, error);
}
