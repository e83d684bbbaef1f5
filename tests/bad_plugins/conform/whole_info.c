/* SPDX-License-Identifier: Apache-2.0
 *
 * Fills in a whole tn_device_info, however short its caller's is. */
#include "vendor.h"

NOTE;

static tn_status device_info(uint32_t index, tn_device_info *info, tn_error *error)
{
    const uint64_t size = info->struct_size;
    info->struct_size = sizeof *info;
    const tn_status status = vendor_device_info(index, info, error);
    info->struct_size = size;
    return status;
}

QUERY
{
    vendor.device_info = device_info;
    return vendor_query(host, plugin, error);
}
