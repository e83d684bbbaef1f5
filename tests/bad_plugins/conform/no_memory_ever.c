/* SPDX-License-Identifier: Apache-2.0
 *
 * Once memory was short, opens no device any more. */
#include "vendor.h"

NOTE;

static int broken;

static tn_status device_open(uint32_t index, tn_device **device, tn_error *error)
{
    const tn_status status =
        broken ? tn_fail(error, TN_INTERNAL, 0, "the driver is broken") : vendor_device_open(index, device, error);
    if (status == TN_OUT_OF_MEMORY) broken = 1;
    return status;
}

QUERY
{
    vendor.device_open = device_open;
    return vendor_query(host, plugin, error);
}
