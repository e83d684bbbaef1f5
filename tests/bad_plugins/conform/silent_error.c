/* SPDX-License-Identifier: Apache-2.0
 *
 * Fails without a word. */
#include "vendor.h"

NOTE;

static tn_status device_open(uint32_t index, tn_device **device, tn_error *error)
{
    return index ? TN_NOT_FOUND : vendor_device_open(index, device, error);
}

QUERY
{
    vendor.device_open = device_open;
    return vendor_query(host, plugin, error);
}
