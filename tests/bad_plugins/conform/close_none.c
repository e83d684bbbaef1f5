/* SPDX-License-Identifier: Apache-2.0
 *
 * Cannot close a device that is none. */
#include "vendor.h"

NOTE;

static void device_close(tn_device *device)
{
    device->none = 1;
    vendor_device_close(device);
}

QUERY
{
    vendor.device_close = device_close;
    return vendor_query(host, plugin, error);
}
