/* SPDX-License-Identifier: Apache-2.0
 *
 * Has no device, and does not say why. */
#include "vendor.h"

NOTE;

static tn_status device_count(uint32_t *count, tn_error *reason TN_UNUSED)
{
    *count = 0;
    return TN_OK;
}

QUERY
{
    vendor.device_count = device_count;
    return vendor_query(host, plugin, error);
}
