/* SPDX-License-Identifier: Apache-2.0
 *
 * Says nothing when memory is short. */
#include "vendor.h"

NOTE;

static tn_status event_create(tn_device *device, tn_event **event, tn_error *error)
{
    tn_error ignored;
    (void)error;
    return vendor_event_create(device, event, &ignored);
}

QUERY
{
    vendor.event_create = event_create;
    return vendor_query(host, plugin, error);
}
