/* SPDX-License-Identifier: Apache-2.0
 *
 * Its memory is not aligned as its device promises. */
#include "vendor.h"

NOTE;

static tn_status device_info(uint32_t index, tn_device_info *info, tn_error *error)
{
    const tn_status status = vendor_device_info(index, info, error);
    if (TN_HAS_FIELD(info, tn_device_info, alignment)) info->alignment = 4096;
    return status;
}

QUERY
{
    vendor.device_info = device_info;
    return vendor_query(host, plugin, error);
}
