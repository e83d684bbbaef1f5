/* SPDX-License-Identifier: Apache-2.0
 *
 * Describes a device to a caller of its own age alone. */
#include "vendor.h"

NOTE;

static tn_status device_info(uint32_t index, tn_device_info *info, tn_error *error)
{
    if (info->struct_size > sizeof *info)
        return tn_fail(error, TN_INVALID, 0, "a tn_device_info has %zu bytes", sizeof *info);
    return vendor_device_info(index, info, error);
}

QUERY
{
    vendor.device_info = device_info;
    return vendor_query(host, plugin, error);
}
