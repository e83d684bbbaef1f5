/* SPDX-License-Identifier: Apache-2.0
 *
 * Has more to say than an error has room for. */
#include "vendor.h"

NOTE;

static tn_status device_open(uint32_t index, tn_device **device, tn_error *error)
{
    if (index == 0) return vendor_device_open(index, device, error);
    const tn_status status = tn_fail(error, TN_NOT_FOUND, 0, "there is no device %u", index);
    memset((char *)error + offsetof(tn_error, message) + 20, '!', sizeof error->message);
    return status;
}

QUERY
{
    vendor.device_open = device_open;
    return vendor_query(host, plugin, error);
}
