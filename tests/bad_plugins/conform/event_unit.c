/* SPDX-License-Identifier: Apache-2.0
 *
 * Tells time in a unit of its own. */
#include "vendor.h"

NOTE;

static tn_status event_elapsed(tn_device *device, tn_event *start, tn_event *end, uint64_t *nanoseconds,
                               tn_error *error)
{
    const tn_status status = vendor_event_elapsed(device, start, end, nanoseconds, error);
    *nanoseconds *= 1000;
    return status;
}

QUERY
{
    vendor.event_elapsed = event_elapsed;
    return vendor_query(host, plugin, error);
}
