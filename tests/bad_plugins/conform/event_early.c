/* SPDX-License-Identifier: Apache-2.0
 *
 * Says of every event that it is reached. */
#include "vendor.h"

NOTE;

static tn_status event_query(tn_device *device TN_UNUSED, tn_event *event TN_UNUSED, uint32_t *done,
                             tn_error *error TN_UNUSED)
{
    *done = 1;
    return TN_OK;
}

QUERY
{
    vendor_pause = 2000;
    vendor.event_query = event_query;
    return vendor_query(host, plugin, error);
}
