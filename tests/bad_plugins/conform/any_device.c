/* SPDX-License-Identifier: Apache-2.0
 *
 * Describes devices that are not there. */
#include "vendor.h"

NOTE;

static tn_status device_info(uint32_t index TN_UNUSED, tn_device_info *info, tn_error *error)
{
    return vendor_device_info(0, info, error);
}

QUERY
{
    vendor.device_info = device_info;
    return vendor_query(host, plugin, error);
}
