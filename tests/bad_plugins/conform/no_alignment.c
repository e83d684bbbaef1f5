/* SPDX-License-Identifier: Apache-2.0
 *
 * Asks the host for memory that is aligned to nothing. */
#include "vendor.h"

NOTE;

static tn_status device_open(uint32_t index, tn_device **device, tn_error *error)
{
    if (index) return vendor_device_open(index, device, error);
    *device = vendor_host->alloc(sizeof **device, 0);
    return *device ? TN_OK : tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory to open a device");
}

QUERY
{
    vendor.device_open = device_open;
    return vendor_query(host, plugin, error);
}
